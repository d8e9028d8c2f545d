package remediator

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/input"
	"github.com/makegood/makegood/remediator/log"
	"github.com/makegood/makegood/remediator/store/ledgerdb"
)

const (
	// leadAgainAfter is how long the decider waits before it asks a database again
	// that did not answer.
	leadAgainAfter = 500 * time.Millisecond
	// leaseAskedEvery is how often a node that follows asks for the lease, and so how
	// much later than at the end of a dead one's lease it goes on.
	leaseAskedEvery = ledgerdb.DefaultTerm / 4
	// askTimeout bounds how long a database is asked what became of a commit, or told
	// that nobody decides here any more.
	askTimeout = 10 * time.Second
)

// run decides until the context ends. Where several may decide, it follows whoever
// does until it is its turn, and again after that: when the lease was lost, and when
// the database was away. A disk that is full, or has become read-only, is waited for,
// that of a database too. What a newer program has appended is left to newer programs.
func (d *decider) run(ctx context.Context) error {
	defer d.release(context.WithoutCancel(ctx))
	for {
		err := d.turn(ctx)
		switch {
		case ctx.Err() != nil:
			return nil
		case err == nil:
			continue
		case d.shared && errors.Is(err, decide.ErrNewer): // nothing of it is committed yet
			d.logger.Warn("end deciding", "error", err)
			d.standBack(d.version + 1) // or more
		case ledgerdb.OfDisk(err): // gates, reads and stops go on meanwhile
			d.stuck = true
			d.note(err)
		case !d.shared || !passing(err):
			return err
		default:
			d.logger.Warn("decide anew", "error", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(leadAgainAfter):
		}
	}
}

// goesOn says that decisions are committed again, here or elsewhere, or that none wait.
func (d *decider) goesOn() {
	if d.stuck {
		d.stuck = false
		d.note(nil)
	}
}

// passing reports whether an error says that the database or the log's servers are
// away for the moment, or that another decides.
func passing(err error) bool { return ledgerdb.Passing(err) || errors.Is(err, log.ErrAway) }

// turn waits for the right to commit and decides while it lasts. In the end another
// may have it.
func (d *decider) turn(ctx context.Context) error {
	if d.lease == nil {
		if err := d.lead(ctx); err != nil {
			d.release(context.WithoutCancel(ctx)) // who has to restore a state first lets others go before
			return err
		}
	}
	d.logger.Debug("decide", "input", d.at.Ordinal)
	d.leads.Store(true)
	defer d.leads.Store(false)
	err := d.decideWhileHeld(ctx)
	d.release(context.WithoutCancel(ctx))
	return err
}

// decideWhileHeld decides until the context ends or the lease is lost.
func (d *decider) decideWhileHeld(ctx context.Context) error {
	held, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	d.beginVersion(held)
	lost := d.lease.Lost()
	go func() {
		select {
		case <-lost:
			d.onStep(StepLost)
			cancel(fmt.Errorf("lose lease: %w", ledgerdb.ErrFenced))
		case <-held.Done():
		}
	}()
	if err := d.decide(held); err != nil {
		return err
	}
	return context.Cause(held)
}

// beginVersion has the log go on by this program's version of the deciding, when it was
// an older one's: from then on no older program decides. What cannot be appended now is
// said by the next leader.
func (d *decider) beginVersion(ctx context.Context) {
	if d.fold.Position().Version >= d.version {
		return
	}
	body, err := json.Marshal(decide.VersionBody{Version: d.version})
	if err == nil {
		err = d.append(ctx, []input.Input{{ID: fmt.Sprintf("version/%d", d.version), Kind: input.Version, At: d.stamp(), Body: body}})
	}
	if err != nil {
		d.logger.Warn("begin a version of the deciding", "version", d.version, "error", err)
	}
}

// stamp is what inputs of the decider carry as their time.
func (d *decider) stamp() int64 {
	if d.clock == nil {
		return input.StampPrevious
	}
	return input.StampRecord
}

// committed reports whether a commit whose answer was lost, or was an error, has
// happened.
func (d *decider) committed(ctx context.Context, to decide.Position) bool {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), askTimeout)
	defer cancel()
	lease, err := d.store.TryAcquire(ctx)
	if err != nil || lease == nil {
		return false
	}
	d.lease = lease
	at, err := d.store.Position(ctx)
	return err == nil && at.Ordinal == to.Ordinal && at.Digest == to.Digest
}

// release gives the lease to whoever waits for it.
func (d *decider) release(ctx context.Context) {
	if d.lease == nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	if err := d.lease.Release(ctx); err != nil {
		d.logger.Warn("release lease", "error", err) // it ends by itself
	}
	d.lease = nil
}
