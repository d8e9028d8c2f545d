package decide_test

import (
	"fmt"
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
const many = `rules:
  - rule: calls
    owner: o
    why: w
    event: com.example.bad
    once_per: event.id
    window: {within: WITHIN}
    having: count() >= 80 && sum(data.n) >= 80.0
    do: [{andon: {pull: a/keep, level: yellow, reason: r}}]
  - rule: pays
    owner: o
    why: w
    event: com.example.bad
    once_per: event.id
    window: {within: WITHIN}
    having: count() >= 80 && sum(data.n) >= 80.0
    do: [{credit: {customer: c, amount: 1.00 USD}}]
`

// edges are how many entries a window has that lie wholly inside, that do one by one, and
// that do with all that shares a part of the window with them.
type edges struct{ inside, exactly, touching int }

func edgesOf(seen []timed, e timed, within int64) (all edges) {
	width := within / 64
	part := func(at int64) int64 { return at - at%width }
	for _, x := range seen {
		if x.happen > e.happen-within && x.happen <= e.happen {
			all.exactly++
		}
		if part(x.happen) > e.happen-within && part(x.happen) < part(e.happen) {
			all.inside++
		}
		if part(x.happen)+width > e.happen-within && part(x.happen) <= e.happen {
			all.touching++
		}
	}
	return all
}

// TestFiringInGranulesAgainstNaiveModel folds hundreds of events that come in any order: a
// rule fires where what lies wholly inside its window is enough, and nowhere where it would
// not be with all that touches it; and no money moves where each entry by itself is not
// enough.
func TestFiringInGranulesAgainstNaiveModel(t *testing.T) {
	t.Parallel()
	const enough = 80
	seen := map[string]int{}
	rapid.Check(t, func(rt *rapid.T) {
		text := rapid.SampledFrom([]string{"64m", "6h"}).Draw(rt, "within")
		within, err := time.ParseDuration(text)
		if err != nil {
			rt.Fatal(err)
		}
		fold := beginTimed(t, lateness, strings.ReplaceAll(many, "WITHIN", text))
		var happened []timed
		at, dense := start, rapid.Int64Range(70, 140).Draw(rt, "dense")
		for i := range rapid.IntRange(100, 250).Draw(rt, "events") {
			at += rapid.Int64Range(0, 2*int64(within)/dense).Draw(rt, "step")
			behind := rapid.SampledFrom([]int64{0, 0, 0, 1, int64(within) / 64, int64(within) / 3, lateness - 1, -1}).Draw(rt, "behind")
			e := timed{id: fmt.Sprint(i), happen: at - behind, come: at, n: 1}
			e.happen = max(e.happen, at-lateness)
			happened = append(happened, e)
			facts, _ := e.apply(t, fold)
			got, window := outcomes(rt, facts), edgesOf(happened, e, int64(within))
			calls, pays := slices.Contains(got, decide.KindRemedy+" calls"), slices.Contains(got, decide.KindRemedy+" pays")
			switch {
			case window.inside >= enough && !(calls && pays):
				rt.Fatalf("event %d came to %q, though %+v", i, got, window)
			case window.touching < enough && calls, window.exactly < enough && pays:
				rt.Fatalf("event %d came to %q, though only %+v", i, got, window)
			case window.inside >= enough:
				seen["enough"]++
			case window.exactly >= enough && !pays:
				seen["left out for money"]++
			case window.exactly >= enough && !calls:
				seen["left out"]++
			case window.touching >= enough:
				seen["at an edge"]++
			}
		}
	})
	for _, what := range []string{"enough", "left out for money", "at an edge"} {
		if seen[what] == 0 {
			t.Errorf("nothing was %s: too little was drawn", what)
		}
	}
	t.Logf("%v", seen)
}
