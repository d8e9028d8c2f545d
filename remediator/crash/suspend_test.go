package crash

import (
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"strings"
	"syscall"

	"github.com/makegood/makegood/remediator/store/ledgerdb"
)

// watchBack has the database keep a list of the times when the ledger went back, and
// whoever moved it does not notice.
const watchBack = `
	CREATE TABLE went_back (old BIGINT, new BIGINT);
	CREATE FUNCTION note_back() RETURNS trigger LANGUAGE plpgsql AS $$
	BEGIN
		INSERT INTO went_back VALUES (OLD.ordinal, NEW.ordinal);
		RETURN NEW;
	END $$;
	CREATE TRIGGER went_back BEFORE UPDATE ON applied FOR EACH ROW WHEN (NEW.ordinal <= OLD.ordinal) EXECUTE FUNCTION note_back()`

// wentBack says that the ledger went back, and how far.
func (f *fleet) wentBack() error {
	var from, to int64
	switch err := f.db.QueryRow(`SELECT old, new FROM went_back LIMIT 1`).Scan(&from, &to); {
	case err == sql.ErrNoRows:
		return nil
	case err != nil:
		return fmt.Errorf("ask whether the ledger went back: %w", err)
	}
	return fmt.Errorf("the ledger went back from input %d to %d: a node committed that was taken over", from, to)
}

// tries bounds how often a leader is suspended until its decisions are none: what
// comes at the end of a minute is not for the test to choose.
const tries = 5

// suspendLeader stops the machine of who decides between deciding and committing, and
// its connections are gone when it goes on. Its clock stood still as well, so that it
// does not know that others went on since. What it decided brought no facts, whose
// numbers would be taken: only the fence is between it and the ledger.
func suspendLeader(f *fleet, _ *rand.Rand) error {
	for n := range tries {
		tried, err := f.suspend()
		if tried || err != nil {
			return err
		}
		f.t.Logf("suspended %d times: the decision brought facts, or it was not the fence that kept it off", n+1)
	}
	return fmt.Errorf("in %d tries it was never the fence alone that kept decisions without facts off", tries)
}

// suspend reports false when there were facts, and so nothing was shown.
func (f *fleet) suspend() (tried bool, err error) {
	m, epoch, ordinal, err := f.stands()
	if err == nil {
		err = m.process.freeze()
	}
	if err == nil {
		err = f.loseConnection()
	}
	if err == nil {
		_, err = f.taken(epoch)
	}
	if err = errors.Join(err, f.round.emitter.thaw(), f.provider.thaw()); err != nil {
		return false, err
	}
	if err := f.goesOn(); err != nil {
		return false, err
	}
	fenced, err := f.wake(m)
	if err != nil {
		return false, err
	}
	var facts int
	err = f.db.QueryRow(`SELECT COUNT(*) FROM ledger WHERE ordinal = $1`, ordinal).Scan(&facts)
	return fenced && facts == 0, err
}

// stands has who decides stand still when it has decided on an event that nothing
// follows from. Application and provider stand still as well, so that nothing comes
// with it. It returns the node, its epoch and the ordinal of the event.
func (f *fleet) stands() (m *member, epoch, ordinal int64, err error) {
	if err := errors.Join(f.round.emitter.freeze(), f.provider.freeze()); err != nil {
		return nil, 0, 0, err
	}
	err = f.until("all is decided", func() (done bool, err error) {
		err = f.db.QueryRow(`SELECT record = seq, ordinal + 1 FROM applied, log_head`).Scan(&done, &ordinal)
		return done, err
	})
	if err != nil {
		return nil, 0, 0, err
	}
	if m, epoch, err = f.leader(); err != nil {
		return nil, 0, 0, err
	}
	if err := m.process.order(orderStand, "will stand"); err != nil {
		return nil, 0, 0, err
	}
	f.unheard++
	status, err := f.post(fmt.Appendf(nil, `[{"specversion":"1.0","id":"%d","source":"/suspend","type":"com.example.unheard"}]`, f.unheard))
	if err != nil || status != http.StatusAccepted {
		return nil, 0, 0, fmt.Errorf("send an event that no rule hears of: status %d, %w", status, err)
	}
	_, err = m.process.read("stands")
	return m, epoch, ordinal, err
}

// loseConnection ends the connection on which the leader commits without a word, as a
// network does that forgets it. The server takes that for a crash, ends all others too
// and begins anew.
func (f *fleet) loseConnection() error {
	own, err := f.db.Conn(f.t.Context())
	if err != nil {
		return err
	}
	defer own.Close()
	var pid int
	if err := own.QueryRowContext(f.t.Context(), `SELECT pid FROM lease`).Scan(&pid); err != nil {
		return err
	}
	switch err := syscall.Kill(pid, syscall.SIGKILL); {
	case errors.Is(err, syscall.ESRCH): // it is gone, and the leader has another, which nobody else knows
		return nil
	case err != nil:
		return fmt.Errorf("end the leader's connection: %w", err)
	}
	err = f.until("the server ends all connections", func() (bool, error) { return own.PingContext(f.t.Context()) != nil, nil })
	if err != nil {
		return err
	}
	f.db.SetMaxIdleConns(0) // those that were open are not
	f.db.SetMaxIdleConns(members)
	return f.until("the database answers", func() (bool, error) { return f.db.Ping() == nil, nil })
}

// wake lets a node commit that was suspended, and reports whether it was the fence that
// kept it off.
func (f *fleet) wake(m *member) (fenced bool, err error) {
	before, err := m.process.printed()
	if err != nil {
		return false, err
	}
	if err := m.process.thaw(); err != nil {
		return false, err
	}
	if err := m.process.order(orderCommit, ""); err != nil {
		return false, err
	}
	var said string
	err = f.until("the node that was suspended ends its commit", func() (bool, error) {
		if err := f.wentBack(); err != nil {
			return false, err
		}
		text, err := m.process.printed()
		said = strings.TrimPrefix(text, before)
		return strings.Contains(said, "decide anew"), err
	})
	if err == nil {
		err = m.process.order(orderNotice, "")
	}
	return strings.Contains(said, ledgerdb.ErrFenced.Error()), err
}

// printed is all that a child has printed to stderr.
func (p *process) printed() (string, error) {
	text, err := os.ReadFile(p.errors)
	return string(text), err
}

// order gives a service an order, and waits until it says that it has it; empty: it
// says nothing.
func (p *process) order(order, answer string) error {
	if _, err := fmt.Fprintln(p.stdin, order); err != nil {
		return fmt.Errorf("order %s to %s: %w", p.role, order, err)
	}
	if answer == "" {
		return nil
	}
	_, err := p.read(answer)
	return err
}

// overtakenCalls is how many calls are overtaken at a time. The provider has faults of
// its own, so that one alone may show nothing.
const overtakenCalls = 3

// overtakeCalls has the network deliver calls to the provider after the next attempts.
func overtakeCalls(f *fleet, _ *rand.Rand) error {
	provider := f.round.service.Provider
	before, err := overtake(provider, overtakenCalls)
	if err != nil {
		return err
	}
	return f.until("calls are overtaken", func() (bool, error) {
		n, err := overtake(provider, 0)
		return n >= before+overtakenCalls, err
	})
}
