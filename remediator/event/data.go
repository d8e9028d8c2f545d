package event

import (
	"encoding/json"
	"math"
	"strconv"
)

// maxExact is the largest integer up to which a float64 holds every integer.
const maxExact = 1 << 53

// DecodeData reads an event's data: objects become map[string]any, arrays
// []any, texts string, true and false bool, null nil. Numbers become float64,
// except those that it cannot hold, which stay json.Number: integers beyond
// ±2^53, whose last digits it would lose (ids, mostly, which ought to be
// texts), and what is larger than any float64. Data of no bytes is nil.
func DecodeData(data []byte) (any, error) {
	if len(data) == 0 {
		return nil, nil
	}
	s := scanner{buf: data, depth: 1, member: []byte("data")}
	s.space()
	value, ok := s.decode()
	if !ok {
		return nil, s.hard
	}
	if err := s.end(); err != nil {
		return nil, err
	}
	if s.soft != nil {
		return nil, s.soft
	}
	return value, nil
}

func (s *scanner) decode() (any, bool) {
	switch s.peek() {
	case '"':
		return s.decodeText()
	case '{':
		return s.decodeObject()
	case '[':
		return s.decodeArray()
	case 't':
		return true, s.literal("true")
	case 'f':
		return false, s.literal("false")
	case 'n':
		return nil, s.literal("null")
	}
	start := s.pos
	integer, ok := s.number()
	if !ok {
		return nil, false
	}
	return decodeNumber(s.buf[start:s.pos], integer), true
}

func (s *scanner) decodeText() (any, bool) {
	inner, escaped, ok := s.text()
	if !ok {
		return nil, false
	}
	if escaped {
		inner = unescape(nil, inner)
	}
	return string(inner), true
}

func (s *scanner) decodeObject() (any, bool) {
	if s.depth == MaxDepth {
		s.syntax(tooDeep).Code = CodeTooDeep
		return nil, false
	}
	s.enter()
	object := make(map[string]any)
	names := nameSet{base: s.open}
	for s.peek() != '}' {
		name, _, _, ok := s.name(&names)
		if !ok {
			return nil, false
		}
		value, ok := s.decode()
		if !ok || !s.next('}') {
			return nil, false
		}
		object[string(name)] = value
	}
	s.leave(&names)
	return object, true
}

func (s *scanner) decodeArray() (any, bool) {
	if s.depth == MaxDepth {
		s.syntax(tooDeep).Code = CodeTooDeep
		return nil, false
	}
	s.enter()
	array := []any{}
	for s.peek() != ']' {
		value, ok := s.decode()
		if !ok || !s.next(']') {
			return nil, false
		}
		array = append(array, value)
	}
	s.pos++
	s.depth--
	return array, true
}

func decodeNumber(text []byte, integer bool) any {
	if f, ok := floatOf(text, integer); ok {
		return f
	}
	return json.Number(text)
}

// floatOf returns the float64 of a number and whether it holds the number as
// DecodeData wants it held.
func floatOf(text []byte, integer bool) (float64, bool) {
	f, err := strconv.ParseFloat(string(text), 64)
	return f, err == nil && (!integer || math.Abs(f) < maxExact || exact(text))
}

// exact says whether an integer lies within ±2^53; rounding to a float64 would
// bring 2^53+1 back into it.
func exact(text []byte) bool {
	n, err := strconv.ParseInt(string(text), 10, 64)
	return err == nil && n >= -maxExact && n <= maxExact
}
