package ledgerdb

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/makegood/makegood/remediator/act"
	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/store/internal/postgres"
	"github.com/makegood/makegood/remediator/store/internal/statement"
)

// States of an action in the outbox.
const (
	stateDue      = "due"      // to be attempted at next_at, unless somebody holds it
	stateReported = "reported" // its outcome is in the log and waits for the fold
	stateSettled  = "settled"  // the fold needs no further attempt
)

// mark is what a worker said about an action that it held.
type mark struct {
	attempt  int // that it held: a later one is not touched
	reported bool
	next     int64 // when not reported: when it is due again
}

// Retry implements act.Outbox. It is written with the next claim, which saves a
// commit of its own: should it be lost, the lease decides.
func (d *DB) Retry(_ context.Context, action uuid.UUID, attempt int, next time.Time) error {
	d.addMark(action, mark{attempt: attempt, next: next.UnixNano()})
	return nil
}

// Reported implements act.Outbox. It is written like Retry: should it be lost,
// the fold settles the action all the same, because its outcome is in the log.
func (d *DB) Reported(_ context.Context, action uuid.UUID, attempt int) error {
	d.addMark(action, mark{attempt: attempt, reported: true})
	return nil
}

func (d *DB) addMark(action uuid.UUID, m mark) {
	d.marking.Lock()
	defer d.marking.Unlock()
	d.marks[action] = m
}

// takeMarks returns what is to be written. The caller gives it back when it
// could not be written.
func (d *DB) takeMarks() map[uuid.UUID]mark {
	d.marking.Lock()
	defer d.marking.Unlock()
	taken := d.marks
	d.marks = map[uuid.UUID]mark{}
	return taken
}

func (d *DB) giveBack(marks map[uuid.UUID]mark) {
	d.marking.Lock()
	defer d.marking.Unlock()
	for action, m := range marks {
		if _, newer := d.marks[action]; !newer {
			d.marks[action] = m
		}
	}
}

func (d *DB) marked() bool {
	d.marking.Lock()
	defer d.marking.Unlock()
	return len(d.marks) > 0
}

// writeMarks ends the leases of actions. An action that was settled, or handed
// out for another attempt by the fold, has no lease any more and stays as it is. So
// does one that a commit is about to: waiting for it, with other actions locked that
// the same commit wants, would be waiting for ever.
func (d *DB) writeMarks(tx *statement.Tx, marks map[uuid.UUID]mark) error {
	for action, m := range marks {
		state := stateDue
		if m.reported {
			state = stateReported
		}
		if _, err := tx.Exec(`UPDATE outbox SET state = ?, next_at = ?, lease_until = 0 WHERE action =
			(SELECT action FROM outbox WHERE action = ? AND state = ? AND attempts = ? AND lease_until > 0`+d.db.unlocked+`)`,
			state, m.next, action.String(), stateDue, int64(m.attempt)); err != nil {
			return fmt.Errorf("mark action: %w", err)
		}
	}
	return nil
}

// flushMarks writes what workers said in a transaction of its own.
func (d *DB) flushMarks(ctx context.Context) error {
	marks := d.takeMarks()
	if len(marks) == 0 {
		return nil
	}
	err := func() error {
		tx, err := d.statements.Begin(ctx)
		if err != nil {
			return err
		}
		defer tx.Rollback()
		if err := d.db.hasten(tx); err != nil {
			return err
		}
		if err := d.writeMarks(tx, marks); err != nil {
			return err
		}
		return tx.Commit()
	}()
	if err != nil {
		d.giveBack(marks)
	}
	return err
}

// Claim implements act.Outbox. The attempt is counted and committed before any
// job is returned. A job whose decision is not what was sealed is an error, and
// nothing of this connector is handed out until somebody has looked. There are none
// when a commit is changing the actions that are due.
func (d *DB) Claim(ctx context.Context, connector string, n int, now time.Time, lease time.Duration) ([]act.Job, error) {
	if !d.marked() {
		// Most polls find nothing: they read only.
		var due int
		clock, args := d.db.claimClock(now)
		err := d.db.Read.QueryRowContext(ctx, `SELECT 1 FROM outbox WHERE state = '`+stateDue+`' AND connector = ? AND next_at <= ? AND lease_until <= `+clock+unbraked+` LIMIT 1`,
			append([]any{connector, now.UnixNano()}, args...)...).Scan(&due)
		if errors.Is(err, sql.ErrNoRows) {
			return nil, nil
		}
		if err != nil {
			return nil, fmt.Errorf("look for actions: %w", err)
		}
	}
	marks := d.takeMarks()
	jobs, err := d.claim(ctx, marks, connector, n, now, lease)
	if err != nil {
		d.giveBack(marks)
		if postgres.Locked(err) {
			return nil, nil // a commit changes them: the next claim sees what it made of them
		}
		return nil, fmt.Errorf("claim actions of %s: %w", connector, err)
	}
	return jobs, nil
}

