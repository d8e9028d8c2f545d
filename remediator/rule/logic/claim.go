// Package logic says what follows from the conditions of rules alone, before any
// event: that a condition can never hold, that two cannot hold together, that one
// holds whenever another does.
//
// A condition is read into cases, each a list of literals that hold together: a
// term of the event compared with constants. What it does not understand is a
// term of its own that is true or false. So it proves what it says, and says
// nothing where it cannot: it never finds a contradiction that is none. Package
// lint is its caller.
package logic

import (
	"regexp"
	"slices"
)

// Claim is a condition taken apart.
type Claim struct {
	cases []list  // one of them holds; none: never
	known []known // of the cases, once it is ready to be compared
	open  bool    // it was too much to take apart, so that nothing is known of it
}

// list is literals that hold together.
type list []literal

// maxCases bounds what taking a condition apart may cost: each && of two || makes
// more of them.
const maxCases = 256

// Always is the claim that says nothing.
func Always() Claim { return Claim{cases: []list{nil}} }

func only(l literal) Claim { return Claim{cases: []list{{l}}} }

// And is the claim that two hold together.
func (c Claim) And(d Claim) Claim {
	if len(c.cases)*len(d.cases) > maxCases {
		return Claim{open: true}
	}
	joined := Claim{open: c.open || d.open}
	for _, a := range c.cases {
		for _, b := range d.cases {
			joined.cases = append(joined.cases, slices.Concat(a, b))
		}
	}
	return joined
}

// or is the claim that one of two holds.
func (c Claim) or(d Claim) Claim {
	if len(c.cases)+len(d.cases) > maxCases {
		return Claim{open: true}
	}
	return Claim{cases: slices.Concat(c.cases, d.cases), open: c.open || d.open}
}

// Ready returns the claim ready to be compared with many others.
func (c Claim) Ready() Claim {
	if len(c.known) != len(c.cases) {
		c.known = make([]known, len(c.cases))
		for i, l := range c.cases {
			c.known[i] = l.known()
		}
	}
	return c
}

// Never reports whether it is certain that the claim cannot hold.
func (c Claim) Never() bool {
	return !c.open && !slices.ContainsFunc(c.Ready().known, func(k known) bool { return k.possible })
}

// Excludes reports whether it is certain that both cannot hold of one event.
func (c Claim) Excludes(d Claim) bool {
	if c.open || d.open {
		return false
	}
	c, d = c.Ready(), d.Ready()
	thorough := len(c.cases)*len(d.cases) <= maxCases
	for i := range c.known {
		for j := range d.known {
			if !c.known[i].excludes(&d.known[j], thorough) {
				return false
			}
		}
	}
	return true
}

// Implies reports whether it is certain that d holds whenever c does.
func (c Claim) Implies(d Claim) bool {
	if c.open || d.open {
		return false
	}
	c, d = c.Ready(), d.Ready()
	for i := range c.known {
		if c.known[i].possible && !c.known[i].entailsOne(d.known) {
			return false
		}
	}
	return true
}

// TextOrder returns a term that the claim orders by a text which is written as a
// number, and the text: such an order is one of letters, in which "9" is above
// "60", and of a number it is an error. It returns "" when there is none. Between two
// texts of one length lie codes, such as postcodes and years.
func (c Claim) TextOrder() (term, than string) {
	for _, all := range c.cases {
		for _, l := range all {
			if l.ordersText() && numeral.MatchString(l.values[0].text) && !slices.ContainsFunc(all, l.bracketedBy) {
				return l.term, l.values[0].text
			}
		}
	}
	return "", ""
}

func (l literal) ordersText() bool {
	return opposite[l.op] != "" && l.values[0].kind == text
}

// bracketedBy reports whether another literal is the bound on the other side, of one length.
func (l literal) bracketedBy(other literal) bool {
	upper := func(by op) bool { return by == less || by == atMost }
	return other.ordersText() && other.term == l.term && upper(other.op) != upper(l.op) && len(other.values[0].text) == len(l.values[0].text)
}

// numeral is a number, and no code like 01067 or day like 20261127: of one length, these
// are ordered as texts as they should be.
var numeral = regexp.MustCompile(`^[-+]?(0|[1-9][0-9]{0,3})(\.[0-9]+)?$`)
