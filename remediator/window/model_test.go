package window

import (
	"cmp"
	"slices"
)

// maxDistinct bounds the values that the model keeps one by one.
const maxDistinct = 4096

// naive is the window of one key. Its zero value is empty.
type naive struct {
	Entries  []Entry        // by time, then by arrival
	Granules []naiveGranule // by start; not empty: the window is in granules
	Distinct [][]naiveLast  // in granules: for each aggregate, by hash
	Lost     uint64         // granules and values dropped over a bound
}

// naiveGranule sums up the entries whose time falls in [Start, Start+width).
type naiveGranule struct {
	Start  int64
	Sums   []Sum
	Newest int64 // time of its newest entry
}

// naiveLast says when a value was last seen.
type naiveLast struct {
	Hash uint64
	At   int64
}

// Add puts an entry into a window of the given length. keepAfter is the time up
// to which, and including which, entries are no longer needed.
func (w *naive) Add(e Entry, within, keepAfter int64) {
	w.Prune(keepAfter, within)
	if len(w.Granules) > 0 {
		w.addToGranule(e, width(within))
		return
	}
	at, _ := slices.BinarySearchFunc(w.Entries, e.At+1, func(x Entry, t int64) int { return cmp.Compare(x.At, t) })
	w.Entries = slices.Insert(w.Entries, at, e)
	if len(w.Entries) <= MaxExact {
		return
	}
	for _, kept := range w.Entries {
		w.addToGranule(kept, width(within))
	}
	w.Entries = nil
}

// Empty reports whether the window holds nothing.
func (w *naive) Empty() bool { return len(w.Entries) == 0 && len(w.Granules) == 0 }

// Newest returns the time of the newest entry, or the start of its granule.
func (w *naive) Newest() int64 {
	switch {
	case len(w.Granules) > 0:
		return w.Granules[len(w.Granules)-1].Start
	case len(w.Entries) > 0:
		return w.Entries[len(w.Entries)-1].At
	}
	return 0
}

// Prune drops what is no longer needed: entries at or before keepAfter, and
// granules that hold no others.
func (w *naive) Prune(keepAfter, within int64) {
	old := 0
	for old < len(w.Entries) && w.Entries[old].At <= keepAfter {
		old++
	}
	w.Entries = slices.Delete(w.Entries, 0, old)
	if len(w.Granules) == 0 {
		return
	}
	old = 0
	for old < len(w.Granules) && w.Granules[old].Start+width(within)-1 <= keepAfter {
		old++
	}
	w.Granules = slices.Delete(w.Granules, 0, old)
	for i := range w.Distinct {
		w.Distinct[i] = slices.DeleteFunc(w.Distinct[i], func(l naiveLast) bool { return floor(l.At, width(within))+width(within)-1 <= keepAfter })
	}
	if len(w.Granules) == 0 {
		w.Distinct = nil
	}
}

// Reset empties the window: it starts anew.
func (w *naive) Reset() { *w = naive{Lost: w.Lost} }

// Coarse reports whether the window holds granules: its edges are then rounded.
func (w *naive) Coarse() bool { return len(w.Granules) > 0 }

// Sums returns one sum for each of n aggregates over the entries in
// (at − within, at]. Of a coarse window it leaves the granules at the edges out,
// which may hold entries beyond it.
func (w *naive) Sums(at, within int64, n int) []Sum {
	return w.sums(at, within, make([]string, n), Near)
}

// Bounds returns the sums at the least or at the most, when any of what lies at the
// edges of a coarse window counts. What is exact lies between them.
func (w *naive) Bounds(at, within int64, functions []string, side Side) []Sum {
	return w.sums(at, within, functions, side)
}

func (w *naive) sums(at, within int64, functions []string, side Side) []Sum {
	n, edges := len(functions), side == Most
	sums, edge := make([]Sum, n), make([]Sum, n)
	if !w.Coarse() {
		seen := make([]map[uint64]struct{}, n)
		for _, e := range w.Entries {
			if e.At <= at-within || e.At > at {
				continue
			}
			for i, v := range e.Values {
				sums[i].add(v)
				if v.Counted && v.Hash != 0 {
					if seen[i] == nil {
						seen[i] = make(map[uint64]struct{})
					}
					seen[i][v.Hash] = struct{}{}
				}
			}
		}
		for i := range sums {
			sums[i].Distinct = len(seen[i])
		}
		return sums
	}
	for _, g := range w.Granules {
		// An event that comes behind others may find later entries in its own
		// granule: that is an edge too.
		inside, reached := g.Start > at-within && g.Newest <= at, g.Start+width(within) > at-within+1 && g.Start <= at
		for i, s := range g.Sums {
			switch {
			case inside:
				sums[i].merge(s)
			case reached && side != Near:
				edge[i].merge(s)
			}
		}
	}
	for i, function := range functions {
		sums[i].bound(&edge[i], function, side)
	}
	for i, lasts := range w.Distinct {
		for _, l := range lasts {
			start := floor(l.At, width(within))
			// What was seen later may have been seen inside too.
			inside, reached := start > at-within && l.At <= at, l.At > at-within
			if inside || edges && reached {
				sums[i].Distinct++
			}
		}
	}
	return sums
}

func (w *naive) addToGranule(e Entry, width int64) {
	start := floor(e.At, width)
	at, found := slices.BinarySearchFunc(w.Granules, start, func(g naiveGranule, t int64) int { return cmp.Compare(g.Start, t) })
	if !found {
		w.Granules = slices.Insert(w.Granules, at, naiveGranule{Start: start, Newest: e.At, Sums: make([]Sum, len(e.Values))})
	}
	w.Granules[at].Newest = max(w.Granules[at].Newest, e.At)
	if w.Distinct == nil {
		w.Distinct = make([][]naiveLast, len(e.Values))
	}
	for i, v := range e.Values {
		w.Granules[at].Sums[i].add(v)
		if v.Counted && v.Hash != 0 {
			w.see(i, v.Hash, e.At)
		}
	}
	if len(w.Granules) > maxGranules {
		w.Granules = slices.Delete(w.Granules, 0, 1)
		w.Lost++
	}
}

func (w *naive) see(aggregate int, hash uint64, seen int64) {
	lasts := w.Distinct[aggregate]
	at, found := slices.BinarySearchFunc(lasts, hash, func(l naiveLast, h uint64) int { return cmp.Compare(l.Hash, h) })
	switch {
	case found:
		lasts[at].At = max(lasts[at].At, seen)
	case len(lasts) < maxDistinct:
		w.Distinct[aggregate] = slices.Insert(lasts, at, naiveLast{Hash: hash, At: seen})
	default:
		w.Lost++
	}
}
