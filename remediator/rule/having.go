package rule

import (
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/makegood/makegood/remediator/rule/expression"
)

// havingConditions splits having into what && joins. The parts call aggregates
// that the whole calls, so they share its slots.
func (b *builder) havingConditions(n *yaml.Node) {
	if b.r.Having == nil {
		return
	}
	for _, text := range expression.Conditions(b.r.Having.Text) {
		if part := b.part(n, text, &b.calls); part != nil {
			b.r.HavingConditions = append(b.r.HavingConditions, part)
		}
	}
}

// Call writes the call of the aggregate.
func (a Aggregate) Call() string {
	var arguments []string
	for _, x := range []*Expr{a.Arg, a.If} {
		if x != nil {
			arguments = append(arguments, x.Text)
		}
	}
	return a.Func + "(" + strings.Join(arguments, ", ") + ")"
}

// HavingConditions judges each condition of the rule's having by itself, as
// Conditions does those of its if. aggregates are as in Having; what a condition
// read of them is named by their calls.
func (e *Evaluation) HavingConditions(aggregates []any) []Condition {
	e.slots = aggregates
	conditions := make([]Condition, 0, len(e.rule.HavingConditions))
	for _, x := range e.rule.HavingConditions {
		conditions = append(conditions, e.condition(x))
	}
	return conditions
}
