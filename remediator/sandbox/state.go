package sandbox

import (
	"slices"
	"strings"
)

// Statuses of a refund.
const (
	statusPending        = "pending"
	statusRequiresAction = "requires_action"
	statusSucceeded      = "succeeded"
	statusFailed         = "failed"
	statusCanceled       = "canceled"
)

// state is everything that survives the process.
type state struct {
	payments  map[string]Payment // by number
	refunds   map[string]*refund
	order     []string            // refunds as they were made
	byPayment map[string][]string // the same for each payment's number
	pending   map[string]*refund  // those that succeed when their time has come
	keys      map[string]*keyed
	ahead     int64 // seconds that the clock was moved forward
}

// refund is a refund as it is kept.
type refund struct {
	ID            string            `json:"id"`
	Payment       string            `json:"payment"` // the number behind pi_ and ch_
	Amount        int64             `json:"amount"`
	Currency      string            `json:"currency"`
	Created       int64             `json:"created"`
	Status        string            `json:"status"`
	SucceedsAt    int64             `json:"succeeds_at,omitempty"` // of a pending one
	Reason        string            `json:"reason,omitempty"`
	FailureReason string            `json:"failure_reason,omitempty"`
	Metadata      map[string]string `json:"metadata,omitempty"`
}

// counts reports whether the refund takes from what is left of its payment.
func (r *refund) counts() bool { return r.Status != statusFailed && r.Status != statusCanceled }

// keyed is the answer that an idempotency key replays.
type keyed struct {
	Key    string `json:"key"`
	Digest string `json:"digest"` // of the request
	At     int64  `json:"at"`
	Status int    `json:"status"`
	Body   string `json:"body"`
}

// change is one durable step. What happens together is in one change: an effect
// is never kept without the answer that its key replays.
type change struct {
	Payment *Payment `json:"payment,omitempty"`
	Refund  *refund  `json:"refund,omitempty"`
	Key     *keyed   `json:"key,omitempty"`
	Ahead   *int64   `json:"ahead_s,omitempty"`
}

func newState() state {
	return state{
		payments: map[string]Payment{}, refunds: map[string]*refund{},
		byPayment: map[string][]string{}, pending: map[string]*refund{}, keys: map[string]*keyed{},
	}
}

// apply takes a change over.
func (s *state) apply(c change) {
	if c.Payment != nil {
		number, _ := paymentNumber(c.Payment.ID)
		s.payments[number] = *c.Payment
	}
	if r := c.Refund; r != nil {
		if s.refunds[r.ID] == nil {
			s.order = append(s.order, r.ID)
			s.byPayment[r.Payment] = append(s.byPayment[r.Payment], r.ID)
		}
		s.refunds[r.ID] = r
		delete(s.pending, r.ID)
		if r.Status == statusPending && r.SucceedsAt > 0 {
			s.pending[r.ID] = r
		}
	}
	if c.Key != nil {
		s.keys[c.Key.Key] = c.Key
	}
	if c.Ahead != nil {
		s.ahead = *c.Ahead
	}
}

// settle lets pending refunds succeed whose time has come. It follows from what
// is kept and from the clock, so it is not kept itself. It returns them in the
// order in which they were made.
func (s *state) settle(now int64) (settled []*refund) {
	for id, r := range s.pending {
		if r.SucceedsAt <= now {
			r.Status, r.SucceedsAt = statusSucceeded, 0
			delete(s.pending, id)
			settled = append(settled, r)
		}
	}
	slices.SortFunc(settled, func(a, b *refund) int { return strings.Compare(a.ID, b.ID) })
	return settled
}

// left is what can still be refunded of a payment.
func (s *state) left(p Payment, number string) int64 {
	left := p.Amount
	for _, id := range s.byPayment[number] {
		if r := s.refunds[id]; r.counts() {
			left -= r.Amount
		}
	}
	return left
}

// paymentNumber is what pi_… and ch_… of one payment have in common.
func paymentNumber(id string) (string, bool) {
	for _, prefix := range [...]string{"pi_", "ch_"} {
		if number, ok := strings.CutPrefix(id, prefix); ok && number != "" && len(id) <= 255 {
			return number, true
		}
	}
	return "", false
}

func isCurrency(code string) bool {
	return len(code) == 3 && strings.Trim(code, "abcdefghijklmnopqrstuvwxyz") == ""
}

func upper(currency string) string { return strings.ToUpper(currency) }
