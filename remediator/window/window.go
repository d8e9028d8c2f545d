// Package window keeps what a rule has seen within a sliding time, and what a
// limit has spent within one.
//
// A Window holds the inputs of one key of one rule. It is exact while it holds
// at most MaxExact entries; the next one turns it into granules of a sixty-fourth
// of its length, aligned to the epoch. A Meter counts what a limit has used, in
// granules from its first entry on. Both round so that money is never paid on
// account of the rounding: a window in granules never counts an entry outside
// its time, a meter never forgets one inside.
//
// Everything here is a value: no clock is read, and equal calls in equal order
// leave equal contents, byte for byte.
package window

import (
	"cmp"
	"slices"
	"time"
)

const (
	// MaxExact is how many entries a window holds one by one.
	MaxExact = 64
	// granules is how many granules a window or a limit is divided into.
	granules = 64
	// maxGranules bounds the granules of one window; they outnumber 64 when late
	// entries are allowed for much longer than the window is. The oldest go first.
	maxGranules = 4096
	// maxDistinct bounds the distinct values kept by one aggregate of a window in
	// granules. Further values are not counted, which can only keep a rule from firing.
	maxDistinct = 4096
)

// Value is what one entry contributes to one aggregate.
type Value struct {
	Counted  bool    `cbor:"1,keyasint,omitempty"` // it contributes at all
	Total    bool    `cbor:"2,keyasint,omitempty"` // for share: it belongs to the whole
	Num      float64 `cbor:"3,keyasint,omitempty"`
	Minor    int64   `cbor:"4,keyasint,omitempty"`
	Currency string  `cbor:"5,keyasint,omitempty"` // not empty: the value is money
	Hash     uint64  `cbor:"6,keyasint,omitempty"` // of the text, for distinct
}

// Entry is one input in a window.
type Entry struct {
	At     int64   `cbor:"1,keyasint"`
	Values []Value `cbor:"2,keyasint"`
}

// Window is the window of one key. Its zero value is empty.
type Window struct {
	Entries  []Entry   `cbor:"1,keyasint,omitempty"` // by time, then by arrival
	Granules []Granule `cbor:"2,keyasint,omitempty"` // by start; not empty: the window is in granules
	Distinct [][]Last  `cbor:"3,keyasint,omitempty"` // in granules: for each aggregate, by hash
	Lost     uint64    `cbor:"4,keyasint,omitempty"` // granules and values dropped over a bound
}

// Granule sums up the entries whose time falls in [Start, Start+width).
type Granule struct {
	Start  int64 `cbor:"1,keyasint"`
	Sums   []Sum `cbor:"2,keyasint"`
	Newest int64 `cbor:"3,keyasint"` // time of its newest entry
}

// Last says when a value was last seen.
type Last struct {
	Hash uint64 `cbor:"1,keyasint"`
	At   int64  `cbor:"2,keyasint"`
}

// Add puts an entry into a window of the given length. keepAfter is the time up
// to which, and including which, entries are no longer needed.
func (w *Window) Add(e Entry, within, keepAfter int64) {
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
func (w *Window) Empty() bool { return len(w.Entries) == 0 && len(w.Granules) == 0 }

// Newest returns the time of the newest entry, or the start of its granule.
func (w *Window) Newest() int64 {
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
func (w *Window) Prune(keepAfter, within int64) {
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
		w.Distinct[i] = slices.DeleteFunc(w.Distinct[i], func(l Last) bool { return floor(l.At, width(within))+width(within)-1 <= keepAfter })
	}
	if len(w.Granules) == 0 {
		w.Distinct = nil
	}
}

// Reset empties the window: it starts anew.
func (w *Window) Reset() { *w = Window{Lost: w.Lost} }

// Coarse reports whether the window holds granules: its edges are then rounded.
func (w *Window) Coarse() bool { return len(w.Granules) > 0 }

// Sums returns one sum for each of n aggregates over the entries in
// (at − within, at]. Of a coarse window it leaves the granules at the edges out,
// which may hold entries beyond it.
func (w *Window) Sums(at, within int64, n int) []Sum { return w.sums(at, within, n, false) }

// Most returns the sums with the granules at the edges of a coarse window. What
// is exact lies between these and Sums.
func (w *Window) Most(at, within int64, n int) []Sum { return w.sums(at, within, n, true) }

func (w *Window) sums(at, within int64, n int, edges bool) []Sum {
	sums := make([]Sum, n)
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
		if !inside && !(edges && reached) {
			continue
		}
		for i, s := range g.Sums {
			sums[i].merge(s)
		}
	}
	for i, lasts := range w.Distinct {
		for _, l := range lasts {
			start := floor(l.At, width(within))
			inside, reached := start > at-within && l.At <= at, l.At > at-within && start <= at
			if inside || edges && reached {
				sums[i].Distinct++
			}
		}
	}
	return sums
}

func (w *Window) addToGranule(e Entry, width int64) {
	start := floor(e.At, width)
	at, found := slices.BinarySearchFunc(w.Granules, start, func(g Granule, t int64) int { return cmp.Compare(g.Start, t) })
	if !found {
		w.Granules = slices.Insert(w.Granules, at, Granule{Start: start, Newest: e.At, Sums: make([]Sum, len(e.Values))})
	}
	w.Granules[at].Newest = max(w.Granules[at].Newest, e.At)
	if w.Distinct == nil {
		w.Distinct = make([][]Last, len(e.Values))
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

func (w *Window) see(aggregate int, hash uint64, seen int64) {
	lasts := w.Distinct[aggregate]
	at, found := slices.BinarySearchFunc(lasts, hash, func(l Last, h uint64) int { return cmp.Compare(l.Hash, h) })
	switch {
	case found:
		lasts[at].At = max(lasts[at].At, seen)
	case len(lasts) < maxDistinct:
		w.Distinct[aggregate] = slices.Insert(lasts, at, Last{Hash: hash, At: seen})
	default:
		w.Lost++
	}
}

// Step is the length of a granule of a window.
func Step(within time.Duration) time.Duration { return time.Duration(width(int64(within))) }

// width is the length of a granule: 64 of them cover the whole time.
func width(within int64) int64 { return max((within+granules-1)/granules, 1) }

// floor rounds t down to a multiple of width, also below zero.
func floor(t, width int64) int64 {
	r := t % width
	if r < 0 {
		r += width
	}
	return t - r
}
