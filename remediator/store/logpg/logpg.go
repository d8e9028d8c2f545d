// Package logpg is the log in PostgreSQL: what several nodes share. It implements
// log.Log and passes the suite of package logtest. Appending is one statement,
// which takes the log's last row, so that there is one order whoever appends.
package logpg

import (
	"context"
	"database/sql"
	_ "embed" // the schema
	"errors"
	"fmt"
	"math"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/lib/pq"

	"github.com/makegood/makegood/remediator/log"
	"github.com/makegood/makegood/remediator/store/internal/elapsed"
	"github.com/makegood/makegood/remediator/store/internal/postgres"
	"github.com/makegood/makegood/remediator/store/internal/records"
)

//go:embed schema.postgres.sql
var first string

var schema = postgres.Schema{Part: "log", Steps: []string{first}}

const (
	// poll is how often Wait looks for records, whatever is announced.
	poll = 500 * time.Millisecond
	// appenders bounds the connections that append: a batcher needs one.
	appenders = 2
	// readers bounds the connections that read, which are apart from those that
	// append so that a reader of the whole log never keeps a record waiting.
	readers = 4
)

// Options of a log.
type Options struct {
	// Elapsed is the time that passed since some moment in the past, whatever a
	// wall clock was set to. The server's clock is held against it. Defaults to
	// the machine's.
	Elapsed func() time.Duration
}

// Log is an open log.
type Log struct {
	write   *sql.DB // nil when read-only
	read    *sql.DB
	channel string // on which appends are announced
	stop    func() error
	elapsed func() time.Duration
	last    atomic.Pointer[place] // that was read
	bell    log.Bell              // rung by every append that is heard of

	mu     sync.Mutex
	known  bool          // whether the next two are
	at     int64         // of the last append of this handle, or when it was opened
	passed time.Duration // at the same moment
}

// place is a record without its bytes.
type place struct {
	seq uint64
	at  int64
}

var _ log.Log = (*Log)(nil)

// Open opens the log in a database, and makes its tables when the database is
// empty. Tables of an older version are refused: Migrate brings them up.
func Open(ctx context.Context, dsn string, o Options) (*Log, error) {
	return open(ctx, dsn, o, postgres.Create)
}

// OpenReadOnly opens an existing log to read only.
func OpenReadOnly(ctx context.Context, dsn string) (*Log, error) {
	return open(ctx, dsn, Options{}, postgres.Look)
}

// Migrate brings the log's tables to the version of this program, and makes them
// when there are none. It returns the versions before and after.
func Migrate(ctx context.Context, dsn string) (from, to int, err error) {
	server, err := postgres.Parse(dsn)
	if err == nil {
		from, err = server.Prepare(ctx, schema, postgres.Migrate)
	}
	if err != nil {
		return from, from, fmt.Errorf("migrate log: %w", err)
	}
	return from, len(schema.Steps), nil
}

func open(ctx context.Context, dsn string, o Options, mode postgres.Mode) (*Log, error) {
	server, err := postgres.Parse(dsn)
	if err == nil {
		_, err = server.Prepare(ctx, schema, mode)
	}
	if err != nil {
		return nil, fmt.Errorf("open log: %w", err)
	}
	l := &Log{read: server.Pool(readers, postgres.Reading), elapsed: o.Elapsed}
	if l.elapsed == nil {
		l.elapsed = elapsed.Machine
	}
	if mode != postgres.Look {
		l.write = server.Pool(appenders, postgres.Writing)
	}
	// One channel for each log of a database. What the clock says now is what it is held
	// against later, also before the first append.
	l.known, l.passed = true, l.elapsed()
	if err := l.read.QueryRowContext(ctx, `SELECT 'makegood_log_' || 'log_head'::regclass::oid, `+clock).Scan(&l.channel, &l.at); err != nil {
		return nil, errors.Join(fmt.Errorf("open log: %w", err), l.Close())
	}
	l.stop = server.Listen(map[string]func(){l.channel: l.bell.Ring})
	return l, nil
}

