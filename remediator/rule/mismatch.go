package rule

import (
	"errors"
	"fmt"
	"strings"

	"github.com/makegood/makegood/remediator/rule/expression"
)

// said is the error of an expression in our words, where it is that an operation does not
// take the types of its values: the event decides these, so nobody was told before.
func (e *Evaluation) said(x *Expr, err error) error {
	if !expression.IsMismatch(err) {
		return err
	}
	scope, failed := e.rule.scope()
	if failed != nil {
		return err
	}
	if says, found := scope.Mismatch(x.Text, e.rule.calls(), e); found {
		return errors.New(says)
	}
	for _, let := range e.rule.letsOf([]*Expr{x}) { // what is wrong with it is wrong with one of them
		if says, found := scope.Mismatch(let.Expr.Text, nil, e); found {
			return fmt.Errorf("the let %s: %s", let.Name, says)
		}
	}
	return errors.New("an operation in it does not take the types of its values") // of some element of a list
}

// Said is the error of Actions in our words. aggregates are as there.
func (e *Evaluation) Said(err error, aggregates []any) error {
	if !expression.IsMismatch(err) {
		return err
	}
	e.slots = aggregates
	step, _, _ := strings.Cut(err.Error(), expression.NoOverload)
	for _, x := range e.rule.rest() {
		if _, failed := e.Value(x); expression.IsMismatch(failed) {
			return fmt.Errorf("%s%w", step, e.said(x, failed))
		}
	}
	return err
}
