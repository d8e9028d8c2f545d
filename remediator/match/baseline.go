package match

import (
	"math"

	"github.com/makegood/makegood/remediator/event"
	"github.com/makegood/makegood/remediator/money"
	"github.com/makegood/makegood/remediator/rule"
)

// New returns the baseline matcher: it finds the rules by the event's type and
// evaluates each one's expressions.
func New(set *rule.Set) Matcher { return baseline{set: set} }

type baseline struct{ set *rule.Set }

// Match implements Matcher.
func (m baseline) Match(ev *event.Event, at int64) Result {
	var result Result
	rules := m.set.ForType(ev.Type)
	if len(rules) == 0 {
		return result
	}
	values := rule.NewValues(ev, at)
	for _, r := range rules {
		evaluation := r.Evaluate(values)
		holds, err := evaluation.If()
		switch {
		case err != nil:
			result.Errors = append(result.Errors, Error{Rule: r, Reason: err.Error()})
		case holds:
			result.Hits = append(result.Hits, hit(r, evaluation))
		}
	}
	return result
}

func hit(r *rule.Rule, evaluation *rule.Evaluation) Hit {
	h := Hit{Rule: r, Rest: evaluation}
	h.Key, h.NoKey = evaluation.Key()
	h.By, h.NoBy = evaluation.By()
	if len(r.Aggregates) > 0 {
		h.Args = make([]Arg, len(r.Aggregates))
		for i, aggregate := range r.Aggregates {
			h.Args[i] = argument(aggregate, evaluation)
		}
	}
	return h
}

// argument evaluates what the event contributes to an aggregate. A predicate
// that is an error does not hold, as an if that is one.
func argument(aggregate rule.Aggregate, evaluation *rule.Evaluation) Arg {
	arg := Arg{Counted: true}
	arg.Pass, _ = evaluation.Holds(aggregate.If)
	if aggregate.Arg == nil {
		return arg
	}
	value, err := evaluation.Value(aggregate.Arg)
	if err != nil {
		return Arg{Pass: arg.Pass}
	}
	if aggregate.Func == "distinct" {
		text, why := rule.Canonical(value)
		arg.Kind, arg.Text, arg.Counted = Text, text, why == ""
		return arg
	}
	switch v := value.(type) {
	case float64:
		// Infinities and what is no number would poison the window for good.
		arg.Kind, arg.Num, arg.Counted = Number, v, !math.IsInf(v, 0) && !math.IsNaN(v)
	case money.Money:
		arg.Kind, arg.Money = Amount, v
	case string, map[string]any:
		m, err := money.FromJSON(v)
		if err != nil {
			return Arg{Pass: arg.Pass}
		}
		arg.Kind, arg.Money = Amount, m
	default:
		return Arg{Pass: arg.Pass}
	}
	return arg
}
