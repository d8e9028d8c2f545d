// Package missing keeps which events of the SDK's clients never came. It is for the
// fold, which tells it of every event that says its sequence and seals what it finds.
//
// A client of the SDK numbers the events that it accepted from 1, and requests say
// the number of their first event. Requests overtake each other and are repeated, so
// a number that is passed over is a hole at first, and nothing is wrong. A hole that
// is older than GapAfter of log time is a gap: these events were accepted by a client
// and did not come. What comes late closes it again, and so does the word that events
// were refused and will not come.
//
// A book sees what lies between events that came. What a client accepted after the
// last event that came is not seen: a client that ended, one that was cut off and one
// that has nothing to tell look alike.
//
// The book is bounded and deterministic: the same calls give the same changes in the
// same order, also when it was saved and loaded in between. No money depends on it.
package missing

import (
	"encoding/binary"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/makegood/makegood/remediator/input"
)

const (
	// GapAfter is how long a hole may stay open in nanoseconds of log time: twice
	// the five minutes that a service may ask a client to wait before it repeats a
	// request.
	GapAfter = int64(10 * time.Minute)
	// memory is for how long a silent client is remembered, and a hole waited for:
	// older events are held for a person anyway, and the log itself is kept no longer.
	memory = int64(30 * 24 * time.Hour)
	// maxClients bounds the clients; beyond it the one heard least recently goes.
	maxClients = 4096
	// maxHoles bounds the holes of a client; beyond it the lowest goes. Two requests
	// in flight make one at a time, and each loss on the way one.
	maxHoles = 64
	// maxService bounds the name of a service in bytes.
	maxService = 255
)

// Moment is when something comes: the log time and the ordinal of the input.
type Moment struct {
	At      int64
	Ordinal uint64
}

// Book is what is known of all clients. It is not safe for concurrent use.
type Book struct {
	clients        map[uuid.UUID]*Client
	newest, oldest *Client // heard last, and least recently
	// since is when the knowledge begins. A client that began before, by its own
	// clock, may have told its first events to nobody who still remembers.
	since   int64
	changes []Change // of the call in progress

	maxClients, maxHoles int
}

// Client is what is known of one client.
type Client struct {
	Service string `cbor:"1,keyasint"`
	Next    uint64 `cbor:"2,keyasint"` // every number below it came, was skipped, or lies in a hole
	Holes   []Hole `cbor:"3,keyasint"` // ascending, apart from each other
	SeenAt  int64  `cbor:"4,keyasint"` // log time of what came last
	Seen    uint64 `cbor:"5,keyasint"` // its ordinal, which no two clients share

	id           uuid.UUID
	newer, older *Client
}

// Saved is a book as a snapshot holds it.
type Saved struct {
	Clients map[uuid.UUID]*Client `cbor:"1,keyasint"`
	Since   int64                 `cbor:"2,keyasint"`
}

// New returns an empty book that begins at a log time.
func New(since int64) *Book {
	return &Book{clients: map[uuid.UUID]*Client{}, since: since, maxClients: maxClients, maxHoles: maxHoles}
}

// Len is how many clients are remembered.
func (b *Book) Len() int { return len(b.clients) }

// Came takes the event of a client with a number. source names the client's service
// when it was not heard before.
func (b *Book) Came(s input.Sequence, source []byte, now Moment) []Change {
	c := b.heard(s.Client, s.Number, now)
	if c.Service == "" {
		c.Service = strings.ToValidUTF8(string(source[:min(len(source), maxService)]), "")
	}
	b.take(c, input.Range{First: s.Number, Last: s.Number}, false, now)
	return b.told()
}

// Skipped takes the word of a client's numbers that will not come.
func (b *Book) Skipped(s input.SkippedBody, now Moment) []Change {
	c := b.heard(s.Client, s.Ranges[0].First, now)
	for _, r := range s.Ranges {
		b.take(c, r, true, now)
	}
	return b.told()
}

// take takes numbers that came or are skipped.
func (b *Book) take(c *Client, r input.Range, skipped bool, now Moment) {
	if r.First > c.Next {
		b.open(c, Hole{First: c.Next, Last: r.First - 1, Since: now.At})
	}
	if r.First < c.Next {
		b.fill(c, r, skipped)
	}
	c.Next = max(c.Next, r.Last+1)
}

// told returns the changes of the call in progress.
func (b *Book) told() []Change {
	changes := b.changes
	b.changes = nil
	return changes
}

// heard returns the client, a new one if it is not known, as the one heard last.
// first is the lowest number that it is heard with.
func (b *Book) heard(id uuid.UUID, first uint64, now Moment) *Client {
	c := b.clients[id]
	switch {
	case c == nil:
		for len(b.clients) >= b.maxClients {
			b.forget(b.oldest)
		}
		c = &Client{id: id, Next: first}
		if began(id) > b.since {
			c.Next = 1
		}
		b.clients[id] = c
	case c != b.newest:
		b.unlink(c)
	}
	c.Seen, c.SeenAt = now.Ordinal, now.At
	if c != b.newest {
		b.link(c)
	}
	return c
}

// began is when a client was made by its own clock, in nanoseconds since the Unix
// epoch: the SDK's ids are UUIDs of version 7 (RFC 9562, 5.7). Of others it is not
// known, and 0.
func began(id uuid.UUID) int64 {
	if id.Version() != 7 {
		return 0
	}
	return int64(binary.BigEndian.Uint64(id[:8])>>16) * int64(time.Millisecond)
}

// link puts a client before all others.
func (b *Book) link(c *Client) {
	c.newer, c.older = nil, b.newest
	if b.newest != nil {
		b.newest.newer = c
	}
	if b.newest = c; b.oldest == nil {
		b.oldest = c
	}
}

func (b *Book) unlink(c *Client) {
	if c.newer != nil {
		c.newer.older = c.older
	} else {
		b.newest = c.older
	}
	if c.older != nil {
		c.older.newer = c.newer
	} else {
		b.oldest = c.newer
	}
}

// forget lets go of a client, of which nobody can say later where it was.
func (b *Book) forget(c *Client) {
	for len(c.Holes) > 0 {
		b.giveUp(c, 0)
	}
	b.since = max(b.since, c.SeenAt)
	b.unlink(c)
	delete(b.clients, c.id)
}

// Sweep forgets who was not heard for long, and what was waited for too long.
func (b *Book) Sweep(at int64) []Change {
	for b.oldest != nil && b.oldest.SeenAt < at-memory {
		b.forget(b.oldest)
	}
	for c := b.oldest; c != nil; c = c.newer {
		for i := 0; i < len(c.Holes); {
			if c.Holes[i].Since < at-memory {
				b.giveUp(c, i)
			} else {
				i++
			}
		}
	}
	return b.told()
}
