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
	"github.com/makegood/makegood/remediator/store/internal/elapsed"
	"github.com/makegood/makegood/remediator/store/internal/records"
	"github.com/makegood/makegood/remediator/store/internal/sqlite"
)

//go:embed schema.sqlite.sql
var schema string

var kind = sqlite.Kind{Name: "log.db", ID: 0x6d676c67, Version: 1, Schema: schema} // "mglg"

// poll is how often Wait looks for records that another process has appended.
const poll = 250 * time.Millisecond

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
	path    string
	db      *sqlite.DB
	insert  *sql.Stmt // nil when read-only
	now     func() time.Time
	elapsed func() time.Duration // nil: jumps are not looked for
	mu      sync.Mutex
	wall    time.Time     // at the last append, or when the log was opened
	passed  time.Duration // at the same moment
	bell    log.Bell      // rung by every append
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
	l := &Log{path: path, db: db, insert: insert, now: o.Now, elapsed: o.Elapsed}
	if l.now == nil {
		l.now = time.Now
		if l.elapsed == nil {
			l.elapsed = elapsed.Machine
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
	return &Log{path: path, db: db}, nil
}

// Close closes the log.
func (l *Log) Close() error {
	var err error
	if l.insert != nil {
		err = l.insert.Close()
	}
	return errors.Join(err, l.db.Close())
}

// explain names the file that an error is about, and what to do.
func (l *Log) explain(err error) error { return sqlite.Explain(l.path, err) }

// ConfirmClock accepts the wall clock as it is now, after log.ErrClockJump.
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
		return 0, log.ErrReadOnly
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
		return 0, l.explain(fmt.Errorf("insert record: %w", err))
	}
	seq, err := result.LastInsertId()
	if err != nil {
		return 0, fmt.Errorf("read sequence of record: %w", err)
	}
	l.wall, l.passed = wall, passed
	l.bell.Ring()
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
	if moved-real > log.MaxJump {
		return wall, passed, fmt.Errorf("%w: it moved by %v while %v passed; set it right, or confirm it with: makegood clock confirm",
			log.ErrClockJump, moved.Round(time.Second), real.Round(time.Second))
	}
	return wall, passed, nil
}

// Read implements log.Log.
func (l *Log) Read(ctx context.Context, after uint64, limit int) ([]log.Record, error) {
	rows, err := l.db.Read.QueryContext(ctx,
		"SELECT seq, at, blob FROM record WHERE seq > ? ORDER BY seq LIMIT ?", int64(after), limit)
	if err != nil {
		return nil, l.explain(fmt.Errorf("read log: %w", err))
	}
	list, err := records.Scan(rows)
	if err != nil {
		return nil, l.explain(err)
	}
	return list, nil
}

// Wait implements log.Log.
func (l *Log) Wait(ctx context.Context, after uint64) error {
	return l.bell.Wait(ctx, after, l.Head, poll)
}

// Head implements log.Log.
func (l *Log) Head(ctx context.Context) (uint64, error) {
	var seq uint64
	if err := l.db.Read.QueryRowContext(ctx, "SELECT COALESCE(MAX(seq), 0) FROM record").Scan(&seq); err != nil {
		return 0, l.explain(fmt.Errorf("read head of log: %w", err))
	}
	return seq, nil
}

// forgetAtOnce bounds how many records one transaction removes, so that appends
// come between.
const forgetAtOnce = 200

// Forget removes records, oldest first: those that are keep old and not behind
// through. It returns how many went. The last one stays, so that sequences go on
// where they were.
func (l *Log) Forget(ctx context.Context, through uint64, keep time.Duration) (records uint64, err error) {
	if l.insert == nil {
		return 0, log.ErrReadOnly
	}
	before := l.now().Add(-keep).UnixNano()
	for {
		result, err := l.db.Write.ExecContext(ctx, `DELETE FROM record WHERE seq IN (SELECT seq FROM record
			WHERE seq <= ? AND at <= ? AND seq < (SELECT MAX(seq) FROM record) ORDER BY seq LIMIT ?)`, int64(through), before, forgetAtOnce)
		if err != nil {
			return records, l.explain(fmt.Errorf("forget records: %w", err))
		}
		gone, err := result.RowsAffected()
		if err != nil {
			return records, fmt.Errorf("forget records: %w", err)
		}
		if records += uint64(gone); gone < forgetAtOnce {
			return records, nil
		}
	}
}

// Copy writes the log in a file as it is now into a new file, also beside the process
// that appends to it.
func Copy(ctx context.Context, path, into string) error { return sqlite.Copy(ctx, path, into, kind) }
