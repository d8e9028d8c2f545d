package document

import (
	"regexp"
	"strings"
)

// bodies marks the lines that go on with a text which begins above them: those of block
// scalars, and the further ones of plain texts and of texts in quotes. What looks like
// YAML on them is none.
func (s *Source) bodies() []bool {
	bodies := make([]bool, len(s.repaired))
	running := openText{kind: noText}
	for i, line := range s.repaired {
		if bodies[i] = running.goesOn(line); !bodies[i] {
			running = running.next(line)
		}
	}
	return bodies
}

// openText is what the lines so far leave open.
type openText struct {
	kind   textKind
	indent int  // of the key or dash that it belongs to: its lines are indented deeper
	quote  byte // that ends it
}

type textKind int

const (
	noText    textKind = iota
	awaited            // a key has no value yet: it may begin on the next line
	plainText          // ends before a key, a dash or a comment
	quotedText
	blockText
)

// beginning is a line with its dashes, its key and what stands behind them.
var beginning = regexp.MustCompile(`^(\s*(?:-(?: +|$))*)([A-Za-z_][A-Za-z0-9_.-]*:(?:[ \t]+|$))?(.*)$`)

var blockHeader = regexp.MustCompile(`^[|>][-+0-9]*\s*(#.*)?$`)

// opensBlock reports whether a block scalar begins below a line.
func opensBlock(line string) bool {
	return blockHeader.MatchString(beginning.FindStringSubmatch(line)[3])
}

// goesOn reports whether a line belongs to the text that is running.
func (t *openText) goesOn(line string) bool {
	if t.kind < plainText {
		return false
	}
	blank := strings.TrimSpace(line) == ""
	switch indented := blank || leading(line) > t.indent; {
	case !indented:
		return false
	case t.kind == blockText || blank:
		return true
	case keyLine.MatchString(line):
		return false // a quote that is not closed, or a line that is indented too far
	case t.kind == quotedText:
		if ends(line, t.quote) {
			t.kind = noText
		}
		return true
	}
	content := strings.TrimLeft(line, " \t")
	if content[0] == '#' || strings.HasPrefix(content, "- ") {
		return false
	}
	if _, comment := splitComment(content); comment != "" {
		t.kind = noText
	}
	return true
}

// next returns what a line that begins something leaves open.
func (t *openText) next(line string) openText {
	if isNothing(line) {
		if t.kind == awaited {
			return *t
		}
		return openText{}
	}
	parts := beginning.FindStringSubmatch(strings.TrimRight(line, " \t\r"))
	head, key, value := parts[1], parts[2], parts[3]
	open := openText{kind: plainText, indent: len(head)}
	switch dash := strings.LastIndexByte(head, '-'); {
	case key != "":
	case dash >= 0:
		open.indent = dash
	case t.kind == awaited && len(head) > t.indent:
		open.indent = t.indent
	default:
		return openText{}
	}
	value, comment := splitComment(value)
	switch {
	case value == "" || value[0] == '#':
		open.kind = awaited
	case opensBlock(line):
		open.kind = blockText
	case value[0] == '"' || value[0] == '\'':
		open.kind, open.quote = quotedText, value[0]
		if closeQuote(value, 0) < len(value) {
			open.kind = noText
		}
	case strings.IndexByte("{[", value[0]) >= 0 || comment != "":
		open.kind = noText
	}
	return open
}

// isNothing reports whether a line is blank or a comment.
func isNothing(line string) bool {
	content := strings.TrimSpace(line)
	return content == "" || content[0] == '#'
}

// ends reports whether a line holds the quote that ends a text which began above it.
func ends(line string, quote byte) bool {
	closing := closeQuote(string(quote)+line, 0)
	return closing <= len(line)
}
