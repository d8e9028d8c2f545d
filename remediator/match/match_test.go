package match_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"reflect"
	"strings"
	"sync"
	"testing"

	"github.com/makegood/makegood/remediator/event"
	"github.com/makegood/makegood/remediator/match"
	"github.com/makegood/makegood/remediator/money"
	"github.com/makegood/makegood/remediator/rule"
)

func load(t testing.TB, text string) *rule.Set {
	t.Helper()
	set, err := rule.Load([]rule.File{{Path: "rules.yaml", Text: text}})
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// flights loads the example's rules.
func flights(t testing.TB) *rule.Set {
	t.Helper()
	text, err := os.ReadFile("../../examples/flights/rules/flights.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return load(t, string(text))
}

// stored is an event as it lies in the log.
func stored(t testing.TB, ev event.Event) []byte {
	t.Helper()
	if ev.ID == "" {
		ev.ID, ev.Source = "1", "/s"
	}
	raw, err := event.Structured(ev)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// judge matches an event that is one.
func judge(t testing.TB, m match.Matcher, raw []byte) match.Result {
	t.Helper()
	result, err := m.Match(raw, 0)
	if err != nil {
		t.Fatal(err)
	}
	return result
}

func lateFlight(t testing.TB, minutes int) []byte {
	return stored(t, event.Event{ID: "1", Source: "/bts", Type: "com.example.flight.arrived", Customer: "c-1", Time: 1,
		Data: fmt.Appendf(nil, `{"booking":"bk-1","payment":"pi_1","fare":"281.12 USD","origin":"LAS","delay_min":%d}`, minutes)})
}

func TestFlights(t *testing.T) {
	t.Parallel()
	got := judge(t, match.New(flights(t)), lateFlight(t, 180))
	if len(got.Errors) != 0 || len(got.Hits) != 2 {
		t.Fatalf("got %+v, want two hits", got)
	}
	refund, stop := got.Hits[0], got.Hits[1]
	if refund.Rule.Name != "refund-very-late-flight" || refund.Key != "4:bk-1" {
		t.Errorf("got %s with key %q", refund.Rule.Name, refund.Key)
	}
	actions, err := refund.Rest.Actions(nil)
	if err != nil {
		t.Fatal(err)
	}
	want := rule.Action{Name: "refund", Kind: "refund", Connector: "stripe", Payment: "pi_1", Amount: money.Money{Minor: 28112, Currency: "USD"}}
	if len(actions) != 1 || actions[0] != want {
		t.Errorf("got %+v, want %+v", actions, want)
	}
	if stop.By != "3:LAS" || !reflect.DeepEqual(stop.Args, []match.Arg{{Counted: true, Pass: true}}) {
		t.Errorf("got window %q, args %+v", stop.By, stop.Args)
	}
	for n, fires := range map[float64]bool{2: false, 3: true} {
		if got, err := stop.Rest.Having([]any{n}); err != nil || got != fires {
			t.Errorf("having of %v: %v, %v", n, got, err)
		}
	}
	if _, err := stop.Rest.Having([]any{errors.New("no value")}); err == nil {
		t.Error("having of an aggregate without value is no error")
	}
	if actions, err = stop.Rest.Actions([]any{3.0}); err != nil {
		t.Fatal(err)
	}
	if a := actions[0]; a.Cord != "airport/LAS" || a.Level != "red" || !strings.HasPrefix(a.Reason, "3 departures from LAS") {
		t.Errorf("got %+v", a)
	}
}

const several = `
rules:
  - {rule: absent, owner: o, why: w, event: com.example.*, if: data.gone > 1, do: [{andon: {pull: a/b, level: red, reason: r}}]}
  - {rule: text, owner: o, why: w, event: com.example.x, if: data.n, do: [{andon: {pull: a/b, level: red, reason: r}}]}
  - {rule: always, owner: o, why: w, event: [com.example.x, com.other], do: [{andon: {pull: a/b, level: red, reason: r}}]}
  - {rule: never, owner: o, why: w, event: com.example.x, if: data.n > 100, do: [{andon: {pull: a/b, level: red, reason: r}}]}
  - rule: window
    owner: o
    why: w
    event: com.example.x
    once_per: data.gone
    window: {by: data.gone, within: 1d}
    having: >-
      count(data.n > 5) + count(data.gone) + distinct(data.s) + distinct(event.customer) + distinct(data.gone) > 0 &&
      sum(data.n) + avg(data.n / 0) + min(data.s) > 0 && sum(data.m) > max(money(data.m)) && min(data.n, data.n == 3) > 0 && max(data.l[0]) > 0
    do: [{andon: {pull: a/b, level: red, reason: r}}]
`

func TestErrorsAndArguments(t *testing.T) {
	t.Parallel()
	m := match.New(load(t, several))
	got := judge(t, m, stored(t, event.Event{Type: "com.example.x", Data: []byte(`{"n": 3, "s": "77", "m": "2.00 USD", "l": []}`)}))
	var names []string
	for _, hit := range got.Hits {
		names = append(names, hit.Rule.Name)
	}
	for _, e := range got.Errors {
		names = append(names, e.Rule.Name+": "+e.Reason())
	}
	want := []string{"always", "window", "absent: no such key: gone", "text: if is not true or false but 3"}
	if !reflect.DeepEqual(names, want) {
		t.Fatalf("got %q, want %q", names, want)
	}
	hit := got.Hits[1]
	if hit.Key != "" || hit.NoKey != rule.KeyAbsent || hit.By != "" || hit.NoBy != rule.KeyAbsent {
		t.Errorf("got keys %q %q %q %q", hit.Key, hit.NoKey, hit.By, hit.NoBy)
	}
	args := make(map[string]match.Arg)
	for i, a := range hit.Rule.Aggregates {
		name := a.Func
		for _, x := range []*rule.Expr{a.Arg, a.If} {
			if x != nil {
				name += " " + x.Text
			}
		}
		args[name] = hit.Args[i]
	}
	usd := money.Money{Minor: 200, Currency: "USD"}
	for name, want := range map[string]match.Arg{
		"count data.n > 5":        {Counted: true},
		"count data.gone":         {Counted: true}, // a predicate that is an error does not hold
		"distinct data.s":         {Counted: true, Pass: true, Kind: match.Text, Text: "77"},
		"distinct event.customer": {Pass: true, Kind: match.Text}, // "" is nobody
		"distinct data.gone":      {Pass: true},
		"sum data.n":              {Counted: true, Pass: true, Kind: match.Number, Num: 3},
		"min data.s":              {Pass: true}, // a text that is no money
		"sum data.m":              {Counted: true, Pass: true, Kind: match.Amount, Money: usd},
		"max money(data.m)":       {Counted: true, Pass: true, Kind: match.Amount, Money: usd},
		"min data.n data.n == 3":  {Counted: true, Pass: true, Kind: match.Number, Num: 3},
		"max data.l[0]":           {Pass: true},
	} {
		if got, ok := args[name]; !ok || got != want {
			t.Errorf("%s: got %+v, %v; want %+v", name, got, ok, want)
		}
	}
	if infinite := args["avg data.n / 0"]; infinite.Counted {
		t.Errorf("an infinite number counts: %+v", infinite)
	}
}

func TestTypesAndBrokenData(t *testing.T) {
	t.Parallel()
	m := match.New(load(t, several))
	for eventType, want := range map[string]int{"com.other": 1, "com.example.deep.er": 0, "com.example": 0, "com": 0} {
		if got := judge(t, m, stored(t, event.Event{Type: eventType})); len(got.Hits) != want {
			t.Errorf("%s: got %d hits, want %d", eventType, len(got.Hits), want)
		}
	}
	for _, data := range []string{"null", "[]", "3", `"x"`, `{"n": 1e999}`} {
		got := judge(t, m, stored(t, event.Event{Type: "com.example.x", Data: []byte(data)}))
		if len(got.Hits) != 2 || len(got.Errors) != 3 {
			t.Errorf("%s: got %d hits and %d errors", data, len(got.Hits), len(got.Errors))
		}
	}
}

// TestConcurrent matches the same events on several goroutines: each sees what
// one alone sees.
func TestConcurrent(t *testing.T) {
	t.Parallel()
	m := match.New(flights(t))
	shape := func(minutes int) string {
		var all []any
		for _, hit := range judge(t, m, lateFlight(t, minutes)).Hits {
			actions, err := hit.Rest.Actions([]any{3.0})
			all = append(all, hit.Rule.Name, hit.Key, hit.By, hit.Args, actions, err)
		}
		text, err := json.Marshal(all)
		if err != nil {
			t.Error(err)
		}
		return string(text)
	}
	alone := make([]string, 300)
	for i := range alone {
		alone[i] = shape(i)
	}
	var wait sync.WaitGroup
	for range 4 {
		wait.Go(func() {
			for i := range alone {
				if got := shape(i); got != alone[i] {
					t.Errorf("%d minutes: got %s, want %s", i, got, alone[i])
				}
			}
		})
	}
	wait.Wait()
}

func BenchmarkMatch(b *testing.B) {
	m := match.New(flights(b))
	raw := lateFlight(b, 75)
	for b.Loop() {
		if len(judge(b, m, raw).Hits) != 1 {
			b.Fatal("no hit")
		}
	}
}
