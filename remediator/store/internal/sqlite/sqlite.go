// Package sqlite opens the SQLite files of a data folder alike: durable commits,
// one connection that writes and some that read, a file that says what it is.
// It is for the packages below store; what is special about SQLite stays here
// and in the schema files.
package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// minVersion is the first SQLite that never loses committed pages when a WAL
// file is reset while another connection checkpoints.
var minVersion = [3]int{3, 51, 3}

// readers bounds the connections that read.
const readers = 4

// busyTimeout is how long a statement waits for a lock, in milliseconds. Only
// another process, such as a backup, can make it wait.
const busyTimeout = 10_000

// ErrOther says that a file is not of the kind expected.
var ErrOther = errors.New("not a file of this kind")

// ErrVersion says that a file is of the kind expected, but of another version.
var ErrVersion = errors.New("made by another version of the program")

// Kind says what a file is.
type Kind struct {
	Name    string // for messages, for example "log.db"
	ID      int32  // application_id: four letters
	Version int    // user_version: of the schema, before the steps
	Schema  string // statements that make an empty file one of this kind
	// Steps lead from each version to the next, the first from Version. A file that
	// lacks some gets them when it is opened to be written.
	Steps []string
}

// newest is the version of a file with every step.
func (k Kind) newest() int { return k.Version + len(k.Steps) }

// DB is an open file.
type DB struct {
	Write *sql.DB // one connection; its transactions take the write lock when they begin
	Read  *sql.DB // several connections that cannot write
}

// Open opens the file, and makes it when there is none. One with older tables is
// brought up. A file with a newer schema, or one that is something else, is refused
// untouched.
func Open(ctx context.Context, path string, kind Kind) (*DB, error) {
	if err := createPrivate(path); err != nil {
		return nil, fmt.Errorf("create %s: %w", kind.Name, err)
	}
	// What is deleted is overwritten: an evidence key that was destroyed, and events
	// that the log no longer keeps, are in no free page of the file.
	write, err := connect(path, "_txlock=immediate&_pragma=synchronous(FULL)&_pragma=fullfsync(1)&_pragma=secure_delete(1)"+
		"&_pragma=temp_store(MEMORY)&_pragma=cache_size(-32768)", 1)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", kind.Name, err)
	}
	db := &DB{Write: write}
	err = prepare(ctx, write, kind, true)
	if err == nil { // only now: the file keeps this mode
		_, err = write.ExecContext(ctx, "PRAGMA journal_mode = WAL")
	}
	if err != nil {
		return nil, Explain(path, errors.Join(fmt.Errorf("open %s: %w", path, err), db.Close()))
	}
	if db.Read, err = connect(path, "mode=ro&_pragma=query_only(1)", readers); err != nil {
		return nil, errors.Join(fmt.Errorf("open %s: %w", path, err), db.Close())
	}
	return db, nil
}

// OpenReadOnly opens an existing file to read only; Write is nil. SQLite keeps an
// index beside a file that others may write. In a folder where it cannot, such as
// an auditor's copy, and without a log of writes that wait, nobody writes: the
// file is then read as it stands.
func OpenReadOnly(ctx context.Context, path string, kind Kind) (*DB, error) {
	if _, err := os.Stat(path); err != nil {
		return nil, fmt.Errorf("open %s: %w", kind.Name, err)
	}
	db, err := openToRead(ctx, path, kind, "")
	var refused *sqlite.Error
	if errors.As(err, &refused) && refused.Code()&0xff == sqlite3.SQLITE_CANTOPEN {
		if _, missing := os.Stat(path + "-wal"); errors.Is(missing, os.ErrNotExist) {
			return openToRead(ctx, path, kind, "&immutable=1")
		}
	}
	return db, err
}

func openToRead(ctx context.Context, path string, kind Kind, options string) (*DB, error) {
	read, err := connect(path, "mode=ro&_pragma=query_only(1)"+options, readers)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", kind.Name, err)
	}
	if err := prepare(ctx, read, kind, false); err != nil {
		return nil, Explain(path, errors.Join(fmt.Errorf("open %s: %w", path, err), read.Close()))
	}
	return &DB{Read: read}, nil
}

// Copy writes a file of a kind as it is at one moment, also beside the process that
// writes it, into a new file that is durable when it returns. What was deleted is not
// in the copy.
func Copy(ctx context.Context, path, into string, kind Kind) error {
	original, err := OpenReadOnly(ctx, path, kind)
	if err != nil {
		return err
	}
	defer original.Close()
	db, err := connect(path, "mode=ro", 1)
	if err != nil {
		return fmt.Errorf("copy %s: %w", kind.Name, err)
	}
	defer db.Close()
	if err := createPrivate(into); err != nil { // it holds keys: nobody else reads it from the first byte on
		return fmt.Errorf("copy %s: %w", kind.Name, err)
	}
	if _, err := db.ExecContext(ctx, "VACUUM INTO ?", into); err != nil {
		return fmt.Errorf("copy %s: %w", kind.Name, err)
	}
	f, err := os.OpenFile(into, os.O_RDWR, 0)
	if err == nil {
		err = errors.Join(f.Sync(), f.Close())
	}
	if err != nil {
		return fmt.Errorf("copy %s: %w", kind.Name, err)
	}
	return nil
}

