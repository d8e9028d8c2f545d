package index

import "slices"

// Affixes finds rules by how a text begins, or by how it ends. It passes the text
// once, as far as the longest affix goes, and asks at each length that some
// affix has; so it matters neither how many affixes there are nor how alike.
type Affixes struct {
	table
	lengths []int // that affixes have, ascending
	back    bool  // the affixes are suffixes
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
	a.table = newTable(entries, func(key string) uint64 {
		var h uint64
		for i := range len(key) {
			if back {
				h = rolled(h, key[len(key)-1-i])
			} else {
				h = rolled(h, key[i])
			}
		}
		return mix(h, spread)
	})
	return a
}

// rolled adds one more byte to a hash.
func rolled(h uint64, c byte) uint64 { return (h + uint64(c) + 1) * spread2 }

// Append appends the rules that ask for an affix of a text.
func (a *Affixes) Append(dst []uint32, text []byte) []uint32 {
	if a.back {
		return a.appendSuffixes(dst, text)
	}
	var h uint64
	read := 0
	for _, length := range a.lengths {
		if length > len(text) {
			break
		}
		for _, c := range text[read:length] {
			h = rolled(h, c)
		}
		read = length
		dst = a.append(dst, mix(h, spread), text[:length])
	}
	return dst
}

func (a *Affixes) appendSuffixes(dst []uint32, text []byte) []uint32 {
	var h uint64
	read := 0
	for _, length := range a.lengths {
		if length > len(text) {
			break
		}
		for ; read < length; read++ {
			h = rolled(h, text[len(text)-1-read])
		}
		dst = a.append(dst, mix(h, spread), text[len(text)-length:])
	}
	return dst
}
