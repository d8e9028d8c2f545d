package lint_test

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/makegood/makegood/remediator/rule"
	"github.com/makegood/makegood/remediator/rule/lint"
)

var update = flag.Bool("update", false, "write the golden file anew")

func check(t testing.TB, text string) rule.Problems {
	t.Helper()
	set, err := rule.Load([]rule.File{{Path: "rules.yaml", Text: text}})
	if err != nil {
		t.Fatal(err)
	}
	problems, err := lint.Check(set)
	if err != nil {
		t.Fatal(err)
	}
	return problems
}

func read(t testing.TB, name string) string {
	t.Helper()
	text, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestDoubtfulRulesAreNamed(t *testing.T) {
	t.Parallel()
	problems := check(t, read(t, "doubtful.yaml"))
	got := problems.Format() + "\n"
	if *update {
		if err := os.WriteFile("testdata/doubtful.golden", []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if want := read(t, "doubtful.golden"); got != want {
		t.Errorf("got\n%s", got)
	}
	if problems.Failed() {
		t.Error("a warning is an error")
	}
}

func TestRulesThatAreFineAreLeftAlone(t *testing.T) {
	t.Parallel()
	if problems := check(t, read(t, "fine.yaml")); len(problems) > 0 {
		t.Errorf("got\n%s", problems.Format())
	}
}

// BenchmarkCheck checks rules of forty types with two conditions each, every one
// of which pays for a payment of its own event.
func BenchmarkCheck(b *testing.B) {
	for _, n := range []int{100, 1000, 10000} {
		b.Run(fmt.Sprintf("rules=%d", n), func(b *testing.B) {
			var text strings.Builder
			text.WriteString("rules:\n")
			for i := range n {
				fmt.Fprintf(&text, "  - rule: r-%d\n    owner: o\n    why: w\n    event: com.example.t%d\n    if: data.sku == \"S-%d\" && data.late_min > %d\n    once_per: data.order\n"+
					"    do: [{refund: {payment: \"${{ data.payment }}\", amount: 1.00 USD}}]\n    limits: {budget: {amount: 10.00 USD, within: 1d}}\n", i, i%40, i, i)
			}
			var files []rule.File
			for i, part := range strings.SplitAfter(text.String(), "within: 1d}}\n") {
				if strings.TrimSpace(part) != "" {
					files = append(files, rule.File{Path: fmt.Sprintf("r%d.yaml", i/1000), Text: part})
				}
			}
			set, err := rule.Load(joined(files))
			if err != nil {
				b.Fatal(err)
			}
			for b.Loop() {
				if _, err := lint.Check(set); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/rule")
		})
	}
}

// joined puts the parts of one file together.
func joined(parts []rule.File) []rule.File {
	var files []rule.File
	for _, part := range parts {
		if n := len(files); n == 0 || files[n-1].Path != part.Path {
			part.Text = "rules:\n" + strings.TrimPrefix(part.Text, "rules:\n")
			files = append(files, part)
			continue
		}
		files[len(files)-1].Text += part.Text
	}
	return files
}
