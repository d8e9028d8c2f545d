package event

// ask finds out what is wanted of an event of a type.
func (v *View) ask(eventType []byte) {
	if v.asked {
		return // the type is repeated, so the event is refused
	}
	v.asked = true
	if v.plan = v.planFor(eventType); v.plan == nil {
		return
	}
	if count := v.plan.Slots(); cap(v.slots) < count {
		v.slots = make([]slot, count)
	} else {
		v.slots = v.slots[:count]
		clear(v.slots)
	}
}

// wanted returns what is wanted of the data, as far as that is known.
func (v *View) wanted() *node {
	if v == nil || v.plan == nil {
		return nil
	}
	return v.plan.data
}

// extract passes a value that a node wants, and keeps where it lies.
func (s *scanner) extract(start int, want *node) (i int) {
	kind, state, quote := Number, unread, 0
	switch c := s.at(start); {
	case c == '"':
		var odd oddity
		if i, odd = s.text(start + 1); odd&escaped != 0 {
			state = unresolved
		}
		kind, quote = Text, 1
	case c <= '9':
		i, _ = s.number(start)
	case c == '{':
		kind = Object
		if len(want.children) == 0 {
			i = s.object(start, nil)
		} else {
			i = s.object(start, want)
		}
	case c == '[':
		kind, i = Array, s.array(start)
	default:
		kind, i = wordKind(c), s.word(start)
	}
	s.view.slots[want.slot] = slot{at: span{int32(start + quote), int32(i - quote)}, kind: kind, state: state}
	return i
}

func wordKind(first byte) Kind {
	switch first {
	case 't':
		return True
	case 'f':
		return False
	}
	return Null
}
