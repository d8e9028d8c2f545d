package decide

import (
	"fmt"
	"slices"
	"strings"

	"github.com/makegood/makegood/remediator/money"
	"github.com/makegood/makegood/remediator/rule"
)

// reserveNow has a remedy that somebody approves count against the limits in force from
// now on, when its money moves. Where it reserved nothing when it was held, or what it
// reserved has left the sliding time since, others may have taken its place, and it is
// measured first. It returns what it would go above and nobody was told of: then it
// reserves nothing.
//
// A remedy of which a step was carried out stays where it is counted: its first half is
// spent, and the limits let it begin as a whole.
func (f *Fold) reserveNow(r *openRemedy) (above []Check, err error) {
	if slices.ContainsFunc(r.Steps, func(s openStep) bool { return s.Status == stepDone }) {
		return nil, nil
	}
	limits, lengths := f.limitsNow(r)
	customer, budget := f.customerUsage(r.Charged, r.Customer, true), budgetUsage(r.Charged, true)
	keepsCustomer, keepsBudget := f.keeps(r, customer, lengths.PerCustomer), f.keeps(r, budget, lengths.Budget)
	f.unreserve(r)
	v := &verdict{fold: f, totals: r.unspent()}
	if limits.PerCustomer != nil && r.Customer != "" && !keepsCustomer {
		v.limit(ReasonPerCustomer, limits.PerCustomer, customer)
	}
	if limits.Budget != nil && !keepsBudget {
		v.limit(ReasonBudget, limits.Budget, budget)
	}
	for _, c := range v.checks {
		if c.Held && !r.told(c.reason()) {
			above = append(above, c)
		}
	}
	if len(above) > 0 {
		return above, nil
	}
	var ofCustomer tapped
	if r.Customer != "" {
		ofCustomer = f.tap(customer)
	}
	r.Charges = f.charge(nil, ofCustomer, f.tap(budget), v.totals, lengths)
	if keepsBudget {
		return nil, nil // it was spent when it was held
	}
	return nil, f.spent(r.Charged, r.Remedy, r.Charges)
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

// keeps reports whether all that a remedy reserved in a usage still counts.
func (f *Fold) keeps(r *openRemedy, usageName string, within int64) (keeps bool) {
	u := f.state.Usage[usageName]
	for _, c := range r.Charges {
		if c.Usage != usageName {
			continue
		}
		if u == nil || !u.meterOf(c).Counts(c.Slot, f.at, within) {
			return false
		}
		keeps = true
	}
	return keeps
}

// unreserve gives back all that a remedy reserved and that still counts.
func (f *Fold) unreserve(r *openRemedy) {
	for _, c := range r.Charges {
		if u := f.state.Usage[c.Usage]; u != nil {
			u.meterOf(c).Change(c.Slot, -c.Remedies-c.Amount.Minor)
		}
	}
	r.Charges = nil
}

// told reports whether people know that a remedy is held for a reason, or was.
func (r *openRemedy) told(reason string) bool {
	return r.Held == reason || slices.Contains(r.Told, reason)
}

// holdFor holds a remedy, which is held, for what nobody knew who approved it so far.
func (r *openRemedy) holdFor(reasons ...string) {
	r.Told = append(append(r.Told, r.Held), reasons[1:]...)
	r.Held, r.By = reasons[0], nil
}

// above names the limits that a remedy goes above as people were told.
func (r *openRemedy) above() string {
	known := slices.DeleteFunc(slices.Clone(abovePossible), func(limit string) bool { return !r.told(limit) })
	return strings.Join(known, ", ")
}

// reason is what a remedy is held for that is above a limit.
func (c *Check) reason() string {
	if c.Limit == nil && c.Count == nil {
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
func aboveText(above []Check, totals []money.Money) string {
	var texts []string
	for _, c := range above {
		switch {
		case c.Count != nil:
			texts = append(texts, fmt.Sprintf("of the %d remedies of %s %d are used", c.Max, c.Check, *c.Count))
		case c.Limit != nil:
			total, _ := amountIn(totals, c.Limit.Currency)
			texts = append(texts, fmt.Sprintf("of the %s of %s %s are used, and this is %s", c.Limit, c.Check, c.Used, total))
		default:
			texts = append(texts, fmt.Sprintf("%s names no amount in %s", c.Check, c.Used.Currency))
		}
	}
	return "it would go above a limit now: " + strings.Join(texts, "; ") + "; approve again if it is to go above the limit"
}
