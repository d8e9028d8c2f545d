package match

import (
	"math"

	"github.com/makegood/makegood/remediator/event"
	"github.com/makegood/makegood/remediator/money"
	"github.com/makegood/makegood/remediator/rule"
)

// Baseline returns the matcher that is as plain as can be: it decodes each
// event, finds the rules by its type and evaluates each one's expressions with
// the engine that defines them. New is held to it.
func Baseline(set *rule.Set) Matcher { return baseline{set: set} }

type baseline struct{ set *rule.Set }

// Match implements Matcher.
func (m baseline) Match(raw []byte, at int64) (Result, error) {
	ev, err := event.Decode(raw)
	if err != nil {
		return Result{}, err
	}
	result := Judge(m.set, &ev, at)
	if result.Idle() {
		result.Event = nil
	}
	return result, nil
}

// Judge judges one event that need not be stored, nor of a type that others
// emit, as Baseline does.
func Judge(set *rule.Set, ev *event.Event, at int64) Result {
	result := Result{ID: []byte(ev.ID), Source: []byte(ev.Source), Event: ev, Time: ev.Time}
	clauses := set.Clauses(ev.Type)
	if len(clauses) == 0 {
		return result
	}
	values := rule.NewValues(ev, at)
	for _, c := range clauses {
		evaluation := c.Rule.Evaluate(values)
		holds, err := evaluation.Meets(c.Filter)
		switch {
		case err != nil:
			result.Errors = append(result.Errors, Error{c.Rule, c.Ends, evaluation, c.Filter})
		case holds && c.Ends:
			by, noBy := evaluation.By()
			result.Ends = append(result.Ends, End{Rule: c.Rule, By: by, NoBy: noBy})
		case holds:
			result.Hits = append(result.Hits, hit(c.Rule, evaluation, evaluation))
		}
	}
	return result
}

func hit(r *rule.Rule, evaluation *rule.Evaluation, rest Rest) Hit {
	h := Hit{Rule: r, Rest: rest}
	h.Key, h.NoKey = evaluation.Key()
	h.By, h.NoBy = evaluation.By()
	h.Until, h.NoUntil = evaluation.Until()
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
