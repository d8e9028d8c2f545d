package decide_test

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/makegood/makegood/remediator/decide"
)

// Windows of more than 64 entries count in sixty-fourths of their time: a rule may then
// leave out what lies at an edge. One that moves money fires only when it would for each
// entry by itself.
const many = `  - rule: calls-NAME
    owner: o
    why: w
    event: com.example.bad
    once_per: event.id
    window: {within: WITHIN}
    having: HAVING
    do: [{andon: {pull: a/keep, level: yellow, reason: r}}]
  - rule: pays-NAME
    owner: o
    why: w
    event: com.example.bad
    once_per: event.id
    window: {within: WITHIN}
    having: HAVING
    do: [{credit: {customer: c, amount: 1.00 USD}}]
`

// asked is a condition of one aggregate, which the model computes in its own way: that it
// is so much at the least, or at the most.
type asked struct {
	name, having string
	than         float64
	atMost       bool
	of           func([]timed) float64
	mean         func(timed) float64 // what it is the average of, if it is one
	forgets      bool                // of a value that was seen several times, all times but the last
}

func amount(e timed) float64 { return float64(e.n) }

func high(e timed) float64 {
	if e.n > 1 {
		return 1
	}
	return 0
}

func total(value func(timed) float64) func([]timed) float64 {
	return func(entries []timed) (sum float64) {
		for _, e := range entries {
			sum += value(e)
		}
		return sum
	}
}

func average(value func(timed) float64) func([]timed) float64 {
	return func(entries []timed) float64 { return total(value)(entries) / float64(len(entries)) }
}

func lowest(entries []timed) float64 {
	return amount(slices.MinFunc(entries, func(a, b timed) int { return a.n - b.n }))
}

func highest(entries []timed) float64 {
	return amount(slices.MaxFunc(entries, func(a, b timed) int { return a.n - b.n }))
}

func people(entries []timed) float64 {
	seen := map[int]bool{}
	for _, e := range entries {
		seen[e.who] = true
	}
	return float64(len(seen))
}

// askedOfGranules has each aggregate. Distinct values are few enough to be counted exactly.
func askedOfGranules() []asked {
	return []asked{
		{name: "count", having: "count() >= 80", than: 80, of: func(e []timed) float64 { return float64(len(e)) }},
		{name: "sum", having: "sum(data.n) >= 90.0", than: 90, of: total(amount)},
		{name: "distinct", having: "distinct(data.who) >= 45", than: 45, of: people, forgets: true},
		{name: "low-distinct", having: "distinct(data.who) <= 40", than: 40, atMost: true, of: people, forgets: true},
		{name: "max", having: "max(data.n) >= 9.0", than: 9, of: highest},
		{name: "low-max", having: "max(data.n) <= 2.0", than: 2, atMost: true, of: highest},
		{name: "min", having: "min(data.n) <= 0.0", than: 0, atMost: true, of: lowest},
		{name: "high-min", having: "min(data.n) >= 1.0", than: 1, of: lowest},
		{name: "avg", having: "avg(data.n) >= 1.2", than: 1.2, of: average(amount), mean: amount},
		{name: "low-avg", having: "avg(data.n) <= 1.2", than: 1.2, atMost: true, of: average(amount), mean: amount},
		{name: "share", having: "share(data.n > 1) >= 0.15", than: 0.15, of: average(high), mean: high},
	}
}

// holds says what a value comes to.
func (a *asked) holds(value float64) bool {
	return a.atMost && value <= a.than || !a.atMost && value >= a.than
}

// between are the least and the most that it comes to, whichever of the rest belongs to
// what lies inside. Coarsely, of the rest is known how many they are, their lowest and
// their highest value, and not whether what was seen again later was seen inside too.
func (a *asked) between(w edges, coarsely bool) (least, most float64) {
	if a.forgets && coarsely {
		return a.of(w.latest), a.of(slices.Concat(w.inside, w.rest, w.later))
	}
	if a.forgets {
		return a.of(w.latest), a.of(slices.Concat(w.inside, w.rest))
	}
	if len(w.inside) == 0 {
		return math.Inf(-1), math.Inf(1)
	}
	if a.mean == nil {
		x, y := a.of(w.inside), a.of(slices.Concat(w.inside, w.rest))
		return min(x, y), max(x, y)
	}
	var values []float64
	for _, e := range w.rest {
		values = append(values, a.mean(e))
	}
	slices.Sort(values)
	least, most = a.of(w.inside), a.of(w.inside)
	sum, count := total(a.mean)(w.inside), float64(len(w.inside))
	for i, low, up := 0, sum, sum; i < len(values); i++ {
		small, large := values[i], values[len(values)-1-i]
		if coarsely {
			small, large = values[0], values[len(values)-1]
		}
		low, up, count = low+small, up+large, count+1
		least, most = min(least, low/count), max(most, up/count)
	}
	return least, most
}

// edges are the entries of a window that lie wholly inside, the others that touch it with
// what shares a part of it with them, and those that lie inside one by one. latest are
// those wholly inside whose value is not one of those later. The event itself is
// of the rest, for its part of the window may have later ones.
type edges struct{ inside, latest, rest, later, exactly []timed }

