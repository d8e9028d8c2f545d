package rule_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/makegood/makegood/remediator/rule"
)

func BenchmarkLoad(b *testing.B) {
	for _, n := range []int{1, 1000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			var text strings.Builder
			text.WriteString("rules:\n")
			for i := range n {
				rule := strings.TrimPrefix(withLines("if: data.a > 3 && data.b / 2 > 4.5\nonce_per: data.order\n"), "rules:\n")
				text.WriteString(strings.Replace(rule, "rule: a", fmt.Sprintf("rule: a-%d", i), 1))
			}
			files := []rule.File{{Path: "rules.yaml", Text: text.String()}}
			for b.Loop() {
				if _, err := rule.Load(files); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
