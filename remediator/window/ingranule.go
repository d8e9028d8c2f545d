package window

import "encoding/binary"

// kept is what stays of a window in granules: all behind those that are no longer
// needed.
type kept struct {
	gone         uint64 // granules in front
	count        uint64
	number, last int64 // of the first and the last granule that stay
	from         int   // where in the slot the number of the first one ends
}

// addInGranule adds an entry to a window in granules without distinct values, when
// its granule is there, or is the newest. No slot has room for as many granules as
// a window may have, so none is lost.
func (t *Table) addInGranule(slot []byte, e *Entry, keepAfter int64) effort {
	w := &t.coarse
	if t.layout.counts && e.Values[0].Counted && t.countInGranule(slot, e.At, keepAfter) {
		return inPlace
	}
	record := slot[:lengthBytes+int(binary.LittleEndian.Uint16(slot))]
	wanted := w.number(e.At)
	n, at := uvarintAt(record, headBytes)
	var k kept
	for i := range n {
		by, end := uvarintAt(record, at)
		if i == 0 {
			k.last = int64(by>>1) ^ -int64(by&1)
		} else {
			k.last += int64(by)
		}
		switch expired := (k.last+1)*w.width-1 <= keepAfter; {
		case k.last == wanted && k.gone == 0 && !expired:
			return t.addToGranule(slot, end, k.last, e)
		case k.last >= wanted, expired && i == n-1:
			return takenOut
		case expired:
			k.gone = i + 1
		case i == k.gone:
			k.number, k.from = k.last, end
		}
		at = t.behindSums(record, end+w.offset)
	}
	k.count = n - k.gone
	return t.beginGranule(slot, &k, wanted, e)
}

// countInGranule is addInGranule for a window that only counts, where nothing moves: its
// granules all stay, one of them is the entry's, and its count still takes one byte.
// It returns false where that is not so, and then has changed nothing.
func (t *Table) countInGranule(slot []byte, when, keepAfter int64) bool {
	w := &t.coarse
	wanted := w.number(when)
	n, at := uvarintAt(slot, headBytes)
	by, at := uvarintAt(slot, at)
	number := int64(by>>1) ^ -int64(by&1)
	if (number+1)*w.width-1 <= keepAfter {
		return false
	}
	for ; number < wanted; number += int64(by) {
		if n--; n == 0 {
			return false
		}
		_, at = uvarintAt(slot, at+w.offset) // the count
		by, at = uvarintAt(slot, at)
	}
	if sums := at + w.offset; number > wanted || slot[sums] >= maxShort || at+timeBytes > len(slot) {
		return false
	}
	slot[at+w.offset]++
	mask := uint64(1)<<(8*w.offset) - 1
	word := binary.LittleEndian.Uint64(slot[at:])
	newest := max(word&mask, uint64(when-number*w.width))
	binary.LittleEndian.PutUint64(slot[at:], word&^mask|newest)
	return true
}

// beginGranule puts a granule with one entry behind those of a window that stay.
func (t *Table) beginGranule(slot []byte, k *kept, number int64, e *Entry) effort {
	w := &t.coarse
	b := binary.AppendUvarint(t.fresh[:0], uint64(number-k.last))
	b = appendOffset(b, e.At-number*w.width, w.offset)
	for i := range t.layout.columns {
		var s Sum
		s.add(e.Values[i])
		b = appendSum(b, &t.layout.columns[i], &s)
	}
	t.fresh = b
	end := lengthBytes + int(binary.LittleEndian.Uint16(slot))
	if k.gone == 0 && k.count+1 <= maxShort && end+len(b) <= len(slot) {
		slot[headBytes]++ // the number of granules
		copy(slot[end:], b)
		t.arena.resize(slot, len(b))
		return inPlace
	}
	t.record = append(append(t.record[:0], slot[lengthBytes:lengthBytes+keyBytes]...), formCoarse)
	t.record = binary.AppendUvarint(t.record, k.count+1)
	t.record = binary.AppendVarint(t.record, k.number)
	t.record = append(t.record, slot[k.from:end]...)
	t.record = append(t.record, b...)
	return inHand
}

// addToGranule adds an entry to a granule, whose number ends at a place of a slot.
func (t *Table) addToGranule(slot []byte, at int, number int64, e *Entry) effort {
	w := &t.coarse
	fresh := e.At - number*w.width
	end := lengthBytes + int(binary.LittleEndian.Uint16(slot))
	r := reader{rest: slot[at:end]}
	newest := max(r.offset(w.offset), fresh)
	b := appendOffset(t.fresh[:0], newest, w.offset)
	for i := range t.layout.columns {
		c := &t.layout.columns[i]
		s := r.sum(c)
		s.add(e.Values[i])
		b = appendSum(b, c, &s)
	}
	t.fresh = b
	tail := end - len(r.rest)
	by := len(b) - (tail - at)
	if end+by > len(slot) {
		return takenOut
	}
	if by != 0 {
		copy(slot[tail+by:], slot[tail:end])
		t.arena.resize(slot, by)
	}
	copy(slot[at:], b)
	return inPlace
}

// maxShort is the largest number that takes one byte.
const maxShort = 0x7f

// uvarintAt reads a number of a record that was written here, and returns the place
// behind it.
func uvarintAt(record []byte, at int) (v uint64, behind int) {
	for shift := 0; ; shift += 7 {
		b := record[at]
		at++
		v |= uint64(b&maxShort) << (shift & 63)
		if b <= maxShort {
			return v, at
		}
	}
}

// behindSums returns the place behind the sums of a granule that begin at a place.
func (t *Table) behindSums(record []byte, at int) int {
	if t.layout.counts {
		_, at = uvarintAt(record, at)
		return at
	}
	r := reader{rest: record[at:]}
	for i := range t.layout.columns {
		r.skipSum(&t.layout.columns[i])
	}
	return len(record) - len(r.rest)
}
