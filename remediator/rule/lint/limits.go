package lint

import (
	"slices"

	"github.com/makegood/makegood/remediator/money"
)

// neverPays warns of what a rule pays when a limit of its own keeps each remedy from being
// paid: amounts that are written out are compared, since of others nothing is known.
func (s *studied) neverPays() {
	type limit struct {
		name    string
		amounts []money.Money
	}
	limits := []limit{{"per_remedy", s.Limits.PerRemedy}}
	if l := s.Limits.PerCustomer; l != nil {
		limits = append(limits, limit{"per_customer", l.Amount})
	}
	if l := s.Limits.Budget; l != nil {
		limits = append(limits, limit{"budget", l.Amount})
	}
	for _, paid := range s.WrittenAmounts() {
		for _, l := range limits {
			if s.overLimit(paid, l.name, l.amounts) {
				return
			}
		}
	}
}

func (s *studied) overLimit(paid money.Money, name string, amounts []money.Money) bool {
	if len(amounts) == 0 {
		return false
	}
	i := slices.IndexFunc(amounts, func(m money.Money) bool { return m.Currency == paid.Currency })
	if i < 0 {
		s.source.Warnf(s.at("limits"), "never-pays", "add an amount in "+paid.Currency+" to "+name,
			"every remedy is held: the rule pays %s, and %s names no amount in %s", paid, name, paid.Currency)
		return true
	}
	if paid.Minor <= amounts[i].Minor {
		return false
	}
	then := "held"
	if s.Limits.Suppress {
		then = "dropped"
	}
	s.source.Warnf(s.at("limits"), "never-pays", "raise the limit, or pay less; approve_above has a person look at each",
		"every remedy is %s: the rule pays %s, and %s is %s", then, paid, name, amounts[i])
	return true
}
