package event

import (
	"bytes"
	"slices"
)

// Kind is the JSON type of a value in a View.
type Kind uint8

// Kinds of values.
const (
	Absent Kind = iota
	Null
	False
	True
	Number
	Text
	Object
	Array
)

// View is one event read once: where the parts that a Plan wants lie in its
// bytes. The zero View is ready to Read. It is reused from event to event,
// which is what keeps reading from allocating, and serves one goroutine at a
// time. What it returns is valid until the next Read and while the bytes it
// read are unchanged.
type View struct {
	message message
	planFor func(eventType []byte) *Plan
	asked   bool // planFor was
	plan    *Plan
	slots   []slot
}

// slot is the value of a path.
type slot struct {
	at     span // in the data: of a text, what stands between its quotes; else its JSON
	text   span // a resolved text, for bytes
	number float64
	kind   Kind
	state  state
}

// state says how far a value has been read.
type state uint8

const (
	unread     = state(0)
	unresolved = state(escaped) // a text with escapes
	resolved   = state(2)       // a text that is in slot.text, a number that is in slot.number
	inexact    = state(3)       // a number that DecodeData leaves as its text
)

// Read reads one event in structured mode. It refuses what Decode refuses, with
// the same errors. planFor is asked once, with the event's type, what is wanted
// of it, and must not keep the type; a nil plan, and a nil planFor, want
// nothing. After an error there is no event to ask for.
func (v *View) Read(raw []byte, planFor func(eventType []byte) *Plan) error {
	v.planFor, v.asked, v.plan, v.slots = planFor, planFor == nil, nil, v.slots[:0]
	m := &v.message
	m.trim()
	m.view = v
	if err := m.whole(raw); err != nil {
		return err
	}
	if v.plan == nil {
		return nil
	}
	v.readAttributes()
	if want := v.plan.data; want != nil && m.data != (span{}) && v.slots[want.slot].kind == Absent {
		m.depth = 1 // the type stood behind the data
		m.value(int(m.data.start), want)
	}
	return nil
}

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
	v.message.slots = v.slots
}

// readAttributes fills the slots of attributes.
func (v *View) readAttributes() {
	if v.plan.whole >= 0 {
		v.slots[v.plan.whole].kind = Object
	}
	for i := range v.plan.attributes {
		wanted := &v.plan.attributes[i]
		s := &v.slots[wanted.slot]
		if wanted.known == knownSubject || wanted.known == knownCustomer {
			s.kind, s.state = Text, resolved
		}
		a := v.find(wanted)
		if a == nil {
			continue
		}
		switch a.kind {
		case text:
			s.kind, s.state, s.text = Text, resolved, a.value
		case boolean:
			s.kind = False + Kind(a.number)
		case integer:
			s.kind, s.state, s.number = Number, resolved, float64(a.number)
		}
	}
}

// find returns an attribute, nil when the event does not have it.
func (v *View) find(wanted *attributeSlot) *member {
	m := &v.message
	if wanted.known != extension {
		return m.attribute(wanted.known)
	}
	for i := range m.members[:m.count] {
		if a := &m.members[i]; a.known == extension && string(m.bytes(a.name.at)) == wanted.name {
			return a
		}
	}
	return nil
}

// data returns what the slots below data lie in.
func (v *View) data() []byte {
	if v.message.decoded != (span{}) {
		return v.message.decoding
	}
	return v.message.buf
}

// Kind returns the type of a value. The whole data is absent where Decode
// leaves Data nil: when the event has none, has null, or has bytes that are not
// JSON. The attributes subject and customer are texts, empty when the event has
// none; time and recordedtime, which are not what an event's bytes say, are
// absent, see Time; the whole event is an object without Raw, see Event.
func (v *View) Kind(slot int) Kind { return v.slots[slot].kind }

// Number returns a number, as DecodeData reads it. It returns false for what is
// no number, and for one that DecodeData leaves as a json.Number: an integer
// beyond ±2^53 or what is larger than any float64.
func (v *View) Number(slot int) (float64, bool) {
	s := &v.slots[slot]
	if s.kind != Number {
		return 0, false
	}
	if s.state == unread {
		s.state = inexact
		if f, ok := floatOf(v.data()[s.at.start:s.at.end]); ok {
			s.number, s.state = f, resolved
		}
	}
	return s.number, s.state == resolved
}

// Text returns a text with its escapes resolved, nil for what is no text.
func (v *View) Text(slot int) []byte {
	s := &v.slots[slot]
	if s.kind != Text {
		return nil
	}
	if s.state == unread {
		return v.data()[s.at.start:s.at.end:s.at.end]
	}
	if s.state == unresolved {
		s.text, s.state = v.message.resolve(v.data(), s.at), resolved
	}
	return slices.Clip(v.message.bytes(s.text))
}

// Raw returns the JSON of a value of the data, nil when it is absent or no part
// of the data.
func (v *View) Raw(slot int) []byte {
	s := &v.slots[slot]
	if s.at == (span{}) {
		return nil
	}
	at := s.at
	if s.kind == Text {
		at = span{at.start - 1, at.end + 1}
	}
	return v.data()[at.start:at.end:at.end]
}

// ID returns the event's id.
func (v *View) ID() []byte { return v.message.textOf(knownID) }

// Source returns the event's source.
func (v *View) Source() []byte { return v.message.textOf(knownSource) }

// Identity returns what tells the event from others. Unlike what else a view
// returns, it outlives the next Read: it is a part of the bytes, or a copy.
func (v *View) Identity() (source, id []byte) {
	return v.lasting(knownSource), v.lasting(knownID)
}

func (v *View) lasting(k known) []byte {
	a := v.message.attribute(k)
	if a == nil || a.kind != text {
		return nil
	}
	if a.value.start < 0 { // without its escapes it is not in the bytes
		return bytes.Clone(v.message.bytes(a.value))
	}
	return v.message.bytes(a.value)
}

// Type returns the event's type.
func (v *View) Type() []byte { return v.message.textOf(knownType) }

// Subject returns the event's subject, which may be empty.
func (v *View) Subject() []byte { return v.message.textOf(knownSubject) }

// Customer returns the event's customer, which may be empty.
func (v *View) Customer() []byte { return v.message.textOf(knownCustomer) }

// Time returns the event's time in nanoseconds since the Unix epoch, 0 when it
// has none.
func (v *View) Time() int64 { return v.message.time }

// SampledRate returns the extension "sampledrate", 1 when it is absent.
func (v *View) SampledRate() int { return max(1, int(v.message.sampled)) }

// Event returns the event as Decode does. Its Data may share memory with the
// bytes that were read, but nothing with the view.
func (v *View) Event() Event { return v.message.build() }

// Brief returns the event as Event does, without its Attributes, which are most of
// what an event costs.
func (v *View) Brief() Event { return v.message.brief() }
