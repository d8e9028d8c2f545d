package window

import (
	"encoding/binary"
	"math/bits"
)

// arena keeps records, byte strings that begin with their key. Those of about
// one size lie in the slots of one class without a gap: the record of the last
// slot moves into one that becomes free. So a table takes what its records take,
// whatever came and went before.
type arena struct {
	classes [classCount]class
	large   [][]byte // records beyond the largest class
	bytes   int      // of all records
}

// handle names a slot: one more than the index of the class in the upper six
// bits, the slot in the rest. No slot has handle 0.
type handle uint32

const (
	slotBits   = 26
	classCount = 36
	largeClass = 63
	chunkBytes = 512 << 10
	firstBytes = 4 << 10 // of the first chunk at first, so that small tables stay small
	keyBytes   = 8
	// lengthBytes is how many bytes of a slot say how long its record is.
	lengthBytes = 2
	maxSlot     = 1024
)

// class is the slots of one size.
type class struct {
	chunks [][]byte // each of 1<<shift slots; the first one may have fewer yet
	used   int
	size   int
	shift  uint
}

func newArena() arena {
	var a arena
	for i := range a.classes {
		a.classes[i].size, a.classes[i].shift = slots.size[i], slots.shift[i]
	}
	return a
}

// slots says of each class how large its slots are, and of each size in steps of
// four bytes its class: every four bytes, from 32 on every sixteen, from 256 on
// eight sizes to each doubling. So half of the windows that get one entry more
// stay where they are.
var slots = func() (s struct {
	size  [classCount]int
	shift [classCount]uint
	of    [maxSlot/4 + 1]uint8
}) {
	size, next := 12, 0
	for i := range s.size {
		s.size[i], s.shift[i] = size, uint(bits.Len(uint(chunkBytes/size))-1)
		for ; next <= size/4; next++ {
			s.of[next] = uint8(i)
		}
		step := 4
		if size >= 32 {
			step = max(16, 1<<(bits.Len(uint(size))-4))
		}
		size += step
	}
	return s
}()

// classFor returns the class of a record's length.
func classFor(length int) int {
	if length += lengthBytes; length <= maxSlot {
		return int(slots.of[(length+3)/4])
	}
	return largeClass - 1
}

func handleOf(class, slot int) handle { return handle((class+1)<<slotBits | slot) }

func (h handle) class() int { return int(h>>slotBits) - 1 }
func (h handle) slot() int  { return int(h & (1<<slotBits - 1)) }

// slot returns the bytes of a slot.
func (a *arena) slot(class, slot int) []byte {
	c := &a.classes[class]
	start := (slot & (1<<(c.shift&63) - 1)) * c.size
	return c.chunks[slot>>(c.shift&63)][start : start+c.size : start+c.size]
}

// at returns a record. It is good until the next change of the arena.
func (a *arena) at(h handle) []byte {
	class := h.class()
	if class == largeClass-1 {
		return a.large[h.slot()]
	}
	s := a.slot(class, h.slot())
	return s[lengthBytes : lengthBytes+int(binary.LittleEndian.Uint16(s))]
}

// whole returns the slot of a record, which may be changed in it, and nil of a
// record that has none.
func (a *arena) whole(h handle) []byte {
	class := h.class()
	if class == largeClass-1 {
		return nil
	}
	return a.slot(class, h.slot())
}

// resize says that the record of a slot is longer now, or shorter.
func (a *arena) resize(slot []byte, by int) {
	binary.LittleEndian.PutUint16(slot, uint16(int(binary.LittleEndian.Uint16(slot))+by))
	a.bytes += by
}

// key returns the key of a record.
func (a *arena) key(h handle) uint64 {
	class := h.class()
	if class == largeClass-1 {
		return binary.LittleEndian.Uint64(a.large[h.slot()])
	}
	c := &a.classes[class]
	start := (h.slot()&(1<<c.shift-1))*c.size + lengthBytes
	return binary.LittleEndian.Uint64(c.chunks[h.slot()>>c.shift][start:])
}

// add stores a copy of a record.
func (a *arena) add(record []byte) handle {
	a.bytes += len(record)
	class := classFor(len(record))
	if class == largeClass-1 {
		a.large = append(a.large, append([]byte(nil), record...))
		return handleOf(class, len(a.large)-1)
	}
	c := &a.classes[class]
	c.makeRoom()
	fill(a.slot(class, c.used), record)
	c.used++
	return handleOf(class, c.used-1)
}

func fill(slot, record []byte) {
	binary.LittleEndian.PutUint16(slot, uint16(len(record)))
	copy(slot[lengthBytes:], record)
}

// makeRoom makes sure that there is a slot behind those used. The first chunk of
// a class grows by doubling.
func (c *class) makeRoom() {
	chunk, full := c.used>>c.shift, c.size<<c.shift
	switch {
	case chunk < len(c.chunks) && (c.used&(1<<c.shift-1)+1)*c.size <= len(c.chunks[chunk]):
	case chunk > 0:
		c.chunks = append(c.chunks, make([]byte, full))
	case len(c.chunks) == 0:
		c.chunks = append(c.chunks, make([]byte, firstBytes/c.size*c.size))
	default:
		grown := make([]byte, min(2*len(c.chunks[0]), full))
		copy(grown, c.chunks[0])
		c.chunks[0] = grown
	}
}

// replace stores a record in the place of another one, and reports whether it
// could: it must fit, and fill half of the slot, so that a window whose entries
// come and go keeps its place.
func (a *arena) replace(h handle, record []byte) bool {
	class := h.class()
	if class == largeClass-1 {
		old := a.large[h.slot()]
		if classFor(len(record)) != class {
			return false
		}
		a.bytes += len(record) - len(old)
		a.large[h.slot()] = append(old[:0], record...)
		return true
	}
	size := a.classes[class].size
	if need := len(record) + lengthBytes; need > size || need < size/2 {
		return false
	}
	slot := a.slot(class, h.slot())
	a.bytes += len(record) - int(binary.LittleEndian.Uint16(slot))
	fill(slot, record)
	return true
}

// remove frees the slot of a record. The record that moves into it, if one does,
// is named by its key and the handle that it had.
func (a *arena) remove(h handle) (key uint64, from handle, moved bool) {
	a.bytes -= len(a.at(h))
	class := h.class()
	if class == largeClass-1 {
		last := len(a.large) - 1
		from, moved = handleOf(class, last), h.slot() != last
		a.large[h.slot()] = a.large[last]
		a.large[last] = nil
		a.large = a.large[:last]
	} else {
		c := &a.classes[class]
		c.used--
		if from, moved = handleOf(class, c.used), h.slot() != c.used; moved {
			copy(a.slot(class, h.slot()), a.slot(class, c.used))
		}
		// One empty chunk stays, for what comes next.
		if empty := c.used>>c.shift + 2; empty < len(c.chunks) {
			c.chunks[empty] = nil
			c.chunks = c.chunks[:empty]
		}
	}
	if moved {
		key = a.key(h)
	}
	return key, from, moved
}
