package rule

import (
	"regexp"
	"slices"

	"github.com/makegood/makegood/remediator/rule/expression"
)

// Expr is one compiled CEL expression.
type Expr struct {
	Text    string // as written
	program *expression.Program
}

// Access returns the question to one field that the expression is, nil when it
// is more or something else.
func (e *Expr) Access() *expression.Access { return e.program.Access() }

// Let names a value.
type Let struct {
	Name string
	Expr *Expr
}

// Condition is one condition of a rule, judged for an event.
type Condition struct {
	Text  string
	Value bool
	Err   error // the condition has no value
	// Negates says that there is a ! or != in it.
	Negates bool
	Seen    map[string]any // what it read, by the path as written; absent fields are left out
	// Absent are the paths that it read in vain, when it has a value all the same; else
	// the error names the first.
	Absent []string

	expr *Expr
	of   *Evaluation
}

// Said is why the condition has no value, in our words. It costs more than to judge the
// condition did, so only of what is shown it is asked.
func (c Condition) Said() error { return c.of.said(c.expr, c.Err) }

// guard is a condition that asks whether one field is there, and nothing else.
var guard = regexp.MustCompile(`^has\([^()]*\)$`)

// GuardedBy reports whether the condition has no value for want of the fields alone of which
// others, each has(field), say that they are not there: together they say what those do.
func (c Condition) GuardedBy(others ...Condition) bool {
	if !expression.IsAbsent(c.Err) {
		return false
	}
	var asked []expression.Path
	for _, other := range others {
		if paths := other.expr.program.Paths; !other.Value && other.Err == nil && guard.MatchString(expression.Line(other.Text)) && len(paths) == 1 {
			asked = append(asked, paths[0])
		}
	}
	reads := []*Expr{c.expr}
	for _, let := range c.of.rule.letsOf(reads) {
		reads = append(reads, let.Expr)
	}
	guarded := false
	for _, x := range reads {
		for _, path := range x.program.Paths {
			if _, there := c.of.seen(path); there {
				continue
			}
			if !slices.ContainsFunc(asked, path.Within) {
				return false
			}
			guarded = true
		}
	}
	return guarded
}

// canonical returns the text under which a window knows an expression: as
// written, without white space around it.
func (e *Expr) canonical() string {
	if e == nil {
		return ""
	}
	return e.Text
}
