package main

import (
	"fmt"
	"math/rand/v2"
	"sort"
	"strings"
	"time"
)

// unless is the counterpart of a rule's event.
type unless struct {
	events []string
	cond   func(*event) truth
	within int64                      // 0: until says
	until  func(*event) (int64, bool) // false: an error
}

// alternative is a type in a list of events, with the condition for it alone.
type alternative struct {
	event string
	cond  func(*event) truth // nil: none
}

// lets says whether one of the alternatives lets an event through.
func lets(all []alternative, e *event) truth {
	found := no
	for _, a := range all {
		switch {
		case !covers(a.event, e.kind):
		case a.cond == nil:
			return yes
		default:
			found = or(found, a.cond(e))
		}
	}
	return found
}

// waiting is all that ever happened to one key of a rule with unless.
type waiting struct {
	open     *event
	deadline int64 // of open
	due      int64
	steps    []step
	computed bool
	came     []int64 // counterparts
	both     []int64 // counterparts that are events of the rule themselves
	ended    []stay
}

// stay is how long an event waited.
type stay struct {
	from, to, deadline int64
	fired              bool
}

// isAnswer says whether a counterpart at time t is one of an event.
func isAnswer(from, deadline, t int64, both bool) bool {
	if both {
		return t > from && t <= deadline
	}
	return t >= from-lateness && t <= deadline
}

// pass fires what is due up to log time.
func (j *judgement) pass(rules []*rule) {
	type firing struct {
		rule *rule
		key  string
		w    *waiting
	}
	var due []firing
	for _, r := range rules {
		for key, w := range j.waits[r.name] {
			if w.open != nil && w.due <= j.logTime {
				due = append(due, firing{r, key, w})
			}
		}
	}
	sort.Slice(due, func(a, b int) bool {
		x, y := due[a], due[b]
		if x.w.due != y.w.due {
			return x.w.due < y.w.due
		}
		return x.rule.name+"\x00"+x.key < y.rule.name+"\x00"+y.key
	})
	for _, f := range due {
		e := f.w.open
		f.w.open = nil
		f.w.ended = append(f.w.ended, stay{from: e.time, to: f.w.due, fired: true})
		j.remedy(f.rule, e, f.w.steps, f.w.computed)
	}
}

func (j *judgement) waitsFor(r *rule, key string) *waiting {
	w := j.waits[r.name][key]
	if w == nil {
		w = &waiting{}
		j.waits[r.name][key] = w
	}
	return w
}

// counterpart takes an event that a rule waits for.
func (j *judgement) counterpart(r *rule, e *event, both bool) {
	key, ok := r.by(e)
	if !ok {
		return
	}
	w := j.waitsFor(r, key)
	for i := range w.ended {
		s := &w.ended[i]
		if !s.fired && e.time < s.to && isAnswer(s.from, s.deadline, e.time, both) {
			s.to = e.time
		}
	}
	if w.open != nil && isAnswer(w.open.time, w.deadline, e.time, both) {
		w.ended = append(w.ended, stay{from: w.open.time, to: e.time, deadline: w.deadline})
		w.open = nil
	}
	if both {
		w.both = append(w.both, e.time)
	} else {
		w.came = append(w.came, e.time)
	}
}

// wait has an event wait.
func (j *judgement) wait(r *rule, e *event) {
	key, ok := r.by(e)
	if !ok || e.time < j.logTime-lateness {
		return
	}
	deadline := e.time + r.unless.within
	if r.unless.within == 0 {
		if deadline, ok = r.unless.until(e); !ok || deadline > e.time+int64(366*24*time.Hour) {
			return
		}
	}
	w := j.waitsFor(r, key)
	for _, s := range w.ended {
		if e.time >= s.from && e.time < s.to {
			return
		}
	}
	if first, found := w.first(e.time, deadline); found {
		w.ended = append(w.ended, stay{from: e.time, to: first, deadline: deadline})
		if w.open != nil && w.open.time > e.time && w.open.time < first {
			w.open = nil
		}
		return
	}
	if w.open != nil && w.open.time <= e.time {
		return
	}
	steps, computed := r.do(e)
	if r.key != nil {
		if _, ok := r.key(e); !ok || e.sampled {
			return
		}
	}
	w.open, w.deadline, w.due = e, deadline, max(deadline+lateness, j.logTime)
	w.steps, w.computed = steps, computed
}

