package ledger

import (
	"encoding/binary"
	"math/bits"
	"strconv"

	"github.com/google/uuid"
)

// maxDepth is how deep encoding/json goes into arrays and objects.
const maxDepth = 10_000

// What is read here is compact JSON: one text without space between its tokens. Each
// function returns where what begins at a place ends, or wrong.
const wrong = -1

// isCompactObject reports whether a text is one object of compact JSON. It reads a
// text once, and most of a string eight bytes at a time: each body that is sealed or
// verified goes through it.
func isCompactObject(text []byte) bool {
	return len(text) > 0 && text[0] == '{' && endOfValue(text, 0, 0) == len(text)
}

func endOfValue(text []byte, at, depth int) int {
	if at >= len(text) {
		return wrong
	}
	switch text[at] {
	case '"':
		return endOfString(text, at)
	case '{':
		return endOfMany(text, at, depth, '}')
	case '[':
		return endOfMany(text, at, depth, ']')
	case 't':
		return endOfWord(text, at, "true")
	case 'f':
		return endOfWord(text, at, "false")
	case 'n':
		return endOfWord(text, at, "null")
	}
	return endOfNumber(text, at)
}

// endOfMany ends an array or an object.
func endOfMany(text []byte, at, depth int, closing byte) int {
	if depth++; depth > maxDepth {
		return wrong
	}
	if at++; at < len(text) && text[at] == closing {
		return at + 1
	}
	for {
		if closing == '}' {
			if at = endOfName(text, at); at == wrong {
				return wrong
			}
		}
		at = endOfValue(text, at, depth)
		switch {
		case at == wrong || at >= len(text):
			return wrong
		case text[at] == closing:
			return at + 1
		case text[at] != ',':
			return wrong
		}
		at++
	}
}

// endOfName ends the name of a member and its colon.
func endOfName(text []byte, at int) int {
	if at >= len(text) || text[at] != '"' {
		return wrong
	}
	if at = endOfString(text, at); at == wrong || at >= len(text) || text[at] != ':' {
		return wrong
	}
	return at + 1
}

func endOfWord(text []byte, at int, word string) int {
	if len(text)-at < len(word) || string(text[at:at+len(word)]) != word {
		return wrong
	}
	return at + len(word)
}

func endOfNumber(text []byte, at int) int {
	if at < len(text) && text[at] == '-' {
		at++
	}
	begun := at
	if at = afterDigits(text, at); at == begun || text[begun] == '0' && at > begun+1 {
		return wrong
	}
	if at < len(text) && text[at] == '.' {
		begun = at + 1
		if at = afterDigits(text, begun); at == begun {
			return wrong
		}
	}
	if at < len(text) && (text[at] == 'e' || text[at] == 'E') {
		if at++; at < len(text) && (text[at] == '+' || text[at] == '-') {
			at++
		}
		begun = at
		if at = afterDigits(text, at); at == begun {
			return wrong
		}
	}
	return at
}

func afterDigits(text []byte, at int) int {
	for at < len(text) && '0' <= text[at] && text[at] <= '9' {
		at++
	}
	return at
}

func endOfString(text []byte, at int) int {
	for at++; at < len(text); {
		if at+8 <= len(text) {
			found := notPlain(binary.LittleEndian.Uint64(text[at:]))
			if at += bits.TrailingZeros64(found) / 8; found == 0 { // of none, all 8 are passed over
				continue
			}
		}
		switch c := text[at]; {
		case c == '"':
			return at + 1
		case c == '\\':
			if at = endOfEscape(text, at); at == wrong {
				return wrong
			}
		case c < ' ':
			return wrong
		default:
			at++
		}
	}
	return wrong
}

// notPlain has the high bit of the first of eight bytes set that ends a string, begins
// an escape or is a control character, none below it, and is 0 when there is no such
// byte.
func notPlain(eight uint64) uint64 {
	const ones, highs = 0x0101010101010101, 0x8080808080808080
	quote, escape := eight^'"'*ones, eight^'\\'*ones
	return ((quote-ones)&^quote | (escape-ones)&^escape | (eight-' '*ones)&^eight) & highs
}

func endOfEscape(text []byte, at int) int {
	if at++; at >= len(text) {
		return wrong
	}
	switch text[at] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return at + 1
	case 'u':
		if len(text)-at < 5 {
			return wrong
		}
		for _, c := range text[at+1 : at+5] {
			if (c < '0' || c > '9') && (c < 'a' || c > 'f') && (c < 'A' || c > 'F') {
				return wrong
			}
		}
		return at + 5
	}
	return wrong
}

// eachMember hands out the members of an object of compact JSON, until take refuses
// one. It reports whether it came to the end. It also stops at a name that is not of
// small letters, digits and low lines: encoding/json takes some of these for others.
func eachMember(text []byte, take func(name, value []byte) bool) bool {
	if len(text) < 2 || text[0] != '{' {
		return false
	}
	for at := 1; at < len(text) && text[at] != '}'; {
		begun := at
		if at = endOfName(text, at); at == wrong {
			return false
		}
		name, value := text[begun+1:at-2], at
		if !isPlainName(name) {
			return false
		}
		if at = endOfValue(text, at, 1); at == wrong || at >= len(text) || !take(name, text[value:at]) {
			return false
		}
		if text[at] == '}' {
			return at == len(text)-1
		}
		if text[at] != ',' {
			return false
		}
		at++
	}
	return len(text) == 2
}

// eachElement does the same with the elements of an array.
func eachElement(text []byte, take func(value []byte) bool) bool {
	if len(text) < 2 || text[0] != '[' {
		return false
	}
	for at := 1; at < len(text) && text[at] != ']'; {
		begun := at
		if at = endOfValue(text, at, 1); at == wrong || at >= len(text) || !take(text[begun:at]) {
			return false
		}
		if text[at] == ']' {
			return at == len(text)-1
		}
		if text[at] != ',' {
			return false
		}
		at++
	}
	return len(text) == 2
}

func isPlainName(name []byte) bool {
	for _, c := range name {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '_' {
			return false
		}
	}
	return true
}

// readText reads a value that is a string without escapes.
func readText(value []byte, into *string) bool {
	if value[0] != '"' {
		return false
	}
	for _, c := range value {
		if c == '\\' {
			return false
		}
	}
	*into = string(value[1 : len(value)-1])
	return true
}

// readID reads a value that is an id in the form in which ids are written.
func readID(value []byte, into *uuid.UUID) bool {
	if len(value) != 38 || value[0] != '"' {
		return false
	}
	id, err := uuid.ParseBytes(value[1:37])
	if err == nil {
		*into = id
	}
	return err == nil
}

// readNumber reads a value that is a whole number.
func readNumber(value []byte, into *int64) bool {
	n, err := strconv.ParseInt(string(value), 10, 64)
	if err == nil {
		*into = n
	}
	return err == nil
}
