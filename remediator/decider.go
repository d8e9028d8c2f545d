package remediator

import (
	"context"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/history"
	"github.com/makegood/makegood/remediator/input"
	"github.com/makegood/makegood/remediator/log"
	"github.com/makegood/makegood/remediator/store/ledgerdb"
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
	// TryAcquire takes the right to commit, or takes it anew, and returns nil when
	// another has it. What was being committed before has ended then.
	TryAcquire(ctx context.Context) (*ledgerdb.Lease, error)
	// News returns what is closed when other nodes say that something is new, which
	// they may fail to say.
	News(of ledgerdb.News) <-chan struct{}
	// Position returns how far the ledger has come; the zero Position before the first commit.
	Position(ctx context.Context) (decide.Position, error)
	// LostClaims returns actions of which a later attempt was made, by the number of the
	// attempt that is given, than the ledger knows to have been claimed.
	LostClaims(ctx context.Context, attempts map[uuid.UUID]int) ([]uuid.UUID, error)
	// Brake stops a target at once, under the id of a command that is in the log.
	Brake(ctx context.Context, target, id, by string, at time.Time) error
	// SnapshotBefore returns the newest stored state of at most an input, nil when there
	// is none.
	SnapshotBefore(ctx context.Context, ordinal uint64) (*decide.Snapshot, error)
	// Prepare makes what a commit from one position to the next writes, while what the
	// change before it is, nil for none, may still be written.
	Prepare(ctx context.Context, after *ledgerdb.Change, from, to decide.Position, out *decide.Output) (*ledgerdb.Change, error)
	// Write writes a change in one transaction, or changes nothing.
	Write(ctx context.Context, change *ledgerdb.Change) error
}

// decider folds the log and commits what it finds. There is one in a service,
// and the store's lease lets only one service commit.
type decider struct {
	log     log.Log
	store   ledgerStore
	config  decide.Config
	append  func(context.Context, []input.Input) error
	clock   func() time.Time // nil: events are the clock, and no tick is ever due
	onStep  func(string)
	note    func(error)          // why nothing is decided; nil when something was, or nothing waits
	wake    func()               // after a commit that left work to do
	tell    func(*decide.Output) // after a commit of this node or another; nil: it is not known what it changed
	logger  *slog.Logger
	memory  *decide.Ahead // what config.Memory is
	aheadOf int           // inputs from which on they are folded while a commit is under way
	fold    *decide.Fold
	rules   atomic.Pointer[decide.InForce] // in force, as far as committed, for others to read
	clients atomic.Int64                   // of the SDK that are remembered, as far as committed
	folded  atomic.Uint64                  // inputs, as far as committed
	record  atomic.Uint64                  // the last that was folded, as far as committed
	at      decide.Position                // committed
	lease   *ledgerdb.Lease
	shared  bool            // other nodes may decide
	version int             // of the deciding that this program knows
	leads   atomic.Bool     // it decides
	stuck   bool            // it is noted why nothing is decided
	newer   atomic.Int64    // version of the deciding that has begun and that it does not know; 0 for none
	looked  uint64          // the last record that was compared with the ledger's claims
	stopped decide.Position // from which the ledger was set back when money was stopped for it
	ticking int64           // the timer for which a tick was appended
	ticked  int64           // when, by the clock here
}

// restore brings the fold to where the ledger is: the newest snapshot, then the
// tail of the log, whose facts are in the ledger already.
func (d *decider) restore(ctx context.Context) error {
	committed, err := d.store.Position(ctx)
	if err != nil {
		return fmt.Errorf("read the ledger's position: %w", err)
	}
	if d.shared && committed.Version > d.version {
		d.behindVersion(committed)
		return nil
	}
	if err := d.reach(ctx, committed.Record); err != nil {
		return err
	}
	if err := d.stopWhenSetBack(ctx, committed); err != nil {
		return err
	}
	// That may have taken a while, in which others committed and dropped snapshots.
	if committed, err = d.store.Position(ctx); err != nil {
		return fmt.Errorf("read the ledger's position: %w", err)
	}
	if d.shared && committed.Version > d.version {
		d.behindVersion(committed)
		return nil
	}
	snapshot, err := d.store.SnapshotBefore(ctx, committed.Ordinal)
	if err != nil {
		return fmt.Errorf("read the newest snapshot: %w", err)
	}
	if d.fold, err = history.Refold(ctx, d.log, d.config, snapshot, committed.Ordinal); err != nil {
		return err
	}
	return d.checkAt(committed)
}

// decide folds and commits until the context ends, which is no error.
func (d *decider) decide(ctx context.Context) error {
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
		d.goesOn() // nothing waits
		d.tick(ctx)
		wait, cancel := context.WithTimeout(ctx, idlePoll)
		err = d.log.Wait(wait, d.at.Record)
		waited := wait.Err() != nil
		cancel()
		if err != nil && !waited {
			return fmt.Errorf("wait for the log: %w", err)
		}
	}
}

// read returns the inputs of the records behind one, none beyond until, and the last of
// these records.
func (d *decider) read(ctx context.Context, after, until uint64) (inputs []input.Input, last uint64, err error) {
	records, err := d.log.Read(ctx, after, recordsPerCommit)
	if err != nil {
		return nil, 0, err
	}
	for _, r := range records {
		if r.Seq > until {
			break
		}
		more, err := input.DecodeRecord(r.Blob, r.At)
		if err != nil {
			return nil, 0, fmt.Errorf("decode record %d: %w", r.Seq, err)
		}
		inputs, last = append(inputs, more...), r.Seq
	}
	return inputs, last, nil
}

// publish shows others the rules in force, how many clients are known, and how far it
// is, where the fold is at what is committed.
func (d *decider) publish() { d.show(d.at, d.fold.Clients(), d.inForce()) }

// inForce returns the rules in force. They are the same until others are.
func (d *decider) inForce() *decide.InForce {
	if at := d.rules.Load(); at != nil && at.Set == d.fold.Rules() {
		return at
	}
	in := d.fold.InForce()
	return &in
}

func (d *decider) show(at decide.Position, clients int, rules *decide.InForce) {
	d.clients.Store(int64(clients))
	d.folded.Store(at.Ordinal)
	d.rules.Store(rules)
	d.record.Store(at.Record) // last: who waits for a record sees the rules that it put in force
}

// tick appends an input with nothing but a time when a timer is due and the log
// is idle. The log's clock, which stamps it, may be behind the clock here: then the timer
// did not fire, and another tick follows when that clock has reached it too.
func (d *decider) tick(ctx context.Context) {
	if d.clock == nil {
		return
	}
	due, any := d.fold.Due()
	now := d.clock().UnixNano()
	if !any || now < due {
		return
	}
	if due == d.ticking && now < d.ticked+max(due-d.at.At, int64(idlePoll)) {
		return // it is about to be folded, or the log's clock is not there yet
	}
	if err := d.append(ctx, []input.Input{{Kind: input.Tick, At: input.StampRecord}}); err != nil {
		return // it is known that the log takes nothing, and tried again
	}
	d.ticking, d.ticked = due, now
}
