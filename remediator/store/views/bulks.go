package views

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/google/uuid"

	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/store/internal/statement"
)

// applyBulks stores the newest state of each bulk.
func applyBulks(tx *statement.Tx, bulks []decide.Bulk) error {
	for _, b := range bulks {
		text, err := json.Marshal(b)
		if err != nil {
			return err
		}
		if _, err := tx.Exec(`INSERT INTO bulk (bulk, state) VALUES (?, ?) ON CONFLICT (bulk) DO UPDATE SET state = excluded.state`,
			b.Bulk.String(), text); err != nil {
			return err
		}
	}
	return nil
}

// Bulk returns a bulk as it stands, nil when there is none.
func Bulk(ctx context.Context, db *sql.DB, id uuid.UUID) (*decide.Bulk, error) {
	var text []byte
	err := db.QueryRowContext(ctx, `SELECT state FROM bulk WHERE bulk = ?`, id.String()).Scan(&text)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	var b decide.Bulk
	if err == nil {
		err = json.Unmarshal(text, &b)
	}
	if err != nil {
		return nil, fmt.Errorf("read bulk: %w", err)
	}
	return &b, nil
}

// addHeldBulks adds to what is held under a bulk what the bulk is.
func addHeldBulks(ctx context.Context, db *sql.DB, holds []Hold, index map[[3]string]int) error {
	for key, i := range index {
		if key[2] == "" {
			continue
		}
		id, err := uuid.Parse(key[2])
		if err != nil {
			return fmt.Errorf("read bulk: %w", err)
		}
		if holds[i].Bulk, err = Bulk(ctx, db, id); err != nil {
			return err
		}
	}
	return nil
}
