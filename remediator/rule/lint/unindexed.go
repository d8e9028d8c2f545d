package lint

import (
	"fmt"
	"iter"
	"strings"

	"github.com/makegood/makegood/remediator/match"
	"github.com/makegood/makegood/remediator/rule"
)

// unnoticed is how many conditions may be judged for every event of a type before
// anybody is warned: as many take about as long as reading the event does.
const unnoticed = 8

// Unindexed is a rule that the matcher cannot look up, with what that costs.
type Unindexed struct {
	Rule   string   `json:"rule"`
	Part   string   `json:"part"` // if or unless
	Events []string `json:"events"`
	// Conditions is how many are judged for every event of them, at most.
	Conditions int    `json:"conditions"`
	Reason     string `json:"reason"`

	rule *rule.Rule
}

// AllUnindexed lists the rules of a set that are judged for every event of their
// types, in order of their names, however little that costs.
func AllUnindexed(set *rule.Set) []Unindexed {
	return byRule(match.Unindexed(set))
}

// byRule joins what is said of the types of one rule, which stands together.
func byRule(scanned []match.Scanned) []Unindexed {
	all := []Unindexed{}
	for _, s := range scanned {
		part := "if"
		if s.Ends {
			part = "unless"
		}
		if n := len(all); n == 0 || all[n-1].rule != s.Rule || all[n-1].Part != part {
			all = append(all, Unindexed{Rule: s.Rule.Name, Part: part, Reason: s.Reason, rule: s.Rule})
		}
		last := &all[len(all)-1]
		last.Events, last.Conditions = append(last.Events, s.Event), max(last.Conditions, s.Cost)
	}
	return all
}

// Cost says how much is judged for every event.
func (u *Unindexed) Cost() string {
	if u.Conditions == 1 {
		return "one condition"
	}
	return fmt.Sprintf("up to %d conditions", u.Conditions)
}

// unindexed warns of the rules that the matcher cannot look up, once each, where
// the rules for one type together cost enough to notice.
func (l *linter) unindexed(set *rule.Set) {
	all := match.Unindexed(set)
	most := heaviest(all)
	var noticed []match.Scanned
	for _, s := range all {
		if most[s.Event] > unnoticed {
			noticed = append(noticed, s)
		}
	}
	studied := make(map[*rule.Rule]*studied, len(l.rules))
	for _, r := range l.rules {
		studied[r.Rule] = r
	}
	for _, u := range byRule(noticed) {
		r := studied[u.rule]
		if r.dead {
			continue // it goes for another reason
		}
		r.source.Warnf(r.at(u.Part), "unindexed", u.Reason, "every event %s is judged by the rule, by %s: no index can tell that it is of no concern",
			strings.Join(u.Events, ", "), u.Cost())
	}
}

// heaviest says of each type and prefix that rules name how many conditions are
// judged for the event, of those that it covers, for which they are most: those of
// the type, and of every prefix above it.
func heaviest(all []match.Scanned) map[string]int {
	own, most := make(map[string]int), make(map[string]int)
	for _, s := range all {
		own[s.Event] += s.Cost
	}
	for event := range own {
		sum := 0
		for wider := range covering(event) {
			sum += own[wider]
		}
		for wider := range covering(event) {
			most[wider] = max(most[wider], sum)
		}
	}
	return most
}

// covering yields a type, or prefix, and each prefix that covers it.
func covering(event string) iter.Seq[string] {
	return func(yield func(string) bool) {
		if !yield(event) {
			return
		}
		above := strings.TrimSuffix(event, ".*")
		for i := range len(above) {
			if above[i] == '.' && !yield(above[:i]+".*") {
				return
			}
		}
	}
}
