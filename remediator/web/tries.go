package web

import (
	"net/http"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/makegood/makegood/remediator/access"
)

const (
	// wrongAtOnce is how many wrong tries an address has, and one more comes back
	// after each wrongAgain.
	wrongAtOnce = 10
	wrongAgain  = time.Minute
	// signsAtOnce is how many sign-ins and sign-outs an address has, and signsPerSecond
	// come back: each is sealed for ever. It is enough for an office whose people all come
	// at nine.
	signsAtOnce    = 60
	signsPerSecond = 1
)

// tries counts sign-ins and limits them by the address that access.Guard.Caller names:
// all of them, and more so those that come to nothing.
type tries struct {
	taken, wrong atomic.Uint64

	all, refusals *access.Pace
}

func newTries() *tries {
	return &tries{all: access.NewPace(signsPerSecond, signsAtOnce), refusals: access.NewPace(1/wrongAgain.Seconds(), wrongAtOnce)}
}

// refused counts a try that came to nothing.
func (t *tries) refused(address string, now time.Time) {
	t.wrong.Add(1)
	t.refusals.Take(address, now)
}

// mayTry answers when an address has no try left to sign in.
func (c *Console) mayTry(w http.ResponseWriter, r *http.Request) bool {
	address, now := c.cfg.Guard.Caller(r), c.cfg.Now()
	if !c.tries.refusals.Left(address, now) {
		c.late(w, r, int(wrongAgain/time.Second), "Too many tries", "From this address came too many sign-ins that were refused. Wait a minute and try again.")
		return false
	}
	return c.maySign(w, r)
}

// maySign answers when too many sign in or out from an address.
func (c *Console) maySign(w http.ResponseWriter, r *http.Request) bool {
	turn := c.tries.all.Take(c.cfg.Guard.Caller(r), c.cfg.Now())
	if !turn.May {
		c.late(w, r, turn.Wait, "Too many sign-ins", "From this address came too many sign-ins at once. Wait a moment and try again.")
	}
	return turn.May
}

// mayAsk answers when somebody asks too often, of pages and of the API together.
func (c *Console) mayAsk(w http.ResponseWriter, r *http.Request, who access.Principal) bool {
	turn := c.cfg.Pace.Take(who.Name, c.cfg.Now())
	if !turn.May {
		c.late(w, r, turn.Wait, "Too many requests", "More was asked for in your name than the service answers at once. Nothing was done; wait a moment and try again.")
	}
	return turn.May
}

// late answers that it goes better in some seconds.
func (c *Console) late(w http.ResponseWriter, r *http.Request, seconds int, title, text string) {
	w.Header().Set("Retry-After", strconv.Itoa(seconds))
	c.fail(w, r, &Failure{http.StatusTooManyRequests, title, text})
}

// SignIns returns how many sign-ins there were since the start, and how many tries
// that came to nothing.
func (c *Console) SignIns() (taken, wrong uint64) { return c.tries.taken.Load(), c.tries.wrong.Load() }
