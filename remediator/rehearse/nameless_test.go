package rehearse_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/rehearse"
	"github.com/makegood/makegood/remediator/rule"
)

// explainOne explains an event of type a at 2026-11-27 by one rule.
func explainOne(t *testing.T, clauses, more string) rehearse.RuleExplanation {
	t.Helper()
	const one = `
rules:
  - rule: r
    owner: o
    why: w
    event: a
    %s
    do: [{credit: {customer: "${{ event.customer }}", amount: 1.00 USD}}]
    account: shop
`
	set, err := rule.Load([]rule.File{{Path: "r.yaml", Text: fmt.Sprintf(one, clauses)}})
	if err != nil {
		t.Fatal(err)
	}
	raw := fmt.Sprintf(`{"specversion":"1.0","id":"e-1","source":"/s","customer":"c","time":"2026-11-27T00:00:00Z",%s}`, more)
	e, err := rehearse.Explain(set, []byte(raw), 0, decide.Lateness)
	if err != nil {
		t.Fatal(err)
	}
	return e.Rules[0]
}

// What a rule decides of an event says nothing of whether it does it.
func TestExplainSaysTheMode(t *testing.T) {
	t.Parallel()
	const limits = "limits: {budget: {amount: 500.00 USD, within: 1d}}\n    once_per: event.id\n    mode: "
	for _, c := range []struct{ clauses, mode, text string }{
		{"once_per: event.id", "shadow", "  act: credit 1.00 USD to c\n  mode shadow: this is what it would do, and nothing is done\n"},
		{limits + "canary 2.5%", "canary 2.5%", "  act: credit 1.00 USD to c\n  mode canary 2.5%: for the other customers nothing is done\n"},
		{limits + "live", "live", "  act: credit 1.00 USD to c\n"},
	} {
		got := explainOne(t, c.clauses, `"type":"a"`)
		var text strings.Builder
		if err := (&rehearse.Explanation{Rules: []rehearse.RuleExplanation{got}}).WriteText(&text); err != nil {
			t.Fatal(err)
		}
		if got.Mode != c.mode || !strings.HasSuffix(text.String(), c.text) {
			t.Errorf("%q, it says\n%s", got.Mode, text.String())
		}
	}
	if got := explainOne(t, "if: false\n    once_per: event.id", `"type":"a"`); got.Mode != "" {
		t.Errorf("what decides nothing is in mode %q", got.Mode)
	}
}

// What names nothing is told with what it read and why that is no name, as a condition is.
func TestExplainWhatNamesNothing(t *testing.T) {
	t.Parallel()
	const until = "unless: {event: b, by: data.k, until: timestamp(data.due)}\n    once_per: event.id"
	for _, c := range []struct{ clauses, data, why string }{
		{"once_per: [data.a, data.k + 1]", `{"a":"x","k":"y"}`, `the event has no once_per key: data.k + 1 has no value: + does not take (text, number); texts and numbers are never mixed: write double(…) around the text, or string(…) around the number; data.k = "y"`},
		{"once_per: [data.a, data.k]", `{"a":"x","k":9007199254740993}`, `the event has no once_per key: data.k has no value: the whole number 9007199254740993 is beyond ±2^53: ids are texts; data.k = 9007199254740993`},
		{"once_per: z\n    let: {z: data.zz}", `{}`, `the event has no once_per key: z has no value: no such key: zz`},
		{"once_per: data.k", `{"k":""}`, `the event has no once_per key: data.k is empty`},
		{"once_per: data.k", `{"k":[1]}`, `the event has no once_per key: data.k is a boolean, a list or an object, which name nothing; data.k = [1]`},
		{"window: {by: data.k, within: 1d}\n    having: count() > 0\n    once_per: event.id", `{"k":true}`, `the event belongs to no window: data.k is a boolean, a list or an object, which name nothing; data.k = true`},
		{until, `{"k":{},"due":"2026-11-28T00:00:00Z"}`, `the event waits for nothing: data.k is a boolean, a list or an object, which name nothing; data.k = {}`},
		{until, `{"k":"x","due":"garbage"}`, `the event has no deadline: timestamp(data.due) has no value: invalid RFC 3339 timestamp "garbage"; data.due = "garbage"`},
		{until, `{"k":"x","due":"1969-12-31T00:00:00Z"}`, `the event has no deadline: timestamp(data.due) is before 1970 or after 2260; data.due = "1969-12-31T00:00:00Z"`},
		{"unless: {event: b, until: '[data.due][0]'}\n    once_per: event.id", `{"due":"2026-11-28T00:00:00Z"}`, `the event has no deadline: [data.due][0] is no time; data.due = "2026-11-28T00:00:00Z"`},
		{"unless: {event: b, within: 1d}\n    once_per: data.k", `{"k":null}`, `the event has no once_per key: data.k is null`},
	} {
		if got := explainOne(t, c.clauses, `"type":"a","data":`+c.data); got.Why != c.why {
			t.Errorf("%s of %s: got\n%s, want\n%s", c.clauses, c.data, got.Why, c.why)
		}
	}
	got := explainOne(t, "unless: {event: b, by: data.k, within: 1d}\n    once_per: event.id", `"type":"b","data":{"k":null}`)
	if want := "the event is the counterpart of nothing: data.k is null"; got.Unless != want {
		t.Errorf("got %q, want %q", got.Unless, want)
	}
}

// An event that waits for nothing has no counterpart that came.
func TestExplainWhatDoesNotWait(t *testing.T) {
	t.Parallel()
	const rules = "unless: {event: b, by: data.k, until: timestamp(data.due)}\n    once_per: event.id"
	for _, c := range []struct{ more, due, why string }{
		{"", "2027-11-28T00:00:00Z", ""},
		{"", "2027-11-30T00:00:00Z", "the event has no deadline: until is 2027-11-30T00:00:00Z, and an event waits for 366d at most"},
		{`"sampledrate":2,`, "2027-01-01T00:00:00Z", "a sampled event (sampledrate above 1) moves no money for want of another, which may not have been sent"},
	} {
		got := explainOne(t, rules, `"type":"a",`+c.more+`"data":{"k":"x","due":"`+c.due+`"}`)
		if c.why != "" && got.Why != c.why || c.why == "" && got.Decision == "" {
			t.Errorf("%s%s: got %q, want %q", c.more, c.due, got.Why, c.why)
		}
	}
}
