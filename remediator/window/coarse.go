package window

import (
	"cmp"
	"slices"
)

// coarse is a window in granules, taken out of its record to be worked on.
type coarse struct {
	layout   *layout
	width    int64
	offset   int        // bytes of a time within a granule
	granules []granule  // by number
	sums     []Sum      // of each granule in turn, one a column
	distinct []distinct // one a column; empty for the others
	edges    []Sum      // what the last sum found at the edges, one a column
	lost     uint64     // granules and values dropped over a bound
	through  int64      // time up to which there were entries of them

	// The granule that number was asked for last: most entries come in the same one.
	lastNumber, lastStart int64
}

// granule sums up the entries whose time falls in [number·width, (number+1)·width).
type granule struct {
	number int64
	newest int64 // time of its newest entry
}

// distinct is the values that a column has seen: up to 64 of them one by one,
// more in a sketch.
type distinct struct {
	lasts    []last // by hash
	sketch   sketch
	sketched bool
}

// last says when a value was last seen.
type last struct {
	hash uint64
	at   int64
}

func (w *coarse) clear() {
	w.granules, w.sums = w.granules[:0], w.sums[:0]
	if w.distinct == nil {
		w.distinct = make([]distinct, len(w.layout.columns))
	}
	for i := range w.distinct {
		d := &w.distinct[i]
		d.lasts, d.sketch, d.sketched = d.lasts[:0], d.sketch[:0], false
	}
}

func (w *coarse) number(at int64) int64 {
	if at >= w.lastStart && uint64(at-w.lastStart) < uint64(w.width) {
		return w.lastNumber
	}
	n := at / w.width
	if at%w.width < 0 {
		n--
	}
	w.lastNumber, w.lastStart = n, n*w.width
	return n
}

// base is the granule that sketches count from.
func (w *coarse) base() int64 {
	if len(w.granules) == 0 {
		return 0
	}
	return max(w.granules[0].number, w.granules[len(w.granules)-1].number-maxSpan)
}

// sumsOf returns the sums of a granule.
func (w *coarse) sumsOf(i int) []Sum {
	n := len(w.layout.columns)
	return w.sums[i*n : i*n+n]
}

// add puts an entry into its granule.
func (w *coarse) add(e Entry) {
	number, base := w.number(e.At), w.base()
	at, found := slices.BinarySearchFunc(w.granules, number, func(g granule, n int64) int { return cmp.Compare(g.number, n) })
	if !found {
		empty := len(w.granules) == 0
		w.granules = slices.Insert(w.granules, at, granule{number: number, newest: e.At})
		w.sums = slices.Insert(w.sums, at*len(w.layout.columns), make([]Sum, len(w.layout.columns))...)
		if !empty {
			w.rebase(base)
		}
	}
	w.granules[at].newest = max(w.granules[at].newest, e.At)
	for i, v := range e.Values {
		w.sumsOf(at)[i].add(v)
		if v.Counted && v.Hash != 0 {
			w.see(&w.distinct[i], v.Hash, e.At)
		}
	}
	if len(w.granules) > maxGranules {
		w.lose(w.granules[0].newest)
		w.dropFirst(1)
	}
}

// lose counts a granule, or a value, that goes over a bound, with its time.
func (w *coarse) lose(at int64) {
	w.lost++
	w.through = max(w.through, at)
}

// prune drops the granules of which no entry lies behind keepAfter.
func (w *coarse) prune(keepAfter int64) {
	old := 0
	for old < len(w.granules) && (w.granules[old].number+1)*w.width-1 <= keepAfter {
		old++
	}
	if old == 0 {
		return
	}
	w.dropFirst(old)
	for i := range w.distinct {
		d := &w.distinct[i]
		d.lasts = slices.DeleteFunc(d.lasts, func(l last) bool { return (w.number(l.at)+1)*w.width-1 <= keepAfter })
	}
}

