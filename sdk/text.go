package makegood

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"
)

// plain marks the bytes that a JSON string holds as they are. DEL is left out
// because CloudEvents allows no control characters in context attributes.
var plain = func() (t [256]bool) {
	for c := 0x20; c < 0x7f; c++ {
		t[c] = c != '"' && c != '\\'
	}
	return t
}()

// isPlain reports whether s needs no second look. Most of what an event costs is
// looking at its texts, so it looks at eight bytes at a time: the last word of a
// longer text overlaps the one before, and so do the halves of a shorter one.
func isPlain(s string) bool {
	n := len(s)
	if n < 4 {
		for i := range n {
			if !plain[s[i]] {
				return false
			}
		}
		return true
	}
	if n < 8 {
		return specials(half(s)|half(s[n-4:])<<32) == 0
	}
	special := uint64(0)
	for i := 0; i < n-8; i += 8 {
		special |= specials(half(s[i:]) | half(s[i+4:])<<32)
	}
	return special|specials(half(s[n-8:])|half(s[n-4:])<<32) == 0
}

// half is the first four bytes of s, little endian.
func half(s string) uint64 {
	_ = s[3]
	return uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24
}

// specials sets the high bit of each of eight bytes that is a control character,
// a quote, a backslash, DEL or beyond ASCII. Carries may set more of them, but
// only if there is one to set already.
func specials(w uint64) uint64 {
	const ones, high = 0x0101010101010101, 0x8080808080808080
	quote, slash := w^('"'*ones), w^('\\'*ones)
	return (w | (w + ones) | (w - ' '*ones) | ((quote - ones) &^ quote) | ((slash - ones) &^ slash)) & high
}

// appendText appends s as the inside of a JSON string, with U+FFFD where s is
// not UTF-8.
func appendText(b []byte, s string) []byte {
	if isPlain(s) {
		return append(b, s...)
	}
	for i := 0; i < len(s); {
		c := s[i]
		switch {
		case plain[c] || c == 0x7f:
			b = append(b, c)
		case c == '"' || c == '\\':
			b = append(b, '\\', c)
		case c < 0x20:
			b = append(b, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
		default:
			r, size := utf8.DecodeRuneInString(s[i:])
			b = utf8.AppendRune(b, r) // RuneError is U+FFFD
			i += size
			continue
		}
		i++
	}
	return b
}

// appendStrict appends s like appendText, but refuses a blank one and what
// CloudEvents forbids in a context attribute: changing a customer's or an event's
// id would be worse than to say so.
func appendStrict(b []byte, s string) ([]byte, bool) {
	if s == "" || s[0] != ' ' && isPlain(s) {
		return append(b, s...), true
	}
	if strings.TrimSpace(s) == "" {
		return b, false
	}
	for i, r := range s {
		control := r < 0x20 || r >= 0x7f && r < 0xa0
		noncharacter := r >= 0xfdd0 && r <= 0xfdef || r&0xfffe == 0xfffe
		if control || noncharacter {
			return b, false
		}
		if r == utf8.RuneError {
			if _, size := utf8.DecodeRuneInString(s[i:]); size == 1 {
				return b, false
			}
		}
	}
	return appendText(b, s), true
}

// appendFloat appends a finite number in the form that encoding/json uses.
func appendFloat(b []byte, f float64) []byte {
	format := byte('f')
	if size := math.Abs(f); size != 0 && (size < 1e-6 || size >= 1e21) {
		format = 'e'
	}
	return strconv.AppendFloat(b, f, format, -1, 64)
}

// isMoney reports whether s is an amount: an optional minus, digits with an
// optional fraction, a space, three capitals.
func isMoney(s string) bool {
	const longest = len("-") + 15 + len(".1234 USD") // what 64 bits of minor units hold
	if len(s) < len("1 USD") || len(s) > longest || s[len(s)-4] != ' ' {
		return false
	}
	for _, c := range []byte(s[len(s)-3:]) {
		if c < 'A' || c > 'Z' {
			return false
		}
	}
	number := s[:len(s)-4]
	if number[0] == '-' {
		number = number[1:]
	}
	digits, points := 0, 0
	for i := 0; i < len(number); i++ {
		switch c := number[i]; {
		case c >= '0' && c <= '9':
			digits++
		case c == '.' && points == 0 && i > 0 && i < len(number)-1:
			points++
		default:
			return false
		}
	}
	return digits > 0
}

// maxDepth bounds the nesting of an event, itself included.
const maxDepth = 64

// checkJSON refuses a JSON text in which an object names a key twice, because
// readers disagree about which of the two counts, and one that is nested deeper
// than depth. The service refuses events for both.
func checkJSON(raw []byte, depth int) error {
	type level struct {
		keys  map[string]bool // nil in an array
		value bool            // the next token of an object is a value
	}
	var stack []level
	tokens := json.NewDecoder(bytes.NewReader(raw))
	tokens.UseNumber()
	for {
		token, err := tokens.Token()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if delim, ok := token.(json.Delim); ok && (delim == '}' || delim == ']') {
			stack = stack[:len(stack)-1]
			continue
		}
		if len(stack) > 0 {
			if top := &stack[len(stack)-1]; top.keys != nil {
				key, isKey := token.(string)
				if isKey && !top.value {
					if top.keys[key] {
						return fmt.Errorf("key %s is repeated", quote(key))
					}
					top.keys[key] = true
				}
				top.value = !top.value
			}
		}
		switch token {
		case json.Delim('{'):
			stack = append(stack, level{keys: map[string]bool{}})
		case json.Delim('['):
			stack = append(stack, level{})
		}
		if len(stack) > depth {
			return fmt.Errorf("nested deeper than %d levels", depth)
		}
	}
}

// quote shows the beginning of a text of any length in an error, which goes to logs
// and is no place for what an event would not tell either.
func quote(s string) string {
	const longest = 60
	s = mask(s)
	if len(s) > longest {
		return strconv.Quote(s[:longest]) + "…"
	}
	return strconv.Quote(s)
}
