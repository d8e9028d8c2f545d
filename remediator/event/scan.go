package event

import "encoding/binary"

// fail is the position that a scan returns where the text stops being JSON.
const fail = -1

// span is a part of a scanner's text.
type span struct{ start, end int32 }

// scanner reads JSON once from left to right. Its methods take the position at
// which they begin and return the one behind what they passed; where the text
// stops being JSON they return fail, with hard set. Positions are passed along
// because a position that is kept in memory makes every step wait for the one
// before.
type scanner struct {
	buf    []byte
	depth  int
	spaced bool // insignificant whitespace was seen
	soft   *Error
	hard   *Error

	inside string // what is read, for messages, when it is no member of the event
	member name   // the event's member that is being read, for messages
	named  bool   // member is set

	names   []name  // of the objects that are open, the innermost last
	tables  []int32 // of the open objects that have many names, see nameSet
	scratch []byte  // texts whose escapes are resolved

	view *View // what is wanted of the event; nil when it is only judged
}

// reset makes a scanner ready for a text, keeping its memory.
func (s *scanner) reset(buf []byte) {
	*s = scanner{buf: buf, names: s.names[:0], tables: s.tables[:0], scratch: s.scratch[:0], view: s.view}
}

// load returns eight bytes, the first in the lowest bits.
func load(buf []byte, i int) uint64 { return binary.LittleEndian.Uint64(buf[i:]) }

// at returns the byte at a position, 0 at the end: NUL begins nothing in JSON.
func (s *scanner) at(i int) byte {
	if uint(i) < uint(len(s.buf)) {
		return s.buf[i]
	}
	return 0
}

// space passes insignificant whitespace, of which stored events have none.
func (s *scanner) space(i int) int {
	if i < len(s.buf) && s.buf[i] <= ' ' {
		return s.spaces(i)
	}
	return i
}

func (s *scanner) spaces(i int) int {
	for ; i < len(s.buf); i++ {
		switch s.buf[i] {
		case ' ', '\t', '\n', '\r':
			s.spaced = true
		default:
			return i
		}
	}
	return i
}

// end makes sure that nothing but whitespace follows.
func (s *scanner) end(i int) error {
	if i = s.space(i); i < len(s.buf) {
		s.named, s.inside = false, ""
		return s.syntax(i, "unexpected bytes after the end of the JSON: remove them")
	}
	return nil
}

// value passes any value.
func (s *scanner) value(i int) int {
	switch c := s.at(i); {
	case c == '"':
		i, _ = s.text(i + 1)
		return i
	case c <= '9':
		i, _ = s.number(i)
		return i
	case c == '{':
		return s.object(i, nil)
	case c == '[':
		return s.array(i)
	}
	return s.word(i)
}

const tooDeep = "nested too deeply: at most 64 levels are accepted"

// object passes an object and keeps where the fields lie that a node wants; a
// nil node wants none.
func (s *scanner) object(i int, want *node) int {
	if s.depth == MaxDepth {
		return s.skip(i)
	}
	s.depth++
	names := nameSet{base: len(s.names), table: len(s.tables)}
	i = s.space(i + 1)
	for s.at(i) != '}' {
		one, after := s.name(i)
		if after < 0 {
			return fail
		}
		if names.repeats(s, one) {
			s.refuseRepeated(one)
		}
		if field := want.field(s, one); field != nil {
			i = s.extract(after, field)
		} else {
			i = s.value(after)
		}
		if i < 0 {
			return fail
		}
		if i = s.next(i, '}'); i < 0 {
			return fail
		}
	}
	s.leave(&names)
	return i + 1
}

func (s *scanner) array(i int) int {
	if s.depth == MaxDepth {
		return s.skip(i)
	}
	s.depth++
	i = s.space(i + 1)
	for s.at(i) != ']' {
		if i = s.value(i); i < 0 {
			return fail
		}
		if i = s.next(i, ']'); i < 0 {
			return fail
		}
	}
	s.depth--
	return i + 1
}

// skip passes what is nested too deeply, in constant stack, to find the end of
// an event that is refused: it looks at texts and brackets only.
func (s *scanner) skip(i int) int {
	s.refuseAt(i, CodeTooDeep, tooDeep)
	var closing []byte
	for {
		switch c := s.at(i); c {
		case '"':
			if i, _ = s.text(i + 1); i < 0 {
				return fail
			}
			continue
		case '{', '[':
			closing = append(closing, c+2)
		case '}', ']':
			if last := len(closing) - 1; closing[last] == c {
				closing = closing[:last]
			} else {
				s.syntax(i, "a closing bracket of the other kind")
				return fail
			}
		case 0:
			s.syntax(i, "expected a closing bracket")
			return fail
		}
		i++
		if len(closing) == 0 {
			return i
		}
	}
}

// next stands behind a value: it passes a comma and stops at the closing
// bracket, which must not follow a comma.
func (s *scanner) next(i int, closing byte) int {
	i = s.space(i)
	switch s.at(i) {
	case ',':
		if i = s.space(i + 1); s.at(i) != closing {
			return i
		}
		s.syntax(i, "a comma before the closing bracket: remove it")
		return fail
	case closing:
		return i
	}
	s.syntax(i, "expected a comma or the closing "+string(rune(closing)))
	return fail
}

// word passes true, false or null.
func (s *scanner) word(i int) int {
	word := "true"
	switch s.at(i) {
	case 't':
	case 'f':
		word = "false"
	case 'n':
		word = "null"
	default:
		s.syntax(i, "expected a JSON value")
		return fail
	}
	if end := i + len(word); end <= len(s.buf) && string(s.buf[i:end]) == word {
		return end
	}
	s.syntax(i, "expected "+word)
	return fail
}

// number passes a number and says whether it is written as an integer.
func (s *scanner) number(i int) (end int, integer bool) {
	start := i
	if s.at(i) == '-' {
		i++
	}
	first := i
	switch i = s.digits(i); {
	case i == first && i == start:
		s.syntax(i, "expected a JSON value")
		return fail, false
	case i == first:
		s.syntax(i, "expected a digit")
		return fail, false
	case s.buf[first] == '0':
		i = first + 1 // what follows a leading zero is no part of the number
	}
	integer = true
	if s.at(i) == '.' {
		integer = false
		first = i + 1
		if i = s.digits(first); i == first {
			s.syntax(i, "expected a digit after the decimal point")
			return fail, false
		}
	}
	if s.at(i)|0x20 == 'e' {
		integer = false
		i++
		if c := s.at(i); c == '+' || c == '-' {
			i++
		}
		first = i
		if i = s.digits(first); i == first {
			s.syntax(i, "expected a digit in the exponent")
			return fail, false
		}
	}
	return i, integer
}

// digits passes any number of digits.
func (s *scanner) digits(i int) int {
	for i < len(s.buf) && s.buf[i]-'0' <= 9 {
		i++
	}
	return i
}
