package decide

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/makegood/makegood/remediator/money"
	"github.com/makegood/makegood/remediator/rule"
)

// reserveNow has a remedy that somebody approves count against the limits in force from
// now on, when its money moves. Where it reserved nothing when it was held, where what it
// reserved has left the sliding time since, or the limits were edited, others may have taken
// its place. It returns what it would go above and nobody was told of: then it reserves
// nothing.
//
// What was paid already, or is under way, stays where it is counted, and is not measured
// again; what failed counts no more.
func (f *Fold) reserveNow(r *openRemedy) (unknown []Check, err error) {
	limits, lengths := f.limitsNow(r)
	customer, budget := f.customerUsage(r.Charged, r.Customer, true), budgetUsage(r.Charged, true)
	keepsCustomer, keepsBudget := f.keeps(r, customer, lengths.PerCustomer), f.keeps(r, budget, lengths.Budget)
	c := r.cost()
	f.unreserve(r)
	v := &verdict{fold: f, totals: r.unspent()}
	whole := r.whole()
	for _, total := range whole {
		if len(limits.PerRemedy) > 0 {
			v.check(ReasonPerRemedy, limits.PerRemedy, total, 0)
		}
	}
	r.Need = max(r.Need, PeopleFor(limits.ApproveAbove, whole))
	switch {
	case limits.PerCustomer == nil:
	case r.Customer == "":
		v.checks = append(v.checks, Check{Check: ReasonNoCustomer, Held: true})
	default:
		v.limit(ReasonPerCustomer, c.measuredBy(limits.PerCustomer), customer)
	}
	if limits.Budget != nil {
		v.limit(ReasonBudget, c.measuredBy(limits.Budget), budget)
	}
	if unknown = r.goesAbove(v.checks, keepsCustomer, keepsBudget); len(unknown) > 0 {
		return unknown, nil
	}
	var ofCustomer tapped
	if r.Customer != "" {
		ofCustomer = f.tap(customer)
	}
	moving := len(r.Charges)
	r.Charges = f.charge(r.Charges, ofCustomer, f.tap(budget), c, lengths)
	r.Edited = false
	if keepsBudget {
		return nil, nil // it was spent when it was held
	}
	return nil, f.spent(r.Charged, r.Remedy, r.Charges[moving:])
}

// cost is what an open remedy still has to count: its steps that wait, and one remedy unless
// something was paid or is under way.
func (r *openRemedy) cost() cost {
	c := cost{remedies: 1, amounts: make([]money.Money, len(r.Steps))}
	for i := range r.Steps {
		switch s := &r.Steps[i]; s.Status {
		case stepWaiting:
			c.amounts[i] = s.Amount
		case stepDone, stepRunning:
			if s.Amount.Minor > 0 {
				c.remedies = 0
			}
		}
	}
	return c
}

// whole sums up by currency what a remedy paid and may still pay.
func (r *openRemedy) whole() []money.Money {
	return r.sum(func(s *openStep) bool { return s.Status != stepFailed })
}

// measuredBy is the part of a limit that a cost is measured by.
func (c cost) measuredBy(limit *rule.Limit) *rule.Limit {
	l := *limit
	if c.remedies == 0 {
		l.Remedies = 0
	}
	return &l
}

// goesAbove notes the limits that a remedy goes above, and returns those of which nobody
// was told. Where it keeps its place it had that first.
func (r *openRemedy) goesAbove(checks []Check, keepsCustomer, keepsBudget bool) (unknown []Check) {
	r.Above = nil
	for _, c := range checks {
		switch reason := c.reason(); {
		case !c.Held:
		case r.told(reason):
			r.Above = append(r.Above, reason)
		case c.Check == ReasonPerCustomer && keepsCustomer, c.Check == ReasonBudget && keepsBudget:
		default:
			unknown = append(unknown, c)
		}
	}
	return unknown
}

// limitsNow are the limits in force of the rule that a remedy counts for. When that rule is
// no longer in force there is nothing to measure against, and the remedy counts for as long
// as it would have when it was decided. A reversal counts for no limit.
func (f *Fold) limitsNow(r *openRemedy) (rule.Limits, chargedLimits) {
	if origin := f.rules[r.Charged]; origin != nil && r.Rule != RuleReverse {
		return origin.Limits, limitsOf(origin)
	}
	return rule.Limits{}, *r.Limits
}

