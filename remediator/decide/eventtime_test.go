package decide_test

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/input"
	"github.com/makegood/makegood/remediator/rule"
)

const lateness = int64(time.Hour)

// genesisOf is genesis of a log with a lateness.
func genesisOf(t testing.TB, lateness int64) input.Input {
	in := genesis(t)
	var body decide.GenesisBody
	if err := json.Unmarshal(in.Body, &body); err != nil {
		t.Fatal(err)
	}
	body.LatenessS = lateness / int64(time.Second)
	in.Body = encode(t, body)
	return in
}

// timed is an event of one key: when it happened, and when it came.
type timed struct {
	id     string
	happen int64
	come   int64
	who, n int
	probe  bool
	tenths bool // n counts these
}

func (e timed) input() input.Input {
	n := fmt.Sprint(e.n)
	if e.tenths {
		n = fmt.Sprint(float64(e.n) / 10)
	}
	return input.Input{ID: "in-" + e.id, Kind: input.Event, At: e.come, Body: fmt.Appendf(nil,
		`{"specversion":"1.0","id":%q,"source":"/test","type":"com.example.bad","time":%q,"data":{"who":%d,"n":%s,"probe":%v}}`,
		e.id, time.Unix(0, e.happen).UTC().Format(time.RFC3339Nano), e.who, n, e.probe)}
}

// beginTimed returns a fold with rules in force, of a log with a lateness.
func beginTimed(t testing.TB, lateness int64, rules string) *decide.Fold {
	fold := decide.New(decide.Config{Memory: decide.NewMemory()})
	_, err := fold.Apply([]input.Input{genesisOf(t, lateness), activation(t, "rules", []rule.File{{Path: "r.yaml", Text: rules}})})
	if err != nil {
		t.Fatal(err)
	}
	return fold
}

// apply folds an event and returns its facts, but for those of progress and snapshots.
func (e timed) apply(t testing.TB, fold *decide.Fold) (facts []decide.Fact, progress []decide.ProgressFact) {
	out, err := fold.Apply([]input.Input{e.input()})
	if err != nil {
		t.Fatal(err)
	}
	for _, item := range out.Items {
		switch {
		case item.Fact == nil || item.Fact.Kind == decide.KindSnapshot || item.Fact.Kind == decide.KindPull:
		case item.Fact.Kind == decide.KindProgress:
			var p decide.ProgressFact
			if err := json.Unmarshal(item.Fact.Body, &p); err != nil {
				t.Fatal(err)
			}
			progress = append(progress, p)
		default:
			facts = append(facts, *item.Fact)
		}
	}
	return facts, progress
}

const probed = `rules:
  - rule: r
    owner: o
    why: w
    event: com.example.bad
    once_per: event.id
    window: {within: WITHIN}
    having: data.probe && count() + distinct(data.who) + sum(data.n) + avg(data.n) + min(data.n) + max(data.n) + share(data.n > 4) + count(data.n > 2) > -100000.0
    do: [{andon: {pull: a/b, level: yellow, reason: r}}]
`