// first is the earliest counterpart of an event.
func (w *waiting) first(from, deadline int64) (first int64, found bool) {
	for i, t := range append(append([]int64(nil), w.came...), w.both...) {
		if isAnswer(from, deadline, t, i >= len(w.came)) && (!found || t < first) {
			first, found = t, true
		}
	}
	return first, found
}

// open counts what still waits.
func (j *judgement) open(r *rule) int {
	n := 0
	for _, w := range j.waits[r.name] {
		if w.open != nil {
			n++
		}
	}
	return n
}

// neverArrived credits a flight that is announced and does not arrive.
func neverArrived(r *rand.Rand) *rule {
	rule := base("never-arrived")
	minutes := float64(oneOf(r, 30, 60))
	rule.alternatives = []alternative{{cancelled, lateAtLeast(minutes)}, {event: "com.example.flight.leg.*"}}
	rule.by, rule.key = field("booking"), fields("booking", "leg")
	within := oneOf(r, lengths...)
	technical := func(e *event) truth { return e.equals("cause", "technical") }
	rule.unless = &unless{events: []string{arrived}, cond: technical, within: int64(within)}
	rule.do = func(e *event) ([]step, bool) {
		m, ok := e.money("fare")
		return []step{{kind: "credit", amount: percent(m, "10")}}, ok
	}
	rule.yaml = fmt.Sprintf(`
event: [{type: %s, if: data.late_min >= %v}, com.example.flight.leg.*]
unless: {event: %s, if: data.cause == "technical", by: data.booking, within: %s}
once_per: [data.booking, data.leg]
do: [{credit: {customer: "${{ event.customer }}", amount: "${{ pct(data.fare, 10) }}"}}]
`, cancelled, minutes, arrived, written(within))
	limit(r, rule)
	return rule
}

// quietOrder pulls a cord when an order is charged and not charged again.
func quietOrder(r *rand.Rand) *rule {
	rule := base("quiet-order")
	rule.alternatives = []alternative{{event: charged}}
	rule.by = field("order")
	within := oneOf(r, lengths...)
	rule.unless = &unless{events: []string{"com.example.shop.*"}, cond: func(*event) truth { return yes }, within: int64(within)}
	rule.do = pull("order", "order")
	rule.yaml = fmt.Sprintf(`
event: %s
unless: {event: com.example.shop.*, by: data.order, within: %s}
do: [{andon: {pull: "order/${{ data.order }}", level: yellow, reason: quiet}}]
`, charged, written(within))
	return rule
}

// brokenPromise credits a contact with a low score that no high one follows in time.
func brokenPromise(r *rand.Rand) *rule {
	rule := base("broken-promise")
	low := func(e *event) truth { return e.compare("score", func(n float64) bool { return n <= 3 }) }
	damaged := func(e *event) truth { return e.equals("reason", "damaged") }
	rule.alternatives = []alternative{{contacted, low}, {"com.example.contact.*", damaged}}
	rule.cond = func(e *event) truth { return e.compare("units", func(n float64) bool { return n < 3 }) }
	rule.by, rule.key = field("sku"), field("contact")
	high := func(e *event) truth { return e.compare("score", func(n float64) bool { return n >= 4 }) }
	rule.unless = &unless{events: []string{contacted}, cond: high, until: promised}
	rule.do = func(*event) ([]step, bool) { return []step{{kind: "credit", amount: amount{250, "USD"}}}, true }
	rule.yaml = `
event:
  - type: com.example.contact.closed
    if: data.score <= 3
  - {type: com.example.contact.*, if: data.reason == "damaged"}
if: data.units < 3
unless: {event: com.example.contact.closed, if: data.score >= 4, by: data.sku, until: timestamp(data.promised)}
once_per: data.contact
do: [{credit: {customer: "${{ event.customer }}", amount: 2.50 USD}}]
`
	limit(r, rule)
	return rule
}

// promised is the time that a contact names.
func promised(e *event) (int64, bool) {
	v, err := e.field("promised")
	text, ok := v.(string)
	if err != nil || !ok {
		return 0, false
	}
	t, err := time.Parse(time.RFC3339Nano, text)
	return t.UnixNano(), err == nil
}

func covers(want, kind string) bool {
	prefix, ok := strings.CutSuffix(want, "*")
	return want == kind || ok && strings.HasPrefix(kind, prefix)
}
