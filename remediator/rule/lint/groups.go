package lint

import (
	"maps"
	"slices"
)

// groups are rules by what they have in common.
type groups map[string][]*studied

func (g groups) add(key string, r *studied) {
	if n := len(g[key]); n == 0 || g[key][n-1] != r {
		g[key] = append(g[key], r)
	}
}

// maxPairs bounds the pairs of rules of a group that are compared, which take about a
// microsecond each: they are those of 2,000 rules that are all about one type.
const maxPairs = 2_000_000

// compare compares the rules of each group that one event may concern, and says
// when there were too many.
func (l *linter) compare(all groups, warned map[string]bool, with func(key string, a, b *studied)) {
	for _, key := range slices.Sorted(maps.Keys(all)) {
		near, left := neighbours{map[string][]int{}, map[string][]int{}}, l.maxPairs
		for i, r := range all[key] {
			beside := near.add(i, r)
			if left -= len(beside); left < 0 {
				l.uncompared(r, len(all[key])-i, warned)
				break
			}
			for _, j := range beside {
				with(key, all[key][j], r)
			}
		}
	}
}

func (l *linter) uncompared(r *studied, rest int, warned map[string]bool) {
	if warned["uncompared "+r.Name] {
		return
	}
	warned["uncompared "+r.Name] = true
	r.source.Warnf(r.at("rule"), "uncompared", "check fewer files at a time, such as those about one type of event",
		"of the rules that do or pay the same for the same events there are too many: %d of them, from %s on, were not compared with each other", rest, r.Name)
}

// neighbours finds rules by their types, of which one may be the other's or below it.
type neighbours struct {
	named map[string][]int // the rules that name a type or prefix
	below map[string][]int // those that name it, or what it covers
}

// add takes a rule in, and returns those before it that one event may also concern.
func (n *neighbours) add(i int, r *studied) []int {
	var beside []int
	for _, f := range r.Filters {
		beside = append(beside, n.below[f.Event]...)
		for wider := range covering(f.Event) {
			if wider != f.Event { // which are among those below it
				beside = append(beside, n.named[wider]...)
			}
		}
	}
	for _, f := range r.Filters {
		n.named[f.Event] = append(n.named[f.Event], i)
		for wider := range covering(f.Event) {
			n.below[wider] = append(n.below[wider], i)
		}
	}
	slices.Sort(beside)
	return slices.Compact(beside)
}
