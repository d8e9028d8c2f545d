package decide_test

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/input"
	"github.com/makegood/makegood/remediator/rule"
)

const waitLateness = int64(time.Hour) // as genesis says

// arrival is an event of the properties below: when it says that it happened, and
// when it arrived.
type arrival struct {
	at, arrives int64
	key         int
	opens, ends bool
	until       int64 // the deadline that it names
	n           int   // its id
}

// waits are rules of which every event that may wait has a key of its own.
func waitRules(within time.Duration) string {
	deadline := "until: timestamp(data.until)"
	if within > 0 {
		deadline = fmt.Sprintf("within: %ds", within/time.Second)
	}
	return set(fmt.Sprintf(`  - rule: absent
    owner: shop
    why: because
    event: com.example.thing
    if: data.opens
    unless: {event: com.example.thing, if: data.ends, by: data.key, %s}
    once_per: event.id
    do: [{credit: {customer: "${{ event.customer }}", amount: 1.00 USD}}]
    limits: {budget: {amount: 100000.00 USD, within: 1d}}
    account: "1"
    mode: live
`, deadline))
}

func (a arrival) input(i int) input.Input {
	stamp := func(at int64) string { return time.Unix(0, at).UTC().Format(time.RFC3339Nano) }
	return input.Input{ID: fmt.Sprintf("in-%d", i), Kind: input.Event, At: a.arrives, Body: fmt.Appendf(nil,
		`{"specversion":"1.0","id":"%d","source":"/s","type":"com.example.thing","customer":"c","time":%q,"data":{"key":%d,"opens":%t,"ends":%t,"until":%q}}`,
		a.n, stamp(a.at), a.key, a.opens, a.ends, stamp(a.until))}
}

// absence is a remedy of an event whose counterpart did not come: of which event, decided at what time.
type absence struct {
	event string
	at    int64
}

// naive says what fires, by all that ever came and without a thought of memory.
type naive struct {
	within int64
	now    int64
	keys   map[int]*naiveKey
	seen   map[int]bool
	fired  []absence
}

type naiveKey struct {
	came, both []int64
	open       *arrival
	due        int64
	ended      []naiveSpan
}

// naiveSpan is when an event waited.
type naiveSpan struct {
	of    arrival
	to    int64
	fired bool
}

func (m *naive) deadline(a *arrival) int64 {
	if m.within == 0 {
		return a.until
	}
	return a.at + m.within
}

// pass fires what is due up to a time.
func (m *naive) pass(now int64) {
	for _, k := range m.keys {
		if k.open != nil && k.due <= now {
			m.fired = append(m.fired, absence{fmt.Sprint(k.open.n), k.due})
			k.ended = append(k.ended, naiveSpan{*k.open, k.due, true})
			k.open = nil
		}
	}
	m.now = max(m.now, now)
}

func (m *naive) arrive(a arrival) {
	m.pass(a.arrives)
	if m.seen[a.n] || !a.opens && !a.ends {
		return
	}
	m.seen[a.n] = true
	a.at = min(a.at, m.now+int64(time.Minute))
	k := m.keys[a.key]
	if k == nil {
		k = &naiveKey{}
		m.keys[a.key] = k
	}
	if a.ends {
		for i := range k.ended {
			if e := &k.ended[i]; !e.fired && a.at < e.to && m.answers(&e.of, a.at, a.opens) {
				e.to = a.at
			}
		}
		if k.open != nil && m.answers(k.open, a.at, a.opens) {
			k.ended = append(k.ended, naiveSpan{*k.open, a.at, false})
			k.open = nil
		}
		if a.opens {
			k.both = append(k.both, a.at)
		} else {
			k.came = append(k.came, a.at)
		}
	}
	if !a.opens || a.at < m.now-waitLateness {
		return
	}
	for _, e := range k.ended {
		if a.at >= e.of.at && a.at < e.to {
			return
		}
	}
	if first, found := m.first(k, &a); found {
		k.ended = append(k.ended, naiveSpan{a, first, false})
		if k.open != nil && k.open.at > a.at && k.open.at < first {
			k.open = nil
		}
		return
	}
	if k.open != nil && k.open.at <= a.at {
		return
	}
	k.open, k.due = &a, max(m.deadline(&a)+waitLateness, m.now)
}

