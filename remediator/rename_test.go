package remediator

import (
	"fmt"
	"strings"
	"testing"

	"github.com/makegood/makegood/remediator/rule"
)

// credits are the rules of one set: each is "name mode key", where the key may have a
// scope behind it, and "lost", "both" or "any" before it, where its event is not late.
func credits(rules ...string) []rule.File {
	text := "rules: []\n"
	if len(rules) > 0 {
		text = "rules:\n"
	}
	for _, r := range rules {
		word := strings.Fields(r)
		event, key := "com.example.order.late", strings.Join(word[2:], " ")
		if other := map[string]string{"lost": "com.example.order.lost", "both": "[com.example.order.late, com.example.order.lost]", "any": "com.example.order.*"}[word[2]]; other != "" {
			event, key = other, strings.Join(word[3:], " ")
		}
		if key, scope, scoped := strings.Cut(key, " in "); scoped {
			text += fmt.Sprintf("  - rule: %s\n    once_per: {key: %s, scope: %s}\n", word[0], key, scope)
		} else {
			text += fmt.Sprintf("  - rule: %s\n    once_per: %s\n", word[0], key)
		}
		text += fmt.Sprintf(`    owner: shop
    event: %s
    do: [{credit: {customer: "${{ event.customer }}", amount: 5.00 USD}}]
    limits: {budget: {amount: 9000.00 USD, within: 1d}}
    account: a
    mode: %s
`, event, strings.Replace(word[1], "canary", "canary 1%", 1))
	}
	return []rule.File{{Path: "r.yaml", Text: text}}
}

// TestRenamesAreRefused puts rules in force one set after the other, the first of which
// pays. The last is refused when it would pay once more.
func TestRenamesAreRefused(t *testing.T) {
	t.Parallel()
	const asOld, asPast = `"new" looks like "old" under another name`, `"new" looks like "old", which was in force before`
	old, renamed := []string{"old live data.order"}, []string{"new live data.order"}
	for name, c := range map[string]struct {
		sets [][]string
		want string // in the refusal of the last; empty: it is put in force
	}{
		"at once":                                {[][]string{old, renamed}, asOld},
		"if it is there":                         {[][]string{old, {"new live data.?order"}}, asOld},
		"else nothing":                           {[][]string{old, {`new live 'data.?order.orValue("")'`}}, asOld},
		"its text":                               {[][]string{old, {"new live string(data.order)"}}, asOld},
		"its parts turned":                       {[][]string{{"old live [data.order, event.customer]"}, {"new live [event.customer, data.order]"}}, asOld},
		"into shadow":                            {[][]string{old, {"new shadow data.order"}}, asOld},
		"with the scope":                         {[][]string{old, {"new live data.order in old"}}, ""},
		"with a scope of its own":                {[][]string{old, {"new live data.order in new"}}, asOld},
		"by another scope":                       {[][]string{old, {"old live data.order in fresh"}}, `"old" had the scope "old"`},
		"written otherwise":                      {[][]string{old, {`new live 'data["order"]'`}}, asOld},
		"side by side in shadow":                 {[][]string{old, {"old live data.order", "new shadow data.order"}, renamed}, asOld},
		"and the other to shadow":                {[][]string{old, {"old live data.order", "new shadow data.order"}, {"old shadow data.order", "new live data.order"}}, asOld},
		"the other goes, and it stays in shadow": {[][]string{old, {"old live data.order", "new shadow data.order"}, {"new shadow data.order"}}, ""},
		"side by side as a canary":               {[][]string{old, {"old live data.order", "new canary data.order"}, renamed}, asOld},
		"both live":                              {[][]string{old, {"old live data.order", "new live data.order"}, renamed}, ""},
		"after nothing":                          {[][]string{old, {}, renamed}, asPast},
		"after nothing, into shadow":             {[][]string{old, {}, {"new shadow data.order"}, renamed}, asPast},
		"after nothing, with the scope":          {[][]string{old, {}, {"new live data.order in old"}}, ""},
		"after nothing, with its own scope":      {[][]string{old, {}, {"new live data.order in new"}}, ""},
		"after nothing, the same":                {[][]string{old, {}, old}, ""},
		"after nothing, by other keys":           {[][]string{old, {}, {"new live data.item"}}, ""},
		"after nothing, beside the old one":      {[][]string{old, {}, {"old live data.order", "new live data.order"}}, ""},
		"names swapped":                          {[][]string{{"old live data.order", "new live data.item"}, {"old live data.item", "new live data.order"}}, asOld},
		"names swapped between events":           {[][]string{{"old live data.order", "new live lost data.order"}, {"old live lost data.order", "new live data.order"}}, asOld},
		"with one event more":                    {[][]string{old, {"new live both data.order"}}, asOld},
		"with all events like it":                {[][]string{old, {"new live any data.order"}}, asOld},
		"split in two":                           {[][]string{{"old live both data.order"}, {"new live data.order", "newer live lost data.order"}}, asOld},
		"with the text of the key":               {[][]string{old, {"new live string(data.order)"}}, asOld},
		"after nothing, with one event more":     {[][]string{old, {}, {"new live both data.order"}}, asPast},
		"after nothing, and its name goes on":    {[][]string{old, {}, {"old live data.item", "new live data.order"}}, asPast},
		"after it had other keys":                {[][]string{old, {"old live data.item"}, {"old live data.item", "new live data.order"}}, asPast},
		"and another one is widened":             {[][]string{{"old live data.order", "x live lost data.order"}, {"x live both data.order"}}, `"x" looks like "old"`},
		"into the scope of another one":          {[][]string{{"old live data.order", "x live lost data.order"}, {"x live lost data.order", "new live both data.order in x"}}, asOld},
		"of other events":                        {[][]string{old, {"new live lost data.order"}}, ""},
		"other keys":                             {[][]string{old, {"old live [data.order, event.type]"}}, ""},
		"one more of the same events":            {[][]string{old, {"old live data.order", "new live data.order"}}, ""},
		"the other of two goes":                  {[][]string{{"old live data.order", "new live data.order"}, renamed}, ""},
		"a shadow that never paid is renamed":    {[][]string{{"old live data.order", "other shadow data.item"}, {"old live data.order", "new live data.item"}}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := startWith(t, Config{DataDir: t.TempDir(), Rules: credits(c.sets[0]...)})
			poll(t, func() bool { return n.readiness() == nil })
			n.send(t, 1)
			poll(t, func() bool { return n.credited(t) > 0 })
			last := len(c.sets) - 1
			for _, rules := range c.sets[1:last] {
				before := n.inForce().Set.Digest
				if _, err := n.Reload(t.Context(), credits(rules...)); err != nil {
					t.Fatalf("%v: %v", rules, err)
				}
				poll(t, func() bool { return n.inForce().Set.Digest != before })
			}
			_, err := n.Reload(t.Context(), credits(c.sets[last]...))
			if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
				t.Errorf("%v: %v, want %q", c.sets[last], err, c.want)
			}
		})
	}
}

