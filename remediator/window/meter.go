package window

import (
	"cmp"
	"slices"
)

// Meter counts what a limit has used within a sliding time, in granules of a
// sixty-fourth of it, aligned to the epoch. It counts the current granule and
// the 64 before: what was used inside the time always counts, what is older
// counts for at most one granule more. Its zero value is empty.
type Meter struct {
	Slots []Slot `cbor:"1,keyasint,omitempty"` // by start
}

// Slot is what was used in one granule.
type Slot struct {
	Start int64 `cbor:"1,keyasint"`
	Used  int64 `cbor:"2,keyasint"`
}

// Add uses an amount at a time and returns the granule that it went to.
func (m *Meter) Add(at, within, amount int64) (slot int64) {
	start := floor(at, width(within))
	m.prune(start, within)
	m.AddTo(start, amount)
	return start
}

// AddTo adds an amount, which may be negative, to a granule that Add returned.
func (m *Meter) AddTo(slot, amount int64) {
	i, found := slices.BinarySearchFunc(m.Slots, slot, func(s Slot, t int64) int { return cmp.Compare(s.Start, t) })
	if !found {
		m.Slots = slices.Insert(m.Slots, i, Slot{Start: slot})
	}
	m.Slots[i].Used += amount
	if m.Slots[i].Used == 0 {
		m.Slots = slices.Delete(m.Slots, i, i+1)
	}
}

// Used returns what counts at a time.
func (m *Meter) Used(at, within int64) int64 {
	oldest := floor(at, width(within)) - granules*width(within)
	var used int64
	for _, s := range m.Slots {
		if s.Start >= oldest {
			used += s.Used
		}
	}
	return used
}

// Prune drops the granules that no longer count at a time, and reports whether
// none is left.
func (m *Meter) Prune(at, within int64) (empty bool) {
	m.prune(floor(at, width(within)), within)
	return len(m.Slots) == 0
}

func (m *Meter) prune(current, within int64) {
	oldest := current - granules*width(within)
	m.Slots = slices.DeleteFunc(m.Slots, func(s Slot) bool { return s.Start < oldest })
}
