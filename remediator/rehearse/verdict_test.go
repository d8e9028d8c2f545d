package rehearse_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/rehearse"
	"github.com/makegood/makegood/remediator/rule"
)

// An expression that costs too much by itself has a value where something else decides it, and
// two that cost little enough may cost too much together. What is shown is what was decided.
func TestExplainSaysWhatTheMatcherFound(t *testing.T) {
	t.Parallel()
	const pairs = "data.l.all(a, data.l.all(b, a + b > 0))"
	text := "rules:\n"
	for name, when := range map[string]string{
		"spared":   "    if: " + pairs + " || data.vip\n",
		"together": "    if: data.vip && " + pairs + " && " + pairs + "\n",
		"having":   "    window: {within: 1h}\n    having: " + pairs + " || data.vip || count() > 5\n",
		"neither":  "    window: {within: 1h}\n    having: data.vip && " + pairs + " && " + pairs + " && count() > 0\n",
	} {
		text += fmt.Sprintf("  - rule: %s\n    owner: shop\n    why: because\n    event: com.example.thing\n%s    do: [{andon: {pull: shop/x, level: yellow, reason: bad}}]\n", name, when)
	}
	set, err := rule.Load([]rule.File{{Path: "shop.yaml", Text: text}})
	if err != nil {
		t.Fatal(err)
	}
	// Of 300 pairs of pairs one condition is within what may be spent, of 2000 none is.
	for _, c := range []struct {
		of              int
		rule, why, each string
	}{
		{2000, "spared", "", rehearse.True},
		{2000, "having", "", rehearse.True},
		{2000, "together", pairs + " has no value: operation cancelled", ""},
		{300, "together", "if has no value: operation cancelled", rehearse.True},
		{300, "neither", "having has no value: operation cancelled", rehearse.True},
	} {
		data := `"vip":true,"l":[1` + strings.Repeat(",1", c.of-1) + `]`
		raw := shopEvent(`"type":"com.example.thing"`, data)
		e, err := rehearse.Explain(set, raw, 0, decide.Lateness)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range e.Rules {
			if r.Rule != c.rule {
				continue
			}
			if acts := r.Decision == decide.Act; acts != (c.why == "") || !strings.HasPrefix(r.Why, c.why) {
				t.Errorf("%s of %d: decided is %q, because of %.200q, want %q", c.rule, c.of, r.Decision, r.Why, c.why)
			}
			for _, condition := range r.Conditions {
				if c.each != "" && condition.Result != c.each {
					t.Errorf("%s of %d: %s is shown as %s (%s)", c.rule, c.of, condition.Condition, condition.Result, condition.Error)
				}
			}
		}
		conditions, err := rehearse.Conditions(set, "spared", raw, 0)
		if err != nil || len(conditions) != 1 || conditions[0].Result != rehearse.True {
			t.Errorf("of the remedy is shown %.300v (%v)", conditions, err)
		}
	}
}
