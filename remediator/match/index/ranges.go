package index

import (
	"cmp"
	"math"
	"slices"
)

// Range says for which numbers a rule is found: Low ≤ number ≤ High. A side that
// is not limited is infinite.
type Range struct {
	Low, High float64 // never NaN
	Rule      uint32
}

// Above is the Low of the numbers that are greater than one, Below the High of
// those that are less: between a number and the next there is none.
func Above(number float64) float64 { return math.Nextafter(number, math.Inf(1)) }

// Below is the High of the numbers that are less than one.
func Below(number float64) float64 { return math.Nextafter(number, math.Inf(-1)) }

// Ranges finds rules by the range that a number lies in. Ranges with one limit
// are sorted by it. Those with two form a tree: each node has the ranges that
// hold its number, sorted by both limits, those wholly below it lie in its left
// and those wholly above in its right tree.
type Ranges struct {
	from, to    limits // with a Low alone, ascending; with a High alone, descending
	nodes       []node // the root first
	lows, highs limits // of the nodes, in order of the nodes: ascending and descending
}

// limits are sorted limits with their rules.
type limits struct {
	at    []float64
	rules []uint32
}

func (l *limits) add(at float64, rule uint32) {
	l.at, l.rules = append(l.at, at), append(l.rules, rule)
}

type node struct {
	number      float64
	start, end  uint32 // of its part of lows and highs
	left, right uint32 // 0: none
}

// NewRanges returns the table of rules by the ranges they ask for. A range that
// holds no number is left out.
func NewRanges(ranges []Range) *Ranges {
	r := &Ranges{}
	var from, to, both []Range
	for _, x := range ranges {
		switch {
		case x.Low > x.High:
		case math.IsInf(x.High, 1):
			from = append(from, x)
		case math.IsInf(x.Low, -1):
			to = append(to, x)
		default:
			both = append(both, x)
		}
	}
	slices.SortFunc(from, upward)
	slices.SortFunc(to, downward)
	for _, x := range from {
		r.from.add(x.Low, x.Rule)
	}
	for _, x := range to {
		r.to.add(x.High, x.Rule)
	}
	r.grow(both)
	return r
}

func upward(a, b Range) int {
	return cmp.Or(cmp.Compare(a.Low, b.Low), cmp.Compare(a.Rule, b.Rule))
}

func downward(a, b Range) int {
	return cmp.Or(cmp.Compare(b.High, a.High), cmp.Compare(a.Rule, b.Rule))
}

// grow makes the tree of ranges and returns the number of its root.
func (r *Ranges) grow(ranges []Range) uint32 {
	if len(ranges) == 0 {
		return 0
	}
	ends := make([]float64, 0, 2*len(ranges))
	for _, x := range ranges {
		ends = append(ends, x.Low, x.High)
	}
	slices.Sort(ends)
	middle := ends[len(ends)/2] // so at most half of the ranges lie on either side
	var below, around, above []Range
	for _, x := range ranges {
		switch {
		case x.High < middle:
			below = append(below, x)
		case x.Low > middle:
			above = append(above, x)
		default:
			around = append(around, x)
		}
	}
	at, start := len(r.nodes), uint32(len(r.lows.at))
	slices.SortFunc(around, upward)
	for _, x := range around {
		r.lows.add(x.Low, x.Rule)
	}
	slices.SortFunc(around, downward)
	for _, x := range around {
		r.highs.add(x.High, x.Rule)
	}
	r.nodes = append(r.nodes, node{number: middle, start: start, end: uint32(len(r.lows.at))})
	left, right := r.grow(below), r.grow(above)
	r.nodes[at].left, r.nodes[at].right = left, right
	return uint32(at)
}

// Append appends the rules whose range holds a number.
func (r *Ranges) Append(dst []uint32, number float64) []uint32 {
	dst = append(dst, r.from.rules[:upTo(r.from.at, number)]...)
	dst = append(dst, r.to.rules[:downTo(r.to.at, number)]...)
	if len(r.nodes) == 0 {
		return dst
	}
	for at := uint32(0); ; {
		n := &r.nodes[at]
		lows, highs := r.lows.at[n.start:n.end], r.highs.at[n.start:n.end]
		switch {
		case number < n.number:
			dst = append(dst, r.lows.rules[n.start:][:upTo(lows, number)]...)
			at = n.left
		case number > n.number:
			dst = append(dst, r.highs.rules[n.start:][:downTo(highs, number)]...)
			at = n.right
		default:
			return append(dst, r.lows.rules[n.start:n.end]...)
		}
		if at == 0 {
			return dst
		}
	}
}

// upTo returns how many of ascending limits are at most a number.
func upTo(at []float64, number float64) int {
	low, high := 0, len(at)
	for low < high {
		if middle := int(uint(low+high) >> 1); at[middle] <= number {
			low = middle + 1
		} else {
			high = middle
		}
	}
	return low
}

// downTo returns how many of descending limits are at least a number.
func downTo(at []float64, number float64) int {
	low, high := 0, len(at)
	for low < high {
		if middle := int(uint(low+high) >> 1); at[middle] >= number {
			low = middle + 1
		} else {
			high = middle
		}
	}
	return low
}