// first is the earliest counterpart that an event has.
func (m *naive) first(k *naiveKey, a *arrival) (first int64, found bool) {
	for _, t := range k.came {
		if m.answers(a, t, false) && (!found || t < first) {
			first, found = t, true
		}
	}
	for _, t := range k.both {
		if m.answers(a, t, true) && (!found || t < first) {
			first, found = t, true
		}
	}
	return first, found
}

func (m *naive) answers(a *arrival, t int64, both bool) bool {
	if both {
		return t > a.at && t <= m.deadline(a)
	}
	return t >= a.at-waitLateness && t <= m.deadline(a)
}

// judged is what the model says of events in the order of their arrival.
func naively(within time.Duration, arrivals []arrival) []absence {
	m := &naive{within: int64(within), keys: map[int]*naiveKey{}, seen: map[int]bool{}}
	for _, a := range arrivals {
		m.arrive(a)
	}
	m.pass(1 << 62)
	return sorted(m.fired)
}

func sorted(all []absence) []absence {
	slices.SortFunc(all, func(a, b absence) int { return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.event, b.event)) })
	return all
}

// engine is what the fold says, cut into groups, interrupted and restored.
func engine(rt *rapid.T, t *testing.T, within time.Duration, arrivals []arrival) []absence {
	inputs := []input.Input{genesis(t), activation(t, "rules", []rule.File{{Path: "r.yaml", Text: waitRules(within)}})}
	for i, a := range arrivals {
		inputs = append(inputs, a.input(i))
	}
	inputs = append(inputs, input.Input{Kind: input.Tick, At: start + int64(400*24*time.Hour)})
	c := run(t, inputs, 1,
		func(left int) int { return rapid.IntRange(1, left).Draw(rt, "group") },
		func() bool { return rapid.IntRange(0, 3).Draw(rt, "crash") == 0 })
	var fired []absence
	for line := range bytes.Lines(c.bytes.Bytes()) {
		var item decide.Item
		if !bytes.HasPrefix(line, []byte(`{"Fact"`)) {
			continue
		}
		if err := json.Unmarshal(line, &item); err != nil {
			t.Fatal(err)
		}
		if item.Fact == nil || item.Fact.Kind != decide.KindRemedy {
			continue
		}
		var r decide.RemedyFact
		if err := json.Unmarshal(item.Fact.Body, &r); err != nil {
			t.Fatal(err)
		}
		fired = append(fired, absence{r.Event, item.Fact.At})
	}
	return sorted(fired)
}

// drawArrivals draws events in the order in which they arrive, at most so much
// later than they happened.
func drawArrivals(rt *rapid.T, earliest, latest int64, untilFrom time.Duration) []arrival {
	arrivals := make([]arrival, rapid.IntRange(1, 30).Draw(rt, "events"))
	step := rapid.SampledFrom([]time.Duration{time.Minute, 20 * time.Minute, 3 * time.Hour}).Draw(rt, "step")
	at := start + waitLateness
	for i := range arrivals {
		a := &arrivals[i]
		at += rapid.Int64Range(1, int64(step)).Draw(rt, "gap")
		kind := rapid.SampledFrom([]string{"opens", "ends", "opens", "ends", "both", "neither"}).Draw(rt, "kind")
		a.opens, a.ends = kind == "opens" || kind == "both", kind == "ends" || kind == "both"
		a.at, a.n, a.key = at, i, rapid.IntRange(1, 2).Draw(rt, "key")
		a.until = at + rapid.Int64Range(int64(untilFrom), int64(6*time.Hour)).Draw(rt, "until")
		a.arrives = at + rapid.Int64Range(earliest, latest).Draw(rt, "delay")
	}
	slices.SortStableFunc(arrivals, func(a, b arrival) int { return cmp.Compare(a.arrives, b.arrives) })
	return arrivals
}

