package rehearse_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/makegood/makegood/remediator/rehearse"
	"github.com/makegood/makegood/remediator/rule"
)

// TestATestCostsAsMuchAmongManyRules holds that what is made for all rules is made once,
// not for each test: it took longer than the tests, by far. It runs alone, since it counts
// what is allocated.
func TestATestCostsAsMuchAmongManyRules(t *testing.T) {
	cost := func(rules int) float64 {
		var files []rule.File
		for i := range rules {
			files = append(files, rule.File{Path: fmt.Sprintf("r%03d.yaml", i), Text: fmt.Sprintf(
				"rules:\n  - rule: r%03d\n    owner: o\n    why: %s\n    event: x.t%d\n    if: data.n > 1\n    do: [{andon: {pull: a/b, level: yellow, reason: r}}]\n", i, strings.Repeat("w", 200), i)})
		}
		set, err := rule.Load(files)
		if err != nil {
			t.Fatal(err)
		}
		allocations := func(tests int) float64 {
			text := "tests:\n"
			for i := range tests {
				text += fmt.Sprintf("  - name: t%d\n    send: [{event: {type: x.t0, data: {n: 2}}}]\n    expect: [{rule: r000}]\n", i)
			}
			beside := []rule.File{{Path: "a_test.yaml", Text: text}}
			return testing.AllocsPerRun(5, func() {
				if tests, err := rehearse.Test(t.Context(), set, beside, nil); err != nil || !tests.Passed() {
					t.Fatal(err, tests.Problems.Format())
				}
			})
		}
		return (allocations(21) - allocations(1)) / 20
	}
	few, many := cost(2), cost(200)
	if many > 2*few {
		t.Errorf("a test allocates %.0f times among 2 rules, %.0f among 200", few, many)
	}
}
