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

	view  *View  // knows what is wanted of the event; nil when it is only judged
	slots []slot // of the view
}

// reset makes a scanner ready for a text, keeping its memory.
func (s *scanner) reset(buf []byte) {
	s.buf, s.depth, s.spaced, s.soft, s.hard, s.inside, s.named = buf, 0, false, nil, nil, "", false
	s.names, s.tables, s.scratch = s.names[:0], s.tables[:0], s.scratch[:0]
}

// load returns eight bytes, the first in the lowest bits.
func load(buf []byte, i int) uint64 { return binary.LittleEndian.Uint64(buf[i : i+8]) }

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
	start := i
	for i < len(s.buf) && (s.buf[i] == ' ' || s.buf[i] == '\n' || s.buf[i] == '\t' || s.buf[i] == '\r') {
		i++
	}
	s.spaced = s.spaced || i > start
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

// value passes any value, and keeps where it lies if a node wants it.
func (s *scanner) value(start int, want *node) (i int) {
	kind := Number
	switch c := s.at(start); {
	case c == '"':
		i, odd := s.text(start + 1)
		if want != nil {
			s.slots[want.slot] = slot{at: span{int32(start + 1), int32(i - 1)}, kind: Text, state: state(odd & escaped)}
		}
		return i
	case c <= '9':
		i, _ = s.number(start)
	case c == '{':
		kind, i = Object, s.object(start, want)
	case c == '[':
		kind, i = Array, s.array(start)
	default:
		kind, i = wordKind(c), s.word(start)
	}
	if want != nil {
		s.slots[want.slot] = slot{at: span{int32(start), int32(i)}, kind: kind}
	}
	return i
}

func wordKind(first byte) Kind {
	switch first {
	case 't':
		return True
	case 'f':
		return False
	}
	return Null
}

const tooDeep = "nested too deeply: at most 64 levels are accepted"

// object passes an object and keeps where the fields lie that a node wants; a
// nil node wants none.
func (s *scanner) object(i int, want *node) int {
	if s.depth == MaxDepth {
		return s.skip(i)
	}
	if want != nil && len(want.children) == 0 {
		want = nil
	}
	s.depth++
	names := nameSet{base: len(s.names), table: len(s.tables)}
	i = s.space(i + 1)
	for more := s.at(i) != '}'; more; {
		one, after := s.name(i)
		if after < 0 {
			return fail
		}
		if names.fresh(one.hash) {
			s.names = append(s.names, one)
		} else if names.search(s, one) {
			s.refuseRepeated(one)
		}
		var field *node
		if want != nil {
			field = want.field(s, one)
		}
		if i = s.value(after, field); i < 0 {
			return fail
		}
		if i+1 < len(s.buf) && s.buf[i] == ',' && s.buf[i+1] == '"' {
			i++ // the common case of next
		} else if i, more = s.next(i, '}'); i < 0 {
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
	for more := s.at(i) != ']'; more; {
		if i = s.value(i, nil); i < 0 {
			return fail
		}
		if i, more = s.next(i, ']'); i < 0 {
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

// next stands behind a value: it passes a comma, after which more must follow,
// or stops at the closing bracket.
func (s *scanner) next(i int, closing byte) (after int, more bool) {
	i = s.space(i)
	switch s.at(i) {
	case ',':
		if i = s.space(i + 1); s.at(i) != closing {
			return i, true
		}
		s.syntax(i, "a comma before the closing bracket: remove it")
		return fail, false
	case closing:
		return i, false
	}
	s.syntax(i, "expected a comma or the closing "+string(rune(closing)))
	return fail, false
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
