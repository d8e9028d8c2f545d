package decide_test

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// The model of limits keeps all that ever happened and adds it up anew for each
// question. It shares no code with the fold. What it says of an input it says in
// lines, which the fold's facts and jobs must come to as well.

// limitRule is a rule of the model.
type limitRule struct {
	name, scope  string
	live         bool
	suppress     bool
	steps        []string // refund, credit: each waits for the one before
	perRemedy    map[string]int64
	approveAbove map[string]int64
	perCustomer  *slidingLimit
	budget       *slidingLimit
	storm        *slidingLimit
}

// slidingLimit is so many remedies, or so much money, within a time.
type slidingLimit struct {
	remedies int // 0: any number
	amount   map[string]int64
	within   time.Duration
}

// limitEvent is an event of the model.
type limitEvent struct {
	id, customer, key string // key is canonical; empty: it has none
	keyJSON           string // how it is written
	payment           string
	currency          string
	paid              int64  // minor units; a credit gives a tenth of it
	broken            bool   // the amount cannot be read
	at                int64  // when it says that it happened
	rules             string // names of the rules that it meets
}

// granules is how many parts of its time a limit counts in, besides the current one.
const granules = 64

// spending is what counts against a limit: an amount, or a remedy when there is no
// currency. It lies in a granule of the time that the limit had then.
type spending struct {
	name          string // of the limit
	start, length int64
	currency      string
	n             int64
	step          *limitStep // that the amount is of
}

// limitRemedy is a remedy that is open, or has failed.
type limitRemedy struct {
	label    string
	rule     limitRule // whose limits count it
	customer string
	steps    []*limitStep
	held     string
	told     []string // what else approvers know it is held for
	above    []string // limits that it went above when it was approved last
	by       []string
	need     int
	deadline int64
	charges  []*spending
	edited   bool // its limits are others than when it was counted in them

	requester string // the person who had it tried again
}

type limitStep struct {
	kind, payment, currency string
	amount                  int64
	status                  string // "" waits; running, done, failed
}

// limitModel is all that ever happened.
type limitModel struct {
	now      int64
	n        int // of the input
	rules    []limitRule
	inputs   map[string]int64 // when an id came
	events   map[string]int64
	taken    map[string]bool
	spent    map[string][]*spending
	refunded map[string]map[string]int64 // by payment and currency
	paused   map[string][]string
	red      map[string]bool // rules whose own cord is red
	open     []*limitRemedy
	failed   map[string]*limitRemedy // by label
	said     []string
}

func newLimitModel(rules []limitRule) *limitModel {
	return &limitModel{now: start, rules: rules, inputs: map[string]int64{}, events: map[string]int64{}, taken: map[string]bool{}, spent: map[string][]*spending{},
		refunded: map[string]map[string]int64{}, paused: map[string][]string{}, red: map[string]bool{}, failed: map[string]*limitRemedy{}}
}

func (m *limitModel) say(format string, args ...any) {
	m.said = append(m.said, fmt.Sprintf(format, args...))
}

// begins says that an input comes at a time, and reports whether it came before.
func (m *limitModel) begins(id string, at int64) (again bool) {
	m.n++
	m.said = nil
	for _, r := range slices.Clone(m.open) {
		if r.held != "" && r.deadline <= max(m.now, at) {
			m.end(r, "expired", r.deadline)
		}
	}
	m.now = max(m.now, at)
	return isRepeat(m.inputs, id, m.now)
}

// isRepeat reports whether something came in the week before, and else notes it.
func isRepeat(known map[string]int64, id string, now int64) bool {
	if came, ok := known[id]; ok && came > now-int64(7*24*time.Hour) {
		return true
	}
	known[id] = now
	return false
}

// event lets each rule that an event meets decide.
func (m *limitModel) event(e limitEvent) {
	if e.rules == "" || isRepeat(m.events, e.id, m.now) {
		return
	}
	for _, r := range m.rules {
		if strings.Contains(e.rules, r.name) {
			m.judge(r, e)
		}
	}
}

