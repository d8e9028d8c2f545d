package rehearse_test

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/input"
	"github.com/makegood/makegood/remediator/rehearse"
	"github.com/makegood/makegood/remediator/rule"
)

const parcels = `rules:
  - rule: credit-missed-delivery
    owner: shop/delivery
    why: It was promised and did not come.
    event:
      - {type: com.example.order.shipped, if: data.express}
      - com.example.order.dispatched
    if: data.total >= 10
    unless: {event: com.example.order.delivered, if: data.whole, by: data.order, within: 48h}
    once_per: data.order
    do:
      - credit: {customer: "${{ event.customer }}", amount: 5.00 USD}
    limits: {budget: {amount: 500.00 USD, within: 1d}}
    account: care
    mode: live
`

const parcelTests = `tests:
  - name: nothing comes
    send:
      - event: {type: com.example.order.shipped, customer: c, data: {order: 7, express: true, total: 10}}
      - {at: +48h59m, event: {type: com.example.order.shipped, customer: c, data: {order: 8, express: true, total: 10}}}
      - at: +49h
    expect:
      - {rule: credit-missed-delivery, actions: [{credit: {customer: c, amount: 5.00 USD}}]}
  - name: half of it comes
    send:
      - event: {type: com.example.order.dispatched, customer: c, data: {order: 7, total: 10}}
      - {at: +1h, event: {type: com.example.order.delivered, data: {order: 7, whole: false}}}
      - at: +49h
    expect: [credit-missed-delivery]
  - name: it comes
    send:
      - event: {type: com.example.order.shipped, customer: c, data: {order: 7, express: true, total: 10}}
      - {at: +47h, event: {type: com.example.order.delivered, data: {order: 7, whole: true}}}
      - at: +49h
    not: [{rule: credit-missed-delivery, because: unless}]
  - name: not express
    send:
      - event: {type: com.example.order.shipped, customer: c, data: {order: 7, express: false, total: 10}}
      - at: +49h
    not: [{rule: credit-missed-delivery, because: data.express}]
  - name: totals
    send:
      - event: {type: com.example.order.shipped, customer: c, data: {order: 7, express: true, total: 10}}
      - at: +49h
    cases:
      - {set: {data.total: 10}, expect: [credit-missed-delivery]}
      - {set: {data.total: 9}, not: [{rule: credit-missed-delivery, because: data.total >= 10}]}
`

