package expression

import (
	"errors"
	"fmt"
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
}

// Program is a compiled expression. It is immutable and safe for concurrent use.
type Program struct {
	Type  Type
	Paths []Path // what it reads of the event and its data, each once
	Lets  []string

	program cel.Program
}

// Vars are the values that an evaluation sees: "data", "event", the lets, and
// the aggregates under the name Aggregates.
type Vars = cel.Activation

// Eval evaluates the program. An expression without a value because a field is
// absent gives an error for which IsAbsent holds.
func (p *Program) Eval(vars Vars) (any, error) {
	v, _, err := p.program.Eval(vars)
	if err != nil {
		return nil, err
	}
	if opt, ok := v.(interface{ HasValue() bool }); ok && !opt.HasValue() {
		return nil, errors.New("no such key: the optional field is absent")
	}
	return Native(v)
}

// Value evaluates the program to a value that Vars may give to other programs.
// An error becomes a value that fails whatever uses it.
func (p *Program) Value(vars Vars) any {
	v, _, err := p.program.Eval(vars)
	if err != nil {
		return Failure(err)
	}
	return v
}

// unit is an expression on its way to a program.
type unit struct {
	scope  *Scope
	text   string
	parsed *cel.Ast
	issues []Issue
	nextID int64
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

// finish checks the types, settles the numbers and plans the program.
func (u *unit) finish() (*Program, []Issue) {
	u.checkLiterals()
	u.presettle()
	if len(u.issues) > 0 {
		return nil, u.issues
	}
	checked := u.settle()
	if len(u.issues) > 0 {
		return nil, u.issues
	}
	program, err := u.scope.env.Program(checked, cel.CostLimit(costLimit), cel.EvalOptions(cel.OptOptimize))
	if err != nil {
		return nil, []Issue{{Message: err.Error()}}
	}
	p := &Program{Type: fromCEL(checked.OutputType()), program: program}
	u.collect(p)
	return p, nil
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

// fromCELIssues turns what CEL found into issues; its messages name CEL's own
// parts, so the common ones are said in the words of a rule author.
func fromCELIssues(text string, found *cel.Issues) []Issue {
	var issues []Issue
	for _, e := range found.Errors() {
		issue := Issue{Offset: offsetAt(text, e.Location.Line(), e.Location.Column()), Message: e.Message}
		explain(&issue)
		if issue.Unknown != "" {
			issue.Offset = nameStart(text, issue.Offset, issue.Unknown)
		}
		issues = append(issues, issue)
		if strings.HasPrefix(e.Message, "Syntax error") {
			break // what follows is only the parser finding its way again
		}
	}
	if len(issues) == 0 {
		issues = append(issues, Issue{Message: found.Err().Error()})
	}
	return issues
}

func explain(issue *Issue) {
	message := issue.Message
	if syntax, ok := strings.CutPrefix(message, "Syntax error: "); ok {
		message, issue.Hint = explainSyntax(syntax)
	}
	if name, ok := strings.CutPrefix(message, "undeclared reference to '"); ok {
		issue.Unknown, _, _ = strings.Cut(name, "'")
		message = fmt.Sprintf("nothing is called %q", issue.Unknown)
	}
	if applied, ok := strings.CutPrefix(message, "found no matching overload for '"); ok {
		message, issue.Hint = explainOverload(applied)
	}
	issue.Message = strings.ReplaceAll(message, " (in container '')", "")
}

// explainSyntax names the token that the parser stumbled over and, for what
// other languages write differently, how it is written here.
func explainSyntax(message string) (explained, hint string) {
	_, token, found := strings.Cut(message, "'")
	if !found {
		return message, ""
	}
	token, after, _ := strings.Cut(token, "'")
	token = strings.TrimSpace(token)
	explained = "unexpected " + token
	switch token {
	case "<EOF>":
		explained, hint = "the expression ends too early", "something is missing: an operand, a closing bracket or a quote"
	case "=":
		hint = "equality is written =="
	case "and", "&":
		hint = "and is written &&"
	case "or", "|":
		hint = "or is written ||"
	case "not":
		hint = "not is written !"
	case "is":
		hint = "equality is written =="
	case "<>":
		hint = "inequality is written !="
	default:
		if strings.Contains(after, "expecting IDENTIFIER") {
			hint = fmt.Sprintf("a field with a reserved name is written in brackets: [%q]", token)
		}
	}
	return explained, hint
}

// explainOverload takes the rest of CEL's message: _*_' applied to '(money, int)'.
func explainOverload(applied string) (message, hint string) {
	name, types, _ := strings.Cut(applied, "' applied to '")
	types = strings.NewReplacer("string", "text", "double", "number", "int", "whole number", "dyn", "any").Replace(strings.TrimSuffix(types, "'"))
	return explainTypes(strings.Trim(strings.ReplaceAll(name, "_", " "), " "), types)
}

func explainTypes(operator, types string) (message, hint string) {
	message = fmt.Sprintf("%s does not take %s", operator, types)
	switch {
	case strings.Contains(types, "money") && strings.Contains(types, "text"):
		hint = `money is never compared or combined with a text: write money("…") around the text`
	case strings.Contains(types, "money") && (operator == "*" || operator == "/"):
		hint = "a part of an amount is written pct(amount, percent)"
	case strings.Contains(types, "money"):
		hint = "money goes only with money: write money(…) around the other side"
	case strings.Contains(types, "text") && strings.Contains(types, "number"):
		hint = "texts and numbers are never mixed: write double(…) around the text, or string(…) around the number"
	}
	return message, hint
}

// offsetAt turns a line (from 1) and a column (from 0, in runes) into an offset.
func offsetAt(text string, line, column int) int {
	offset := 0
	for _, r := range text {
		if line <= 1 {
			break
		}
		offset++
		if r == '\n' {
			line--
		}
	}
	return offset + max(column, 0)
}
