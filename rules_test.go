package makegood_test

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/makegood/makegood/remediator/rehearse"
	"github.com/makegood/makegood/remediator/rule"
	"github.com/makegood/makegood/remediator/rule/lint"
)

// library reads the files below the folder rules, by their paths from there.
func library(t *testing.T) []rule.File { return ruleFiles(t, "rules") }

// TestRuleLibrary holds the rules that people begin with to what is asked of a
// live one: nothing to warn of, every condition shown from both sides, and, for
// those that move money, limits, a budget, an account and a key. They are in shadow.
func TestRuleLibrary(t *testing.T) {
	t.Parallel()
	rules, tests := rehearse.Split(library(t))
	set, problems := rule.Check(rules)
	if set == nil || len(problems) > 0 {
		t.Fatalf("rules check: %v", &problems)
	}
	ran, err := rehearse.Test(t.Context(), set, tests, nil)
	if err != nil {
		t.Fatal(err)
	}
	warnings, err := lint.Check(set)
	if err != nil {
		t.Fatal(err)
	}
	if problems := slices.Concat(ran.Problems, rehearse.Demand(set, ran), warnings); len(problems) > 0 {
		t.Errorf("rules test and check: %v", &problems)
	}
	for _, c := range ran.Conditions {
		if c.Holds == 0 || c.Fails == 0 && c.Condition != "" {
			t.Errorf("%s: no test shows both sides of %s", c.Rule, c.Condition)
		}
	}
	if len(set.Rules) < 15 || len(ran.Conditions) == 0 {
		t.Fatalf("%d rules with %d conditions: too few to begin with", len(set.Rules), len(ran.Conditions))
	}
	for _, r := range set.Rules {
		if !r.MovesMoney() {
			continue
		}
		if r.Limits.Budget == nil || r.Limits.PerCustomer == nil || len(r.Limits.PerRemedy) == 0 || r.Account == "" || len(r.OncePer) == 0 {
			t.Errorf("%s lacks a limit, a budget, an account or a key", r.Name)
		}
		if r.Mode != rule.Shadow {
			t.Errorf("%s is %s: a rule to copy moves no money", r.Name, r.Mode)
		}
	}
}

// TestRuleLibrarySaysWhatIsOurs holds that a rule says in its first lines where its
// thresholds come from: what is published by name, and what is ours.
func TestRuleLibrarySaysWhatIsOurs(t *testing.T) {
	t.Parallel()
	rules, _ := rehearse.Split(library(t))
	for _, file := range rules {
		head, _, found := strings.Cut(file.Text, "\nrules:\n")
		words := strings.Fields(strings.ReplaceAll(head, "#", " "))
		if !found || !slices.ContainsFunc(words, func(word string) bool { return strings.EqualFold(strings.Trim(word, ".,:;"), "ours") }) {
			t.Errorf("%s does not say in its first lines what of it is ours", file.Path)
		}
	}
}

// TestRuleLibraryTable holds the table of rules/README.md against the files.
func TestRuleLibraryTable(t *testing.T) {
	t.Parallel()
	readme, err := os.ReadFile("rules/README.md")
	if err != nil {
		t.Fatal(err)
	}
	rules, _ := rehearse.Split(library(t))
	areas := map[string]bool{}
	for _, file := range rules {
		area, _, _ := strings.Cut(file.Path, "/")
		areas[area] = true
		if n := strings.Count(string(readme), "\n| `"+file.Path+"` |"); n != 1 {
			t.Errorf("rules/README.md has %d rows for %s, want one", n, file.Path)
		}
	}
	if rows := strings.Count(string(readme), "\n| `"); rows != len(rules) {
		t.Errorf("rules/README.md has %d rows, but there are %d files", rows, len(rules))
	}
	for _, area := range []string{"video", "delivery", "retail", "payments", "travel", "saas", "telecom", "support"} {
		if !areas[area] {
			t.Errorf("there is no rule in the area %s", area)
		}
	}
}

// TestDamagedProductAmongManyGood holds that inspections which found nothing keep a product on
// sale however many they are: above 64 customers both counts are estimates, and the error of
// their difference is no customer with a defect.
func TestDamagedProductAmongManyGood(t *testing.T) {
	t.Parallel()
	rules, _ := rehearse.Split(library(t))
	for _, reports := range []struct {
		good, bad int
		demand    string
	}{
		{60, 2, "expect: []"},
		{70, 2, "expect: []"},
		{150, 2, "expect: []"},
		{400, 2, "expect: []"},
		{57, 3, "expect: [stop-damaged-product]"},
		{150, 10, "expect: [stop-damaged-product]"},
	} {
		var text strings.Builder
		fmt.Fprintf(&text, "tests:\n  - name: %d good and %d bad\n    send:\n", reports.good, reports.bad)
		report := func(customer string, i int, inspection string) {
			fmt.Fprintf(&text, "      - event: {type: com.example.contact.closed, customer: %s-%d-2-%d, data: {sku: TABLE-7, reason: defective, inspection: %s, units_7d: 100}}\n",
				customer, reports.good, i, inspection)
		}
		for i := range reports.good + reports.bad {
			switch {
			case i < 2: // two with a defect stop nothing, so all that follows is judged beside them
				report("x", i, "broken")
			case i < reports.good+2:
				report("c", i-2, "sellable")
			default:
				report("x", i-reports.good, "broken")
			}
		}
		fmt.Fprintf(&text, "    %s\n", reports.demand)
		runRuleTests(t, rules, rule.File{Path: "retail/many_test.yaml", Text: text.String()})
	}
}
