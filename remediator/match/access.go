package match

import (
	"math"
	"strings"

	"github.com/makegood/makegood/remediator/event"
	"github.com/makegood/makegood/remediator/match/index"
	"github.com/makegood/makegood/remediator/rule"
	"github.com/makegood/makegood/remediator/rule/expression"
)

// predicatesOf returns the questions to single values of the event that a clause's
// conditions are. Ranges of one value are joined: they are errors together.
func predicatesOf(conditions []*rule.Expr, plan *event.Plan) []predicate {
	all := make([]predicate, 0, len(conditions))
	for _, x := range conditions {
		access := x.Access()
		if access == nil {
			continue
		}
		p := predicateOf(access, plan)
		if p.class == within {
			if known := rangeAt(all, p.place); known != nil {
				known.low, known.high = max(known.low, p.low), min(known.high, p.high)
				known.whenAbsent = known.whenAbsent && p.whenAbsent
				continue
			}
		}
		all = append(all, p)
	}
	return all
}

func rangeAt(all []predicate, at place) *predicate {
	for i := range all {
		if all[i].place == at {
			return &all[i]
		}
	}
	return nil
}

func predicateOf(a *expression.Access, plan *event.Plan) predicate {
	p := predicate{place: place{slot: int32(plan.Slot(a.Path)), optional: !a.WhenAbsent.Failed()}, texts: a.Texts}
	if p.optional {
		p.whenAbsent = a.WhenAbsent == expression.True
		for end := 1; end < len(a.Path); end++ {
			p.parents = append(p.parents, plan.Slot(a.Path[:end]))
		}
	}
	switch a.Kind {
	case expression.AccessEqual:
		p.class = equal
		p.numbers, p.null, p.truths = a.Numbers, a.Null, [2]bool{a.False, a.True}
	case expression.AccessPrefix:
		p.class = prefix
	case expression.AccessSuffix:
		p.class = suffix
	case expression.AccessElement:
		p.class, p.of = element, strings.Join(a.Element, fieldSeparator)
	case expression.AccessPart:
		p.class, p.maxText = part, a.MaxText
	case expression.AccessFold:
		p.class = folded
	case expression.AccessNetwork:
		p.class, p.network = network, a.Network
	case expression.AccessRange:
		p.class = within
		p.low, p.high = closed(a)
	}
	return p
}

// closed returns the bounds of a range such that they belong to it.
func closed(a *expression.Access) (low, high float64) {
	low, high = a.Low, a.High
	if a.LowOpen && !math.IsInf(low, 0) {
		low = index.Above(low)
	}
	if a.HighOpen && !math.IsInf(high, 0) {
		high = index.Below(high)
	}
	return low, high
}
