package rehearse_test

import (
	"strings"
	"testing"

	"github.com/makegood/makegood/remediator/rehearse"
	"github.com/makegood/makegood/remediator/rule"
)

const pointRules = `rules:
  - rule: credit-points
    owner: o
    why: w
    event: com.example.played
    let: {slow: data.late_s > 5}
    if: data.points[0] == 1 && data.play.stalls > 1 && slow && event.region == "eu"
    window: {by: data.film, within: 1d}
    having: count() >= 1 && sum(data.seconds) >= 0
    once_per: [data.order, 'data[?"order-no"].orValue("")']
    do: [{credit: {customer: "${{ event.customer }}", amount: "${{ data.due }}"}}]
    limits: {budget: {amount: 9.00 USD, within: 1d}}
  - {rule: hear, owner: o, why: w, event: com.example.heard, do: [{andon: {pull: a/b, level: red, reason: r}}]}
`

// TestSetOfWhatNothingReads holds that a test cannot pass because what it sets is of no
// meaning: a slip in a path, data. forgotten, an element of a list.
func TestSetOfWhatNothingReads(t *testing.T) {
	t.Parallel()
	rules, err := rule.Load([]rule.File{{Path: "r.yaml", Text: pointRules}})
	if err != nil {
		t.Fatal(err)
	}
	const head = `tests:
  - name: set
    send:
      - event: {type: com.example.played, customer: c, region: eu, data: {points: [1, 2], play: {stalls: 2}, late_s: 9, film: f, order: 1, due: 1.00 USD, "odd[0]": 1}}
        set: {`
	for set, want := range map[string]string{
		// What a rule reads, what the event has, and what every event may have.
		`data.points: [1]`: "", `data.play.stalls: 3`: "", `data.play: {stalls: 3}`: "", `data.late_s: 6`: "", `data_base64: AA==, data: null`: "", `data.film: g`: "", `data.seconds: 3`: "", `data.order-no: 7`: "",
		`data.due: 2.00 USD`: "", `data.odd[0]: 2`: "", `customer: d`: "", `subject: s`: "", `sampledrate: 1`: "", `id: one`: "", `region: null, region2: null`: "region2",
		`data.play.stalls: null, data: {points: [1, 2], play: {stalls: 2}, late_s: 9, film: f, order: 1, due: 1.00 USD}`: "",
		// What cannot be set, or is of no meaning.
		`"data.points[0]": 7`:                    "set data.points[0]: a path has no [ ]",
		`'data["points"]': [7]`:                  `set data["points"]: a path has no [ ]`,
		`late_s: 0`:                              "set late_s: the event has no such attribute, and no rule about com.example.played reads it [set]",
		`data.lates: 0`:                          "set data.lates: the event has no such field, and no rule about com.example.played reads it [set]",
		`data.play.stals: 0`:                     "did you mean data.play.stalls?",
		`data.lates_s: null`:                     "did you mean data.late_s?",
		`late_s: 1`:                              "did you mean data.late_s?",
		`type: com.example.heard, data.lates: 0`: "reads it [set]\n    5 |         set: {type: com.example.heard, data.lates: 0}\n      |                                        ^\n    set a field that the event has\n",
		`data.purchased-by: 1`:                   "a field that the event has, or that a rule reads: customer, data.due, data.film, data.late_s, data.order, data.order-no, data.play.stalls, data.points, data.seconds, region",
	} {
		ran, err := rehearse.Test(t.Context(), rules, []rule.File{{Path: "r_test.yaml", Text: head + set + "}\n    expect: [credit-points]\n"}}, nil)
		if err != nil {
			t.Fatal(err)
		}
		switch got := ran.Problems.Format() + "\n"; {
		case want == "" && strings.Contains(got, "[set]"), want != "" && (!strings.Contains(got, want) || !strings.Contains(got, "[set]")):
			t.Errorf("set %s: want %q, got\n%s", set, want, got)
		}
	}
}

// What only a rule reads that could not be read itself is not held against a test.
func TestSetBesideARuleThatIsMissing(t *testing.T) {
	t.Parallel()
	part, _ := rule.CheckPart([]rule.File{{Path: "r.yaml", Text: pointRules}, {Path: "s.yaml", Text: "rules:\n  - rule: broken\n    event: com.example.played\n    if: data.only >\n"}})
	problems, err := rehearse.TestPart(t.Context(), part, []rule.File{{Path: "r_test.yaml", Text: `tests:
  - name: set
    send: [{event: {type: com.example.played, data: {points: [2], play: {stalls: 2}, late_s: 9}, region: eu}, set: {data.only: 1}}]
    not: [{rule: credit-points, because: "data.points[0] == 1"}]
`}})
	if err != nil || strings.Contains(problems.Format(), "[set]") {
		t.Errorf("%v\n%s", err, problems.Format())
	}
}

// TestSetOfNamesWithDots holds that a field with a dot in its name is set, where the event has
// it or a rule reads it, and not another field of which nothing knows.
func TestSetOfNamesWithDots(t *testing.T) {
	t.Parallel()
	rules, err := rule.Load([]rule.File{{Path: "r.yaml", Text: `rules:
  - rule: a
    owner: o
    event: x
    if: data["order.late"] >= 60 && data.parcel["a.b"].n > 1
    do: [{andon: {pull: a/b, level: red, reason: r}}]
`}})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ data, set, says string }{
		{"{order.late: 59, parcel: {a.b: {n: 2}}}", "data.order.late: 60", ""},
		{"{parcel: {a.b: {n: 2}}}", "data.order.late: 60", ""},
		{"{order.late: 60, parcel: {a.b: {n: 1}}}", "data.parcel.a.b.n: 2", ""},
		{"{order.late: 60}", "data.parcel.a.b.n: 2", ""},
		{"{order.late: 60}", "data.parcel.a.b: {n: 2}", ""},
		{"{order.late: 60}", "data.parcel: {a.b: {n: 2}}", ""},
		{"{order: {late: 60}, parcel: {a.b: {n: 2}}}", "data.order.late: 61", "the rule a makes no remedy"}, // the event has it
		{"{order.late: 60, parcel: {a.b: {n: 2}}}", "data.order: {late: 60}", "set data.order: the event has no such field"},
		{"{order.late: 60, parcel: {a.b: {n: 2}}}", "data.parcel.a: {b: 1}", "set data.parcel.a: the event has no such field"},
	} {
		ran, err := rehearse.Test(t.Context(), rules, []rule.File{{Path: "r_test.yaml", Text: "tests:\n  - name: t\n    send: [{event: {type: x, data: " + c.data + "}, set: {" + c.set + "}}]\n    expect: [a]\n"}}, nil)
		if err != nil {
			t.Fatal(err)
		}
		if got := ran.Problems.Format(); ran.Passed() != (c.says == "") || !strings.Contains(got, c.says) {
			t.Errorf("%s of %s: want %q, got\n%s", c.set, c.data, c.says, got)
		}
	}
}
