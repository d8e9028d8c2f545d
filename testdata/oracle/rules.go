package main

import (
	"fmt"
	"math/rand/v2"
	"sort"
	"strings"
	"time"
)

// The event types. Rules name them one by one, in lists, or by prefix.
const (
	arrived   = "com.example.flight.arrived"
	cancelled = "com.example.flight.cancelled"
	diverted  = "com.example.flight.leg.diverted"
	charged   = "com.example.shop.charge"
	contacted = "com.example.contact.closed"
	ignored   = "com.example.other.thing"
)

// families are the kinds of rule. A seed takes some of them, each with
// parameters of its own.
var families = []func(*rand.Rand) *rule{
	refundLate, refundCancelled, creditTiered, sharedScope, twoSteps, refundAndStop,
	thirdCharge, burst, complaints, units, spending, lowScores, badShare, spread, anyLane,
	neverArrived, quietOrder, brokenPromise,
}

// rulesText writes the rule file.
func rulesText(rules []*rule) string {
	sorted := append([]*rule(nil), rules...)
	sort.Slice(sorted, func(i, j int) bool { return sorted[i].name > sorted[j].name })
	var b strings.Builder
	b.WriteString("rules:\n")
	for _, r := range sorted {
		fmt.Fprintf(&b, "  - rule: %s\n    owner: oracle/%s\n    why: A seed made it up.\n", r.name, r.name)
		switch len(r.events) {
		case 0: // the rule writes them itself
		case 1:
			fmt.Fprintf(&b, "    event: %s\n", r.events[0])
		default:
			fmt.Fprintf(&b, "    event: [%s]\n", strings.Join(r.events, ", "))
		}
		for _, l := range strings.Split(strings.TrimSpace(r.yaml), "\n") {
			fmt.Fprintf(&b, "    %s\n", l)
		}
	}
	return b.String()
}

// base is a rule that pays a key once per scope, which is its name.
func base(name string, events ...string) *rule {
	return &rule{name: name, scope: name, events: events, cond: func(*event) truth { return yes }}
}

func oneOf[T any](r *rand.Rand, choices ...T) T { return choices[r.IntN(len(choices))] }

// lengths are the windows' lengths; the events keep some of these gaps exactly.
var lengths = []time.Duration{10 * time.Minute, 30 * time.Minute, 90 * time.Minute, 6 * time.Hour, 24 * time.Hour}

func written(d time.Duration) string {
	if d%time.Hour == 0 {
		return fmt.Sprintf("%dh", d/time.Hour)
	}
	return fmt.Sprintf("%dm", d/time.Minute)
}

// field makes a key of a field.
func field(name string) func(*event) (string, bool) {
	return func(e *event) (string, bool) { return e.key(name) }
}

// fields makes a key of several fields, each of which must make one.
func fields(names ...string) func(*event) (string, bool) {
	return func(e *event) (string, bool) {
		var key strings.Builder
		for _, name := range names {
			part, ok := e.key(name)
			if !ok {
				return "", false
			}
			fmt.Fprintf(&key, "%d:%s", len(part), part)
		}
		return key.String(), true
	}
}

// refund makes the only step: p per cent of data.<amount> to data.payment.
func refund(from, p string) func(*event) ([]step, bool) {
	return func(e *event) ([]step, bool) {
		payment, ok := e.key("payment")
		m, money := e.money(from)
		if !ok || !money {
			return nil, false
		}
		return []step{{kind: "refund", payment: payment, amount: percent(m, p)}}, true
	}
}

func lateAtLeast(minutes float64) func(*event) truth {
	return func(e *event) truth {
		return e.compare("late_min", func(n float64) bool { return n >= minutes })
	}
}

// refundLate refunds all or a part, some of them by a condition in which one
// side absorbs the other's error, some within limits by currency.
func refundLate(r *rand.Rand) *rule {
	rule := base("refund-late", oneOf(r, []string{arrived}, []string{cancelled, arrived}, []string{"com.example.flight.*"})...)
	minutes := float64(oneOf(r, 60, 120, 180))
	late := lateAtLeast(minutes)
	cond := fmt.Sprintf("data.late_min >= %v", minutes)
	rule.cond = late
	switch r.IntN(3) {
	case 0:
		cond = "data.vip == true || " + cond
		rule.cond = func(e *event) truth { return or(e.equals("vip", true), late(e)) }
	case 1:
		cond += ` && data.cause != "weather"`
		rule.cond = func(e *event) truth {
			weather := e.equals("cause", "weather")
			return and(late(e), map[truth]truth{yes: no, no: yes, bad: bad}[weather])
		}
	}
	p := oneOf(r, "100", "50", "25", "33.3", "12.5", "7")
	rule.do = refund("fare", p)
	once := "data.booking"
	rule.key = field("booking")
	if r.IntN(2) == 0 {
		once, rule.key = "[data.booking, data.leg]", fields("booking", "leg")
	}
	rule.yaml = fmt.Sprintf(`
if: >-
  %s
once_per: %s
do:
  - refund: {payment: "${{ data.payment }}", amount: "${{ pct(data.fare, %s) }}"}
`, cond, once, p)
	limit(r, rule)
	return rule
}

