package decide

import (
	"cmp"
	"encoding/hex"
	"fmt"
	"math"
	"slices"

	"github.com/google/uuid"

	"github.com/makegood/makegood/remediator/cord"
	"github.com/makegood/makegood/remediator/money"
	"github.com/makegood/makegood/remediator/rule"
)

// Reasons of a decision that is not to act.
const (
	ReasonError       = "error"            // a step could not be computed
	ReasonOld         = "old"              // the event is older than 30 days
	ReasonEdited      = "edited"           // the rule promises something else now than when the event came
	ReasonNoCustomer  = "no customer"      // a limit, a credit or a mail needs one
	ReasonRefunded    = "already refunded" // something was refunded on the payment before
	ReasonCurrency    = "currency"         // a limit names no amount in the currency
	ReasonPerRemedy   = "per_remedy"
	ReasonPerCustomer = "per_customer"
	ReasonBudget      = "budget"
	ReasonPaused      = "paused" // somebody stopped the rule, its connector or all money
	ReasonStorm       = "storm"  // the rule fires far above its usual, or its cord is red
	ReasonApprove     = "approve_above"
	ReasonBulk        = "bulk" // it is made good afterwards, with others under one approval
)

// twoPeopleAbove is how many times approve_above an amount must be for two
// people to be needed.
const twoPeopleAbove = 10

// verdict is a remedy on its way through the chain of checks. The first check
// that holds it gives the reason; the rest is still looked at and recorded.
type verdict struct {
	fold    *Fold
	c       *candidate
	actions []rule.Action
	totals  []money.Money // of the money steps, by currency, sorted
	checks  []Check
	reason  string
	need    int

	checked []checkedAmount // what checks point to
	counted []int           // the same, of those that count

	customer, budget tapped // what the limits of these names count in
}

// tapped is a usage by its name; it is nil while nothing was used.
type tapped struct {
	name  string
	usage *usage
}

// checkedAmount is a limit on an amount and what was used of it.
type checkedAmount struct{ limit, used money.Money }

func (v *verdict) hold(reason string) {
	if v.reason == "" {
		v.reason = reason
	}
}

// decide takes a candidate through the chain and opens or records its remedy.
func (f *Fold) decide(c *candidate) error {
	v := f.desk.verdictOf(f, c)
	actions, err := c.actions, error(nil)
	if actions == nil {
		actions, err = c.hit.Rest.Actions(c.aggregates)
	}
	if err != nil || unfit(actions) {
		v.hold(ReasonError)
	} else {
		v.actions = actions
		v.total()
	}
	switch {
	case c.opened != nil:
		if c.opened.edited {
			v.hold(ReasonEdited)
		}
	case c.hit.Rule.Window == nil && c.eventAt < f.at-maxAge:
		v.hold(ReasonOld)
	}
	if err := v.payments(); err != nil {
		return err
	}
	v.perRemedy()
	v.perCustomer()
	v.perBudget()
	v.paused()
	if err := v.storm(); err != nil {
		return err
	}
	v.approve()
	return f.conclude(v)
}

// unfit reports whether actions cannot be carried out: they do not fit a sealed
// decision, or an amount came out as nothing or too large to be summed up.
func unfit(actions []rule.Action) bool {
	values := 0
	for _, a := range actions {
		if values += len(a.Values); values > maxValues {
			return true
		}
		if max(len(a.Name), len(a.Payment), len(a.Customer), len(a.Cord), len(a.To)) > maxText ||
			a.Amount.Currency != "" && (a.Amount.Minor <= 0 || a.Amount.Minor > maxAmount) {
			return true
		}
	}
	return len(actions) > maxSteps
}

// total sums the money steps up by currency.
func (v *verdict) total() {
	for i := range v.actions {
		a := &v.actions[i]
		if a.Kind == "credit" && a.Customer == "" || a.Kind == "notify" && a.Via == rule.ViaMail && a.To == "" && v.c.event.Customer == "" {
			v.hold(ReasonNoCustomer)
		}
		if a.Amount.Currency == "" {
			continue
		}
		at, found := slices.BinarySearchFunc(v.totals, a.Amount.Currency, func(m money.Money, currency string) int { return cmp.Compare(m.Currency, currency) })
		if !found {
			v.totals = slices.Insert(v.totals, at, money.Money{Currency: a.Amount.Currency})
		}
		v.totals[at].Minor += a.Amount.Minor
	}
}

// payments holds a remedy on a payment of which anything was refunded.
func (v *verdict) payments() error {
	seen := map[string]bool{}
	for _, a := range v.actions {
		if a.Kind != "refund" {
			continue
		}
		payment := a.Connector + ":" + a.Payment
		if seen[payment] {
			v.hold(ReasonRefunded)
		}
		seen[payment] = true
		refunded, err := v.fold.refunded(payment)
		if err != nil {
			return err
		}
		if len(refunded) > 0 {
			v.hold(ReasonRefunded)
		}
	}
	return nil
}