// TestOrderInsideLatenessLeavesNoTrace folds the same events as they happened, and
// each as late as it may come: nothing fires in between, and what the window
// holds in the end is the same. Numbers with a fraction are added in order of time as long
// as no two are of one instant and the window is not in granules.
func TestOrderInsideLatenessLeavesNoTrace(t *testing.T) {
	t.Parallel()
	dense, fractions := 0, 0
	rapid.Check(t, func(rt *rapid.T) {
		within := rapid.SampledFrom([]string{"10m", "64m", "6h"}).Draw(rt, "within")
		const span = int64(50 * time.Minute)
		lateness := rapid.SampledFrom([]int64{lateness, 2 * lateness}).Draw(rt, "lateness")
		n := rapid.SampledFrom([]int{1, 5, 40, 64, 65, 66, 100}).Draw(rt, "events")
		if n > 64 {
			dense++
		}
		tenths := n < 64 && rapid.Bool().Draw(rt, "fractions")
		if tenths {
			fractions++
		}
		var events []timed
		for i := range n {
			e := timed{id: fmt.Sprint(i), happen: start + rapid.Int64Range(0, span).Draw(rt, "at"),
				who: rapid.IntRange(0, 90).Draw(rt, "who"), n: rapid.IntRange(-5, 9).Draw(rt, "n"), tenths: tenths}
			if tenths {
				e.happen -= e.happen%100 + int64(i) // no other is of this instant
			}
			e.come = e.happen
			events = append(events, e)
		}
		probe := timed{id: "probe", happen: start + span + 1, come: start + span + 1 + lateness, probe: true}
		last := func(events []timed) []decide.Aggregate {
			fold := beginTimed(t, lateness, strings.ReplaceAll(probed, "WITHIN", within))
			slices.SortStableFunc(events, func(a, b timed) int { return int(a.come - b.come) })
			for _, e := range events {
				if facts, _ := e.apply(t, fold); len(facts) > 0 {
					rt.Fatalf("event %s made a fact %q", e.id, facts[0].Kind)
				}
			}
			facts, _ := probe.apply(t, fold)
			if len(facts) != 1 || facts[0].Kind != decide.KindRemedy {
				rt.Fatalf("the probe made %d facts", len(facts))
			}
			var remedy decide.RemedyFact
			if err := json.Unmarshal(facts[0].Body, &remedy); err != nil {
				rt.Fatal(err)
			}
			return remedy.Aggregates
		}
		inOrder := last(slices.Clone(events))
		for i := range events {
			events[i].come += rapid.Int64Range(0, lateness).Draw(rt, "delay")
		}
		if late := last(events); !reflect.DeepEqual(late, inOrder) || len(late) != 8 {
			rt.Errorf("%d events, in order of time: %v\n as they came: %v", n, inOrder, late)
		}
	})
	if dense == 0 || fractions == 0 {
		t.Errorf("%d windows were in granules, %d had fractions", dense, fractions)
	}
}

const windowed = `rules:
  - rule: anew
    owner: o
    why: w
    event: com.example.bad
    window: {within: WITHIN}
    having: count() >= 3 && distinct(data.who) >= 2
    do: [{andon: {pull: a/anew, level: yellow, reason: r}}]
  - rule: keep
    owner: o
    why: w
    event: com.example.bad
    once_per: event.id
    window: {within: WITHIN}
    having: sum(data.n) >= 12.0 || max(data.n) - min(data.n) >= 9.0
    do: [{andon: {pull: a/keep, level: yellow, reason: r}}]
`

// naiveRule is a rule with a window as a list of what it has seen.
type naiveRule struct {
	name   string
	anew   bool
	seen   []timed
	having func(inside []timed) bool
}

func (r *naiveRule) fires(e timed, within int64) bool {
	r.seen = append(r.seen, e)
	var inside []timed
	for _, x := range r.seen {
		if x.happen > e.happen-within && x.happen <= e.happen {
			inside = append(inside, x)
		}
	}
	holds := r.having(inside)
	if holds && r.anew {
		r.seen = nil
	}
	return holds
}

func naiveRules() []*naiveRule {
	return []*naiveRule{
		{name: "anew", anew: true, having: func(inside []timed) bool {
			people := map[int]bool{}
			for _, e := range inside {
				people[e.who] = true
			}
			return len(inside) >= 3 && len(people) >= 2
		}},
		{name: "keep", having: func(inside []timed) bool {
			sum, low, high := 0, inside[0].n, inside[0].n
			for _, e := range inside {
				sum, low, high = sum+e.n, min(low, e.n), max(high, e.n)
			}
			return sum >= 12 || high-low >= 9
		}},
	}
}

