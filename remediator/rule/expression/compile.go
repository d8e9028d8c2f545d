package expression

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
)

// Issue is a mistake in an expression.
type Issue struct {
	Offset  int    // in runes, of the mistake in the expression's text
	Message string // what is wrong, naming the token
	Hint    string // how to repair it; may be empty
	Unknown string // the name that nothing declares; else empty
	Called  bool   // the unknown name is called, as a function
	Syntax  bool   // the text is no expression at all
}

// Program is a compiled expression. It is immutable and safe for concurrent use.
type Program struct {
	Type  Type
	Paths []Path // what it reads of the event and its data, each once
	Lets  []string
	Slots []int // of the aggregates that it calls, each once

	// Between says of a condition of aggregates that what holds for each mix of their bounds
	// holds for all that lies between, where the aggregates in Divisors are above nothing.
	Between  bool
	Divisors []int

	// Field is the path that the expression is, with nothing around it; its Root may be a
	// let. It is nil when the expression is more.
	Field *Path

	// Negates says that there is a ! or != in it: where a field is absent, that is
	// an error and not true, which surprises.
	Negates bool

	program cel.Program

	wholes  bool        // whole numbers may be in the list, the object or the optional that it gives
	lets    []string    // that the scope had, in the order of the rule
	reads   []read      // places of the event, which a plan gives slots
	truth   truthFunc   // nil: CEL evaluates
	operand operandFunc // nil: CEL evaluates
	maxText int         // longer texts are left to CEL
	access  *Access
}

// Vars are the values that an evaluation sees: "data", "event", the lets, and
// the aggregates under the name Aggregates.
type Vars = cel.Activation

// Eval evaluates the program. An expression without a value because a field is
// absent gives an error for which IsAbsent holds.
func (p *Program) Eval(vars Vars) (any, error) {
	v, _, err := p.program.Eval(vars)
	if err != nil {
		return nil, inOurWords(err)
	}
	if opt, ok := v.(interface{ HasValue() bool }); ok && !opt.HasValue() {
		return nil, errors.New("no such key: the optional field is absent")
	}
	return Native(v)
}

// Value evaluates the program to a value that Vars may give to other programs. These do not
// know what it holds, so whole numbers in it become doubles. An error becomes a value that
// fails whatever uses it.
func (p *Program) Value(vars Vars) any {
	v, _, err := p.program.Eval(vars)
	if err != nil {
		return Failure(inOurWords(err))
	}
	if p.wholes {
		return doubled(v)
	}
	return v
}

// inOurWords rewrites the errors that name the engine's own types.
func inOurWords(err error) error {
	switch said := err.Error(); {
	case strings.HasPrefix(said, "invalid qualifier type"):
		return errors.New("a field is named by a text or a number, not by an object or a list")
	case strings.HasSuffix(said, "expected iterable type"):
		return errors.New("only a list or an object has elements to go through")
	case strings.HasPrefix(said, "unsupported index type"):
		return errors.New("an element of a list is named by a number")
	}
	return err
}

// unit is an expression on its way to a program.
type unit struct {
	scope  *Scope
	text   string
	parsed *cel.Ast
	issues []Issue
	nextID int64
	slots  []int // of the aggregates that were replaced
}

// Compile compiles an expression. Aggregates that it calls are added to calls;
// when calls is nil, a call of an aggregate is an issue.
func (s *Scope) Compile(text string, calls *Calls) (*Program, []Issue) {
	u, issues := s.parse(text)
	if issues != nil {
		return nil, issues
	}
	u.replaceAggregates(calls)
	return u.finish()
}

func (s *Scope) parse(text string) (*unit, []Issue) {
	if strings.TrimSpace(text) == "" {
		return nil, []Issue{{Message: "the expression is empty", Hint: "write an expression, for example data.delay_min >= 180"}}
	}
	if len(text) > MaxText {
		return nil, []Issue{{Message: fmt.Sprintf("the expression has %d bytes; at most %d are allowed", len(text), MaxText)}}
	}
	parsed, found := s.env.Parse(text)
	if found.Err() != nil {
		return nil, fromCELIssues(text, found)
	}
	return &unit{scope: s, text: text, parsed: parsed, nextID: ast.MaxID(parsed.NativeRep()) + 1}, nil
}

// check checks the types and settles the numbers; nil where there are issues.
func (u *unit) check() *cel.Ast {
	u.checkLiterals()
	u.presettle()
	if len(u.issues) > 0 {
		u.addUnknown()
		return nil
	}
	checked := u.settle()
	if len(u.issues) > 0 {
		return nil
	}
	return checked
}

// finish plans the program.
func (u *unit) finish() (*Program, []Issue) {
	checked := u.check()
	if checked == nil {
		return nil, u.issues
	}
	program, err := u.scope.env.Program(checked, cel.CostLimit(costLimit), compareCosts, cel.EvalOptions(cel.OptOptimize), cel.CustomDecoratorV2(decorate))
	if err != nil {
		return nil, []Issue{{Message: err.Error()}}
	}
	p := &Program{Type: fromCEL(checked.OutputType()), Slots: u.slots, program: program}
	p.wholes, p.Between = holdsWhole(checked.OutputType()), true
	if len(u.slots) > 0 {
		p.Between, p.Divisors = holdsBetween(checked.NativeRep().Expr())
	}
	u.collect(p)
	p.lets, p.reads = u.scope.lets(), reads(p.Paths)
	p.compileClosures(checked.NativeRep(), u.scope)
	return p, nil
}

// addUnknown adds the names that nothing declares to the issues, so that all are
// reported at once. An aggregate that may not be called here is an issue already.
func (u *unit) addUnknown() {
	_, found := u.scope.env.Check(u.parsed)
	if found.Err() == nil {
		return
	}
	for _, issue := range fromCELIssues(u.text, found) {
		if issue.Unknown != "" && !slices.Contains(aggregateNames, issue.Unknown) {
			u.issues = append(u.issues, issue)
		}
	}
}

// offset returns where an expression begins in the text, in runes.
func (u *unit) offset(id int64) int {
	info := u.parsed.NativeRep().SourceInfo()
	if at, ok := info.GetOffsetRange(id); ok {
		return int(at.Start)
	}
	return 0
}

func (u *unit) issue(id int64, hint, format string, args ...any) {
	u.issues = append(u.issues, Issue{Offset: u.offset(id), Message: fmt.Sprintf(format, args...), Hint: hint})
}

// nameStart returns where the name of a call begins; CEL places a call at its
// parenthesis.
func nameStart(text string, offset int, name string) int {
	runes := []rune(text)
	start := offset - len([]rune(name))
	if start >= 0 && offset <= len(runes) && string(runes[start:offset]) == name {
		return start
	}
	return offset
}
