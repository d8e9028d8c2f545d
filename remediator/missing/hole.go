package missing

import (
	"slices"

	"github.com/google/uuid"

	"github.com/makegood/makegood/remediator/input"
)

// Hole is numbers of a client that were passed over.
type Hole struct {
	First uint64 `cbor:"1,keyasint"`
	Last  uint64 `cbor:"2,keyasint"`
	Since int64  `cbor:"3,keyasint"` // log time at which they were passed over

	// A gap is a hole that was told as missing. From and To are the numbers that it
	// was told with, of which First to Last are left. Of the others below and above
	// these so many were skipped; the rest came.
	Gap   bool   `cbor:"4,keyasint"`
	From  uint64 `cbor:"5,keyasint"`
	To    uint64 `cbor:"6,keyasint"`
	Below uint64 `cbor:"7,keyasint"`
	Above uint64 `cbor:"8,keyasint"`
}

// What a change is.
const (
	Opened    = "opened"    // a hole, which is a gap at its deadline
	Missing   = "missing"   // a hole became a gap
	Shrunk    = "shrunk"    // a part of a gap came or was skipped
	Closed    = "closed"    // the last of a gap came or was skipped
	Forgotten = "forgotten" // what is left of a hole is waited for no more
)

// Change is something that happened to a hole.
type Change struct {
	What    string
	Client  uuid.UUID
	Service string
	// Range is the hole, of a closed or forgotten gap the numbers that it was told
	// with. A gap may close in several parts, whose ranges add up to it.
	Range   input.Range
	Since   int64
	Events  uint64 // missing, or, when it closed, that came after all
	Skipped uint64 // will not come; only when it closed
	// Deadline is when an opened hole becomes a gap.
	Deadline int64
	// Gap says whether what is known to be missing has changed with it.
	Gap bool
}

// change tells of a hole of a client.
func (b *Book) change(c *Client, h Hole, change Change) {
	change.Client, change.Service, change.Since = c.id, c.Service, h.Since
	change.Gap = h.Gap
	if h.Gap {
		change.Range = input.Range{First: h.From, Last: h.To}
	} else {
		change.Range = input.Range{First: h.First, Last: h.Last}
	}
	b.changes = append(b.changes, change)
}

// open adds a hole above all others.
func (b *Book) open(c *Client, h Hole) {
	c.Holes = append(c.Holes, h)
	b.change(c, h, Change{What: Opened, Deadline: h.Since + GapAfter})
	b.bound(c)
}

// bound gives up the lowest holes of a client that has too many.
func (b *Book) bound(c *Client) {
	for len(c.Holes) > b.maxHoles {
		b.giveUp(c, 0)
	}
}

// giveUp waits no more for what is left of a hole. It is told whether it was a gap
// or not: these events did not come.
func (b *Book) giveUp(c *Client, i int) {
	h := c.Holes[i]
	c.Holes = slices.Delete(c.Holes, i, i+1)
	b.change(c, h, Change{What: Forgotten, Events: h.Last - h.First + 1})
}

// fill takes numbers out of the holes in which they lie.
func (b *Book) fill(c *Client, r input.Range, skipped bool) {
	for i := 0; i < len(c.Holes) && c.Holes[i].First <= r.Last; {
		h := c.Holes[i]
		if h.Last < r.First {
			i++
			continue
		}
		part := input.Range{First: max(h.First, r.First), Last: min(h.Last, r.Last)}
		n := uint64(0)
		if skipped {
			n = part.Last - part.First + 1
		}
		kept := h.without(part, n)
		c.Holes = slices.Replace(c.Holes, i, i+1, kept...)
		i += len(kept)
		switch n += h.Below + h.Above; {
		case !h.Gap:
		case len(kept) > 0:
			b.change(c, h, Change{What: Shrunk})
		default:
			b.change(c, h, Change{What: Closed, Events: h.To - h.From + 1 - n, Skipped: n})
		}
	}
	b.bound(c)
}

// without returns what stays of a hole without a part of it, of which so many
// numbers are skipped. Where the hole falls in two, the part goes with the lower one.
func (h Hole) without(part input.Range, skipped uint64) []Hole {
	low, high := h, h
	low.Last, high.First = part.First-1, part.Last+1
	switch {
	case part.First == h.First && part.Last == h.Last:
		return nil
	case part.First == h.First:
		high.Below += skipped
		return []Hole{high}
	case part.Last == h.Last:
		low.Above += skipped
		return []Hole{low}
	}
	low.To, low.Above = part.Last, skipped
	high.From, high.Below = part.Last+1, 0
	return []Hole{low, high}
}

// due reports whether a hole becomes a gap at a deadline.
func (h Hole) due(deadline int64) bool { return !h.Gap && h.Since+GapAfter == deadline }

// Waits reports whether a hole of a client becomes a gap at a deadline.
func (b *Book) Waits(client uuid.UUID, deadline int64) bool {
	c := b.clients[client]
	return c != nil && slices.ContainsFunc(c.Holes, func(h Hole) bool { return h.due(deadline) })
}

// Deadlines calls f for each hole that is not a gap yet, in no order.
func (b *Book) Deadlines(f func(client uuid.UUID, deadline int64)) {
	for _, c := range b.clients {
		for _, h := range c.Holes {
			if !h.Gap {
				f(c.id, h.Since+GapAfter)
			}
		}
	}
}

// Due makes gaps of the holes of a client whose deadline it is.
func (b *Book) Due(client uuid.UUID, deadline int64) []Change {
	c := b.clients[client]
	if c == nil {
		return nil
	}
	for i := range c.Holes {
		if h := &c.Holes[i]; h.due(deadline) {
			h.Gap, h.From, h.To, h.Below, h.Above = true, h.First, h.Last, 0, 0
			b.change(c, *h, Change{What: Missing, Events: h.Last - h.First + 1})
		}
	}
	return b.told()
}

// Gap is what is missing of one client.
type Gap struct {
	Client  uuid.UUID `json:"client"`
	Service string    `json:"service"` // the source of its events
	Missing uint64    `json:"missing"` // events; 0 when none is missing any more
	Since   int64     `json:"since"`   // log time in nanoseconds at which the first of them was passed over
}

// Gap returns what is missing of a client.
func (b *Book) Gap(client uuid.UUID) Gap {
	g := Gap{Client: client}
	c := b.clients[client]
	if c == nil {
		return g
	}
	g.Service = c.Service
	for _, h := range c.Holes {
		if !h.Gap {
			continue
		}
		if g.Missing == 0 || h.Since < g.Since {
			g.Since = h.Since
		}
		g.Missing += h.Last - h.First + 1
	}
	return g
}