func parse(t *testing.T, text string) time.Time {
	t.Helper()
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

func parcelSet(t *testing.T) *rule.Set {
	t.Helper()
	set, err := rule.Load([]rule.File{{Path: "parcels.yaml", Text: parcels}})
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// TestExplainOfSeveralThatWait holds that what each of several rules does when the
// counterpart does not come is told, whichever fires first.
func TestExplainOfSeveralThatWait(t *testing.T) {
	t.Parallel()
	const one = `
  - rule: %s
    owner: o
    why: w
    event: com.example.ticket.opened
    unless: {event: com.example.ticket.closed, by: data.ticket, within: %s}
    do: [{andon: {pull: a/%[1]s, level: red, reason: r}}]`
	text := "rules:" + fmt.Sprintf(one, "a-long", "10d") + fmt.Sprintf(one, "b-short", "1d") + fmt.Sprintf(one, "c-short", "1d")
	set, err := rule.Load([]rule.File{{Path: "a.yaml", Text: text}})
	if err != nil {
		t.Fatal(err)
	}
	e, err := rehearse.Explain(set, shopEvent(`"type":"com.example.ticket.opened"`, `"ticket":"t-1"`), 0, decide.Lateness)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range e.Rules {
		cord := strings.Join(r.Actions, ", ")
		if r.Decision != decide.Act || cord != "pull a/"+r.Rule+" red" || r.Why != "" {
			t.Errorf("%s: %s %s, %s", r.Rule, r.Decision, cord, r.Why)
		}
	}
}

func TestTestsOfAbsence(t *testing.T) {
	t.Parallel()
	set := parcelSet(t)
	tests, err := rehearse.Test(t.Context(), set, []rule.File{{Path: "parcels_test.yaml", Text: parcelTests}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if !tests.Passed() || len(tests.Tests) != 6 {
		t.Errorf("%d tests:\n%s", len(tests.Tests), tests.Problems.Format())
	}
	const name = "credit-missed-delivery"
	want := []rehearse.Coverage{
		{Rule: name, Condition: "data.express", Holds: 2, Fails: 1}, // the other test is of a type without it
		{Rule: name, Condition: "data.total >= 10", Holds: 3, Fails: 1},
		{Rule: name, Condition: rehearse.ConditionUnless, Holds: 3, Fails: 1},
	}
	if !slices.Equal(tests.Conditions, want) {
		t.Errorf("conditions:\n got %+v\nwant %+v", tests.Conditions, want)
	}
	if problems := rehearse.Demand(set, tests); len(problems) > 0 {
		t.Errorf("Demand:\n%s", problems.Format())
	}
}

func TestTestsOfAbsenceThatFailSayWhy(t *testing.T) {
	t.Parallel()
	const shipped = `      - event: {type: com.example.order.shipped, customer: c, data: {order: 7, express: true, total: 10}}` + "\n"
	const came = `      - {at: +1h, event: {type: com.example.order.delivered, data: {order: 7, whole: true}}}` + "\n"
	const because = "    not: [{rule: credit-missed-delivery, because: unless}]\n"
	const expect = "    expect: [credit-missed-delivery]\n"
	for name, c := range map[string]struct{ send, demand, says string }{
		"too early":             {shipped, expect, "an event waits for its counterpart until 2026-01-03T00:00:00Z; it fires at 2026-01-03T01:00:00Z"},
		"it came":               {shipped + came, expect, "the event does not wait: its counterpart came"},
		"it still waits":        {shipped, because, "- at: +49h"},
		"only time":             {"      - at: +1h\n", because, "the test sends nothing"},
		"it fires":              {shipped + "      - at: +49h\n", because, "the rule makes a remedy"},
		"another condition":     {strings.Replace(shipped, "true", "false", 1) + came, because, "data.express is false"},
		"no counterpart":        {strings.Replace(shipped, "total: 10", "total: 9", 1), because, "data.total >= 10 is false"},
		"a time with a set":     {shipped + "      - {at: +49h, set: {data.total: 1}}\n", expect, "each item of send is one event or one file"},
		"no order":              {strings.Replace(shipped, "order: 7", "order: null", 1), expect, "the event waits for nothing: data.order is null"},
		"a condition by itself": {shipped + came, "    not: [{rule: credit-missed-delivery, because: data.whole}]\n", "has no condition data.whole"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tests, err := rehearse.Test(t.Context(), parcelSet(t), []rule.File{{Path: "parcels_test.yaml", Text: "tests:\n  - name: x\n    send:\n" + c.send + c.demand}}, nil)
			if err != nil {
				t.Fatal(err)
			}
			if got := tests.Problems.Format(); tests.Passed() || !strings.Contains(got, c.says) {
				t.Errorf("want %q, got\n%s", c.says, got)
			}
		})
	}
}

// TestNotForWantOfACounterpart holds that a test shows unless only by an event that waited, or
// would have, and by its own counterpart.
func TestNotForWantOfACounterpart(t *testing.T) {
	t.Parallel()
	const shipped, came = "{type: com.example.order.shipped, customer: c, data: {order: 7, express: true, total: 10}}", "{type: com.example.order.delivered, data: {order: 7, whole: true}}"
	const still = "it is not the counterpart that keeps the rule from firing: "
	but := func(event string, of ...string) string { return strings.NewReplacer(of...).Replace(event) }
	for name, c := range map[string]struct {
		sends []string // one an hour
		says  string
	}{
		"it came":               {[]string{shipped, came}, ""},
		"it came before":        {[]string{came, shipped}, ""},
		"another one waited":    {[]string{shipped, but(shipped, "total: 10", "total: 11"), came}, ""},
		"it has no order":       {[]string{but(shipped, "order: 7", "order: null"), came}, still + "the event waits for nothing: data.order is null"},
		"it is sampled":         {[]string{but(shipped, "customer: c", "sampledrate: 4"), came}, still + "a sampled event"},
		"it is late":            {[]string{came, came, but(shipped, "customer: c", `time: "2026-01-01T00:00:00Z"`)}, still + "the event came too late"},
		"that of another order": {[]string{shipped, came, but(shipped, "order: 7", "order: null")}, still + "the event waits for nothing: data.order is null"},
		"it is a repeat": {[]string{but(shipped, "customer: c", "id: e, source: /s"), came, but(shipped, "customer: c", "id: e, source: /s", "order: 7", "order: 8"), but(came, "order: 7", "order: 8")},
			still + "the once_per key was taken before, or an event with the same source and id came before"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			text := "tests:\n  - name: x\n    send:\n"
			for i, event := range c.sends {
				text += fmt.Sprintf("      - {at: +%dh, event: %s}\n", i, event)
			}
			tests, err := rehearse.Test(t.Context(), parcelSet(t), []rule.File{{Path: "parcels_test.yaml", Text: text + "    not: [{rule: credit-missed-delivery, because: unless}]\n"}}, nil)
			if err != nil {
				t.Fatal(err)
			}
			if got := tests.Problems.Format(); tests.Passed() != (c.says == "") || !strings.Contains(got, c.says) {
				t.Errorf("want %q, got\n%s", c.says, got)
			}
		})
	}
}

// TestCounterpartOfTheRulesOwnType holds that an event which ends a wait, and by the condition of
// the rule begins none, shows what it ended; one that ends none is kept by that condition.
func TestCounterpartOfTheRulesOwnType(t *testing.T) {
	t.Parallel()
	const rules = `rules:
  - rule: a
    owner: o
    why: w
    event: com.example.open
    if: data.n > 3
    unless: {event: [com.example.close, %s], by: data.id, within: 2h}
    do: [{andon: {pull: a/b, level: red, reason: r}}]
`
	const open, small = "{type: com.example.open, data: {id: 1, n: 5}}", "{type: com.example.open, data: {id: 1, n: 1}}"
	const closed = "{type: com.example.close, data: {id: 1}}"
	const kept = "it is not the counterpart that keeps the rule from firing: data.n > 3 is false; data.n = 1"
	for name, c := range map[string]struct {
		own   string // the other type of the counterpart
		sends []string
		says  string
	}{
		"it ends the wait":          {"com.example.open", []string{open, small}, ""},
		"twice":                     {"com.example.open", []string{open, small, small}, ""},
		"the wait was over":         {"com.example.open", []string{open, closed, small}, ""},
		"it ends that of no other":  {"com.example.open", []string{open, strings.Replace(small, "id: 1", "id: 2", 1)}, "the rule makes a remedy"},
		"nothing waited":            {"com.example.open", []string{small}, kept},
		"it is no counterpart":      {"com.example.shut", []string{open, closed, small}, kept},
		"no event meets conditions": {"com.example.shut", []string{small, closed}, kept},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			set, err := rule.Load([]rule.File{{Path: "r.yaml", Text: fmt.Sprintf(rules, c.own)}})
			if err != nil {
				t.Fatal(err)
			}
			text := "tests:\n  - name: x\n    send:\n"
			for i, event := range c.sends {
				text += fmt.Sprintf("      - {at: +%dm, event: %s}\n", 10*i, event)
			}
			text += "      - at: +5h\n    not: [{rule: a, because: unless}]\n"
			tests, err := rehearse.Test(t.Context(), set, []rule.File{{Path: "r_test.yaml", Text: text}}, nil)
			if err != nil {
				t.Fatal(err)
			}
			if got := tests.Problems.Format(); tests.Passed() != (c.says == "") || !strings.Contains(got, c.says) || strings.Contains(got, "send the counterpart") {
				t.Errorf("want %q, got\n%s", c.says, got)
			}
		})
	}
}

