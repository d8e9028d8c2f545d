package document

import (
	"strconv"

	"go.yaml.in/yaml/v4"
)

// Within returns the place of a character of a scalar's value, by its offset in
// characters. It walks the scalar as written beside the value, so it also finds
// its way through quotes, escapes and folded lines.
func (s *Source) Within(n *yaml.Node, offset int) Place {
	if s.walk == nil || s.walk.node != n || s.walk.offset > offset {
		s.walk = s.walkOf(n) // else it goes on, since a text may hold thousands of expressions
	}
	s.walk.to(offset)
	if s.walk.line > len(s.lines) {
		return At(n)
	}
	return Place{s.walk.line, s.walk.col + 1}
}

// walk stands at a character of a scalar's value, and where that is written.
type walk struct {
	source *Source
	node   *yaml.Node
	value  []rune
	double bool // in double quotes, where a character may be written as an escape
	offset int  // in value

	line, col int // the column from 0
	runes     []rune
	width     int // how many characters of the line write the one
}

func (s *Source) walkOf(n *yaml.Node) *walk {
	at := At(n)
	w := &walk{source: s, node: n, value: []rune(n.Value), double: n.Style&yaml.DoubleQuotedStyle != 0}
	w.begin(at.Line)
	if w.col = at.Col - 1; n.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0 {
		w.begin(at.Line + 1)
	} else if n.Style&(yaml.DoubleQuotedStyle|yaml.SingleQuotedStyle) != 0 {
		w.col++
	}
	return w
}

func (w *walk) begin(line int) {
	w.line, w.col, w.runes = line, 0, []rune(w.source.readLine(line))
}

// to goes on to an offset.
func (w *walk) to(offset int) {
	for ; ; w.offset++ {
		w.width = 1
		want := rune(0)
		if w.offset < len(w.value) {
			want = w.value[w.offset]
		}
		blank := want == ' ' || want == '\n' || want == '\t'
		if !blank && want != 0 {
			w.find(want)
		}
		switch {
		case w.offset == offset:
			return
		case !blank:
			w.col += w.width
		case w.col < len(w.runes) && isBlank(w.runes[w.col]):
			w.col++
		}
	}
}

// find goes on to where a character is written.
func (w *walk) find(want rune) {
	for w.line <= len(w.source.lines) {
		if w.width = 1; w.col >= len(w.runes) {
			w.begin(w.line + 1)
			continue
		}
		is := w.runes[w.col]
		if w.double && is == '\\' {
			is, w.width = escape(w.runes[w.col:])
		}
		if is == want {
			return
		}
		w.col += w.width
	}
}

// escape returns the character for which the escape of YAML stands with which a text begins,
// and how long it is.
func escape(text []rune) (is rune, width int) {
	if len(text) < 2 {
		return 0, 1 // it joins two lines
	}
	digits := 0
	switch text[1] {
	case 'x':
		digits = 2
	case 'u':
		digits = 4
	case 'U':
		digits = 8
	default:
		if is, ok := escapes[text[1]]; ok {
			return is, 2
		}
		return text[1], 2
	}
	width = min(2+digits, len(text))
	code, err := strconv.ParseUint(string(text[2:width]), 16, 32)
	if err != nil {
		return 0, width
	}
	return rune(code), width
}

// escapes are the characters that YAML writes as another one behind a backslash.
var escapes = map[rune]rune{
	'0': 0, 'a': '\a', 'b': '\b', 't': '\t', 'n': '\n', 'v': '\v', 'f': '\f', 'r': '\r', 'e': 0x1b,
	'N': 0x85, '_': 0xa0, 'L': 0x2028, 'P': 0x2029,
}
