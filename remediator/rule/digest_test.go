package rule_test

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"testing"

	"github.com/makegood/makegood/remediator/rule"
)

const counted = `# A file with two rules.
rules:
  # About the first.
  - rule: first
    owner: o
    why: because
    event: com.example.x
    if: data.a > 1
    # About the window.
    window: {by: data.sku, within: 7d}
    having: count() >= 3 && distinct(data.c) > 2
    let: {z: data.q, unused: data.r}
    do:
      - andon: {pull: "a/${{ data.sku }}", level: red, reason: "${{ count() }}"}

  # About the second.
  - rule: second
    owner: o
    why: because
    event: com.example.x
    once_per: data.order
    do: [{credit: {customer: c, amount: 1.00 USD}}]
`

func TestDigests(t *testing.T) {
	t.Parallel()
	base := load(t, counted)
	first := strings.Split(strings.SplitN(counted, "  - rule: first", 2)[1], "\n\n")[0]
	sum := sha256.Sum256([]byte("  - rule: first" + first))
	if got := base.Rule("first").Digest; got != hex.EncodeToString(sum[:]) {
		t.Errorf("the digest of a rule is not that of its lines: %s", got)
	}
	for _, c := range []struct {
		name, from, to        string
		first, window, second bool // which digests change
	}{
		{"why", "why: because\n    event: com.example.x\n    if", "why: really\n    event: com.example.x\n    if", true, false, false},
		{"a comment in the rule", "# About the window.", "# About windows.", true, false, false},
		{"a comment before the rule", "# About the first.", "# About it.", false, false, false},
		{"a comment before the next rule", "  # About the second.", "\n\n  # About it.", false, false, false},
		{"having without aggregates changed", ">= 3", ">= 4", true, false, false},
		{"the steps", "level: red", "level: yellow", true, false, false},
		{"if", "data.a > 1", "data.a > 2", true, true, false},
		{"by", "by: data.sku", "by: data.s", true, true, false},
		{"within", "within: 7d", "within: 8d", true, true, false},
		{"the same within", "within: 7d", "within: 168h", true, false, false},
		{"after", "within: 7d}", "within: 7d, after: keep}", true, true, false},
		{"an aggregate", "distinct(data.c)", "distinct(data.d)", true, true, false},
		{"another aggregate", "count() >= 3", "count() >= 3 && sum(data.n) > 1", true, true, false},
		{"the type", "com.example.x\n    if", "com.example.y\n    if", true, true, false},
		{"a let that nothing uses", "unused: data.r", "unused: data.s", true, false, false},
		{"the second rule", "1.00 USD", "2.00 USD", false, false, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			text := strings.Replace(counted, c.from, c.to, 1)
			if text == counted {
				t.Fatal("nothing was changed")
			}
			set := load(t, text)
			for _, d := range []struct {
				what     string
				was, is  string
				expected bool
			}{
				{"set", base.Digest, set.Digest, true},
				{"first rule", base.Rule("first").Digest, set.Rule("first").Digest, c.first},
				{"window", base.Rule("first").Window.Digest, set.Rule("first").Window.Digest, c.window},
				{"second rule", base.Rule("second").Digest, set.Rule("second").Digest, c.second},
			} {
				if changed := d.was != d.is; changed != d.expected {
					t.Errorf("the digest of the %s changed: %v, want %v", d.what, changed, d.expected)
				}
			}
		})
	}
}

func TestWindowDigestFollowsItsLets(t *testing.T) {
	t.Parallel()
	text := func(let string) string {
		return withLines("let: {sku: trimmed, trimmed: " + let + ", other: data.q}\nwindow: {by: sku, within: 1d}\nhaving: count() > 1")
	}
	digest := func(let string) string { return load(t, text(let)).Rules[0].Window.Digest }
	if digest("data.sku") == digest("data.skv") {
		t.Error("a let that the key needs by way of another changed, the window's digest did not")
	}
}

func TestSetDigestNamesPathsAndTexts(t *testing.T) {
	t.Parallel()
	one, two := withLines("if: data.a"), strings.Replace(withLines("if: data.a"), "rule: a", "rule: b", 1)
	digest := func(files ...rule.File) string {
		set, err := rule.Load(files)
		if err != nil {
			t.Fatal(err)
		}
		return set.Digest
	}
	base := digest(rule.File{Path: "a.yaml", Text: one}, rule.File{Path: "b.yaml", Text: two})
	if digest(rule.File{Path: "b.yaml", Text: two}, rule.File{Path: "a.yaml", Text: one}) != base {
		t.Error("the order of the files matters")
	}
	if digest(rule.File{Path: "b.yaml", Text: one}, rule.File{Path: "a.yaml", Text: two}) == base {
		t.Error("the paths do not matter")
	}
	if digest(rule.File{Path: "a.yaml", Text: one}, rule.File{Path: "b.yaml", Text: two + "# x\n"}) == base {
		t.Error("a comment does not matter")
	}
	if set, err := rule.Load(nil); err != nil || len(set.Rules) != 0 || set.Digest == "" {
		t.Errorf("no files: got %+v, %v", set, err)
	}
}