func edgesOf(seen []timed, e timed, within int64) (all edges) {
	width := within / 64
	part := func(at int64) int64 { return at - at%width }
	again := map[int]bool{}
	for _, x := range seen {
		if x.happen > e.happen {
			again[x.who] = true
			all.later = append(all.later, x)
		}
	}
	for _, x := range seen {
		if x.happen > e.happen-within && x.happen <= e.happen {
			all.exactly = append(all.exactly, x)
		}
		switch {
		case part(x.happen) > e.happen-within && part(x.happen) < part(e.happen):
			all.inside = append(all.inside, x)
			if !again[x.who] {
				all.latest = append(all.latest, x)
			}
		case part(x.happen)+width > e.happen-within && part(x.happen) <= e.happen:
			all.rest = append(all.rest, x)
		}
	}
	return all
}

// judge says in which state a condition is, and what is wrong with what came of it.
func (a *asked) judge(w edges, calls, pays bool) (state, wrong string) {
	least, most := a.between(w, false)
	possible, exactly := a.holds(least) || a.holds(most), a.holds(a.of(w.exactly))
	least, most = a.between(w, true)
	sure := a.holds(least) && a.holds(most)
	switch {
	case sure && !(calls && pays):
		return "", "it holds whatever is inside"
	case !possible && calls:
		return "", "it holds whatever is inside of nothing"
	case !exactly && pays:
		return "", "it does not hold for what is inside"
	case sure:
		return "enough", ""
	case exactly && !calls:
		return "left out", ""
	case exactly && !pays:
		return "left out for money", ""
	case possible:
		return "at an edge", ""
	}
	return "not enough", ""
}

// TestFiringInGranulesAgainstNaiveModel folds hundreds of events that come in any order: a
// rule fires where what lies wholly inside its window is enough, and nowhere where it would
// not be with all that touches it; and no money moves where each entry by itself is not
// enough.
func TestFiringInGranulesAgainstNaiveModel(t *testing.T) {
	t.Parallel()
	conditions := askedOfGranules()
	seen := map[string]map[string]int{}
	var rules strings.Builder
	rules.WriteString("rules:\n")
	for _, a := range conditions {
		seen[a.name] = map[string]int{}
		rules.WriteString(strings.NewReplacer("NAME", a.name, "HAVING", a.having).Replace(many))
	}
	rapid.Check(t, func(rt *rapid.T) {
		text := rapid.SampledFrom([]string{"64m", "6h"}).Draw(rt, "within")
		within, err := time.ParseDuration(text)
		if err != nil {
			rt.Fatal(err)
		}
		fold := beginTimed(t, lateness, strings.ReplaceAll(rules.String(), "WITHIN", text))
		var happened []timed
		at, dense := start, rapid.Int64Range(70, 140).Draw(rt, "dense")
		for i := range rapid.IntRange(100, 250).Draw(rt, "events") {
			at += rapid.Int64Range(0, 2*int64(within)/dense).Draw(rt, "step")
			e := drawInGranules(rt, i, at, int64(within))
			happened = append(happened, e)
			facts, _ := e.apply(t, fold)
			got, window := outcomes(rt, facts), edgesOf(happened, e, int64(within))
			for _, a := range conditions {
				calls, pays := slices.Contains(got, decide.KindRemedy+" calls-"+a.name), slices.Contains(got, decide.KindRemedy+" pays-"+a.name)
				state, wrong := a.judge(window, calls, pays)
				if wrong != "" {
					rt.Fatalf("event %d, %s: it calls: %t, it pays: %t, but %s", i, a.having, calls, pays, wrong)
				}
				seen[a.name][state]++
			}
		}
	})
	leftOut, forMoney := 0, 0
	for _, a := range conditions {
		t.Logf("%s: %v", a.having, seen[a.name])
		leftOut, forMoney = leftOut+seen[a.name]["left out"], forMoney+seen[a.name]["left out for money"]
		for _, state := range []string{"enough", "not enough", "at an edge"} {
			if seen[a.name][state] == 0 {
				t.Errorf("nothing was %s of %s: too little was drawn", state, a.having)
			}
		}
	}
	if leftOut == 0 || forMoney == 0 {
		t.Errorf("%d times something was left out, %d times for money alone: too little was drawn", leftOut, forMoney)
	}
}

// drawInGranules draws an event that comes at a time. Few have a value that is far above
// or below the others.
func drawInGranules(t *rapid.T, i int, at, within int64) timed {
	behind := rapid.SampledFrom([]int64{0, 0, 0, 1, within / 64, within / 3, lateness - 1, -1}).Draw(t, "behind")
	n := rapid.SampledFrom([]int{1, 1, 1, 1, 1, 2}).Draw(t, "n")
	switch rapid.IntRange(0, 99).Draw(t, "rare") {
	case 50:
		n = 0
	case 51:
		n = 9
	}
	return timed{id: fmt.Sprint(i), happen: max(at-behind, at-lateness), come: at, who: rapid.IntRange(0, 59).Draw(t, "who"), n: n}
}