func TestExplainAbsence(t *testing.T) {
	t.Parallel()
	set := parcelSet(t)
	for _, c := range []struct{ attributes, data, want string }{
		{`"type":"com.example.order.shipped","customer":"c","time":"2026-03-01T10:00:00Z"`, `"order":7,"express":true,"total":12`, `event e-1 of type com.example.order.shipped
judged by itself: windows hold no other event, and no once_per key is taken

credit-missed-delivery (parcels.yaml:2)
  if  data.express      true  data.express = true
  if  data.total >= 10  true  data.total = 12
  unless: waits for com.example.order.delivered with the same data.order until 2026-03-03T10:00:00Z; unless it comes, at 2026-03-03T11:00:00Z:
  act: credit 5.00 USD to c
`},
		{`"type":"com.example.order.shipped","customer":"c","time":"2026-03-01T10:00:00Z"`, `"order":7,"express":true,"total":2`, `event e-1 of type com.example.order.shipped
judged by itself: windows hold no other event, and no once_per key is taken

credit-missed-delivery (parcels.yaml:2)
  if  data.express      true   data.express = true
  if  data.total >= 10  false  data.total = 2
  no remedy: data.total >= 10 is false; data.total = 2
`},
		{`"type":"com.example.order.delivered"`, `"order":7,"whole":true`, `event e-1 of type com.example.order.delivered
judged by itself: windows hold no other event, and no once_per key is taken

credit-missed-delivery (parcels.yaml:2)
  unless  data.whole  true  data.whole = true
  unless: the event is a counterpart: it ends what waits for com.example.order.delivered with the same data.order
  no remedy: the rule is about com.example.order.shipped, com.example.order.dispatched, not about com.example.order.delivered
`},
		{`"type":"com.example.order.delivered"`, `"order":7`, `event e-1 of type com.example.order.delivered
judged by itself: windows hold no other event, and no once_per key is taken

credit-missed-delivery (parcels.yaml:2)
  unless  data.whole  error  no such key: whole
  unless: the event is no counterpart: the conditions of unless do not hold
  no remedy: the rule is about com.example.order.shipped, com.example.order.dispatched, not about com.example.order.delivered
`},
	} {
		e, err := rehearse.Explain(set, shopEvent(c.attributes, c.data), 0, decide.Lateness)
		if err != nil {
			t.Fatal(err)
		}
		var got strings.Builder
		if err := e.WriteText(&got); err != nil {
			t.Fatal(err)
		}
		if got.String() != c.want {
			t.Errorf("got\n%s\nwant\n%s", got.String(), c.want)
		}
	}
}

