package ledgerdb

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/makegood/makegood/remediator/store/internal/postgres"
	"github.com/makegood/makegood/remediator/store/internal/sqlite"
)

// DefaultTerm is how long a lease lasts after it was renewed last, and so how long
// nobody decides after a node died.
const DefaultTerm = 2 * time.Second

const (
	// renewals is how often a lease is renewed in its term: one that comes late, or
	// gets lost, is not the end.
	renewals = 4
	// endWait is how long the connection of the former holder may take to end.
	endWait = 5 * time.Second
)

// Lease is the right to commit, of one handle at a time. In a SQLite file it is
// held from opening on, because the lock on the data folder keeps others out.
// In PostgreSQL it is a row that is renewed in the background, by the server's
// clock; whoever takes it over ends the connection on which the former holder
// committed, so that a node that froze in a transaction holds no locks.
type Lease struct {
	db    *DB
	epoch int64
	lost  chan struct{} // closed when it is known to be lost; nil: never
	stop  context.CancelFunc
	ended chan struct{} // closed when nothing renews it any more
}

// holderName is how a handle is called in the lease. The random end makes two
// handles differ whatever their nodes are called.
func holderName(node string) string {
	if node == "" {
		node, _ = os.Hostname() // the name is for people only
	}
	return node + "/" + rand.Text()[:8]
}

// serverClock is PostgreSQL's clock in nanoseconds.
const serverClock = `(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000000)::BIGINT`

// takeLease takes the lease when its time is over, or when it is this handle's.
const takeLease = `UPDATE lease SET epoch = epoch + 1, holder = ?, expires = ` + serverClock + ` + ?,
	former_pid = pid, former_started = started, pid = pg_backend_pid(),
	started = (SELECT EXTRACT(EPOCH FROM a.backend_start)::TEXT FROM pg_stat_activity AS a WHERE a.pid = pg_backend_pid())
	WHERE id = 1 AND (expires <= ` + serverClock + ` OR holder = ?)
	RETURNING epoch, CASE WHEN pid = former_pid AND started = former_started THEN 0 ELSE former_pid END, former_started`

// endConnection ends a connection and reports whether it has ended. It finds none
// when that is gone already.
const endConnection = `SELECT pg_terminate_backend(pid, ?) FROM pg_stat_activity WHERE pid = ? AND EXTRACT(EPOCH FROM backend_start)::TEXT = ?`

// TryAcquire takes the lease, unless another handle holds it: then it returns nil.
// A handle that holds it gets it anew, on a new connection if need be, and what the
// old connection had begun is over: so Position says how a commit ended whose
// answer was lost. Then the holder commits from Position on.
func (d *DB) TryAcquire(ctx context.Context) (*Lease, error) {
	if d.db.keep == nil {
		return &Lease{db: d, epoch: d.epoch}, nil
	}
	d.committing.Lock()
	defer d.committing.Unlock()
	d.tip = nil // another may have committed meanwhile
	l := &Lease{db: d, lost: make(chan struct{}), ended: make(chan struct{})}
	asked := time.Now()
	var formerPID int64
	var formerStarted string
	// On the connection that commits: the lease names it.
	err := d.db.Commit.QueryRowContext(ctx, takeLease, d.holder, int64(d.term), d.holder).Scan(&l.epoch, &formerPID, &formerStarted)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err == nil && formerPID != 0 {
		err = d.endFormer(ctx, d.db.keep, formerPID, formerStarted)
	}
	if err != nil {
		return nil, fmt.Errorf("acquire lease: %w", err)
	}
	d.epoch = l.epoch
	var renewing context.Context
	renewing, l.stop = context.WithCancel(context.WithoutCancel(ctx))
	go l.keep(renewing, asked.Add(d.term))
	return l, nil
}

// errStillThere says that a connection did not end in time. The next try may find it
// gone.
var errStillThere = errors.New("it is still there")