// refunded is what is refunded on a payment, from Memory and from the Apply in progress.
func (f *Fold) refunded(payment string) ([]money.Money, error) {
	before, asked := f.overlay.asked[payment]
	if !asked {
		refunded, err := f.cfg.Memory.Refunded([]string{payment}, f.before)
		if err != nil {
			return nil, fmt.Errorf("look up payment: %w", err)
		}
		before = refunded[payment]
	}
	entries := f.overlay.payments[payment]
	for _, m := range before {
		entries = append(entries[:len(entries):len(entries)], PaymentEntry{Amount: m})
	}
	return net(entries, math.MaxUint64), nil
}

// amountIn finds the amount of a limit in a currency.
func amountIn(amounts []money.Money, currency string) (money.Money, bool) {
	for _, m := range amounts {
		if m.Currency == currency {
			return m, true
		}
	}
	return money.Money{}, false
}

// check records a limit on an amount; the remedy is held when it would go above.
func (v *verdict) check(name string, limits []money.Money, total money.Money, used int64) {
	limit, ok := amountIn(limits, total.Currency)
	if !ok {
		v.hold(ReasonCurrency)
		v.checks = append(v.checks, Check{Check: name, Used: &money.Money{Minor: used, Currency: total.Currency}, Held: true})
		return
	}
	over := total.Minor > limit.Minor-used
	v.checked = append(v.checked, checkedAmount{limit, money.Money{Minor: used, Currency: total.Currency}})
	sealed := &v.checked[len(v.checked)-1]
	v.checks = append(v.checks, Check{Check: name, Limit: &sealed.limit, Used: &sealed.used, Held: over})
	if over {
		v.hold(name)
	}
}

func (v *verdict) perRemedy() {
	limits := v.c.hit.Rule.Limits.PerRemedy
	for _, total := range v.totals {
		if len(limits) > 0 {
			v.check(ReasonPerRemedy, limits, total, 0)
		}
	}
}

func (v *verdict) perCustomer() {
	limit := v.c.hit.Rule.Limits.PerCustomer
	if limit == nil {
		return
	}
	customer := v.c.event.Customer
	if customer == "" {
		v.hold(ReasonNoCustomer)
		return
	}
	v.customer = v.limit(ReasonPerCustomer, limit, v.fold.customerUsage(v.c.charged, customer, v.c.live))
}

func (v *verdict) perBudget() {
	if limit := v.c.hit.Rule.Limits.Budget; limit != nil {
		v.budget = v.limit(ReasonBudget, limit, budgetUsage(v.c.charged, v.c.live))
	}
}

// limit checks a sliding limit against what was used of it, which it returns.
func (v *verdict) limit(name string, limit *rule.Limit, usageName string) tapped {
	at := v.fold.tap(usageName)
	used := at.usage
	if used == nil {
		used = &usage{}
	}
	if limit.Remedies > 0 {
		count := int(used.Remedies.Used(v.fold.at, int64(limit.Within)))
		over := count >= limit.Remedies
		v.checks = append(v.checks, Check{Check: name, Count: v.counts(count), Max: limit.Remedies, Held: over})
		if over {
			v.hold(name)
		}
	}
	for _, total := range v.totals {
		if len(limit.Amount) == 0 {
			continue
		}
		var spent int64
		if m := used.Amounts.in(total.Currency); m != nil {
			spent = m.Used(v.fold.at, int64(limit.Within))
		}
		v.check(name, limit.Amount, total, spent)
	}
	return at
}

// counts keeps a count for a check to point to.
func (v *verdict) counts(count int) *int {
	v.counted = append(v.counted, count)
	return &v.counted[len(v.counted)-1]
}

// storm counts the rule's remedies; above its storm limit a live rule pulls its own
// cord, and while that is red everything is held.
func (v *verdict) storm() error {
	r := v.c.hit.Rule
	stopped := v.fold.red("rule/" + v.c.stoppedBy())
	if stopped && v.c.live {
		v.hold(ReasonStorm)
	}
	if r.Storm == nil {
		return nil
	}
	u := v.fold.usage(stormUsage(r.Name, v.c.live), int64(r.Storm.Within))
	count := int(u.Remedies.Used(v.fold.at, int64(r.Storm.Within)))
	u.Remedies.Add(v.fold.at, int64(r.Storm.Within), u.Within, 1)
	over := count >= r.Storm.Remedies
	v.checks = append(v.checks, Check{Check: ReasonStorm, Count: v.counts(count), Max: r.Storm.Remedies, Held: over})
	if !over {
		return nil
	}
	v.hold(ReasonStorm)
	if !v.c.live || stopped {
		return nil
	}
	reason := fmt.Sprintf("%d remedies within %s, of which %d are usual", count+1, r.Storm.Within, r.Storm.Remedies)
	return v.fold.pull(pullRequest{cord: "rule/" + r.Name, level: cord.Red, rule: r.Name, remedy: v.c.remedy, reason: reason, cause: CauseStorm})
}

