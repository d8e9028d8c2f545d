package document

import (
	"fmt"
	"slices"
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
	// Words are what other languages call keys, in small letters, with the key that each
	// means here. A key that is not known is taken for one of them.
	Words map[string]string

	lines    []string // as written
	repaired []string // as read
	anchored bool     // an anchor has been reported
	merged   bool     // a key << has been reported

	guessed map[int]bool // lines, from 1, of which it is a guess how they are meant
	parsed  bool

	asWritten *yaml.Node // what YAML reads in the file without repairs, if it can

	reported map[Severity]int // problems, shown or not
	rest     map[Severity]int // where among Problems it is said how many are not shown

	walk *walk // the last one
}

// NewSource returns a source for a file's text.
func NewSource(path, text string) *Source {
	lines := strings.Split(text, "\n")
	s := &Source{Path: path, lines: lines, repaired: append([]string(nil), lines...)}
	s.Forget()
	return s
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

// Repaired returns the lines as they were read after Parse.
func (s *Source) Repaired() []string { return slices.Clone(s.repaired) }

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

// maxProblems bounds the errors that are shown of one file, and the warnings, which take
// no error's place; behind so many nobody reads on.
const maxProblems = 200

// maxCounted bounds what is only counted: a file of long lines has tens of thousands.
const maxCounted = 10 * maxProblems

// Full reports whether so much is wrong that nobody needs to read on.
func (s *Source) Full() bool { return s.reported[Error] >= maxCounted }

// Errors returns how many errors were reported, shown or not.
func (s *Source) Errors() int { return s.reported[Error] }

// Forget drops the problems found so far.
func (s *Source) Forget() {
	s.Problems, s.reported, s.rest = nil, map[Severity]int{}, map[Severity]int{}
}

func (s *Source) report(severity Severity, at Place, code, hint, message string) {
	at.Line = min(max(at.Line, 1), len(s.lines))
	if s.parsed && s.guessed[at.Line] {
		return // what the line says is wrong already, and the rest of it is not known
	}
	at.Col = s.written(at)
	if slices.ContainsFunc(s.Problems, func(p Problem) bool {
		return p.Line == at.Line && p.Col == at.Col && p.Code == code && p.Message == message
	}) {
		return // several things may read one mistake: every rule reads the defaults of its file
	}
	s.reported[severity]++
	if more := s.reported[severity] - maxProblems; more > 0 {
		s.unshown(severity, at, more)
		return
	}
	s.Problems = append(s.Problems, Problem{
		File: s.Path, Line: at.Line, Col: at.Col, Severity: severity, Code: code,
		Message: message, Hint: hint, Frame: frame(at.Line, at.Col, s.Line(at.Line)),
	})
}

// guess marks a line, from 0, of which it is a guess how it is meant.
func (s *Source) guess(line int) {
	if s.guessed == nil {
		s.guessed = make(map[int]bool)
	}
	s.guessed[line+1] = true
}

// unshown says once, where the first of them is, how many problems are not shown.
func (s *Source) unshown(severity Severity, at Place, more int) {
	message := "not shown of the file: "
	if s.reported[severity] >= maxCounted {
		message += "at least "
	}
	message += plural(more, "more "+string(severity))
	if more == 1 {
		s.rest[severity] = len(s.Problems)
		s.Problems = append(s.Problems, Problem{File: s.Path, Line: at.Line, Col: at.Col, Severity: severity, Code: "more", Hint: "mend those that are shown first"})
	}
	s.Problems[s.rest[severity]].Message = message
}

// written returns the column that a place of the text as read has in the text as
// written. Repairs only add quotes, change indentation, and have a space in place of a comma
// that parts nothing, so both are walked side by side from the first sign on.
func (s *Source) written(at Place) int {
	line := s.lines[at.Line-1]
	read := s.repaired[at.Line-1]
	if line == read || strings.TrimSpace(read) == "" {
		return max(at.Col, 1)
	}
	was, is := []rune(line), []rune(read)
	i, j := indentOf(was), indentOf(is)
	for i < len(was) && was[i] == ',' && (j >= len(is) || is[j] != ',') {
		i += 1 + indentOf(was[i+1:])
	}
	for j < at.Col-1 && j < len(is) {
		if i < len(was) && (was[i] == is[j] || was[i] == ',' && is[j] == ' ') {
			i++
		}
		j++
	}
	return i + 1
}

func indentOf(line []rune) int {
	i := 0
	for i < len(line) && isBlank(line[i]) {
		i++
	}
	return i
}

func isBlank(r rune) bool { return r == ' ' || r == '\t' }

func (s *Source) readLine(number int) string {
	if number < 1 || number > len(s.repaired) {
		return ""
	}
	return s.repaired[number-1]
}
