package index

import "slices"

// gram is how many bytes of a part are looked for, at most.
const gram = 4

// Parts finds rules by what a text has in it. It looks for a few bytes of each
// part at every place of the text, so what it appends are rules that may be
// right: of those whose part is longer, the others are not excluded.
type Parts struct {
	table
	lengths []int    // that the bytes looked for have
	always  []uint32 // the rules with an empty part
	others  []uint32 // those of all the other entries
}

// NewParts returns the table of rules by the parts they ask for.
func NewParts(entries []Entry) *Parts {
	p := &Parts{}
	common := map[string]int{} // in how many parts some bytes are
	for _, e := range entries {
		for at := range grams(e.Key) {
			common[at]++
		}
	}
	var rarest []Entry
	for _, e := range entries {
		if e.Key == "" {
			p.always = append(p.always, e.Rule)
			continue
		}
		best := ""
		for at := range grams(e.Key) {
			if best == "" || common[at] < common[best] {
				best = at
			}
		}
		rarest, p.others = append(rarest, Entry{best, e.Rule}), append(p.others, e.Rule)
		if !slices.Contains(p.lengths, len(best)) {
			p.lengths = append(p.lengths, len(best))
		}
	}
	p.table = newTable(rarest, Hash)
	return p
}

// grams gives the runs of bytes in a text of the length that is looked for.
func grams(text string) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		length := min(gram, len(text))
		for i := 0; length > 0 && i+length <= len(text); i++ {
			if !yield(text[i : i+length]) {
				return
			}
		}
	}
}

// Append appends the rules that may ask for a part of a text, some perhaps more
// than once, but never more than twice as many as there are.
func (p *Parts) Append(dst []uint32, text []byte) []uint32 {
	dst = append(dst, p.always...)
	start := len(dst)
	for _, length := range p.lengths {
		for i := 0; i+length <= len(text); i++ {
			if dst = p.append(dst, Hash(text[i:i+length])); len(dst)-start > len(p.others) {
				// Bytes that repeat find the same rules again and again.
				return append(dst[:start], p.others...)
			}
		}
	}
	return dst
}
