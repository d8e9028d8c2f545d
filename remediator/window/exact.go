package window

import (
	"encoding/binary"
	"slices"
)

// The record of an exact window: its key, a byte that says how many entries it
// has, and the entries by time, then by arrival.

// formBytes is the byte that says of what form a record is: the number of
// entries, or formCoarse.
const (
	formBytes  = 1
	formCoarse = 0xff
)

// entriesOf returns the entries of an exact record.
func entriesOf(record []byte) []byte { return record[keyBytes+formBytes:] }

// live returns the entries behind keepAfter.
func (l *layout) live(entries []byte, keepAfter int64) []byte {
	for len(entries) > 0 && timeOf(entries) <= keepAfter {
		entries = entries[l.size:]
	}
	return entries
}

// ordered reports whether entries are in order of time, and their amounts of
// something known.
func (l *layout) ordered(entries []byte) bool {
	for previous := entries; len(entries) > 0; previous, entries = entries, entries[l.size:] {
		if timeOf(entries) < timeOf(previous) {
			return false
		}
		for _, c := range l.columns {
			if c.offset > 0 && c.Func != "distinct" && binary.LittleEndian.Uint16(entries[c.offset:]) > lastOfMoney {
				return false
			}
		}
	}
	return true
}

// insert appends entries and one more to a record, in its place by time.
func (l *layout) insert(record, entries []byte, e Entry) []byte {
	end := len(entries)
	for end > 0 && timeOf(entries[end-l.size:]) > e.At {
		end -= l.size
	}
	record = append(record, byte(len(entries)/l.size+1))
	record = append(record, entries[:end]...)
	record = l.append(record, e)
	return append(record, entries[end:]...)
}

// inside returns the entries with times in (after, until].
func (l *layout) inside(entries []byte, after, until int64) []byte {
	entries = l.live(entries, after)
	end := len(entries)
	for end > 0 && timeOf(entries[end-l.size:]) > until {
		end -= l.size
	}
	return entries[:end]
}

// sum adds entries up into one sum a column.
func (l *layout) sum(entries []byte, sums []Sum, hashes []uint64) {
	for i := range l.columns {
		c := &l.columns[i]
		switch {
		case c.All:
			sums[i].N = len(entries) / l.size
			continue
		case c.Func == "distinct":
			sums[i].Distinct = l.values(entries, c, hashes)
			continue
		}
		for e := entries; len(e) > 0; e = e[l.size:] {
			sums[i].add(l.value(e, c))
		}
	}
}

// values counts the distinct values of a column.
func (l *layout) values(entries []byte, c *column, hashes []uint64) int {
	hashes = hashes[:0]
	for e := entries; len(e) > 0; e = e[l.size:] {
		if v := l.value(e, c); v.Counted {
			hashes = append(hashes, v.Hash)
		}
	}
	slices.Sort(hashes)
	return len(slices.Compact(hashes))
}
