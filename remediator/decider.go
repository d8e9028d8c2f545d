package remediator

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/makegood/makegood/remediator/api"
	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/history"
	"github.com/makegood/makegood/remediator/input"
	"github.com/makegood/makegood/remediator/log"
)

const (
	// recordsPerCommit bounds how many records one transaction takes: at 512 KiB
	// a record it is some 60,000 events at most, and usually far fewer.
	recordsPerCommit = 64
	// idlePoll is how long the decider trusts the log to wake it.
	idlePoll = time.Second
)

// ledgerStore is what the decider needs of the ledger's store.
type ledgerStore interface {
	decide.Memory
	// Position returns how far the ledger has come; the zero Position before the first commit.
	Position(ctx context.Context) (decide.Position, error)
	// Snapshot returns the newest stored state, nil when there is none.
	Snapshot(ctx context.Context) (*decide.Snapshot, error)
	// Commit moves the ledger from one position to the next in one transaction,
	// or changes nothing.
	Commit(ctx context.Context, from, to decide.Position, out *decide.Output) error
}

// decider folds the log and commits what it finds. There is one in a service,
// and the store's fence lets only one service commit.
type decider struct {
	log     log.Log
	store   ledgerStore
	config  decide.Config
	append  func(context.Context, []input.Input) error
	clock   func() time.Time // nil: events are the clock, and no tick is ever due
	onStep  func(string)
	wake    func()               // after a commit that left work to do
	tell    func(*decide.Output) // after a commit
	logger  *slog.Logger
	fold    *decide.Fold
	rules   atomic.Pointer[api.InForce] // in force, as far as committed, for others to read
	at      decide.Position             // committed
	ticking int64                       // the timer for which a tick was appended
}

// restore brings the fold to where the ledger is: the newest snapshot, then the
// tail of the log, whose facts are in the ledger already.
func (d *decider) restore(ctx context.Context) error {
	committed, err := d.store.Position(ctx)
	if err != nil {
		return fmt.Errorf("read the ledger's position: %w", err)
	}
	snapshot, err := d.store.Snapshot(ctx)
	if err != nil {
		return fmt.Errorf("read the newest snapshot: %w", err)
	}
	if d.fold, err = history.Refold(ctx, d.log, d.config, snapshot, committed.Ordinal); err != nil {
		return err
	}
	if got := d.fold.Position(); got.Ordinal != committed.Ordinal || got.Digest != committed.Digest || got.LogID != committed.LogID {
		return fmt.Errorf("the log is not the one that the ledger was made from: at input %d the ledger has digest %x, the log gives %x at input %d",
			committed.Ordinal, committed.Digest[:4], got.Digest[:4], got.Ordinal)
	}
	d.at = committed
	d.publish()
	return nil
}

// run folds and commits until the context ends.
func (d *decider) run(ctx context.Context) error {
	for {
		worked, err := d.step(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return err
		}
		if worked {
			continue
		}
		if err := d.tick(ctx); err != nil {
			return err
		}
		wait, cancel := context.WithTimeout(ctx, idlePoll)
		err = d.log.Wait(wait, d.at.Record)
		cancel()
		if err != nil && ctx.Err() == nil && !errors.Is(err, context.DeadlineExceeded) {
			return fmt.Errorf("wait for the log: %w", err)
		}
	}
}

// step takes the next records through the fold into the ledger. It reports
// whether there were any.
func (d *decider) step(ctx context.Context) (bool, error) {
	records, err := d.log.Read(ctx, d.at.Record, recordsPerCommit)
	if err != nil || len(records) == 0 {
		return false, err
	}
	var inputs []input.Input
	for _, r := range records {
		more, err := input.DecodeRecord(r.Blob, r.At)
		if err != nil {
			return false, fmt.Errorf("decode record %d: %w", r.Seq, err)
		}
		inputs = append(inputs, more...)
	}
	out, err := d.fold.Apply(inputs)
	if err != nil {
		return false, err
	}
	d.onStep(StepFolded)
	to := d.fold.Position()
	to.Record = records[len(records)-1].Seq
	if s := out.Snapshot; s != nil {
		s.Skip = s.Position.Ordinal - d.at.Ordinal
		s.Position.Record = d.at.Record
	}
	if err := d.commit(ctx, to, out); err != nil {
		return false, err
	}
	d.onStep(StepCommitted)
	d.tell(out)
	if len(out.Settled) > 0 {
		d.onStep(StepSettled)
	}
	if len(out.Outbox) > 0 {
		d.wake()
	}
	return true, nil
}

// commit commits. When the answer is lost it looks where the ledger is before
// it does anything else.
func (d *decider) commit(ctx context.Context, to decide.Position, out *decide.Output) error {
	err := d.store.Commit(ctx, d.at, to, out)
	if err != nil {
		at, lookErr := d.store.Position(context.WithoutCancel(ctx))
		if lookErr != nil || at.Ordinal != to.Ordinal || at.Digest != to.Digest {
			return fmt.Errorf("commit decisions: %w", err)
		}
	}
	d.at = to
	d.publish()
	return nil
}

// publish shows others the rules in force.
func (d *decider) publish() {
	if at := d.rules.Load(); at == nil || at.Set != d.fold.Rules() {
		d.rules.Store(&api.InForce{Set: d.fold.Rules(), Author: d.fold.Author()})
	}
}

// tick appends an input with nothing but a time when a timer is due and the log
// is idle.
func (d *decider) tick(ctx context.Context) error {
	due, any := d.fold.Due()
	if d.clock == nil || !any || due == d.ticking || d.clock().UnixNano() < due {
		return nil
	}
	if err := d.append(ctx, []input.Input{{Kind: input.Tick, At: input.StampRecord}}); err != nil {
		if ctx.Err() != nil {
			return nil
		}
		return fmt.Errorf("append a tick: %w", err)
	}
	d.ticking = due
	return nil
}
