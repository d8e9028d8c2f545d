package act

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/money"
)

// Connector speaks to one provider. Implementations are safe for concurrent use
// and never try again by themselves: the worker does.
type Connector interface {
	// Traits says what the provider can do. It never changes.
	Traits() Traits
	// Do asks the provider to carry the request out, with the action's id as
	// idempotency key. An error is an *Error that says what is known about the
	// effect; any other error means that nothing is known.
	Do(ctx context.Context, r Request) (Result, error)
	// Lookup asks the provider what it knows about the request without changing
	// anything. It is called only when Traits.Lookup is set. Its errors are like
	// those of Do; one with decide.Failed says that Do could never succeed.
	Lookup(ctx context.Context, r Request) (Found, error)
}

// Traits are what a provider can do.
type Traits struct {
	KeyLifetime   time.Duration // how long it remembers an idempotency key; 0: for ever
	Window        time.Duration // for how long an action is tried; 0: for ever
	MaxPaymentAge time.Duration // how old a payment may be; 0: no bound is known
	Async         bool          // a result may be pending and end later
	Lookup        bool          // it finds a refund by our action id
	Partial       bool          // it refunds parts of a payment
	Cancel        bool          // it cancels what is pending
	// Schedule has the wait after each attempt but the last; empty: the worker's
	// Backoff decides, until Window is over.
	Schedule []time.Duration
	// AtLeastOnce says that it tells something and moves no money: when its time
	// is over without a confirmation, it has failed, and nobody has to find out.
	AtLeastOnce bool
}

// Request is what a connector is asked to do, built from the sealed decision.
type Request struct {
	Action   uuid.UUID // also the idempotency key
	Remedy   uuid.UUID
	Entry    uint64 // sequence of the sealed decision in the ledger
	Rule     string
	Kind     string    // refund, credit, notify, webhook, or reverse
	Of       uuid.UUID // of a reverse: the action that it undoes
	At       time.Time // of the decision
	Customer string
	Subject  string // of the event
	Attempt  int

	Payment string
	Amount  money.Money   // of a refund or credit, and then always above zero
	Expires time.Duration // of a credit; 0: never

	Template string          // of notify
	Via      string          // of notify: rule.ViaMail or rule.ViaChat
	Endpoint string          // of webhook
	Values   json.RawMessage // of notify and webhook: rule.Action says what is in it
	Results  []StepResult    // of notify and webhook: what the remedy's other steps came to so far, in order
}

// StepResult is what another step of the same remedy came to.
type StepResult struct {
	Name   string
	Kind   string
	Status string
	Amount *money.Money // nil when it moves no money
	Ref    string       // the provider's id
}

// Result is what the provider came to.
type Result struct {
	Status string // decide.Succeeded, decide.Pending, decide.Failed or decide.Skipped
	Code   string // why it is pending, failed or skipped
	Ref    string // the provider's id
	Amount money.Money
	Sent   string // what was sent, to be sealed as evidence; at most decide.MaxSent
}

// Found is what a look-up found.
type Found struct {
	// Ours is what this action came to; nil when the provider knows nothing of it.
	Ours *Result
	// Foreign is the provider's id of a refund of the same payment that does not
	// belong to the remedy; empty when there is none.
	Foreign string
}

// Error is a request without a result, and what is known about its effect.
type Error struct {
	// Status is decide.Failed when the provider refused for good, decide.Retrying
	// when nothing happened, decide.Unknown when the effect may have happened.
	Status     string
	Code       string        // the provider's code, or ours
	RetryAfter time.Duration // how long the provider asks to wait; 0: it does not say
	Err        error
}

// Error says what happened, with the code.
func (e *Error) Error() string { return fmt.Sprintf("%s (%s): %v", e.Status, e.Code, e.Err) }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// classify returns what is known after an error of a connector.
func classify(err error) *Error {
	var classified *Error
	if errors.As(err, &classified) {
		return classified
	}
	return &Error{Status: decide.Unknown, Code: "unclassified", Err: err}
}
