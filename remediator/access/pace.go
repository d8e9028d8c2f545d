package access

import (
	"cmp"
	"math"
	"slices"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// DefaultRequests is how many requests a second somebody may make by default: a page
// that polls and a script that lists are far below, a loop that forgot to wait is not.
const DefaultRequests = 500

// maxPaced bounds how many callers are remembered. Who is forgotten begins anew.
const maxPaced = 10_000

// Pace bounds how often each caller does something. It is safe for concurrent use.
type Pace struct {
	perSecond float64
	atOnce    int
	mu        sync.Mutex
	callers   map[string]*rate.Limiter
}

// NewPace returns a pace by which each caller has so many turns at once, and gets so many
// back in a second; 0 or less: any number.
func NewPace(perSecond float64, atOnce int) *Pace {
	return &Pace{perSecond: perSecond, atOnce: atOnce, callers: map[string]*rate.Limiter{}}
}

// RequestPace returns the pace of what people and programs ask for: those of two seconds
// may come at once. 0 is DefaultRequests a second, less is any number.
func RequestPace(perSecond int) *Pace {
	if perSecond == 0 {
		perSecond = DefaultRequests
	}
	return NewPace(float64(perSecond), 2*perSecond)
}

// Turn is what a caller is told who takes one.
type Turn struct {
	May bool
	// AtOnce is how many turns a caller has, 0 when nobody counts them; Left is how many
	// are left to this one.
	AtOnce, Left int
	// Full is in how many seconds all of them are there again, and Wait in how many one
	// is, when there is none.
	Full, Wait int
}

// Take takes a turn of a caller, if there is one.
func (p *Pace) Take(caller string, now time.Time) Turn {
	if p.perSecond <= 0 {
		return Turn{May: true}
	}
	l := p.limiter(caller, now)
	t := Turn{May: l.AllowN(now, 1), AtOnce: p.atOnce}
	left := max(0, l.TokensAt(now))
	in := func(tokens float64) int { return int(math.Ceil(max(0, tokens-left) / p.perSecond)) }
	t.Left, t.Full, t.Wait = int(left), in(float64(p.atOnce)), in(1)
	return t
}

// Left reports whether a caller has a turn left, and takes none.
func (p *Pace) Left(caller string, now time.Time) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	l := p.callers[caller]
	return p.perSecond <= 0 || l == nil || l.TokensAt(now) >= 1
}

// limiter returns that of a caller.
func (p *Pace) limiter(caller string, now time.Time) *rate.Limiter {
	p.mu.Lock()
	defer p.mu.Unlock()
	if l := p.callers[caller]; l != nil {
		return l
	}
	if len(p.callers) >= maxPaced {
		p.makeRoom(now)
	}
	l := rate.NewLimiter(rate.Limit(p.perSecond), p.atOnce)
	p.callers[caller] = l
	return l
}

// makeRoom forgets callers who have all their turns, and if need be those who have most,
// until a tenth of the room is free: so all are looked at once for that many new ones. Who
// has none left is remembered longest, however many others come.
func (p *Pace) makeRoom(now time.Time) {
	type paced struct {
		caller string
		left   float64
	}
	var rest []paced
	for caller, l := range p.callers {
		left := l.TokensAt(now)
		if left >= float64(p.atOnce) {
			delete(p.callers, caller)
			continue
		}
		rest = append(rest, paced{caller, left})
	}
	slices.SortFunc(rest, func(a, b paced) int { return cmp.Compare(b.left, a.left) })
	for _, one := range rest[:max(0, len(rest)-(maxPaced-maxPaced/10))] {
		delete(p.callers, one.caller)
	}
}