// Scrub moves all that was written into the file itself and empties the log beside
// it, so that what was deleted is in neither. A reader that is in the way is an error.
func (d *DB) Scrub(ctx context.Context) error {
	var busy, pages, moved int
	if err := d.Write.QueryRowContext(ctx, "PRAGMA wal_checkpoint(TRUNCATE)").Scan(&busy, &pages, &moved); err != nil {
		return fmt.Errorf("scrub file: %w", err)
	}
	if busy != 0 {
		return errors.New("scrub file: somebody reads an earlier state of it")
	}
	return nil
}

// Close closes all connections.
func (d *DB) Close() error {
	var errs []error
	for _, db := range []*sql.DB{d.Read, d.Write} {
		if db != nil {
			errs = append(errs, db.Close())
		}
	}
	return errors.Join(errs...)
}

// createPrivate makes an empty file that only its owner may read, because it
// will hold what customers experienced.
func createPrivate(path string) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	return f.Close()
}

func connect(path, options string, connections int) (*sql.DB, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	name := filepath.ToSlash(abs)
	if !strings.HasPrefix(name, "/") {
		name = "/" + name // a drive letter
	}
	dsn := (&url.URL{Scheme: "file", Path: name, RawQuery: "_pragma=busy_timeout(" +
		strconv.Itoa(busyTimeout) + ")&" + options}).String()
	db, err := sql.Open("sqlite", dsn)
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(connections)
	db.SetMaxIdleConns(connections)
	return db, nil
}

// prepare checks the library and the file, and gives an empty file its schema.
func prepare(ctx context.Context, db *sql.DB, kind Kind, create bool) error {
	var version string
	if err := db.QueryRowContext(ctx, "SELECT sqlite_version()").Scan(&version); err != nil {
		return err
	}
	if err := checkVersion(version); err != nil {
		return err
	}
	tx, err := db.BeginTx(ctx, &sql.TxOptions{ReadOnly: !create})
	if err != nil {
		return err
	}
	defer tx.Rollback()
	var id int32
	var schema, objects int
	if err := tx.QueryRowContext(ctx, "PRAGMA application_id").Scan(&id); err != nil {
		return err
	}
	if err := tx.QueryRowContext(ctx, "PRAGMA user_version").Scan(&schema); err != nil {
		return err
	}
	if err := tx.QueryRowContext(ctx, "SELECT COUNT(*) FROM sqlite_schema").Scan(&objects); err != nil {
		return err
	}
	switch {
	case id == 0 && schema == 0 && objects == 0 && create:
		if _, err := tx.ExecContext(ctx, kind.Schema); err != nil {
			return fmt.Errorf("create schema: %w", err)
		}
		if _, err := tx.ExecContext(ctx, fmt.Sprintf("PRAGMA application_id = %d", kind.ID)); err != nil {
			return err
		}
		return bringUp(ctx, tx, kind, kind.Version)
	case id != kind.ID:
		return fmt.Errorf("%w: want a %s, its application id is %#x", ErrOther, kind.Name, id)
	case schema == kind.newest():
		return nil
	case schema < kind.Version || schema > kind.newest():
		return fmt.Errorf("%w: its tables are of version %d, and this program has those of version %d; go on with the program that made it", ErrVersion, schema, kind.newest())
	case !create:
		return fmt.Errorf("%w: its tables are of version %d, and this program has those of version %d; start the service on it once, which brings them up", ErrVersion, schema, kind.newest())
	}
	return bringUp(ctx, tx, kind, schema)
}

// bringUp takes the steps that a file of a version lacks, all or none.
func bringUp(ctx context.Context, tx *sql.Tx, kind Kind, from int) error {
	for i, step := range kind.Steps[from-kind.Version:] {
		if _, err := tx.ExecContext(ctx, step); err != nil {
			return fmt.Errorf("bring tables up to version %d: %w", from+i+1, err)
		}
	}
	if _, err := tx.ExecContext(ctx, fmt.Sprintf("PRAGMA user_version = %d", kind.newest())); err != nil {
		return err
	}
	return tx.Commit()
}

// checkVersion refuses a library that could lose what was committed.
func checkVersion(version string) error {
	var got [3]int
	if _, err := fmt.Sscanf(version, "%d.%d.%d", &got[0], &got[1], &got[2]); err != nil {
		return fmt.Errorf("read SQLite's version %q: %w", version, err)
	}
	for i := range got {
		if got[i] != minVersion[i] {
			if got[i] > minVersion[i] {
				return nil
			}
			return fmt.Errorf("SQLite %s can lose committed pages, %d.%d.%d or later is needed",
				version, minVersion[0], minVersion[1], minVersion[2])
		}
	}
	return nil
}