func modeOf(live bool) string {
	if live {
		return "live"
	}
	return "shadow"
}

func (m *limitModel) judge(r limitRule, e limitEvent) {
	switch takes := r.scope + ":" + e.key; {
	case e.key == "":
		m.say("no-key %s", r.name)
	case m.taken["live:"+takes] || !r.live && m.taken["shadow:"+takes]:
		m.say("duplicate %s %s", r.name, modeOf(r.live))
	default:
		m.decide(r, e)
	}
}

// within adds up what counts against a limit now.
func (m *limitModel) within(name, currency string, within time.Duration) (sum int64) {
	for _, s := range m.spent[name] {
		if s.currency == currency && m.counts(s, within) {
			sum += s.n
		}
	}
	return sum
}

// counts reports whether a limit still counts something.
func (m *limitModel) counts(s *spending, within time.Duration) bool {
	length := granuleOf(within)
	return s.start+s.length > m.now/length*length-granules*length
}

func granuleOf(within time.Duration) int64 { return (int64(within) + granules - 1) / granules }

// spend counts something against a limit from now on.
func (m *limitModel) spend(name string, within time.Duration, s spending) *spending {
	s.name, s.length = name, granuleOf(within)
	s.start = m.now / s.length * s.length
	m.spent[name] = append(m.spent[name], &s)
	return &s
}

// charge counts a remedy and its amounts against the limits of a rule.
func (m *limitModel) charge(r limitRule, customer string, steps []*limitStep, paid bool) (charges []*spending) {
	all := map[string]*slidingLimit{r.budgetName(): r.budget}
	if customer != "" {
		all[r.customerName(customer)] = r.perCustomer
	}
	for name, limit := range all {
		if limit == nil {
			continue
		}
		if !paid { // else the remedy is counted already
			charges = append(charges, m.spend(name, limit.within, spending{n: 1}))
		}
		for _, s := range steps {
			charges = append(charges, m.spend(name, limit.within, spending{currency: s.currency, n: s.amount, step: s}))
		}
	}
	return charges
}

func (r limitRule) budgetName() string { return "budget " + modeOf(r.live) + " " + r.name }
func (r limitRule) stormName() string  { return "storm " + modeOf(r.live) + " " + r.name }
func (r limitRule) customerName(customer string) string {
	return "customer " + modeOf(r.live) + " " + r.name + " " + customer
}

// refund counts what is refunded on a payment.
func (m *limitModel) refund(s *limitStep, n int64) {
	if s.kind != "refund" {
		return
	}
	if m.refunded[s.payment] == nil {
		m.refunded[s.payment] = map[string]int64{}
	}
	m.refunded[s.payment][s.currency] += n
}

func (m *limitModel) isRefunded(payment string) bool {
	for _, n := range m.refunded[payment] {
		if n != 0 {
			return true
		}
	}
	return false
}

// advance starts the step whose turn it is, or ends the remedy.
func (m *limitModel) advance(r *limitRemedy) {
	for _, s := range r.steps {
		switch s.status {
		case "done":
			continue
		case "":
			s.status = "running"
			m.say("job %s %s approved %t", r.label, s.kind, len(r.by) >= r.need)
			return
		case "failed":
			m.end(r, "failed", m.now)
		}
		return
	}
	m.end(r, "done", m.now)
}

// end ends a remedy, which gives back what it did not spend.
func (m *limitModel) end(r *limitRemedy, status string, at int64) {
	spent := false
	for _, s := range r.steps {
		if s.status == "done" {
			spent = spent || s.amount > 0
			continue
		}
		if s.status == "" && r.held == "" {
			m.refund(s, -s.amount)
		}
		r.giveBack(s, s.amount)
	}
	for _, c := range r.charges {
		if c.step == nil && !spent {
			c.n = 0
		}
	}
	m.open = slices.DeleteFunc(m.open, func(o *limitRemedy) bool { return o == r })
	if status == "failed" {
		m.failed[r.label] = r
	}
	m.say("end %s %s at %d", r.label, status, at)
}

