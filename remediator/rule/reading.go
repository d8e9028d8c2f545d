package rule

import (
	"fmt"

	"github.com/makegood/makegood/remediator/rule/expression"
)

// Reading is a condition taken apart, to tell how near to true it was. Of the three at
// most one is there. Only who asks for it pays for it.
type Reading struct {
	Comparison   *Comparison // the condition compares two values
	Alternatives []*Reading  // || joins these
	Conditions   []*Reading  // && joins these

	expr *Expr
}

// Read takes a condition of the rule apart.
func (r *Rule) Read(condition string) (*Reading, error) {
	scope, err := r.scope()
	if err != nil {
		return nil, err
	}
	return (&reader{scope: scope, calls: r.calls()}).read(condition)
}

// scope is what the rule's expressions may name. To keep it would cost every rule.
func (r *Rule) scope() (*expression.Scope, error) {
	engine, err := expression.NewEngine()
	if err != nil {
		return nil, err
	}
	var lets []expression.Variable
	for _, let := range r.Lets {
		lets = append(lets, expression.Variable{Name: let.Name, Type: let.Expr.program.Type})
	}
	return engine.Scope(lets...)
}

// reader compiles the parts of a condition, which call the aggregates of its rule.
type reader struct {
	scope *expression.Scope
	calls *expression.Calls
}

func (c *reader) read(text string) (*Reading, error) {
	program, err := c.compile(text)
	if err != nil {
		return nil, err
	}
	read := &Reading{expr: &Expr{Text: text, program: program}}
	if parts := expression.Alternatives(text); len(parts) > 1 {
		read.Alternatives, err = c.readAll(parts)
	} else if parts := expression.Conditions(text); len(parts) > 1 {
		read.Conditions, err = c.readAll(parts)
	} else {
		read.Comparison, err = c.comparison(text)
	}
	return read, err
}

func (c *reader) readAll(texts []string) ([]*Reading, error) {
	var all []*Reading
	for _, text := range texts {
		read, err := c.read(text)
		if err != nil {
			return nil, err
		}
		all = append(all, read)
	}
	return all, nil
}

func (c *reader) compile(text string) (*expression.Program, error) {
	program, issues := c.scope.Compile(text, c.calls)
	if issues != nil {
		return nil, fmt.Errorf("compile %s, a part of a condition: %s", text, issues[0].Message)
	}
	return program, nil
}

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

// Judge judges a condition that was taken apart, after HavingConditions with its
// aggregates.
func (e *Evaluation) Judge(r *Reading) Condition { return e.condition(r.expr) }
