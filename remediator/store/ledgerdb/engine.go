package ledgerdb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/makegood/makegood/remediator/store/internal/postgres"
	"github.com/makegood/makegood/remediator/store/internal/sqlite"
	"github.com/makegood/makegood/remediator/store/internal/statement"
	"github.com/makegood/makegood/remediator/store/views"
)

// Connections to PostgreSQL of one node. What reads, what workers and the API
// write, and what keeps the lease never wait for each other's connections.
const (
	serverReaders = 6
	serverWriters = 4
)

// engine is where the tables lie, and all that differs between SQLite and
// PostgreSQL. A write transaction of SQLite excludes all others, so that it needs
// no lock of its own.
type engine struct {
	path   string  // of the file; empty in PostgreSQL
	Read   *sql.DB // connections that cannot write
	Write  *sql.DB // nil when read-only
	Commit *sql.DB // one connection, on which decisions are committed; SQLite has one that writes at all
	keep   *sql.DB // for the lease; nil where it is held anyhow
	listen func(wake map[string]func()) (stop func() error)
	close  func() error
	scrub  func(ctx context.Context) error // frees the room of deleted keys; in a file they are nowhere then

	ours     string         // condition on the lease under which a handle with an epoch may commit
	unlocked string         // ends a query for rows to be changed: others' are passed over
	hurry    string         // statement after which a transaction gives up soon where it would wait for a row; "" where none waits
	clock    string         // the server's, by which claims end on all nodes alike; "" where one process has the file, whose own it is
	lock     string         // statement that makes others wait who lock the same text; "" for none
	moment   *sql.TxOptions // of transactions whose queries all see one moment
}

// openFile opens a SQLite file, and makes it when there is none.
func openFile(ctx context.Context, path string) (*engine, error) {
	db, err := sqlite.Open(ctx, path, kind)
	return fileEngine(path, db, err)
}

// openFileReadOnly opens an existing SQLite file to read only.
func openFileReadOnly(ctx context.Context, path string) (*engine, error) {
	db, err := sqlite.OpenReadOnly(ctx, path, kind)
	return fileEngine(path, db, err)
}

func fileEngine(path string, db *sqlite.DB, err error) (*engine, error) {
	if err != nil {
		return nil, err
	}
	return &engine{
		path: path, Read: db.Read, Write: db.Write, Commit: db.Write, close: db.Close, scrub: db.Scrub,
		ours: "epoch = ?", moment: &sql.TxOptions{ReadOnly: true},
	}, nil
}

// serverSchema is the tables in PostgreSQL.
var serverSchema = postgres.Schema{Part: "ledger", Steps: []string{
	schemaOnServer + tellingOnServer + sessionOnServer + views.SchemaOnServer,
	views.SumsOnServer + heardOnServer + views.LostOnServer,
}}

// connect connects to PostgreSQL.
func connect(ctx context.Context, dsn string, mode postgres.Mode) (*engine, error) {
	server, err := postgres.Parse(dsn)
	if err != nil {
		return nil, err
	}
	if _, err := server.Prepare(ctx, serverSchema, mode); err != nil {
		return nil, err
	}
	e := &engine{
		Read:     server.Pool(serverReaders, postgres.Reading),
		listen:   server.Listen,
		ours:     "epoch = ? AND pid = pg_backend_pid()", // a new connection is not the one that the lease names
		unlocked: " FOR UPDATE SKIP LOCKED",
		hurry:    `SELECT set_config('lock_timeout', '100', true)`, // ms; the server looks for a deadlock after a second
		clock:    serverClock,
		lock:     `SELECT pg_advisory_xact_lock(hashtextextended(?, 0))`,
		moment:   &sql.TxOptions{ReadOnly: true, Isolation: sql.LevelRepeatableRead},
	}
	if mode != postgres.Look {
		e.Write, e.Commit, e.keep = server.Pool(serverWriters, postgres.Writing), server.Pool(1, postgres.Writing), server.Pool(1, postgres.Writing)
	}
	clean := &vacuum{server: server, stop: make(chan struct{})}
	e.scrub = func(context.Context) error { return clean.begin() }
	e.close = func() error {
		clean.end()
		var errs []error
		for _, pool := range []*sql.DB{e.Read, e.Write, e.Commit, e.keep} {
			if pool != nil {
				errs = append(errs, pool.Close())
			}
		}
		return errors.Join(errs...)
	}
	return e, nil
}

// hasten makes a transaction that passes over the rows of others give up where it waits
// for one all the same: the server does when a row has been changed twice while it was
// looked at. It holds rows then that a commit may be waiting for, and the commit comes
// first.
func (e *engine) hasten(tx *statement.Tx) error {
	if e.hurry == "" {
		return nil
	}
	var set string
	if err := tx.QueryRow(e.hurry, nil, &set); err != nil {
		return fmt.Errorf("bound the wait for rows: %w", err)
	}
	return nil
}

// claimClock is the clock that claims end by, as SQL with its parameters. A node whose
// own clock is wrong neither takes what another holds nor holds it for longer.
func (e *engine) claimClock(now time.Time) (expression string, args []any) {
	if e.clock != "" {
		return e.clock, nil
	}
	return "?", []any{now.UnixNano()}
}

// Close closes all connections.
func (e *engine) Close() error { return e.close() }

// exclude makes other transactions wait that exclude under the same name, until
// this one ends. What is read after it was committed before.
func (e *engine) exclude(tx *statement.Tx, name string) error {
	if e.lock == "" {
		return nil
	}
	_, err := tx.Exec(e.lock, name)
	return err
}