// Braked implements act.Outbox.
func (d *DB) Braked(ctx context.Context, action uuid.UUID) (bool, error) {
	var stopped bool
	err := d.db.Read.QueryRowContext(ctx, `SELECT NOT EXISTS (SELECT 1 FROM outbox WHERE action = ?`+unbraked+`)`, action.String()).Scan(&stopped)
	if err != nil {
		return false, fmt.Errorf("look whether an action is stopped: %w", err)
	}
	return stopped, nil
}

func (d *DB) claim(ctx context.Context, marks map[uuid.UUID]mark, connector string, n int, now time.Time, lease time.Duration) ([]act.Job, error) {
	tx, err := d.statements.Begin(ctx)
	if err != nil {
		return nil, err
	}
	defer tx.Rollback()
	if err := d.db.hasten(tx); err != nil {
		return nil, err
	}
	if err := d.writeMarks(tx, marks); err != nil {
		return nil, err
	}
	jobs, sealed, err := d.dueJobs(tx, connector, n, now)
	if err != nil {
		return nil, err
	}
	clock, args := d.db.claimClock(now)
	for i := range jobs {
		if _, err := tx.Exec(`UPDATE outbox SET attempts = ?, first_attempt_at = ?, holder = ?, lease_until = `+clock+` + ? WHERE action = ?`,
			slices.Concat([]any{int64(jobs[i].Attempt), jobs[i].FirstAttemptAt.UnixNano(), d.holder}, args, []any{int64(lease), jobs[i].Action.String()})...); err != nil {
			return nil, fmt.Errorf("lease action: %w", err)
		}
		entry, err := readSealed(tx.QueryRow, sealed[i])
		if err != nil {
			return nil, err
		}
		jobs[i].Entry = entry.Encode()
		if jobs[i].Tells() {
			if err := d.addTold(ctx, tx.QueryRow, &jobs[i], entry); err != nil {
				return nil, err
			}
		}
	}
	return jobs, tx.Commit()
}

// dueJobs returns the jobs to be leased, as they are with the coming attempt,
// and the sequences of their decisions. Another node may be claiming others.
func (d *DB) dueJobs(tx *statement.Tx, connector string, n int, now time.Time) (jobs []act.Job, sealed []int64, err error) {
	clock, args := d.db.claimClock(now)
	rows, err := tx.Query(`SELECT action, remedy, connector, kind, name, approved, attempts, first_attempt_at, entry FROM outbox
		WHERE state = '`+stateDue+`' AND connector = ? AND next_at <= ? AND lease_until <= `+clock+unbraked+` ORDER BY next_at, ordinal, action LIMIT ?`+d.db.unlocked,
		slices.Concat([]any{connector, now.UnixNano()}, args, []any{n})...)
	if err != nil {
		return nil, nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var j act.Job
		var first, entry int64
		if err := rows.Scan(&j.Action, &j.Remedy, &j.Connector, &j.Kind, &j.Name, &j.Approved, &j.Attempt, &first, &entry); err != nil {
			return nil, nil, err
		}
		j.Attempt++
		j.FirstAttemptAt = now
		if first != 0 {
			j.FirstAttemptAt = time.Unix(0, first)
		}
		jobs, sealed = append(jobs, j), append(sealed, entry)
	}
	return jobs, sealed, rows.Err()
}

// Unsettled returns how many actions are to be attempted, now or later.
func (d *DB) Unsettled(ctx context.Context) (int, error) {
	var n int
	if err := d.db.Read.QueryRowContext(ctx, `SELECT COUNT(*) FROM outbox WHERE state = '`+stateDue+`'`).Scan(&n); err != nil {
		return 0, fmt.Errorf("count actions: %w", err)
	}
	return n, nil
}

// writeOutbox stores new jobs and settles others. One output may hand an action
// out and settle it, or settle it and hand it out again, as when a whole log is
// folded at once: the two take turns, so that their numbers tell the end.
func (d *DB) writeOutbox(tx *statement.Tx, c *Change) error {
	newest := map[uuid.UUID]decide.Job{}
	turns := map[uuid.UUID]int{}
	var order []uuid.UUID
	for _, j := range c.out.Outbox {
		if _, seen := newest[j.Action]; !seen {
			order = append(order, j.Action)
		}
		newest[j.Action] = j
		turns[j.Action]++
	}
	attempts := newestAttempts(c.out)
	for _, action := range c.out.Settled {
		if _, handed := newest[action]; handed {
			turns[action]--
			continue
		}
		if _, err := tx.Exec(`UPDATE outbox SET state = ?, lease_until = 0, attempts = CASE WHEN attempts < ? THEN ? ELSE attempts END WHERE action = ?`,
			stateSettled, attempts[action], attempts[action], action.String()); err != nil {
			return err
		}
		delete(attempts, action)
	}
	const columns = 16
	remedies := decisions(c)
	var values []any
	for _, action := range order {
		row, err := jobRow(tx, newest[action], turns[action], remedies)
		if err != nil {
			return err
		}
		values = append(values, row...)
	}
	// An attempt that is counted stays counted.
	if err := tx.Insert(`INSERT INTO outbox (action, remedy, connector, kind, name, rule, approved, entry, state, attempts, first_attempt_at, next_at, lease_until, holder, ordinal, at)`,
		`ON CONFLICT (action) DO UPDATE SET approved = excluded.approved, entry = excluded.entry, state = excluded.state,
		next_at = 0, lease_until = 0, ordinal = excluded.ordinal, at = excluded.at`, columns, values); err != nil {
		return err
	}
	return countAttempts(tx, c.out, attempts)
}

