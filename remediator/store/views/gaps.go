package views

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/makegood/makegood/remediator/missing"
	"github.com/makegood/makegood/remediator/store/internal/statement"
)

// Gap is what a client of the SDK accepted and numbered, and what did not come.
type Gap struct {
	Service string    `json:"service"` // the source of its events
	Client  uuid.UUID `json:"client"`
	Missing uint64    `json:"missing"` // events
	Since   time.Time `json:"since"`   // log time at which the first of them was passed over
}

// applyGaps stores how each client stands.
func applyGaps(tx *statement.Tx, gaps []missing.Gap) error {
	newest := map[uuid.UUID]int{}
	for i, g := range gaps {
		newest[g.Client] = i
	}
	for i, g := range gaps {
		if newest[g.Client] != i {
			continue
		}
		var err error
		if g.Missing == 0 {
			_, err = tx.Exec(`DELETE FROM gap WHERE client = ?`, g.Client.String())
		} else {
			_, err = tx.Exec(`INSERT INTO gap (client, service, missing, since) VALUES (?, ?, ?, ?)
				ON CONFLICT (client) DO UPDATE SET service = excluded.service, missing = excluded.missing, since = excluded.since`,
				g.Client.String(), g.Service, int64(g.Missing), g.Since)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// Gaps lists the clients of which events are missing, the oldest loss first. There
// are as many at the most as the fold remembers clients.
func Gaps(ctx context.Context, db *sql.DB) ([]Gap, error) {
	rows, err := db.QueryContext(ctx, `SELECT service, client, missing, since FROM gap ORDER BY since, service, client`)
	if err != nil {
		return nil, fmt.Errorf("list gaps: %w", err)
	}
	defer rows.Close()
	gaps := []Gap{}
	for rows.Next() {
		var g Gap
		var since int64
		if err := rows.Scan(&g.Service, &g.Client, &g.Missing, &since); err != nil {
			return nil, fmt.Errorf("list gaps: %w", err)
		}
		g.Since = time.Unix(0, since).UTC()
		gaps = append(gaps, g)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("list gaps: %w", err)
	}
	return gaps, nil
}
