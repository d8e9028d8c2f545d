package index

import (
	"encoding/binary"
	"slices"
)

// Affixes finds rules by how a text begins, or by how it ends. It passes the text
// once, as far as the longest affix goes, and asks at each length that some
// affix has; so it matters neither how many affixes there are nor how alike.
type Affixes struct {
	lengths []int // that affixes have, ascending
	back    bool  // the affixes are suffixes
	table
}

// NewPrefixes returns the table of rules by the prefixes they ask for.
func NewPrefixes(entries []Entry) *Affixes { return newAffixes(entries, false) }

// NewSuffixes returns the table of rules by the suffixes they ask for.
func NewSuffixes(entries []Entry) *Affixes { return newAffixes(entries, true) }

func newAffixes(entries []Entry, back bool) *Affixes {
	a := &Affixes{back: back}
	for _, e := range entries {
		a.lengths = append(a.lengths, len(e.Key))
	}
	slices.Sort(a.lengths)
	a.lengths = slices.Clone(slices.Compact(a.lengths))
	a.table = newTable(entries, a.hash)
	return a
}

// hash hashes a whole affix.
func (a *Affixes) hash(key []byte) uint64 {
	r := roll{hash: spread, back: a.back}
	return r.to(key, len(key))
}

// roll is the hash of the bytes of a text that were read, eight at a time from its
// beginning or, when it is about suffixes, from its end.
type roll struct {
	hash uint64
	read int
	back bool
}

// to goes on as far as an affix of a length goes, and returns the affix's hash.
func (r *roll) to(text []byte, length int) uint64 {
	if length <= 16 {
		return Hash(r.between(text, 0, length)) // sooner than what could be gone on with
	}
	for ; r.read+8 <= length; r.read += 8 {
		r.hash = mix(r.hash^binary.LittleEndian.Uint64(r.between(text, r.read, r.read+8)), spread2)
	}
	return lastly(r.hash, r.between(text, r.read, length))
}

// between returns the bytes of a text from one distance to another.
func (r *roll) between(text []byte, from, to int) []byte {
	if r.back {
		return text[len(text)-to : len(text)-from]
	}
	return text[from:to]
}

// Append appends the rules that ask for an affix of a text.
func (a *Affixes) Append(dst []uint32, text []byte) []uint32 {
	r := roll{hash: spread, back: a.back}
	for _, length := range a.lengths {
		if length > len(text) {
			break
		}
		dst = a.append(dst, r.to(text, length))
	}
	return dst
}
