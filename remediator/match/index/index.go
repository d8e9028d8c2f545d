// Package index finds the rules that one value of an event concerns, without
// looking at the others: by equal text or number, by prefix or suffix, by the
// range that a number lies in, by the network that an address belongs to.
//
// Package match keeps such a table for each place in an event that the rules of
// a type ask about. A table is immutable, holds rules by their numbers, and
// appends those that it finds to a slice of the caller, in no particular order.
// A search allocates nothing, and takes time for the value's length and for what
// it finds, and at most the logarithm of the number of rules besides.
package index

import (
	"cmp"
	"encoding/binary"
	"math"
	"math/bits"
	"slices"
)

// Entry says under which key a rule is found. A rule may have several.
type Entry struct {
	Key  string
	Rule uint32
}

// table is a hash table with open addressing. Its keys lie in one text and the
// rules of all keys in one list, so that the garbage collector has nothing to follow.
type table struct {
	slots []slot
	shift uint8    // of a hash, which leaves the number of its first slot
	text  []byte   // the keys, one behind the other
	ends  []uint32 // of each key in text
	from  []uint32 // where the rules of each key begin, and where the last one's end
	rules []uint32
}

// slot is one place of the table.
type slot struct {
	tag uint32 // part of the hash
	key uint32 // number of the key from 1 on; 0: free
}

// newTable makes the table of entries, hashed by a function.
func newTable(entries []Entry, hash func(key string) uint64) table {
	var t table
	if len(entries) == 0 {
		return t
	}
	entries = slices.Clone(entries)
	slices.SortFunc(entries, func(a, b Entry) int {
		return cmp.Or(cmp.Compare(a.Key, b.Key), cmp.Compare(a.Rule, b.Rule))
	})
	entries = slices.Compact(entries)
	keys, length := 0, 0
	for i, e := range entries {
		if i == 0 || e.Key != entries[i-1].Key {
			keys, length = keys+1, length+len(e.Key)
		}
	}
	size := 2 << bits.Len(uint(keys)) // at most half of the slots are taken
	t.slots, t.shift = make([]slot, size), uint8(65-bits.Len(uint(size)))
	t.text, t.ends = make([]byte, 0, length), make([]uint32, 0, keys)
	t.from, t.rules = make([]uint32, 0, keys+1), make([]uint32, 0, len(entries))
	for i, e := range entries {
		if i == 0 || e.Key != entries[i-1].Key {
			t.text = append(t.text, e.Key...)
			t.ends = append(t.ends, uint32(len(t.text)))
			t.from = append(t.from, uint32(len(t.rules)))
			t.place(hash(e.Key), uint32(len(t.ends)))
		}
		t.rules = append(t.rules, e.Rule)
	}
	t.from = append(t.from, uint32(len(t.rules)))
	return t
}

func (t *table) place(hash uint64, key uint32) {
	at := hash >> t.shift
	for t.slots[at].key != 0 {
		at = (at + 1) & uint64(len(t.slots)-1)
	}
	t.slots[at] = slot{uint32(hash), key}
}

// append appends the rules of a key.
func (t *table) append(dst []uint32, hash uint64, key []byte) []uint32 {
	if len(t.slots) == 0 {
		return dst
	}
	for at := hash >> t.shift; t.slots[at].key != 0; at = (at + 1) & uint64(len(t.slots)-1) {
		s := t.slots[at]
		if s.tag == uint32(hash) && string(t.key(s.key-1)) == string(key) {
			return append(dst, t.rules[t.from[s.key-1]:t.from[s.key]]...)
		}
	}
	return dst
}

func (t *table) key(i uint32) []byte {
	start := uint32(0)
	if i > 0 {
		start = t.ends[i-1]
	}
	return t.text[start:t.ends[i]]
}

// Constants without structure, from the fractions of the golden ratio and of
// the square root of 3: they spread hashes over the slots.
const (
	spread  = 0x9E3779B97F4A7C15
	spread2 = 0xBB67AE8584CAA73B
)

func mix(a, b uint64) uint64 {
	high, low := bits.Mul64(a, b)
	return high ^ low
}

// Hash hashes a whole text, eight bytes at a time.
func Hash[T string | []byte](key T) uint64 {
	h := uint64(len(key)) ^ spread
	i := 0
	for ; i+8 <= len(key); i += 8 {
		h = mix(h^word(key[i:i+8]), spread2)
	}
	if i < len(key) {
		var last uint64
		for ; i < len(key); i++ {
			last = last<<8 | uint64(key[i])
		}
		h = mix(h^last, spread2)
	}
	return mix(h, spread)
}

func word[T string | []byte](key T) uint64 {
	_ = key[7]
	return uint64(key[0]) | uint64(key[1])<<8 | uint64(key[2])<<16 | uint64(key[3])<<24 |
		uint64(key[4])<<32 | uint64(key[5])<<40 | uint64(key[6])<<48 | uint64(key[7])<<56
}

// Texts finds rules by equal text.
type Texts struct{ table }

// NewTexts returns the table of rules by the texts they ask for.
func NewTexts(entries []Entry) *Texts { return &Texts{newTable(entries, Hash[string])} }

// Append appends the rules that ask for a text.
func (t *Texts) Append(dst []uint32, text []byte) []uint32 {
	return t.append(dst, Hash(text), text)
}

// Number says for which number a rule is found.
type Number struct {
	Value float64 // never NaN
	Rule  uint32
}

// Numbers finds rules by equal number. Zero has no sign.
type Numbers struct{ table }

// NewNumbers returns the table of rules by the numbers they ask for.
func NewNumbers(numbers []Number) *Numbers {
	entries := make([]Entry, len(numbers))
	for i, n := range numbers {
		key := numberKey(n.Value)
		entries[i] = Entry{string(key[:]), n.Rule}
	}
	return &Numbers{newTable(entries, Hash[string])}
}

// Append appends the rules that ask for a number.
func (t *Numbers) Append(dst []uint32, number float64) []uint32 {
	key := numberKey(number)
	return t.append(dst, Hash(key[:]), key[:])
}

func numberKey(number float64) (key [8]byte) {
	binary.LittleEndian.PutUint64(key[:], math.Float64bits(number+0)) // -0 + 0 is 0
	return key
}
