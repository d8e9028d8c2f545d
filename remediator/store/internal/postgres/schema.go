package postgres

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
)

// Schema is the tables of one part of the program. Parts share a schema of the
// database, which holds nothing else.
type Schema struct {
	Part  string   // for messages, for example "log"
	Steps []string // statements that lead from each version to the next, the first from nothing
}

// ErrOlder says that a database needs steps that nobody has asked for.
var ErrOlder = errors.New("its tables are of an older version; bring them up with: makegood migrate")

// Errors of a database that is not what this program expects.
var (
	errNewer    = errors.New("its tables are of a newer version: use the newer program")
	errMissing  = errors.New("it has no tables of makegood")
	errNotEmpty = errors.New("it holds tables that are not makegood's: name an empty database, or add search_path=SCHEMA for an empty schema")
)

// Mode says what may be done to a database whose tables are not those wanted.
type Mode int

// Modes of Prepare.
const (
	Look    Mode = iota // nothing: it must be as wanted
	Create              // an empty database gets its tables
	Migrate             // that, and older tables are brought up
)

// Prepare checks the server and the tables of a part, and makes them as far as
// the mode allows, in one transaction. Several nodes may do it at once. It returns
// the version that was found, 0 for none.
func (s *Server) Prepare(ctx context.Context, schema Schema, mode Mode) (version int, err error) {
	db := s.Pool(1, Limits{Lock: Writing.Lock, ReadOnly: mode == Look})
	defer db.Close()
	tx, err := db.BeginTx(ctx, &sql.TxOptions{ReadOnly: mode == Look})
	if err != nil {
		return 0, fmt.Errorf("connect to database: %w", err)
	}
	defer tx.Rollback()
	if err := check(ctx, tx); err != nil {
		return 0, fmt.Errorf("check database: %w", err)
	}
	if version, err = readVersion(ctx, tx, schema, mode); err != nil {
		return version, fmt.Errorf("check tables of %s: %w", schema.Part, err)
	}
	if version == len(schema.Steps) {
		return version, nil
	}
	for _, step := range schema.Steps[version:] {
		if _, err := tx.ExecContext(ctx, step); err != nil {
			return version, fmt.Errorf("make tables of %s: %w", schema.Part, err)
		}
	}
	if _, err := tx.ExecContext(ctx, `INSERT INTO makegood_schema (part, version) VALUES (?, ?)
		ON CONFLICT (part) DO UPDATE SET version = excluded.version`, schema.Part, len(schema.Steps)); err != nil {
		return version, fmt.Errorf("make tables of %s: %w", schema.Part, err)
	}
	if err := tx.Commit(); err != nil {
		return version, fmt.Errorf("make tables of %s: %w", schema.Part, err)
	}
	return version, nil
}

// readVersion returns the version of the tables, 0 when they are to be made. An
// error says why nothing may be done to them.
func readVersion(ctx context.Context, tx *sql.Tx, schema Schema, mode Mode) (version int, err error) {
	known, empty := false, false
	if mode != Look { // one node at a time
		if _, err := tx.ExecContext(ctx, `SELECT pg_advisory_xact_lock(hashtextextended('makegood_schema ' || current_schema(), 0))`); err != nil {
			return 0, err
		}
	}
	err = tx.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM pg_tables WHERE schemaname = current_schema() AND tablename = 'makegood_schema'),
		NOT EXISTS (SELECT 1 FROM pg_tables WHERE schemaname = current_schema())`).Scan(&known, &empty)
	switch {
	case err != nil:
		return 0, err
	case !known && mode == Look:
		return 0, errMissing
	case !known && !empty:
		return 0, errNotEmpty
	case !known:
		_, err := tx.ExecContext(ctx, `CREATE TABLE makegood_schema (part TEXT PRIMARY KEY, version INT NOT NULL)`)
		return 0, err
	}
	err = tx.QueryRowContext(ctx, `SELECT version FROM makegood_schema WHERE part = ?`, schema.Part).Scan(&version)
	switch {
	case errors.Is(err, sql.ErrNoRows) && mode == Look:
		return 0, errMissing
	case errors.Is(err, sql.ErrNoRows):
		return 0, nil
	case err != nil:
		return 0, err
	case version > len(schema.Steps):
		return version, fmt.Errorf("%w (%d, this program knows %d)", errNewer, version, len(schema.Steps))
	case version < len(schema.Steps) && mode != Migrate:
		return version, fmt.Errorf("%w (%d, this program needs %d)", ErrOlder, version, len(schema.Steps))
	}
	return version, nil
}
