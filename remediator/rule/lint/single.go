package lint

import (
	"cmp"
	"slices"
	"strings"

	"github.com/makegood/makegood/remediator/rule"
	"github.com/makegood/makegood/remediator/rule/logic"
)

// never warns of a rule, or of one of its types, for which no event can pass.
func (s *studied) never() {
	impossible := 0
	for _, c := range s.claims {
		if c.And(s.read(s.Having)).Never() {
			impossible++
		}
	}
	s.dead = impossible == len(s.claims)
	for i, f := range s.Filters {
		// A type that having alone keeps from firing is still counted by the window.
		if s.nevers[i] || s.dead {
			s.neverOf(f)
		}
	}
}

func (s *studied) neverOf(f rule.Filter) {
	key, which := "if", ""
	if len(s.Filters) > 1 {
		key, which = "event", " of an event "+f.Event
	}
	why := s.culprits(f, s.HavingConditions)
	if len(why) > 0 && slices.ContainsFunc(s.HavingConditions, func(x *rule.Expr) bool { return x.Text == why[len(why)-1] }) {
		key = "having"
	}
	s.source.Warnf(s.at(key), "never", s.advice(why, "mend the condition, or remove the rule"), "the rule can never fire%s: %s", which, because(why))
}

// because says of the conditions that culprits returned why they cannot hold.
func because(why []string) string {
	switch len(why) {
	case 0:
		return "its conditions exclude each other"
	case 1:
		return why[0] + " holds for no event"
	}
	return why[0] + " and " + why[1] + " exclude each other"
}

// advice says how to write a condition that culprits returned when it compares two kinds;
// else what is given.
func (s *studied) advice(why []string, general string) string {
	if len(why) == 1 {
		return cmp.Or(s.reader.Advice(why[0]), general)
	}
	return general
}

// textOrder warns of a number in quotes, in the rule's conditions, those of what it waits
// for and what it counts.
func (s *studied) textOrder() {
	var counted []*rule.Expr
	for _, a := range s.Aggregates {
		if a.If != nil {
			counted = append(counted, a.If)
		}
	}
	in := map[string][]*rule.Expr{"having": append(counted, s.Having)}
	for _, f := range s.Filters {
		in["if"] = append(in["if"], f.If)
	}
	if s.Unless != nil {
		for _, f := range s.Unless.Filters {
			in["unless"] = append(in["unless"], f.If)
		}
	}
	for _, key := range []string{"if", "having", "unless"} {
		for _, x := range in[key] {
			if term, than := s.read(x).TextOrder(); term != "" {
				s.source.Warnf(s.at(key), "text-order", "write the number without quotes: "+than, "%s is ordered by the text %q: letter by letter, and a number is neither above nor below a text", term, than)
				return
			}
		}
	}
}

// culprits returns the condition of a filter, or the one beside it, that cannot hold, or
// the two that cannot hold together; none when it takes more of them.
func (s *studied) culprits(f rule.Filter, beside []*rule.Expr) []string {
	all := slices.Concat(f.Conditions, beside)
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

// oneKey warns of a key that reads nothing of the event: most often the name of a field in
// quotes.
func (s *studied) oneKey() {
	if s.OneKey() {
		s.source.Warnf(s.at("once_per"), "one-key", "write what is made good at most once, like data.order",
			"once_per is %s for every event: the first remedy takes the key for good, and the rule never makes another, whoever the customer is", s.key.exact)
	}
}

// creditsOther warns of a credit for somebody else than the event's customer, by whom
// per_customer counts.
func (s *studied) creditsOther() {
	if s.Limits.PerCustomer == nil {
		return
	}
	for i := range s.Steps {
		step := &s.Steps[i]
		if step.Kind != rule.Credit {
			continue
		}
		if whom := step.Customer(); whom != nil && s.isCustomer(s.reader.Expand(whom.Text)) {
			continue
		}
		s.source.Warnf(s.at("limits"), "other-customer", "have the event name who is credited as its customer, or bound them by a budget",
			"per_customer counts by event.customer, and step %s credits somebody else: one who is credited for many customers gets as much as the budget allows", step.Name)
		return
	}
}

// isCustomer reports whether what is written is the event's customer in every event that
// the rule fires for.
func (s *studied) isCustomer(whom string) bool {
	const customer = "event.customer"
	for _, f := range s.Filters {
		said := slices.ContainsFunc(f.Conditions, func(x *rule.Expr) bool {
			condition := s.reader.Expand(x.Text)
			return condition == whom+" == "+customer || condition == customer+" == "+whom
		})
		if !said && whom != customer {
			return false
		}
	}
	return true
}
