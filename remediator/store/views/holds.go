package views

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/money"
)

// Brake is something that is stopped.
type Brake struct {
	Target    string    `json:"target"`
	ID        string    `json:"id"` // of the command or the pull that stopped it
	By        string    `json:"by"`
	At        time.Time `json:"at"`
	Confirmed bool      `json:"confirmed"` // by the fold
}

// Hold is what waits for a person for one reason, or under one bulk.
type Hold struct {
	Rule     string        `json:"rule"`
	Reason   string        `json:"reason"`
	Remedies int           `json:"remedies"`
	Money    []money.Money `json:"money"` // by currency; of what is not carried out yet
	Oldest   time.Time     `json:"oldest"`
	Bulk     *decide.Bulk  `json:"bulk,omitempty"` // when they are held under one approval
}

// Holds counts what waits for a person, by rule, reason and bulk, the oldest first.
func Holds(ctx context.Context, db *sql.DB) ([]Hold, error) {
	rows, err := db.QueryContext(ctx, `SELECT h.rule, h.reason, h.bulk, h.counted, (SELECT MIN(r.at) FROM remedy AS r
		WHERE r.mode = 'live' AND r.status = 'held' AND r.rule = h.rule AND r.reason = h.reason AND r.bulk = h.bulk) AS oldest FROM held_sum AS h
		WHERE h.currency = '' AND h.counted > 0 ORDER BY oldest, h.rule, h.reason, h.bulk`)
	if err != nil {
		return nil, fmt.Errorf("count holds: %w", err)
	}
	defer rows.Close()
	holds, index := []Hold{}, map[[3]string]int{}
	for rows.Next() {
		h := Hold{Money: []money.Money{}}
		var oldest int64
		var bulk string
		if err := rows.Scan(&h.Rule, &h.Reason, &bulk, &h.Remedies, &oldest); err != nil {
			return nil, fmt.Errorf("count holds: %w", err)
		}
		h.Oldest = time.Unix(0, oldest).UTC()
		index[[3]string{h.Rule, h.Reason, bulk}] = len(holds)
		holds = append(holds, h)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("count holds: %w", err)
	}
	if err := addHeldMoney(ctx, db, holds, index); err != nil {
		return nil, err
	}
	return holds, addHeldBulks(ctx, db, holds, index)
}

// addHeldMoney sums up the money of the steps that holds keep from being carried out.
func addHeldMoney(ctx context.Context, db *sql.DB, holds []Hold, index map[[3]string]int) error {
	rows, err := db.QueryContext(ctx, `SELECT rule, reason, bulk, currency, minor FROM held_sum WHERE currency <> '' AND counted > 0 ORDER BY currency`)
	if err != nil {
		return fmt.Errorf("sum up holds: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var ruleName, reason, bulk string
		var m money.Money
		if err := rows.Scan(&ruleName, &reason, &bulk, &m.Currency, &m.Minor); err != nil {
			return fmt.Errorf("sum up holds: %w", err)
		}
		if i, ok := index[[3]string{ruleName, reason, bulk}]; ok {
			holds[i].Money = append(holds[i].Money, m)
		}
	}
	return rows.Err()
}