// Whatever waits at the end has not fired: it is counted apart.
func TestBacktestLeavesOpenWhatWaits(t *testing.T) {
	t.Parallel()
	at := func(eventType, id, time, data string) []byte {
		return []byte(`{"specversion":"1.0","id":"` + id + `","source":"/s","customer":"c","type":"com.example.order.` + eventType + `","time":"` + time + `","data":{` + data + `}}`)
	}
	events := [][]byte{
		at("shipped", "1", "2026-03-01T00:00:00Z", `"order":1,"express":true,"total":12`),
		at("shipped", "2", "2026-03-02T00:00:00Z", `"order":2,"express":true,"total":12`),
		at("delivered", "3", "2026-03-02T10:00:00Z", `"order":2,"whole":true`),
		at("shipped", "4", "2026-03-03T00:00:00Z", `"order":4,"express":true,"total":12`),
		at("shipped", "5", "2026-03-03T01:00:00Z", `"order":5,"express":true,"total":12`),
	}
	report, err := rehearse.Backtest(parcelSet(t), bytes.NewReader(bytes.Join(events, []byte("\n"))))
	if err != nil {
		t.Fatal(err)
	}
	var table strings.Builder
	if err := report.WriteTable(&table); err != nil {
		t.Fatal(err)
	}
	if r := report.Rules[0]; r.Remedies != 1 || r.Open != 2 || r.Money["USD"] != "5.00" || !strings.Contains(table.String(), "credit-missed-delivery: 2 open") {
		t.Errorf("got %+v\n%s", r, table.String())
	}
}

// What did not come is made good afterwards too, of the period in which it was due.
func TestAfterwardsOfAbsence(t *testing.T) {
	t.Parallel()
	at := func(time string) int64 {
		return parse(t, time).UnixNano()
	}
	var inputs []input.Input
	add := func(eventType, time, data string) {
		inputs = append(inputs, input.Input{Kind: input.Event, At: at(time), Body: []byte(`{"specversion":"1.0","id":"` + time + `","source":"/s","customer":"c","type":"com.example.order.` + eventType + `","data":{` + data + `}}`)})
	}
	add("shipped", "2026-03-01T00:00:00Z", `"order":1,"express":true,"total":12`)
	add("shipped", "2026-03-02T00:00:00Z", `"order":2,"express":true,"total":12`)
	add("delivered", "2026-03-02T10:00:00Z", `"order":2,"whole":true`)
	add("shipped", "2026-03-03T00:00:00Z", `"order":3,"express":true,"total":12`)
	add("shipped", "2026-03-04T00:00:00Z", `"order":4,"express":true,"total":12`)
	inputs = append([]input.Input{{Kind: input.Genesis, At: inputs[0].At, Body: []byte(`{}`)}}, inputs...)
	past := rehearse.Past{Since: at("2026-03-04T00:00:00Z"), Until: at("2026-03-05T01:00:01Z"), Inputs: func(yield func(input.Input, error) bool) {
		for _, in := range inputs {
			if !yield(in, nil) {
				return
			}
		}
	}}
	made, _, err := rehearse.Afterwards(parcelSet(t), "credit-missed-delivery", past, func(string) bool { return true })
	if err != nil {
		t.Fatal(err)
	}
	if len(made) != 1 || made[0].Key != "1:3" || len(made[0].Steps) != 1 {
		t.Errorf("got %+v, want that of order 3 alone", made)
	}
	// Without its beginning the log may have lost a counterpart or an opening.
	inputs, past.Since = inputs[1:], at("2026-03-01T12:00:00Z")
	var cold rehearse.ColdError
	if _, _, err := rehearse.Afterwards(parcelSet(t), "credit-missed-delivery", past, func(string) bool { return true }); !errors.As(err, &cold) || cold.Begins.Format(time.RFC3339) != "2026-03-01T00:00:00Z" {
		t.Errorf("a log without its beginning: %v, want that it is too short", err)
	}
}

