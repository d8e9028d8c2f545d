package match

import (
	"math"
	"slices"
	"sort"
	"strings"
)

// census counts what rules ask of each place. What events will have there is
// taken to be spread as the constants are: a constant that many rules ask for
// tells them apart no better than it would tell events.
type census map[place]*counts

type counts struct {
	keys   map[string]int // constants, by how many ask for them
	sorted []string       // those of affixes, as often as they are asked for
	limits []float64      // of ranges, sorted
	all    int            // how often constants are asked for
	single float64        // what a constant counts that one rule alone asks for
}

func newCensus(rules []uint32, predicates [][]predicate) census {
	c := census{}
	for _, rule := range rules {
		for i := range predicates[rule] {
			p := &predicates[rule][i]
			at := c[p.place]
			if at == nil {
				at = &counts{keys: map[string]int{}}
				c[p.place] = at
			}
			at.add(p)
		}
	}
	for _, at := range c {
		slices.Sort(at.limits)
		slices.Sort(at.sorted)
		at.weigh()
	}
	return c
}

// leastSingle is what a constant counts that one rule alone asks for, where all are
// such constants. They name single things more often than not, of which there
// are more than rules.
const leastSingle = 0.125

// weigh finds out what single constants count: the more, the more of the others
// several rules ask for. Where most constants repeat, there are few values, and one
// that does not is as common as they are.
func (c *counts) weigh() {
	repeated := 0
	for _, n := range c.keys {
		if n > 1 {
			repeated += n
		}
	}
	for i, key := range c.sorted {
		if i > 0 && c.sorted[i-1] == key || i+1 < len(c.sorted) && c.sorted[i+1] == key {
			repeated++
		}
	}
	c.single = max(leastSingle, float64(repeated)/float64(c.all+1))
}

func (c *counts) add(p *predicate) {
	if p.class == within {
		for _, limit := range [...]float64{p.low, p.high} {
			if !math.IsInf(limit, 0) {
				c.limits = append(c.limits, limit)
			}
		}
		return
	}
	for key := range p.keys() {
		c.all++
		if p.class == prefix || p.class == suffix {
			c.sorted = append(c.sorted, key)
		} else {
			c.keys[key]++
		}
	}
}

// best returns which of a rule's predicates the fewest events are likely to
// fulfil, -1 when there is none.
func (c census) best(predicates []predicate) int {
	best, least := -1, math.Inf(1)
	for i := range predicates {
		if share := c[predicates[i].place].share(&predicates[i]); share < least {
			best, least = i, share
		}
	}
	return best
}

// share estimates for which part of all events the predicate holds. Other things
// being equal, it prefers an equal value to a part of a text, and that to a range.
func (c *counts) share(p *predicate) float64 {
	if p.class == within {
		from := sort.SearchFloat64s(c.limits, p.low)
		to := sort.Search(len(c.limits), func(i int) bool { return c.limits[i] > p.high })
		return float64(max(to-from-p.ends(), 0)+1) / float64(len(c.limits)+2)
	}
	asked := 0.0
	for key := range p.keys() {
		if n := c.asking(p.class, key); n > 1 || p.class == network { // which has many addresses
			asked += float64(n)
		} else {
			asked += c.single
		}
	}
	if p.class == prefix || p.class == suffix || p.class == part {
		return (asked + leastSingle) / float64(c.all+2)
	}
	return asked / float64(c.all+1)
}

// ends returns how many limits the range of a predicate has itself.
func (p *predicate) ends() int {
	n := 0
	for _, limit := range [...]float64{p.low, p.high} {
		if !math.IsInf(limit, 0) {
			n++
		}
	}
	return n
}

// asking returns how often a constant is asked for, by longer affixes included.
func (c *counts) asking(class class, key string) int {
	if class != prefix && class != suffix {
		return c.keys[key]
	}
	rest := c.sorted[sort.SearchStrings(c.sorted, key):]
	return sort.Search(len(rest), func(i int) bool { return !strings.HasPrefix(rest[i], key) })
}
