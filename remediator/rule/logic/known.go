package logic

import (
	"slices"
	"strings"
)

// known is what a case says of each term, taken apart once for all that it is compared with.
type known struct {
	possible bool
	all      list
	terms    []said   // in order of the terms
	marks    uint64   // one of its bits for each term, so that most pairs of cases need no more
	denied   []string // fields that the event does not have
}

// said is what a case says of one term, with what is true of it in any event.
type said struct {
	term  string
	facts facts
}

// known takes a list apart. It is possible as far as each term by itself says.
func (l list) known() known {
	k := known{all: l}
	for _, one := range l {
		k.say(one)
		if field, ok := one.denies(); ok {
			k.say(literal{field, absent, nil})
			k.denied = append(k.denied, field)
		}
	}
	k.possible = !k.asksBelow(&k)
	for _, s := range k.terms {
		k.possible = k.possible && s.facts.possible()
	}
	return k
}

// asksBelow reports whether a case says something of what is in a field that the event of
// another one does not have: there is no such value, of which nothing holds.
func (k *known) asksBelow(other *known) bool {
	for _, field := range other.denied {
		for i := range k.all {
			if below, ok := strings.CutPrefix(k.all[i].term, field); ok && below != "" && (below[0] == '.' || below[0] == '[') {
				return true
			}
		}
	}
	return false
}

func (k *known) say(one literal) {
	i, found := k.find(one.term)
	if !found {
		k.terms = slices.Insert(k.terms, i, said{one.term, natural(one.term)})
		k.marks |= mark(one.term)
	}
	k.terms[i].facts = append(k.terms[i].facts, one)
}

// mark is the bit of a term; terms may share one.
func mark(term string) uint64 {
	sum := uint64(0)
	for i := range len(term) {
		sum = sum*31 + uint64(term[i])
	}
	return 1 << (sum % 61)
}

func (k *known) find(term string) (int, bool) {
	return slices.BinarySearchFunc(k.terms, term, func(s said, term string) int { return strings.Compare(s.term, term) })
}

// excludes reports whether it is certain that two cases cannot hold together. Without
// thorough only constants are looked at: they settle most pairs.
func (k *known) excludes(other *known, thorough bool) bool {
	if thorough && (!k.possible || !other.possible || k.asksBelow(other) || other.asksBelow(k)) {
		return true
	}
	if k.marks&other.marks == 0 {
		return false
	}
	for i, j := 0, 0; i < len(k.terms) && j < len(other.terms); {
		switch a, b := &k.terms[i], &other.terms[j]; strings.Compare(a.term, b.term) {
		case -1:
			i++
		case 1:
			j++
		default:
			if a.facts.apart(b.facts) || thorough && !a.facts.possibleWith(b.facts) {
				return true
			}
			i, j = i+1, j+1
		}
	}
	return false
}

// entails reports whether another case is true whenever this one is. What nothing is said
// of may have no value, of which nothing holds.
func (k *known) entails(other *known) bool {
	if other.marks&^k.marks != 0 {
		return false
	}
	for i := range other.all {
		at, found := k.find(other.all[i].term)
		if !found || !k.terms[at].facts.entail(&other.all[i]) {
			return false
		}
	}
	return true
}

func (k *known) entailsOne(of []known) bool {
	for i := range of {
		if k.entails(&of[i]) {
			return true
		}
	}
	return false
}

// apart reports whether two of the facts are that a term is among constants of which they
// have none in common.
func (f facts) apart(other facts) bool {
	for i := range f {
		for j := range other {
			if f[i].op == among && other[j].op == among && !slices.ContainsFunc(f[i].values, other[j].holds) {
				return true
			}
		}
	}
	return false
}

// possibleWith reports whether a value may exist of which both are true. Few facts are
// joined where they need no memory of their own.
func (f facts) possibleWith(other facts) bool {
	joined := append(make(facts, 0, 8), f...)
	joined = append(joined, other...)
	return joined.possible()
}
