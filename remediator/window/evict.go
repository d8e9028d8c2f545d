package window

import (
	"cmp"
	"encoding/binary"
	"math/bits"
	"slices"
)

// evictAmong is among how many keys, about, an eviction chooses. It bounds what
// one costs.
const evictAmong = 16 << 10

// Prune drops what is no longer needed of every window: entries at or before
// keepAfter, and granules that hold no others. A window of which nothing is left
// is dropped.
func (t *Table) Prune(keepAfter int64) {
	t.at, t.holds = 0, false
	for class := range t.arena.classes {
		// From behind, for the last record moves into the slot of one that goes.
		for slot := t.arena.classes[class].used - 1; slot >= 0; slot-- {
			t.pruneRecord(handleOf(class, slot), keepAfter)
		}
	}
	for slot := len(t.arena.large) - 1; slot >= 0; slot-- {
		t.pruneRecord(handleOf(largeClass-1, slot), keepAfter)
	}
}

func (t *Table) pruneRecord(h handle, keepAfter int64) {
	record := t.arena.at(h)
	key := binary.LittleEndian.Uint64(record)
	t.record = append(t.record[:0], record[:keyBytes]...)
	if t.take(key, record) {
		before := len(t.coarse.granules)
		if t.coarse.prune(keepAfter); len(t.coarse.granules) == before {
			return
		}
		if len(t.coarse.granules) == 0 {
			t.remove(key, h)
			return
		}
		t.record = t.coarse.append(t.record)
	} else {
		entries := entriesOf(record)
		live := t.layout.live(entries, keepAfter)
		if len(live) == len(entries) {
			return
		}
		if len(live) == 0 {
			t.remove(key, h)
			return
		}
		t.record = append(append(t.record, byte(len(live)/t.layout.size)), live...)
	}
	t.store(key, h)
}

// Evict makes room for a new key: it drops a sixteenth, but at least one, of the
// windows whose keys begin as this one's does, and returns how many, and the time
// behind which they had no entries. Those go whose newest entry, or whose newest
// granule, is oldest, by key where they are equal. Of a table of some thousand keys all begin alike; of a larger one about
// sixteen thousand do, so that the oldest of these are nearly the oldest of all.
func (t *Table) Evict(key uint64) (windows int, through int64) {
	prefix := uint(max(bits.Len(uint(t.index.used/evictAmong))-1, 0))
	var found []aged
	for {
		t.index.each(&t.arena, shifted(key, prefix), prefix, func(h handle) {
			record := t.arena.at(h)
			found = append(found, aged{t.newest(record), binary.LittleEndian.Uint64(record)})
		})
		if len(found) > 0 || prefix == 0 {
			break
		}
		prefix-- // hashes that are none
	}
	slices.SortFunc(found, func(a, b aged) int {
		return cmp.Or(cmp.Compare(a.newest, b.newest), cmp.Compare(a.key, b.key))
	})
	gone := found[:min(max(len(found)/16, 1), len(found))]
	for _, a := range gone {
		t.Reset(a.key)
	}
	if len(gone) == 0 {
		return 0, 0
	}
	return len(gone), gone[len(gone)-1].newest + t.coarse.width // a granule has later ones than its start
}

// aged is a key with the time of its newest entry.
type aged struct {
	newest int64
	key    uint64
}

// shifted returns the first bits of a key.
func shifted(key uint64, bits uint) uint64 { return key >> 1 >> (63 - bits) }

// newest returns the time of the newest entry of a window, or the start of its
// granule.
func (t *Table) newest(record []byte) int64 {
	if t.take(binary.LittleEndian.Uint64(record), record) {
		return t.coarse.granules[len(t.coarse.granules)-1].number * t.coarse.width
	}
	return timeOf(record[len(record)-t.layout.size:])
}
