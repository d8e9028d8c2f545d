package rule_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/makegood/makegood/remediator/money"
	"github.com/makegood/makegood/remediator/rule"
)

const defaulted = `defaults:
  owner: shop/care
  account: "4711"
  mode: live
  storm: {remedies: 9, within: 1h}
  limits:
    per_remedy: 10.00 USD
    budget: {amount: 500.00 USD, within: 1d}

rules:
  - rule: a
    why: w
    event: com.example.x
    once_per: data.order
    do: [{credit: {customer: c, amount: 1.00 USD}}]

  - rule: b
    owner: shop/other
    why: w
    event: com.example.x
    once_per: data.order
    do: [{credit: {customer: c, amount: 1.00 USD}}]
    limits:
      per_remedy: [3.00 USD, 2.00 EUR]
      over: suppress
    mode: canary 5%
`

func TestDefaults(t *testing.T) {
	t.Parallel()
	set := load(t, defaulted)
	a, b := set.Rule("a"), set.Rule("b")
	if a.Owner != "shop/care" || a.Account != "4711" || a.Mode != rule.Live || a.Storm.Remedies != 9 || a.Limits.PerRemedy[0].Minor != 1000 || a.Limits.Budget.Within != 24*time.Hour {
		t.Errorf("a is %+v", a)
	}
	if b.Owner != "shop/other" || b.Account != "4711" || b.Mode != rule.Canary || len(b.Limits.PerRemedy) != 2 || !b.Limits.Suppress ||
		b.Limits.Budget.Amount[0] != (money.Money{Minor: 50000, Currency: "USD"}) {
		t.Errorf("b is %+v, limits %+v", b, b.Limits)
	}
}

// A rule's digest changes with the defaults of its file and with its own text,
// wherever the defaults stand, and with nothing else.
func TestDefaultsAreDigested(t *testing.T) {
	t.Parallel()
	digests := func(text string) string {
		set := load(t, text)
		return set.Rule("a").Digest + " " + set.Rule("b").Digest
	}
	before := digests(defaulted)
	defaults, rules, _ := strings.Cut(defaulted, "\nrules:")
	for name, c := range map[string]struct {
		text string
		same bool
	}{
		"behind the rules":         {"rules:" + rules + "\n" + defaults, true},
		"a comment between":        {defaults + "\n# The rules.\n\nrules:" + rules, true},
		"another default":          {strings.Replace(defaulted, "shop/care", "shop/cure", 1), false},
		"another word of a rule":   {strings.Replace(defaulted, "why: w", "why: v", 2), false},
		"one more line at the end": {defaulted + "\n", true},
	} {
		if got := digests(c.text); (got == before) != c.same {
			t.Errorf("%s: the digests are the same: %t, want %t", name, got == before, c.same)
		}
	}
}

func TestMistakesOfDefaults(t *testing.T) {
	t.Parallel()
	for text, says := range map[string]string{
		"why: w":                         `no key "why"`,
		"event: com.example.x":           `no key "event"`,
		"mode: lice":                     "is no mode",
		"limits: {per_remedy: 10}":       "per_remedy",
		"limits: {per_remdy: 10.00 USD}": "did you mean per_remedy",
		"storm: {remedies: 9}":           "no within",
		"owner: [a]":                     "is a list",
		"limits: [10.00 USD]":            "is a list",
		"once_per: data.order":           `no key "once_per"`,
	} {
		file := "defaults:\n  " + text + "\nrules:\n"
		for _, name := range []string{"a", "b"} {
			file += fmt.Sprintf("  - {rule: %s, why: w, event: x, do: [{andon: {pull: a/b, level: red, reason: r}}]}\n", name)
		}
		_, problems := rule.Check([]rule.File{{Path: "rules.yaml", Text: file}})
		errors := 0
		for _, p := range problems {
			if p.Severity == "error" {
				errors++
			}
		}
		if errors != 1 || !strings.Contains(problems.Format(), says) {
			t.Errorf("%s: want one error that says %q, got\n%s", text, says, problems.Format())
		}
	}
	// A live default demands of each rule what live money needs.
	_, problems := rule.Check([]rule.File{{Path: "rules.yaml", Text: strings.Replace(defaulted, "    budget: {amount: 500.00 USD, within: 1d}\n", "", 1)}})
	if got := problems.Format(); !strings.Contains(got, "a live rule that moves money has no budget") || !strings.Contains(got, "a canary rule that moves money has no budget") {
		t.Errorf("got\n%s", got)
	}
}
