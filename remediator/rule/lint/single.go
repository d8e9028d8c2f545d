package lint

import (
	"slices"
	"strings"

	"github.com/makegood/makegood/remediator/rule"
	"github.com/makegood/makegood/remediator/rule/logic"
)

// never warns of a rule, or of one of its types, for which no event can pass.
func (s *studied) never() {
	impossible := 0
	for i, c := range s.claims {
		if c.And(s.read(s.Having)).Never() {
			impossible++
			if len(s.claims) > 1 {
				s.neverOf(s.Filters[i])
			}
		}
	}
	s.dead = impossible == len(s.claims)
	if impossible > 0 && len(s.claims) == 1 {
		s.neverOf(s.Filters[0])
	}
}

func (s *studied) neverOf(f rule.Filter) {
	key, which := "if", ""
	if len(s.Filters) > 1 {
		key, which = "event", " of an event "+f.Event
	}
	why := s.culprits(f)
	if len(why) > 0 && slices.ContainsFunc(s.HavingConditions, func(x *rule.Expr) bool { return x.Text == why[len(why)-1] }) {
		key = "having"
	}
	const hint = "mend the condition, or remove the rule"
	switch len(why) {
	case 0:
		s.source.Warnf(s.at(key), "never", hint, "the rule can never fire%s: its conditions exclude each other", which)
	case 1:
		s.source.Warnf(s.at(key), "never", hint, "the rule can never fire%s: %s holds for no event", which, why[0])
	default:
		s.source.Warnf(s.at(key), "never", hint, "the rule can never fire%s: %s and %s exclude each other", which, why[0], why[1])
	}
}

// textOrder warns of a number in quotes.
func (s *studied) textOrder() {
	for _, f := range s.Filters {
		for _, x := range slices.Concat(f.Conditions, s.HavingConditions) {
			term, than := s.read(x).TextOrder()
			if term == "" {
				continue
			}
			key := "if"
			if slices.Contains(s.HavingConditions, x) {
				key = "having"
			}
			s.source.Warnf(s.at(key), "text-order", "write the number without quotes: "+than, "%s is ordered by the text %q: letter by letter, and a number is neither above nor below a text", term, than)
			return
		}
	}
}

// culprits returns the condition that cannot hold, or the two that cannot hold
// together; none when it takes more of them.
func (s *studied) culprits(f rule.Filter) []string {
	all := slices.Concat(f.Conditions, s.HavingConditions)
	claims := make([]logic.Claim, len(all))
	for i, x := range all {
		if claims[i] = s.read(x).And(s.typed(f)); claims[i].Never() {
			return []string{x.Text}
		}
	}
	for i := range all {
		for j := range i {
			if claims[j].And(claims[i]).Never() {
				return []string{all[j].Text, all[i].Text}
			}
		}
	}
	return nil
}

// budget warns of money without a budget. For a live rule it is an error already.
func (s *studied) budget() {
	if !s.MovesMoney() || s.Limits.Budget != nil || s.Mode != rule.Shadow || s.Name == rule.RequestName {
		return
	}
	pays := ""
	for _, step := range s.Steps {
		if step.Kind == rule.Refund || step.Kind == rule.Credit {
			pays = step.Kind
			break
		}
	}
	s.source.Warnf(s.at("rule"), "no-budget", "say what it may cost: limits: {budget: {amount: 500.00 USD, within: 1d}}; a backtest says what it would have",
		"the rule has a %s and no budget: nothing bounds what a mistake in it, or a storm, would pay, and it cannot be live", strings.ToLower(pays))
}
