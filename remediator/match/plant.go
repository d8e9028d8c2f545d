package match

import (
	"cmp"
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
	checks  []checks // by clause, once the tree is planted
}

// placed is a rule of a group, with the predicate by which it is found there.
type placed struct {
	rule uint32
	predicate
}

func rulesOf(members []placed) []uint32 {
	rules := make([]uint32, len(members))
	for i := range members {
		rules[i] = members[i].rule
	}
	return rules
}

// plant makes the tree of rules, given the predicates of each that are left to
// choose from. It takes out those that it chooses.
func (p *planter) plant(rules []uint32, predicates [][]predicate) *tree {
	t := &tree{}
	seen := newCensus(rules, predicates)
	var places []place
	members := map[place][]placed{}
	var without []uint32
	root := p.checks == nil
	if root {
		p.checks = make([]checks, len(predicates))
	}
	for _, c := range rules {
		best := seen.best(predicates[c])
		if best < 0 {
			without = append(without, c)
			continue
		}
		taken := predicates[c][best]
		if members[taken.place] == nil {
			places = append(places, taken.place)
		}
		members[taken.place] = append(members[taken.place], placed{c, taken})
		predicates[c] = slices.DeleteFunc(predicates[c], func(other predicate) bool { return other.place == taken.place })
		if root {
			p.checks[c] = newChecks(predicates[c], seen)
		}
	}
	t.shared, t.rest = p.share(without)
	// Events of two types often meet groups of the same kind: in one order, what a
	// processor foresees for the one is right for the other as well.
	slices.SortFunc(places, func(a, b place) int { return cmp.Or(cmp.Compare(a.class, b.class), cmp.Compare(a.slot, b.slot)) })
	for _, at := range places {
		g := newGroup(at, members[at], alsoAsked(members[at], predicates, seen))
		g.otherwise = p.plant(rulesOf(members[at]), predicates)
		t.groups = append(t.groups, g)
	}
	return t
}

// maxText returns the least of the lengths up to which parts are looked up.
func maxText(members []placed) int {
	least := math.MaxInt
	for i := range members {
		least = min(least, members[i].maxText)
	}
	return least
}

// constants are what the members of a group put into its tables.
type constants struct {
	entries  []index.Entry
	numbers  []index.Number
	ranges   []index.Range
	networks []index.Network
	ands     [][]uint64 // of entries or ranges; nil unless a second value is asked
}

func newGroup(at place, members []placed, also second) group {
	g := group{slot: at.slot, class: at.class, optional: at.optional, also: also.slot, seldom: &seldom{}}
	var all constants
	for i := range members {
		p, c := &members[i].predicate, members[i].rule
		all.add(p, c)
		if also.slot >= 0 {
			for len(all.ands) < len(all.entries)+len(all.ranges) {
				all.ands = append(all.ands, also.texts[i])
			}
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
	}
	g.index(at, members, &all)
	return g
}

// add adds the constants of a predicate by which a rule is found.
func (all *constants) add(p *predicate, rule uint32) {
	for _, text := range p.texts {
		all.entries = append(all.entries, index.Entry{Key: text, Rule: rule})
	}
	for _, number := range p.numbers {
		all.numbers = append(all.numbers, index.Number{Value: number, Rule: rule})
	}
	switch p.class {
	case network:
		all.networks = append(all.networks, index.Network{Prefix: p.network, Rule: rule})
	case within:
		all.ranges = append(all.ranges, index.Range{Low: p.low, High: p.high, Rule: rule})
	}
}

// index makes the tables of a group.
func (g *group) index(at place, members []placed, all *constants) {
	switch at.class {
	case equal:
		g.texts, g.numbers = index.NewTexts(all.entries), index.NewNumbers(all.numbers)
		g.sieve = g.texts.Sieve(all.entries, all.ands)
	case element:
		g.texts, g.fields = index.NewTexts(all.entries), elementFields(at.of)
	case folded:
		g.texts = index.NewTexts(all.entries)
	case prefix:
		g.affixes = index.NewPrefixes(all.entries)
		g.sieve = g.affixes.Sieve(all.entries, all.ands)
	case suffix:
		g.affixes = index.NewSuffixes(all.entries)
		g.sieve = g.affixes.Sieve(all.entries, all.ands)
	case part:
		g.parts, g.maxText = index.NewParts(all.entries), maxText(members)
	case network:
		g.networks = index.NewNetworks(all.networks)
	case within:
		g.ranges = index.NewRanges(all.ranges)
		g.sieve = g.ranges.Sieve(all.ranges, all.ands)
	}
}
