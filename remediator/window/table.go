package window

import "encoding/binary"

// Table holds the windows of the keys of one rule. A key is a hash of its text,
// keyed so that nobody can choose what collides. It is not safe for concurrent use.
type Table struct {
	within int64
	layout layout
	index  index
	arena  arena
	lost   uint64
	// through is what LostThrough returns. It is no part of the encoding, for nobody
	// asks after another Add than the one that set it.
	through int64

	// What a call works with. The sums outlive it, and the window in granules that
	// was added to, for it is asked about next.
	coarse coarse
	held   uint64 // the key that was added to
	at     handle // of its record; 0: none was, or it may have moved
	holds  bool   // its window is the one in coarse
	record []byte
	fresh  []byte // of record, what an entry changes
	sums   []Sum
	hashes [MaxExact]uint64
}

// NewTable returns an empty table of windows of a length in nanoseconds, for the
// aggregates of a rule.
func NewTable(within int64, columns []Column) *Table {
	t := &Table{within: within, layout: newLayout(columns), index: newIndex(), arena: newArena(), sums: make([]Sum, len(columns))}
	t.coarse.layout, t.coarse.width, t.coarse.offset = &t.layout, width(within), offsetBytes(width(within))
	return t
}

// Len returns how many keys have a window.
func (t *Table) Len() int { return t.index.used }

// Bytes returns how many bytes the windows take in an encoding, but for a few of
// each key. It depends on what they hold alone.
func (t *Table) Bytes() int { return t.arena.bytes }

// Has reports whether a key has a window.
func (t *Table) Has(key uint64) bool {
	_, found := t.find(key)
	return found
}

// Lost returns how many granules and values were dropped over a bound.
func (t *Table) Lost() uint64 { return t.lost }

// LostThrough returns the time up to which there were entries of what the last Add
// dropped over a bound. It says nothing of one that dropped nothing.
func (t *Table) LostThrough() int64 { return t.through }

// Add puts an entry into the window of a key. keepAfter is the time up to which,
// and including which, entries are no longer needed.
func (t *Table) Add(key uint64, e Entry, keepAfter int64) {
	h, slot := t.at, []byte(nil)
	if h != 0 && t.held == key {
		slot = t.arena.whole(h)
	} else if h, slot = t.index.find(&t.arena, key); h == 0 {
		t.record = t.layout.insert(binary.LittleEndian.AppendUint64(t.record[:0], key), nil, e)
		h = t.arena.add(t.record)
		t.index.add(key, h)
		t.held, t.at, t.holds = key, h, false
		return
	}
	done := takenOut
	switch {
	case slot == nil:
	case slot[headBytes-formBytes] != formCoarse:
		done = t.addInPlace(slot, &e, keepAfter)
	case !t.layout.distinct:
		done = t.addInGranule(slot, &e, keepAfter)
	}
	if done != takenOut {
		if done == inHand {
			h = t.store(key, h)
		}
		t.held, t.at, t.holds = key, h, false
		return
	}
	t.record = binary.LittleEndian.AppendUint64(t.record[:0], key)
	record, inGranules := t.arena.at(h), false
	if t.take(key, record) {
		t.coarse.prune(keepAfter)
		if len(t.coarse.granules) == 0 { // everything left: it counts one by one again
			t.record = t.layout.insert(t.record, nil, e)
		} else {
			t.coarse.add(e)
			t.record, inGranules = t.coarse.append(t.record), true
		}
	} else if entries := t.layout.live(entriesOf(record), keepAfter); len(entries) < MaxExact*t.layout.size {
		t.record = t.layout.insert(t.record, entries, e)
	} else {
		t.record = t.layout.insert(t.record, entries, e)
		t.coarsen()
		inGranules = true
	}
	t.held, t.at, t.holds = key, t.store(key, h), inGranules
}

// find returns the handle of a key's record.
func (t *Table) find(key uint64) (handle, bool) {
	if t.at != 0 && t.held == key {
		return t.at, true
	}
	h, _ := t.index.find(&t.arena, key)
	return h, h != 0
}

// coarsen turns the exact record in hand, of one entry more than it may have,
// into granules.
func (t *Table) coarsen() {
	entries := entriesOf(t.record)
	t.coarse.clear()
	values := make([]Value, len(t.layout.columns))
	for ; len(entries) > 0; entries = entries[t.layout.size:] {
		for i := range values {
			values[i] = t.layout.value(entries, &t.layout.columns[i])
		}
		t.coarse.add(Entry{At: timeOf(entries), Values: values})
	}
	t.record = t.coarse.append(t.record[:keyBytes])
	t.count()
}

// take reads a record into hand when it is in granules, and reports whether it is.
func (t *Table) take(key uint64, record []byte) bool {
	if record[keyBytes] != formCoarse {
		return false
	}
	if t.holds && t.held == key {
		return true
	}
	t.holds = false // another window comes into coarse
	if err := t.coarse.read(record[keyBytes:]); err != nil {
		panic("window: " + err.Error()) // it was written here, or read by Load
	}
	return true
}

// count moves what the window in hand lost to the table.
func (t *Table) count() {
	if t.coarse.lost > 0 {
		t.lost, t.through = t.lost+t.coarse.lost, t.coarse.through
		t.coarse.lost, t.coarse.through = 0, 0
	}
}

// store puts the record in hand in the place of a key's, and returns its handle.
func (t *Table) store(key uint64, h handle) handle {
	t.count()
	if t.arena.replace(h, t.record) {
		return h
	}
	to := t.arena.add(t.record)
	t.index.move(key, h, to)
	t.free(h)
	return to
}

// free drops a record, to which no place of the index points any more.
func (t *Table) free(h handle) {
	if key, from, moved := t.arena.remove(h); moved {
		t.index.move(key, from, h)
	}
}

// remove drops the window of a key.
func (t *Table) remove(key uint64, h handle) {
	t.index.remove(key, h)
	t.free(h)
}

// Reset drops the window of a key: it starts anew.
func (t *Table) Reset(key uint64) {
	if h, found := t.find(key); found {
		t.at, t.holds = 0, false
		t.remove(key, h)
	}
}

// Coarse reports whether the window of a key holds granules: its edges are then
// rounded.
func (t *Table) Coarse(key uint64) bool {
	h, found := t.find(key)
	return found && t.arena.at(h)[keyBytes] == formCoarse
}

// Sums returns one sum for each column over the entries of a key's window at a
// time: those in (at − within, at]. What is exact lies between those of Least and
// of Most; of an exact window all sides are the same. They are good until the
// next call.
func (t *Table) Sums(key uint64, at int64, side Side) []Sum {
	clear(t.sums)
	h, found := t.find(key)
	if !found {
		return t.sums
	}
	record := t.arena.at(h)
	if t.take(key, record) {
		t.coarse.sum(at-t.within, at, side, t.sums)
	} else {
		t.layout.sum(t.layout.inside(entriesOf(record), at-t.within, at), t.sums, t.hashes[:])
	}
	return t.sums
}
