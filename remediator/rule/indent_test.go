package rule_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/makegood/makegood/remediator/rule"
)

// TestWrongIndentation checks that a line that is indented as no other gets one
// message, where it stands and with the spaces that were meant, and that what is
// below it is read all the same.
func TestWrongIndentation(t *testing.T) {
	t.Parallel()
	const head, tail = "rules:\n  - rule: a\n    owner: o\n", "    event: com.example.x\n    do: [{notify: {template: t}}]\n"
	for name, c := range map[string]struct{ text, want string }{
		"a space too few":       {head + "   why: b\n" + tail, "4:4: by 3 spaces; indent it by 4 spaces"},
		"at the dash":           {head + "  why: b\n" + tail, "4:3: by 2 spaces; indent it by 4 spaces"},
		"two too many":          {head + "      why: b\n" + tail, "4:7: by 6 spaces; indent it by 4 spaces"},
		"two lines alike":       {head + "   why: b\n   if: data.x > 1\n" + tail, "4:4: by 3 spaces; indent it by 4 spaces"},
		"below a key":           {head + "    why: b\n    limits:\n      per_remedy: 1.00 USD\n     approve_above: 1.00 USD\n" + tail, "7:6: by 5 spaces; indent it by 6 spaces"},
		"before another defect": {head + "   why: b\n" + tail + "    moed: live\n", `4:4: by 3 spaces; indent it by 4 spaces | 7:5: a rule has no key "moed"; did you mean mode?`},
		"no colon":              {head + "    why b\n" + tail, "4:5: the line is no key: value; write a colon and a space behind the key, and a text of several lines below >-"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, problems := rule.Check([]rule.File{{Path: "a.yaml", Text: c.text}})
			var got []string
			for _, p := range problems {
				message := strings.Replace(p.Message, "the line is indented ", "", 1)
				hint, _, _ := strings.Cut(p.Hint, ", as the keys beside it")
				got = append(got, fmt.Sprintf("%d:%d: %s; %s", p.Line, p.Col, strings.TrimSuffix(message, ", which fits no line above it"), hint))
			}
			if all := strings.Join(got, " | "); all != c.want {
				t.Errorf("got  %s\nwant %s", all, c.want)
			}
		})
	}
}
