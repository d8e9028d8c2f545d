package act

import (
	"sync"
	"time"
)

// remindEvery is how often the operator is told of what goes on failing.
const remindEvery = time.Minute

// reminder keeps what is tried again and again, and fails, from being told each time.
// It is safe for concurrent use.
type reminder struct {
	mu   sync.Mutex
	told time.Time
}

// due reports whether the operator is to be told now.
func (r *reminder) due(now time.Time) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if since := now.Sub(r.told); since >= 0 && since < remindEvery {
		return false
	}
	r.told = now
	return true
}