// TestMergedRulesAreRefused has one rule take over what another one was about, by a wider
// condition: it would pay again what that one paid.
func TestMergedRulesAreRefused(t *testing.T) {
	t.Parallel()
	when := func(files []rule.File, conditions ...string) []rule.File {
		text := files[0].Text
		for _, condition := range conditions {
			text = strings.Replace(text, "    event: com", "    if: "+condition+"\n    event:  com", 1)
		}
		return []rule.File{{Path: files[0].Path, Text: text}}
	}
	const vip, other = "has(data.vip)", "'!has(data.vip)'"
	n := startWith(t, Config{DataDir: t.TempDir(), Rules: when(credits("vip live data.order", "other live data.order"), vip, other)})
	poll(t, func() bool { return n.readiness() == nil })
	n.send(t, 1)
	poll(t, func() bool { return n.credited(t) > 0 })
	if changed, err := n.Reload(t.Context(), credits("vip live data.order")); err == nil || !strings.Contains(err.Error(), `"vip" looks like "other" under another name`) {
		t.Errorf("widened to what another one paid it was put in force %v: %v", changed, err)
	}
	if changed, err := n.Reload(t.Context(), when(credits("vip live data.order"), vip)); err != nil || !changed {
		t.Errorf("without the other one, as it was, it was put in force %v: %v", changed, err)
	}
}

// TestOtherKeysAreTold has the service log that an edited once_per forgets what was paid.
func TestOtherKeysAreTold(t *testing.T) {
	t.Parallel()
	n := startWith(t, Config{DataDir: t.TempDir(), Rules: credits("old live data.order")})
	poll(t, func() bool { return n.readiness() == nil })
	n.send(t, 1)
	poll(t, func() bool { return n.credited(t) > 0 })
	const told = "once_per of a rule makes other keys than before"
	for _, c := range []struct {
		key  string
		want bool
	}{{`'data["order"]'`, false}, {"[data.order, event.type]", true}} {
		before := n.inForce().Set.Digest
		if _, err := n.Reload(t.Context(), credits("old live "+c.key)); err != nil {
			t.Fatal(err)
		}
		if n.logged.has(told) != c.want {
			t.Errorf("once_per: %s is told: %v, want %v", c.key, !c.want, c.want)
		}
		poll(t, func() bool { return n.inForce().Set.Digest != before })
	}
}
