package index

import (
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

// Ranges finds rules by the range that a number lies in. The limits of all
// ranges cut the numbers into pieces, the leaves of a tree of pairs: 1 is its
// root, 2i and 2i+1 are below i. A rule lies at the fewest nodes whose leaves are its
// range, a few times at most the logarithm of the number of ranges. A number's
// rules lie at its leaf and above it.
//
// Pieces are found by cells of equal width, so that of limits that are spread over
// the numbers, as limits mostly are, few have to be compared with a number.
type Ranges struct {
	least, scale float64  // where cells begin, and how many there are for each 1
	cells        []uint32 // the number of limits below each cell, and below all that follow
	limits       []uint64 // where pieces begin, apart from the first, ascending; in order
	tree         []node
	rules        []uint32
}

// node is one node of the tree.
type node struct {
	up       uint32 // the nearest one from it upwards that has rules; 0: none
	from, to uint32 // where its rules are
}

// NewRanges returns the table of rules by the ranges they ask for. A range that
// holds no number is left out.
func NewRanges(ranges []Range) *Ranges {
	r := &Ranges{limits: make([]uint64, 0, 2*len(ranges))}
	for _, x := range ranges {
		if x.Low > math.Inf(-1) {
			r.limits = append(r.limits, order(x.Low))
		}
		if x.High < math.Inf(1) {
			r.limits = append(r.limits, order(x.High)+1)
		}
	}
	slices.Sort(r.limits)
	r.limits = slices.Clip(slices.Compact(r.limits))
	r.divide()
	r.tree = make([]node, 2*r.leaves())
	r.nodes(ranges, func(at int, _ uint32) { r.tree[at].to++ })
	all := uint32(0)
	for i := range r.tree {
		n := &r.tree[i]
		if i > 0 {
			n.up = r.tree[i/2].up
		}
		if n.to > 0 {
			n.up = uint32(i)
		}
		all += n.to
		n.from, n.to = all-n.to, all-n.to // to goes on as rules are put there
	}
	r.rules = make([]uint32, all)
	r.nodes(ranges, func(at int, rule uint32) {
		n := &r.tree[at]
		r.rules[n.to] = rule
		n.to++
	})
	return r
}

// divide makes the cells, two for each limit, from the least finite limit to the
// greatest.
func (r *Ranges) divide() {
	r.cells = make([]uint32, 2*len(r.limits)+2)
	least, width := r.span()
	if r.least = least; width > 0 {
		r.scale = float64(len(r.cells)-1) / width
	}
	for _, limit := range r.limits {
		r.cells[r.cell(number(limit))+1]++
	}
	for i := range r.cells[1:] {
		r.cells[i+1] += r.cells[i]
	}
}

// span returns the least finite limit and how far from it the greatest lies.
func (r *Ranges) span() (least, width float64) {
	first, _ := slices.BinarySearch(r.limits, order(-math.MaxFloat64))
	last, _ := slices.BinarySearch(r.limits, order(math.Inf(1)))
	if last--; first <= last {
		least = number(r.limits[first])
		width = number(r.limits[last]) - least
	}
	return least, width
}

// cell returns the cell of a number. Of two numbers the larger one has no smaller cell.
func (r *Ranges) cell(number float64) int {
	switch at := (number - r.least) * r.scale; {
	case at >= float64(len(r.cells)-2):
		return len(r.cells) - 2
	case at > 0:
		return int(at)
	}
	return 0
}

// leaves returns how many leaves the tree has.
func (r *Ranges) leaves() int { return len(r.limits) + 1 }

// nodes visits the nodes at which the rules lie.
func (r *Ranges) nodes(ranges []Range, visit func(at int, rule uint32)) {
	for _, x := range ranges {
		low, high := r.piece(x.Low)+r.leaves(), r.piece(x.High)+r.leaves()+1
		for ; low < high; low, high = low/2, high/2 {
			if low%2 == 1 {
				visit(low, x.Rule)
				low++
			}
			if high%2 == 1 {
				high--
				visit(high, x.Rule)
			}
		}
	}
}

// order gives whole numbers that are in the order of the numbers. Zero has no sign.
func order(number float64) uint64 {
	b := math.Float64bits(number + 0) // -0 + 0 is 0
	if b&sign != 0 {
		return ^b
	}
	return b | sign
}

// number is the inverse of order.
func number(order uint64) float64 {
	if order&sign == 0 {
		return math.Float64frombits(^order)
	}
	return math.Float64frombits(order &^ sign)
}

const sign = 1 << 63

// piece returns in which piece a number lies.
func (r *Ranges) piece(number float64) int {
	cell, at := r.cell(number), order(number)
	low := int(r.cells[cell])
	for n := int(r.cells[cell+1]) - low; n > 0; {
		half := (n + 1) / 2
		if r.limits[low+half-1] <= at {
			low += half
		}
		n -= half
	}
	return low
}

// Append appends the rules whose range holds a number.
func (r *Ranges) Append(dst []uint32, number float64) []uint32 {
	for at := r.tree[r.leaves()+r.piece(number)].up; at != 0; at = r.tree[at/2].up {
		n := r.tree[at]
		dst = append(dst, r.rules[n.from:n.to]...)
	}
	return dst
}
