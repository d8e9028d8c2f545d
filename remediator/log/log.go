// Package log is the one totally ordered log: the interface that every engine
// implements, and the batcher that merges requests into records. Whatever takes
// part in a decision goes through it: ingest and the workers append to the
// batcher, the decider reads the records. Package logtest holds what an engine
// must do.
package log

import (
	"context"
	"errors"
	"time"
)

// MaxJump is how far an engine's clock may run ahead of the time that passed
// between two appends. Budgets, holds and retention follow the time of the log,
// so a clock set wrong must not be followed unasked.
const MaxJump = 10 * time.Minute

// Errors of an engine's Append that say that nothing was stored.
var (
	// ErrClockJump says that the engine's clock was set far ahead. Appending
	// goes on when the clock is right again, after ConfirmClock or a restart of the service.
	ErrClockJump = errors.New("the clock jumped ahead")
	// ErrReadOnly says that the log was opened to read only.
	ErrReadOnly = errors.New("log is open to read only")
)

// ErrAway says that the engine does not answer for the moment, or not as it should:
// who tries again later may succeed. A record whose append ended with it may or may
// not be stored.
var ErrAway = errors.New("the log's servers are away")

// Log is a durable, totally ordered sequence of records. Implementations are
// safe for concurrent use.
type Log interface {
	// Append stores one record and returns its sequence once it is durable.
	// Sequences increase; they need not be dense. After an error the record may
	// or may not have been stored.
	Append(ctx context.Context, blob []byte) (seq uint64, err error)
	// Read returns up to limit records with a sequence above after, in order,
	// skipping none; fewer, or none, when the log has no more.
	Read(ctx context.Context, after uint64, limit int) ([]Record, error)
	// Wait returns nil once a record above after may exist. It may return early.
	Wait(ctx context.Context, after uint64) error
	// Head returns the sequence of the last record, 0 when there is none.
	Head(ctx context.Context) (uint64, error)
}

// Record is one durable append.
type Record struct {
	Seq  uint64
	At   int64 // by the engine's clock, nanoseconds since the Unix epoch
	Blob []byte
}
