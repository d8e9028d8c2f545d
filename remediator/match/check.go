package match

import (
	"math"

	"github.com/makegood/makegood/remediator/event"
	"github.com/makegood/makegood/remediator/match/index"
)

// check is a question to a candidate, beside the one that found it. Its
// constant is part of it, so that it costs one look at memory, where the closures
// of a condition, which lie scattered, cost a dozen. It may say that a condition
// is false and leaves everything else to the closures.
type check struct {
	slot int32
	kind checkKind
	size uint8   // of a prefix: how many of its bytes are compared
	word uint64  // of an equal text: its hash; of a prefix: its first bytes; of a range: the bits of its low bound
	high float64 // of a range
}

type checkKind uint8

const (
	unchecked checkKind = iota
	checkRange
	checkText
	checkPrefix
)

// checks are the questions to a candidate, the one that excludes the most first: most
// rules have no more conditions than these and the one that found them.
type checks [2]check

// newChecks makes checks of the predicates, of those that can be one, that the
// fewest events are likely to fulfil.
func newChecks(predicates []predicate, seen census) (all checks) {
	least := [len(all)]float64{math.Inf(1), math.Inf(1)}
	for i := range predicates {
		p := &predicates[i]
		c := newCheck(p)
		if c.kind == unchecked {
			continue
		}
		share := seen[p.place].share(p)
		for at := range all {
			if share < least[at] {
				all[at], c = c, all[at]
				least[at], share = share, least[at]
			}
		}
	}
	return all
}

func newCheck(p *predicate) check {
	c := check{slot: p.slot}
	switch {
	case p.class == within:
		c.kind, c.word, c.high = checkRange, math.Float64bits(p.low), p.high
	case p.class == equal && len(p.texts) == 1:
		c.kind, c.word = checkText, index.Hash([]byte(p.texts[0]))
	case p.class == prefix && p.texts[0] != "":
		c.kind, c.size = checkPrefix, uint8(min(8, len(p.texts[0])))
		c.word = firstBytes([]byte(p.texts[0][:c.size]))
	}
	return c
}

// fail reports whether the rule's condition is false because one of them is.
func (c *checks) fail(view *event.View) bool { return c[0].fails(view) || c[1].fails(view) }

// fails reports whether the rule's condition is false because this part of it is.
// What is no number or no text for it is not decided here.
func (c *check) fails(view *event.View) bool {
	switch c.kind {
	case checkRange:
		n, ok := view.Number(int(c.slot))
		return ok && !(math.Float64frombits(c.word) <= n && n <= c.high)
	case checkText:
		return view.Kind(int(c.slot)) == event.Text && index.Hash(view.Text(int(c.slot))) != c.word
	case checkPrefix:
		if view.Kind(int(c.slot)) != event.Text {
			return false
		}
		text := view.Text(int(c.slot))
		return len(text) < int(c.size) || firstBytes(text[:c.size]) != c.word
	}
	return false
}

// firstBytes packs up to eight bytes into a number.
func firstBytes(text []byte) uint64 {
	var word uint64
	for _, c := range text {
		word = word<<8 | uint64(c)
	}
	return word
}