// TestFiringAgainstNaiveModel folds events that come in any order, some too late,
// some ahead of time, some twice: what fires, and what is recorded as late, is
// what a list of events says in the same order.
func TestFiringAgainstNaiveModel(t *testing.T) {
	t.Parallel()
	seen := map[string]int{}
	rapid.Check(t, func(rt *rapid.T) {
		text := rapid.SampledFrom([]string{"10m", "64m", "6h"}).Draw(rt, "within")
		within, err := time.ParseDuration(text)
		if err != nil {
			rt.Fatal(err)
		}
		lateness := rapid.SampledFrom([]int64{lateness, 2 * lateness, 0}).Draw(rt, "lateness")
		fold, rules := beginTimed(t, lateness, strings.ReplaceAll(windowed, "WITHIN", text)), naiveRules()
		var counted, lates uint64
		var events []timed
		at := start
		for i := range rapid.IntRange(1, 60).Draw(rt, "events") {
			at += rapid.Int64Range(0, int64(within)/4).Draw(rt, "step")
			behind := rapid.SampledFrom([]int64{0, 0, 1, int64(within), lateness - 1, lateness, lateness + 1, 3 * lateness, int64(90 * time.Minute),
				-int64(30 * time.Second), -int64(time.Minute), -int64(time.Minute) - 1, -lateness}).Draw(rt, "behind")
			e := timed{id: fmt.Sprint(i), happen: at - behind, come: at, who: rapid.IntRange(0, 2).Draw(rt, "who"), n: rapid.IntRange(0, 9).Draw(rt, "n")}
			repeated := i > 0 && rapid.IntRange(0, 9).Draw(rt, "repeat") == 0
			if repeated {
				e = events[rapid.IntRange(0, i-1).Draw(rt, "which")]
				e.come = at
			}
			events = append(events, e)
			var want []string
			switch e.happen = min(e.happen, at+int64(time.Minute)); {
			case repeated:
				seen["repeated"]++
			case e.happen < at-lateness:
				lates++
				seen[fmt.Sprint("late by ", time.Duration(lateness))]++
				for _, r := range rules {
					want = append(want, decide.KindLate+" "+r.name+" "+time.Unix(0, e.happen).UTC().Format(time.RFC3339Nano))
				}
			default:
				seen[fmt.Sprintf("%v behind, in time by %v", time.Duration(behind), time.Duration(lateness))]++
				for _, r := range rules {
					if r.fires(e, int64(within)) {
						want = append(want, decide.KindRemedy+" "+r.name)
					}
				}
			}
			facts, progress := events[i].apply(t, fold)
			for _, p := range progress {
				counted += p.Late
			}
			got := outcomes(rt, facts)
			if !slices.Equal(got, want) {
				rt.Fatalf("event %d came to %q, want %q", i, got, want)
			}
			for _, w := range want {
				seen[w[:8]]++
			}
		}
		_, progress := timed{id: "end", happen: at + int64(time.Hour), come: at + int64(time.Hour)}.apply(t, fold)
		for _, p := range progress {
			counted += p.Late
		}
		if counted != lates {
			rt.Errorf("progress counts %d late events, want %d", counted, lates)
		}
	})
	for _, what := range []string{"late ane", "late kee", "remedy a", "remedy k", "repeated", "late by 0s", "late by 1h0m0s", "late by 2h0m0s", "1h30m0s behind, in time by 2h0m0s"} {
		if seen[what] == 0 {
			t.Errorf("nothing was %q: the property was not tested for it", what)
		}
	}
}

// outcomes says what facts came of one event, by rule.
func outcomes(t *rapid.T, facts []decide.Fact) (out []string) {
	for _, f := range facts {
		switch f.Kind {
		case decide.KindRemedy:
			out = append(out, f.Kind+" "+f.Rule)
		case decide.KindLate:
			var late decide.LateFact
			if err := json.Unmarshal(f.Body, &late); err != nil {
				t.Fatal(err)
			}
			out = append(out, f.Kind+" "+f.Rule+" "+late.EventAt)
		default:
			t.Fatalf("a fact %q of %s: %s", f.Kind, f.Rule, f.Body)
		}
	}
	return out
}
