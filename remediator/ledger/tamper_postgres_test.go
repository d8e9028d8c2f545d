package ledger_test

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"errors"
	"strconv"
	"strings"
	"testing"

	"github.com/makegood/makegood/remediator/ledger"
	"github.com/makegood/makegood/remediator/store/ledgerdb"
	"github.com/makegood/makegood/remediator/store/postgrestest"
)

// numbered gives the rows of a sealed table a number that stays, as SQLite has it:
// that of an entry is its sequence.
var numbered = map[string]string{
	"ledger": "seq", "tile": "ROW_NUMBER() OVER (ORDER BY level, idx)", "checkpoint": "id", "applied": "id",
}

// schema is a ledger in PostgreSQL, open to change and to be verified: connecting anew
// takes longer than either.
type schema struct {
	raw    *sql.DB
	reader *ledgerdb.DB
}

// mended brings sealed tables back to their copies, row by row: making them anew
// would write their files anew.
func mended() string {
	var b strings.Builder
	for _, table := range sealedTables {
		b.WriteString(strings.ReplaceAll(`
			DELETE FROM @ x USING (SELECT * FROM @ EXCEPT SELECT * FROM kept_@) other WHERE x.rowid = other.rowid;
			INSERT INTO @ SELECT * FROM kept_@ EXCEPT SELECT * FROM @;`, "@", table))
	}
	return b.String()
}

// onPostgres changes schemas. There is one for each worker, and before each change its
// sealed tables are mended.
func onPostgres(t *testing.T, seed uint64, workers int) (e engine, size int64) {
	t.Helper()
	free := make(chan schema, workers)
	for range workers {
		at, entries := serverLedger(t, seed)
		reader, err := ledgerdb.ConnectReadOnly(t.Context(), at)
		if err != nil {
			t.Fatal(err)
		}
		raw := openServer(t, at)
		t.Cleanup(func() { _, _ = reader.Close(), raw.Close() })
		free <- schema{raw, reader}
		size = entries
	}
	return engine{
		rowID: "rowid",
		bind: func(query string) string {
			var b strings.Builder
			parts := strings.Split(query, "?")
			for i, part := range parts[:len(parts)-1] {
				b.WriteString(part + "$" + strconv.Itoa(i+1))
			}
			return b.String() + parts[len(parts)-1]
		},
		// No text of PostgreSQL holds what is not UTF-8.
		refuses: func(err error) bool { return strings.Contains(err.Error(), "invalid byte sequence") },
		restore: func(t *testing.T, _ []byte) (*sql.DB, func(ledger.Options) ledger.Report) {
			t.Helper()
			at := <-free
			if _, err := at.raw.ExecContext(t.Context(), mended()); err != nil {
				t.Fatal(err)
			}
			return at.raw, func(o ledger.Options) ledger.Report {
				defer func() { free <- at }()
				return verifyOpen(t, at.reader, o)
			}
		},
	}, size
}

func openServer(t *testing.T, at string) *sql.DB {
	t.Helper()
	db, err := sql.Open("postgres", at)
	if err != nil {
		t.Fatal(err)
	}
	return db
}

// serverLedger makes a ledger in PostgreSQL with copies of its sealed tables.
func serverLedger(t *testing.T, seed uint64) (at string, size int64) {
	t.Helper()
	private, public := sqliteKey(t, seed)
	at = postgrestest.New(t)
	db, err := ledgerdb.Connect(t.Context(), at, ledgerdb.Options{
		Key: private, NewKey: func(customer string) [32]byte { return sha256.Sum256([]byte(customer)) },
	})
	if err != nil {
		t.Fatal(err)
	}
	lease, err := db.TryAcquire(t.Context())
	if err != nil || lease == nil {
		t.Fatalf("lease %v, %v", lease, err)
	}
	commitTo(t, db, newHistory(t, seed, testLog, public).commits(30, 50), func(i int, _ *ledgerdb.DB) {
		if i == 29 {
			if err := lease.Release(context.Background()); err != nil {
				t.Fatal(err)
			}
		}
	})
	raw := openServer(t, at)
	for _, table := range sealedTables {
		if _, err := raw.ExecContext(t.Context(), `CREATE TABLE kept_`+table+` AS SELECT *, (`+numbered[table]+`)::BIGINT AS rowid FROM `+table+`;
			ALTER TABLE `+table+` ADD COLUMN rowid BIGINT;
			TRUNCATE `+table+`; INSERT INTO `+table+` SELECT * FROM kept_`+table); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(raw.QueryRowContext(t.Context(), `SELECT COUNT(*) FROM ledger`).Scan(&size), raw.Close()); err != nil || size < 1000 {
		t.Fatalf("a ledger of %d entries, %v", size, err)
	}
	return at, size
}

// TestEveryChangeOnPostgresIsFound is TestEveryChangeThroughSQLIsFound for a ledger in
// PostgreSQL.
func TestEveryChangeOnPostgresIsFound(t *testing.T) {
	t.Parallel()
	e, size := onPostgres(t, 1, tamperers)
	e.changeEverything(t, nil, size)
}
