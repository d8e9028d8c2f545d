package rule

import (
	"fmt"

	"github.com/makegood/makegood/remediator/rule/expression"
)

// Comparison is a condition that compares two values, compiled side by side to tell
// how close it was. Only who asks for it pays for it.
type Comparison struct {
	Operator    string // < <= > >= == !=
	Left, Right string // as written, but that a constant is on the right
	left, right *expression.Program
}

// Comparison returns the comparison that a condition of the rule is, nil when it is
// something else.
func (r *Rule) Comparison(condition string) (*Comparison, error) {
	left, operator, right, ok := expression.Comparison(condition)
	if !ok {
		return nil, nil
	}
	engine, err := expression.NewEngine()
	if err != nil {
		return nil, err
	}
	var lets []expression.Variable
	for _, let := range r.Lets {
		lets = append(lets, expression.Variable{Name: let.Name, Type: let.Expr.program.Type})
	}
	scope, err := engine.Scope(lets...)
	if err != nil {
		return nil, err
	}
	if constant, issues := scope.Compile(left, nil); issues == nil && len(constant.Paths)+len(constant.Lets) == 0 {
		left, operator, right = right, mirrored[operator], left // 3 < data.n: what is compared is data.n
	}
	c := &Comparison{Operator: operator, Left: left, Right: right}
	for _, side := range []struct {
		text string
		into **expression.Program
	}{{left, &c.left}, {right, &c.right}} {
		program, issues := scope.Compile(side.text, r.calls())
		if issues != nil {
			return nil, fmt.Errorf("compile %s, a side of %s: %s", side.text, condition, issues[0].Message)
		}
		*side.into = program
	}
	return c, nil
}

var mirrored = map[string]string{"<": ">", ">": "<", "<=": ">=", ">=": "<=", "==": "==", "!=": "!="}

// calls are the aggregates of the rule, in their slots.
func (r *Rule) calls() *expression.Calls {
	calls := &expression.Calls{}
	for _, a := range r.Aggregates {
		call := expression.Call{Func: a.Func}
		if a.Arg != nil {
			call.ArgText, call.Arg = a.Arg.Text, a.Arg.program
		}
		if a.If != nil {
			call.IfText, call.If = a.If.Text, a.If.program
		}
		calls.List = append(calls.List, call)
	}
	return calls
}

// Sides evaluates both sides of a comparison, after HavingConditions with its
// aggregates.
func (e *Evaluation) Sides(c *Comparison) (left, right any, err error) {
	if left, err = c.left.Eval(e); err == nil {
		right, err = c.right.Eval(e)
	}
	return left, right, err
}
