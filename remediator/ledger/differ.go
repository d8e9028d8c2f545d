package ledger

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"time"
)

// absent is what the one has where only the other has something.
const absent = "nothing"

// Difference is the first field in which two entries differ, in the order of their
// bytes.
type Difference struct {
	Field  string `json:"field"`  // kind, at, …, or body with the way to it: body.steps[0].amount.minor
	Sealed string `json:"sealed"` // what it is in the ledger
	Other  string `json:"other"`
}

// Differ returns how an entry differs from a sealed one, nil when their bytes are
// the same.
func Differ(sealed, other Entry) *Difference {
	if bytes.Equal(sealed.Encode(), other.Encode()) {
		return nil
	}
	stamp := func(at int64) string { return time.Unix(0, at).UTC().Format(time.RFC3339Nano) }
	for _, f := range []Difference{
		{"seq", strconv.FormatUint(sealed.Seq, 10), strconv.FormatUint(other.Seq, 10)},
		{"kind", sealed.Kind, other.Kind},
		{"at", stamp(sealed.At), stamp(other.At)},
		{"ordinal", strconv.FormatUint(sealed.Ordinal, 10), strconv.FormatUint(other.Ordinal, 10)},
		{"version", strconv.Itoa(sealed.Version), strconv.Itoa(other.Version)},
		{"remedy", sealed.Remedy.String(), other.Remedy.String()},
		{"action", sealed.Action.String(), other.Action.String()},
		{"rule", sealed.Rule, other.Rule},
	} {
		if f.Sealed != f.Other {
			return &f
		}
	}
	d := differIn("body", sealed.Body, other.Body)
	return &d
}

// member is a part of a JSON object or array.
type member struct {
	name  string // .key or [index]
	value json.RawMessage
}

// differIn finds where two different JSON texts begin to differ.
func differIn(path string, sealed, other json.RawMessage) Difference {
	a, b := members(sealed), members(other)
	if len(a) == 0 || len(b) == 0 || sealed[0] != other[0] {
		return Difference{path, string(sealed), string(other)}
	}
	for i := range max(len(a), len(b)) {
		switch {
		case i >= len(a):
			return Difference{path + b[i].name, absent, string(b[i].value)}
		case i >= len(b), a[i].name != b[i].name:
			return Difference{path + a[i].name, string(a[i].value), absent}
		case !bytes.Equal(a[i].value, b[i].value):
			return differIn(path+a[i].name, a[i].value, b[i].value)
		}
	}
	return Difference{path, string(sealed), string(other)} // written in two ways
}

// members returns the parts of an object or array in their order, none of any other
// text.
func members(text json.RawMessage) (all []member) {
	d := json.NewDecoder(bytes.NewReader(text))
	open, err := d.Token()
	if err != nil || open != json.Delim('{') && open != json.Delim('[') {
		return nil
	}
	for d.More() {
		m := member{name: fmt.Sprintf("[%d]", len(all))}
		if open == json.Delim('{') {
			key, err := d.Token()
			if err != nil {
				return nil
			}
			m.name = fmt.Sprintf(".%v", key)
		}
		if err := d.Decode(&m.value); err != nil {
			return nil
		}
		all = append(all, m)
	}
	return all
}

// Entry returns the entry of a row. An error says what its columns hold instead.
func (r *Row) Entry() (Entry, error) {
	e, problem := r.entry()
	if problem != "" {
		return Entry{}, fmt.Errorf("read entry %d: %s", r.Seq, problem)
	}
	return e, nil
}
