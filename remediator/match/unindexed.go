package match

import (
	"cmp"
	"slices"

	"github.com/makegood/makegood/remediator/rule"
)

// Scanned is a rule of which no condition can be looked up: it is evaluated for
// every event of a type.
type Scanned struct {
	Rule   *rule.Rule
	Event  string // the type, or a prefix ending in ".*", that the rule names
	Ends   bool   // it is the type of the rule's unless
	Reason string // why, and what could be looked up
	// Cost is how many conditions the rule adds to what is evaluated for every event
	// of the type, at most: evaluation ends at the first that is false.
	Cost int
}

// Unindexed lists the rules of a set that New has to evaluate for every event of
// a type, in order of their names. A rule without a condition is none of them: it
// is about every event.
func Unindexed(set *rule.Set) []Scanned {
	var all []Scanned
	for _, r := range set.Rules {
		all = append(all, scanned(r, r.Filters, false)...)
		if r.Unless != nil {
			all = append(all, scanned(r, r.Unless.Filters, true)...)
		}
	}
	slices.SortStableFunc(all, func(a, b Scanned) int { return cmp.Compare(a.Rule.Name, b.Rule.Name) })
	return all
}

func scanned(r *rule.Rule, filters []rule.Filter, ends bool) []Scanned {
	var all []Scanned
	for _, f := range filters {
		indexed := slices.ContainsFunc(f.Conditions, func(x *rule.Expr) bool { return x.Access() != nil })
		if f.If == nil || indexed {
			continue
		}
		all = append(all, Scanned{Rule: r, Event: f.Event, Ends: ends, Reason: whyScanned(f.Conditions), Cost: len(f.Conditions)})
	}
	return all
}

func whyScanned(conditions []*rule.Expr) string {
	const instead = "compare a field with constants, like data.status == \"failed\", data.sku.startsWith(\"T-\") or data.delay_min >= 60"
	if len(conditions) == 1 {
		return "its condition cannot be looked up by one field: besides, " + instead
	}
	return "none of its conditions can be looked up by one field: add one that can; " + instead
}
