// Package event reads CloudEvents 1.0 as they lie in the log: one JSON object
// in structured mode, and nothing that two readers could understand
// differently.
//
// Ingest and rehearsals let events in with Check and Compact (a whole batch
// with Batch, an HTTP binary-mode message with FromBinary); what they store is
// the emitter's JSON without its insignificant whitespace. Stored events are
// read with Decode and their data with DecodeData, or, by who needs a few fields
// of very many events, with a View: where it finds what a Plan names, it keeps
// the place and decodes nothing before it is asked.
//
// Validation is strict. Refused are, in an object at any depth, a repeated
// name; text that is not UTF-8 or half of a surrogate pair; nesting deeper than
// MaxDepth; trailing bytes; attributes with illegal names, of a wrong type or
// with a value that CloudEvents does not allow; and types that begin with
// ReservedPrefix, which are the service's own. An attribute that is null counts
// as absent, as CloudEvents says. An integer attribute may also come as its
// decimal text, because brokers that carry events in headers make it one.
//
// The scanner is our own because every event passes it twice and it decides
// what an event costs; encoding/json is the oracle in its tests.
package event

import "math"

// Bounds of one event.
const (
	// MaxBytes is the size of an event on the wire that doors accept by
	// default; CloudEvents asks every intermediary to carry as much.
	MaxBytes = 64 << 10
	// MaxDepth bounds the nesting of an event, the event itself being 1.
	MaxDepth = 64
	// MaxText bounds id, source, subject and customer in bytes: they become
	// keys of tables and parts of facts.
	MaxText = 1024
	// MaxType bounds the type in bytes; it becomes a label of metrics as well.
	MaxType = 255
	// MaxAttributes bounds how many attributes an event has.
	MaxAttributes = 32
	// MaxName bounds the name of an attribute.
	MaxName = 20
)

// ReservedPrefix begins the types of events that only the service itself makes.
const ReservedPrefix = "makegood."

// Event is one CloudEvent about what a customer experienced.
type Event struct {
	ID, Source, Type string
	Subject          string // the thing, for example order/77; may be empty
	Customer         string // extension "customer", a pseudonymous id; may be empty
	Time             int64  // nanoseconds since the Unix epoch; 0 when absent
	SampledRate      int    // extension "sampledrate"; 1 when absent

	// Attributes holds every context attribute and extension by name, "time"
	// apart: string, bool or float64 (CloudEvents integers).
	Attributes map[string]any
	// Data is the JSON text of the event's data; nil when it has none, or has
	// bytes that are not JSON.
	Data []byte
}

// Decode reads one event in structured mode. It sets no bound on the size: what
// a door with another bound has let in must stay readable. Data may share
// memory with raw.
func Decode(raw []byte) (Event, error) {
	m := messages.Get().(*message)
	defer m.free()
	if err := m.whole(raw); err != nil {
		return Event{}, err
	}
	return m.build(), nil
}

// Head is what a door needs of an event that it lets in.
type Head struct {
	Time   int64 // nanoseconds since the Unix epoch; 0 when absent
	Spaced bool  // the JSON has insignificant whitespace: Compact shortens it
	// Source and Type are of an event that is good. In a batch they are gone when visit
	// returns, or changes the event.
	Source, Type []byte
}

// Check judges one event in structured mode exactly as Decode does, without
// keeping what it reads, and refuses more than maxBytes.
func Check(raw []byte, maxBytes int) (Head, error) {
	if err := tooLarge(len(raw), maxBytes); err != nil {
		return Head{}, err
	}
	m := messages.Get().(*message)
	defer m.free()
	if err := m.whole(raw); err != nil {
		return Head{}, err
	}
	head := m.head()
	head.Source, head.Type = m.own(knownSource, head.Source), m.own(knownType, head.Type)
	return head, nil
}

// Batch reads a JSON array of events and calls visit for each in order, with
// the event's own bytes and, when it is refused, why. It stops when visit
// returns false.
//
// An error that Batch itself returns means that the body is not JSON from there
// on, so where events begin and end is unknown; its Index is the event that was
// being read. What visit has seen before then is not to be trusted either.
func Batch(body []byte, maxBytes int, visit func(raw []byte, head Head, refused *Error) bool) error {
	if err := tooLarge(len(body), math.MaxInt32); err != nil {
		return err // beyond what a span can say
	}
	m := messages.Get().(*message)
	defer m.free()
	m.begin(body)
	i := m.space(0)
	if m.at(i) != '[' {
		return m.syntax(i, "a batch is a JSON array of events: begin it with [")
	}
	if i = m.space(i + 1); m.at(i) == ']' {
		return m.end(i + 1)
	}
	for index := 0; ; index++ {
		start := i
		m.begin(body)
		if i = m.scan(start); i < 0 {
			m.hard.Index = index
			return m.hard
		}
		raw := body[start:i:i]
		if refused := tooLarge(len(raw), maxBytes); refused != nil {
			m.soft = &Error{Code: refused.Code, Message: refused.Message, ID: m.id()}
		}
		if !visit(raw, m.head(), m.soft) {
			return nil
		}
		i = m.space(i)
		switch m.at(i) {
		case ',':
			i = m.space(i + 1)
		case ']':
			return m.end(i + 1)
		default:
			err := m.syntax(i, "expected , or ] after an event of the batch")
			err.Index = index
			return err
		}
	}
}

// Compact appends raw, which must be valid JSON, to dst without its
// insignificant whitespace. dst may be raw[:0].
func Compact(dst, raw []byte) []byte {
	inText := false
	for i := 0; i < len(raw); i++ {
		c := raw[i]
		switch {
		case c == '"':
			inText = !inText
		case inText && c == '\\':
			dst = append(dst, c)
			i++
			c = raw[i]
		case !inText && (c == ' ' || c == '\t' || c == '\n' || c == '\r'):
			continue
		}
		dst = append(dst, c)
	}
	return dst
}
