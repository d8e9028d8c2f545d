package match

import (
	"bytes"
	"strings"
)

const (
	// fieldSeparator stands between names of fields: no name in JSON has it unescaped.
	fieldSeparator = "\x00"
	// longList is the length of a list in bytes above which rules are evaluated
	// rather than looked up: CEL may find the evaluation too costly, which is an error.
	longList = 64 << 10
)

func elementFields(of string) []string {
	if of == "" {
		return nil
	}
	return strings.Split(of, fieldSeparator)
}

// findElements appends the rules that ask for one of the elements of a list. It
// returns false when the list has something that may make them errors: what is
// neither a text, nor an object with a text at the field; or escapes, without
// which what is inside can be found by looking at brackets and quotes.
func (g *group) findElements(list []byte, dst []uint32) ([]uint32, bool) {
	if len(list) > longList || bytes.IndexByte(list, '\\') >= 0 {
		return dst, false
	}
	start := len(dst)
	for i := past(list, 1); list[i] != ']'; i = past(list, i) {
		end := valueEnd(list, i)
		text := list[i:end]
		for _, name := range g.fields {
			if text = member(text, name); text == nil {
				return dst[:start], false
			}
		}
		if text[0] != '"' {
			return dst[:start], false
		}
		dst = g.texts.Append(dst, text[1:len(text)-1])
		i = end
	}
	return dst, true
}

// member returns a member of an object, nil when there is none or it is no object.
func member(object []byte, name string) []byte {
	if object[0] != '{' {
		return nil
	}
	for i := past(object, 1); object[i] != '}'; i = past(object, i) {
		nameEnd := valueEnd(object, i)
		found := object[i+1 : nameEnd-1]
		i = past(object, nameEnd)
		end := valueEnd(object, i)
		if string(found) == name {
			return object[i:end]
		}
		i = end
	}
	return nil
}

// past skips what stands between values.
func past(json []byte, i int) int {
	for {
		switch json[i] {
		case ' ', '\t', '\n', '\r', ',', ':':
			i++
		default:
			return i
		}
	}
}

// valueEnd returns where the value at i ends, in valid JSON without escapes.
func valueEnd(json []byte, i int) int {
	for depth := 0; ; i++ {
		switch json[i] {
		case '"':
			i += 1 + bytes.IndexByte(json[i+1:], '"')
		case '{', '[':
			depth++
			continue
		case '}', ']':
			depth--
		case ' ', '\t', '\n', '\r', ',', ':':
			continue
		default:
			for !ends(json[i+1]) {
				i++
			}
		}
		if depth == 0 {
			return i + 1
		}
	}
}

// ends reports whether a byte ends a number or a word.
func ends(c byte) bool {
	return c <= ' ' || c == ',' || c == ']' || c == '}'
}
