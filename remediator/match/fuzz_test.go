package match_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/makegood/makegood/remediator/match"
)

// FuzzMatch holds the matcher to the plain one for any condition and any event.
// The condition stands in three rules, so that an index has something to choose.
// The corpus below testdata has what the two once disagreed about, and a seed for
// each kind of question that has an index.
func FuzzMatch(f *testing.F) {
	f.Fuzz(func(t *testing.T, condition, event string) {
		if len(condition) > 500 || len(event) > 5000 || strings.ContainsAny(condition, "\r\n") {
			t.Skip("too long, or no expression of one line")
		}
		quoted := func(condition string) string {
			text, err := json.Marshal(condition) // as good as YAML
			if err != nil {
				t.Fatal(err)
			}
			return string(text)
		}
		var rules strings.Builder
		rules.WriteString("rules:\n")
		for i, whole := range []string{condition, "(" + condition + `) && data.a == "a"`, `data.n > 1 && (` + condition + ")"} {
			fmt.Fprintf(&rules, "  - {rule: r-%d, owner: o, why: w, event: com.example.*, if: %s, once_per: data.a, do: [{andon: {pull: a/b, level: red, reason: r}}]}\n", i, quoted(whole))
		}
		set := rulesOf(rules.String())
		if set == nil {
			t.Skip("no rules")
		}
		fast, plain := match.New(set), match.Baseline(set)
		for range 2 { // the second time over the scratch of the first
			got, err := fast.Match([]byte(event), 1)
			want, wantErr := plain.Match([]byte(event), 1)
			if told(got, err) != told(want, wantErr) {
				t.Fatalf("event %s\n%s\ngot  %s\nwant %s", event, rules.String(), told(got, err), told(want, wantErr))
			}
		}
	})
}
