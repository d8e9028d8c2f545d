package ledger

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/makegood/makegood/remediator/decide"
)

const (
	// MaxEntry is the size of the largest entry: what the two length bytes of
	// a C2SP entry bundle can say.
	MaxEntry = 1<<16 - 1
	// MaxBody is the size of the largest body. It leaves the other fields of an
	// entry 1 KiB.
	MaxBody = 63 << 10
)

// headBound is more than the fields around a body take, except the rule's name.
const headBound = 400

// Entry is a fact at its place in the ledger.
type Entry struct {
	Seq uint64
	decide.Fact
}

// Encode returns the bytes that the leaf covers. The package comment defines
// them; they are written by hand so that no release of the standard library
// changes them.
func (e Entry) Encode() []byte {
	return e.appendTo(make([]byte, 0, headBound+len(e.Rule)+len(e.Body)))
}

// appendTo appends the bytes that Encode returns.
func (e Entry) appendTo(b []byte) []byte {
	b = append(b, `{"seq":`...)
	b = strconv.AppendUint(b, e.Seq, 10)
	b = append(b, `,"kind":`...)
	b = appendString(b, e.Kind)
	b = append(b, `,"at":"`...)
	b = time.Unix(0, e.At).UTC().AppendFormat(b, time.RFC3339Nano)
	b = append(b, `","ordinal":`...)
	b = strconv.AppendUint(b, e.Ordinal, 10)
	b = append(b, `,"version":`...)
	b = strconv.AppendInt(b, int64(e.Version), 10)
	if e.Remedy != uuid.Nil {
		b = append(b, `,"remedy":"`...)
		b = append(b, e.Remedy.String()...)
		b = append(b, '"')
	}
	if e.Action != uuid.Nil {
		b = append(b, `,"action":"`...)
		b = append(b, e.Action.String()...)
		b = append(b, '"')
	}
	if e.Rule != "" {
		b = append(b, `,"rule":`...)
		b = appendString(b, e.Rule)
	}
	b = append(b, `,"body":`...)
	b = append(b, e.Body...)
	return append(b, '}')
}

// appendString appends s as a JSON string with the escapes of RFC 8785.
func appendString(b []byte, s string) []byte {
	const hex = "0123456789abcdef"
	b = append(b, '"')
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case c == '"' || c == '\\':
			b = append(b, '\\', c)
		case c == '\b':
			b = append(b, '\\', 'b')
		case c == '\t':
			b = append(b, '\\', 't')
		case c == '\n':
			b = append(b, '\\', 'n')
		case c == '\f':
			b = append(b, '\\', 'f')
		case c == '\r':
			b = append(b, '\\', 'r')
		case c < 0x20:
			b = append(b, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		default:
			b = append(b, c)
		}
	}
	return append(b, '"')
}

// Check reports why an entry cannot be sealed. An entry that passes is read
// back from its bytes as it was.
func (e Entry) Check() error {
	if e.Kind == "" || len(e.Kind) > 32 {
		return fmt.Errorf("entry %d: kind %q, want 1 to 32 letters", e.Seq, e.Kind)
	}
	for _, c := range []byte(e.Kind) {
		if (c < 'a' || c > 'z') && c != '-' {
			return fmt.Errorf("entry %d: kind %q, want small letters and hyphens", e.Seq, e.Kind)
		}
	}
	if e.Version < 1 {
		return fmt.Errorf("entry %d: version %d, want at least 1", e.Seq, e.Version)
	}
	if !utf8.ValidString(e.Rule) {
		return fmt.Errorf("entry %d: rule %q is not UTF-8", e.Seq, e.Rule)
	}
	if err := checkBody(e.Body); err != nil {
		return fmt.Errorf("entry %d: %w", e.Seq, err)
	}
	if 6*len(e.Rule)+headBound+len(e.Body) > MaxEntry {
		if n := len(e.Encode()); n > MaxEntry {
			return fmt.Errorf("entry %d: %d bytes, at most %d are allowed", e.Seq, n, MaxEntry)
		}
	}
	return nil
}

// checkBody holds a body to one line of compact JSON: then an entry has one
// encoding only, and a line of an export is an entry.
func checkBody(body []byte) error {
	if len(body) > MaxBody {
		return fmt.Errorf("body of %d bytes, at most %d are allowed", len(body), MaxBody)
	}
	switch compact := isCompactObject(body); {
	case compact && utf8.Valid(body):
		return nil
	case compact:
		return errors.New("body is not UTF-8")
	case len(body) == 0 || body[0] != '{' || !json.Valid(body):
		return errors.New("body is not a JSON object")
	}
	return errors.New("body has space between its tokens")
}

// DecodeEntry reads an entry from its bytes. It accepts exactly what Encode
// makes of an entry that passes Check.
func DecodeEntry(data []byte) (Entry, error) {
	var wire struct {
		Seq     uint64          `json:"seq"`
		Kind    string          `json:"kind"`
		At      time.Time       `json:"at"`
		Ordinal uint64          `json:"ordinal"`
		Version int             `json:"version"`
		Remedy  uuid.UUID       `json:"remedy"`
		Action  uuid.UUID       `json:"action"`
		Rule    string          `json:"rule"`
		Body    json.RawMessage `json:"body"`
	}
	if len(data) > MaxEntry {
		return Entry{}, fmt.Errorf("decode entry: %d bytes, at most %d are allowed", len(data), MaxEntry)
	}
	if err := json.Unmarshal(data, &wire); err != nil {
		return Entry{}, fmt.Errorf("decode entry: %w", err)
	}
	e := Entry{Seq: wire.Seq, Fact: decide.Fact{
		Kind: wire.Kind, At: wire.At.UnixNano(), Ordinal: wire.Ordinal, Version: wire.Version,
		Remedy: wire.Remedy, Action: wire.Action, Rule: wire.Rule, Body: wire.Body,
	}}
	if err := e.Check(); err != nil {
		return Entry{}, fmt.Errorf("decode entry: %w", err)
	}
	if !bytes.Equal(e.Encode(), data) {
		return Entry{}, fmt.Errorf("decode entry %d: not in canonical form", e.Seq)
	}
	return e, nil
}

// LeafHash returns the leaf of an entry's bytes: SHA-256(0x00 ‖ encoded).
func LeafHash(encoded []byte) [32]byte {
	return tlog.RecordHash(encoded)
}

// leaf returns the leaf of an entry, as LeafHash does of its bytes. Its room is used and
// returned, so that many leaves need little memory.
func (e Entry) leaf(room []byte) (leaf [32]byte, again []byte) {
	const leafPrefix = 0x00 // RFC 6962
	room = e.appendTo(append(room[:0], leafPrefix))
	return sha256.Sum256(room), room
}
