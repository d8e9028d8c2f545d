package event

import (
	"unicode/utf16"
	"unicode/utf8"
)

// oddity says what a text has besides plain characters.
type oddity uint8

const (
	escaped oddity = 1 << iota
	wide           // characters beyond ASCII, or DEL
)

// text passes a text whose opening quote lies before i, and says what is odd
// about it.
func (s *scanner) text(i int) (int, oddity) {
	buf := s.buf
	for i+8 <= len(buf) {
		found := special(load(buf, i))
		if found == 0 {
			i += 8
			continue
		}
		if i += first(found); buf[i] == '"' {
			return i + 1, 0
		}
		break
	}
	return s.oddText(i)
}

// special marks, by the highest bits of eight bytes, those that are a quote, a
// backslash, a control character or not ASCII. The lowest mark is true; above
// it a subtraction may have borrowed.
func special(x uint64) uint64 {
	const ones, highs = 0x0101010101010101, 0x8080808080808080
	// To flip bit 1 makes a quote 0x20 and moves nothing else across it, so that
	// one subtraction finds quotes and the control characters below.
	below := (x ^ ones*2) - ones*0x21
	slash := (x ^ ones*'\\') - ones
	return ((below | slash) | ((x + ones) | x)) & highs
}

// first returns which of eight bytes is the first that special has marked: the
// constant's byte that the lowest mark, as a factor, moves to the top. The
// instruction for trailing zeros that every amd64 has takes longer.
func first(marks uint64) int {
	return int(marks & -marks >> 7 * 0x0001020304050607 >> 56)
}

// plain returns the position of the first special byte from i on.
func plain(buf []byte, i int) int {
	for ; i+8 <= len(buf); i += 8 {
		if found := special(load(buf, i)); found != 0 {
			return i + first(found)
		}
	}
	for ; i < len(buf); i++ {
		if c := buf[i]; c == '"' || c == '\\' || c < ' ' || c >= 0x7F {
			break
		}
	}
	return i
}

// oddText goes on with a text at what is no plain character, or close to the
// end of the buffer.
func (s *scanner) oddText(i int) (int, oddity) {
	var odd oddity
	for {
		if i = plain(s.buf, i); i >= len(s.buf) {
			s.syntax(i, "the text that begins before has no closing quote")
			return fail, 0
		}
		switch c := s.buf[i]; {
		case c == '"':
			return i + 1, odd
		case c == '\\':
			odd |= escaped
			if i = s.escape(i); i < 0 {
				return fail, 0
			}
		case c < ' ':
			s.syntax(i, `a control character in a text: write it as an escape like \n`)
			return fail, 0
		default:
			odd |= wide
			i = s.wideText(i)
		}
	}
}

// wideText passes characters that are not ASCII, or DEL.
func (s *scanner) wideText(i int) int {
	for i < len(s.buf) && s.buf[i] >= 0x7F {
		r, size := utf8.DecodeRune(s.buf[i:])
		if r == utf8.RuneError && size == 1 {
			s.refuseAt(i, CodeUTF8, "a text that is not UTF-8: encode it as UTF-8")
		}
		i += size
	}
	return i
}

// escape passes the escape at the backslash at i.
func (s *scanner) escape(i int) int {
	i++
	switch s.at(i) {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return i + 1
	case 'u':
	default:
		s.syntax(i, "an unknown escape in a text")
		return fail
	}
	unit, i := s.hex4(i)
	if i < 0 || unit < 0xD800 || unit > 0xDFFF {
		return i
	}
	if unit < 0xDC00 && i+1 < len(s.buf) && s.buf[i] == '\\' && s.buf[i+1] == 'u' {
		low, after := s.hex4(i + 1)
		if after < 0 || low >= 0xDC00 && low <= 0xDFFF {
			return after
		}
		// What follows is an escape of its own.
	}
	s.refuseAt(i, CodeUTF8, `half of a surrogate pair in a text: write both halves, like \ud83d\ude00`)
	return i
}

// hex4 stands at the u of an escape and returns its four hexadecimal digits.
func (s *scanner) hex4(i int) (uint16, int) {
	var unit uint16
	for range 4 {
		i++
		c := s.at(i)
		switch {
		case c >= '0' && c <= '9':
			c -= '0'
		case c >= 'a' && c <= 'f':
			c -= 'a' - 10
		case c >= 'A' && c <= 'F':
			c -= 'A' - 10
		default:
			s.syntax(i, `an escape \u needs four hexadecimal digits`)
			return 0, fail
		}
		unit = unit<<4 | uint16(c)
	}
	return unit, i + 1
}

// resolve writes a text without its escapes into the scratch. The place that it
// returns is one for bytes: it begins at ^start, to tell it from one in buf.
func (s *scanner) resolve(buf []byte, at span) span {
	start := len(s.scratch)
	s.scratch = unescape(s.scratch, buf[at.start:at.end])
	return span{^int32(start), int32(len(s.scratch))}
}

// unescape appends a text, as the scanner passed it, with its escapes resolved.
func unescape(dst, inner []byte) []byte {
	for i := 0; i < len(inner); i++ {
		c := inner[i]
		if c != '\\' {
			dst = append(dst, c)
			continue
		}
		i++
		switch c := inner[i]; c {
		case 'b':
			dst = append(dst, '\b')
		case 'f':
			dst = append(dst, '\f')
		case 'n':
			dst = append(dst, '\n')
		case 'r':
			dst = append(dst, '\r')
		case 't':
			dst = append(dst, '\t')
		case 'u':
			r := hexRune(inner[i+1:])
			i += 4
			if utf16.IsSurrogate(r) && i+6 < len(inner) && inner[i+1] == '\\' && inner[i+2] == 'u' {
				if pair := utf16.DecodeRune(r, hexRune(inner[i+3:])); pair != utf8.RuneError {
					r = pair
					i += 6
				}
			}
			dst = utf8.AppendRune(dst, r)
		default:
			dst = append(dst, c)
		}
	}
	return dst
}

func hexRune(digits []byte) rune {
	var r rune
	for _, c := range digits[:4] {
		switch {
		case c <= '9':
			c -= '0'
		case c <= 'F':
			c -= 'A' - 10
		default:
			c -= 'a' - 10
		}
		r = r<<4 | rune(c)
	}
	return r
}

// appendText appends a text as JSON.
func appendText[T string | []byte](dst []byte, text T) []byte {
	const hex = "0123456789abcdef"
	dst = append(dst, '"')
	for i := range len(text) {
		switch c := text[i]; {
		case c == '"' || c == '\\':
			dst = append(dst, '\\', c)
		case c < ' ':
			dst = append(dst, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		default:
			dst = append(dst, c)
		}
	}
	return append(dst, '"')
}
