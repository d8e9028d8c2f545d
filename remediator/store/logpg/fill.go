package logpg

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/makegood/makegood/remediator/log"
)

// ErrNotEmpty says that a database has a log already.
var ErrNotEmpty = errors.New("the database holds a log: name an empty one, or add search_path=SCHEMA for an empty schema")

// filledAtOnce is how many records are read at once: each may have some MiB.
const filledAtOnce = 16

// Fill makes the log in an empty database that of another, with the same sequences
// and times, and one more record at its end, of the time of the last: all or nothing.
// A database with a log is ErrNotEmpty.
func Fill(ctx context.Context, dsn string, from log.Log, last []byte) (err error) {
	l, err := Open(ctx, dsn, Options{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	err = l.transact(ctx, func(tx *sql.Tx) error {
		var head log.Record
		if err := tx.QueryRowContext(ctx, `SELECT seq FROM log_head FOR UPDATE`).Scan(&head.Seq); err != nil {
			return err
		}
		if head.Seq != 0 {
			return ErrNotEmpty
		}
		days := map[time.Time]bool{}
		for {
			found, err := from.Read(ctx, head.Seq, filledAtOnce)
			if err != nil {
				return err
			}
			if len(found) == 0 {
				break
			}
			for _, head = range found {
				if err := fillOne(ctx, tx, days, head); err != nil {
					return err
				}
			}
		}
		head.Seq, head.Blob = head.Seq+1, last
		if err := fillOne(ctx, tx, days, head); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, `UPDATE log_head SET seq = ?, at = ?`, int64(head.Seq), head.At)
		return err
	})
	if err != nil {
		return fmt.Errorf("restore log: %w", err)
	}
	return nil
}

// fillOne inserts a record, and makes the partition of its day.
func fillOne(ctx context.Context, tx *sql.Tx, days map[time.Time]bool, r log.Record) error {
	start := time.Unix(0, r.At).UTC().Truncate(day)
	if !days[start] {
		if err := makeDay(ctx, tx, start); err != nil {
			return err
		}
		days[start] = true
	}
	_, err := tx.ExecContext(ctx, `INSERT INTO log_record (seq, at, blob) VALUES (?, ?, ?)`, int64(r.Seq), r.At, r.Blob)
	return err
}
