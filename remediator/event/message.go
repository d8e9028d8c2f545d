package event

import (
	"bytes"
	"encoding/base64"
	"math"
	"strconv"
	"strings"
	"sync"
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
	name   name
	value  span  // for bytes: of a text, what stands between its quotes; else its JSON
	number int32 // of an integer; 1 for true
	kind   kind
	odd    oddity
	known  known
}

// message is an event as scanned: what Check judges and Decode builds from.
type message struct {
	scanner
	members [MaxAttributes + 1]member // one for what is no attribute
	count   int                       // of members
	reading
	decoding []byte // memory for what data_base64 holds
}

// reading is what a message says besides its attributes. It has no pointers, so
// that to forget it costs nothing.
type reading struct {
	seen    uint32       // a bit for each known member
	present uint32       // of these, those that are not null
	place   [knowns]int8 // of a known attribute, one more than its index in members
	data    span         // JSON; empty when absent or null
	encoded span         // what data_base64 says, for bytes, when it is a text
	decoded span         // the JSON in data_base64, in decoding; empty when absent or null
	bytes64 bool         // data_base64 is a text
	time    int64
	sampled int32
}

// messages keeps what reading an event needs between events.
var messages = sync.Pool{New: func() any { return new(message) }}

// maxKept bounds the memory that an unusual event leaves behind, in bytes.
const maxKept = 1 << 20

// trim lets go of memory beyond that bound.
func (m *message) trim() {
	if cap(m.scratch)+cap(m.decoding)+16*cap(m.names)+4*cap(m.tables) > maxKept {
		m.scratch, m.decoding, m.names, m.tables = nil, nil, nil, nil
	}
}

// free gives a message back that messages gave.
func (m *message) free() {
	m.trim()
	m.begin(nil)
	messages.Put(m)
}

// begin makes the message ready for a text.
func (m *message) begin(buf []byte) {
	m.scanner.reset(buf)
	m.count, m.reading = 0, reading{}
}

// id returns the event's id as far as it could be read.
func (m *message) id() string {
	for i := range m.members[:m.count] {
		if a := &m.members[i]; a.known == knownID && a.kind == text {
			id := m.bytes(a.value)
			return strings.ToValidUTF8(string(id[:min(len(id), MaxText)]), "\uFFFD")
		}
	}
	return ""
}

// attribute returns a known attribute, nil when the event does not have it.
func (m *message) attribute(k known) *member {
	if i := m.place[k]; i > 0 {
		return &m.members[i-1]
	}
	return nil
}

// textOf returns the text of a known attribute, nil when the event has none.
func (m *message) textOf(k known) []byte {
	if a := m.attribute(k); a != nil && a.kind == text {
		return m.bytes(a.value)
	}
	return nil
}

// head is what the message says in short.
func (m *message) head() Head {
	return Head{Time: m.time, Spaced: m.spaced, Source: m.textOf(knownSource), Type: m.textOf(knownType)}
}

// own returns the text of an attribute so that it stays when the message goes.
func (m *message) own(k known, text []byte) []byte {
	if a := m.attribute(k); a != nil && a.value.start < 0 { // it had escapes
		return bytes.Clone(text)
	}
	return text
}

// whole scans one event that is all of the text.
func (m *message) whole(buf []byte) error {
	m.begin(buf)
	if err := tooLarge(len(buf), math.MaxInt32); err != nil {
		return err // beyond what a span can say
	}
	if i := m.scan(m.space(0)); i < 0 || m.end(i) != nil {
		m.hard.ID = m.id()
		return m.hard
	}
	if m.soft != nil {
		return m.soft
	}
	return nil
}

