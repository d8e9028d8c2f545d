package views

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"time"

	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/ledger"
	"github.com/makegood/makegood/remediator/store/internal/statement"
)

// LegalHold is a customer whose data may not be erased.
type LegalHold struct {
	Customer string    `json:"customer"`
	By       string    `json:"by"`
	Since    time.Time `json:"since"` // log time
}

// applyLegalHold takes a legal hold, or the end of one.
func applyLegalHold(tx *statement.Tx, e ledger.Entry) error {
	var fact decide.LegalHoldFact
	if err := json.Unmarshal(e.Body, &fact); err != nil {
		return err
	}
	if _, err := tx.Exec(`DELETE FROM legal_hold WHERE customer = ?`, fact.Customer); err != nil || !fact.Held {
		return err
	}
	_, err := tx.Exec(`INSERT INTO legal_hold (customer, by_whom, since) VALUES (?, ?, ?)`, fact.Customer, fact.By, e.At)
	return err
}

// LegalHolds lists the customers whose data may not be erased, the oldest hold first.
// There are as many at the most as the fold lets be held at once.
func LegalHolds(ctx context.Context, db *sql.DB) ([]LegalHold, error) {
	rows, err := db.QueryContext(ctx, `SELECT customer, by_whom, since FROM legal_hold ORDER BY since, customer`)
	if err != nil {
		return nil, fmt.Errorf("list legal holds: %w", err)
	}
	defer rows.Close()
	holds := []LegalHold{}
	for rows.Next() {
		var h LegalHold
		var since int64
		if err := rows.Scan(&h.Customer, &h.By, &since); err != nil {
			return nil, fmt.Errorf("list legal holds: %w", err)
		}
		h.Since = time.Unix(0, since).UTC()
		holds = append(holds, h)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("list legal holds: %w", err)
	}
	return holds, nil
}
