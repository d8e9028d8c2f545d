package makegood

import "slices"

// notices tell listeners that gates changed, from a goroutine that runs only
// while there is something to tell: what a listener does is the application's.
// All fields are guarded by gates.mu.
type notices struct {
	waiting []*Gate // in the order of their first change, each once
	running bool
}

// add has the listeners of a gate told that it changed.
func (n *notices) add(s *gates, g *Gate) {
	if len(g.listeners) == 0 || g.pending || s.stopped {
		return
	}
	g.pending = true
	n.waiting = append(n.waiting, g)
	if !n.running {
		n.running = true
		go s.tell(nil, false)
	}
}

// drop forgets what was not told yet.
func (n *notices) drop() { n.waiting = nil }

// next returns a gate whose answer its listeners do not know.
func (s *gates) next() (listeners []func(bool), closed, more bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(s.notices.waiting) > 0 {
		g := s.notices.waiting[0]
		s.notices.waiting = slices.Delete(s.notices.waiting, 0, 1)
		g.pending = false
		if closed = g.closed.Load(); closed != g.told {
			g.told = closed
			return g.listeners, closed, true
		}
	}
	s.notices.running = false
	return nil, false, false
}

// tell tells the rest of a gate's listeners, and then those of others until there is
// nothing more to tell.
func (s *gates) tell(rest []func(bool), closed bool) {
	more := true
	defer func() {
		if more { // a listener ended the goroutine, as the FailNow of a test does
			go s.tell(rest, closed)
		}
	}()
	for more {
		for len(rest) > 0 {
			f := rest[0]
			rest = rest[1:]
			call(f, closed)
		}
		rest, closed, more = s.next()
	}
}

// call calls an application's function, whose panics end here.
func call(f func(bool), closed bool) {
	defer func() { _ = recover() }()
	f(closed)
}
