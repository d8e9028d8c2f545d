package makegood

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strings"
	"time"
	"unicode/utf8"
)

// Attr is one attribute of an event: something about the event itself, such as
// its customer, or one field of its data. The zero Attr is ignored, and so are an
// empty Customer, Subject and ID, so a caller may leave one out by condition.
type Attr struct {
	kind  kind
	mark  mark
	nanos uint32 // the part of a time below its second
	key   string
	text  string
	num   uint64
}

// kind says how an Attr is written.
type kind uint8

const (
	kindNone kind = iota
	kindID
	kindAt
	kindSubject
	kindCustomer
	kindSeverity
	kindData // the kinds from here on are fields of data
	kindString
	kindInt
	kindFloat
	kindBool
	kindMoney
	kindTime
	kindRaw
	kindBad
)

// mark says what to do with a text that may tell who somebody is.
type mark uint8

const (
	markNone     mark = iota
	markHash          // write its pseudonym
	markVerbatim      // write it as it is
	markMask          // write stars
)

// Customer names the customer who had the experience, by a pseudonymous id.
func Customer(id string) Attr { return Attr{kind: kindCustomer, text: id} }

// Subject names the thing that the event is about, for example "order/77".
func Subject(subject string) Attr { return Attr{kind: kindSubject, text: subject} }

// ID sets the event's id, which is otherwise random. Two events of one source
// with the same id are one event to the service.
func ID(id string) Attr { return Attr{kind: kindID, text: id} }

// At sets the time at which it happened, which is otherwise now.
func At(t time.Time) Attr { return timeAttr(kindAt, "", t) }

// Severity sets the event's severity number on OpenTelemetry's scale from 1
// (trace) to 24 (fatal); 9 is info, 13 a warning, 17 an error.
func Severity(number int) Attr { return Attr{kind: kindSeverity, num: uint64(number)} }

// String is a text in the event's data.
func String(key, value string) Attr { return Attr{kind: kindString, key: key, text: value} }

// Int is a whole number in the event's data. Rules compute with doubles: write
// an identifier beyond 2^53 as a [String].
func Int[T ~int | ~int8 | ~int16 | ~int32 | ~int64 | ~uint8 | ~uint16 | ~uint32](key string, value T) Attr {
	return Attr{kind: kindInt, key: key, num: uint64(int64(value))}
}

// Float is a number in the event's data. It must be finite, and it is never
// money: see [Money].
func Float(key string, value float64) Attr {
	return Attr{kind: kindFloat, key: key, num: math.Float64bits(value)}
}

// Bool is a truth value in the event's data.
func Bool(key string, value bool) Attr {
	a := Attr{kind: kindBool, key: key}
	if value {
		a.num = 1
	}
	return a
}

// Money is an amount in the event's data: digits, a space and the currency's
// three capitals, such as "2.99 USD" or "300 JPY". It stays a text all the way,
// so that no cent is lost to rounding.
func Money(key, amount string) Attr { return Attr{kind: kindMoney, key: key, text: amount} }

// Time is a moment in the event's data, written in UTC. The event's own time is
// set with [At].
func Time(key string, t time.Time) Attr { return timeAttr(kindTime, key, t) }

// Any is anything that encoding/json can write, a json.RawMessage included, in
// the event's data. It is written at once, so the value may change afterwards;
// a value that cannot be written makes the event [ErrInvalid]. Tags makegood in it
// are not read: see [Define].
func Any(key string, value any) Attr {
	text, err := marshal(value)
	if err != nil {
		return Attr{kind: kindBad, key: key, text: err.Error()}
	}
	return Attr{kind: kindRaw, key: key, text: text}
}

// Email is an e-mail address in the event's data that a rule may write to. Other
// texts are searched for addresses, which are taken out.
func Email(key, address string) Attr { return Verbatim(String(key, address)) }

// Verbatim keeps a customer, subject or field as it is: its key may be one that is
// left out otherwise, its text is not searched and not given to Redact. What was
// given as [Hash] stays a pseudonym.
func Verbatim(a Attr) Attr {
	if a.mark == markNone {
		a.mark = markVerbatim
	}
	return a
}

// Hash replaces the text of a Customer, Subject or String by a pseudonym: the
// same for the same text and the same [HashKey], and of no use without it. The
// key of a field may be one that is left out otherwise.
func Hash(a Attr) Attr {
	switch a.kind {
	case kindNone, kindCustomer, kindSubject, kindString:
		a.mark = markHash
		return a
	}
	return Attr{kind: kindBad, key: a.key, text: "Hash takes a Customer, Subject or String"}
}

// Err says why an event with this attribute would be invalid or too large whatever
// else it has, and is nil when it would not. It knows no client: an attribute may be
// refused nevertheless for want of a HashKey, or by a function given to Redact.
func (a Attr) Err() error {
	if a.mark == markHash { // of any text there is a pseudonym
		a.mark, a.text = markVerbatim, ""
	}
	alone := encoder{privacy: &privacy{}}
	_, err := alone.event(context.Background(), nil, time.Unix(0, 0), "a", []Attr{a})
	if errors.Is(err, ErrTooLarge) {
		return fmt.Errorf("%w: attribute %s takes %d bytes", ErrTooLarge, quote(a.key), len(a.text))
	}
	return err
}

func timeAttr(k kind, key string, t time.Time) Attr {
	return Attr{kind: k, nanos: uint32(t.Nanosecond()), key: key, num: uint64(t.Unix())}
}

// marshal writes value as JSON that a strict reader accepts. Code of the value's
// own type runs here, so a panic of it ends here too.
func marshal(value any) (text string, err error) {
	defer func() {
		if recover() != nil { // with what it says it might tell the value
			text, err = "", fmt.Errorf("marshal %T: its own code panics", value)
		}
	}()
	raw, err := json.Marshal(value)
	if err != nil {
		return "", err
	}
	if !utf8.Valid(raw) { // only a RawMessage or a Marshaler can do this
		raw = []byte(strings.ToValidUTF8(string(raw), "\ufffd"))
	}
	if err := checkJSON(raw, maxDepth-2); err != nil { // inside data, inside the event
		return "", err
	}
	if bytes.Contains(raw, []byte(`\ud`)) || bytes.Contains(raw, []byte(`\uD`)) {
		return mendSurrogates(raw)
	}
	return string(raw), nil
}

// mendSurrogates replaces halves of surrogate pairs, which no reader takes as
// they are, by U+FFFD, as decoding does.
func mendSurrogates(raw []byte) (string, error) {
	var value any
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.UseNumber()
	if err := decoder.Decode(&value); err != nil {
		return "", err
	}
	raw, err := json.Marshal(value)
	return string(raw), err
}
