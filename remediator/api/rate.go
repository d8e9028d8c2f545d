package api

import (
	"fmt"
	"math"
	"net/http"
	"strconv"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/makegood/makegood/remediator/problem"
)

// DefaultRequests is how many requests a second one token may make by default: a page
// that polls and a script that lists are far below, a loop that forgot to wait is not.
const DefaultRequests = 500

// maxPaced bounds how many callers are remembered. Who is forgotten begins anew.
const maxPaced = 10_000

// pace bounds how fast each caller asks. Emitters are bounded by the bytes and
// requests in flight instead, by package ingest.
type pace struct {
	perSecond int // 0 or less: any number
	mu        sync.Mutex
	callers   map[string]*rate.Limiter
}

func newPace(perSecond int) *pace {
	return &pace{perSecond: perSecond, callers: map[string]*rate.Limiter{}}
}

// burst is how many requests may come at once: those of two seconds.
func (p *pace) burst() int { return 2 * p.perSecond }

// limiter returns that of a caller. When there are too many, those are forgotten who
// asked for nothing of late, or all.
func (p *pace) limiter(caller string, now time.Time) *rate.Limiter {
	p.mu.Lock()
	defer p.mu.Unlock()
	if l := p.callers[caller]; l != nil {
		return l
	}
	if len(p.callers) >= maxPaced {
		for name, l := range p.callers {
			if l.TokensAt(now) >= float64(p.burst()) {
				delete(p.callers, name)
			}
		}
		if len(p.callers) >= maxPaced {
			clear(p.callers)
		}
	}
	l := rate.NewLimiter(rate.Limit(p.perSecond), p.burst())
	p.callers[caller] = l
	return l
}

// allow reports whether a caller may ask now, and says in the header how many requests
// are left. Who may not is answered when they may.
func (p *pace) allow(w http.ResponseWriter, caller string, now time.Time) bool {
	if p.perSecond <= 0 {
		return true
	}
	l := p.limiter(caller, now)
	ok := l.AllowN(now, 1)
	left := max(0, l.TokensAt(now))
	header := w.Header()
	header.Set("RateLimit-Policy", fmt.Sprintf(`"token";q=%d;w=2`, p.burst()))
	header.Set("RateLimit", fmt.Sprintf(`"token";r=%d;t=%d`, int(left), int(math.Ceil((float64(p.burst())-left)/float64(p.perSecond)))))
	if !ok {
		header.Set("Retry-After", strconv.Itoa(int(math.Ceil((1-left)/float64(p.perSecond)))))
		problem.Write(w, http.StatusTooManyRequests, "too-many-requests", fmt.Sprintf("%s asks more than %d times a second", caller, p.perSecond))
	}
	return ok
}