// limit gives a rule limits that a look at one remedy can decide, and a mode,
// which a backtest does not look at.
func limit(r *rand.Rand, rule *rule) {
	var lines string
	if r.IntN(3) == 0 {
		lines += "\n  per_remedy: [150.00 USD, 12000 JPY, 45.500 KWD]"
		rule.perRemedy = map[string]int64{"USD": 15000, "JPY": 12000, "KWD": 45500}
	} else if r.IntN(3) == 0 {
		lines += "\n  per_remedy: 120.00 USD"
		rule.perRemedy = map[string]int64{"USD": 12000}
	}
	if rule.perRemedy != nil && r.IntN(2) == 0 {
		lines += "\n  over: suppress"
		rule.suppress = true
	}
	if r.IntN(4) == 0 {
		lines += "\n  approve_above: [99.99 USD, 99.99 EUR, 9999 JPY, 40.001 KWD]"
		rule.approveAbove = map[string]int64{"USD": 9999, "EUR": 9999, "JPY": 9999, "KWD": 40001}
	}
	if r.IntN(5) == 0 {
		lines += "\n  per_customer: {remedies: 100000, within: 30d}"
		rule.perCustomer = true
	}
	if r.IntN(3) == 0 {
		lines += "\n  budget: {amount: [90000000000000.00 USD, 90000000000000.00 EUR, 9000000000000000 JPY, 9000000000000.000 KWD], within: 1d}"
		rule.yaml = strings.TrimRight(rule.yaml, "\n") + "\naccount: oracle\nmode: " + oneOf(r, "live", "canary 5%", "shadow")
	}
	if lines != "" {
		rule.yaml = strings.TrimRight(rule.yaml, "\n") + "\nlimits:" + lines + "\n"
	}
}

// refundCancelled pays back whole what refundLate may have paid back already.
func refundCancelled(r *rand.Rand) *rule {
	rule := base("refund-cancelled", cancelled)
	rule.key = field("booking")
	rule.do = refund("fare", "100")
	rule.yaml = `
once_per: data.booking
do:
  - refund: {payment: "${{ data.payment }}", amount: "${{ data.fare }}"}
`
	limit(r, rule)
	return rule
}

// creditTiered gives a share of the fare that grows with a let.
func creditTiered(r *rand.Rand) *rule {
	rule := base("credit-tiered", arrived, diverted)
	rule.cond = lateAtLeast(30)
	rule.key = fields("booking", "leg")
	rule.do = func(e *event) ([]step, bool) {
		late, _ := e.number("late_min")
		p := "12.5"
		if late >= 120 {
			p = "50"
		} else if late >= 60 {
			p = "33.3"
		}
		m, ok := e.money("fare")
		return []step{{kind: "credit", amount: percent(m, p)}}, ok
	}
	rule.yaml = `
if: late >= 30
once_per: [data.booking, data.leg]
let: {late: data.late_min}
do:
  - credit:
      customer: "${{ event.customer }}"
      amount: >-
        ${{ pct(data.fare, late >= 120 ? 50 : late >= 60 ? 33.3 : 12.5) }}
`
	limit(r, rule)
	return rule
}

// sharedScope takes the keys of refund-late when that takes bookings alone.
func sharedScope(r *rand.Rand) *rule {
	rule := base("gesture", diverted, arrived)
	rule.scope = "refund-late"
	rule.cond = func(e *event) truth { return e.equals("cause", "crew") }
	rule.key = field("booking")
	rule.do = func(e *event) ([]step, bool) {
		return []step{{kind: "credit", amount: amount{1500, "EUR"}}}, true
	}
	rule.yaml = `
if: data.cause == "crew"
once_per: {key: data.booking, scope: refund-late}
do:
  - credit: {customer: "${{ event.customer }}", amount: 15.00 EUR}
`
	return rule
}

// twoSteps adds a credit in dollars to a refund in any currency.
func twoSteps(r *rand.Rand) *rule {
	rule := base("refund-and-credit", cancelled, diverted)
	rule.cond = func(e *event) truth { return e.equals("cause", "crew") }
	rule.key = fields("booking")
	rule.do = func(e *event) ([]step, bool) {
		steps, ok := refund("fare", "50")(e)
		return append(steps, step{kind: "credit", amount: amount{325, "USD"}}), ok
	}
	rule.yaml = `
if: data.cause == "crew"
once_per: data.booking
do:
  - refund: {payment: "${{ data.payment }}", amount: "${{ pct(data.fare, 50) }}"}
  - credit: {customer: "${{ event.customer }}", amount: 3.25 USD}
`
	limit(r, rule)
	return rule
}

// refundAndStop refunds and pulls a cord with one remedy.
func refundAndStop(r *rand.Rand) *rule {
	rule := base("refund-and-stop", diverted)
	rule.key = field("booking")
	rule.do = func(e *event) ([]step, bool) {
		steps, ok := refund("fare", "100")(e)
		lane, written := e.key("lane")
		if v, err := e.field("lane"); err == nil && v == true {
			lane, written = "true", true // no key, but a text may say it
		}
		return append(steps, step{kind: "andon", cord: "lane/" + lane}), ok && written
	}
	rule.yaml = `
once_per: data.booking
do:
  - refund: {payment: "${{ data.payment }}", amount: "${{ data.fare }}"}
  - andon: {pull: "lane/${{ data.lane }}", level: red, reason: diverted}
`
	return rule
}