// endFormer ends the connection on which the former holder committed.
func (d *DB) endFormer(ctx context.Context, from queries, pid int64, started string) error {
	var ended bool
	err := from.QueryRowContext(ctx, endConnection, endWait.Milliseconds(), pid, started).Scan(&ended)
	if err == nil && !ended { // also when it ended by itself between being found and being told to
		var still bool
		err = d.db.Read.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM pg_stat_activity WHERE pid = ? AND EXTRACT(EPOCH FROM backend_start)::TEXT = ?)`,
			pid, started).Scan(&still)
		if still {
			err = fmt.Errorf("%w after %v", errStillThere, endWait)
		}
	}
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return fmt.Errorf("end the former holder's connection: %w", err)
	}
	return nil
}

// Acquire waits until the lease is this handle's.
func (d *DB) Acquire(ctx context.Context) (*Lease, error) {
	ticker := time.NewTicker(d.term / renewals)
	defer ticker.Stop()
	for {
		free := d.News(LeaseFree)
		l, err := d.TryAcquire(ctx)
		switch {
		case l != nil:
			return l, nil
		case err != nil && ctx.Err() != nil: // the server says that it was asked to stop, not why
			return nil, fmt.Errorf("acquire lease: %w", ctx.Err())
		case err != nil:
			return nil, err
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("acquire lease: %w", ctx.Err())
		case <-free:
		case <-ticker.C:
		}
	}
}

// keep renews the lease until it is released or lost. Valid is until when it holds
// if it is never renewed.
func (l *Lease) keep(ctx context.Context, valid time.Time) {
	defer close(l.ended)
	ticker := time.NewTicker(l.db.term / renewals)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		asked := time.Now()
		limited, cancel := context.WithDeadline(ctx, valid)
		err := l.Renew(limited)
		cancel()
		switch {
		case err == nil:
			valid = asked.Add(l.db.term)
		case errors.Is(err, ErrFenced) || !time.Now().Before(valid):
			close(l.lost)
			return
		}
	}
}

// Renew makes the lease last for another term. When another handle has it, it is
// ErrFenced. It is called in the background; there is no need to.
func (l *Lease) Renew(ctx context.Context) error {
	if l.lost == nil {
		return nil
	}
	result, err := l.db.db.keep.ExecContext(ctx, `UPDATE lease SET expires = `+serverClock+` + ? WHERE id = 1 AND epoch = ?`, int64(l.db.term), l.epoch)
	if err != nil {
		return fmt.Errorf("renew lease: %w", err)
	}
	renewed, err := result.RowsAffected()
	if err == nil && renewed == 0 {
		err = ErrFenced
	}
	if err != nil {
		return fmt.Errorf("renew lease: %w", err)
	}
	return nil
}

// Shared reports whether other handles may want the lease.
func (l *Lease) Shared() bool { return l.lost != nil }

// Passing reports whether the holder of a shared lease that met an error goes on
// by acquiring it anew: the lease is another's, or the server was away.
func Passing(err error) bool {
	return errors.Is(err, ErrFenced) || errors.Is(err, errStillThere) || postgres.Passing(err)
}

// OfDisk reports whether an error says that the disk of a file, or of a database, is
// full, read-only or does not answer: whatever was being committed, the same is tried
// again when the disk does its work again.
func OfDisk(err error) bool {
	if postgres.Unwritten(err) {
		return true
	}
	var file *sqlite.Trouble
	return errors.As(sqlite.Explain("", err), &file) && file.Disk
}

// Damaged reports whether an error says that what is in a file is damaged: no more is
// to be read from it, or written into it.
func Damaged(err error) bool {
	var file *sqlite.Trouble
	return errors.As(sqlite.Explain("", err), &file) && !file.Disk
}

// Explain names the ledger's file in an error that is about it, and what to do.
func (d *DB) Explain(err error) error {
	if d.db.path == "" {
		return err
	}
	return sqlite.Explain(d.db.path, err)
}

// Lost is closed when the lease is known to be another's, or could not be renewed
// in time. Whether that is noticed or not, nothing more is committed then.
func (l *Lease) Lost() <-chan struct{} { return l.lost }

// Release gives the lease up, so that another takes it at once.
func (l *Lease) Release(ctx context.Context) error {
	if l.lost == nil {
		return nil
	}
	l.stop()
	<-l.ended
	// Who waits for it hears of it with the commit.
	if _, err := l.db.db.keep.ExecContext(ctx, `UPDATE lease SET expires = 0, holder = '' WHERE id = 1 AND epoch = ? RETURNING pg_notify(?, '')::TEXT`,
		l.epoch, l.db.news.channels[LeaseFree]); err != nil {
		return fmt.Errorf("release lease: %w", err)
	}
	return nil
}
