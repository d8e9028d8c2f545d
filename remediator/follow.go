package remediator

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/store/ledgerdb"
)

// lead waits for the right to commit. Until it comes, the fold follows the ledger,
// so that it goes on at once from where another has ended.
func (d *decider) lead(ctx context.Context) error {
	if err := d.catchUp(ctx); err != nil {
		return err
	}
	for ask := time.Now(); ; {
		free, committed := d.store.News(ledgerdb.LeaseFree), d.store.News(ledgerdb.Committed)
		if err := d.keepUp(ctx); err != nil {
			return err
		}
		if now := time.Now(); !now.Before(ask) {
			ask = now.Add(leaseAskedEvery)
			if leads, err := d.acquire(ctx); leads || err != nil {
				return err
			}
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for the lease: %w", ctx.Err())
		case <-free:
			ask = time.Now()
		case <-committed:
		case <-time.After(time.Until(ask)):
		}
	}
}

// catchUp brings the fold to where the ledger is, wherever it was left.
func (d *decider) catchUp(ctx context.Context) error {
	if d.spoiled() {
		if err := d.restore(ctx); err != nil {
			return err
		}
	}
	return d.keepUp(ctx)
}

// acquire takes the lease when it is to be had, and folds what the former holder
// committed meanwhile. When that was a newer version, the lease is given back: the fold
// is behind, and what it made would take the ledger back.
func (d *decider) acquire(ctx context.Context) (leads bool, err error) {
	if d.outdated() {
		return false, nil
	}
	lease, err := d.store.TryAcquire(ctx)
	if err != nil || lease == nil {
		return false, err
	}
	d.lease = lease
	if err := d.keepUp(ctx); err != nil {
		return false, err
	}
	if d.outdated() {
		d.release(context.WithoutCancel(ctx))
		return false, nil
	}
	return true, nil
}

// spoiled reports whether the fold is elsewhere than the ledger: it folded what it
// could not commit.
func (d *decider) spoiled() bool {
	if d.fold == nil {
		return !d.outdated()
	}
	at := d.fold.Position()
	return at.Ordinal != d.at.Ordinal || at.Digest != d.at.Digest
}

// keepUp folds what others have committed. Never more: what the ledger has is what
// the fold is asked to remember.
func (d *decider) keepUp(ctx context.Context) error {
	to, err := d.store.Position(ctx)
	if err != nil {
		return fmt.Errorf("read the ledger's position: %w", err)
	}
	switch {
	case d.shared && to.Version > d.version:
		d.behindVersion(to)
		return nil
	case to == d.at:
		return d.unstick(ctx)
	case to.Ordinal < d.at.Ordinal || d.fold == nil:
		return d.restore(ctx)
	}
	if err := d.reach(ctx, to.Record); err != nil {
		return err
	}
	for d.at.Record < to.Record {
		inputs, last, err := d.read(ctx, d.at.Record, to.Record)
		if err != nil {
			return err
		}
		if len(inputs) == 0 {
			return fmt.Errorf("the log ends at record %d, but the ledger was made from %d", d.at.Record, to.Record)
		}
		out, err := d.fold.Apply(inputs)
		if err != nil {
			return err
		}
		d.at = d.fold.Position()
		d.at.Record = last
		d.publish()
		d.tell(out) // the ledger has it
		if len(out.Outbox) > 0 {
			d.wake()
		}
	}
	d.goesOn() // whoever decides
	return d.checkAt(to)
}

// unstick finds out whether anything still waits to be decided, where it was noted why
// nothing is.
func (d *decider) unstick(ctx context.Context) error {
	if !d.stuck {
		return nil
	}
	head, err := d.log.Head(ctx)
	if err == nil && head <= d.at.Record {
		d.goesOn()
	}
	return err
}

// reachTimeout is how long the log may be behind the ledger.
const reachTimeout = 10 * time.Second

// reach waits until the log has the last record from which the ledger was made: a
// server that has just come to lead a stream may be behind for a moment, and one that
// is cut off for as long as it is asked. A log that stays behind has lost its end.
func (d *decider) reach(ctx context.Context, record uint64) error {
	if record == 0 {
		return nil
	}
	err := d.awaitRecord(ctx, record)
	if servers, several := d.log.(interface{ Elsewhere(context.Context) }); several && errors.Is(err, errLostEnd) {
		servers.Elsewhere(ctx)
		err = d.awaitRecord(ctx, record)
	}
	return err
}

// errLostEnd says that the log has less than the ledger was made from.
var errLostEnd = errors.New("the log lost its end")

// awaitRecord waits for a record of the log for a while.
func (d *decider) awaitRecord(ctx context.Context, record uint64) error {
	waiting, cancel := context.WithTimeout(ctx, reachTimeout)
	defer cancel()
	err := d.log.Wait(waiting, record-1)
	if err == nil || ctx.Err() != nil || waiting.Err() == nil {
		return err
	}
	head, err := d.log.Head(ctx)
	if err == nil && head < record {
		err = fmt.Errorf("%w: it ends at record %d, but the ledger was made from %d: restore the log", errLostEnd, head, record)
	}
	return err
}

// checkAt says why the fold is not where the ledger is, and goes there when it is.
func (d *decider) checkAt(committed decide.Position) error {
	if got := d.fold.Position(); got.Ordinal != committed.Ordinal || got.Digest != committed.Digest || got.LogID != committed.LogID {
		return fmt.Errorf("the log is not the one that the ledger was made from: at input %d the ledger has digest %x, the log gives %x at input %d",
			committed.Ordinal, committed.Digest[:4], got.Digest[:4], got.Ordinal)
	}
	d.at = committed
	d.publish()
	return nil
}

// behindVersion notes that the log is decided by a newer version than this program
// has. It decides and folds nothing any more, and does all the rest.
func (d *decider) behindVersion(to decide.Position) {
	d.standBack(to.Version)
	if d.at != to {
		d.at = to
		d.tell(nil) // nothing says here what the commit changed
	}
}

// standBack notes that a newer version of the deciding has begun.
func (d *decider) standBack(newer int) {
	if d.newer.Swap(int64(newer)) == 0 {
		d.logger.Warn("this program never decides again: the log has begun a newer version of the deciding; install the newer program",
			"version", d.version, "log", newer)
	}
}

// outdated reports whether a newer version has begun than this program knows.
func (d *decider) outdated() bool { return d.newer.Load() != 0 }
