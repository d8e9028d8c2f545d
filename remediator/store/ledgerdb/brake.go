package ledgerdb

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/makegood/makegood/remediator/andon"
	"github.com/makegood/makegood/remediator/cord"
	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/store/internal/statement"
)

// Brake is something that is stopped.
type Brake struct {
	Target    string    `json:"target"`
	ID        string    `json:"id"` // of the command or the pull that stopped it
	By        string    `json:"by"`
	At        time.Time `json:"at"`
	Confirmed bool      `json:"confirmed"` // by the fold
}

// Brake stops a target at once, under the id of a command that is in the log
// already. When the fold has answered the command by now, it is the fold that
// says what is stopped, and nothing changes.
func (d *DB) Brake(ctx context.Context, target, id, by string, at time.Time) error {
	tx, err := d.statements.Begin(ctx)
	if err != nil {
		return fmt.Errorf("set brake: %w", err)
	}
	defer tx.Rollback()
	if _, err := tx.Exec(`INSERT INTO brake (target, id, by_whom, at, ordinal) SELECT ?, ?, ?, ?, 0
		WHERE NOT EXISTS (SELECT 1 FROM command WHERE id = ?) ON CONFLICT (target, id) DO NOTHING`,
		target, id, by, at.UnixNano(), id); err != nil {
		return fmt.Errorf("set brake: %w", err)
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("set brake: %w", err)
	}
	return nil
}

// Brakes lists what is stopped, by target.
func (d *DB) Brakes(ctx context.Context) ([]Brake, error) {
	rows, err := d.db.Read.QueryContext(ctx, `SELECT target, id, by_whom, at, ordinal FROM brake ORDER BY target, at, id`)
	if err != nil {
		return nil, fmt.Errorf("read brakes: %w", err)
	}
	defer rows.Close()
	brakes := []Brake{}
	for rows.Next() {
		var b Brake
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

// writeBrakes confirms and lifts what the fold did, in its order.
func writeBrakes(tx *statement.Tx, c *change) error {
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
	return nil
}

// unbraked is the condition under which a row of the outbox may be claimed. A red
// cord stops the rule that it names, and one above all rules stops them all.
const unbraked = ` AND NOT EXISTS (SELECT 1 FROM brake WHERE target = 'connector:' || outbox.connector
	OR target = 'rule:' || outbox.rule OR target = 'cord:rule/' || outbox.rule OR target = 'cord:rule'
	OR target = '` + decide.TargetMoney + `' AND outbox.kind IN ('refund', 'credit'))`

func writeTokens(tx *statement.Tx, c *change) error {
	for _, t := range c.out.Tokens {
		revoked := int64(0)
		if t.Revoked {
			revoked = 1
		}
		var err error
		if t.SHA256 == "" {
			_, err = tx.Exec(`UPDATE token SET revoked = ? WHERE id = ?`, revoked, t.ID.String())
		} else {
			// A secret belongs to the token that had it first, and what is revoked stays so.
			_, err = tx.Exec(`INSERT INTO token (id, name, roles, sha256, expires, revoked) SELECT ?, ?, ?, ?, ?, ?
				WHERE NOT EXISTS (SELECT 1 FROM token WHERE sha256 = ? AND id <> ?)
				ON CONFLICT (id) DO UPDATE SET revoked = 1 WHERE excluded.revoked = 1`,
				t.ID.String(), t.Name, strings.Join(t.Roles, ","), t.SHA256, t.Expires, revoked, t.SHA256, t.ID.String())
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// Tokens lists all tokens, by name.
func (d *DB) Tokens(ctx context.Context) ([]decide.Token, error) {
	rows, err := d.db.Read.QueryContext(ctx, `SELECT id, name, roles, sha256, expires, revoked FROM token ORDER BY name, id`)
	if err != nil {
		return nil, fmt.Errorf("read tokens: %w", err)
	}
	defer rows.Close()
	tokens := []decide.Token{}
	for rows.Next() {
		var t decide.Token
		var id, roles string
		if err := rows.Scan(&id, &t.Name, &roles, &t.SHA256, &t.Expires, &t.Revoked); err != nil {
			return nil, fmt.Errorf("read token: %w", err)
		}
		if t.ID, err = uuid.Parse(id); err != nil {
			return nil, fmt.Errorf("read token: %w", err)
		}
		t.Roles = strings.Split(roles, ",")
		tokens = append(tokens, t)
	}
	return tokens, rows.Err()
}
