package decide_test

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"
)

// limitVerdict is what the model comes to about one remedy: the first thing that
// holds it gives the reason, and all are looked at.
type limitVerdict struct {
	reason string
	all    []string // that hold it
	need   int
	checks []string
}

func (v *limitVerdict) holdIf(holds bool, reason string) {
	if holds && v.reason == "" {
		v.reason = reason
	}
	if holds && !slices.Contains(v.all, reason) {
		v.all = append(v.all, reason)
	}
}

// decide takes an event to the remedy of a rule.
func (m *limitModel) decide(r limitRule, e limitEvent) {
	v := &limitVerdict{need: 1}
	steps, fit := r.stepsOf(e)
	v.holdIf(!fit, "error")
	totals := map[string]int64{}
	for _, s := range steps {
		totals[s.currency] += s.amount
		v.holdIf(s.kind == "credit" && e.customer == "", "no customer")
	}
	v.holdIf(e.at < m.now-int64(30*24*time.Hour), "old")
	for _, s := range steps {
		v.holdIf(s.kind == "refund" && m.isRefunded(s.payment), "already refunded")
	}
	m.limit(v, r, e.customer, totals)
	v.holdIf(r.live && m.isPaused(r, steps), "paused")
	m.storm(v, r)
	v.approve(r, totals)
	m.conclude(v, &limitRemedy{label: fmt.Sprintf("%s#%d", r.name, m.n), rule: r, customer: e.customer, steps: steps}, r.scope+":"+e.key)
}

// retry makes a remedy of what another one did not pay, which counts for the rule that the
// first of them came from.
func (m *limitModel) retry(label, by string) {
	of := m.failed[label]
	takes := "makegood.retry:" + label
	if m.taken["live:"+takes] {
		m.say("refused retry")
		return
	}
	r := m.inForce(of.rule.name)
	v := &limitVerdict{need: 1}
	totals := map[string]int64{}
	var steps []*limitStep
	for _, s := range of.steps {
		if s.status != "done" {
			steps = append(steps, &limitStep{kind: s.kind, payment: s.payment, currency: s.currency, amount: s.amount})
			totals[s.currency] += s.amount
			v.holdIf(s.kind == "credit" && of.customer == "", "no customer")
		}
	}
	for _, s := range steps {
		v.holdIf(s.kind == "refund" && m.isRefunded(s.payment), "already refunded")
	}
	shadow := !r.live
	r.live = true
	m.limit(v, r, of.customer, totals)
	v.holdIf(m.isPaused(r, steps), "paused")
	v.holdIf(m.red[r.name], "storm")
	v.holdIf(shadow && r.approveAbove == nil, "approve_above") // no limit in force covers it
	v.approve(r, totals)
	m.conclude(v, &limitRemedy{label: fmt.Sprintf("makegood.retry#%d", m.n), rule: r, customer: of.customer, steps: steps, requester: by}, takes)
}

// limit holds a remedy against the limits of a rule.
func (m *limitModel) limit(v *limitVerdict, r limitRule, customer string, totals map[string]int64) {
	v.amounts("per_remedy", r.perRemedy, totals, func(string) int64 { return 0 })
	v.holdIf(r.perCustomer != nil && customer == "", "no customer")
	if customer != "" {
		m.slide(v, "per_customer", r.perCustomer, r.customerName(customer), totals)
	}
	m.slide(v, "budget", r.budget, r.budgetName(), totals)
}

// approve holds what a person must agree to, or two.
func (v *limitVerdict) approve(r limitRule, totals map[string]int64) {
	v.amounts("approve_above", r.approveAbove, totals, func(string) int64 { return 0 })
	for currency, total := range totals {
		if above, ok := r.approveAbove[currency]; ok && total > 10*above {
			v.need = 2
		}
	}
}

// inForce is a rule as it is now.
func (m *limitModel) inForce(name string) limitRule {
	return m.rules[slices.IndexFunc(m.rules, func(r limitRule) bool { return r.name == name })]
}

