// Package history reads the log again, and answers from it what happened and what
// would have: the state of the fold as it was before an input, the events of a
// period, what a rule would make good afterwards, why a remedy was made.
//
// It reads beside the service, which may be running, and writes nothing. The folding
// itself is that of packages decide and rehearse.
package history

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"math"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/input"
	"github.com/makegood/makegood/remediator/ledger"
	"github.com/makegood/makegood/remediator/log"
	"github.com/makegood/makegood/remediator/rule"
)

// Log is what is read of a log.
type Log interface {
	Read(ctx context.Context, after uint64, limit int) ([]log.Record, error)
	Head(ctx context.Context) (uint64, error)
}

// Ledger is what is read of the ledger's store. Implementations are safe for
// concurrent use.
type Ledger interface {
	decide.Memory
	// Position returns how far the ledger has come; the zero Position before the
	// first commit.
	Position(ctx context.Context) (decide.Position, error)
	// SnapshotBefore returns the newest stored state of at most an ordinal, nil when
	// there is none.
	SnapshotBefore(ctx context.Context, ordinal uint64) (*decide.Snapshot, error)
	// Snapshots lists the positions of the stored states, the oldest first.
	Snapshots(ctx context.Context) ([]decide.Position, error)
	// History returns the entries of a remedy in the order in which they were sealed.
	History(ctx context.Context, remedy uuid.UUID) ([]ledger.Entry, error)
	// Erased returns the sequences of those entries of a remedy that nobody can read
	// any more.
	Erased(ctx context.Context, entries []ledger.Entry) (map[uint64]bool, error)
	// RuleFiles returns the files of a rule set that was ever in force, by its digest.
	RuleFiles(ctx context.Context, digest string) ([]rule.File, error)
	// Bulk returns what a rule made good afterwards, nil when there is none.
	Bulk(ctx context.Context, id uuid.UUID) (*decide.Bulk, error)
}

// History answers questions about the past of one service. It is safe for
// concurrent use.
type History struct {
	log    Log
	ledger Ledger
	busy   sync.Mutex // by a question that folds much of the log
}

// New returns the history that a log and its ledger hold.
func New(lg Log, l Ledger) *History { return &History{log: lg, ledger: l} }

// Genesis returns what a log began with, nil when it is empty or no longer has its
// beginning.
func Genesis(ctx context.Context, lg Log) (*decide.GenesisBody, error) {
	records, err := lg.Read(ctx, 0, 1)
	if err != nil {
		return nil, fmt.Errorf("read log: %w", err)
	}
	if len(records) == 0 {
		return nil, nil
	}
	inputs, err := input.DecodeRecord(records[0].Blob, records[0].At)
	if err != nil {
		return nil, fmt.Errorf("decode record %d: %w", records[0].Seq, err)
	}
	if len(inputs) == 0 || inputs[0].Kind != input.Genesis {
		return nil, nil
	}
	var genesis decide.GenesisBody
	if err := json.Unmarshal(inputs[0].Body, &genesis); err != nil {
		return nil, fmt.Errorf("decode genesis: %w", err)
	}
	return &genesis, nil
}

// Lateness returns how late an event may enter a window: what the log's genesis says,
// or, when the log no longer has it, a sealed state, of which all say the same. Of an
// empty log it is decide.Lateness.
func (h *History) Lateness(ctx context.Context) (time.Duration, error) {
	genesis, err := Genesis(ctx, h.log)
	if err != nil {
		return 0, err
	}
	if genesis != nil {
		return genesis.Lateness(), nil
	}
	state, err := h.ledger.SnapshotBefore(ctx, math.MaxInt64)
	if err != nil {
		return 0, err
	}
	if state == nil {
		return decide.Lateness, nil
	}
	return decide.LatenessOf(state.State)
}

// recordsAtOnce is how many records are read at once: 32 MiB at most.
const recordsAtOnce = 64

// Inputs yields the inputs that the log holds now, in order. progress, which may be
// nil, is told how many of the log's records were read, and how many there are.
func (h *History) Inputs(ctx context.Context, progress func(read, all uint64)) iter.Seq2[input.Input, error] {
	return func(yield func(input.Input, error) bool) {
		head, err := h.log.Head(ctx)
		if err != nil {
			yield(input.Input{}, fmt.Errorf("read log: %w", err))
			return
		}
		for in, err := range read(ctx, h.log, 0, head, func(seq uint64) {
			if progress != nil {
				progress(seq, head)
			}
		}) {
			if !yield(in, err) || err != nil {
				return
			}
		}
	}
}

// read yields the inputs of the records above after up to last. done is told of each
// record before its inputs.
func read(ctx context.Context, lg Log, after, last uint64, done func(seq uint64)) iter.Seq2[input.Input, error] {
	return func(yield func(input.Input, error) bool) {
		for after < last {
			records, err := lg.Read(ctx, after, recordsAtOnce)
			if err == nil {
				err = ctx.Err()
			}
			if err != nil {
				yield(input.Input{}, fmt.Errorf("read log: %w", err))
				return
			}
			for _, r := range records {
				if r.Seq > last {
					return
				}
				inputs, err := input.DecodeRecord(r.Blob, r.At)
				if err != nil {
					yield(input.Input{}, fmt.Errorf("decode record %d: %w", r.Seq, err))
					return
				}
				done(r.Seq)
				for _, in := range inputs {
					if !yield(in, nil) {
						return
					}
				}
				after = r.Seq
			}
			if len(records) == 0 {
				return
			}
		}
	}
}
