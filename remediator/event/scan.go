package event

import (
	"encoding/binary"
	"math/bits"
	"unicode/utf8"
)

// Bounds of what a scan keeps on its stack.
const (
	// fewNames is how many names of one object are compared one by one; above
	// it a set takes over, so that no object costs the square of its size.
	fewNames = 16
	// openNames is how many names all open objects may have before sets take over.
	openNames = 48
)

// span is a part of a scanner's text. Spans instead of slices keep the scanner
// free of pointers to itself, and so off the heap.
type span struct{ start, end int32 }

// scanner reads JSON once from left to right. Its methods return false, with
// hard set, where the text stops being JSON.
type scanner struct {
	buf    []byte
	pos    int
	depth  int
	spaced bool            // insignificant whitespace was seen
	wide   bool            // the last text has characters beyond ASCII
	member []byte          // name of the event's member being read, for messages
	names  [openNames]span // names of the objects that are open, the innermost last
	open   int             // how many names are in use
	soft   *Error
	hard   *Error
}

// peek returns the next byte, 0 at the end: NUL begins nothing in JSON.
func (s *scanner) peek() byte {
	if s.pos < len(s.buf) {
		return s.buf[s.pos]
	}
	return 0
}

func (s *scanner) space() {
	for s.pos < len(s.buf) {
		switch s.buf[s.pos] {
		case ' ', '\t', '\n', '\r':
			s.pos++
			s.spaced = true
		default:
			return
		}
	}
}

// end makes sure that nothing but whitespace follows.
func (s *scanner) end() error {
	s.space()
	if s.pos < len(s.buf) {
		s.member = nil
		return s.syntax("unexpected bytes after the end of the JSON: remove them")
	}
	return nil
}

func (s *scanner) value() bool {
	switch s.peek() {
	case '"':
		_, _, ok := s.text()
		return ok
	case '{':
		return s.object()
	case '[':
		return s.array()
	case 't':
		return s.literal("true")
	case 'f':
		return s.literal("false")
	case 'n':
		return s.literal("null")
	}
	_, ok := s.number()
	return ok
}

const tooDeep = "nested too deeply: at most 64 levels are accepted"

// enter passes an opening bracket.
func (s *scanner) enter() {
	s.pos++
	s.depth++
	s.space()
}

func (s *scanner) object() bool {
	if s.depth == MaxDepth {
		return s.skip()
	}
	s.enter()
	names := nameSet{base: s.open}
	for s.peek() != '}' {
		if _, _, _, ok := s.name(&names); !ok || !s.value() || !s.next('}') {
			return false
		}
	}
	s.leave(&names)
	return true
}

func (s *scanner) array() bool {
	if s.depth == MaxDepth {
		return s.skip()
	}
	s.enter()
	for s.peek() != ']' {
		if !s.value() || !s.next(']') {
			return false
		}
	}
	s.pos++
	s.depth--
	return true
}

// skip passes what is nested too deeply, in constant stack, to find the end of
// an event that is refused: it looks at texts and brackets only.
func (s *scanner) skip() bool {
	s.refuseAt(s.pos, CodeTooDeep, tooDeep)
	var closing []byte
	for {
		switch c := s.peek(); c {
		case '"':
			if _, _, ok := s.text(); !ok {
				return false
			}
			continue
		case '{', '[':
			closing = append(closing, c+2)
		case '}', ']':
			if last := len(closing) - 1; closing[last] == c {
				closing = closing[:last]
			} else {
				s.syntax("a closing bracket of the other kind")
				return false
			}
		case 0:
			s.syntax("expected a closing bracket")
			return false
		}
		s.pos++
		if len(closing) == 0 {
			return true
		}
	}
}

// leave closes an object.
func (s *scanner) leave(names *nameSet) {
	s.pos++
	s.depth--
	s.open = names.base
}

// next stands behind a value: it passes a comma and stops at the closing
// bracket, which must not follow a comma.
func (s *scanner) next(closing byte) bool {
	s.space()
	switch s.peek() {
	case closing:
		return true
	case ',':
		s.pos++
		s.space()
		if s.peek() != closing {
			return true
		}
		s.syntax("a comma before the closing bracket: remove it")
		return false
	}
	s.syntax("expected a comma or the closing " + string(rune(closing)))
	return false
}

// name reads a member's name and its colon, and refuses a repeated one. at is
// what stands between the quotes.
func (s *scanner) name(names *nameSet) (name []byte, at span, escaped, ok bool) {
	if s.peek() != '"' {
		s.syntax("expected a name in double quotes")
		return nil, span{}, false, false
	}
	start := s.pos + 1
	name, escaped, ok = s.text()
	if !ok {
		return nil, span{}, false, false
	}
	at = span{int32(start), int32(s.pos - 1)}
	s.space()
	if s.peek() != ':' {
		s.syntax("expected a colon after the name")
		return nil, span{}, false, false
	}
	s.pos++
	s.space()
	if escaped {
		name = unescape(nil, name)
	}
	if names.repeats(s, name, at, escaped) {
		s.refuse(CodeDuplicateKey, string(s.member), "the name %s is written twice in one object: remove one", short(name))
	}
	return name, at, escaped, true
}

// nameSet finds repeated names of one object.
type nameSet struct {
	base int                 // where the object's names begin in scanner.names
	many map[string]struct{} // nil while they are few
}

