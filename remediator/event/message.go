package event

import (
	"encoding/base64"
	"math"
	"strconv"
	"strings"
)

// kind is the JSON type of a member of an event.
type kind uint8

const (
	other kind = iota // an object, an array, or a number that is no 32-bit integer
	text
	boolean
	integer
	null
)

// member is one member of the event's object other than its data.
type member struct {
	name, value  span // of a text, what stands between its quotes; else its JSON
	nameEscaped  bool
	valueEscaped bool
	wide         bool // the text has characters beyond ASCII
	kind         kind
	number       int32 // of an integer; 1 for true
}

// message is an event as scanned: what Check judges and Decode builds from.
type message struct {
	members [MaxAttributes]member
	count   int // of members
	reading
}

// reading is what a message says besides its attributes.
type reading struct {
	data     span // JSON; empty when absent or null
	dataKind kind
	hasData  bool   // data is present, be it null
	encoded  []byte // data_base64, its escapes resolved; nil when absent or null
	hasBytes bool   // data_base64 is present, be it null
	decoded  []byte // the JSON in data_base64

	contentType []byte
	time        int64
	sampled     int32
	found       uint8 // the required attributes, a bit each
}

// name returns the name of a member.
func (m *message) name(buf []byte, i int) []byte {
	return resolve(buf, m.members[i].name, m.members[i].nameEscaped)
}

// value returns the text of a member, or its JSON when it is none.
func (m *message) value(buf []byte, i int) []byte {
	return resolve(buf, m.members[i].value, m.members[i].valueEscaped)
}

func resolve(buf []byte, at span, escaped bool) []byte {
	if escaped {
		return unescape(nil, buf[at.start:at.end])
	}
	return buf[at.start:at.end]
}

// id returns the event's id as far as it could be read.
func (m *message) id(buf []byte) string {
	for i := range m.count {
		if string(m.name(buf, i)) == "id" && m.members[i].kind == text {
			id := m.value(buf, i)
			return strings.ToValidUTF8(string(id[:min(len(id), MaxText)]), "\uFFFD")
		}
	}
	return ""
}

// whole scans one event that is all of the text.
func (s *scanner) whole(m *message) *Error {
	if err := tooLarge(len(s.buf), math.MaxInt32); err != nil {
		return err // beyond what a span can say
	}
	s.space()
	if !s.message(m) || s.end() != nil {
		s.hard.ID = m.id(s.buf)
		return s.hard
	}
	return s.soft
}

// message scans and judges one event. It returns false where the text stops
// being JSON; what else is wrong is in soft.
func (s *scanner) message(m *message) bool {
	s.member = nil
	if s.peek() != '{' {
		s.refuse(CodeType, "", `an event is a JSON object: write {"specversion":"1.0",…}`)
		return s.value()
	}
	s.enter()
	names := nameSet{base: s.open}
	for s.peek() != '}' {
		s.member = nil
		name, at, escaped, ok := s.name(&names)
		if !ok {
			return false
		}
		s.member = name
		if !s.scanMember(m, at, escaped) || !s.next('}') {
			return false
		}
	}
	s.member = nil
	s.leave(&names)
	s.judge(m)
	if s.soft != nil {
		s.soft.ID = m.id(s.buf)
	}
	return true
}

func (s *scanner) scanMember(m *message, at span, escaped bool) bool {
	var a member
	if !s.scanValue(&a) {
		return false
	}
	switch string(s.member) {
	case "data":
		m.hasData, m.dataKind = true, a.kind
		switch a.kind {
		case null:
		case text:
			m.data = span{a.value.start - 1, a.value.end + 1}
		default:
			m.data = a.value
		}
	case "data_base64":
		m.hasBytes = true
		value := resolve(s.buf, a.value, a.valueEscaped)
		switch a.kind {
		case text:
			m.encoded = value
		case null:
		default:
			s.refuse(CodeData, "data_base64", `attribute "data_base64" is %s: write the bytes as a text in base64`, short(value))
		}
	default:
		if m.count == MaxAttributes {
			s.refuse(CodeTooLarge, string(s.member), "the event has more than %d attributes: put the others into data", MaxAttributes)
			return true
		}
		a.name, a.nameEscaped = at, escaped
		m.members[m.count] = a
		m.count++
	}
	return true
}

