package event

import "encoding/json"

// DecodeData reads an event's data: objects become map[string]any, arrays
// []any, texts string, true and false bool, null nil. Numbers become float64,
// except those that it cannot hold, which stay json.Number: integers beyond
// ±2^53, whose last digits it would lose (ids, mostly, which ought to be
// texts), and what is larger than any float64. Data of no bytes is nil.
func DecodeData(data []byte) (any, error) {
	if len(data) == 0 {
		return nil, nil
	}
	m := messages.Get().(*message)
	defer m.free()
	m.begin(data)
	m.depth, m.inside = 1, "data"
	value, i := m.decode(m.space(0))
	if i < 0 {
		return nil, m.hard
	}
	if err := m.end(i); err != nil {
		return nil, err
	}
	if m.soft != nil {
		return nil, m.soft
	}
	return value, nil
}

func (s *scanner) decode(i int) (any, int) {
	switch c := s.at(i); {
	case c == '"':
		return s.decodeText(i)
	case c == '{':
		return s.decodeObject(i)
	case c == '[':
		return s.decodeArray(i)
	case c <= '9':
		end, _ := s.number(i)
		if end < 0 {
			return nil, fail
		}
		return decodeNumber(s.buf[i:end]), end
	case c == 't':
		return true, s.word(i)
	case c == 'f':
		return false, s.word(i)
	}
	return nil, s.word(i)
}

func (s *scanner) decodeText(i int) (any, int) {
	end, odd := s.text(i + 1)
	if end < 0 {
		return nil, fail
	}
	inner := s.buf[i+1 : end-1]
	if odd&escaped != 0 {
		inner = unescape(nil, inner)
	}
	return string(inner), end
}

func (s *scanner) decodeObject(i int) (any, int) {
	if s.depth == MaxDepth {
		s.syntax(i, tooDeep).Code = CodeTooDeep
		return nil, fail
	}
	s.depth++
	object := make(map[string]any)
	names := nameSet{base: len(s.names), table: len(s.tables)}
	i = s.space(i + 1)
	for more := s.at(i) != '}'; more; {
		one, after := s.name(i)
		if after < 0 {
			return nil, fail
		}
		if names.repeats(s, one) {
			s.refuseRepeated(one)
		}
		value, end := s.decode(after)
		if end < 0 {
			return nil, fail
		}
		if i, more = s.next(end, '}'); i < 0 {
			return nil, fail
		}
		object[string(s.bytes(one.at))] = value
	}
	s.leave(&names)
	return object, i + 1
}

func (s *scanner) decodeArray(i int) (any, int) {
	if s.depth == MaxDepth {
		s.syntax(i, tooDeep).Code = CodeTooDeep
		return nil, fail
	}
	s.depth++
	array := []any{}
	i = s.space(i + 1)
	for more := s.at(i) != ']'; more; {
		value, end := s.decode(i)
		if end < 0 {
			return nil, fail
		}
		if i, more = s.next(end, ']'); i < 0 {
			return nil, fail
		}
		array = append(array, value)
	}
	s.depth--
	return array, i + 1
}

func decodeNumber(text []byte) any {
	if f, ok := floatOf(text); ok {
		return f
	}
	return json.Number(text)
}
