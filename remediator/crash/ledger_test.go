package crash

import (
	"bufio"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/ledger"
	"github.com/makegood/makegood/remediator/store/ledgerdb"
)

// left is what a dead or living service has left to do, by its ledger.
type left struct {
	unfinished int
	record     uint64 // of the log, the last decided
	ordinal    uint64
}

// look reads a copy of the ledger, which a dead service may have left in any
// state. There is none before the first commit.
func (r *round) look() (left, error) {
	return r.home.asLeft(r.t).left()
}

func (h home) left() (l left, err error) {
	db, err := h.openSQL()
	if err != nil {
		return l, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	// In this order: what the last applied record led to is counted.
	if err := db.QueryRow("SELECT record, ordinal FROM applied").Scan(&l.record, &l.ordinal); err != nil && !errors.Is(err, sql.ErrNoRows) {
		return l, fmt.Errorf("read what was applied: %w", err)
	}
	if err := db.QueryRow("SELECT COUNT(*) FROM outbox WHERE state <> 'settled'").Scan(&l.unfinished); err != nil {
		return l, fmt.Errorf("count unfinished actions: %w", err)
	}
	return l, nil
}

// emitted returns how many events the application emitted, all of which must
// have been delivered.
func (r *round) emitted() (int, error) {
	line, err := r.emitter.read("emitted")
	if err != nil {
		return 0, err
	}
	var e emitted
	if err := json.Unmarshal([]byte(line), &e); err != nil {
		return 0, err
	}
	if int(e.Report.Delivered) != e.Events || e.Report.Accepted != e.Report.Delivered {
		return 0, fmt.Errorf("the emitter emitted %d events, but reports %+v", e.Events, e.Report)
	}
	_, err = r.emitter.wait()
	return e.Events, err
}

// quiet waits until the whole log is decided and every action has its outcome, for as
// long as it goes on at all: a machine that is busy has much left to do in the end.
func (r *round) quiet() error {
	const settle = 3 * patience // an attempt that fails again and again waits longer each time
	deadline := time.NewTimer(settle)
	defer deadline.Stop()
	poll := time.NewTicker(200 * time.Millisecond)
	defer poll.Stop()
	unfinished := 0
	for {
		idle, now, err := r.idle()
		if err != nil || idle {
			return err
		}
		if now.unfinished != unfinished { // not what was decided: minutes end without anything going on
			unfinished = now.unfinished
			deadline.Reset(settle)
		}
		select {
		case <-poll.C:
		case <-deadline.C:
			return fmt.Errorf("%d actions are unfinished, and none ended for %s", now.unfinished, settle)
		}
	}
}

func (r *round) idle() (bool, left, error) {
	ctx := context.Background()
	log, err := r.home.openLog(ctx)
	if err != nil {
		return false, left{}, err
	}
	defer log.Close()
	head, err := log.Head(ctx)
	if err != nil {
		return false, left{}, err
	}
	now, err := r.home.left()
	return err == nil && now.unfinished == 0 && now.record >= head, now, err
}

// compare compares provider, ledger and log with what the events must come to,
// and with each other.
func (r *round) compare(events int) error {
	f := &r.sum.found
	want := expect(r.seed, events)
	got, err := refunds(r.service.Provider)
	if err != nil {
		return err
	}
	f.account(want, got)
	if err := r.audit(f); err != nil {
		return err
	}
	return r.refold(f, want, got)
}

// verify verifies the ledger as an auditor does who has its public key.
func (r *round) verify() (ledger.Report, error) {
	ctx := context.Background()
	key, err := os.ReadFile(filepath.Join(r.home.dir, publicKeyFile))
	if err != nil {
		return ledger.Report{}, err
	}
	db, err := r.home.readLedger(ctx)
	if err != nil {
		return ledger.Report{}, err
	}
	defer db.Close()
	source, release, err := db.Source(ctx)
	if err != nil {
		return ledger.Report{}, err
	}
	defer release()
	return ledger.Verify(ctx, source, ledger.Options{Key: string(key)})
}

// zombie is a service that was taken for dead: it opened the ledger, took it over and
// froze, others went on, and when it wakes it wants to commit what it had decided.
type zombie struct {
	process *process
	ordinal uint64 // how far it had come
}

// tryZombie opens a zombie, or, when the service went on since, lets it try.
func (r *round) tryZombie(now left) error {
	if r.zombie == nil {
		p := start(r.t, r.binary, "zombie", serviceConfig{DataDir: r.home.dir, Database: r.home.database})
		line, err := p.read("ready")
		if err != nil {
			return err
		}
		z := &zombie{process: p}
		if _, err := fmt.Sscan(line, &z.ordinal); err != nil {
			return fmt.Errorf("read how far the zombie came from %q: %w", line, err)
		}
		r.zombie = z
		return p.freeze()
	}
	if now.ordinal == r.zombie.ordinal {
		return nil
	}
	z := r.zombie.process
	r.zombie = nil
	if err := z.thaw(); err != nil {
		return err
	}
	if _, err := fmt.Fprintln(z.stdin, "commit"); err != nil {
		return err
	}
	if _, err := z.read("fenced"); err != nil {
		return fmt.Errorf("a zombie was not fenced off: %w", err)
	}
	r.sum.zombies++
	_, err := z.wait()
	return err
}

// zombieEnds ends a zombie that had no chance.
func (r *round) zombieEnds() error {
	if r.zombie == nil {
		return nil
	}
	_ = r.zombie.process.stdin.Close()
	if err := r.zombie.process.thaw(); err != nil {
		return err
	}
	_, err := r.zombie.process.wait()
	return err
}

// runZombie opens the ledger beside the service and, told to, commits from a
// position that has passed. It says "fenced" when it was refused for that.
func runZombie(config []byte) error {
	var c serviceConfig
	if err := json.Unmarshal(config, &c); err != nil {
		return err
	}
	ctx := context.Background()
	db, err := c.home().takeLedger(ctx)
	if err != nil {
		return err
	}
	defer db.Close()
	from, err := db.Position(ctx)
	if err != nil {
		return err
	}
	// A commit of the one that was killed may have gone through since it was killed.
	fmt.Println("ready", from.Ordinal)
	if !bufio.NewScanner(os.Stdin).Scan() {
		return nil // it is no longer wanted
	}
	to := from
	to.Ordinal, to.Record = to.Ordinal+1, to.Record+1
	for {
		err := db.Commit(ctx, from, to, &decide.Output{})
		switch {
		case errors.Is(err, ledgerdb.ErrFenced):
			fmt.Println("fenced")
			return nil
		case err == nil:
			return errors.New("the commit of a zombie went through")
		case !ledgerdb.Passing(err): // its connection was ended: on a new one it tries again
			return fmt.Errorf("commit of a zombie: %w", err)
		}
	}
}
