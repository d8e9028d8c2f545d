// Package sandbox is a payment provider that moves no money: it speaks Stripe's
// wire format for refunds, keeps what it was told, and misbehaves on request.
//
// It is for the demo, for trying rules out, and for tests that must show that no
// fault of a provider makes anybody pay twice. It is an http.Handler; stripe-go
// works against it unchanged when its backend URL points here. Every payment that
// is named pi_… or ch_… exists (pi_1 and ch_1 are the same one) with a default
// amount, unless it was registered with another.
//
// What Stripe promises holds here too: a payment gives back at most what was
// captured; an idempotency key replays the first status and body, also of a 500,
// refuses other parameters, answers 409 while its first request is under way,
// and is forgotten after a day of the sandbox's clock, when it pays again.
//
// The routes below /sandbox/ are ours:
//
//	GET  /sandbox/summary       what was refunded, and what was refunded twice
//	POST /sandbox/payments      {"id":"pi_1","amount":1299,"currency":"usd"}, or a list of them
//	POST /sandbox/faults        a Plan: which calls go wrong, and how
//	POST /sandbox/clock         {"advance_s":86400} moves the clock
//	POST /sandbox/refunds/{id}  {"status":"failed","failure_reason":"declined"}
//	POST /sandbox/webhooks      a Hook: who is told of refunds, how often, in which order
//	POST /sandbox/webhooks/deliver  sends what waits, and says how much was taken
package sandbox

import (
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"
)

// Config of a sandbox.
type Config struct {
	// File keeps the state as JSON lines, so that the sandbox goes on after it was
	// killed. Defaults to none: the state is in memory.
	File string
	// Amount is what was captured on a payment that nobody registered, in the
	// currency's minor unit. Defaults to 100,000,000.
	Amount int64
	// Currency is that of a payment that nobody registered. Defaults to usd.
	Currency string
	// KeyLifetime is for how long an idempotency key is remembered. Defaults to
	// 24 hours.
	KeyLifetime time.Duration
	// Now is the clock that POST /sandbox/clock moves forward. Defaults to time.Now.
	Now func() time.Time
}

// Sandbox is a payment provider. It is safe for concurrent use.
type Sandbox struct {
	cfg Config
	mux *http.ServeMux

	mu      sync.Mutex
	state   state
	journal *journal
	faults  faults
	hooks   hooks
	inUse   map[string]bool // idempotency keys whose first request is under way
	calls   int
	replays int
}

// Open returns a sandbox with the state of its file.
func Open(cfg Config) (*Sandbox, error) {
	if cfg.Amount == 0 {
		cfg.Amount = 100_000_000
	}
	if cfg.Currency == "" {
		cfg.Currency = "usd"
	}
	if cfg.KeyLifetime == 0 {
		cfg.KeyLifetime = 24 * time.Hour
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	s := &Sandbox{cfg: cfg, state: newState(), inUse: map[string]bool{}, hooks: hooks{queued: make(chan struct{}, 1)}}
	if cfg.File != "" {
		j, err := openJournal(cfg.File, s.state.apply)
		if err != nil {
			return nil, fmt.Errorf("open sandbox: %w", err)
		}
		s.journal = j
	}
	s.route()
	return s, nil
}

// Close closes the file.
func (s *Sandbox) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.journal == nil {
		return nil
	}
	return s.journal.close()
}

// ServeHTTP answers a call.
func (s *Sandbox) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.mux.ServeHTTP(w, r) }

func (s *Sandbox) route() {
	s.mux = http.NewServeMux()
	s.mux.HandleFunc("POST /v1/refunds", s.write(s.parseCreate))
	s.mux.HandleFunc("POST /v1/refunds/{id}", s.write(s.parseUpdate))
	s.mux.HandleFunc("POST /v1/refunds/{id}/cancel", s.write(s.parseCancel))
	s.mux.HandleFunc("GET /v1/refunds", s.read(s.list))
	s.mux.HandleFunc("GET /v1/refunds/{id}", s.read(s.retrieve))
	s.mux.HandleFunc("GET /v1/payment_intents/{id}", s.read(s.retrievePayment))
	s.mux.HandleFunc("GET /v1/charges/{id}", s.read(s.retrieveCharge))
	s.mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		answer{http.StatusNotFound, invalid("", "", "Unrecognized request URL (%s: %s).", r.Method, r.URL.Path)}.send(w)
	})
	s.mux.HandleFunc("GET /sandbox/summary", s.adminSummary)
	s.mux.HandleFunc("POST /sandbox/payments", s.adminPayments)
	s.mux.HandleFunc("POST /sandbox/faults", s.adminFaults)
	s.mux.HandleFunc("POST /sandbox/clock", s.adminClock)
	s.mux.HandleFunc("POST /sandbox/refunds/{id}", s.adminRefund)
	s.mux.HandleFunc("POST /sandbox/webhooks", s.adminHook)
	s.mux.HandleFunc("POST /sandbox/webhooks/deliver", s.adminDeliver)
}