// giveBack takes an amount of a step out of what it used of limits.
func (r *limitRemedy) giveBack(s *limitStep, n int64) {
	for _, c := range r.charges {
		if c.step == s {
			c.n -= n
		}
	}
}

// outcome is what came of a step that runs. paid replaces the amount unless it is -1.
func (m *limitModel) outcome(label, step, status string, paid int64) {
	r := m.find(label)
	if r == nil {
		return
	}
	i := slices.IndexFunc(r.steps, func(s *limitStep) bool { return s.kind == step && s.status == "running" })
	if i < 0 {
		return
	}
	s := r.steps[i]
	m.say("action %s %s %s", label, step, status)
	switch status {
	case "succeeded", "pending", "skipped":
		if status == "skipped" {
			paid = 0
		}
		if paid >= 0 {
			r.giveBack(s, s.amount-paid)
			m.refund(s, paid-s.amount)
			s.amount = paid
		}
		s.status = "done"
	case "failed":
		m.refund(s, -s.amount)
		s.status = "failed"
	case "held":
		for _, other := range r.steps[i:] {
			m.refund(other, -other.amount)
		}
		s.status = ""
		r.held, r.by, r.deadline = "already refunded", nil, m.now+int64(7*24*time.Hour)
		return
	default:
		return
	}
	m.advance(r)
}

func (m *limitModel) find(label string) *limitRemedy {
	for _, r := range m.open {
		if r.label == label {
			return r
		}
	}
	return nil
}

// answer is what a person says to a remedy that is held. ann put the rules in force.
func (m *limitModel) answer(command, label, by string) {
	r := m.find(label)
	if r == nil || r.held == "" || command == "approve" && (by == "ann" || by == r.requester || slices.Contains(r.by, by) || len(r.steps) == 0) {
		m.say("refused %s", command)
		return
	}
	if command == "deny" {
		m.say("deny %s by %s, %d of %d", label, by, len(r.by), r.need)
		m.end(r, "denied", m.now)
		return
	}
	left := slices.DeleteFunc(slices.Clone(r.steps), func(s *limitStep) bool { return s.status == "done" })
	unknown := []string{"already refunded"}
	if r.knows("already refunded") || !slices.ContainsFunc(left, func(s *limitStep) bool { return s.kind == "refund" && m.isRefunded(s.payment) }) {
		unknown = m.recharge(r)
	}
	if len(unknown) > 0 {
		r.told = append(r.told, strings.Split(r.held, ", ")...)
		r.held, r.by = strings.Join(unknown, ", "), nil
		m.say("refused approve held %s", r.held)
		return
	}
	r.by = append(r.by, by)
	var above []string
	for _, limit := range []string{"per_remedy", "per_customer", "budget", "currency"} {
		if slices.Contains(r.above, limit) {
			above = append(above, limit)
		}
	}
	m.say("approve %s by %s, %d of %d, above %q", label, by, len(r.by), r.need, strings.Join(above, ", "))
	if len(r.by) < r.need {
		return
	}
	r.held = ""
	for _, s := range left {
		m.refund(s, s.amount)
	}
	m.advance(r)
}

func (r *limitRemedy) knows(reason string) bool {
	return slices.Contains(strings.Split(r.held, ", "), reason) || slices.Contains(r.told, reason)
}

// stop is a pause or a resumption of money.
func (m *limitModel) stop(command, target, by string) {
	switch people := m.paused[target]; {
	case command == "pause":
		m.paused[target] = append(people, by)
		m.say("pause %s by %s", target, by)
	case len(people) == 0 || slices.Contains(people, by):
		m.say("refused resume")
	default:
		delete(m.paused, target)
		m.say("resume %s by %s", target, by)
	}
}
