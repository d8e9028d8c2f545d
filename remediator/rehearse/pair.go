package rehearse

import "slices"

// unpaired is the index of what has no other.
const unpaired = -1

// pair finds a remedy for as many expectations as can have one each, and returns by
// expectation which it is. Were each to keep the first that fits, one that many remedies
// fit would have the only remedy that fits another.
func pair(expectations, remedies int, fits func(expectation, remedy int) bool) []int {
	p := &pairing{fits: fits, by: slices.Repeat([]int{unpaired}, remedies), asked: make([]bool, remedies)}
	for e := range expectations {
		if p.place(e) {
			clear(p.asked) // what was asked in vain stays so: nobody finds a place through it later
		}
	}
	found := slices.Repeat([]int{unpaired}, expectations)
	for m, e := range p.by {
		if e != unpaired {
			found[e] = m
		}
	}
	return found
}

// pairing is how far pair has come.
type pairing struct {
	fits  func(expectation, remedy int) bool
	by    []int  // by remedy, the expectation that has it
	asked []bool // by remedy, whether who has it was asked for another
}

// place finds a remedy for an expectation: one that is free, or one whose owner can have
// another instead.
func (p *pairing) place(e int) bool {
	for m, owner := range p.by {
		if owner == unpaired && !p.asked[m] && p.fits(e, m) {
			p.by[m] = e
			return true
		}
	}
	for m, owner := range p.by {
		if owner == unpaired || p.asked[m] || !p.fits(e, m) {
			continue
		}
		if p.asked[m] = true; p.place(owner) {
			p.by[m] = e
			return true
		}
	}
	return false
}
