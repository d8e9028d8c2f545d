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
	"strings"
)

// Entry says under which key a rule is found. A rule may have several.
type Entry struct {
	Key  string
	Rule uint32
}

// table is a hash table of lines. What most values need of it, that they are not
// there, is one word for each line; whether they are is decided by their hashes. So
// a search may find the rules of another key too, once in some billions, and
// looks at two places of memory at most.
type table struct {
	tags  []uint64 // of the lines
	shift uint8    // of a hash, which leaves the number of its first line
	slots []slot   // eight for each line, of which the last has no tag and is free
	more  []uint32 // the rules of keys that have several, the last one of each marked
}

// slot is one key.
type slot struct {
	hash  uint32 // a part of it
	rules uint32 // the only rule, or, marked, where in more they begin
}

const (
	// lineKeys is how many keys have a tag in the word of a line. The byte above
	// them says whether keys that belong there lie in the next line.
	lineKeys = 7
	spilled  = 0xFF << (8 * lineKeys)
	// mark tells the beginning of rules from a rule, and the last of them.
	mark = 1 << 31
)

// newTable makes the table of entries, hashed by a function.
func newTable(entries []Entry, hash func(key []byte) uint64) table {
	entries = slices.Clone(entries)
	slices.SortFunc(entries, func(a, b Entry) int {
		return cmp.Or(strings.Compare(a.Key, b.Key), cmp.Compare(a.Rule, b.Rule))
	})
	entries = slices.Compact(entries)
	var begins []int // of the rules of each key, in entries
	for i, e := range entries {
		if i == 0 || e.Key != entries[i-1].Key {
			begins = append(begins, i)
		}
	}
	t := emptyTable(len(begins))
	for n, from := range begins {
		to := len(entries)
		if n+1 < len(begins) {
			to = begins[n+1]
		}
		rules := entries[from].Rule
		if to-from > 1 {
			rules = mark | uint32(len(t.more))
			for _, e := range entries[from:to] {
				t.more = append(t.more, e.Rule)
			}
			t.more[len(t.more)-1] |= mark
		}
		t.place(hash([]byte(entries[from].Key)), rules)
	}
	t.more = slices.Clip(t.more)
	return t
}

// emptyTable makes a table for so many keys.
func emptyTable(keys int) table {
	size := 1 << bits.Len(uint(keys*2/lineKeys)) // at most half of the slots is taken
	return table{tags: make([]uint64, size), shift: uint8(65 - bits.Len(uint(size))), slots: make([]slot, 8*size)}
}

// place gives a key a slot.
func (t *table) place(hash uint64, rules uint32) {
	line := hash >> t.shift
	for t.tags[line]>>(8*(lineKeys-1)) != 0 { // the last tag is taken
		t.tags[line] |= spilled
		line = (line + 1) & uint64(len(t.tags)-1)
	}
	at := (bits.Len64(t.tags[line]) + 7) / 8
	t.tags[line] |= uint64(tag(hash)) << (8 * at)
	t.slots[8*line+uint64(at)] = slot{slotPart(hash), rules}
}

// tag is the part of a hash that lies in the word of its line. It is neither 0, as
// where no key is, nor what says that keys have spilled.
func tag(hash uint64) uint8 { return min(max(uint8(hash), 1), 0xFE) }

// slotPart is the part of a hash that lies in its slot.
func slotPart(hash uint64) uint32 { return uint32(hash >> 8) }

// same marks, by the highest bits of eight bytes, the tags of a line that a hash has.
func same(tags, hash uint64) uint64 {
	const ones, lows = 0x0101010101010101, 0x7F7F7F7F7F7F7F7F
	x := tags ^ ones*uint64(tag(hash))
	return ^((x&lows + lows) | x | lows)
}

// perhaps reports whether a key may be in a line or behind it.
func perhaps(tags, hash uint64) bool { return same(tags, hash)|tags>>(8*lineKeys) != 0 }

// append appends the rules of a key.
func (t *table) append(dst []uint32, hash uint64) []uint32 {
	if line := hash >> t.shift; perhaps(t.tags[line], hash) {
		return t.search(dst, hash, line)
	}
	return dst // as for most values
}

func (t *table) search(dst []uint32, hash, line uint64) []uint32 {
	for {
		tags := t.tags[line]
		for marks := same(tags, hash); marks != 0; marks &= marks - 1 {
			if s := t.slots[8*line+uint64(bits.TrailingZeros64(marks)/8)]; s.hash == slotPart(hash) {
				dst = t.rules(dst, s.rules)
			}
		}
		if tags>>(8*lineKeys) == 0 {
			return dst
		}
		line = (line + 1) & uint64(len(t.tags)-1)
	}
}

// rules appends the rules of a slot.
func (t *table) rules(dst []uint32, rules uint32) []uint32 {
	if rules&mark == 0 {
		return append(dst, rules)
	}
	for at := rules &^ mark; ; at++ {
		dst = append(dst, t.more[at]&^mark)
		if t.more[at]&mark != 0 {
			return dst
		}
	}
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

// Hash hashes a whole text. Most are of eight to sixteen bytes, for which one product
// will do.
func Hash(text []byte) uint64 {
	if n := len(text); n >= 8 && n <= 16 {
		return mix(binary.LittleEndian.Uint64(text)^spread+uint64(n), binary.LittleEndian.Uint64(text[n-8:])^spread2)
	}
	h := uint64(spread)
	for ; len(text) >= 8; text = text[8:] {
		h = mix(h^binary.LittleEndian.Uint64(text), spread2)
	}
	return lastly(h, text)
}

// lastly adds the last bytes, fewer than eight, to a hash.
func lastly(hash uint64, rest []byte) uint64 {
	var last uint64
	if n := len(rest); n >= 4 {
		last = uint64(binary.LittleEndian.Uint32(rest)) | uint64(binary.LittleEndian.Uint32(rest[n-4:]))<<32
	} else if n > 0 {
		last = uint64(rest[0]) | uint64(rest[n/2])<<8 | uint64(rest[n-1])<<16
	}
	return mix(hash^last, spread+uint64(len(rest)))
}

// Texts finds rules by equal text.
type Texts struct{ table }

// NewTexts returns the table of rules by the texts they ask for.
func NewTexts(entries []Entry) *Texts { return &Texts{newTable(entries, Hash)} }

// Append appends the rules that ask for a text.
func (t *Texts) Append(dst []uint32, text []byte) []uint32 {
	return t.append(dst, Hash(text))
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
	return &Numbers{newTable(entries, Hash)}
}

// Append appends the rules that ask for a number.
func (t *Numbers) Append(dst []uint32, number float64) []uint32 {
	key := numberKey(number)
	return t.append(dst, Hash(key[:]))
}

func numberKey(number float64) (key [8]byte) {
	binary.LittleEndian.PutUint64(key[:], math.Float64bits(number+0)) // -0 + 0 is 0
	return key
}
