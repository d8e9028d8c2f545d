package history

import (
	"context"
	"fmt"

	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/input"
)

// Refold folds a log again, from a snapshot or, when it is nil, from the log's
// beginning, until the fold has folded the input of an ordinal, and returns the fold.
// What comes of it is dropped: it is in the ledger already.
func Refold(ctx context.Context, lg Log, config decide.Config, snapshot *decide.Snapshot, ordinal uint64) (*decide.Fold, error) {
	return refold(ctx, lg, config, snapshot, ordinal, func(*decide.Output) error { return nil })
}

// refold is Refold that hands over what comes of it.
func refold(ctx context.Context, lg Log, config decide.Config, snapshot *decide.Snapshot, ordinal uint64, take func(*decide.Output) error) (*decide.Fold, error) {
	fold := decide.New(config)
	var from decide.Position
	var skip uint64
	if snapshot != nil {
		var err error
		if fold, err = decide.Restore(config, snapshot.State); err != nil {
			return nil, err
		}
		from, skip = snapshot.Position, snapshot.Skip
	}
	head, err := lg.Head(ctx)
	if err != nil {
		return nil, fmt.Errorf("read log: %w", err)
	}
	if at := fold.Position().Ordinal; at > ordinal {
		return nil, fmt.Errorf("fold log to input %d: the state to begin with is of input %d, which comes later", ordinal, at)
	}
	var inputs []input.Input
	left := ordinal - fold.Position().Ordinal
	flush := func() error {
		left -= uint64(len(inputs))
		out, err := fold.Apply(inputs)
		inputs = inputs[:0]
		if err != nil {
			return err
		}
		return take(out)
	}
	for in, err := range read(ctx, lg, from.Record, head, func(uint64) {}) {
		switch {
		case err != nil:
			return nil, err
		case skip > 0:
			skip--
			continue
		case left == uint64(len(inputs)):
			return fold, flush()
		}
		if inputs = append(inputs, in); len(inputs) == inputsAtOnce {
			if err := flush(); err != nil {
				return nil, err
			}
		}
	}
	if err := flush(); err != nil {
		return nil, err
	}
	if left > 0 {
		return nil, fmt.Errorf("the log ends at input %d, but the ledger was made from %d: restore the log, or begin a new data folder", ordinal-left, ordinal)
	}
	return fold, nil
}

// inputsAtOnce bounds the inputs that one call of Apply folds.
const inputsAtOnce = 4096

// foldAt returns the fold as it was when it had folded the input of an ordinal.
func (h *History) foldAt(ctx context.Context, config decide.Config, ordinal uint64) (*decide.Fold, error) {
	config.Memory = h.ledger
	snapshot, err := h.ledger.SnapshotBefore(ctx, ordinal)
	if err != nil {
		return nil, err
	}
	return Refold(ctx, h.log, config, snapshot, ordinal)
}

// Now returns the fold as far as the ledger has come, which is the caller's to keep:
// what it folds goes nowhere.
func (h *History) Now(ctx context.Context) (*decide.Fold, error) {
	at, err := h.ledger.Position(ctx)
	if err != nil {
		return nil, err
	}
	return h.foldAt(ctx, decide.Config{}, at.Ordinal)
}
