package index

import "math"

// Sieve is what most values need of a table: it says of those of which the table
// has no rule that it has none, but for a few. It is small, to lie beside others of
// which the same events are asked, and looks at one place of memory besides. The
// zero Sieve lets everything through.
type Sieve struct {
	words []uint64
	// Of texts, and of affixes with their lengths, ascending up to a 0: words are the
	// tags of the table.
	shift   uint8
	lengths [7]uint8
	// Of ranges: words have a bit for each of the cells of equal width into which the
	// limits of the ranges are divided, set where some range is.
	least, scale float64
}

// Sieve returns the sieve of a table of texts.
func (t *Texts) Sieve() Sieve { return Sieve{words: t.tags, shift: t.shift} }

// Text returns false when the table has no rule for a text.
func (s *Sieve) Text(text []byte) bool {
	if len(s.words) == 0 {
		return true
	}
	hash := Hash(text)
	return perhaps(s.words[hash>>s.shift], hash)
}

// Sieve returns the sieve of a table of affixes. With an empty affix, many lengths
// or long ones it lets everything through.
func (a *Affixes) Sieve() Sieve {
	s := Sieve{words: a.tags, shift: a.shift}
	for i, length := range a.lengths {
		if i == len(s.lengths) || length == 0 || length > math.MaxUint8 {
			return Sieve{}
		}
		s.lengths[i] = uint8(length)
	}
	return s
}

// Prefix returns false when the table has no rule for a prefix of a text.
func (s *Sieve) Prefix(text []byte) bool { return s.affix(text, roll{hash: spread}) }

// Suffix returns false when the table has no rule for a suffix of a text.
func (s *Sieve) Suffix(text []byte) bool { return s.affix(text, roll{hash: spread, back: true}) }

func (s *Sieve) affix(text []byte, r roll) bool {
	if len(s.words) == 0 {
		return true
	}
	for _, length := range s.lengths {
		if length == 0 || int(length) > len(text) {
			return false
		}
		if hash := r.to(text, int(length)); perhaps(s.words[hash>>s.shift], hash) {
			return true
		}
	}
	return false
}

// newSieve makes the sieve of the ranges.
func (r *Ranges) newSieve(ranges []Range) Sieve {
	s := Sieve{words: make([]uint64, len(r.limits)/2+1), scale: 1} // 32 cells for each limit
	cells := 64 * len(s.words)
	least, width := r.span()
	if math.IsInf(width, 1) {
		return Sieve{} // where a number lies between the limits, no float64 says
	}
	if s.least = least; width > 0 {
		s.scale = float64(cells-3) / width
	}
	more := make([]int32, cells+1) // by cell: how many ranges more there are than in the one before
	for _, x := range ranges {
		if x.Low <= x.High {
			more[s.cell(x.Low)]++
			more[s.cell(x.High)+1]--
		}
	}
	open, covered := int32(0), 0
	for cell := range cells {
		if open += more[cell]; open > 0 {
			s.words[cell/64] |= 1 << (cell % 64)
			covered++
		}
	}
	if covered == cells {
		return Sieve{}
	}
	return s
}

// Sieve returns the sieve of a table of ranges.
func (r *Ranges) Sieve() Sieve { return r.sieve }

// cell returns the cell of a number. The first one has those below the least limit,
// the last those above the greatest. Of two numbers the larger one has no smaller
// cell.
func (s *Sieve) cell(number float64) int {
	last := 64*len(s.words) - 1
	switch at := (number-s.least)*s.scale + 1; {
	case at >= float64(last):
		return last
	case at > 0:
		return int(at)
	}
	return 0
}

// Number returns false when the table has no rule for a number.
func (s *Sieve) Number(number float64) bool {
	if len(s.words) == 0 {
		return true
	}
	cell := s.cell(number)
	return s.words[uint(cell)/64]>>(uint(cell)%64)&1 != 0
}