// stepsOf are the steps of a rule for an event, unless their amounts come to nothing.
func (r limitRule) stepsOf(e limitEvent) (steps []*limitStep, fit bool) {
	for _, kind := range r.steps {
		s := &limitStep{kind: kind, payment: e.payment, currency: e.currency, amount: e.paid}
		if kind == "credit" {
			s.payment, s.amount = "", (e.paid+5)/10
		}
		if steps = append(steps, s); e.broken || s.amount == 0 {
			return nil, false
		}
	}
	return steps, true
}

// amounts holds totals against amounts, of which some is used.
func (v *limitVerdict) amounts(name string, limits, totals map[string]int64, used func(currency string) int64) {
	if limits == nil {
		return
	}
	for _, currency := range slices.Sorted(maps.Keys(totals)) {
		limit, ok := limits[currency]
		over := totals[currency]+used(currency) > limit
		v.holdIf(!ok, "currency")
		v.holdIf(ok && over, name)
		v.check(!ok || over, "%s %s %d of %s", name, currency, used(currency), orNothing(limit, ok))
	}
}

func orNothing(limit int64, named bool) string {
	if !named {
		return "nothing"
	}
	return fmt.Sprint(limit)
}

func (v *limitVerdict) check(held bool, format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	if held {
		text += " held"
	}
	v.checks = append(v.checks, text)
}

// slide holds a remedy against a limit within a time.
func (m *limitModel) slide(v *limitVerdict, name string, limit *slidingLimit, spent string, totals map[string]int64) {
	if limit == nil {
		return
	}
	if limit.remedies > 0 {
		n := m.within(spent, "", limit.within)
		v.holdIf(n >= int64(limit.remedies), name)
		v.check(n >= int64(limit.remedies), "%s %d of %d", name, n, limit.remedies)
	}
	v.amounts(name, limit.amount, totals, func(currency string) int64 { return m.within(spent, currency, limit.within) })
}

// recharge counts a remedy that is approved against the limits in force from now on, without
// what was paid. What of them it was not counted in when it was held, or is no longer, or
// under other limits, may hold it for reasons that nobody knew; then it is counted in none.
func (m *limitModel) recharge(r *limitRemedy) (unknown []string) {
	now := m.inForce(r.rule.name)
	now.live = true // it was, when it was held
	paid := false
	var left []*limitStep
	whole, totals := map[string]int64{}, map[string]int64{}
	for _, s := range r.steps {
		whole[s.currency] += s.amount
		if s.status == "done" {
			paid = paid || s.amount > 0
			continue
		}
		left = append(left, s)
		totals[s.currency] += s.amount
	}
	limits := map[string]*slidingLimit{"budget": now.budget}
	names := map[string]string{"budget": now.budgetName(), "per_customer": now.customerName(r.customer)}
	if r.customer != "" {
		limits["per_customer"] = now.perCustomer
	}
	keeps := map[string]bool{}
	for name, limit := range limits {
		mine := slices.DeleteFunc(slices.Clone(r.charges), func(c *spending) bool { return c.name != names[name] || c.isPaid(paid) })
		keeps[name] = limit != nil && !r.edited && len(mine) > 0 && !slices.ContainsFunc(mine, func(c *spending) bool { return !m.counts(c, limit.within) })
	}
	r.charges = slices.DeleteFunc(r.charges, func(c *spending) bool {
		if c.isPaid(paid) {
			return false
		}
		c.n = 0
		return true
	})
	v := &limitVerdict{}
	v.amounts("per_remedy", now.perRemedy, whole, func(string) int64 { return 0 })
	v.holdIf(now.perCustomer != nil && r.customer == "", "no customer")
	r.above = slices.DeleteFunc(slices.Clone(v.all), func(reason string) bool { return !r.knows(reason) })
	unknown = slices.DeleteFunc(v.all, r.knows)
	for _, name := range []string{"per_customer", "budget"} {
		limit := limits[name]
		if limit != nil && paid {
			limit = &slidingLimit{amount: limit.amount, within: limit.within}
		}
		v := &limitVerdict{}
		m.slide(v, name, limit, names[name], totals)
		for _, reason := range v.all {
			if r.knows(reason) {
				r.above = append(r.above, reason)
			} else if !keeps[name] && !slices.Contains(unknown, reason) {
				unknown = append(unknown, reason)
			}
		}
	}
	for currency, total := range whole {
		if above, ok := now.approveAbove[currency]; ok && total > 10*above {
			r.need = 2
		}
	}
	if len(unknown) == 0 {
		r.edited = false
		r.charges = append(r.charges, m.charge(now, r.customer, left, paid)...)
	}
	return unknown
}