// LostClaims returns the actions, of those that attempts name with the number of one
// that was made, which the outbox does not have or of which it counts fewer. A claim is
// committed before its attempt, so the outbox has had them once.
func (d *DB) LostClaims(ctx context.Context, attempts map[uuid.UUID]int) ([]uuid.UUID, error) {
	actions := slices.SortedFunc(maps.Keys(attempts), func(a, b uuid.UUID) int { return bytes.Compare(a[:], b[:]) })
	counted := map[uuid.UUID]int{}
	for in, args := range statement.Lists(actions) {
		rows, err := d.db.Read.QueryContext(ctx, `SELECT action, attempts FROM outbox WHERE action IN `+in, args...)
		if err != nil {
			return nil, fmt.Errorf("look for claims: %w", err)
		}
		defer rows.Close()
		for rows.Next() {
			var action uuid.UUID
			var n int
			if err := rows.Scan(&action, &n); err != nil {
				return nil, fmt.Errorf("look for claims: %w", err)
			}
			counted[action] = n
		}
		if err := rows.Err(); err != nil {
			return nil, fmt.Errorf("look for claims: %w", err)
		}
	}
	return slices.DeleteFunc(actions, func(action uuid.UUID) bool { return counted[action] >= attempts[action] }), nil
}

// newestAttempts returns the highest number of an attempt whose outcome came, by action.
func newestAttempts(out *decide.Output) map[uuid.UUID]int64 {
	attempts := map[uuid.UUID]int64{}
	for _, a := range out.Attempts {
		attempts[a.Action] = max(attempts[a.Action], int64(a.Number))
	}
	return attempts
}

// countAttempts counts attempts that the log knows of and the outbox does not: a claim
// counted them before they were carried out, but a backup may hold an older outbox than
// log.
func countAttempts(tx *statement.Tx, out *decide.Output, attempts map[uuid.UUID]int64) error {
	for _, a := range out.Attempts {
		if int64(a.Number) != attempts[a.Action] {
			continue
		}
		if _, err := tx.Exec(`UPDATE outbox SET attempts = ? WHERE action = ? AND attempts < ?`, int64(a.Number), a.Action.String(), int64(a.Number)); err != nil {
			return err
		}
	}
	return nil
}

// jobRow returns the row of a job that was handed out turns times more often than
// it was settled.
func jobRow(tx *statement.Tx, j decide.Job, turns int, remedies map[uuid.UUID]uint64) ([]any, error) {
	seq, ok := remedies[j.Remedy]
	if !ok {
		var err error
		if seq, err = decisionOf(tx, j.Remedy); err != nil {
			return nil, err
		}
	}
	state := stateDue
	if turns <= 0 {
		var open int
		err := tx.QueryRow(`SELECT COUNT(*) FROM outbox WHERE action = ? AND state <> ?`, []any{j.Action.String(), stateSettled}, &open)
		if err != nil {
			return nil, err
		}
		if turns+open <= 0 {
			state = stateSettled
		}
	}
	approved := int64(0)
	if j.Approved {
		approved = 1
	}
	const none = int64(0)
	return []any{
		j.Action.String(), j.Remedy.String(), j.Connector, j.Kind, j.Name, j.Rule, approved, int64(seq), state,
		none, none, none, none, "", int64(j.Ordinal), j.At,
	}, nil
}

// decisions returns where each live remedy among the entries was decided.
func decisions(c *Change) map[uuid.UUID]uint64 {
	found := map[uuid.UUID]uint64{}
	for _, e := range c.entries {
		if f := c.decisions[e.Seq]; f != nil && f.Mode == live && f.Decision != decide.Suppress {
			found[e.Remedy] = e.Seq
		}
	}
	return found
}

// decisionOf returns where a live remedy was decided before.
func decisionOf(tx *statement.Tx, remedy uuid.UUID) (uint64, error) {
	rows, err := tx.Query(`SELECT seq, body FROM ledger WHERE remedy = ? AND remedy <> '' AND kind = ? ORDER BY seq DESC`, remedy.String(), decide.KindRemedy)
	if err != nil {
		return 0, err
	}
	defer rows.Close()
	for rows.Next() {
		var seq uint64
		var body []byte
		if err := rows.Scan(&seq, &body); err != nil {
			return 0, err
		}
		if isLive(body) {
			return seq, nil
		}
	}
	return 0, errors.Join(fmt.Errorf("no live decision of remedy %s is sealed", remedy), rows.Err())
}