// scanValue scans the value of a member.
func (s *scanner) scanValue(a *member) bool {
	start := s.pos
	c := s.peek()
	switch c {
	case '"':
		_, escaped, ok := s.text()
		a.kind, a.valueEscaped, a.wide = text, escaped, s.wide
		a.value = span{int32(start + 1), int32(s.pos - 1)}
		return ok
	case 't', 'f', 'n', '{', '[':
		if !s.value() {
			return false
		}
	default:
		whole, ok := s.number()
		if !ok {
			return false
		}
		if n, err := strconv.ParseInt(string(s.buf[start:s.pos]), 10, 32); whole && err == nil {
			a.kind, a.number = integer, int32(n)
		}
	}
	a.value = span{int32(start), int32(s.pos)}
	switch c {
	case 't':
		a.kind, a.number = boolean, 1
	case 'f':
		a.kind = boolean
	case 'n':
		a.kind = null
	}
	return true
}

// judgeData holds the data against the declared content type, and turns bytes
// that are declared to be JSON into the event's data.
func (s *scanner) judgeData(m *message) {
	isJSON := len(m.contentType) == 0 || jsonType(m.contentType)
	switch {
	case m.hasData && m.hasBytes:
		s.refuse(CodeData, "data_base64", `the event has "data" and "data_base64": keep one`)
	case m.data != span{} && !isJSON && m.dataKind != text:
		s.refuse(CodeData, "data", `attribute "data" must be a text when datacontenttype is %s: write it as a text, or declare application/json`,
			short(m.contentType))
	case m.encoded != nil:
		decoded := make([]byte, base64.StdEncoding.DecodedLen(len(m.encoded)))
		n, err := base64.StdEncoding.Strict().Decode(decoded, m.encoded)
		if err != nil {
			s.refuse(CodeData, "data_base64", `attribute "data_base64" is not base64: write it with the standard alphabet and padding`)
			return
		}
		if isJSON {
			s.judgeDecoded(m, decoded[:n])
		}
	}
}

func (s *scanner) judgeDecoded(m *message, decoded []byte) {
	inner := scanner{buf: decoded, depth: 1, member: []byte("data_base64")}
	inner.space()
	start := inner.pos
	if !inner.value() {
		s.refuse(CodeData, "data_base64", notJSON, inner.hard.Message)
		return
	}
	value := decoded[start:inner.pos]
	if inner.end() != nil {
		s.refuse(CodeData, "data_base64", notJSON, inner.hard.Message)
		return
	}
	if inner.soft != nil && s.soft == nil {
		s.soft = inner.soft
	}
	if string(value) != "null" {
		m.decoded = value
	}
}

const notJSON = `attribute "data_base64" does not hold JSON (%s): correct it, or declare its datacontenttype`

// build makes the event. All its texts share one allocation.
func (m *message) build(buf []byte) Event {
	size := 0
	for _, a := range m.members[:m.count] {
		size += int(a.name.end - a.name.start + a.value.end - a.value.start)
	}
	var all strings.Builder
	all.Grow(size)
	texts := func(b []byte) string {
		start := all.Len()
		all.Write(b)
		return all.String()[start:]
	}
	e := Event{Time: m.time, SampledRate: max(1, int(m.sampled)), Data: m.decoded, Attributes: make(map[string]any, m.count)}
	if m.data != (span{}) {
		e.Data = buf[m.data.start:m.data.end:m.data.end]
	}
	for i, a := range m.members[:m.count] {
		switch a.kind {
		case text:
			e.set(texts(m.name(buf, i)), texts(m.value(buf, i)))
		case boolean:
			e.Attributes[texts(m.name(buf, i))] = a.number == 1
		case integer:
			e.Attributes[texts(m.name(buf, i))] = float64(a.number)
		}
	}
	return e
}

func (e *Event) set(name, value string) {
	switch name {
	case "id":
		e.ID = value
	case "source":
		e.Source = value
	case "type":
		e.Type = value
	case "subject":
		e.Subject = value
	case "customer":
		e.Customer = value
	case "time":
		return
	}
	e.Attributes[name] = value
}