// scan scans and judges one event. What is wrong with it, apart from a text
// that stops being JSON, is in soft.
func (m *message) scan(i int) int {
	m.named = false
	if m.at(i) != '{' {
		m.refuse(CodeType, "", `an event is a JSON object: write {"specversion":"1.0",…}`)
		return m.value(i, nil)
	}
	m.depth++
	names := nameSet{base: len(m.names), table: len(m.tables)}
	i = m.space(i + 1)
	for more := m.at(i) != '}'; more; {
		m.named = false
		one, after := m.name(i)
		if after < 0 {
			return fail
		}
		k := knownOf(m.bytes(one.at))
		if k == extension && names.repeats(&m.scanner, one) || m.seen&(1<<k) != 0 {
			m.refuseRepeated(one)
		}
		m.member, m.named = one, true
		if i = m.scanMember(after, one, k); i < 0 {
			return fail
		}
		if i+1 < len(m.buf) && m.buf[i] == ',' && m.buf[i+1] == '"' {
			i++ // the common case of next
		} else if i, more = m.next(i, '}'); i < 0 {
			return fail
		}
	}
	m.named = false
	m.leave(&names)
	m.judge()
	if m.soft != nil {
		m.soft.ID = m.id()
	}
	return i + 1
}

func (m *message) scanMember(i int, one name, k known) int {
	if k == knownData {
		m.seen |= 1 << k
		return m.scanData(i)
	}
	a := &m.members[m.count]
	*a = member{name: one, known: k}
	if i = m.scanValue(a, i); i < 0 {
		return fail
	}
	switch {
	case k == knownBytes:
		m.seen |= 1 << k
		if a.kind == text {
			m.encoded, m.bytes64 = a.value, true
		} else if a.kind != null {
			m.refuse(CodeData, "data_base64", `attribute "data_base64" is %s: write the bytes as a text in base64`, short(m.bytes(a.value)))
		}
		return i
	case m.count == MaxAttributes:
		m.refuse(CodeTooLarge, m.memberName(), "the event has more than %d attributes: put the others into data", MaxAttributes)
		return i
	}
	m.count++
	if k != extension {
		m.seen |= 1 << k
		m.place[k] = int8(m.count)
		if a.kind != null {
			m.present |= 1 << k
		}
	}
	if k == knownType && a.kind == text && m.view != nil {
		m.view.ask(m.bytes(a.value))
	}
	return i
}

// scanData passes the data, and reads it when it is known already what is wanted.
func (m *message) scanData(start int) int {
	i := m.value(start, m.wanted(start))
	if i >= 0 && m.buf[start] != 'n' {
		m.data = span{int32(start), int32(i)}
	}
	return i
}

// wanted returns what is wanted of the data that begins at a position, as far
// as that is known; null counts as no data.
func (m *message) wanted(start int) *node {
	if m.view == nil || m.view.plan == nil || m.at(start) == 'n' {
		return nil
	}
	return m.view.plan.data
}

// scanValue scans the value of a member.
func (m *message) scanValue(a *member, start int) (i int) {
	c := m.at(start)
	switch {
	case c == '"':
		if i, a.odd = m.text(start + 1); i < 0 {
			return fail
		}
		a.kind, a.value = text, span{int32(start + 1), int32(i - 1)}
		if a.odd&escaped != 0 {
			a.value = m.resolve(m.buf, a.value)
		}
		return i
	case c <= '9':
		var whole bool
		if i, whole = m.number(start); i < 0 {
			return fail
		}
		if n, err := strconv.ParseInt(string(m.buf[start:i]), 10, 32); whole && err == nil {
			a.kind, a.number = integer, int32(n)
		}
	default:
		if i = m.value(start, nil); i < 0 {
			return fail
		}
	}
	a.value = span{int32(start), int32(i)}
	switch c {
	case 't':
		a.kind, a.number = boolean, 1
	case 'f':
		a.kind = boolean
	case 'n':
		a.kind = null
	}
	return i
}

