package match

import (
	"github.com/makegood/makegood/remediator/event"
	"github.com/makegood/makegood/remediator/match/index"
	"github.com/makegood/makegood/remediator/rule/expression"
)

// tree finds the rules that an event may concern: those that may hold for it
// and those that may be errors. Each rule lies in one group, under the one
// predicate of its condition that tells it best from the others.
type tree struct {
	groups []group
	shared []shared // rules without a predicate that have another condition in common
	rest   []uint32 // the others without a predicate: found for every event
}

// group has the rules that are found by predicates of one class on one value. It
// fills one line of a cache: of most groups no more is looked at, but for the one word
// that tells the sieve that nothing is found.
type group struct {
	slot     int32
	also     int16 // a second value that all rules ask for a text, noSecond without one
	class    class
	optional bool
	sieve    index.Sieve
	*seldom
}

// seldom is the rest of a group.
type seldom struct {
	texts      *index.Texts
	affixes    *index.Affixes
	ranges     *index.Ranges
	numbers    *index.Numbers
	parts      *index.Parts
	maxText    int // of parts: the length in bytes up to which they are looked up
	networks   *index.Networks
	fields     []string // of elements
	parents    []int    // of an optional place
	whenAbsent []uint32 // what holds for an absent value, if optional
	nulls      []uint32
	truths     [2][]uint32 // false and true
	// otherwise has the same rules by their other predicates. It is asked when
	// this predicate is an error, be the value absent or of a type that the
	// predicate does not take: then the condition is an error too, unless another
	// part of it is false.
	otherwise *tree
}

// find appends the rules that the event may concern, some perhaps more than once.
func (t *tree) find(s *scratch, dst []uint32) []uint32 {
	dst = append(dst, t.rest...)
	for i := range t.groups {
		g := &t.groups[i]
		if g.idle(&s.view) {
			continue
		}
		found, ok := g.find(s, dst)
		if !ok {
			found = g.otherwise.find(s, dst)
		}
		dst = found
	}
	for i := range t.shared {
		dst = t.shared[i].find(s, dst)
	}
	return dst
}

// idle reports whether no predicate holds, nor can be an error, as is so for most
// values; false says nothing.
func (g *group) idle(view *event.View) bool {
	var and uint64
	if g.also != noSecond {
		text := view.Text(int(g.also))
		if text == nil {
			return false
		}
		and = index.And(text)
	}
	slot := int(g.slot)
	if g.class == within {
		number, ok := view.Number(slot)
		return ok && !g.sieve.Number(number, and)
	}
	text := view.Text(slot)
	if text == nil {
		return false
	}
	switch g.class {
	case equal:
		return !g.sieve.Text(text, and)
	case prefix:
		return !g.sieve.Prefix(text, and)
	case suffix:
		return !g.sieve.Suffix(text, and)
	}
	return false
}

// find appends the rules whose predicate holds. It returns false when the
// predicates are errors, or may be.
func (g *group) find(s *scratch, dst []uint32) ([]uint32, bool) {
	kind := s.view.Kind(int(g.slot))
	switch {
	case kind == event.Absent:
		if !g.optional || g.below(s) {
			return dst, false
		}
		return append(dst, g.whenAbsent...), true
	case g.class == equal:
		return g.findEqual(s, kind, dst)
	case g.class == within:
		number, ok := s.view.Number(int(g.slot))
		if !ok {
			return dst, false
		}
		return g.ranges.Append(dst, number), true
	case g.class == element:
		if kind != event.Array {
			return dst, false
		}
		return g.findElements(s.view.Raw(int(g.slot)), dst)
	case kind != event.Text:
		return dst, false
	}
	switch value := s.view.Text(int(g.slot)); g.class {
	case folded:
		return g.texts.Append(dst, s.lower(value)), true
	case part:
		if len(value) > g.maxText {
			return dst, false
		}
		return g.parts.Append(dst, value), true
	case network:
		address, ok := expression.Address(value)
		if !ok {
			return dst, false
		}
		return g.networks.Append(dst, address), true
	default:
		return g.affixes.Append(dst, value), true
	}
}

// below reports whether the place lies below something that makes even an
// optional field of it an error.
func (g *group) below(s *scratch) bool {
	for _, parent := range g.parents {
		switch s.view.Kind(parent) {
		case event.Array:
			return true
		case event.Number:
			if _, ok := s.view.Number(parent); !ok {
				return true
			}
		}
	}
	return false
}

// findEqual appends the rules that ask for exactly this value. Values of
// different types are unequal, which is no error.
func (g *group) findEqual(s *scratch, kind event.Kind, dst []uint32) ([]uint32, bool) {
	switch kind {
	case event.Null:
		return append(dst, g.nulls...), true
	case event.False:
		return append(dst, g.truths[0]...), true
	case event.True:
		return append(dst, g.truths[1]...), true
	case event.Text:
		return g.texts.Append(dst, s.view.Text(int(g.slot))), true
	case event.Number:
		number, ok := s.view.Number(int(g.slot))
		if !ok {
			return dst, false
		}
		return g.numbers.Append(dst, number), true
	}
	return dst, true
}
