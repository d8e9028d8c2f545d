package logpg

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"time"

	"github.com/lib/pq"
)

const (
	// daysAhead is how many days get their partition at once: one more than the
	// day that needs it, so that midnight makes nobody wait.
	daysAhead = 2
	// dropWait is how long forgetting a day waits for readers. Appends wait behind
	// it; when the time is over it is tried again later.
	dropWait = time.Second
)

const day = 24 * time.Hour

// dayName and parseDay are how the partition of a day is called.
func dayName(start time.Time) string { return "log_record_" + start.Format("20060102") }

func parseDay(name string) (start time.Time, err error) {
	return time.Parse("20060102", strings.TrimPrefix(name, "log_record_"))
}

// makeDays makes the partitions for a record that comes now, and for the next
// day. Several nodes may do it at once, beside appends and readers: no lock that
// is taken here stops those.
func (l *Log) makeDays(ctx context.Context) error {
	return l.transact(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, `LOCK TABLE log_record IN SHARE UPDATE EXCLUSIVE MODE`); err != nil {
			return err
		}
		// What comes next is stamped by the clock, or like the record before.
		var at int64
		if err := tx.QueryRowContext(ctx, `SELECT GREATEST(at, `+clock+`) FROM log_head`).Scan(&at); err != nil {
			return err
		}
		start := time.Unix(0, at).UTC().Truncate(day)
		for range daysAhead {
			if err := makeDay(ctx, tx, start); err != nil {
				return err
			}
			start = start.Add(day)
		}
		return nil
	})
}

func makeDay(ctx context.Context, tx *sql.Tx, start time.Time) error {
	name := dayName(start)
	var there bool
	if err := tx.QueryRowContext(ctx, `SELECT to_regclass(?) IS NOT NULL`, name).Scan(&there); err != nil || there {
		return err
	}
	quoted := pq.QuoteIdentifier(name)
	_, err := tx.ExecContext(ctx, fmt.Sprintf(`CREATE TABLE %s (LIKE log_record INCLUDING ALL);
		ALTER TABLE log_record ATTACH PARTITION %s FOR VALUES FROM (%d) TO (%d)`,
		quoted, quoted, start.UnixNano(), start.Add(day).UnixNano()))
	return err
}

// Forget removes whole days of records, oldest first: those that ended keep ago by
// the server's clock, as long as no record in them is behind through. It returns
// how many records went. Sequences go on where they were.
func (l *Log) Forget(ctx context.Context, through uint64, keep time.Duration) (records uint64, err error) {
	names, err := l.days(ctx, keep)
	if err != nil {
		return 0, fmt.Errorf("find old days of the log: %w", err)
	}
	for _, name := range names {
		quoted := pq.QuoteIdentifier(name)
		var last, count uint64 // sequences have no gaps
		if err := l.read.QueryRowContext(ctx, `SELECT COALESCE(MAX(seq), 0), COALESCE(MAX(seq) - MIN(seq) + 1, 0) FROM `+quoted).Scan(&last, &count); err != nil {
			return records, fmt.Errorf("read %s: %w", name, err)
		}
		if last > through {
			return records, nil
		}
		if err := l.transact(ctx, func(tx *sql.Tx) error {
			if _, err := tx.ExecContext(ctx, fmt.Sprintf(`SET LOCAL lock_timeout = %d`, dropWait.Milliseconds())); err != nil {
				return err
			}
			_, err := tx.ExecContext(ctx, `DROP TABLE IF EXISTS `+quoted)
			return err
		}); err != nil {
			return records, fmt.Errorf("forget %s: %w", name, err)
		}
		records += count
	}
	return records, nil
}

// days returns the partitions of days that ended keep ago, oldest first.
func (l *Log) days(ctx context.Context, keep time.Duration) ([]string, error) {
	rows, err := l.read.QueryContext(ctx, `SELECT relname::TEXT, `+clock+` FROM pg_inherits JOIN pg_class ON oid = inhrelid
		WHERE inhparent = 'log_record'::regclass ORDER BY relname`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var old []string
	for rows.Next() {
		var name string
		var now int64
		if err := rows.Scan(&name, &now); err != nil {
			return nil, err
		}
		start, err := parseDay(name)
		if err != nil {
			return nil, err
		}
		if !start.Add(day + keep).After(time.Unix(0, now)) {
			old = append(old, name)
		}
	}
	return old, rows.Err()
}

// transact runs a change of the tables in a transaction.
func (l *Log) transact(ctx context.Context, change func(*sql.Tx) error) error {
	tx, err := l.write.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	if err := change(tx); err != nil {
		return err
	}
	return tx.Commit()
}
