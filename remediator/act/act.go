// Package act carries out what was decided: one Worker for each connector takes
// jobs from the outbox, asks the provider, and appends what each attempt came
// to as an outcome to the log.
//
// A worker never decides and never writes a status. The request is built from
// the sealed decision, not from the outbox; the outcome becomes an input that the
// fold settles. It may die anywhere: the job's lease runs out, the job is claimed
// again and sent under the same idempotency key, or found at the provider first.
// The outbox, the log and the connectors are interfaces here; package
// store/ledgerdb, package log and the packages below this one implement them.
package act

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/input"
	"github.com/makegood/makegood/remediator/rule"
)

// Job is an action that a connector has to carry out, as claimed.
type Job struct {
	Action         uuid.UUID
	Remedy         uuid.UUID
	Connector      string
	Kind           string
	Name           string // of the step
	Approved       bool   // a person approved it: refunds by others do not block it
	Attempt        int    // this one; the first is 1, and no number is ever given twice
	FirstAttemptAt time.Time
	Entry          []byte // the sealed ledger entry of the remedy's decision

	// Values, Outcomes and Retried are there for jobs that tell somebody something.
	Values   []byte        // what each step tells, by its name, as JSON; nil when it was erased
	Outcomes []decide.Fact // what the remedy's actions came to so far, and those of Retried, as sealed, in order
	Retried  [][]byte      // of a retry: the sealed decisions that it is made from, the last one first
}

// Tells reports whether the job tells somebody something and moves no money.
func (j Job) Tells() bool { return tells(j.Kind) }

func tells(kind string) bool { return kind == rule.Notify || kind == rule.Webhook }

// Outbox keeps the jobs. Implementations are safe for concurrent use.
type Outbox interface {
	// Claim takes up to n jobs of a connector that are due at now and not under
	// another lease, and leases them for so long: by now, or by the clock that all who
	// claim have in common, where there is one. It counts the attempt,
	// and sets the time of the first one, before it returns. Under a brake it
	// returns none.
	Claim(ctx context.Context, connector string, n int, now time.Time, lease time.Duration) ([]Job, error)
	// Braked reports whether an action has come under a brake since it was claimed.
	Braked(ctx context.Context, action uuid.UUID) (bool, error)
	// Retry ends the lease of an attempt and makes the job due again at next. A job
	// that was settled or handed out anew meanwhile stays so, and that is no error.
	Retry(ctx context.Context, action uuid.UUID, attempt int, next time.Time) error
	// Reported ends the lease of an attempt: the outcome is in the log, and no attempt follows
	// unless the fold asks for one. A job that was settled meanwhile is no error.
	Reported(ctx context.Context, action uuid.UUID, attempt int) error
}

// Appender is the log as a worker sees it.
type Appender interface {
	// Append returns once the inputs are durable. After an error they may or may
	// not be; appending them again is harmless, for their ids tell.
	Append(ctx context.Context, inputs []input.Input) error
}