// now is the sandbox's time. The caller holds mu.
func (s *Sandbox) now() time.Time {
	return s.cfg.Now().Add(time.Duration(s.state.ahead) * time.Second)
}

// commit makes a change durable and takes it over. The caller holds mu.
func (s *Sandbox) commit(c change) error {
	if s.journal != nil {
		if err := s.journal.append(c); err != nil {
			return err
		}
	}
	var old *refund
	if c.Refund != nil {
		old = s.state.refunds[c.Refund.ID]
	}
	s.state.apply(c)
	if c.Refund != nil {
		s.note(old, c.Refund)
	}
	return nil
}

// settle lets refunds succeed whose time has come. The caller holds mu.
func (s *Sandbox) settle() {
	for _, r := range s.state.settle(s.now().Unix()) {
		pending := *r
		pending.Status = statusPending
		s.note(&pending, r)
	}
}

// Payment is a payment that can be refunded.
type Payment struct {
	ID       string `json:"id"`       // pi_… or ch_…
	Amount   int64  `json:"amount"`   // captured, in the currency's minor unit
	Currency string `json:"currency"` // in small letters
	Created  int64  `json:"created,omitempty"`
}

// AddPayment registers a payment. The same payment again is no error; another
// amount or currency is one once something was refunded.
func (s *Sandbox) AddPayment(p Payment) error {
	number, ok := paymentNumber(p.ID)
	if !ok || p.Amount <= 0 || !isCurrency(p.Currency) {
		return fmt.Errorf("add payment %q: want an id like pi_1, an amount above zero and a currency like usd", p.ID)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	old, known := s.state.payments[number]
	if known && old.Amount == p.Amount && old.Currency == p.Currency {
		return nil
	}
	if len(s.state.byPayment[number]) > 0 {
		return fmt.Errorf("add payment %q: it was refunded as another one", p.ID)
	}
	p.ID = "pi_" + number
	if p.Created == 0 {
		p.Created = s.now().Unix()
	}
	return s.commit(change{Payment: &p})
}

// SetStatus ends a pending refund, or lets one fail that had succeeded, as banks do.
func (s *Sandbox) SetStatus(refundID, status, failureReason string) error {
	switch status {
	case statusPending, statusRequiresAction, statusSucceeded, statusFailed, statusCanceled:
	default:
		return fmt.Errorf("set status: %q is none of a refund", status)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.settle()
	old, ok := s.state.refunds[refundID]
	if !ok {
		return fmt.Errorf("set status: no refund %q", refundID)
	}
	changed := *old
	changed.Status, changed.FailureReason, changed.SucceedsAt = status, failureReason, 0
	return s.commit(change{Refund: &changed})
}

// Advance moves the clock forward.
func (s *Sandbox) Advance(d time.Duration) (time.Time, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if d < 0 {
		return s.now(), errors.New("advance clock: it does not run backwards")
	}
	ahead := s.state.ahead + int64(d/time.Second)
	if err := s.commit(change{Ahead: &ahead}); err != nil {
		return s.now(), err
	}
	s.settle()
	return s.now(), nil
}

// Summary is what a sandbox refunded.
type Summary struct {
	Refunds    int              `json:"refunds"`    // that were not failed or canceled
	Totals     map[string]int64 `json:"totals"`     // their amounts in minor units, by currency in capitals
	Duplicates int              `json:"duplicates"` // refunds beyond the first of one action, or above what was captured
	Calls      int              `json:"calls"`      // to /v1/, since this process began
	Replays    int              `json:"replays"`    // answers repeated for an idempotency key, since this process began
}

// actionKey is the metadata by which Makegood marks its refunds.
const actionKey = "makegood_action"

// Summary returns what was refunded so far.
func (s *Sandbox) Summary() Summary {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.settle()
	sum := Summary{Totals: map[string]int64{}, Calls: s.calls, Replays: s.replays}
	actions, payments := map[string]bool{}, map[string]int64{}
	for _, id := range s.state.order {
		r := s.state.refunds[id]
		if !r.counts() {
			continue
		}
		sum.Refunds++
		sum.Totals[upper(r.Currency)] += r.Amount
		action := r.Metadata[actionKey]
		payments[r.Payment] += r.Amount
		if action != "" && actions[action] || payments[r.Payment] > s.state.payments[r.Payment].Amount {
			sum.Duplicates++
		}
		actions[action] = true
	}
	return sum
}
