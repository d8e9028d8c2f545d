package match_test

import (
	"bytes"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/makegood/makegood/remediator/event"
	"github.com/makegood/makegood/remediator/match"
)

// TestNothingAllocated holds that an event which concerns no rule costs no
// allocation: neither one of a type without rules, nor one whose rules are all
// excluded by the index, nor one whose candidates do not hold.
func TestNothingAllocated(t *testing.T) {
	m := match.New(load(t, indexed))
	for name, data := range map[string]string{
		"no constant fits":   `{"a":"none","n":1,"s":"none","ip":"192.0.2.1","l":["z"]}`,
		"candidates fail":    `{"a":"one","n":500,"s":"prefix-none","ip":"10.1.2.3","l":["z"]}`,
		"escapes, fractions": `{"a":"n\u006fne","n":0.25,"s":"\u0078","ip":"::1","l":[]}`,
		"an IPv6 address":    `{"a":"none","n":1,"s":"none","ip":"2001:db8:1:0:8:800:200c:417a","l":["z"]}`,
	} {
		raw := stored(t, event.Event{Type: "com.example.x", Data: []byte(data)})
		if got := judge(t, m, raw); !got.Idle() {
			t.Fatalf("%s: got %s", name, told(got, nil))
		}
		if n := testing.AllocsPerRun(200, func() { judge(t, m, raw) }); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
	raw := stored(t, event.Event{Type: "org.none", Data: []byte(`{"a":"one"}`)})
	if n := testing.AllocsPerRun(200, func() { judge(t, m, raw) }); n != 0 {
		t.Errorf("another type: %v allocations", n)
	}
}

// indexed has a rule for each kind of predicate that has an index.
const indexed = `
rules:
  - {rule: equal, owner: o, why: w, event: com.example.x, if: 'data.a == "one" && data.n > 1000', do: [{andon: {pull: a/b, level: red, reason: r}}]}
  - {rule: in, owner: o, why: w, event: com.example.x, if: 'data.a in ["one", "two"] && data.n > 2000', do: [{andon: {pull: a/b, level: red, reason: r}}]}
  - {rule: prefix, owner: o, why: w, event: com.example.x, if: 'data.s.startsWith("prefix-") && data.n < 100', do: [{andon: {pull: a/b, level: red, reason: r}}]}
  - {rule: suffix, owner: o, why: w, event: com.example.x, if: 'data.s.endsWith("-none") && data.n < 100', do: [{andon: {pull: a/b, level: red, reason: r}}]}
  - {rule: fold, owner: o, why: w, event: com.example.x, if: 'data.a.lowerAscii() == "one" && data.n < 100', do: [{andon: {pull: a/b, level: red, reason: r}}]}
  - {rule: range, owner: o, why: w, event: com.example.x, if: 'data.n >= 400 && data.n < 600 && data.a == "two"', do: [{andon: {pull: a/b, level: red, reason: r}}]}
  - {rule: network, owner: o, why: w, event: com.example.x, if: 'cidr("10.0.0.0/8").containsIP(data.ip) && data.a == "three"', do: [{andon: {pull: a/b, level: red, reason: r}}]}
  - {rule: sixth, owner: o, why: w, event: com.example.x, if: 'cidr("2001:db8:1::/48").containsIP(data.ip) && data.n * 2 > 5000', do: [{andon: {pull: a/b, level: red, reason: r}}]}
  - {rule: optional, owner: o, why: w, event: com.example.x, if: 'data.?gone.orValue("x") == "y"', do: [{andon: {pull: a/b, level: red, reason: r}}]}
  - {rule: unindexed, owner: o, why: w, event: com.example.x, if: 'data.a != "one" && data.n * 2 > 5000', do: [{andon: {pull: a/b, level: red, reason: r}}]}
`

// TestNamesOutliveTheView holds that what a result says of an event stays as it
// is when the matcher goes on to others.
func TestNamesOutliveTheView(t *testing.T) {
	t.Parallel()
	m := match.New(load(t, indexed))
	var raws [][]byte
	var results []match.Result
	for i := range 20 {
		raw := fmt.Appendf(nil, `{"specversion":"1.0","id":"\u0041-%d","source":"/s/\u0041/%d","type":"com.example.x","data":{"a":"n\u006f %d"}}`, i, i, i)
		raws, results = append(raws, raw), append(results, judge(t, m, raw))
	}
	for i, got := range results {
		want := fmt.Sprintf("A-%d /s/A/%d", i, i)
		if have := fmt.Sprintf("%s %s", got.ID, got.Source); have != want {
			t.Errorf("event %d is named %s, want %s", i, have, want)
		}
		if len(got.Errors) == 0 || got.Event == nil {
			t.Fatalf("event %d: %s: want errors of absent fields", i, told(got, nil))
		}
		// What a fold keeps of an event must not keep the record it came in.
		clear(raws[i])
		if got.Event.ID != fmt.Sprintf("A-%d", i) || bytes.Contains([]byte(got.Event.Source), []byte{0}) {
			t.Errorf("event %d shares its texts with the record", i)
		}
	}
}

// TestManyGoroutines matches different events at once: each is told what one
// alone is told.
func TestManyGoroutines(t *testing.T) {
	t.Parallel()
	set := load(t, several+indexed[len("\nrules:\n"):])
	m, plain := match.New(set), match.Baseline(set)
	var wait sync.WaitGroup
	for worker := range 4 {
		wait.Go(func() {
			for i := range 200 {
				n := worker*1000 + i
				raw := fmt.Appendf(nil, `{"specversion":"1.0","id":"%d","source":"/s","type":"com.example.x","data":{"a":"%s","n":%d,"s":"prefix-%d","ip":"10.0.0.%d"}}`,
					n, []string{"one", "two", "three", "ONE"}[i%4], n%2500, n, n%256)
				got, err := m.Match(raw, 1)
				want, wantErr := plain.Match(raw, 1)
				if told(got, err) != told(want, wantErr) {
					t.Errorf("%s: got %s, want %s", raw, told(got, err), told(want, wantErr))
					return
				}
			}
		})
	}
	wait.Wait()
}

// TestSearchThatCostsTooMuch holds that the index leaves a text to CEL which CEL
// finds too long to be searched.
func TestSearchThatCostsTooMuch(t *testing.T) {
	t.Parallel()
	part := strings.Repeat("a", 1500)
	set := load(t, fmt.Sprintf(`
rules:
  - {rule: one, owner: o, why: w, event: com.example.x, if: 'data.a.contains("%sb")', do: [{andon: {pull: a/b, level: red, reason: r}}]}
  - {rule: two, owner: o, why: w, event: com.example.x, if: 'data.a.contains("b")', do: [{andon: {pull: a/b, level: red, reason: r}}]}
`, part))
	for length, tooMuch := range map[int]int{1000: 0, 300_000: 1} {
		raw := stored(t, event.Event{Type: "com.example.x", Data: fmt.Appendf(nil, `{"a":"%s"}`, strings.Repeat("a", length))})
		got, want := told(judge(t, match.New(set), raw), nil), told(judge(t, match.Baseline(set), raw), nil)
		if got != want || strings.Count(want, "cost limit") != tooMuch {
			t.Errorf("a text of %d bytes: got %s, want %s", length, got, want)
		}
	}
}
