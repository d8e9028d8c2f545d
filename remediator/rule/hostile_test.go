package rule_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/makegood/makegood/remediator/rule"
)

// TestHostileFiles refuses files that are made to cost: each within seconds and
// by a problem that says why.
func TestHostileFiles(t *testing.T) {
	t.Parallel()
	bomb := "a: &a [x,x,x,x,x,x,x,x,x]\n"
	for c := 'b'; c < 'k'; c++ {
		bomb += fmt.Sprintf("%c: &%c [%s]\n", c, c, strings.TrimSuffix(strings.Repeat("*"+string(c-1)+",", 9), ","))
	}
	many := "rules:\n"
	for i := range 3000 {
		many += fmt.Sprintf("  - rule: {\n%d\n", i)
	}
	for name, c := range map[string]struct{ text, code string }{
		"alias bomb":           {bomb, "alias"},
		"self reference":       {"rules: &a [*a]\n", "alias"},
		"merge key":            {"x: &x {rule: a}\nrules: [{<<: *x}]\n", "alias"},
		"too large":            {"rules:\n" + strings.Repeat("#\n", 1<<20), "size"},
		"long line":            {"rules:\n# " + strings.Repeat("x", 1<<19), "size"},
		"deep brackets":        {"rules: " + strings.Repeat(strings.Repeat("[", 1000)+"\n", 100), "depth"},
		"deep braces":          {"rules: " + strings.Repeat(strings.Repeat("{a: ", 1000)+"\n", 100), "depth"},
		"deep dashes":          {"rules: \n" + strings.Repeat("- ", 8000), ""},
		"deep indentation":     {deep(1000), ""},
		"deep expression":      {withLines("if: " + strings.Repeat("(", 5000) + "1" + strings.Repeat(")", 5000)), "expression"},
		"long expression":      {withLines("if: >-\n" + strings.Repeat("  data.a &&\n", 5000) + "  true"), "expression"},
		"binary":               {"rules:\n  - rule: \x00\x01\x02\n", "yaml"},
		"not UTF-8":            {"rules:\n  - rule: \xff\n", "utf8"},
		"two documents":        {"rules: []\n---\nrules: []\n", "documents"},
		"empty":                {"", "missing"},
		"comment":              {"# nothing\n", "missing"},
		"a list":               {"- rule: a\n", "type"},
		"a text":               {"rules", "type"},
		"rules is a mapping":   {"rules: {rule: a}\n", "type"},
		"a test file":          {"tests: []\n", "type"},
		"nothing but mistakes": {many, ""},
		"long lines":           {"rules: [" + strings.Repeat(strings.Repeat("{rule: a, if: b(c, d)}, ", 600)+"\n", 60) + "]\n", ""},
		"quotes":               {"rules:\n" + strings.Repeat("  a: \"b\n", 20_000), ""},
		"tabs":                 {strings.Repeat("\trules:\n", 50_000), "tab"},
		"templates":            {withLines("do: [{andon: {pull: a/b, level: red, reason: '" + strings.Repeat("${{ ", 50) + "'}}]"), "template"},
		"huge number":          {withLines("if: data.x > 1e999"), "expression"},
		"backslashes":          {withLines("if: '\"" + strings.Repeat(`\`, 10_001) + "'"), "expression"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			begin := time.Now()
			set, found := rule.Check([]rule.File{{Path: "hostile.yaml", Text: c.text}})
			if took := time.Since(begin); took > 20*time.Second {
				t.Errorf("took %v", took)
			}
			if set != nil || !found.Failed() {
				t.Fatalf("was accepted with %d problems", len(found))
			}
			if len(found) > 402 { // of errors and of warnings 200 each, and how many more
				t.Errorf("%d problems are more than anybody reads", len(found))
			}
			for _, p := range found {
				if c.code == "" || p.Code == c.code {
					return
				}
			}
			t.Errorf("no problem is a %s problem: %.600s", c.code, found.Format())
		})
	}
}

func deep(levels int) string {
	var b strings.Builder
	b.WriteString("rules:\n")
	for i := range levels {
		b.WriteString(strings.Repeat(" ", i+1) + "a:\n")
	}
	return b.String()
}

// FuzzLoad holds that no file, whatever is in it, makes the loader fail other
// than by problems at places of the file, and that it judges the same file the
// same way twice.
func FuzzLoad(f *testing.F) {
	f.Add(read(f, "ten-mistakes.yaml"))
	f.Add(counted)
	f.Add(withLines("if: '{\"a\": 1}[data.x] == 1'\nwindow: {by: f(a, b), within: 7d}\nhaving: count() > 1"))
	f.Add(withLines("if: !data.x\nlet: {a: b, b: a ? 1 : 2}\ndo: [{andon: {pull: a/${{ x }}, level: red, reason: ${{ y }}]"))
	f.Fuzz(func(t *testing.T, text string) {
		files := []rule.File{{Path: "fuzz.yaml", Text: text}}
		set, found := rule.Check(files)
		lines := strings.Count(text, "\n") + 1
		for _, p := range found {
			if p.Line < 1 || p.Line > lines || p.Col < 1 || p.Message == "" {
				t.Errorf("a problem is nowhere: %+v", p)
			}
		}
		if (set == nil) != found.Failed() {
			t.Errorf("a set is %v beside the problems %s", set, found.Format())
		}
		again, same := rule.Check(files)
		if same.Format() != found.Format() || set != nil && again.Digest != set.Digest {
			t.Error("the same file was judged in two ways")
		}
		if set == nil {
			return
		}
		formatted, err := rule.Format("fuzz.yaml", text)
		if err != nil {
			t.Fatalf("a file without mistakes is not formatted: %v", err)
		}
		if twice, err := rule.Format("fuzz.yaml", formatted); err != nil || twice != formatted {
			t.Errorf("formatting twice: %v\n%q\n%q", err, formatted, twice)
		}
	})
}
