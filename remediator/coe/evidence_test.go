package coe_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/makegood/makegood/remediator/coe"
)

// TestEvidence holds what passes a check as a number, a time, a graph or a date, and
// what does not.
func TestEvidence(t *testing.T) {
	t.Parallel()
	f := story(t)
	f.remedy(111, 7, "late", "eu/c-7", 0)
	const period = "since=2026-11-01T00:00:00Z&until=2026-11-02T00:00:00Z&size="
	const counted = "[5 remedies](query:remedies?rule=late&" + period + "19)"
	none := []string{}
	for text, want := range map[string][]string{
		"## Impact\n\nUSD1000, 5k and EUR-5 of B2B, TABLE-7 and v2 on 2026-11-01.":               {`"USD1000" is a number`, `"5k" is a number`, `"EUR-5" is a number`},
		"## Impact\n\n`500` and `1,000 USD` of `12%`, `USD20` and `5k`.":                         {`"500" is a number`, `"1,000" is a number`, `"12%" is a number`, `"USD20" is a number`, `"5k" is a number`},
		"## Impact\n\n`product/TABLE-7`, `24h-late` and `7fb78040e9e6` are names.":               none,
		"## Impact\n\n    500 customers\n":                                                       {`"500" is a number`},
		"## Impact\n\n[500 customers](https://shop.example/) [600](ledger:1)":                    {`"500" is a number`, `"600" is a number`},
		"## Impact\n\nSee [fact 11](ledger:11).":                                                 none,
		"## Impact\n\n" + counted:                                                                none,
		"## Impact\n\n" + strings.Replace(counted, "remedies]", "remedies of 900]", 1):           {`"900" is a number`},
		"## What happened\n\n### Times\n\n- began: 2026-11-01T00:09:00Z " + counted:              {"began has no source that gives its time"},
		"## What happened\n\n### Times\n\n- began: 2026-11-01T00:30:00Z [fact 11](ledger:11)":    none,
		"## What happened\n\n### Times\n\n- began: 2026-11-01T00:31:00Z [fact 11](ledger:11)":    {"began has no source that gives its time"},
		"## What happened\n\n### Times\n\n- began: 2026-11-01T00:31:00Z " + askedFor("detected"): {"began has no source that gives its time"},
		"## What happened\n\n### Times\n\n- began: 2026-11-01T00:10:00Z " + askedFor("detected"): none,
		"![Events, events per 1h, 2026](graph:events?step=1h&" + period + "19)":                  none,
		"![Events, events per 1h, 2026](graph:events?step=1h&" + period + "20)":                  {"the ledger has no 20 entries yet"},
		counted + " [x](https://shop.example/customers/eu/c-7)":                                  {`"eu/c-7" is a customer`},
		counted + " [x](https://shop.example/customers/eu%2Fc-7?a=b)":                            {`"eu/c-7" is a customer`},
		"## Actions\n\n" + action("2026-11-01"):                                                  none,
		"## Actions\n\n" + action("2026-10-31"):                                                  {"the action was due on 2026-10-31"},
	} {
		d := coe.Read(text)
		b, err := coe.ReadBook(t.Context(), f, d.Scope())
		if err != nil {
			t.Fatal(err)
		}
		found, err := coe.Check(t.Context(), d, b, coe.Known{Size: 19, Now: begin.Add(23 * time.Hour)})
		if err != nil {
			t.Fatal(err)
		}
		got := []string{}
		for _, finding := range found {
			if looked := []string{"is a number", "no source", "entries yet", "is a customer", "was due"}; slices.ContainsFunc(looked, func(words string) bool { return strings.Contains(finding.Problem, words) }) {
				got = append(got, finding.Problem)
			}
		}
		if !slices.EqualFunc(got, want, strings.HasPrefix) {
			t.Errorf("%s\n\nfinds %q, want %q", text, got, want)
		}
	}
}

// askedFor is a link to a query for a moment.
func askedFor(of string) string {
	return "[x](query:time?rule=late&of=" + of + "&since=2026-11-01T00:00:00Z&until=2026-11-02T00:00:00Z&size=19)"
}

// action is a table with one action that is due on a day.
func action(due string) string {
	return "| Action | Kind | Owner | Due | Priority | Done when | Factor |\n|---|---|---|---|---|---|---|\n| a | prevent | b | " + due + " | high | c | 1 |\n"
}
