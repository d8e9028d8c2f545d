package rule_test

import (
	"strings"
	"testing"

	"github.com/makegood/makegood/remediator/rule"
)

// goodRule is a rule in which nothing is wrong, and whose name is left to write.
const goodRule = `  - rule: NAME
    event: com.example.late
    do: [{andon: {pull: shop, level: yellow, reason: late}}]
`

// Of files in which something is wrong, the rules that it does not concern are there,
// and those that it may concern are lost.
func TestPartOfRules(t *testing.T) {
	t.Parallel()
	good := func(names ...string) string {
		text := ""
		for _, name := range names {
			text += strings.ReplaceAll(goodRule, "NAME", name)
		}
		return text
	}
	for _, c := range []struct {
		what, text, rules, lost string
	}{
		{"nothing", "rules:\n" + good("a", "b"), "a b", ""},
		{"a rule", "rules:\n" + good("a", "b") + "    iff: true\n", "a", "b"},
		{"a rule without a name", "rules:\n" + good("a", "b") + "  - owner: shop\n", "a b", "x"},
		{"a name that is given twice", "rules:\n" + good("a", "b", "a"), "b", "a"},
		{"what all rules share", "defaults: {ownr: shop}\nrules:\n" + good("a", "b"), "", "a b"},
		{"the file", "rules:\n" + good("a") + "  - rule: [\n", "", "a b x"},
		{"all of it", "rule:\n" + good("a"), "", "a b x"},
	} {
		part, problems := rule.CheckPart([]rule.File{{Path: "c.yaml", Text: "rules:\n" + good("c")}, {Path: "r.yaml", Text: c.text}})
		rules, lost := []string{}, []string{}
		for _, r := range part.Rules {
			if r.Name != "c" {
				rules = append(rules, r.Name)
			}
		}
		for _, name := range []string{"a", "b", "c", "x"} {
			if part.Lost(name) {
				lost = append(lost, name)
			}
		}
		if got := strings.Join(rules, " "); got != c.rules || part.Rule("c") == nil {
			t.Errorf("%s is wrong: the rules are %q, want %q beside c of another file", c.what, got, c.rules)
		}
		if got := strings.Join(lost, " "); got != c.lost {
			t.Errorf("%s is wrong: lost are %q, want %q", c.what, got, c.lost)
		}
		if set, _ := rule.Check([]rule.File{{Path: "r.yaml", Text: c.text}}); (set == nil) != problems.Failed() || problems.Failed() != (c.what != "nothing") {
			t.Errorf("%s is wrong: a set %t, problems %v", c.what, set != nil, problems)
		}
	}
}
