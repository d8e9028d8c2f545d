package views

import (
	"context"
	"database/sql"
	"fmt"
	"time"
)

// Fired is what a rule decided in one mode, in all or in a period of whole days.
type Fired struct {
	Rule       string    `json:"rule"`
	Mode       string    `json:"mode"`
	Acted      int       `json:"acted"`      // remedies decided to act
	Held       int       `json:"held"`       // decided to wait for a person, also those that were answered since
	Suppressed int       `json:"suppressed"` // decided against
	LastFired  time.Time `json:"last_fired"` // the newest decision
}

// FiredRules lists what rules decided since a day, by rule and mode. The zero time
// begins with the first.
func FiredRules(ctx context.Context, db *sql.DB, since time.Time) ([]Fired, error) {
	day := int64(0)
	if !since.IsZero() {
		day = floorDay(since)
	}
	rows, err := db.QueryContext(ctx, `SELECT rule, mode,
		CAST(SUM(CASE WHEN decision = 'act' THEN remedies ELSE 0 END) AS BIGINT),
		CAST(SUM(CASE WHEN decision = 'hold' THEN remedies ELSE 0 END) AS BIGINT),
		CAST(SUM(CASE WHEN decision = 'suppress' THEN remedies ELSE 0 END) AS BIGINT), MAX(last_at)
		FROM remedy_sum WHERE day >= ? GROUP BY rule, mode ORDER BY rule, mode`, day)
	if err != nil {
		return nil, fmt.Errorf("read what rules decided: %w", err)
	}
	defer rows.Close()
	fired := []Fired{}
	for rows.Next() {
		var f Fired
		var last int64
		if err := rows.Scan(&f.Rule, &f.Mode, &f.Acted, &f.Held, &f.Suppressed, &last); err != nil {
			return nil, fmt.Errorf("read what rules decided: %w", err)
		}
		f.LastFired = time.Unix(0, last).UTC()
		fired = append(fired, f)
	}
	return fired, rows.Err()
}

// LastLive returns when each rule made its last live remedy.
func LastLive(fired []Fired) map[string]time.Time {
	last := map[string]time.Time{}
	for _, f := range fired {
		if f.Mode == live {
			last[f.Rule] = f.LastFired
		}
	}
	return last
}