// repeats notes a name, which stands at the given place unless it was escaped.
func (n *nameSet) repeats(s *scanner, name []byte, at span, escaped bool) bool {
	if n.many == nil {
		for _, other := range s.names[n.base:s.open] {
			if int(other.end-other.start) == len(name) && string(s.buf[other.start:other.end]) == string(name) {
				return true
			}
		}
		if !escaped && s.open < openNames && s.open-n.base < fewNames {
			s.names[s.open] = at
			s.open++
			return false
		}
		n.many = make(map[string]struct{}, 4*fewNames)
		for _, other := range s.names[n.base:s.open] {
			n.many[string(s.buf[other.start:other.end])] = struct{}{}
		}
	}
	_, repeated := n.many[string(name)]
	n.many[string(name)] = struct{}{}
	return repeated
}

func (s *scanner) literal(word string) bool {
	if end := s.pos + len(word); end <= len(s.buf) && string(s.buf[s.pos:end]) == word {
		s.pos = end
		return true
	}
	s.syntax("expected " + word)
	return false
}

// number reads a number and says whether it is written as an integer.
func (s *scanner) number() (integer, ok bool) {
	start := s.pos
	if s.peek() == '-' {
		s.pos++
	}
	switch c := s.peek(); {
	case c == '0':
		s.pos++
	case c >= '1' && c <= '9':
		s.digits()
	case s.pos == start:
		s.syntax("expected a JSON value")
		return false, false
	default:
		s.syntax("expected a digit")
		return false, false
	}
	integer = true
	if s.peek() == '.' {
		integer = false
		s.pos++
		if !s.digits() {
			s.syntax("expected a digit after the decimal point")
			return false, false
		}
	}
	if c := s.peek(); c == 'e' || c == 'E' {
		integer = false
		s.pos++
		if c := s.peek(); c == '+' || c == '-' {
			s.pos++
		}
		if !s.digits() {
			s.syntax("expected a digit in the exponent")
			return false, false
		}
	}
	return integer, true
}

func (s *scanner) digits() bool {
	start := s.pos
	for s.pos < len(s.buf) && s.buf[s.pos]-'0' <= 9 {
		s.pos++
	}
	return s.pos > start
}

// text reads a text and returns what stands between its quotes.
func (s *scanner) text() (inner []byte, escaped, ok bool) {
	start := s.pos + 1
	i := start
	s.wide = false
	for {
		i = plain(s.buf, i)
		if i >= len(s.buf) {
			s.pos = len(s.buf)
			s.syntax("the text that begins before has no closing quote")
			return nil, false, false
		}
		switch c := s.buf[i]; {
		case c == '"':
			s.pos = i + 1
			return s.buf[start:i], escaped, true
		case c == '\\':
			escaped = true
			s.pos = i
			if !s.escape() {
				return nil, false, false
			}
			i = s.pos
		case c < ' ':
			s.pos = i
			s.syntax(`a control character in a text: write it as an escape like \n`)
			return nil, false, false
		default:
			s.wide = true
			r, size := utf8.DecodeRune(s.buf[i:])
			if r == utf8.RuneError && size == 1 {
				s.refuseAt(i, CodeUTF8, "a text that is not UTF-8: encode it as UTF-8")
			}
			i += size
		}
	}
}

// plain returns the position of the first byte from i on that is a quote, a
// backslash, a control character or not ASCII. It tests eight bytes at a time:
// the lowest bit that the sum of the tests has set marks the first such byte.
func plain(buf []byte, i int) int {
	const ones, highs = 0x0101010101010101, 0x8080808080808080
	for ; i+8 <= len(buf); i += 8 {
		x := binary.LittleEndian.Uint64(buf[i:])
		quote, slash := x^ones*'"', x^ones*'\\'
		found := (quote-ones)&^quote | (slash-ones)&^slash | (x-ones*' ')&^x | x
		if found &= highs; found != 0 {
			return i + bits.TrailingZeros64(found)/8
		}
	}
	for ; i < len(buf); i++ {
		if c := buf[i]; c == '"' || c == '\\' || c < ' ' || c >= utf8.RuneSelf {
			break
		}
	}
	return i
}

// escape passes the escape at the backslash at pos.
func (s *scanner) escape() bool {
	s.pos++
	switch s.peek() {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		s.pos++
		return true
	case 'u':
	default:
		s.syntax("an unknown escape in a text")
		return false
	}
	unit, ok := s.hex4()
	if !ok {
		return false
	}
	switch {
	case unit < 0xD800 || unit > 0xDFFF:
		return true
	case unit < 0xDC00 && s.pos+1 < len(s.buf) && s.buf[s.pos] == '\\' && s.buf[s.pos+1] == 'u':
		s.pos++
		back := s.pos - 1
		low, ok := s.hex4()
		if !ok {
			return false
		}
		if low >= 0xDC00 && low <= 0xDFFF {
			return true
		}
		s.pos = back // what follows is an escape of its own
	}
	s.refuseAt(s.pos, CodeUTF8, `half of a surrogate pair in a text: write both halves, like \ud83d\ude00`)
	return true
}

// hex4 stands at the u of an escape and returns its four hexadecimal digits.
func (s *scanner) hex4() (uint16, bool) {
	s.pos++
	var unit uint16
	for range 4 {
		c := s.peek()
		switch {
		case c >= '0' && c <= '9':
			c -= '0'
		case c >= 'a' && c <= 'f':
			c -= 'a' - 10
		case c >= 'A' && c <= 'F':
			c -= 'A' - 10
		default:
			s.syntax(`an escape \u needs four hexadecimal digits`)
			return 0, false
		}
		unit = unit<<4 | uint16(c)
		s.pos++
	}
	return unit, true
}
