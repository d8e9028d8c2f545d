package ledgerdb

import (
	"context"
	"crypto/sha256"
	"errors"
	"testing"
	"time"

	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/store/postgrestest"
)

// term is long enough for a loaded machine to renew in it, and short enough for a
// test to see it end.
const term = time.Second

// node is a handle of a node with a lease of the tests' term.
func node(t *testing.T, dsn, name string) *DB {
	t.Helper()
	private, _ := keys(t)
	d, err := Connect(context.Background(), dsn, Options{Key: private, Node: name, Term: term, NewKey: func(customer string) [32]byte {
		return sha256.Sum256([]byte(customer))
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return d
}

func mustAcquire(t *testing.T, d *DB) *Lease {
	t.Helper()
	l, err := d.Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.stop(); <-l.ended })
	return l
}

// freeze stops what renews a lease, as when the process is stopped, and leaves the
// connections as they are.
func freeze(l *Lease) {
	l.stop()
	<-l.ended
}

// prepare makes a change to be written later.
func (w *world) prepare(to decide.Position, out *decide.Output) *Change {
	w.t.Helper()
	tip, err := w.db.readTip(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	c, err := w.db.prepare(w.t.Context(), tip, nil, to, out)
	if err != nil {
		w.t.Fatal(err)
	}
	return c
}

func TestLeaseIsOfOne(t *testing.T) {
	t.Parallel()
	dsn := postgrestest.New(t)
	a, b := &world{t: t, db: node(t, dsn, "a")}, &world{t: t, db: node(t, dsn, "b")}
	if err := a.db.Commit(t.Context(), a.at, a.next(), a.genesis()); !errors.Is(err, ErrFenced) {
		t.Errorf("a commit without the lease = %v, want ErrFenced", err)
	}
	held := mustAcquire(t, a.db)
	a.commit(a.genesis())
	b.at = a.at
	if l, err := b.db.TryAcquire(t.Context()); l != nil || err != nil {
		t.Fatalf("a second holder: %v, %v", l, err)
	}
	if err := b.db.Commit(t.Context(), b.at, b.next(), b.refund("b")); !errors.Is(err, ErrFenced) {
		t.Errorf("the other's commit = %v, want ErrFenced", err)
	}
	// It is renewed: after two terms it is still the same.
	waiting, cancel := context.WithTimeout(t.Context(), 2*term)
	defer cancel()
	if l, err := b.db.Acquire(waiting); l != nil || !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("the lease of one that lives was taken: %v, %v", l, err)
	}
	select {
	case <-held.Lost():
		t.Error("the holder believes that it lost the lease")
	default:
	}
	a.commit(a.refund("a"))
	// A planned end hands over at once.
	if err := held.Release(t.Context()); err != nil {
		t.Fatal(err)
	}
	l, err := b.db.TryAcquire(t.Context())
	if err != nil || l == nil {
		t.Fatalf("after the release: %v, %v", l, err)
	}
	defer freeze(l)
	b.at = a.at
	b.commit(b.refund("b"))
	if err := a.db.Commit(t.Context(), b.at, b.next(), b.refund("zombie")); !errors.Is(err, ErrFenced) {
		t.Errorf("a commit after the release = %v, want ErrFenced", err)
	}
	mustVerify(t, b.db)
}

// TestTakeOver has a node die: the lease goes on after its term, by the server's
// clock, and the dead one learns of it when it is not.
func TestTakeOver(t *testing.T) {
	t.Parallel()
	dsn := postgrestest.New(t)
	a, b := &world{t: t, db: node(t, dsn, "a")}, &world{t: t, db: node(t, dsn, "b")}
	held := mustAcquire(t, a.db)
	a.commit(a.genesis())
	freeze(held)
	mustAcquire(t, b.db)
	b.at = a.at
	b.commit(b.refund("heir"))
	if err := held.Renew(t.Context()); !errors.Is(err, ErrFenced) {
		t.Errorf("renewing a lease that is another's = %v, want ErrFenced", err)
	}
	if err := a.db.Commit(t.Context(), a.at, a.next(), a.refund("zombie")); err == nil {
		t.Error("the zombie committed")
	}
	// Its connection was ended; on a new one it is fenced all the same.
	if err := a.db.Commit(t.Context(), b.at, b.next(), b.refund("zombie")); !errors.Is(err, ErrFenced) {
		t.Errorf("the zombie's commit on a new connection = %v, want ErrFenced", err)
	}
	mustVerify(t, b.db)
}

// TestLostIsTold holds that the holder hears of the loss, without committing.
func TestLostIsTold(t *testing.T) {
	t.Parallel()
	dsn := postgrestest.New(t)
	a, b := node(t, dsn, "a"), node(t, dsn, "b")
	held := mustAcquire(t, a)
	if _, err := a.db.keep.Exec(`UPDATE lease SET expires = 0`); err != nil {
		t.Fatal(err)
	}
	mustAcquire(t, b)
	select {
	case <-held.Lost():
	case <-t.Context().Done():
	case <-time.After(30 * term):
		t.Error("the holder was not told")
	}
}

// TestCutOffIsLost holds that a node that cannot reach the server for a term knows
// that it may have lost the lease.
func TestCutOffIsLost(t *testing.T) {
	t.Parallel()
	held := mustAcquire(t, node(t, postgrestest.New(t), "a"))
	if err := held.db.db.keep.Close(); err != nil {
		t.Fatal(err)
	}
	select {
	case <-held.Lost():
	case <-time.After(30 * term):
		t.Error("the holder was not told")
	}
}

// TestFrozenInTransaction has a node freeze in the middle of a commit, with its
// locks. The heir ends that transaction, and goes on from where the ledger is.
func TestFrozenInTransaction(t *testing.T) {
	t.Parallel()
	dsn := postgrestest.New(t)
	a, b := &world{t: t, db: node(t, dsn, "a")}, &world{t: t, db: node(t, dsn, "b")}
	held := mustAcquire(t, a.db)
	a.commit(a.genesis())
	c := a.prepare(a.next(), a.refund("frozen"))
	tx, err := a.db.commits.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback()
	if moved, err := a.db.move(tx, c); err != nil || !moved {
		t.Fatalf("moved %v, %v", moved, err)
	}
	freeze(held)
	began := time.Now()
	mustAcquire(t, b.db)
	if at, err := b.db.Position(t.Context()); err != nil || at != a.at {
		t.Fatalf("position %+v, %v; want %+v", at, err, a.at)
	}
	b.at = a.at
	b.commit(b.refund("heir"))
	if took := time.Since(began); took > 10*term {
		t.Errorf("taking over took %v: the locks of the frozen node were waited for", took)
	}
	if err := tx.Commit(); err == nil {
		t.Error("the frozen node committed when it woke")
	}
	mustVerify(t, b.db)
}

// TestReacquire holds that a handle gets its own lease anew at once, that its former
// transaction is over by then, and that Position says how it ended.
func TestReacquire(t *testing.T) {
	t.Parallel()
	for _, committed := range []bool{false, true} {
		w := &world{t: t, db: node(t, postgrestest.New(t), "a")}
		first := mustAcquire(t, w.db)
		w.commit(w.genesis())
		c := w.prepare(w.next(), w.refund("once"))
		// The connection goes while the transaction is under way, or with the answer to its commit.
		if committed {
			if err := w.db.write(t.Context(), c); err != nil {
				t.Fatal(err)
			}
		}
		endCommitting(t, w.db)
		if !committed {
			if err := w.db.write(t.Context(), c); err == nil {
				t.Fatal("a new connection committed under the lease of the old one")
			}
		}
		mustAcquire(t, w.db)
		if err := first.Renew(t.Context()); !errors.Is(err, ErrFenced) {
			t.Errorf("the first lease = %v, want ErrFenced", err)
		}
		want := w.at
		if committed {
			want = w.next()
		}
		at, err := w.db.Position(t.Context())
		if err != nil || at != want {
			t.Errorf("position %+v, %v; want %+v", at, err, want)
		}
		w.at = at
		w.commit(w.refund("next"))
		mustVerify(t, w.db)
	}
}

// endCommitting ends the connection that the lease names, from the server's side.
func endCommitting(t *testing.T, d *DB) {
	t.Helper()
	var ended bool
	if err := d.db.keep.QueryRow(`SELECT pg_terminate_backend(pid::INT, 5000) FROM lease`).Scan(&ended); err != nil || !ended {
		t.Fatalf("ended %v, %v", ended, err)
	}
}

// TestBothAtOnce has a zombie and its heir commit at the same time: the applied row
// lets one of them through, and what it committed is what the other finds.
func TestBothAtOnce(t *testing.T) {
	t.Parallel()
	dsn := postgrestest.New(t)
	a, b := &world{t: t, db: node(t, dsn, "a")}, &world{t: t, db: node(t, dsn, "b")}
	lease := mustAcquire(t, a.db)
	a.commit(a.genesis())
	out, to := a.refund("same"), a.next()
	c := a.prepare(to, out)
	zombie, err := a.db.commits.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer zombie.Rollback()
	if moved, err := a.db.move(zombie, c); err != nil || !moved {
		t.Fatalf("moved %v, %v", moved, err)
	}
	// The lease changes hands without anybody ending the zombie's connection, or the
	// zombie renewing it.
	freeze(lease)
	if _, err := b.db.db.keep.Exec(`UPDATE lease SET expires = 0, pid = 0`); err != nil {
		t.Fatal(err)
	}
	mustAcquire(t, b.db)
	result := make(chan error)
	go func() { result <- b.db.Commit(t.Context(), a.at, to, out) }()
	for waits := false; !waits; { // until the heir waits for the applied row
		if err := b.db.db.keep.QueryRow(`SELECT EXISTS (SELECT 1 FROM pg_locks WHERE NOT granted AND pid = (SELECT pid FROM lease))`).Scan(&waits); err != nil {
			t.Fatal(err)
		}
	}
	if err := zombie.Commit(); err != nil {
		t.Fatal(err)
	}
	if err := <-result; !errors.Is(err, ErrFenced) {
		t.Errorf("the heir's commit = %v, want ErrFenced: the ledger has moved", err)
	}
	if at, err := b.db.Position(t.Context()); err != nil || at != to {
		t.Errorf("position %+v, %v; want %+v", at, err, to)
	}
}

// TestFirstCommitAtOnce has two that both hold that there is no ledger yet.
func TestFirstCommitAtOnce(t *testing.T) {
	t.Parallel()
	dsn := postgrestest.New(t)
	w := &world{t: t, db: node(t, dsn, "a")}
	mustAcquire(t, w.db)
	c := w.prepare(w.next(), w.genesis())
	w.commit(w.genesis())
	if err := w.db.write(t.Context(), c); !errors.Is(err, ErrFenced) {
		t.Errorf("a second first commit = %v, want ErrFenced", err)
	}
}

func TestLeaseOfAFileIsHeld(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	l, err := w.db.Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(l.Renew(t.Context()), l.Release(t.Context())); err != nil {
		t.Error(err)
	}
	select {
	case <-l.Lost():
		t.Error("lost")
	default:
	}
	w.commit(&decide.Output{})
}

// TestFormerEndsByItself has the former holder's connection end after it was found and
// before it is told to: then it has ended, which is all that is wanted.
func TestFormerEndsByItself(t *testing.T) {
	t.Parallel()
	dsn := postgrestest.New(t)
	a, b := node(t, dsn, "a"), node(t, dsn, "b")
	mustAcquire(t, a)
	var pid int64
	var started string
	if err := b.db.Read.QueryRow(`SELECT pid, started FROM lease`).Scan(&pid, &started); err != nil {
		t.Fatal(err)
	}
	tx, err := b.db.keep.Begin()
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback()
	var there int // the transaction goes on seeing what it saw of connections
	if err := tx.QueryRow(`SELECT COUNT(*) FROM pg_stat_activity WHERE pid = ?`, pid).Scan(&there); err != nil || there != 1 {
		t.Fatalf("%d connections, %v", there, err)
	}
	endCommitting(t, a)
	if err := b.endFormer(t.Context(), tx, pid, started); err != nil {
		t.Errorf("of a connection that is gone: %v", err)
	}
}
