package event

import "bytes"

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
	scan    scanner
	message message
	plan    *Plan
	data    []byte // what the slots below data lie in: the event or what its data_base64 held
	slots   []slot
	scratch []byte // texts whose escapes are resolved
}

// slot is the value of a path.
type slot struct {
	at      span // of a text, what stands between its quotes; else its JSON
	text    []byte
	number  float64
	kind    Kind
	escaped bool // the text has escapes that are not resolved yet
	state   numberState
}

// numberState says how far a number has been read.
type numberState uint8

const (
	unread numberState = iota
	exactNumber
	inexactNumber // DecodeData leaves it as its text
)

// Read reads one event in structured mode. It refuses what Decode refuses, with
// the same errors. planFor is asked once, with the event's type, what is wanted
// of it, and must not keep the type; a nil plan, and a nil planFor, want
// nothing. After an error there is no event to ask for.
func (v *View) Read(raw []byte, planFor func(eventType []byte) *Plan) error {
	v.plan, v.slots, v.scratch, v.data = nil, v.slots[:0], v.scratch[:0], nil
	v.scan, v.message = scanner{buf: raw}, message{}
	if err := v.scan.whole(&v.message); err != nil {
		v.message = message{}
		return err
	}
	if planFor == nil {
		return nil
	}
	v.plan = planFor(v.attribute("type"))
	if v.plan == nil {
		return nil
	}
	if cap(v.slots) < v.plan.slots {
		v.slots = make([]slot, v.plan.slots)
	}
	v.slots = v.slots[:v.plan.slots]
	clear(v.slots)
	v.readAttributes()
	v.readData()
	return nil
}

// readAttributes fills the slots of attributes.
func (v *View) readAttributes() {
	if v.plan.whole >= 0 {
		v.slots[v.plan.whole].kind = Object
	}
	for _, wanted := range v.plan.attributes {
		s := &v.slots[wanted.slot]
		if wanted.name == "subject" || wanted.name == "customer" {
			s.kind, s.text = Text, v.scan.buf[:0:0]
		}
		i := v.find(wanted.name)
		if i < 0 {
			continue
		}
		a := v.message.members[i]
		switch a.kind {
		case text:
			s.kind, s.text = Text, v.message.value(v.scan.buf, i)
		case boolean:
			s.kind = False + Kind(a.number)
		case integer:
			s.kind, s.number, s.state = Number, float64(a.number), exactNumber
		}
	}
}

// find returns the member of an attribute, -1 when there is none.
func (v *View) find(name string) int {
	for i := range v.message.count {
		if string(v.message.name(v.scan.buf, i)) == name {
			return i
		}
	}
	return -1
}

// attribute returns the text of an attribute, nil when it has none.
func (v *View) attribute(name string) []byte {
	if i := v.find(name); i >= 0 && v.message.members[i].kind == text {
		return v.message.value(v.scan.buf, i)
	}
	return nil
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
		s.state = inexactNumber
		written := v.data[s.at.start:s.at.end]
		if f, ok := floatOf(written, !bytes.ContainsAny(written, ".eE")); ok {
			s.number, s.state = f, exactNumber
		}
	}
	return s.number, s.state == exactNumber
}

// Text returns a text with its escapes resolved, nil for what is no text.
func (v *View) Text(slot int) []byte {
	s := &v.slots[slot]
	if s.kind != Text {
		return nil
	}
	if s.text == nil {
		s.text = v.data[s.at.start:s.at.end:s.at.end]
		if s.escaped {
			start := len(v.scratch)
			v.scratch = unescape(v.scratch, s.text)
			s.text = v.scratch[start:len(v.scratch):len(v.scratch)]
		}
	}
	return s.text
}

// Raw returns the JSON of a value of the data, nil when it is absent or no part
// of the data.
func (v *View) Raw(slot int) []byte {
	s := &v.slots[slot]
	at := s.at
	if s.kind == Text && at.start > 0 {
		at = span{at.start - 1, at.end + 1}
	}
	if at == (span{}) {
		return nil
	}
	return v.data[at.start:at.end:at.end]
}

// ID returns the event's id.
func (v *View) ID() []byte { return v.attribute("id") }

// Source returns the event's source.
func (v *View) Source() []byte { return v.attribute("source") }

// Type returns the event's type.
func (v *View) Type() []byte { return v.attribute("type") }

// Subject returns the event's subject, which may be empty.
func (v *View) Subject() []byte { return v.attribute("subject") }

// Customer returns the event's customer, which may be empty.
func (v *View) Customer() []byte { return v.attribute("customer") }

// Time returns the event's time in nanoseconds since the Unix epoch, 0 when it
// has none.
func (v *View) Time() int64 { return v.message.time }

// SampledRate returns the extension "sampledrate", 1 when it is absent.
func (v *View) SampledRate() int { return max(1, int(v.message.sampled)) }

// Event returns the event as Decode does. It shares only Data with the view.
func (v *View) Event() Event { return v.message.build(v.scan.buf) }
