package match

import (
	"math"
	"slices"

	"github.com/makegood/makegood/remediator/event"
	"github.com/makegood/makegood/remediator/match/index"
	"github.com/makegood/makegood/remediator/rule"
)

// planter makes the trees of one type of event.
type planter struct {
	clauses []rule.Clause
	plan    *event.Plan
	checks  []check // by clause, once the tree is planted
}

// plant makes the tree of rules, given the predicates of each that are left to
// choose from. It takes out those that it chooses.
func (p *planter) plant(rules []uint32, predicates [][]predicate) *tree {
	t := &tree{}
	seen := newCensus(rules, predicates)
	var places []place // in the order in which rules come to them
	members := map[place][]uint32{}
	chosen := make(map[uint32]predicate, len(rules))
	root := p.checks == nil
	if root {
		p.checks = make([]check, len(predicates))
	}
	var without []uint32
	for _, c := range rules {
		best := seen.best(predicates[c])
		if best < 0 {
			without = append(without, c)
			continue
		}
		taken := predicates[c][best]
		chosen[c] = taken
		if members[taken.place] == nil {
			places = append(places, taken.place)
		}
		members[taken.place] = append(members[taken.place], c)
		predicates[c] = slices.DeleteFunc(predicates[c], func(other predicate) bool { return other.place == taken.place })
		if root {
			p.checks[c] = newCheck(predicates[c], seen)
		}
	}
	t.shared, t.rest = p.share(without)
	for _, at := range places {
		t.groups = append(t.groups, newGroup(at, members[at], chosen, p.plant(members[at], predicates)))
	}
	return t
}

// maxText returns the least of the lengths up to which parts are looked up.
func maxText(rules []uint32, chosen map[uint32]predicate) int {
	least := math.MaxInt
	for _, c := range rules {
		least = min(least, chosen[c].maxText)
	}
	return least
}

func newGroup(at place, rules []uint32, chosen map[uint32]predicate, otherwise *tree) group {
	g := group{place: at, otherwise: otherwise}
	var entries []index.Entry
	var numbers []index.Number
	var ranges []index.Range
	var networks []index.Network
	for _, c := range rules {
		p := chosen[c]
		for _, text := range p.texts {
			entries = append(entries, index.Entry{Key: text, Rule: c})
		}
		for _, number := range p.numbers {
			numbers = append(numbers, index.Number{Value: number, Rule: c})
		}
		if at.class == network {
			networks = append(networks, index.Network{Prefix: p.network, Rule: c})
		}
		if g.parents = p.parents; p.whenAbsent {
			g.whenAbsent = append(g.whenAbsent, c)
		}
		for i, asked := range p.truths {
			if asked {
				g.truths[i] = append(g.truths[i], c)
			}
		}
		if p.null {
			g.nulls = append(g.nulls, c)
		}
		if at.class == within {
			ranges = append(ranges, index.Range{Low: p.low, High: p.high, Rule: c})
		}
	}
	switch at.class {
	case equal:
		g.texts, g.numbers = index.NewTexts(entries), index.NewNumbers(numbers)
	case element:
		g.texts, g.fields = index.NewTexts(entries), elementFields(at.of)
	case folded:
		g.texts = index.NewTexts(entries)
	case prefix:
		g.affixes = index.NewPrefixes(entries)
	case suffix:
		g.affixes = index.NewSuffixes(entries)
	case part:
		g.parts, g.maxText = index.NewParts(entries), maxText(rules, chosen)
	case network:
		g.networks = index.NewNetworks(networks)
	case within:
		g.ranges = index.NewRanges(ranges)
	}
	return g
}