// What came before the event is known when a period begins with the moment at which it
// would have fired: the period has what it has in the whole log.
func TestPeriodKnowsEarlierCounterparts(t *testing.T) {
	t.Parallel()
	two := 2 * time.Hour
	for name, lateness := range map[string]*time.Duration{"an hour": nil, "two hours": &two} {
		late := time.Hour
		if lateness != nil {
			late = *lateness
		}
		shipped := parse(t, "2026-03-01T12:00:00Z")
		due := shipped.Add(48*time.Hour + late)
		event := func(at time.Time, eventType, data string) input.Input {
			return input.Input{Kind: input.Event, At: at.UnixNano(), Body: []byte(`{"specversion":"1.0","id":"` + eventType + data[8:9] + `","source":"/s","customer":"c","type":"com.example.order.` + eventType + `","data":{` + data + `}}`)}
		}
		inputs := []input.Input{
			event(shipped.Add(-late), "delivered", `"order":1,"whole":true`),
			event(shipped, "shipped", `"order":1,"express":true,"total":12`),
			event(shipped, "shipped", `"order":2,"express":true,"total":12`),
			event(due.Add(time.Hour), "delivered", `"order":9,"whole":true`),
		}
		for part, since := range map[string]int64{"the whole": 0, "the period": due.UnixNano()} {
			report, err := rehearse.Compare(parcelSet(t), nil, rehearse.Past{Since: since, Lateness: lateness, Inputs: func(yield func(input.Input, error) bool) {
				for _, in := range inputs {
					if !yield(in, nil) {
						return
					}
				}
			}})
			if err != nil {
				t.Fatal(err)
			}
			if r := report.Rules[0]; r.Remedies != 1 {
				t.Errorf("%s with a lateness of %s: %d remedies, want that of order 2 alone", part, name, r.Remedies)
			}
		}
	}
}

// The clock of who emits an event may be ahead of the log's: what lies a lateness before
// another by its own time came a little sooner than that.
func TestPeriodKnowsCounterpartsOfClocksAhead(t *testing.T) {
	t.Parallel()
	shipped := parse(t, "2026-03-01T12:00:00Z")
	due := shipped.Add(48*time.Hour + decide.Lateness)
	event := func(at, own time.Time, eventType, data string) input.Input {
		return input.Input{Kind: input.Event, At: at.UnixNano(), Body: fmt.Appendf(nil, `{"specversion":"1.0","id":%q,"source":"/s","customer":"c","type":"com.example.order.%s","time":%q,"data":{%s}}`,
			eventType, eventType, own.Format(time.RFC3339), data)}
	}
	came := shipped.Add(-decide.Lateness)
	inputs := []input.Input{
		event(came.Add(-decide.Skew), came, "delivered", `"order":1,"whole":true`),
		event(shipped, shipped, "shipped", `"order":1,"express":true,"total":12`),
	}
	for part, since := range map[string]int64{"the whole": 0, "the period": due.UnixNano()} {
		report, err := rehearse.Compare(parcelSet(t), nil, rehearse.Past{Since: since, Until: due.UnixNano() + 1, Inputs: func(yield func(input.Input, error) bool) {
			for _, in := range inputs {
				if !yield(in, nil) {
					return
				}
			}
		}})
		if err != nil {
			t.Fatal(err)
		}
		if r := report.Rules[0]; r.Remedies != 0 {
			t.Errorf("%s: %d remedies, though the order was delivered", part, r.Remedies)
		}
	}
}
