package sandbox

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"time"
)

// Fault is a way in which a call goes wrong.
type Fault string

// The faults. Those that happen before the call has its effect leave nothing
// behind, and no idempotency key remembers them.
const (
	RateLimit   Fault = "rate_limit"  // 429 with Retry-After, before
	InUse       Fault = "in_use"      // 409, as if the key's first request were under way, before; writes only
	Unavailable Fault = "unavailable" // 503, before
	Cut         Fault = "cut"         // the connection ends, before
	ServerError Fault = "error"       // 500 after the effect, and for ever under this key
	Lost        Fault = "lost"        // the connection ends after the effect
	Slow        Fault = "slow"        // the answer comes late, and the key is in use until then
	Delayed     Fault = "delayed"     // the effect comes late too, even when nobody waits for it any more; writes only
	Pending     Fault = "pending"     // no fault of the call: the refund succeeds later
)

var allFaults = []Fault{RateLimit, InUse, Unavailable, Cut, ServerError, Lost, Slow, Delayed, Pending}

// Plan says which calls to /v1/ go wrong. Its calls of Next come first; after
// them each call draws one fault, or none, by Odds.
type Plan struct {
	Next []Calls           `json:"next,omitempty"`
	Odds map[Fault]float64 `json:"odds,omitempty"` // probabilities; their sum is at most 1
	Seed uint64            `json:"seed,omitempty"`
	// WritesOnly spares the calls that only read.
	WritesOnly bool `json:"writes_only,omitempty"`
	// RetryAfterS is what a 429 asks for. Defaults to 1.
	RetryAfterS int `json:"retry_after_s,omitempty"`
	// SlowMS is how late an answer or an effect comes. Defaults to 2000.
	SlowMS int `json:"slow_ms,omitempty"`
	// PendingS is how long a refund stays pending by the sandbox's clock; below
	// zero it waits to be told. Defaults to 60.
	PendingS int `json:"pending_s,omitempty"`
}

func (p Plan) slow() time.Duration { return time.Duration(p.SlowMS) * time.Millisecond }

// Calls are some calls in a row with the same fault; without one they go well.
type Calls struct {
	Fault Fault `json:"fault,omitempty"`
	Calls int   `json:"calls"`
}

// faults is a plan in progress.
type faults struct {
	plan   Plan
	random *rand.Rand
}

func newFaults(p Plan) (faults, error) {
	known := func(f Fault) error {
		if !slices.Contains(allFaults, f) {
			return fmt.Errorf("plan faults: %q is none, want one of %q", f, allFaults)
		}
		return nil
	}
	sum := 0.0
	for fault, odds := range p.Odds {
		if err := known(fault); err != nil {
			return faults{}, err
		}
		if !(odds >= 0 && odds <= 1) {
			return faults{}, fmt.Errorf("plan faults: the odds of %q are %v, want 0 to 1", fault, odds)
		}
		sum += odds
	}
	if sum > 1+1e-9 {
		return faults{}, fmt.Errorf("plan faults: the odds sum up to %v, want at most 1", sum)
	}
	for _, next := range p.Next {
		if err := known(next.Fault); err != nil && next.Fault != "" {
			return faults{}, err
		}
	}
	setDefault(&p.RetryAfterS, 1)
	setDefault(&p.SlowMS, 2000)
	setDefault(&p.PendingS, 60)
	p.Next = slices.Clone(p.Next)
	return faults{plan: p, random: rand.New(rand.NewPCG(p.Seed, 0))}, nil
}

func setDefault(field *int, value int) {
	if *field == 0 {
		*field = value
	}
}

// draw returns the fault of the next call.
func (f *faults) draw(write bool) Fault {
	if !write && f.plan.WritesOnly {
		return ""
	}
	for len(f.plan.Next) > 0 {
		next := &f.plan.Next[0]
		if next.Calls--; next.Calls >= 0 {
			return next.Fault
		}
		f.plan.Next = f.plan.Next[1:]
	}
	if len(f.plan.Odds) == 0 {
		return ""
	}
	drawn := f.random.Float64()
	for _, fault := range allFaults { // a fixed order: one seed, one sequence
		if drawn -= f.plan.Odds[fault]; drawn < 0 {
			return fault
		}
	}
	return ""
}

// SetFaults replaces the plan. The zero Plan ends all faults.
func (s *Sandbox) SetFaults(p Plan) error {
	f, err := newFaults(p)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = f
	return nil
}
