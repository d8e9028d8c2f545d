package postgres

import (
	"encoding/hex"
	"strings"
	"unicode/utf8"
)

// mark begins an escape: two hexadecimal digits follow, one byte. It is a code
// point without a meaning that hardly any text holds.
const mark = "\uE000"

// escape makes of any string a text that PostgreSQL takes: the byte zero, what is
// no UTF-8 and the mark itself become escapes. Different strings stay different,
// so that keys and comparisons hold.
func escape(s string) string {
	if plain(s) {
		return s
	}
	var b strings.Builder
	for len(s) > 0 {
		r, size := utf8.DecodeRuneInString(s)
		if r == 0 || r == utf8.RuneError && size == 1 || s[:size] == mark {
			for i := range size {
				b.WriteString(mark)
				b.WriteString(hex.EncodeToString([]byte{s[i]}))
			}
		} else {
			b.WriteString(s[:size])
		}
		s = s[size:]
	}
	return b.String()
}

// plain reports whether a string needs no escape.
func plain(s string) bool {
	return strings.IndexByte(s, 0) < 0 && !strings.Contains(s, mark) && utf8.ValidString(s)
}

// unescape reverses escape. What escape did not write stays as it is.
func unescape(s string) string {
	if !strings.Contains(s, mark) {
		return s
	}
	var b strings.Builder
	for {
		before, after, found := strings.Cut(s, mark)
		b.WriteString(before)
		if !found {
			return b.String()
		}
		if len(after) >= 2 {
			if decoded, err := hex.DecodeString(after[:2]); err == nil {
				b.WriteByte(decoded[0])
				s = after[2:]
				continue
			}
		}
		b.WriteString(mark)
		s = after
	}
}
