package document

import (
	"fmt"
	"strings"

	"go.yaml.in/yaml/v4"
)

// Source is a file being read. It collects the problems found in it.
type Source struct {
	Path     string
	Problems Problems
	// Broken is set when a part of the file could not be read at all, so that
	// what seems to be missing may just be unread.
	Broken bool

	lines    []string // as written
	repaired []string // as read
	shifts   map[int]shift
}

// shift says that the repair of a line moved what stands at or behind a column.
type shift struct{ from, by int }

// NewSource returns a source for a file's text.
func NewSource(path, text string) *Source {
	lines := strings.Split(text, "\n")
	return &Source{Path: path, lines: lines, repaired: append([]string(nil), lines...), shifts: make(map[int]shift)}
}

// Line returns a line as written, from 1; "" outside of the file.
func (s *Source) Line(number int) string {
	if number < 1 || number > len(s.lines) {
		return ""
	}
	return s.lines[number-1]
}

// Lines returns how many lines the file has.
func (s *Source) Lines() int { return len(s.lines) }

// Place is a place in the file, both numbers from 1, columns in characters.
type Place struct{ Line, Col int }

// At returns the place of a node.
func At(n *yaml.Node) Place { return Place{n.Line, n.Column} }

// Errorf reports an error. The hint may be empty.
func (s *Source) Errorf(at Place, code, hint, format string, args ...any) {
	s.report(Error, at, code, hint, fmt.Sprintf(format, args...))
}

// Warnf reports a warning. The hint may be empty.
func (s *Source) Warnf(at Place, code, hint, format string, args ...any) {
	s.report(Warning, at, code, hint, fmt.Sprintf(format, args...))
}

// maxProblems bounds what is reported of one file; behind it nobody reads on.
const maxProblems = 200

func (s *Source) report(severity Severity, at Place, code, hint, message string) {
	if len(s.Problems) >= maxProblems {
		return
	}
	if moved, ok := s.shifts[at.Line]; ok && at.Col >= moved.from {
		at.Col = max(at.Col-moved.by, 1)
	}
	at.Line = min(max(at.Line, 1), len(s.lines))
	at.Col = max(at.Col, 1)
	s.Problems = append(s.Problems, Problem{
		File: s.Path, Line: at.Line, Col: at.Col, Severity: severity, Code: code,
		Message: message, Hint: hint, Frame: frame(at.Line, at.Col, s.Line(at.Line)),
	})
}

// Within returns the place of a character of a scalar's value, by its offset in
// characters. It walks the scalar as written beside the value, so it also finds
// its way through quotes, escapes and folded lines.
func (s *Source) Within(n *yaml.Node, offset int) Place {
	at := At(n)
	line, runes := at.Line, []rune(s.readLine(at.Line))
	i := at.Col - 1
	if n.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0 {
		line++
		runes, i = []rune(s.readLine(line)), 0
	} else if n.Style&(yaml.DoubleQuotedStyle|yaml.SingleQuotedStyle) != 0 {
		i++
	}
	value := []rune(n.Value)
	for k := 0; k <= offset; k++ {
		want := rune(0)
		if k < len(value) {
			want = value[k]
		}
		if want == ' ' || want == '\n' || want == '\t' {
			if k == offset {
				break
			}
			if i < len(runes) && isBlank(runes[i]) {
				i++
			}
			continue
		}
		for want != 0 && line <= len(s.lines) && (i >= len(runes) || runes[i] != want) {
			if i++; i >= len(runes) {
				line, i = line+1, 0
				runes = []rune(s.readLine(line))
			}
		}
		if k < offset {
			i++
		}
	}
	if line > len(s.lines) {
		return at
	}
	return Place{line, i + 1}
}

func isBlank(r rune) bool { return r == ' ' || r == '\t' }

func (s *Source) readLine(number int) string {
	if number < 1 || number > len(s.repaired) {
		return ""
	}
	return s.repaired[number-1]
}
