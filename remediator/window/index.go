package window

import (
	"cmp"
	"encoding/binary"
	"slices"
)

// index finds records by their keys, which are hashes. It is cut into shards by
// the upper bits of the key, and a shard that is full is cut in two: so it grows
// by steps of at most maxShard places, and never all at once.
type index struct {
	depth  uint     // upper bits of a key that name its shard
	shards []*shard // 1<<depth; those with a lower depth of their own stand several times
	used   int
}

// shard is an open table with linear probing. A place holds the upper half of a
// key and the handle of its record; 0 is empty.
type shard struct {
	depth  uint
	used   int
	places []uint64
}

const (
	// maxShard is from how many keys on a shard is cut in two.
	maxShard = 16 << 10
	// maxDepth leaves bits of half a key that tell places in a shard.
	maxDepth = 16
	minShard = 8
)

func newIndex() index { return index{shards: []*shard{{}}} }

func (x *index) shard(half uint32) *shard { return x.shards[half>>(32-x.depth)] }

func half(key uint64) uint32 { return uint32(key >> 32) }

func place(half uint32, h handle) uint64 { return uint64(half)<<32 | uint64(h) }

// home is where a key would lie if nothing were in its way. Its bits are mixed,
// for a table that is loaded comes in order.
func (s *shard) home(half uint32) int {
	return int(uint64(half*0x9e3779b1) * uint64(len(s.places)) >> 32)
}

func (s *shard) after(i int) int {
	if i++; i == len(s.places) {
		return 0
	}
	return i
}

// find returns the handle of a key's record and its slot, nil of a record that has
// none. The handle is 0 when the key is not there.
func (x *index) find(a *arena, key uint64) (handle, []byte) {
	half := half(key)
	s := x.shard(half)
	if s.used == 0 {
		return 0, nil
	}
	places := s.places
	for i := s.home(half); places[i] != 0; {
		if p := places[i]; uint32(p>>32) == half {
			if slot := a.whole(handle(p)); slot != nil {
				if binary.LittleEndian.Uint64(slot[lengthBytes:]) == key {
					return handle(p), slot
				}
			} else if a.key(handle(p)) == key {
				return handle(p), nil
			}
		}
		if i++; i == len(places) {
			i = 0
		}
	}
	return 0, nil
}

// add puts in a key that is not there.
func (x *index) add(key uint64, h handle) {
	half := half(key)
	s := x.shard(half)
	for s.used >= maxShard && s.depth < maxDepth {
		x.cut(s, half)
		s = x.shard(half)
	}
	if s.used*4 >= len(s.places)*3 {
		s.grow()
	}
	s.put(place(half, h))
	s.used++
	x.used++
}

func (s *shard) put(p uint64) {
	i := s.home(uint32(p >> 32))
	for s.places[i] != 0 {
		i = s.after(i)
	}
	s.places[i] = p
}

// grow makes a shard a quarter larger.
func (s *shard) grow() {
	old := s.places
	s.places = make([]uint64, max(minShard, len(old)+len(old)/4))
	for _, p := range old {
		if p != 0 {
			s.put(p)
		}
	}
}

// cut puts the two halves of a shard's keys into shards of their own.
func (x *index) cut(s *shard, half uint32) {
	if s.depth == x.depth {
		doubled := make([]*shard, 0, 2*len(x.shards))
		for _, s := range x.shards {
			doubled = append(doubled, s, s)
		}
		x.shards, x.depth = doubled, x.depth+1
	}
	halves := [2]*shard{{depth: s.depth + 1}, {depth: s.depth + 1}}
	bit := func(p uint64) int { return int(p >> (63 - s.depth) & 1) }
	for _, p := range s.places {
		if p != 0 {
			halves[bit(p)].used++
		}
	}
	for _, h := range halves {
		h.places = make([]uint64, max(minShard, h.used*3/2))
	}
	for _, p := range s.places {
		if p != 0 {
			halves[bit(p)].put(p)
		}
	}
	first := int(half>>(32-x.depth)) >> (x.depth - s.depth) << (x.depth - s.depth)
	for i := range 1 << (x.depth - s.depth) {
		x.shards[first+i] = halves[i>>(x.depth-s.depth-1)]
	}
}

// remove takes out the place of a key, and closes the gap.
func (x *index) remove(key uint64, h handle) {
	s := x.shard(half(key))
	i := s.where(half(key), h)
	for j := s.after(i); s.places[j] != 0; j = s.after(j) {
		// What lies at j may move to i unless its home lies between them.
		if home := s.home(uint32(s.places[j] >> 32)); between(i, home, j) {
			continue
		}
		s.places[i] = s.places[j]
		i = j
	}
	s.places[i] = 0
	s.used--
	x.used--
}

// between reports whether home lies in (i, j], going round.
func between(i, home, j int) bool {
	if i <= j {
		return i < home && home <= j
	}
	return i < home || home <= j
}

func (s *shard) where(half uint32, h handle) int {
	i := s.home(half)
	for s.places[i] != place(half, h) {
		i = s.after(i)
	}
	return i
}

// move says that a key's record has another handle now.
func (x *index) move(key uint64, from, to handle) {
	s := x.shard(half(key))
	s.places[s.where(half(key), from)] = place(half(key), to)
}

// each calls f with the handles of the keys whose upper bits are the prefix,
// sorted by key.
func (x *index) each(a *arena, prefix uint64, bits uint, f func(handle)) {
	from, to := prefix, prefix+1 // in shards
	if bits <= x.depth {
		from, to = prefix<<(x.depth-bits), (prefix+1)<<(x.depth-bits)
	} else {
		from = prefix >> (bits - x.depth)
		to = from + 1
	}
	var found []uint64
	for i := from; i < to; {
		s := x.shards[i]
		found = found[:0]
		for _, p := range s.places {
			if p != 0 && (shifted(p, bits) == prefix) {
				found = append(found, p)
			}
		}
		sortByKey(a, found)
		for _, p := range found {
			f(handle(p))
		}
		i += 1 << (x.depth - s.depth)
	}
}

// sortByKey sorts places by key.
func sortByKey(a *arena, places []uint64) {
	slices.Sort(places)
	for i := 0; i < len(places); {
		n := 1
		for i+n < len(places) && places[i]>>32 == places[i+n]>>32 {
			n++
		}
		if n > 1 { // the upper halves are the same
			slices.SortFunc(places[i:i+n], func(p, q uint64) int { return cmp.Compare(a.key(handle(p)), a.key(handle(q))) })
		}
		i += n
	}
}
