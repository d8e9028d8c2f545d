package lint

import (
	"fmt"
	"slices"
	"strings"

	"github.com/makegood/makegood/remediator/match"
	"github.com/makegood/makegood/remediator/rule"
)

// unnoticed is how many conditions may be judged for every event of a type before
// anybody is warned: as many take about as long as reading the event does.
const unnoticed = 8

// unindexed warns of the rules that the matcher cannot look up, once each, with
// what that costs, where the rules for one type together cost enough to notice.
func (l *linter) unindexed(set *rule.Set) {
	all := match.Unindexed(set)
	of := make(map[string]int)
	for _, s := range all {
		of[s.Event] += s.Cost
	}
	all = slices.DeleteFunc(all, func(s match.Scanned) bool { return of[s.Event] <= unnoticed })
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
