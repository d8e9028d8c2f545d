package window

import "encoding/binary"

// headBytes is what stands before the entries, or the granules, in a slot.
const headBytes = lengthBytes + keyBytes + formBytes

// effort says how an entry came into a window.
type effort uint8

const (
	takenOut effort = iota // it did not: the window is to be taken out of its record
	inPlace                // within its slot
	inHand                 // the record in hand is what the window is now
)

// addInPlace adds an entry to an exact window when it is the newest and its slot
// may stay the same, which is so of most; it reports whether that was so. What
// depends on the record is kept short: while a processor waits for it, it can then
// begin to look for the record of the next key.
func (t *Table) addInPlace(slot []byte, e *Entry, keepAfter int64) effort {
	size := t.layout.size
	from, end := headBytes, headBytes+int(slot[headBytes-formBytes])*size
	if end >= headBytes+MaxExact*size || timeOf(slot[end-size:]) > e.At {
		return takenOut
	}
	for from < end && timeOf(slot[from:]) <= keepAfter {
		from += size
	}
	gone := from - headBytes
	if need := end - gone + size; need > len(slot) || need < len(slot)/2 {
		return takenOut
	}
	if gone > 0 {
		copy(slot[headBytes:], slot[from:end])
		end -= gone
	}
	if size == timeBytes {
		binary.LittleEndian.PutUint64(slot[end:], uint64(e.At))
	} else {
		t.layout.append(slot[headBytes:end], *e)
	}
	if gone != size {
		slot[headBytes-formBytes] += byte(1 - gone/size)
		t.arena.resize(slot, size-gone)
	}
	return inPlace
}
