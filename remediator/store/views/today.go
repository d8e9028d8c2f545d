package views

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/makegood/makegood/remediator/cord"
	"github.com/makegood/makegood/remediator/money"
)

// Today is how the service stands, and what it did in the period before.
type Today struct {
	Since     time.Time    `json:"since"` // the begin of an hour
	Until     time.Time    `json:"until"`
	Pulls     []cord.State `json:"pulls"` // cords that are not open, red ones first
	Holds     []Hold       `json:"holds"`
	Brakes    []Brake      `json:"brakes"`
	Money     []HourMoney  `json:"money"` // refunds and credit that were taken on, by currency and hour; hours without any are left out
	Failures  []Failures   `json:"failures"`
	Unsettled int          `json:"unsettled"` // actions without a final outcome
	Behind    uint64       `json:"behind"`    // records of the log that are not decided yet
}

// HourMoney is what left in one hour of log time, in one currency.
type HourMoney struct {
	Hour    time.Time   `json:"hour"` // its begin
	Money   money.Money `json:"money"`
	Actions int         `json:"actions"`
}

// Failures counts the remedies of a rule that ended without what they promised.
type Failures struct {
	Rule     string    `json:"rule"`
	Status   string    `json:"status"`
	Remedies int       `json:"remedies"`
	Last     time.Time `json:"last"`
}

// ReadToday reads what the tables of the views know of a period. The rest is added
// by who knows it.
func ReadToday(ctx context.Context, db *sql.DB, since, until time.Time) (Today, error) {
	t := Today{Since: since.UTC().Truncate(time.Hour), Until: until.UTC()}
	var err error
	if t.Pulls, err = readCords(ctx, db, `SELECT state FROM cord WHERE level <> 'open' ORDER BY CASE level WHEN 'red' THEN 0 ELSE 1 END, cord`); err != nil {
		return t, err
	}
	if t.Holds, err = Holds(ctx, db); err != nil {
		return t, err
	}
	if t.Money, err = hourMoney(ctx, db, t.Since, t.Until); err != nil {
		return t, err
	}
	t.Failures, err = failures(ctx, db, t.Since, t.Until)
	return t, err
}

// hourMoney reads what left in each hour. What the provider has not finished counts,
// what it took back does not.
func hourMoney(ctx context.Context, db *sql.DB, since, until time.Time) ([]HourMoney, error) {
	rows, err := db.QueryContext(ctx, `SELECT hour, currency, minor, steps FROM paid_hour WHERE hour >= ? AND hour <= ? AND steps > 0 ORDER BY currency, hour`,
		since.UnixNano()/hourLength, until.UnixNano()/hourLength)
	if err != nil {
		return nil, fmt.Errorf("sum up money by hour: %w", err)
	}
	defer rows.Close()
	sums := []HourMoney{}
	for rows.Next() {
		var s HourMoney
		var n int64 // hours since the Unix epoch
		if err := rows.Scan(&n, &s.Money.Currency, &s.Money.Minor, &s.Actions); err != nil {
			return nil, fmt.Errorf("sum up money by hour: %w", err)
		}
		s.Hour = time.Unix(0, n*int64(time.Hour)).UTC()
		sums = append(sums, s)
	}
	return sums, rows.Err()
}

// failures counts what ended badly, what happens most first.
func failures(ctx context.Context, db *sql.DB, since, until time.Time) ([]Failures, error) {
	rows, err := db.QueryContext(ctx, `SELECT rule, status, COUNT(*), MAX(ended_at) FROM remedy
		WHERE status IN ('failed', 'failed-after-arrival') AND ended_at >= ? AND ended_at <= ?
		GROUP BY rule, status ORDER BY COUNT(*) DESC, rule, status`, since.UnixNano(), until.UnixNano())
	if err != nil {
		return nil, fmt.Errorf("count failures: %w", err)
	}
	defer rows.Close()
	counts := []Failures{}
	for rows.Next() {
		var f Failures
		var last int64
		if err := rows.Scan(&f.Rule, &f.Status, &f.Remedies, &last); err != nil {
			return nil, fmt.Errorf("count failures: %w", err)
		}
		f.Last = time.Unix(0, last).UTC()
		counts = append(counts, f)
	}
	return counts, rows.Err()
}
