package views

import (
	"context"
	"database/sql"
	_ "embed" // the step of the schema
	"fmt"

	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/store/internal/statement"
)

var (
	// Lost adds what windows forgot to tables without it, in a SQLite database.
	//
	//go:embed lost.sqlite.sql
	Lost string
	// LostOnServer adds it in a PostgreSQL database.
	//
	//go:embed lost.postgres.sql
	LostOnServer string
)

// applyLost adds what a progress fact says that windows forgot.
func applyLost(tx *statement.Tx, lost []decide.WindowsLost) error {
	for _, l := range lost {
		_, err := tx.Exec(`INSERT INTO window_lost (rule, windows, parts) VALUES (?, ?, ?)
			ON CONFLICT (rule) DO UPDATE SET windows = window_lost.windows + excluded.windows, parts = window_lost.parts + excluded.parts`,
			l.Rule, int64(l.Windows), int64(l.Parts))
		if err != nil {
			return err
		}
	}
	return nil
}

// readLost returns what windows forgot, by rule; an empty list where they forgot
// nothing.
func readLost(ctx context.Context, db *sql.DB) ([]decide.WindowsLost, error) {
	rows, err := db.QueryContext(ctx, `SELECT rule, windows, parts FROM window_lost ORDER BY rule`)
	if err != nil {
		return nil, fmt.Errorf("read what windows lost: %w", err)
	}
	defer rows.Close()
	lost := []decide.WindowsLost{}
	for rows.Next() {
		var l decide.WindowsLost
		if err := rows.Scan(&l.Rule, &l.Windows, &l.Parts); err != nil {
			return nil, fmt.Errorf("read what windows lost: %w", err)
		}
		lost = append(lost, l)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read what windows lost: %w", err)
	}
	return lost, nil
}
