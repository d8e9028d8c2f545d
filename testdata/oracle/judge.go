package main

import (
	"maps"
	"regexp"
	"slices"
	"sort"
	"strings"
	"time"
)

// line is one line of the event file.
type line struct {
	text    []byte
	invalid bool // to be rejected
}

func joinLines(lines []line) []byte {
	var b strings.Builder
	for _, l := range lines {
		b.Write(l.text)
		b.WriteByte('\n')
	}
	return []byte(b.String())
}

// rule is one rule, as the YAML that the product reads and as Go.
type rule struct {
	name, yaml string
	events     []string // exact, or a prefix ending in .*
	// alternatives stand for events where types have conditions of their own; the
	// yaml names them then.
	alternatives []alternative
	cond         func(*event) truth
	scope        string
	key          func(*event) (string, bool) // of once_per; nil: none

	within time.Duration // 0: no window
	by     func(*event) (string, bool)
	having func(entries []*event) truth

	distinct func(*event) string // what having counts distinct values of; nil: it does not

	unless *unless

	do           func(*event) ([]step, bool) // false: an expression was an error
	perRemedy    map[string]int64
	approveAbove map[string]int64
	perCustomer  bool
	suppress     bool // over: suppress
}

// step is one step of a remedy.
type step struct {
	kind    string // refund, credit, andon
	payment string
	amount  amount
	cord    string // the last segment is what was expanded
}

// answer is the backtest's answer for one rule.
type answer struct {
	Rule      string            `json:"rule"`
	Remedies  int               `json:"remedies"`
	Customers int               `json:"customers"`
	Actions   map[string]int    `json:"actions"`
	Money     map[string]string `json:"money"`
	Cords     int               `json:"cords"`
	Held      int               `json:"held"`
	Open      int               `json:"open,omitempty"`
}

// answers is the whole answer.
type answers struct {
	Events   int      `json:"events"`
	Rules    []answer `json:"rules"`
	Rejected int      `json:"rejected"`
}

const (
	lateness = int64(time.Hour)
	repeats  = int64(7 * 24 * time.Hour)
)

// judgement is all that deciding remembers.
type judgement struct {
	logTime  int64
	matched  map[[2]string]int64            // source and id → log time
	taken    map[string]bool                // scope and key
	refunded map[string]bool                // payments
	windows  map[string]map[string]*window  // rule, key
	waits    map[string]map[string]*waiting // rule, key
	tallies  map[string]*tally
}

// tally counts what one rule did.
type tally struct {
	remedies, held int
	customers      map[string]bool
	actions        map[string]int
	money          map[string]int64
	cords          map[string]bool
}

func judge(rules []*rule, lines []line) answers {
	sort.Slice(rules, func(i, j int) bool { return rules[i].name < rules[j].name })
	j := &judgement{
		matched: map[[2]string]int64{}, taken: map[string]bool{}, refunded: map[string]bool{},
		windows: map[string]map[string]*window{}, waits: map[string]map[string]*waiting{}, tallies: map[string]*tally{},
	}
	for _, r := range rules {
		j.windows[r.name], j.waits[r.name] = map[string]*window{}, map[string]*waiting{}
		j.tallies[r.name] = &tally{
			customers: map[string]bool{}, money: map[string]int64{}, cords: map[string]bool{},
			actions: map[string]int{"refund": 0, "credit": 0, "andon": 0},
		}
	}
	out := answers{Events: len(lines)}
	for _, l := range lines {
		if l.invalid {
			out.Rejected++
			continue
		}
		j.event(rules, parse(l.text))
	}
	for _, r := range rules {
		answer := j.tallies[r.name].answer(r.name)
		answer.Open = j.open(r)
		out.Rules = append(out.Rules, answer)
	}
	return out
}

func (j *judgement) event(rules []*rule, e *event) {
	if !e.timed {
		e.time = j.logTime
	}
	j.logTime = max(j.logTime, e.time)
	j.pass(rules)
	var matching, ending []*rule
	for _, r := range rules {
		if r.takes(e) {
			matching = append(matching, r)
		}
		if r.unless != nil && wants(r.unless.events, e.kind) && r.unless.cond(e) == yes {
			ending = append(ending, r)
		}
	}
	identity := [2]string{e.source, e.id}
	at, known := j.matched[identity]
	if len(matching)+len(ending) == 0 || known && j.logTime-at < repeats {
		return
	}
	j.matched[identity] = j.logTime
	for _, r := range ending {
		j.counterpart(r, e, r.takes(e))
	}
	for _, r := range matching {
		j.rule(r, e)
	}
}

// takes says whether an event is one of a rule.
func (r *rule) takes(e *event) bool {
	if r.alternatives != nil {
		return and(lets(r.alternatives, e), r.cond(e)) == yes
	}
	return wants(r.events, e.kind) && r.cond(e) == yes
}

func wants(events []string, kind string) bool {
	for _, want := range events {
		if covers(want, kind) {
			return true
		}
	}
	return false
}

// rule judges an event that matched a rule.
func (j *judgement) rule(r *rule, e *event) {
	if r.unless != nil {
		j.wait(r, e)
		return
	}
	if r.within > 0 && !j.fires(r, e) {
		return
	}
	steps, ok := r.do(e)
	j.remedy(r, e, steps, ok)
}

