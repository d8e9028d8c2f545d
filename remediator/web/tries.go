package web

import (
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"
)

const (
	// wrongAtOnce is how many wrong tries an address has, and one more comes back
	// after each wrongAgain.
	wrongAtOnce = 10
	wrongAgain  = time.Minute
	// maxAddresses bounds those that are remembered. When there are more, they are
	// all forgotten: a token has 256 random bits, and the limit only spares the log.
	maxAddresses = 10_000
)

// tries counts sign-ins and limits those that come to nothing, by the address that
// access.Guard.Caller names.
type tries struct {
	taken, wrong atomic.Uint64

	mu       sync.Mutex
	patience map[string]*rate.Limiter // with each address
}

// mayTry reports whether an address has tries left.
func (t *tries) mayTry(address string, now time.Time) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	l := t.patience[address]
	return l == nil || l.TokensAt(now) >= 1
}

// refused counts a try that came to nothing.
func (t *tries) refused(address string, now time.Time) {
	t.wrong.Add(1)
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.patience == nil || len(t.patience) >= maxAddresses {
		t.patience = map[string]*rate.Limiter{}
	}
	l := t.patience[address]
	if l == nil {
		l = rate.NewLimiter(rate.Every(wrongAgain), wrongAtOnce)
		t.patience[address] = l
	}
	l.AllowN(now, 1)
}

// SignIns returns how many sign-ins there were since the start, and how many tries
// that came to nothing.
func (c *Console) SignIns() (taken, wrong uint64) { return c.tries.taken.Load(), c.tries.wrong.Load() }
