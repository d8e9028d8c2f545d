// Package logdb is the log in a SQLite file: what a single machine uses when
// nothing is configured. It implements log.Log and passes the suite of package
// logtest. One process writes a file at a time, which package folder sees to.
package logdb

import (
	"context"
	"database/sql"
	_ "embed" // the schema
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/makegood/makegood/remediator/log"
	"github.com/makegood/makegood/remediator/store/internal/sqlite"
)

//go:embed schema.sqlite.sql
var schema string

var kind = sqlite.Kind{Name: "log.db", ID: 0x6d676c67, Version: 1, Schema: schema} // "mglg"

// MaxJump is how far the wall clock may run ahead of the time that passed
// between two appends. Budgets, holds and retention follow the time of the log,
// so a clock set wrong must not be followed unasked.
const MaxJump = 10 * time.Minute

// poll is how often Wait looks for records that another process has appended.
const poll = 250 * time.Millisecond

// Errors of Append that say that nothing was stored.
var (
	// ErrClockJump says that the machine's clock was set far ahead. Appending
	// goes on when the clock is right again, after ConfirmClock or a restart.
	ErrClockJump = errors.New("the machine's clock jumped ahead")
	// ErrReadOnly says that the log was opened to read only.
	ErrReadOnly = errors.New("log is open to read only")
)

// Options of a log.
type Options struct {
	// Now is the wall clock that stamps records. Defaults to the machine's.
	Now func() time.Time
	// Elapsed is the time that passed since some moment in the past, whatever
	// the wall clock was set to. Defaults to the machine's; when Now is set
	// and Elapsed is not, jumps of the wall clock are not looked for.
	Elapsed func() time.Duration
}

// Log is an open log.
type Log struct {
	db       *sqlite.DB
	insert   *sql.Stmt // nil when read-only
	now      func() time.Time
	elapsed  func() time.Duration // nil: jumps are not looked for
	mu       sync.Mutex
	wall     time.Time     // at the last append, or when the log was opened
	passed   time.Duration // at the same moment
	appended chan struct{} // closed and replaced by every append
}

var _ log.Log = (*Log)(nil)

// Open opens the log in the file, and makes it when there is none.
func Open(ctx context.Context, path string, o Options) (*Log, error) {
	db, err := sqlite.Open(ctx, path, kind)
	if err != nil {
		return nil, err
	}
	insert, err := db.Write.PrepareContext(ctx, insertRecord)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("prepare log: %w", err), db.Close())
	}
	l := &Log{db: db, insert: insert, now: o.Now, elapsed: o.Elapsed, appended: make(chan struct{})}
	if l.now == nil {
		l.now = time.Now
		if l.elapsed == nil {
			l.elapsed = machineElapsed
		}
	}
	l.ConfirmClock()
	return l, nil
}

// OpenReadOnly opens an existing log to read only, for as long as one likes
// beside the process that writes it.
func OpenReadOnly(ctx context.Context, path string) (*Log, error) {
	db, err := sqlite.OpenReadOnly(ctx, path, kind)
	if err != nil {
		return nil, err
	}
	return &Log{db: db, appended: make(chan struct{})}, nil
}

// Close closes the log.
func (l *Log) Close() error {
	var err error
	if l.insert != nil {
		err = l.insert.Close()
	}
	return errors.Join(err, l.db.Close())
}

// ConfirmClock accepts the wall clock as it is now, after ErrClockJump.
func (l *Log) ConfirmClock() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.wall = l.now()
	if l.elapsed != nil {
		l.passed = l.elapsed()
	}
}

// insertRecord gives a record the next sequence, and a time that is not before
// the last one's.
const insertRecord = `
INSERT INTO record (seq, at, blob)
SELECT head.seq + 1, CASE WHEN head.at > ? THEN head.at ELSE ? END, ?
FROM (SELECT COALESCE(MAX(last.seq), 0) AS seq, COALESCE(MAX(last.at), 0) AS at
      FROM (SELECT seq, at FROM record ORDER BY seq DESC LIMIT 1) AS last) AS head`

// Append implements log.Log.
func (l *Log) Append(ctx context.Context, blob []byte) (uint64, error) {
	if l.insert == nil {
		return 0, ErrReadOnly
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	wall, passed, err := l.readClock()
	if err != nil {
		return 0, err
	}
	at := wall.UnixNano()
	result, err := l.insert.ExecContext(ctx, at, at, blob)
	if err != nil {
		return 0, fmt.Errorf("insert record: %w", err)
	}
	seq, err := result.LastInsertId()
	if err != nil {
		return 0, fmt.Errorf("read sequence of record: %w", err)
	}
	l.wall, l.passed = wall, passed
	close(l.appended)
	l.appended = make(chan struct{})
	return uint64(seq), nil
}

// readClock reads both clocks and compares how far they went since the last
// append.
func (l *Log) readClock() (wall time.Time, passed time.Duration, err error) {
	wall = l.now()
	if l.elapsed == nil {
		return wall, 0, nil
	}
	passed = l.elapsed()
	// Round strips the reading of the monotonic clock: only the wall counts.
	moved, real := wall.Round(0).Sub(l.wall.Round(0)), passed-l.passed
	if moved-real > MaxJump {
		return wall, passed, fmt.Errorf("%w: it moved by %v while %v passed; set it right, or confirm it by a restart",
			ErrClockJump, moved.Round(time.Second), real.Round(time.Second))
	}
	return wall, passed, nil
}

// Read implements log.Log.
func (l *Log) Read(ctx context.Context, after uint64, limit int) ([]log.Record, error) {
	rows, err := l.db.Read.QueryContext(ctx,
		"SELECT seq, at, blob FROM record WHERE seq > ? ORDER BY seq LIMIT ?", int64(after), limit)
	if err != nil {
		return nil, fmt.Errorf("read log: %w", err)
	}
	defer rows.Close()
	var records []log.Record
	for rows.Next() {
		var r log.Record
		if err := rows.Scan(&r.Seq, &r.At, &r.Blob); err != nil {
			return nil, fmt.Errorf("read record: %w", err)
		}
		records = append(records, r)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read log: %w", err)
	}
	return records, nil
}

// Wait implements log.Log.
func (l *Log) Wait(ctx context.Context, after uint64) error {
	ticker := time.NewTicker(poll)
	defer ticker.Stop()
	for {
		l.mu.Lock()
		appended := l.appended
		l.mu.Unlock()
		head, err := l.Head(ctx)
		if err != nil || head > after {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-appended:
		case <-ticker.C:
		}
	}
}

// Head implements log.Log.
func (l *Log) Head(ctx context.Context) (uint64, error) {
	var seq uint64
	if err := l.db.Read.QueryRowContext(ctx, "SELECT COALESCE(MAX(seq), 0) FROM record").Scan(&seq); err != nil {
		return 0, fmt.Errorf("read head of log: %w", err)
	}
	return seq, nil
}
