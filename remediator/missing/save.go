package missing

import (
	"cmp"
	"fmt"
	"slices"
)

// Save returns the book for a snapshot. It shares memory with the book.
func (b *Book) Save() Saved { return Saved{Clients: b.clients, Since: b.since} }

// Load returns the book that was saved. What no book can have saved is an error.
func Load(s Saved) (*Book, error) {
	b := New(s.Since)
	order := make([]*Client, 0, len(s.Clients))
	for id, c := range s.Clients {
		if c == nil {
			return nil, fmt.Errorf("load client %s: nothing is known of it", id)
		}
		c.id = id
		least := uint64(1)
		for _, h := range c.Holes {
			if h.First < least || h.Last < h.First || h.Last >= c.Next {
				return nil, fmt.Errorf("load client %s: its holes are not in order", id)
			}
			least = h.Last + 1
		}
		b.clients[id] = c
		order = append(order, c)
	}
	slices.SortFunc(order, func(a, b *Client) int { return cmp.Compare(a.Seen, b.Seen) })
	for _, c := range order {
		b.link(c)
	}
	return b, nil
}
