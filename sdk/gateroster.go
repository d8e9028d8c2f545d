package makegood

import (
	"maps"
	"sync/atomic"
)

// roster finds gates by path. Reading takes no lock: it looks into a copy that is
// made anew when look-ups missed it as often as it has entries, so that
// declaring any number of gates costs each of them a constant time.
type roster struct {
	named atomic.Pointer[map[string]*Gate] // a copy of all that may lag

	// Guarded by gates.mu.
	all    map[string]*Gate
	misses int  // of named since it was made
	warned bool // about a path that is none
}

func newRoster() *roster {
	r := &roster{all: map[string]*Gate{}}
	r.named.Store(&map[string]*Gate{})
	return r
}

// find looks a gate up without a lock. A gate that was declared lately may be
// missing.
func (r *roster) find(path string) *Gate { return (*r.named.Load())[path] }

// findSlowly looks a gate up that find did not know.
func (r *roster) findSlowly(path string) *Gate {
	g := r.all[path]
	if g == nil {
		return nil
	}
	if r.misses++; r.misses >= len(r.all) {
		all := maps.Clone(r.all)
		r.named.Store(&all)
		r.misses = 0
	}
	return g
}

// misnamed reports whether a path that is none is the first one.
func (r *roster) misnamed() bool {
	first := !r.warned
	r.warned = true
	return first
}
