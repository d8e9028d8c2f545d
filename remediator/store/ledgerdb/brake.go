package ledgerdb

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/makegood/makegood/remediator/andon"
	"github.com/makegood/makegood/remediator/cord"
	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/store/internal/statement"
	"github.com/makegood/makegood/remediator/store/views"
)

// Brake stops a target at once, under the id of a command that is in the log
// already. When the fold has answered the command by now, it is the fold that
// says what is stopped, and nothing changes.
func (d *DB) Brake(ctx context.Context, target, id, by string, at time.Time) error {
	err := d.exec(ctx, "set brake", []string{commandName(id)}, `INSERT INTO brake (target, id, by_whom, at, ordinal) SELECT ?, ?, ?, ?, 0
		WHERE NOT EXISTS (SELECT 1 FROM command WHERE id = ?) ON CONFLICT (target, id) DO NOTHING`,
		target, id, by, at.UnixNano(), id)
	if err == nil {
		d.news.tell(Braked)
	}
	return err
}

// Brakes lists what is stopped, by target.
func (d *DB) Brakes(ctx context.Context) ([]views.Brake, error) {
	rows, err := d.db.Read.QueryContext(ctx, `SELECT target, id, by_whom, at, ordinal FROM brake ORDER BY target, at, id`)
	if err != nil {
		return nil, fmt.Errorf("read brakes: %w", err)
	}
	defer rows.Close()
	brakes := []views.Brake{}
	for rows.Next() {
		var b views.Brake
		var at, ordinal int64
		if err := rows.Scan(&b.Target, &b.ID, &b.By, &at, &ordinal); err != nil {
			return nil, fmt.Errorf("read brake: %w", err)
		}
		b.At, b.Confirmed = time.Unix(0, at).UTC(), ordinal > 0
		brakes = append(brakes, b)
	}
	return brakes, rows.Err()
}

// Stopped implements andon.Store. It is one statement, so that no commit comes
// between the two halves.
func (d *DB) Stopped(ctx context.Context) ([]cord.State, []andon.Stop, error) {
	rows, err := d.db.Read.QueryContext(ctx, `SELECT state, '', '', 0 FROM cord WHERE level <> 'open'
		UNION ALL SELECT NULL, target, by_whom, at FROM brake WHERE target LIKE 'cord:%'`)
	if err != nil {
		return nil, nil, fmt.Errorf("read what is stopped: %w", err)
	}
	defer rows.Close()
	var cords []cord.State
	var stops []andon.Stop
	for rows.Next() {
		var state []byte
		var stop andon.Stop
		if err := rows.Scan(&state, &stop.Cord, &stop.By, &stop.At); err != nil {
			return nil, nil, fmt.Errorf("read what is stopped: %w", err)
		}
		if state == nil {
			stop.Cord = strings.TrimPrefix(stop.Cord, decide.TargetCord(""))
			stops = append(stops, stop)
			continue
		}
		var s cord.State
		if err := json.Unmarshal(state, &s); err != nil {
			return nil, nil, fmt.Errorf("read cord: %w", err)
		}
		cords = append(cords, s)
	}
	return cords, stops, rows.Err()
}

// commandName is what excludes a call of Brake from the commit of the answer to
// its command: the later of the two sees the earlier.
func commandName(id string) string { return "command " + id }

// writeBrakes confirms and lifts what the fold did, in its order. Then it lifts
// what was braked under the id of a command that came to something else: somebody
// gave another one under a key that was taken, before anybody knew.
func (d *DB) writeBrakes(tx *statement.Tx, c *Change) error {
	for _, a := range c.out.Answers { // before any row that a call of Brake may wait for
		if err := d.db.exclude(tx, commandName(a.ID)); err != nil {
			return err
		}
	}
	for _, b := range c.out.Brakes {
		var err error
		switch {
		case b.Set:
			_, err = tx.Exec(`INSERT INTO brake (target, id, by_whom, at, ordinal) VALUES (?, ?, ?, ?, ?)
				ON CONFLICT (target, id) DO UPDATE SET ordinal = excluded.ordinal`, b.Target, b.ID, b.By, b.At, int64(b.Ordinal))
		case b.ID != "":
			_, err = tx.Exec(`DELETE FROM brake WHERE target = ? AND id = ?`, b.Target, b.ID)
		default:
			// A stop that the fold has not seen yet is newer than what is lifted here.
			_, err = tx.Exec(`DELETE FROM brake WHERE target = ? AND ordinal > 0`, b.Target)
		}
		if err != nil {
			return err
		}
	}
	for _, a := range c.out.Answers {
		if _, err := tx.Exec(`DELETE FROM brake WHERE id = ? AND ordinal = 0`, a.ID); err != nil {
			return err
		}
	}
	return nil
}

// unbraked is the condition under which a row of the outbox may be claimed. A red
// cord stops the rule that it names, and one above all rules stops them all.
const unbraked = ` AND NOT EXISTS (SELECT 1 FROM brake WHERE target = 'connector:' || outbox.connector
	OR target = 'rule:' || outbox.rule OR target = 'cord:rule/' || outbox.rule OR target = 'cord:rule'
	OR target = '` + decide.TargetMoney + `' AND outbox.kind IN ('refund', 'credit'))`
