package rehearse_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"iter"
	"slices"
	"strings"
	"testing"

	"github.com/makegood/makegood/remediator/input"
	"github.com/makegood/makegood/remediator/rehearse"
	"github.com/makegood/makegood/remediator/rule"
)

// nearRules has one rule with these conditions.
func nearRules(t *testing.T, conditions string) *rule.Set {
	t.Helper()
	set, err := rule.Load([]rule.File{{Path: "near.yaml", Text: `rules:
  - rule: near
    owner: shop
    event: com.example.late
` + conditions + `    do: [{andon: {pull: "shop/late", level: yellow, reason: late}}]
`}})
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// eventsOf makes a log of events with these data, an hour apart.
func eventsOf(data ...string) iter.Seq2[input.Input, error] {
	return func(yield func(input.Input, error) bool) {
		for n, d := range data {
			in := input.Input{Kind: input.Event, At: firstDay.UnixNano() + int64(n)*3600e9,
				Body: fmt.Appendf(nil, `{"specversion":"1.0","id":"e-%d","source":"/test","type":"com.example.late","customer":"c","data":{%s}}`, n, d)}
			if !yield(in, nil) {
				return
			}
		}
	}
}

func near(t *testing.T, set *rule.Set, most int, data ...string) (*rehearse.NearMisses, string) {
	t.Helper()
	n, err := rehearse.Near(set, "near", rehearse.Past{Inputs: eventsOf(data...)}, most)
	if err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	if err := n.WriteText(&text); err != nil {
		t.Fatal(err)
	}
	return n, text.String()
}

// What is sent again is one event, and one miss.
func TestNearMissesOfEventsSentTwice(t *testing.T) {
	t.Parallel()
	all := func(yield func(input.Input, error) bool) {
		for range 3 {
			for in, err := range eventsOf(`"n":2`, `"n":1`) {
				if !yield(in, err) {
					return
				}
			}
		}
	}
	n, err := rehearse.Near(nearRules(t, "    if: data.n > 2\n"), "near", rehearse.Past{Inputs: all}, 10)
	if err != nil {
		t.Fatal(err)
	}
	if n.Judged != 2 || len(n.Nearest) != 2 || n.Missed["data.n > 2"] != 2 {
		t.Errorf("of two events that are sent three times: %+v", n)
	}
}

func TestNearMissesOfAPlainRule(t *testing.T) {
	t.Parallel()
	set := nearRules(t, "    let: {late: \"data.s / 10\"}\n    if: late > 0.10 && data.kind == \"x\" && money(data.paid) >= money(\"5.00 USD\")\n")
	n, text := near(t, set, 3,
		`"s":0.5,"kind":"x","paid":"9.00 USD"`, // half as late as needed
		`"s":0.94,"kind":"x","paid":"9.00 USD"`,
		`"s":5,"kind":"y","paid":"9.00 USD"`,   // no number
		`"s":5,"kind":"x","paid":"4.99 USD"`,   // a cent
		`"s":5,"kind":"x","paid":"9.00 USD"`,   // it fires
		`"s":0.5,"kind":"y","paid":"9.00 USD"`, // two conditions
		`"kind":"x","paid":"9.00 USD"`)         // no value
	if n.Judged != 7 || n.Missed["late > 0.10"] != 2 || n.Missed[`data.kind == "x"`] != 1 || len(n.Nearest) != 3 {
		t.Errorf("near misses are %+v", n)
	}
	want := []string{`money(data.paid) = "4.99 USD", needs >= "5.00 USD", missed by 0.01 USD (0.2 %)`, "late = 0.094, needs > 0.1, missed by 0.006 (6 %)", "late = 0.05, needs > 0.1, missed by 0.05 (50 %)"}
	at := 0
	for _, w := range want {
		i := strings.Index(text[at:], w)
		if i < 0 {
			t.Fatalf("%q is not next in\n%s", w, text)
		}
		at += i
	}
	if d := n.Nearest[1].Distance; d == nil || *d < 0.059 || *d > 0.061 {
		t.Errorf("the distance is %v", d)
	}
	all, _ := near(t, set, 10, `"s":5,"kind":"y","paid":"9.00 USD"`)
	if len(all.Nearest) != 1 || all.Nearest[0].Distance != nil || all.Nearest[0].Needs != `== "x"` || all.Nearest[0].Left != "y" {
		t.Errorf("what is no number: %+v", all.Nearest)
	}
}

func TestNearMissesOfAWindow(t *testing.T) {
	t.Parallel()
	set := nearRules(t, "    if: data.s > 1\n    window: {within: 1d}\n    having: count() >= 3 && sum(data.s) > 5\n")
	n, _ := near(t, set, 10, `"s":4`, `"s":4`, `"s":0.5`, `"s":4`)
	// The first misses two conditions; the second one; the third is judged by if alone,
	// and nobody knows what the window would have said; the fourth fires.
	if n.Judged != 4 || len(n.Nearest) != 1 || n.Nearest[0].Part != "having" || n.Nearest[0].Left != 2.0 || n.Nearest[0].Event != "e-1" {
		t.Errorf("near misses are %+v", n)
	}
	if _, err := rehearse.Near(set, "naer", rehearse.Past{Inputs: eventsOf()}, 1); err == nil || !strings.Contains(err.Error(), "did you mean near?") {
		t.Errorf("a mistyped rule: %v", err)
	}
}

// What would have made no remedy anyway was not near one: without a key, with one that is
// taken, or sampled where money moves by window.
func TestNearMissesFailNothingElse(t *testing.T) {
	t.Parallel()
	set := nearRules(t, "    if: data.s > 3\n    once_per: data.order\n")
	n, _ := near(t, set, 10, `"s":2,"order":1`, `"s":4,"order":2`, `"s":3,"order":2`, `"s":3,"order":null`, `"s":3`)
	if n.Judged != 5 || n.Missed["data.s > 3"] != 1 || len(n.Nearest) != 1 || n.Nearest[0].Event != "e-0" {
		t.Errorf("near misses are %+v", n)
	}
	const paying = `rules:
  - rule: near
    owner: shop
    event: com.example.late
    window: {by: event.customer, within: 1d}
    having: count() >= 3
    once_per: event.customer
    do: [{credit: {customer: "${{ event.customer }}", amount: 1.00 USD}}]
`
	set, err := rule.Load([]rule.File{{Path: "near.yaml", Text: paying}})
	if err != nil {
		t.Fatal(err)
	}
	n, err = rehearse.Near(set, "near", rehearse.Past{Inputs: func(yield func(input.Input, error) bool) {
		for in, err := range eventsOf(`"s":1`, `"s":2`) {
			in.Body = bytes.Replace(in.Body, []byte(`"data":{"s":2`), []byte(`"sampledrate":2,"data":{"s":2`), 1)
			if !yield(in, err) {
				return
			}
		}
	}}, 10)
	if err != nil {
		t.Fatal(err)
	}
	if n.Judged != 2 || n.Missed["count() >= 3"] != 1 || n.Nearest[0].Event != "e-0" {
		t.Errorf("of sampled events: %+v", n)
	}
}

// Whatever a condition compares, a near miss says what it read and what it was to be.
func TestNearMissesOfEveryCondition(t *testing.T) {
	t.Parallel()
	const window = "    window: {within: 1d}\n    having: "
	for conditions, c := range map[string]struct{ data, says string }{
		"    if: size(data.l) >= 4\n":                    {`"l":[1,2,3]`, `size(data.l) = 3, needs >= 4, missed by 1 (25 %)`},
		"    if: data.s > 3\n":                           {`"s":3`, `data.s = 3, needs > 3, missed by 0 (0 %)`},
		"    if: data.s / 3 >= 60\n":                     {`"s":179`, `data.s / 3 = 59.666666666666664, needs >= 60, missed by 0.333333333333336 (0.56 %)`},
		"    if: data.s >= 60\n":                         {`"s":59.999`, `data.s = 59.999, needs >= 60, missed by 0.001 (under 0.01 %)`},
		"    if: data.s >= 1e300\n":                      {`"s":5`, `data.s = 5, needs >= 1e+300, missed by 1e+300 (100 %)`},
		"    if: 3 < data.s\n":                           {`"s":2`, `data.s = 2, needs > 3, missed by 1 (33 %)`},
		"    if: duration(\"2h\") <= duration(data.d)\n": {`"d":"1h30m"`, `duration(data.d) = "1h30m0s", needs >= "2h0m0s", missed by 30m0s (25 %)`},
		"    if: '!(data.s < 3)'\n":                      {`"s":2`, `data.s = 2, needs >= 3, missed by 1 (33 %)`},
		"    if: timestamp(data.d) - timestamp(data.e) >= duration(\"15m\")\n": {`"d":"2025-12-31T00:12:00Z","e":"2025-12-31T00:00:00Z"`, `= "12m0s", needs >= "15m0s", missed by 3m0s (20 %)`},
		"    if: timestamp(data.d) > timestamp(\"2026-01-01T00:00:00Z\")\n":    {`"d":"2025-12-31T00:00:00Z"`, `timestamp(data.d) = "2025-12-31T00:00:00Z", needs > "2026-01-01T00:00:00Z", missed by 24h0m0s`},
		"    if: money(data.p) >= money(\"5.00 USD\")\n":                       {`"p":"4.00 USD"`, `money(data.p) = "4.00 USD", needs >= "5.00 USD", missed by 1.00 USD (20 %)`},
		"    if: has(data.x)\n":                                   {`"s":3`, `has(data.x); data.x is absent`},
		"    if: data.?x.orValue(2) > 3\n":                        {`"s":3`, `data.?x.orValue(2) = 2, needs > 3, missed by 1 (33 %); data.x is absent`},
		"    if: data.x != \"a\"\n":                               {`"x":"a"`, `data.x = "a", needs != "a"`},
		"    if: data.x.startsWith(\"a\") != data.y\n":            {`"x":"b","y":false`, `data.x.startsWith("a") = false, needs != false`},
		"    if: data.x.startsWith(data.y)\n":                     {`"x":"b","y":"c"`, `data.x.startsWith(data.y); data.x = "b", data.y = "c"`},
		"    if: data.x in data.?l.orValue([1])\n":                {`"x":2`, `data.x in data.?l.orValue([1]); data.x = 2, data.l is absent`},
		"    if: data.x in [1, 2]\n":                              {`"x":3`, `data.x in [1, 2]; data.x = 3`},
		"    if: data.ok\n":                                       {`"ok":false`, `data.ok; data.ok = false`},
		window + "count() >= 4\n":                                 {`"s":1`, `count() = 1, needs >= 4, missed by 3 (75 %)`},
		window + "2 <= count(data.s > 0)\n":                       {`"s":1`, `count(data.s > 0) = 1, needs >= 2, missed by 1 (50 %)`},
		window + "distinct(event.customer) * 50 >= data.u\n":      {`"u":51`, `distinct(event.customer) * 50 = 50, needs >= 51, missed by 1 (1.96 %)`},
		window + "sum(data.p) >= money(\"5.00 USD\")\n":           {`"p":"4.00 USD"`, `sum(data.p) = "4.00 USD", needs >= "5.00 USD", missed by 1.00 USD (20 %)`},
		window + "avg(data.s) > 2\n":                              {`"s":1`, `avg(data.s) = 1, needs > 2, missed by 1 (50 %)`},
		window + "min(data.s) > 2\n":                              {`"s":1`, `min(data.s) = 1, needs > 2, missed by 1 (50 %)`},
		window + "max(data.s, data.s > 0) > 2\n":                  {`"s":1`, `max(data.s, data.s > 0) = 1, needs > 2, missed by 1 (50 %)`},
		window + "share(data.s > 1) >= 0.5\n":                     {`"s":1`, `share(data.s > 1) = 0, needs >= 0.5, missed by 0.5 (100 %)`},
		"    let: {many: \"4\"}\n" + window + "count() >= many\n": {`"s":1`, `count() = 1, needs >= 4, missed by 3 (75 %)`},
		"    let: {many: \"data.s * 2\"}\n    if: many >= 4\n":    {`"s":1`, `many = 2, needs >= 4, missed by 2 (50 %)`},
	} {
		if n, text := near(t, nearRules(t, conditions), 1, c.data); len(n.Nearest) != 1 || !strings.HasSuffix(text, c.says+"\n") {
			t.Errorf("%s%s says\n%s, want %s", conditions, c.data, text, c.says)
		}
	}
}

// JSON has no number for what a division by zero gives, and one such event must not keep
// the others from being told.
func TestNearMissesWithoutANumber(t *testing.T) {
	t.Parallel()
	set := nearRules(t, "    let: {part: data.s / data.w, both: \"[part, 1]\", named: \"{'p': [part]}\"}\n    if: part > 0.10 || both == [2] || named.p in [1]\n")
	n, text := near(t, set, 9, `"s":0,"w":0`, `"s":-1,"w":0`)
	if _, err := json.Marshal(n); err != nil || len(n.Nearest) != 2 || !strings.Contains(text, `part = "NaN", needs > 0.1; or both = ["NaN",1]`) || !strings.Contains(text, `named = {"p":["-Infinity"]}`) {
		t.Errorf("%v, near misses are\n%s", err, text)
	}
}

// An event that a condition alone has no value for is no near miss, but not passed over
// without a word either: it may have been sent in another form than the rule expects.
func TestNearMissesCountWhatHasNoValue(t *testing.T) {
	t.Parallel()
	set := nearRules(t, "    if: data.k == \"x\" && data.n >= 3\n    once_per: data.order\n")
	n, text := near(t, set, 9, `"k":"x","n":"3","order":1`, `"k":"x","order":2`, `"k":"y","order":3`, `"k":"x","n":2,"order":4`, `"k":"x"`)
	want := []rehearse.Unvalued{{Condition: "data.n >= 3", Events: 2, Source: "/test", Event: "e-1", Error: "no such key: n"}}
	if !slices.Equal(n.NoValue, want) || n.Missed["data.n >= 3"] != 1 ||
		!strings.Contains(text, "\n1 missed by this alone: data.n >= 3\n2 for which this alone has no value: data.n >= 3; of e-1: no such key: n\n") {
		t.Errorf("%v, it says\n%s", n.NoValue, text)
	}
}

// What is written on several lines, or put together from several, is told on one.
func TestNearMissesOnOneLine(t *testing.T) {
	t.Parallel()
	set := nearRules(t, "    if: |\n      data.n > 5 || // many\n        data.k in // these\n          [\"x  y\"]\n")
	if _, text := near(t, set, 1, `"n":3,"k":"y"`); !strings.Contains(text, "1 missed by this alone: data.n > 5 || data.k in [\"x  y\"]\n") ||
		!strings.HasSuffix(text, `data.n = 3, needs > 5, missed by 2 (40 %); or data.k in ["x  y"]; data.k = "y"`+"\n") {
		t.Errorf("it says\n%s", text)
	}
	set = nearRules(t, "    if: |\n      data.n\n        > 5\n      // few\n      && // and\n      data.m < 1\n")
	e, err := rehearse.Explain(set, []byte(`{"specversion":"1.0","id":"e","source":"/test","type":"com.example.late","data":{"n":3,"m":1}}`), 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	if err := e.WriteText(&text); err != nil || !strings.Contains(text.String(), "  if  data.n > 5  false  data.n = 3\n  if  data.m < 1  false  data.m = 1\n  no remedy: data.n > 5 is false; data.n = 3\n") {
		t.Errorf("%v, it says\n%s", err, text.String())
	}
}

// Of alternatives each is told with what it read, and the nearest says how near it was.
func TestNearMissesOfAlternatives(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		conditions, data, says string
		distance               float64 // negative: none
	}{
		{"    if: data.n >= 10 || data.m < 4\n", `"n":9,"m":8`, "data.n = 9, needs >= 10, missed by 1 (10 %); or data.m = 8, needs < 4, missed by 4 (50 %)", 0.1},
		{"    if: data.n >= 10 || data.k in [\"x\"] || has(data.z)\n", `"n":5,"k":"y"`,
			`data.n = 5, needs >= 10, missed by 5 (50 %); or data.k in ["x"]; data.k = "y"; or has(data.z); data.z is absent`, 0.5},
		{"    if: data.k == \"x\" || data.k == \"z\"\n", `"k":"y"`, `data.k = "y", needs == "x"; or data.k = "y", needs == "z"`, -1},
		// Of what && joins one alone may be missing, and that may be an alternative again.
		{"    if: data.n > 9 || data.k == \"y\" && data.m > 4\n", `"n":5,"k":"y","m":3`,
			`data.n = 5, needs > 9, missed by 4 (44 %); or data.m = 3, needs > 4, missed by 1 (25 %)`, 0.25},
		{"    if: data.n > 9 || data.k == \"x\" && data.m > 4\n", `"n":5,"k":"y","m":3`,
			`data.n = 5, needs > 9, missed by 4 (44 %); or data.k == "x" && data.m > 4; data.k = "y", data.m = 3`, 4. / 9},
		{"    if: data.n > 9 || data.k == \"y\" && (data.m > 8 || data.m < 3)\n", `"n":3,"k":"y","m":4`,
			`data.n = 3, needs > 9, missed by 6 (67 %); or data.m = 4, needs < 3, missed by 1 (25 %)`, 0.25},
		{"    window: {within: 1d}\n    having: count() >= 4 || count(data.n > 9) >= 2\n", `"n":10`,
			`count() = 1, needs >= 4, missed by 3 (75 %); or count(data.n > 9) = 1, needs >= 2, missed by 1 (50 %)`, 0.5},
	} {
		n, text := near(t, nearRules(t, c.conditions), 1, c.data)
		if len(n.Nearest) != 1 || !strings.HasSuffix(text, "  "+c.says+"\n") {
			t.Errorf("%s%s says\n%s, want %s", c.conditions, c.data, text, c.says)
			continue
		}
		m := n.Nearest[0]
		if known := c.distance >= 0; known != (m.Distance != nil) || known && *m.Distance != c.distance || m.Needs != "" || m.MissedBy != nil || len(m.Seen) == 0 {
			t.Errorf("%s%s is %s, want the distance %v", c.conditions, c.data, shown(t, m), c.distance)
		}
	}
}
