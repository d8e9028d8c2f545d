package decide_test

import (
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/input"
	"github.com/makegood/makegood/remediator/rule"
)

// windowInputs is a log about the edges of windows, which random logs hardly
// meet: entries exactly as old as the window, the 64th and the next ones, the
// edges of granules, entries behind others and on the edge of being late. The
// window has 64 minutes, so a granule is a minute.
func windowInputs(t testing.TB) []input.Input {
	text, err := os.ReadFile("testdata/rules/windows.yaml")
	if err != nil {
		t.Fatal(err)
	}
	inputs := []input.Input{genesis(t), activation(t, "rules", []rule.File{{Path: "windows.yaml", Text: string(text)}})}
	at := start
	add := func(key string, eventAt int64) {
		n := len(inputs)
		at = max(at, eventAt)
		inputs = append(inputs, input.Input{ID: fmt.Sprintf("in-%d", n), Kind: input.Event, At: at, Body: fmt.Appendf(nil,
			`{"specversion":"1.0","id":"e-%d","source":"/test","type":"com.example.bad","time":%q,"data":{"key":%q,"who":%d,"n":%d}}`,
			n, time.Unix(0, eventAt).UTC().Format(time.RFC3339Nano), key, n*n%7, n%10)})
	}
	const within, granule, lateness = int64(64 * time.Minute), int64(time.Minute), int64(time.Hour)
	for _, gap := range []int64{0, within, within - 1, within + 1, within / 2, within / 2, 1} {
		add("few", at+gap)
	}
	for _, behind := range []int64{1, granule, lateness - 1, lateness, lateness + 1} {
		add("few", at-behind)
	}
	for _, key := range []string{"many", "edges"} {
		for n := range int64(70) {
			step := int64(time.Second)
			if key == "edges" { // first and last instant of a granule in turn
				at += granule - at%granule - 1
				step = n % 2
			}
			add(key, at+step)
		}
		for _, behind := range []int64{0, 1, granule, lateness, lateness + 1} {
			add(key, at-behind)
		}
		oldest := at - 69*int64(time.Second)
		for _, gap := range []int64{within - 1, within, within + granule - 1, within + granule} {
			add(key, max(at, oldest-oldest%granule+gap))
		}
		add(key, at+within+lateness+granule) // everything left: it counts one by one again
		add(key, at+1)
	}
	for _, entries := range []int{63, 64, 65} {
		key := fmt.Sprintf("with-%d", entries)
		at += granule - at%granule
		first := at
		for range entries {
			add(key, at+1)
		}
		add(key, first+within) // the 64th entry still finds the others, a later one does not
	}
	return inputs
}

// What becomes of a window once its rule has fired, by default and by after.
func TestWindowAfterFiring(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		once, after string
		fires       int // of five events, of which any two are enough
	}{
		{"", "", 2}, {"", ", after: anew", 2}, {"", ", after: keep", 4},
		{"    once_per: data.n\n", "", 4}, {"    once_per: data.n\n", ", after: keep", 4}, {"    once_per: data.n\n", ", after: anew", 2},
	} {
		s := newScene(t, fmt.Sprintf(`rules:
  - rule: r
    owner: o
    why: w
    event: com.example.bad
%s    window: {by: data.key, within: 1h%s}
    having: count() >= 2
    do: [{andon: {pull: a/b, level: yellow, reason: twice}}]
`, c.once, c.after))
		for n := range 5 {
			s.send(time.Minute, fmt.Sprintf(`"key":"k","n":%d`, n))
		}
		if n := s.count(decide.KindRemedy); n != c.fires {
			t.Errorf("once_per %q and %q: %d remedies, want %d", c.once, c.after, n, c.fires)
		}
	}
}

// A window that starts anew does so when its rule fires: neither for an event without the
// key of once_per nor for one whose key is taken.
func TestWindowStartsAnewWhenItsRuleFires(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		data  []string
		fires []int // the remedies after each
	}{
		"no key":    {[]string{`"n":1`, `"other":2`, `"n":3`, `"n":4`}, []int{0, 0, 1, 1}},
		"taken key": {[]string{`"n":1`, `"n":2`, `"n":3`, `"n":2`, `"n":5`}, []int{0, 1, 1, 1, 2}},
	} {
		s := newScene(t, `rules:
  - rule: r
    owner: o
    why: w
    event: com.example.bad
    once_per: data.n
    window: {by: data.key, within: 1h, after: anew}
    having: count() >= 2
    do: [{andon: {pull: a/b, level: yellow, reason: twice}}]
`)
		for i, data := range c.data {
			s.send(time.Minute, `"key":"k",`+data)
			if n := s.count(decide.KindRemedy); n != c.fires[i] {
				t.Errorf("%s: %d remedies after event %d, want %d", name, n, i+1, c.fires[i])
			}
		}
	}
}

// A granule at the edge of a window has entries that are inside and others that are
// not. Where money depends on what it comes to, each way of telling them apart has
// to be enough: 40 bad ones are outside here, and of what is inside the good are more.
func TestMoneyDoesNotMoveByRounding(t *testing.T) {
	t.Parallel()
	for having, fires := range map[string]bool{
		"share(data.bad) > 0.5":                               false,
		"avg(data.n) > 0.0":                                   false,
		"sum(data.n) > 0.0":                                   false,
		"count(data.bad) > count(!data.bad)":                  false,
		"count(data.bad) * 2.0 > count()":                     false,
		"share(data.bad) > 0.3 && share(data.bad) < 0.8":      true,
		"avg(data.n) > -0.5 && sum(data.n) < 10.0":            false, // as far as anybody knows
		"avg(data.n) > -0.5 && sum(data.n) < 90.0":            true,
		"count(data.bad) > 49.0 && count(data.bad) <= 90.0":   true,
		"min(data.n) < 0.0 && max(data.n) > 0.0 && count()>0": true,
	} {
		s := newScene(t, fmt.Sprintf(`rules:
  - rule: r
    owner: o
    why: w
    event: com.example.bad
    window: {by: data.key, within: 64h}
    having: >-
      count() > 65 && %s
    once_per: event.id
    do: [{credit: {customer: c, amount: 1.00 USD}}]
    limits: {budget: {amount: 1000.00 USD, within: 1d}}
    account: "1"
    mode: live
`, having))
		began := (start/int64(time.Hour) + 1) * int64(time.Hour)
		send := func(at time.Duration, bad bool) int {
			n := map[bool]int{true: 1, false: -1}[bad]
			return len(kind(s.send(time.Duration(began+int64(at)-s.at), fmt.Sprintf(`"key":1,"bad":%t,"n":%d`, bad, n)), decide.KindRemedy))
		}
		for n := range time.Duration(80) {
			send(n*time.Second, n < 40)
		}
		for n := range time.Duration(98) {
			send(time.Hour+n*time.Second, n%2 == 0)
		}
		if fired := send(64*time.Hour+40*time.Second, true); fired != map[bool]int{true: 1}[fires] {
			t.Errorf("%s: %d remedies, and it may make one: %t", having, fired, fires)
		}
	}
}