// keeps reports whether all that a remedy reserved in a usage for steps that wait still
// counts and was measured by the limits in force.
func (f *Fold) keeps(r *openRemedy, usageName string, within int64) (keeps bool) {
	u := f.state.Usage[usageName]
	for _, c := range r.Charges {
		if c.Usage != usageName || r.moves(c) {
			continue
		}
		if u == nil || !u.meterOf(c).Counts(c.Slot, f.at, within) {
			return false
		}
		keeps = true
	}
	return keeps && !r.Edited
}

// moves reports whether a charge is of what was paid or is under way.
func (r *openRemedy) moves(c charge) bool {
	if c.Remedies > 0 {
		return r.cost().remedies == 0
	}
	return r.Steps[c.Step].Status == stepDone || r.Steps[c.Step].Status == stepRunning
}

// unreserve gives back what a remedy reserved for steps that wait, or failed.
func (f *Fold) unreserve(r *openRemedy) {
	var moving []charge
	for _, c := range r.Charges {
		if r.moves(c) {
			moving = append(moving, c)
		} else if u := f.state.Usage[c.Usage]; u != nil {
			u.meterOf(c).Change(c.Slot, -c.Remedies-c.Amount.Minor)
		}
	}
	r.Charges = moving
}

// changeLimits notes which remedies reserved their places in limits that are others with the
// rules in force from now on.
func (f *Fold) changeLimits(before map[string]*rule.Rule) {
	limitsOf := func(rules map[string]*rule.Rule, name string) *rule.Limits {
		if r := rules[name]; r != nil {
			return &r.Limits
		}
		return nil
	}
	for _, r := range f.state.Open {
		if len(r.Charges) > 0 && !reflect.DeepEqual(limitsOf(before, r.Charged), limitsOf(f.rules, r.Charged)) {
			r.Edited = true
		}
	}
}

// told reports whether people know that a remedy is held for a reason, or was.
func (r *openRemedy) told(reason string) bool {
	return slices.Contains(HeldFor(r.Held), reason) || slices.Contains(r.Told, reason)
}

// holdFor holds a remedy, which is held, for what nobody knew who approved it so far.
func (r *openRemedy) holdFor(reasons ...string) {
	r.Told = append(r.Told, HeldFor(r.Held)...)
	r.Held, r.By = strings.Join(reasons, between), nil
}

// between stands between the limits that a remedy goes above, where they are one text.
const between = ", "

// HeldFor are the reasons of what is held, which are several where an approval was refused
// for more than one limit.
func HeldFor(held string) []string { return strings.Split(held, between) }

// above names the limits that a remedy goes above, as it was measured last.
func (r *openRemedy) above() string {
	known := slices.DeleteFunc(slices.Clone(abovePossible), func(limit string) bool { return !slices.Contains(r.Above, limit) })
	return strings.Join(known, between)
}

// reason is what a remedy is held for that is above a limit.
func (c *Check) reason() string {
	if c.Limit == nil && c.Count == nil && c.Check != ReasonNoCustomer {
		return ReasonCurrency
	}
	return c.Check
}

// reasonsOf are the reasons of checks, each once.
func reasonsOf(checks []Check) (reasons []string) {
	for _, c := range checks {
		if !slices.Contains(reasons, c.reason()) {
			reasons = append(reasons, c.reason())
		}
	}
	return reasons
}

// aboveText refuses an approval with the figures that the approver did not know.
func (r *openRemedy) aboveText(above []Check) string {
	var texts []string
	for _, c := range above {
		switch {
		case c.Check == ReasonNoCustomer:
			texts = append(texts, "per_customer counts by the customer, and it has none")
		case c.Count != nil:
			texts = append(texts, fmt.Sprintf("of the %d remedies of %s %d are used", c.Max, c.Check, *c.Count))
		case c.Limit != nil:
			totals := r.unspent()
			if c.Check == ReasonPerRemedy {
				totals = r.whole()
			}
			total, _ := amountIn(totals, c.Limit.Currency)
			texts = append(texts, fmt.Sprintf("of the %s of %s %s are used, and this is %s", c.Limit, c.Check, c.Used, total))
		default:
			texts = append(texts, fmt.Sprintf("%s names no amount in %s", c.Check, c.Used.Currency))
		}
	}
	return "it would go above a limit now: " + strings.Join(texts, "; ") + "; approve again if it is to go above the limit"
}
