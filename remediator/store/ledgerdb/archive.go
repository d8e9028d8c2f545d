package ledgerdb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/makegood/makegood/remediator/store/internal/postgres"
	"github.com/makegood/makegood/remediator/store/internal/statement"
	"github.com/makegood/makegood/remediator/store/views"
)

// ErrNotEmpty says that a database has a ledger already.
var ErrNotEmpty = errors.New("the database holds a ledger: name an empty one, or add search_path=SCHEMA for an empty schema")

// ErrUnsure says that a database may hold what was put into it, or hold it soon: the
// answer to the commit did not come.
var ErrUnsure = errors.New("whether the database has it is not known")

// Tables and columns that are not copied from one database to another: who is there
// now, and numbers that the database gives itself.
const (
	passingTables = `'lease', 'node'`
	ownNumber     = "id"      // in the table
	ownNumbers    = "payment" // alone
)

// CopyServer writes the ledger in PostgreSQL as it is now into a new SQLite file,
// beside the nodes that share it. All tables are of one moment.
func CopyServer(ctx context.Context, dsn, into string) (err error) {
	db, err := wholeServer(ctx, dsn, postgres.Look)
	if err != nil {
		return fmt.Errorf("copy ledger: %w", err)
	}
	defer db.Close()
	file, err := openFile(ctx, into)
	if err != nil {
		return fmt.Errorf("copy ledger: %w", err)
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	from, err := db.BeginTx(ctx, &sql.TxOptions{ReadOnly: true, Isolation: sql.LevelRepeatableRead})
	if err != nil {
		return fmt.Errorf("copy ledger: %w", err)
	}
	defer from.Rollback()
	if err := copyTables(ctx, file.Read, from, file.Write, nil); err != nil {
		return fmt.Errorf("copy ledger: %w", err)
	}
	return nil
}

// FillServer makes the ledger in an empty PostgreSQL database that of a SQLite file,
// whole or not at all, and with ErrUnsure one or the other. A database with a ledger is
// ErrNotEmpty. The brake is set from
// the first moment, as Brake does: nodes carry out what is due before they have folded
// the command of its id. With a succession the ledger goes on under a new origin, as
// after Reseal; nil: under its own.
func FillServer(ctx context.Context, path, dsn string, brake views.Brake, s *Succession) error {
	file, err := openFileReadOnly(ctx, path)
	if err != nil {
		return fmt.Errorf("restore ledger: %w", err)
	}
	defer file.Close()
	var end resealed
	if s != nil {
		if end, err = resealFile(ctx, file, *s); err != nil {
			return fmt.Errorf("restore ledger: %w", err)
		}
	}
	db, err := wholeServer(ctx, dsn, postgres.Create)
	if err != nil {
		return fmt.Errorf("restore ledger: %w", err)
	}
	defer db.Close()
	var used bool
	if err := db.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM applied) OR EXISTS (SELECT 1 FROM ledger)`).Scan(&used); err != nil {
		return fmt.Errorf("restore ledger: %w", err)
	}
	if used {
		return fmt.Errorf("restore ledger: %w", ErrNotEmpty)
	}
	from, err := file.Read.BeginTx(ctx, file.moment)
	if err != nil {
		return fmt.Errorf("restore ledger: %w", err)
	}
	defer from.Rollback()
	err = copyTables(ctx, file.Read, from, db, func(into *statement.Tx) error {
		_, err := into.Exec(`INSERT INTO brake (target, id, by_whom, at, ordinal) VALUES (?, ?, ?, ?, 0)`, brake.Target, brake.ID, brake.By, brake.At.UnixNano())
		if err == nil && s != nil {
			err = end.write(into)
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("restore ledger: %w", err)
	}
	return nil
}

// wholeServer connects for reading or writing all there is, however long a statement
// takes.
func wholeServer(ctx context.Context, dsn string, mode postgres.Mode) (*sql.DB, error) {
	server, err := postgres.Parse(dsn)
	if err != nil {
		return nil, err
	}
	if _, err := server.Prepare(ctx, serverSchema, mode); err != nil {
		return nil, err
	}
	return server.Pool(1, postgres.Limits{Lock: postgres.Writing.Lock, ReadOnly: mode == postgres.Look}), nil
}

// copyTables puts all rows of one database in the place of those of another, and then
// others, in one transaction. File is the one of the two that is a SQLite file: it tells which tables
// there are, in both.
func copyTables(ctx context.Context, file *sql.DB, from *sql.Tx, to *sql.DB, then func(*statement.Tx) error) error {
	names, err := tableNames(ctx, file)
	if err != nil {
		return err
	}
	cache := statement.NewCache(to)
	defer cache.Close()
	into, err := cache.Begin(ctx)
	if err != nil {
		return err
	}
	defer into.Rollback()
	for _, name := range names {
		if err := copyTable(ctx, file, name, from, into); err != nil {
			return fmt.Errorf("table %s: %w", name, err)
		}
	}
	if then != nil {
		if err := then(into); err != nil {
			return err
		}
	}
	if err := into.Commit(); err != nil {
		return fmt.Errorf("%w: %w", ErrUnsure, err)
	}
	return nil
}

func copyTable(ctx context.Context, file *sql.DB, name string, from *sql.Tx, into *statement.Tx) error {
	columns, err := columnNames(ctx, file, name)
	if err != nil {
		return err
	}
	if _, err := into.Exec(`DELETE FROM ` + name); err != nil { // what an empty ledger begins with
		return err
	}
	first := columns[0]
	if name == ownNumbers {
		columns = slices.DeleteFunc(columns, func(column string) bool { return column == ownNumber })
	}
	list := strings.Join(columns, ", ")
	rows, err := from.QueryContext(ctx, fmt.Sprintf(`SELECT %s FROM %s ORDER BY %s`, list, name, first))
	if err != nil {
		return err
	}
	_, err = into.Copy(rows, fmt.Sprintf(`INSERT INTO %s (%s)`, name, list))
	return err
}

// tableNames lists the tables of a SQLite file that are copied.
func tableNames(ctx context.Context, file *sql.DB) (names []string, err error) {
	rows, err := file.QueryContext(ctx, `SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%' AND name NOT IN (`+passingTables+`) ORDER BY name`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return nil, err
		}
		names = append(names, name)
	}
	return names, rows.Err()
}

func columnNames(ctx context.Context, file *sql.DB, table string) ([]string, error) {
	rows, err := file.QueryContext(ctx, `SELECT * FROM `+table+` LIMIT 0`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	return rows.Columns()
}
