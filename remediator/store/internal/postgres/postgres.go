// Package postgres connects to PostgreSQL for the packages below store: pools with
// limits on how long a statement, a lock and an idle transaction last, a schema
// that is made and stepped, and notifications. What is special about PostgreSQL
// stays here, in the schema files and in package dialect.
//
// SQL is written with ? for parameters, as for SQLite; the pools number them. A
// text may hold any bytes, also those that PostgreSQL has no place for: they are
// escaped on the way in and restored on the way out.
package postgres

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"strconv"
	"sync"
	"time"

	"github.com/lib/pq"
)

const (
	// connectTimeout is how long making a connection may take, unless the
	// connection string says otherwise.
	connectTimeout = 5 * time.Second
	// deadAfter is how long the other side of a connection may be silent to the
	// network before the connection, with its locks, is given up.
	deadAfter = 10 * time.Second
)

// Limits of the connections of a pool. They hold in the server, so that a node
// that froze does not keep others waiting. Zero is no limit.
type Limits struct {
	Statement time.Duration // one statement
	Lock      time.Duration // waiting for one lock
	Idle      time.Duration // an open transaction in which nothing happens
	ReadOnly  bool          // nothing can be written
}

// Limits of the pools: writing is many short statements, reading may be a sum over
// a large table. Whoever waits longer for a lock than an append or a commit ever
// takes is told so, and tries again.
var (
	Writing = Limits{Statement: 30 * time.Second, Lock: 10 * time.Second, Idle: 10 * time.Second}
	Reading = Limits{Statement: 2 * time.Minute, Lock: 10 * time.Second, Idle: 2 * time.Minute, ReadOnly: true}
)

// Server is where a database is. It holds no connection itself.
type Server struct {
	dsn   string
	cfg   pq.Config
	texts sync.Map // statement with ? → numbered
}

// ErrString says that a connection string is not one.
var ErrString = errors.New("no connection string like postgres://user@host/database?sslmode=verify-full")

// Parse reads a connection string, a URL or words like host=... . It demands that
// the string, or PGSSLMODE, says how far the network is trusted: the driver's own
// default encrypts and believes whoever answers. Errors never repeat the string,
// which may hold a password.
func Parse(dsn string) (*Server, error) {
	if dsn == "" {
		return nil, fmt.Errorf("read database: %w", ErrString)
	}
	cfg, err := pq.NewConfig(dsn)
	if err != nil {
		if _, unset := pq.NewConfig(""); unset != nil {
			return nil, fmt.Errorf("read the variables PG...: %w", unset)
		}
		return nil, fmt.Errorf("read database: %w", ErrString)
	}
	if cfg.SSLMode == "" {
		return nil, errors.New("read database: add sslmode=verify-full, or sslmode=disable on a network that you trust: without it nobody has said how the connection is protected")
	}
	if cfg.ConnectTimeout == 0 {
		cfg.ConnectTimeout = connectTimeout
	}
	if cfg.ApplicationName == "" {
		cfg.ApplicationName = "makegood"
	}
	return &Server{dsn: dsn, cfg: cfg}, nil
}

// Pool returns a pool of up to n connections. It dials when it is used.
func (s *Server) Pool(n int, l Limits) *sql.DB {
	cfg := s.cfg
	cfg.BinaryParameters = true // one round trip for each statement, and bytes as they are
	runtime := map[string]string{
		// Package ledgerdb says why this level does.
		"default_transaction_isolation":       "read committed",
		"statement_timeout":                   milliseconds(l.Statement),
		"lock_timeout":                        milliseconds(l.Lock),
		"idle_in_transaction_session_timeout": milliseconds(l.Idle),
		"tcp_user_timeout":                    milliseconds(deadAfter),
	}
	if l.ReadOnly { // who writes leaves it to the server, which is told to refuse before its disk is full
		runtime["default_transaction_read_only"] = "on"
	}
	maps.Copy(runtime, cfg.Runtime) // what the connection string names stands
	cfg.Runtime = runtime
	db := sql.OpenDB(&connector{server: s, cfg: cfg})
	db.SetMaxOpenConns(n)
	db.SetMaxIdleConns(n)
	return db
}

func milliseconds(d time.Duration) string { return strconv.FormatInt(d.Milliseconds(), 10) }

// minVersion is the oldest server that the tests run on.
const minVersion = 150000

// check refuses a server that would lose or change what it is given.
func check(ctx context.Context, tx *sql.Tx) error {
	var version int
	var encoding, commits string
	err := tx.QueryRowContext(ctx, `SELECT current_setting('server_version_num'), current_setting('server_encoding'), current_setting('synchronous_commit')`).
		Scan(&version, &encoding, &commits)
	switch {
	case err != nil:
		return err
	case version < minVersion:
		return fmt.Errorf("the server is PostgreSQL %d, %d or later is needed", version/10000, minVersion/10000)
	case encoding != "UTF8":
		return fmt.Errorf("the database is encoded as %s, UTF8 is needed", encoding)
	case commits == "off":
		return errors.New("synchronous_commit is off: the server would lose what it said it had stored; set it on")
	}
	return nil
}