// Close closes the log.
func (l *Log) Close() error {
	var errs []error
	if l.stop != nil {
		errs = append(errs, l.stop())
	}
	if l.write != nil {
		errs = append(errs, l.write.Close())
	}
	return errors.Join(append(errs, l.read.Close())...)
}

// ConfirmClock accepts the server's clock as the next append finds it, after
// log.ErrClockJump.
func (l *Log) ConfirmClock() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.known = false
}

// clock is the server's clock in nanoseconds.
const clock = `(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000000)::BIGINT`

// appendRecord gives a record the next sequence and the time of the clock, or the
// last record's if that is later. It waits for whoever is appending, and reads the
// clock then. A clock beyond what is expected here and what anybody has accepted
// is refused.
var appendRecord = `WITH head AS (
	UPDATE log_head SET seq = seq + 1, at = GREATEST(at, ` + clock + `)
	WHERE ` + clock + ` <= GREATEST(?, at + ` + strconv.FormatInt(int64(log.MaxJump), 10) + `) RETURNING seq, at)
	INSERT INTO log_record (seq, at, blob) SELECT seq, at, ? FROM head RETURNING seq, at, pg_notify(?, '')::TEXT`

// noPartition is what PostgreSQL answers when a day has no partition yet.
const noPartition = "23514"

// Append implements log.Log.
func (l *Log) Append(ctx context.Context, blob []byte) (uint64, error) {
	if l.write == nil {
		return 0, log.ErrReadOnly
	}
	seq, err := l.append(ctx, blob)
	var refused *pq.Error
	if errors.As(err, &refused) && refused.Code == noPartition {
		if err := l.makeDays(ctx); err != nil {
			return 0, fmt.Errorf("begin a day of the log: %w", err)
		}
		seq, err = l.append(ctx, blob)
	}
	if err != nil {
		return 0, fmt.Errorf("insert record: %w", err)
	}
	return seq, nil
}

func (l *Log) append(ctx context.Context, blob []byte) (uint64, error) {
	limit, passed := l.limit()
	var p place
	var announced sql.NullString
	err := l.write.QueryRowContext(ctx, appendRecord, limit, blob, l.channel).Scan(&p.seq, &p.at, &announced)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, fmt.Errorf("%w: that of the database is more than %v ahead of the time that passed; set it right, or confirm it with: makegood clock confirm", log.ErrClockJump, log.MaxJump)
	}
	if err != nil {
		return 0, err
	}
	l.mu.Lock()
	l.known, l.at, l.passed = true, p.at, passed
	l.mu.Unlock()
	l.bell.Ring()
	return p.seq, nil
}

// limit returns up to where the server's clock is believed, and the time that has
// passed by now.
func (l *Log) limit() (limit int64, passed time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	passed = l.elapsed()
	if !l.known {
		return math.MaxInt64, passed
	}
	return l.at + int64(passed-l.passed+log.MaxJump), passed
}

// Read implements log.Log. Who goes on where the last read ended looks into no
// day before.
func (l *Log) Read(ctx context.Context, after uint64, limit int) ([]log.Record, error) {
	var from int64
	if last := l.last.Load(); last != nil && last.seq == after {
		from = last.at
	}
	rows, err := l.read.QueryContext(ctx,
		`SELECT seq, at, blob FROM log_record WHERE seq > ? AND at >= ? ORDER BY seq LIMIT ?`, int64(after), from, limit)
	if err != nil {
		return nil, fmt.Errorf("read log: %w", err)
	}
	found, err := records.Scan(rows)
	if err != nil {
		return nil, err
	}
	if n := len(found); n > 0 {
		l.last.Store(&place{found[n-1].Seq, found[n-1].At})
	}
	return found, nil
}

// Wait implements log.Log.
func (l *Log) Wait(ctx context.Context, after uint64) error {
	return l.bell.Wait(ctx, after, l.Head, poll)
}

// Head implements log.Log.
func (l *Log) Head(ctx context.Context) (uint64, error) {
	var seq uint64
	if err := l.read.QueryRowContext(ctx, `SELECT seq FROM log_head`).Scan(&seq); err != nil {
		return 0, fmt.Errorf("read head of log: %w", err)
	}
	return seq, nil
}
