package rehearse_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/makegood/makegood/remediator/rehearse"
	"github.com/makegood/makegood/remediator/rule"
)

// TestConditionsWithComments holds that a condition is named by what it says, whatever comments
// it has, and is told on one line.
func TestConditionsWithComments(t *testing.T) {
	t.Parallel()
	const rules = `rules:
  - rule: a
    owner: o
    event: x
    if: |-
      data.n > 1    // more than "one
      // gold and platinum alike
      && data.tier == "gold  // " // or
      && (data.k > 1 || // it's
          data.l > 1)
    once_per: data.order
    do: [{credit: {customer: c, amount: 1.00 USD}}]
    limits: {budget: {amount: 10.00 USD, within: 1d}}
    account: "1"
    mode: live
`
	set, err := rule.Load([]rule.File{{Path: "r.yaml", Text: rules}})
	if err != nil {
		t.Fatal(err)
	}
	const sends = "tests:\n  - name: t\n    send: [{event: {type: x, data: {order: 1, n: 1, k: 2, l: 0, tier: \"gold  // \"}}}]\n    not: [{rule: a, because: %s}]\n"
	for because, says := range map[string]string{
		"data.n > 1":                "",
		`"data.n > 1 // another"`:   "",
		"data.n > 2":                "did you mean data.n > 1?",
		"data.x":                    "its conditions: data.n > 1\n                    data.tier == \"gold  // \"\n                    data.k > 1 || data.l > 1",
		`'data.tier == "gold // "'`: `did you mean data.tier == "gold  // "?`,
	} {
		tests, err := rehearse.Test(t.Context(), set, []rule.File{{Path: "r_test.yaml", Text: fmt.Sprintf(sends, because)}}, nil)
		if err != nil {
			t.Fatal(err)
		}
		if got := tests.Problems.Format(); tests.Passed() != (says == "") || !strings.Contains(got, says) {
			t.Errorf("because: %s: want %q, got\n%s", because, says, got)
		}
		demanded := rehearse.Demand(set, tests)
		if got := demanded.Format(); !strings.Contains(got, "it does not fire because of: data.k > 1 || data.l > 1 [untested]") {
			t.Errorf("got %s", got)
		}
	}
}

// TestErrorsOfRemediesAreTold holds that of a remedy which is held for an error the test says
// which, also of one that waited for a counterpart.
func TestErrorsOfRemediesAreTold(t *testing.T) {
	t.Parallel()
	set, err := rule.Load([]rule.File{{Path: "r.yaml", Text: `rules:
  - rule: a
    owner: o
    event: x
    do: [{andon: {pull: a/b, level: red, reason: "${{ data.why }}"}}]
  - rule: b
    owner: o
    event: y
    unless: {event: z, by: data.k, within: 1h}
    do: [{andon: {pull: a/c, level: red, reason: "${{ data.why }}"}}]
`}})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ send, demand, want string }{
		{"{type: x, data: {k: 1}}", "expect: [a]", "it is: a hold (error); expand step andon: reason: no such key: why"},
		{"{type: x, data: {k: 1}}", "expect: []", "a remedy is made that is not expected: a hold (error); expand step andon: reason: no such key: why [expect]"},
		{"{type: y, data: {k: 1}}", "expect: [b]", "it is: b hold (error); expand step andon: reason: no such key: why"},
		{"{type: y, data: {k: 1}}", "not: [{rule: b, because: unless}]", "the rule makes a remedy: b hold (error); expand step andon: reason: no such key: why"},
	} {
		text := "tests:\n  - name: t\n    send: [{event: " + c.send + "}, {at: +9h}]\n    " + c.demand + "\n"
		tests, err := rehearse.Test(t.Context(), set, []rule.File{{Path: "r_test.yaml", Text: text}}, nil)
		if err != nil {
			t.Fatal(err)
		}
		if got := tests.Problems.Format(); !strings.Contains(got, c.want) {
			t.Errorf("%s of %s: want %q, got\n%s", c.demand, c.send, c.want, got)
		}
	}
}