// remedy decides about an event for which a rule fires.
func (j *judgement) remedy(r *rule, e *event, steps []step, computed bool) {
	once := ""
	if r.key != nil {
		key, ok := r.key(e)
		once = r.scope + "\x00" + key
		if !ok || j.taken[once] {
			return
		}
	}
	decision := j.decide(r, e, steps, computed)
	if r.key != nil && decision != suppressed {
		j.taken[once] = true
	}
	j.tallies[r.name].count(j, e, steps, decision)
}

// count adds a remedy to what its rule did.
func (t *tally) count(j *judgement, e *event, steps []step, decision decision) {
	switch decision {
	case held:
		t.held++
		return
	case suppressed:
		return
	}
	t.remedies++
	if e.customer != "" {
		t.customers[e.customer] = true
	}
	for _, s := range steps {
		t.actions[s.kind]++
		switch s.kind {
		case "refund":
			j.refunded[s.payment] = true
			t.money[s.amount.currency] += s.amount.minor
		case "credit":
			t.money[s.amount.currency] += s.amount.minor
		case "andon":
			t.cords[s.cord] = true
		}
	}
}

// fires adds an event to its window and asks whether `having` is true of it.
func (j *judgement) fires(r *rule, e *event) bool {
	key, ok := r.by(e)
	if !ok || e.time < j.logTime-lateness {
		return false
	}
	w := j.windows[r.name][key]
	if w == nil {
		w = &window{}
		j.windows[r.name][key] = w
	}
	w.add(e, int64(r.within), j.logTime)
	if r.having(w.inside(e.time, int64(r.within), r.distinct)) != yes || e.sampled && r.key != nil {
		return false
	}
	if r.key == nil {
		delete(j.windows[r.name], key)
	}
	return true
}

// window is what one key has seen. It is exact up to 64 entries.
type window struct {
	entries []*event
	coarse  bool // it had more, and answers from granules until it is empty
}

const exactEntries = 64

// granule is where the granule of a time begins. No time is before the epoch.
func granule(time, within int64) int64 {
	width := (within + 63) / 64
	return time - time%width
}

// begins is the time by which an entry leaves the window.
func (w *window) begins(e *event, within int64) int64 {
	if w.coarse {
		return granule(e.time, within)
	}
	return e.time
}

// add forgets what not even an event an hour late would ask for, and adds one.
func (w *window) add(e *event, within, logTime int64) {
	var kept []*event
	for _, old := range w.entries {
		if w.begins(old, within) > logTime-lateness-within {
			kept = append(kept, old)
		}
	}
	w.coarse = w.coarse && len(kept) > 0
	w.entries = append(kept, e)
	w.coarse = w.coarse || len(w.entries) > exactEntries
}

// inside returns the entries of the window at time t. Of granules, one with an
// entry later than t does not count at all; where a rule counts distinct values,
// the last entry of each value stands for it.
func (w *window) inside(t, within int64, value func(*event) string) []*event {
	last, later := map[string]int64{}, map[int64]bool{}
	for _, e := range w.entries {
		if value != nil {
			last[value(e)] = max(last[value(e)], e.time)
		}
		if e.time > t && value == nil {
			later[w.begins(e, within)] = true
		}
	}
	var found []*event
	for _, e := range w.entries {
		if w.coarse && value != nil && e.time < last[value(e)] {
			continue
		}
		if begins := w.begins(e, within); begins > t-within && e.time <= t && !(w.coarse && later[begins]) {
			found = append(found, e)
		}
	}
	return found
}

var segment = regexp.MustCompile(`^[A-Za-z0-9._-]{1,64}$`)

type decision int

const (
	acted decision = iota
	held
	suppressed
)

const maxAge = int64(30 * 24 * time.Hour)

// decide says what becomes of a remedy. The first thing in its way decides;
// only where that is a sum above per_remedy it may be suppressed.
func (j *judgement) decide(r *rule, e *event, steps []step, computed bool) decision {
	if !computed || r.within == 0 && r.unless == nil && j.logTime-e.time > maxAge {
		return held
	}
	sums := map[string]int64{}
	for _, s := range steps {
		switch {
		case s.kind == "refund" && (s.payment == "" || j.refunded[s.payment]),
			s.kind == "credit" && e.customer == "",
			s.kind == "andon" && !segment.MatchString(s.cord[strings.IndexByte(s.cord, '/')+1:]),
			s.kind != "andon" && s.amount.minor <= 0:
			return held
		case s.kind != "andon":
			sums[s.amount.currency] += s.amount.minor
		}
	}
	for _, currency := range slices.Sorted(maps.Keys(sums)) {
		top, named := r.perRemedy[currency]
		switch {
		case r.perRemedy == nil:
		case !named:
			return held
		case sums[currency] > top && r.suppress:
			return suppressed
		case sums[currency] > top:
			return held
		}
	}
	if r.perCustomer && e.customer == "" {
		return held
	}
	for currency, sum := range sums {
		if top, named := r.approveAbove[currency]; r.approveAbove != nil && (!named || sum > top) {
			return held
		}
	}
	return acted
}

func (t *tally) answer(name string) answer {
	a := answer{
		Rule: name, Remedies: t.remedies, Customers: len(t.customers), Actions: t.actions,
		Money: map[string]string{}, Cords: len(t.cords), Held: t.held,
	}
	for currency, minor := range t.money {
		a.Money[currency] = amount{minor, currency}.decimal()
	}
	return a
}
