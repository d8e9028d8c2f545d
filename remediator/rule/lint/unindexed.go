package lint

import (
	"fmt"
	"slices"
	"strings"

	"github.com/makegood/makegood/remediator/match"
	"github.com/makegood/makegood/remediator/rule"
)

// unindexed warns of the rules that the matcher cannot look up, once each, with
// what that costs.
func (l *linter) unindexed(set *rule.Set) {
	all := match.Unindexed(set)
	for i, first := range all {
		same := func(other match.Scanned) bool { return other.Rule == first.Rule && other.Ends == first.Ends }
		if slices.ContainsFunc(all[:i], same) {
			continue
		}
		var types []string
		cost := 0
		for _, other := range all[i:] {
			if same(other) {
				types, cost = append(types, other.Event), max(cost, other.Cost)
			}
		}
		key := "if"
		if first.Ends {
			key = "unless"
		}
		r := l.rules[slices.IndexFunc(l.rules, func(s *studied) bool { return s.Rule == first.Rule })]
		if r.dead {
			continue // it goes for another reason
		}
		r.source.Warnf(r.at(key), "unindexed", first.Reason, "every event %s is judged by the rule, by %s: no index can tell that it is of no concern",
			strings.Join(types, ", "), conditions(cost))
	}
}

func conditions(n int) string {
	if n == 1 {
		return "one condition"
	}
	return fmt.Sprintf("up to %d conditions", n)
}