// edit puts other rules in force. What is counted in limits that are others now was never
// measured by these.
func (m *limitModel) edit(rules []limitRule) {
	for _, r := range m.open {
		i := slices.IndexFunc(m.rules, func(other limitRule) bool { return other.name == r.rule.name })
		if len(r.charges) > 0 && !reflect.DeepEqual(m.rules[i].limits(), rules[i].limits()) {
			r.edited = true
		}
	}
	m.rules = rules
}

// limits are what is written in limits.
func (r limitRule) limits() []any {
	return []any{r.perRemedy, r.approveAbove, r.perCustomer, r.budget, r.suppress}
}

// isPaid reports whether it is of what a remedy paid.
func (s *spending) isPaid(paid bool) bool {
	if s.step == nil {
		return paid
	}
	return s.step.status == "done"
}

func (m *limitModel) isPaused(r limitRule, steps []*limitStep) bool {
	paused := len(m.paused["rule:"+r.name]) > 0
	for _, s := range steps {
		connector := map[string]string{"refund": "connector:stripe", "credit": "connector:credit"}[s.kind]
		paused = paused || len(m.paused["money"]) > 0 || len(m.paused[connector]) > 0
	}
	return paused
}

// storm counts the remedies of a rule, held ones too. Too many stop it for good.
func (m *limitModel) storm(v *limitVerdict, r limitRule) {
	stopped := r.live && m.red[r.name]
	v.holdIf(stopped, "storm")
	if r.storm == nil {
		return
	}
	n := m.within(r.stormName(), "", r.storm.within)
	m.spend(r.stormName(), r.storm.within, spending{n: 1})
	over := n >= int64(r.storm.remedies)
	v.holdIf(over, "storm")
	v.check(over, "storm %d of %d", n, r.storm.remedies)
	if over && r.live && !stopped {
		m.red[r.name] = true
		m.say("pull rule/%s red", r.name)
	}
}

// conclude says what was decided of a remedy, which takes a key, and begins it.
func (m *limitModel) conclude(v *limitVerdict, o *limitRemedy, takes string) {
	r, decision := o.rule, "hold"
	switch {
	case v.reason == "":
		decision = "act"
	case r.suppress && slices.Contains([]string{"per_remedy", "per_customer", "budget"}, v.reason):
		decision = "suppress"
	}
	o.need, o.deadline = v.need, m.now+int64(7*24*time.Hour)
	m.say("remedy %s %s", o.label, described(modeOf(r.live), decision, v.reason, o.needed(decision), v.checks, o.steps))
	if decision != "suppress" {
		m.taken[modeOf(r.live)+":"+takes] = true
	}
	if decision == "act" || decision == "hold" && v.reason == "approve_above" {
		o.charges = m.charge(r, o.customer, o.steps, false)
	}
	if !r.live || decision == "suppress" {
		return
	}
	m.open = append(m.open, o)
	if decision == "hold" {
		o.held = v.reason
		return
	}
	for _, s := range o.steps {
		m.refund(s, s.amount)
	}
	m.advance(o)
}

// needed is how many people a held remedy needs.
func (r *limitRemedy) needed(decision string) int {
	if decision != "hold" {
		return 0
	}
	return r.need
}

// described writes a decision down.
func described(mode, decision, reason string, need int, checks []string, steps []*limitStep) string {
	var parts []string
	for _, s := range steps {
		parts = append(parts, fmt.Sprintf("%s %s %d %s", s.kind, s.payment, s.amount, s.currency))
	}
	return fmt.Sprintf("%s %s %q, %d needed, checks [%s], steps [%s]", mode, decision, reason, need, strings.Join(checks, "; "), strings.Join(parts, "; "))
}