// judgeData holds the data against the declared content type, and turns bytes
// that are declared to be JSON into the event's data.
func (m *message) judgeData() {
	contents := m.textOf(knownContents)
	isJSON := len(contents) == 0 || jsonType(contents)
	const both = 1<<knownData | 1<<knownBytes
	switch {
	case m.seen&both == both:
		m.refuse(CodeData, "data_base64", `the event has "data" and "data_base64": keep one`)
	case m.data != span{} && !isJSON && m.buf[m.data.start] != '"':
		m.refuse(CodeData, "data", `attribute "data" must be a text when datacontenttype is %s: write it as a text, or declare application/json`,
			short(contents))
	case m.bytes64:
		var err error
		m.decoding, err = base64.StdEncoding.Strict().AppendDecode(m.decoding[:0], m.bytes(m.encoded))
		if err != nil {
			m.refuse(CodeData, "data_base64", `attribute "data_base64" is not base64: write it with the standard alphabet and padding`)
			return
		}
		if isJSON {
			m.judgeDecoded()
		}
	}
}

// judgeDecoded reads what data_base64 holds as the data.
func (m *message) judgeDecoded() {
	outside, spaced, soft := m.buf, m.spaced, m.soft
	m.buf, m.soft, m.depth, m.inside = m.decoding, nil, 1, "data_base64"
	start := m.space(0)
	i := m.value(start, m.wanted(start))
	if i >= 0 && m.end(i) != nil {
		i = fail
	}
	if i < 0 || soft != nil {
		m.soft = soft
	}
	m.buf, m.spaced, m.depth, m.inside = outside, spaced, 0, ""
	if i < 0 {
		problem := m.hard.Message
		m.hard = nil
		m.refuse(CodeData, "data_base64", `attribute "data_base64" does not hold JSON (%s): correct it, or declare its datacontenttype`, problem)
	} else if m.decoding[start] != 'n' {
		m.decoded = span{int32(start), int32(i)}
	}
}

// build makes the event. All its texts share one allocation.
func (m *message) build() Event {
	size := 0
	for i := range m.members[:m.count] {
		size += len(m.bytes(m.members[i].name.at)) + len(m.bytes(m.members[i].value))
	}
	var all strings.Builder
	all.Grow(size)
	texts := func(at span) string {
		start := all.Len()
		all.Write(m.bytes(at))
		return all.String()[start:]
	}
	e := Event{Time: m.time, SampledRate: max(1, int(m.sampled)), Attributes: make(map[string]any, m.count), Data: m.dataBytes()}
	for i := range m.members[:m.count] {
		a := &m.members[i]
		switch a.kind {
		case text:
			e.set(texts(a.name.at), texts(a.value))
		case boolean:
			e.Attributes[texts(a.name.at)] = a.number == 1
		case integer:
			e.Attributes[texts(a.name.at)] = float64(a.number)
		}
	}
	return e
}

// brief makes the event without its Attributes. All its texts share one allocation.
func (m *message) brief() Event {
	var at [5]span // of the texts, in the order below
	known := [...]known{knownID, knownSource, knownType, knownSubject, knownCustomer}
	size := 0
	for i, k := range known {
		if a := m.attribute(k); a != nil && a.kind == text {
			at[i] = a.value
			size += len(m.bytes(a.value))
		}
	}
	var all strings.Builder
	all.Grow(size)
	for i := range at {
		start := int32(all.Len())
		all.Write(m.bytes(at[i]))
		at[i] = span{start, int32(all.Len())}
	}
	texts := all.String()
	return Event{
		ID: texts[at[0].start:at[0].end], Source: texts[at[1].start:at[1].end], Type: texts[at[2].start:at[2].end],
		Subject: texts[at[3].start:at[3].end], Customer: texts[at[4].start:at[4].end],
		Time: m.time, SampledRate: max(1, int(m.sampled)), Data: m.dataBytes(),
	}
}

// dataBytes returns the JSON of the data, nil when there is none.
func (m *message) dataBytes() []byte {
	switch {
	case m.data != span{}:
		return m.buf[m.data.start:m.data.end:m.data.end]
	case m.decoded != span{}:
		return bytes.Clone(m.decoding[m.decoded.start:m.decoded.end])
	}
	return nil
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