// approve holds what is above the amount that needs a person's approval.
func (v *verdict) approve() {
	limits := v.c.hit.Rule.Limits.ApproveAbove
	if len(limits) == 0 {
		if v.unlimited() {
			v.hold(ReasonApprove)
		}
		return
	}
	for _, total := range v.totals {
		v.check(ReasonApprove, limits, total, 0)
	}
	v.need = max(v.need, PeopleFor(limits, v.totals))
}

// PeopleFor returns how many people approve amounts of which some are above the limits
// approve_above of a rule: 2 above ten times the limit of a currency, else 1.
func PeopleFor(limits, totals []money.Money) int {
	for _, total := range totals {
		if limit, ok := amountIn(limits, total.Currency); ok && total.Minor/twoPeopleAbove > limit.Minor ||
			ok && total.Minor/twoPeopleAbove == limit.Minor && total.Minor%twoPeopleAbove > 0 {
			return 2
		}
	}
	return 1
}

// unlimited reports whether a person asked for what no limit of a rule in force
// covers: another one agrees to it.
func (v *verdict) unlimited() bool {
	switch v.c.hit.Rule.Name {
	case RuleRequest, RuleReverse:
		return true
	case RuleRetry:
		origin := v.fold.rules[v.c.charged]
		return len(v.totals) > 0 && (origin == nil || origin.Mode == rule.Shadow)
	}
	return false
}

// decision says what the verdict comes to.
func (v *verdict) decision() string {
	switch v.reason {
	case "":
		return Act
	case ReasonPerRemedy, ReasonPerCustomer, ReasonBudget:
		if v.c.hit.Rule.Limits.Suppress {
			return Suppress
		}
	}
	return Hold
}

func budgetUsage(ruleName string, live bool) string {
	return modeName(live) + ":budget:" + ruleName
}

func stormUsage(ruleName string, live bool) string {
	return modeName(live) + ":storm:" + ruleName
}

func (f *Fold) customerUsage(ruleName, customer string, live bool) string {
	hash := f.hash.long("customer", customer)
	name := append(append(append(make([]byte, 0, 256), modeName(live)...), ":customer:"...), ruleName...)
	return string(hex.AppendEncode(append(name, ':'), hash[:]))
}

// usage returns a usage, made when it is new.
func (f *Fold) usage(name string, within int64) *usage {
	u := f.state.Usage[name]
	if u == nil {
		u = &usage{}
		f.state.Usage[name] = u
	}
	u.Within = max(u.Within, within)
	return u
}

func (f *Fold) tap(name string) tapped { return tapped{name, f.state.Usage[name]} }

// cost is what a remedy counts against limits.
type cost struct {
	remedies int64
	amounts  []money.Money // by step; of one that costs nothing without a currency
}

// cost is what the remedy of a verdict counts, until the next one is asked for.
func (v *verdict) cost() cost {
	amounts := v.fold.desk.amounts[:0]
	if len(v.totals) > 0 {
		for i := range v.actions {
			amounts = append(amounts, v.actions[i].Amount)
		}
	}
	v.fold.desk.amounts = amounts
	return cost{1, amounts}
}

// charge reserves what a remedy costs in the limits that a rule has, of the customer,
// unless there is none, and of all, and appends what it reserved.
func (f *Fold) charge(charges []charge, customer, budget tapped, c cost, limits chargedLimits) []charge {
	reserve := func(in tapped, within int64) {
		u := in.usage
		if u == nil {
			u = f.usage(in.name, within)
		}
		u.Within = max(u.Within, within)
		if charges == nil {
			charges = make([]charge, 0, 2+2*len(c.amounts)) // for both limits
		}
		if c.remedies > 0 {
			charges = append(charges, charge{Usage: in.name, Slot: u.Remedies.Add(f.at, within, u.Within, c.remedies), Remedies: c.remedies})
		}
		for step, amount := range c.amounts {
			if amount.Currency != "" {
				slot := u.Amounts.of(amount.Currency).Add(f.at, within, u.Within, amount.Minor)
				charges = append(charges, charge{Usage: in.name, Slot: slot, Amount: amount, Step: step})
			}
		}
	}
	if limits.PerCustomer > 0 && customer.name != "" {
		reserve(customer, limits.PerCustomer)
	}
	if limits.Budget > 0 {
		reserve(budget, limits.Budget)
	}
	return charges
}

func limitsOf(r *rule.Rule) chargedLimits {
	var l chargedLimits
	if r.Limits.PerCustomer != nil {
		l.PerCustomer = int64(r.Limits.PerCustomer.Within)
	}
	if r.Limits.Budget != nil {
		l.Budget = int64(r.Limits.Budget.Within)
	}
	return l
}

// take records that a remedy took its key.
func (f *Fold) take(id uuid.UUID, scope string, live bool) {
	f.overlay.table(!live)[id] = true
	if f.cfg.Rehearsal {
		return // nobody stores it
	}
	if live && !f.state.Taken[scope] {
		f.state.Taken[scope] = true
	}
	f.out.Keys = append(f.out.Keys, KeyTaken{Remedy: id, Scope: scope, Shadow: !live, Ordinal: f.state.Position.Ordinal})
}
