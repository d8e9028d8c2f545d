// Package document reads YAML files that people write and reports everything
// wrong with them in one pass.
//
// A problem names file, line and column, the token, the repair, and shows the
// line. Mistakes that keep YAML itself from being read (a tab, an expression
// that YAML takes for something else) are repaired in memory after they were
// reported, so that the rest of the file is judged too. Package rule reads rule
// files with it; whatever else is written by hand in YAML can.
package document

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/makegood/makegood/remediator/visible"
)

// Severity says whether a problem keeps the file from being used.
type Severity string

// The severities.
const (
	Error   Severity = "error"
	Warning Severity = "warning"
)

// Problem is one thing wrong with a file.
type Problem struct {
	File     string   `json:"file"`
	Line     int      `json:"line"` // from 1
	Col      int      `json:"col"`  // from 1, in characters
	Severity Severity `json:"severity"`
	Code     string   `json:"code"`
	Message  string   `json:"message"`
	Hint     string   `json:"hint,omitempty"`  // how to repair it
	Frame    string   `json:"frame,omitempty"` // the line with a mark below the place
}

// String writes the problem as a compiler does, with its frame and hint.
func (p Problem) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s:%d:%d: %s: %s [%s]", p.File, p.Line, p.Col, p.Severity, p.Message, p.Code)
	if p.Frame != "" {
		b.WriteString("\n" + p.Frame)
	}
	if p.Hint != "" {
		b.WriteString("\n    " + strings.ReplaceAll(p.Hint, "\n", "\n    "))
	}
	return b.String()
}

// Problems are the problems of a set of files. As an error it is a pointer.
type Problems []Problem

// Error writes all problems and counts them.
func (p *Problems) Error() string {
	return p.Format() + "\n" + p.Count()
}

// Format writes all problems, one after the other.
func (p *Problems) Format() string {
	texts := make([]string, len(*p))
	for i, problem := range *p {
		texts[i] = problem.String()
	}
	return strings.Join(texts, "\n")
}

// Failed reports whether any of the problems is an error.
func (p *Problems) Failed() bool {
	return slices.ContainsFunc(*p, func(problem Problem) bool { return problem.Severity == Error })
}

// Count says how many errors and warnings there are, "" for no problem.
func (p *Problems) Count() string {
	errors := 0
	for _, problem := range *p {
		if problem.Severity == Error {
			errors++
		}
	}
	switch warnings := len(*p) - errors; {
	case warnings == 0 && errors == 0:
		return ""
	case warnings == 0:
		return plural(errors, "error")
	case errors == 0:
		return plural(warnings, "warning")
	default:
		return plural(errors, "error") + ", " + plural(warnings, "warning")
	}
}

// Sort puts the problems in the order of the files and drops repeats.
func (p *Problems) Sort() {
	slices.SortStableFunc(*p, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Col, b.Col))
	})
	*p = slices.Compact(*p)
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// maxFrame bounds the part of a line that a frame shows, in characters.
const maxFrame = 160

// frame shows a line with a mark below a column. What would hide in the line, or steer
// a terminal, is seen.
func frame(number, col int, line string) string {
	runes := []rune(visible.Line(strings.ReplaceAll(strings.TrimRight(line, "\r"), "\t", "→")))
	from := 0
	if col > maxFrame-20 {
		from = min(col-maxFrame/2, len(runes))
	}
	shown := runes[from:min(len(runes), from+maxFrame)]
	before := shown[:min(max(col-1-from, 0), len(shown))]
	behind := max(col-1-from-len(shown), 0) // of the end of the line
	gutter := fmt.Sprintf("%5d | ", number)
	return gutter + string(shown) + "\n" + strings.Repeat(" ", len(gutter)-2) + "| " + strings.Repeat(" ", visible.Columns(string(before))+behind) + "^"
}
