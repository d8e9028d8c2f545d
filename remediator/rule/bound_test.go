package rule_test

import (
	"fmt"
	"reflect"
	"testing"

	"github.com/makegood/makegood/remediator/event"
	"github.com/makegood/makegood/remediator/rule"
	"github.com/makegood/makegood/remediator/rule/expression"
)

const boundRules = `
rules:
  - rule: windowed
    owner: o
    why: w
    event: [{type: com.example.x, if: data.n > 1}, com.other]
    if: late >= duration("10m") && data.?kind.orValue("") != "b"
    let: {late: timestamp(data.at) - start, start: timestamp("2026-03-01T08:00:00Z"), half: data.n / 2, unused: data.nowhere}
    once_per: ["data.order", "event.customer", "late"]
    window: {by: data.?sku, within: 1d}
    having: sum(data.n, half > 1) > 3 && distinct(event.customer) > 0 && max(data.paid) > money("1.00 USD") && count(data.l.exists(x, x > 1)) > 0
    do: [{andon: {pull: a/b, level: red, reason: r}}]
  - rule: waits
    owner: o
    why: w
    event: com.example.x
    if: data.l.all(x, x > 0) || data.n == 7
    once_per: data.order
    do: [{andon: {pull: a/b, level: red, reason: r}}]
`

// TestBoundJudgesAsValuesDo evaluates everything that the event alone decides,
// over places and over maps.
func TestBoundJudgesAsValuesDo(t *testing.T) {
	t.Parallel()
	set, err := rule.Load([]rule.File{{Path: "r.yaml", Text: boundRules}})
	if err != nil {
		t.Fatal(err)
	}
	var view event.View
	var frame expression.Frame // of all events: nothing of one may be left in the next
	judged, held, failed := 0, 0, 0
	for _, eventType := range []string{"com.example.x", "com.other"} {
		clauses := set.Clauses(eventType)
		var paths [][]string
		for _, c := range clauses {
			paths = c.AppendReads(paths)
		}
		plan := event.NewPlan(paths)
		if plan.Slot([]string{"data", "nowhere"}) >= 0 {
			t.Error("the plan reads what only an unused let needs")
		}
		for i, data := range []string{
			`{"n":7,"at":"2026-03-01T09:00:00Z","order":"o-1","sku":"s","paid":"3.00 USD","l":[1,2],"ok":true}`,
			`{"n":2,"at":"2026-03-01T08:20:00Z","order":77,"l":[0],"kind":"a","paid":{"amount":"2.00","currency":"USD"}}`,
			`{"n":2,"at":"never","order":null,"kind":"b","l":{},"ok":1}`, `{"n":9007199254740993,"at":"2026-03-01T09:00:00Z","order":[]}`, `{}`, `null`, `[]`,
		} {
			raw := fmt.Sprintf(`{"specversion":"1.0","id":"%d","source":"/s","type":%q,"customer":"c","data":%s}`, i, eventType, data)
			if err := view.Read([]byte(raw), func([]byte) *event.Plan { return plan }); err != nil {
				t.Fatal(err)
			}
			frame.Event(&view, 5)
			ev := view.Event()
			for _, c := range clauses {
				b := c.Bind(plan)
				want, got := outcome(c, c.Rule.Evaluate(rule.NewValues(&ev, 5))), outcome(c, b.Evaluate(new(rule.Evaluation), &frame))
				if !reflect.DeepEqual(got, want) {
					t.Errorf("%s of %s: got\n%v, want\n%v", c.Rule.Name, raw, got, want)
				}
				holds, err := c.Rule.Evaluate(rule.NewValues(&ev, 5)).Meets(c.Filter)
				truth := b.Meets(&frame)
				if truth.Failed() != (err != nil) || (truth == expression.True) != holds {
					t.Errorf("%s of %s: got %v, want %v, %v", c.Rule.Name, raw, truth, holds, err)
				}
				judged++
				if holds {
					held++
				}
				if err != nil {
					failed++
				}
			}
		}
	}
	if held < 5 || failed < 5 || judged-held-failed < 3 {
		t.Errorf("of %d, %d held and %d failed: the events are too much alike", judged, held, failed)
	}
}

// outcome lists what an evaluation of a clause says.
func outcome(c rule.Clause, e *rule.Evaluation) []string {
	var all []string
	say := func(values ...any) { all = append(all, fmt.Sprint(values...)) }
	holds, err := e.Meets(c.Filter)
	say(holds, err)
	by, noBy := e.By()
	say(by, "|", noBy)
	if c.Ends {
		return all
	}
	key, noKey := e.Key()
	until, noUntil := e.Until()
	say(key, "|", noKey, "|", until, noUntil)
	for _, a := range c.Rule.Aggregates {
		holds, err := e.Holds(a.If)
		say(holds, err)
		if a.Arg != nil {
			value, err := e.Value(a.Arg)
			say(value, err)
		}
	}
	return all
}
