package event

// readData fills the slots of the data, which has been validated.
func (v *View) readData() {
	if v.plan.data == nil {
		return
	}
	s := scanner{depth: 1}
	switch m := &v.message; {
	case m.decoded != nil:
		s.buf = m.decoded
	case m.data != span{}:
		s.buf, s.pos = v.scan.buf, int(m.data.start)
	default:
		return
	}
	v.data = s.buf
	v.extract(&s, v.plan.data)
}

// extract reads the value at pos, which a node of the plan wants.
func (v *View) extract(s *scanner, n *node) {
	at, start := &v.slots[n.slot], s.pos
	switch c := s.peek(); c {
	case '"':
		_, at.escaped, _ = s.text()
		at.kind, at.at = Text, span{int32(start + 1), int32(s.pos - 1)}
		return
	case '{':
		at.kind = Object
		if len(n.children) > 0 {
			v.extractFields(s, n)
			break
		}
		s.value()
	default:
		s.value()
		at.kind = kindOf(c)
	}
	at.at = span{int32(start), int32(s.pos)}
}

func kindOf(first byte) Kind {
	switch first {
	case '[':
		return Array
	case 't':
		return True
	case 'f':
		return False
	case 'n':
		return Null
	}
	return Number
}

func (v *View) extractFields(s *scanner, n *node) {
	s.enter()
	names := nameSet{base: s.open}
	for s.peek() != '}' {
		name, _, _, _ := s.name(&names)
		if wanted := n.child(string(name)); wanted != nil {
			v.extract(s, wanted)
		} else {
			s.value()
		}
		s.next('}')
	}
	s.leave(&names)
}