func (w *coarse) dropFirst(n int) {
	base := w.base()
	w.granules = slices.Delete(w.granules, 0, n)
	w.sums = slices.Delete(w.sums, 0, n*len(w.layout.columns))
	if len(w.granules) > 0 {
		w.rebase(base)
	}
}

// rebase has the sketches count from another granule than before. What they saw before
// it goes, though the granules of that time may stay.
func (w *coarse) rebase(before int64) {
	base := w.base()
	by := int(base - before)
	if by == 0 {
		return
	}
	for i := range w.distinct {
		d := &w.distinct[i]
		cells := len(d.sketch)
		if d.sketch = d.sketch.shift(by); len(d.sketch) < cells && base > w.granules[0].number {
			w.lose(base*w.width - 1)
		}
	}
}

func (w *coarse) see(d *distinct, hash uint64, at int64) {
	if d.sketched {
		w.sketch(d, last{hash, at})
		return
	}
	i, found := slices.BinarySearchFunc(d.lasts, hash, func(l last, h uint64) int { return cmp.Compare(l.hash, h) })
	switch {
	case found:
		d.lasts[i].at = max(d.lasts[i].at, at)
	case len(d.lasts) < MaxExact:
		d.lasts = slices.Insert(d.lasts, i, last{hash, at})
	default:
		d.sketched = true
		for _, l := range d.lasts {
			w.sketch(d, l)
		}
		w.sketch(d, last{hash, at})
		d.lasts = d.lasts[:0]
	}
}

func (w *coarse) sketch(d *distinct, l last) {
	granule := w.number(l.at) - w.base()
	if granule < 0 {
		w.lose(l.at)
		return
	}
	d.sketch = d.sketch.see(cellOf(l.hash, int(granule)))
}

// sum adds the granules up that lie in (after, at]. Those at the edges, of which it
// is not known what lies inside, move the bounds.
func (w *coarse) sum(after, at int64, side Side, sums []Sum) {
	first, end := len(w.granules), 0 // of the granules inside
	w.edges = append(w.edges[:0], make([]Sum, len(sums))...)
	for i, g := range w.granules {
		start := g.number * w.width
		// An event that comes behind others may find later entries in its own
		// granule: that is an edge too.
		inside, reached := start > after && g.newest <= at, start+w.width > after+1 && start <= at
		if inside {
			first, end = min(first, i), i+1
		}
		into := sums
		switch {
		case inside:
		case side != Near && reached:
			into = w.edges
		default:
			continue
		}
		for i, s := range w.sumsOf(i) {
			into[i].merge(s)
		}
	}
	for i := range w.edges {
		sums[i].bound(&w.edges[i], w.layout.columns[i].Func, side)
	}
	for i := range w.distinct {
		switch d := &w.distinct[i]; {
		case !d.sketched:
			sums[i].Distinct = w.count(d.lasts, after, at, side)
		case side == Most:
			// What was seen later may have been seen inside too.
			sums[i].Distinct = d.sketch.count(int(max(w.number(after+1)-w.base(), 0)), maxSpan, side)
		case first < end:
			base := w.base()
			sums[i].Distinct = d.sketch.count(int(max(w.granules[first].number-base, 0)), int(w.granules[end-1].number-base), side)
		}
	}
}

func (w *coarse) count(lasts []last, after, at int64, side Side) int {
	n := 0
	for _, l := range lasts {
		if floor(l.at, w.width) > after && l.at <= at || side == Most && l.at > after {
			n++
		}
	}
	return n
}

// ordered reports whether the window is one that adding entries can make.
func (w *coarse) ordered() bool {
	for i, g := range w.granules {
		if i > 0 && g.number <= w.granules[i-1].number || w.number(g.newest) != g.number {
			return false
		}
	}
	for _, d := range w.distinct {
		if !slices.IsSortedFunc(d.lasts, func(a, b last) int { return cmp.Compare(a.hash, b.hash) }) || !d.sketch.ordered() {
			return false
		}
	}
	return true
}