// forward puts the deadlines of each key off so that none is before that of an earlier event.
func forward(arrivals []arrival) {
	byTime := make([]*arrival, len(arrivals))
	for i := range arrivals {
		byTime[i] = &arrivals[i]
	}
	slices.SortFunc(byTime, func(a, b *arrival) int { return cmp.Compare(a.at, b.at) })
	latest := map[int]int64{}
	for _, a := range byTime {
		a.until = max(a.until, latest[a.key])
		latest[a.key] = a.until
	}
}

func drawWithin(rt *rapid.T) time.Duration {
	return rapid.SampledFrom([]time.Duration{0, time.Minute, 30 * time.Minute, 90 * time.Minute, 5 * time.Hour}).Draw(rt, "within")
}

// TestAbsenceEqualsNaiveModel holds the fold against a model that keeps all that
// ever came, on the same order: with late events, clocks that are ahead, repeats
// and deadlines in the past, restarts and down-time.
func TestAbsenceEqualsNaiveModel(t *testing.T) {
	t.Parallel()
	fired, most := 0, 0
	rapid.Check(t, func(rt *rapid.T) {
		within := drawWithin(rt)
		arrivals := drawArrivals(rt, -int64(2*time.Minute), 2*waitLateness, -3*time.Hour)
		for range rapid.IntRange(0, 3).Draw(rt, "repeats") {
			again := arrivals[rapid.IntRange(0, len(arrivals)-1).Draw(rt, "again")]
			again.arrives = arrivals[len(arrivals)-1].arrives + 1
			arrivals = append(arrivals, again)
		}
		got, want := engine(rt, t, within, arrivals), naively(within, arrivals)
		if !slices.Equal(got, want) {
			rt.Fatalf("the fold fires %v, the model %v; within %s, the events are %+v", got, want, within, arrivals)
		}
		fired, most = fired+len(want), max(most, len(want))
	})
	if fired == 0 || most < 2 && !testing.Short() { // a few are too few for two at once
		t.Errorf("%d fired, %d at once: nothing was shown", fired, most)
	}
}

// TestAbsenceOfSortedInput holds that the order of arrival makes no difference as
// long as nothing is late: what fires, and when, is what fires when each event
// arrives as it happens. So an event fires exactly once or never. Where deadlines go
// back from one event to the next, less may fire, and never anything else.
func TestAbsenceOfSortedInput(t *testing.T) {
	t.Parallel()
	fired, displaced := 0, 0
	rapid.Check(t, func(rt *rapid.T) {
		within := drawWithin(rt)
		arrivals := drawArrivals(rt, 0, waitLateness-1, 0)
		if rapid.Bool().Draw(rt, "forward") {
			forward(arrivals)
		}
		inOrder := slices.Clone(arrivals)
		slices.SortFunc(inOrder, func(a, b arrival) int { return cmp.Compare(a.at, b.at) })
		latest, back := map[int]int64{}, false
		for i := range inOrder {
			a := &inOrder[i]
			a.arrives = a.at
			back = back || within == 0 && a.until < latest[a.key]
			latest[a.key] = max(a.until, latest[a.key])
		}
		got, want := engine(rt, t, within, arrivals), naively(within, inOrder)
		other := slices.ContainsFunc(got, func(a absence) bool { return !slices.Contains(want, a) })
		if other || !back && !slices.Equal(got, want) {
			rt.Fatalf("the fold fires %v, of sorted input %v; within %s, the events are %+v", got, want, within, arrivals)
		}
		fired += len(want)
		if !slices.IsSortedFunc(arrivals, func(a, b arrival) int { return cmp.Compare(a.at, b.at) }) {
			displaced++
		}
	})
	if fired == 0 || displaced == 0 {
		t.Errorf("%d fired, %d times in another order: nothing was shown", fired, displaced)
	}
}
