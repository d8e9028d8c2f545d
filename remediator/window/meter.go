package window

import (
	"cmp"
	"slices"
)

// Meter counts what a limit has used within a sliding time, in granules of a
// sixty-fourth of it, aligned to the epoch. It counts the current granule and
// the 64 before: what was used inside the time always counts, what is older
// counts for at most one granule more. The time of a limit may be edited: each
// granule keeps the length that it was begun with. Its zero value is empty.
type Meter struct {
	Slots []Slot `cbor:"1,keyasint,omitempty"` // by place
}

// Place names a granule of a meter.
type Place struct {
	Start  int64 `cbor:"1,keyasint"`
	Length int64 `cbor:"2,keyasint"`
}

// Slot is what was used in one granule.
type Slot struct {
	Place Place `cbor:"1,keyasint"`
	Used  int64 `cbor:"2,keyasint"`
}

// Add uses an amount at a time and returns the granule that it went to. It
// drops what is older than keep, the longest time that is asked for.
func (m *Meter) Add(at, within, keep, amount int64) Place {
	m.Prune(at, keep)
	p := Place{Start: floor(at, width(within)), Length: width(within)}
	i, found := m.find(p)
	if !found {
		m.Slots = slices.Insert(m.Slots, i, Slot{Place: p})
	}
	m.change(i, amount)
	return p
}

// Change adds an amount, which may be negative, to a granule that Add returned.
// When the granule was dropped since, so was what it held, and nothing changes.
func (m *Meter) Change(p Place, amount int64) {
	if i, found := m.find(p); found {
		m.change(i, amount)
	}
}

func (m *Meter) change(i int, amount int64) {
	m.Slots[i].Used += amount
	if m.Slots[i].Used == 0 {
		m.Slots = slices.Delete(m.Slots, i, i+1)
	}
}

func (m *Meter) find(p Place) (int, bool) {
	return slices.BinarySearchFunc(m.Slots, p, func(s Slot, p Place) int {
		return cmp.Or(cmp.Compare(s.Place.Start, p.Start), cmp.Compare(s.Place.Length, p.Length))
	})
}

// Used returns what counts at a time.
func (m *Meter) Used(at, within int64) int64 {
	var used int64
	edge := edge(at, within)
	for _, s := range m.Slots {
		if s.Place.after(edge) {
			used += s.Used
		}
	}
	return used
}

// Counts reports whether what was used in a granule still counts at a time.
func (m *Meter) Counts(p Place, at, within int64) bool {
	_, found := m.find(p)
	return found && p.after(edge(at, within))
}

// Prune drops the granules that no longer count at a time, and reports whether
// none is left.
func (m *Meter) Prune(at, keep int64) (empty bool) {
	edge := edge(at, keep)
	if len(m.Slots) > 0 && m.Slots[0].Place.Start >= edge {
		return false // no granule begins before
	}
	m.Slots = slices.DeleteFunc(m.Slots, func(s Slot) bool { return !s.Place.after(edge) })
	return len(m.Slots) == 0
}

// edge is where the granule begins that lies 64 before the current one of a time.
func edge(at, within int64) int64 { return floor(at, width(within)) - granules*width(within) }

// after reports whether any part of the granule lies behind an edge, so that it counts.
func (p Place) after(edge int64) bool { return p.Start+p.Length > edge }
