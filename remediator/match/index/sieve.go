package index

import (
	"math"
	"math/bits"
	"slices"
)

// Sieve is what most values need of a table: it says of those of which the table
// has no rule that it has none, but for a few. It is small, to lie beside others of
// which the same events are asked, and looks at one place of memory besides. The
// zero Sieve lets everything through.
//
// Where all rules of a table also ask a second value for a text, its sieve may look
// at both values at once. It then takes the second one as And gives it, and 0
// otherwise.
type Sieve struct {
	words []uint64
	// Of texts, and of affixes with their lengths, ascending up to a 0: words are the
	// tags of the table, or such tags of pairs. Of ranges, shift is the logarithm of
	// how many bits a cell has, one for each group of second values.
	shift   uint8
	lengths [7]uint8
	// Of ranges: words have the bits of the cells of equal width into which the limits
	// of the ranges are divided, set where some range is.
	least, scale float64
}

// And returns what sieves take for a second value.
func And(text []byte) uint64 { return bits.RotateLeft64(Hash(text), 32) }

// Sieve returns the sieve of a table of texts, of the entries that it was made of.
// ands has the second values that each of them asks for, and is nil where there are
// none.
func (t *Texts) Sieve(entries []Entry, ands [][]uint64) Sieve {
	if ands == nil {
		return Sieve{words: t.tags, shift: t.shift}
	}
	return pairs(entries, ands, Hash)
}

// pairs returns the sieve of the hashes of keys, each with its second values.
func pairs(entries []Entry, ands [][]uint64, hash func(key []byte) uint64) Sieve {
	var all []uint64
	for i, e := range entries {
		key := hash([]byte(e.Key))
		for _, and := range ands[i] {
			all = append(all, key^and)
		}
	}
	slices.Sort(all)
	all = slices.Compact(all)
	t := emptyTable(len(all))
	for _, hash := range all {
		t.place(hash, 0)
	}
	return Sieve{words: t.tags, shift: t.shift}
}

// Text returns false when the table has no rule for a text.
func (s *Sieve) Text(text []byte, and uint64) bool {
	if len(s.words) == 0 {
		return true
	}
	hash := Hash(text) ^ and
	return perhaps(s.words[hash>>s.shift], hash)
}

// Sieve returns the sieve of a table of affixes, as Texts does. With an empty affix,
// many lengths or long ones it lets everything through.
func (a *Affixes) Sieve(entries []Entry, ands [][]uint64) Sieve {
	s := Sieve{words: a.tags, shift: a.shift}
	if ands != nil {
		s = pairs(entries, ands, a.hash)
	}
	for i, length := range a.lengths {
		if i == len(s.lengths) || length == 0 || length > math.MaxUint8 {
			return Sieve{}
		}
		s.lengths[i] = uint8(length)
	}
	return s
}

// Prefix returns false when the table has no rule for a prefix of a text.
func (s *Sieve) Prefix(text []byte, and uint64) bool { return s.affix(text, and, roll{hash: spread}) }

// Suffix returns false when the table has no rule for a suffix of a text.
func (s *Sieve) Suffix(text []byte, and uint64) bool {
	return s.affix(text, and, roll{hash: spread, back: true})
}

func (s *Sieve) affix(text []byte, and uint64, r roll) bool {
	if len(s.words) == 0 {
		return true
	}
	for _, length := range s.lengths {
		if length == 0 || int(length) > len(text) {
			return false
		}
		if hash := r.to(text, int(length)) ^ and; perhaps(s.words[hash>>s.shift], hash) {
			return true
		}
	}
	return false
}

const (
	// limitCells is how many cells there are for each limit, or bits of cells.
	limitCells = 32
	// manyParts is the logarithm of the number of groups of second values.
	manyParts = 3
)

// Sieve returns the sieve of a table of ranges, as Texts does.
func (r *Ranges) Sieve(ranges []Range, ands [][]uint64) Sieve {
	s := Sieve{words: make([]uint64, len(r.limits)*limitCells/64+1), scale: 1}
	if ands != nil {
		s.shift = manyParts
	}
	cells := 64 * len(s.words) >> s.shift
	least, width := r.span()
	if math.IsInf(width, 1) {
		return Sieve{} // where a number lies between the limits, no float64 says
	}
	if s.least = least; width > 0 {
		s.scale = float64(cells-3) / width
	}
	for part := range 1 << s.shift {
		s.cover(part, ranges, ands)
	}
	if !slices.ContainsFunc(s.words, func(word uint64) bool { return word != math.MaxUint64 }) {
		return Sieve{}
	}
	return s
}

// cover sets the bits of a group of second values where some range is.
func (s *Sieve) cover(part int, ranges []Range, ands [][]uint64) {
	cells := 64 * len(s.words) >> s.shift
	more := make([]int32, cells+1) // by cell: how many ranges more there are than in the one before
	for i, x := range ranges {
		if x.Low > x.High || ands != nil && !slices.ContainsFunc(ands[i], func(and uint64) bool { return s.part(and) == part }) {
			continue
		}
		more[s.cell(x.Low)]++
		more[s.cell(x.High)+1]--
	}
	open := int32(0)
	for cell := range cells {
		if open += more[cell]; open > 0 {
			at := cell<<s.shift | part
			s.words[at/64] |= 1 << (at % 64)
		}
	}
}

// part returns the group of a second value.
func (s *Sieve) part(and uint64) int { return int(and >> (64 - s.shift)) }

// cell returns the cell of a number. The first one has those below the least limit,
// the last those above the greatest. Of two numbers the larger one has no smaller
// cell.
func (s *Sieve) cell(number float64) int {
	last := (64*len(s.words))>>s.shift - 1
	switch at := (number-s.least)*s.scale + 1; {
	case at >= float64(last):
		return last
	case at > 0:
		return int(at)
	}
	return 0
}

// Number returns false when the table has no rule for a number.
func (s *Sieve) Number(number float64, and uint64) bool {
	if len(s.words) == 0 {
		return true
	}
	at := uint(s.cell(number)<<s.shift | s.part(and))
	return s.words[at/64]>>(at%64)&1 != 0
}
