package lint

import (
	"strings"

	"github.com/makegood/makegood/remediator/event"
	"github.com/makegood/makegood/remediator/rule"
	"github.com/makegood/makegood/remediator/rule/expression"
)

// neverComes warns of a counterpart that no event can be: the rule would then fire for
// every event that waits for one.
func (s *studied) neverComes() {
	if s.Unless == nil {
		return
	}
	for _, f := range s.Unless.Filters {
		if !s.claim(f).Never() {
			continue
		}
		which := "the counterpart can never come, so the rule fires for every event that waits for it"
		if len(s.Unless.Filters) > 1 {
			which = "no event " + f.Event + " can be the counterpart"
		}
		why := s.culprits(f, nil)
		s.source.Warnf(s.at("unless"), "never", s.advice(why, "mend the condition of unless"), "%s: %s", which, because(why))
	}
}

// absentPays warns of a counterpart that lacks a field: where a condition has no value for
// want of it, nothing came, and the rule pays. What stands for a field that is absent, or
// asks whether it is there, has a value for a counterpart without any data.
func (s *studied) absentPays() {
	if s.Unless == nil || !s.MovesMoney() {
		return
	}
	for i := range s.Unless.Filters {
		f := &s.Unless.Filters[i]
		bare := &event.Event{Type: strings.TrimSuffix(f.Event, "*")}
		all := s.Evaluate(rule.NewValues(bare, 0)).Conditions(f)
		for _, c := range all {
			if expression.IsAbsent(c.Err) && !c.GuardedBy(all...) {
				s.source.Warnf(s.at("unless"), "absent-pays", "say what an absent field means, like data.?field.orValue(…)",
					"an event %s that lacks a field is no counterpart, and the rule pays: %s (%v)", f.Event, c.Text, c.Err)
				return
			}
		}
	}
}

// neverCounts warns of what an aggregate counts when no event of the rule can be that.
func (s *studied) neverCounts() {
	for i, a := range s.Aggregates {
		if a.If == nil || s.dead {
			continue
		}
		why, some := []string(nil), false
		for _, f := range s.Filters {
			if !s.claim(f).And(s.read(a.If)).Never() {
				some = true
				break
			}
			why = s.culprits(f, []*rule.Expr{a.If})
		}
		if !some {
			key := "do"
			if i < s.HavingCalls {
				key = "having"
			}
			s.source.Warnf(s.at(key), "never", s.advice(why, "mend what it counts"), "%s takes no event: %s", call(a), because(why))
		}
	}
}

// call writes an aggregate as it is called.
func call(a rule.Aggregate) string {
	if a.Arg == nil {
		return a.Func + "(" + a.If.Text + ")"
	}
	return a.Func + "(" + a.Arg.Text + ", " + a.If.Text + ")"
}
