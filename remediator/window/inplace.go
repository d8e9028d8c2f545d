package window

import "encoding/binary"

// headBytes is what stands before the entries, or the granules, in a slot.
const headBytes = lengthBytes + keyBytes + formBytes

// addWithin adds an entry to a window within its slot, if that can be done without
// taking it out.
func (t *Table) addWithin(slot []byte, e Entry, keepAfter int64) bool {
	if slot[headBytes-formBytes] == formCoarse {
		return t.addInGranule(slot, e, keepAfter)
	}
	return t.addInPlace(slot, e, keepAfter)
}

// addInPlace adds an entry to an exact window when it is the newest and its slot
// may stay the same, which is so of most; it reports whether that was so.
func (t *Table) addInPlace(slot []byte, e Entry, keepAfter int64) bool {
	size := t.layout.size
	entries := slot[headBytes : headBytes+int(slot[headBytes-formBytes])*size]
	if len(entries) >= MaxExact*size || timeOf(entries[len(entries)-size:]) > e.At {
		return false
	}
	live := t.layout.live(entries, keepAfter)
	if need := headBytes + len(live) + size; need > len(slot) || need < len(slot)/2 {
		return false
	}
	if len(live) < len(entries) {
		copy(entries, live)
	}
	t.layout.append(slot[headBytes:headBytes+len(live)], e)
	slot[headBytes-formBytes] = byte(len(live)/size + 1)
	t.arena.resize(slot, len(live)+size-len(entries))
	return true
}

// addInGranule adds an entry to a granule that is there, when nothing else of the
// window changes; it reports whether that was so.
func (t *Table) addInGranule(slot []byte, e Entry, keepAfter int64) bool {
	if t.layout.distinct {
		return false
	}
	record := slot[:lengthBytes+int(binary.LittleEndian.Uint16(slot))]
	r := reader{rest: record[headBytes:]}
	wanted := t.coarse.number(e.At)
	var number int64
	for i := range r.uvarint() {
		if i == 0 {
			number = r.varint()
			if (number+1)*t.coarse.width-1 <= keepAfter {
				return false
			}
		} else {
			number += int64(r.uvarint())
		}
		if number == wanted {
			return t.addToGranule(slot, len(record)-len(r.rest), number, &r, e)
		}
		r.bytes(t.coarse.offset)
		for j := range t.layout.columns {
			r.skipSum(&t.layout.columns[j])
		}
	}
	return false
}

// addToGranule adds an entry to a granule, whose number ends at a place of a slot.
func (t *Table) addToGranule(slot []byte, at int, number int64, r *reader, e Entry) bool {
	w := &t.coarse
	b := appendOffset(t.record[len(t.record):], max(r.offset(w.offset), e.At-number*w.width), w.offset)
	for i := range t.layout.columns {
		c, v := &t.layout.columns[i], &e.Values[i]
		if c.Func == "count" {
			n := r.uvarint()
			if v.Counted {
				n++
			}
			b = binary.AppendUvarint(b, n)
			continue
		}
		s := r.sum(c)
		s.add(*v)
		b = appendSum(b, c, &s)
	}
	end := lengthBytes + int(binary.LittleEndian.Uint16(slot))
	tail := end - len(r.rest)
	by := len(b) - (tail - at)
	if end+by > len(slot) {
		return false
	}
	if by != 0 {
		copy(slot[tail+by:], slot[tail:end])
		t.arena.resize(slot, by)
	}
	copy(slot[at:], b)
	return true
}
