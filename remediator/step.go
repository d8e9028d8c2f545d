package remediator

import (
	"context"
	"fmt"
	"math"

	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/store/ledgerdb"
)

// batch is what records came to, ready to be committed.
type batch struct {
	to      decide.Position
	out     *decide.Output
	change  *ledgerdb.Change
	inputs  int
	clients int             // of the SDK, remembered there
	rules   *decide.InForce // there
}

// step takes the next records through the fold into the ledger. It reports whether
// there were any. While there are many, those that come next are folded and sealed while
// the database writes; they are written only once what is before them is durable.
func (d *decider) step(ctx context.Context) (bool, error) {
	next, err := d.foldNext(ctx, d.at, nil)
	if err != nil || next == nil {
		return false, err
	}
	for next != nil {
		ahead := d.foldAhead(ctx, next)
		err := d.commit(ctx, next)
		after := <-ahead // also after an error: it works on the fold
		d.memory.Arrived()
		if err != nil {
			return false, err
		}
		if after.err != nil {
			return false, after.err
		}
		next = after.batch
	}
	return true, nil
}

// foldNext folds the records behind a position and makes a change of what they came
// to. While the change before is written, nil for none, a few inputs are left for later:
// then, and at the end of the log, it returns nil.
func (d *decider) foldNext(ctx context.Context, from decide.Position, after *ledgerdb.Change) (*batch, error) {
	inputs, last, err := d.read(ctx, from.Record, math.MaxInt64)
	if err != nil || len(inputs) == 0 || after != nil && len(inputs) < d.aheadOf {
		return nil, err
	}
	out, err := d.fold.Apply(inputs)
	if err != nil {
		return nil, err
	}
	d.onStep(StepFolded)
	next := &batch{to: d.fold.Position(), out: out, inputs: len(inputs), clients: d.fold.Clients(), rules: d.inForce()}
	next.to.Record = last
	if s := out.Snapshot; s != nil {
		s.Skip = s.Position.Ordinal - from.Ordinal
		s.Position.Record = from.Record
	}
	next.change, err = d.store.Prepare(ctx, after, from, next.to, out)
	if err != nil {
		return nil, fmt.Errorf("commit decisions: %w", err)
	}
	return next, nil
}

// ahead is what was folded while a commit was under way.
type ahead struct {
	batch *batch // nil: nothing was
	err   error
}

// foldAhead folds what comes behind a change that is about to be written, and says so
// when it is ready. Behind a small change nothing is: it is written soon.
func (d *decider) foldAhead(ctx context.Context, before *batch) <-chan ahead {
	ready := make(chan ahead, 1)
	if before.inputs < d.aheadOf {
		ready <- ahead{}
		return ready
	}
	d.memory.Send(d.at.Ordinal, before.out)
	go func() {
		next, err := d.foldNext(ctx, before.to, before.change)
		ready <- ahead{next, err}
	}()
	return ready
}

// commit writes a change, and tells of it. When the answer is lost it looks where the
// ledger is before it does anything else.
func (d *decider) commit(ctx context.Context, f *batch) error {
	if err := d.store.Write(ctx, f.change); err != nil && !d.committed(ctx, f.to) {
		return fmt.Errorf("commit decisions: %w", err)
	}
	d.at = f.to
	d.show(f.to, f.clients, f.rules)
	d.goesOn()
	d.onStep(StepCommitted)
	d.tell(f.out)
	if len(f.out.Settled) > 0 {
		d.onStep(StepSettled)
	}
	if len(f.out.Outbox) > 0 {
		d.wake()
	}
	return nil
}
