package match

import (
	"net/netip"
	"slices"
	"strconv"
)

// class is a kind of predicate. Those of one class are errors for the same values.
type class uint8

const (
	equal   class = iota // one of several constants; an error only for an absent value
	folded               // a text, when capitals count as small letters; for texts only, as are the four that follow
	prefix               // it begins with a text
	suffix               // it ends with a text
	part                 // it has a text in it
	network              // it is an address in a network
	within               // a range of numbers; for numbers only
	element              // an element of a list, or a field of each, is one of several texts
)

// place is what predicates of one group are about.
type place struct {
	slot  int32
	class class
	// optional says that a constant stands for an absent value, which is then no error.
	optional bool
	// of is the field of the elements of a list, as elementFields takes it apart;
	// empty for the elements themselves.
	of string
}

// predicate is a part of a rule's condition that asks one value of the event for
// constants, such that the condition is false when the part is.
type predicate struct {
	place
	parents    []int // of an optional place: the slots above it, which may make it an error
	whenAbsent bool  // what it says of an absent value, if optional
	texts      []string
	maxText    int // of part: the length in bytes above which a text has to be searched by the rule itself
	numbers    []float64
	null       bool
	truths     [2]bool // false and true
	low, high  float64 // of a range; they belong to it
	network    netip.Prefix
}

// keys gives the constants, apart from those of a range, each as a text of its own.
func (p *predicate) keys() func(yield func(string) bool) {
	return func(yield func(string) bool) {
		for _, t := range p.texts {
			if p.class == suffix {
				t = reversed(t)
			}
			if !yield(t) {
				return
			}
		}
		for _, n := range p.numbers {
			if !yield("\x00" + strconv.FormatFloat(n, 'g', -1, 64)) {
				return
			}
		}
		if p.class == network && !yield(p.network.String()) {
			return
		}
		for i, key := range [...]string{"\x00false", "\x00true"} {
			if p.truths[i] && !yield(key) {
				return
			}
		}
		if p.null {
			yield("\x00null")
		}
	}
}

func reversed(t string) string {
	b := []byte(t)
	slices.Reverse(b)
	return string(b)
}
