package ledgerdb

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/makegood/makegood/remediator/store/postgrestest"
)

// engines runs a test on SQLite and on PostgreSQL. Helpers see from the name of
// the test on which.
func engines(t *testing.T, test func(*testing.T)) {
	t.Parallel()
	for _, name := range []string{"sqlite", "postgres"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t)
		})
	}
}

// serverRuns is how often a test that begins many ledgers does so in PostgreSQL,
// where each begins with making its tables.
const serverRuns = 8

func onServer(t testing.TB) bool { return strings.Contains(t.Name(), "/postgres") }

// newPath returns where a new ledger may lie: a file, or a connection string.
func newPath(t testing.TB) string {
	if onServer(t) {
		return postgrestest.New(t)
	}
	return filepath.Join(t.TempDir(), "ledger.db")
}

// paths is where the ledgers of all tests lie.
var paths sync.Map // *DB → string

// openAt opens a ledger and takes it over, with evidence keys that depend on the
// customer's name alone.
func openAt(t testing.TB, path string) *DB {
	t.Helper()
	d := openBeside(t, path)
	if onServer(t) {
		expire(t, d)
	}
	return d
}

// openBeside opens a ledger; in PostgreSQL it does not take it over.
func openBeside(t testing.TB, path string) *DB {
	t.Helper()
	private, _ := keys(t)
	open := Open
	if onServer(t) {
		open = Connect
	}
	d, err := open(context.Background(), path, Options{Key: private, NewKey: func(customer string) [32]byte {
		return sha256.Sum256([]byte(customer))
	}})
	if err != nil {
		t.Fatal(err)
	}
	paths.Store(d, path)
	t.Cleanup(func() { d.Close() })
	return d
}

// expire ends the term of whoever holds the lease, and takes it for a handle.
func expire(t testing.TB, d *DB) *Lease {
	t.Helper()
	for {
		if _, err := d.db.keep.Exec(`UPDATE lease SET expires = 0`); err != nil {
			t.Fatal(err)
		}
		l, err := d.TryAcquire(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		if l != nil { // else it was renewed in between
			t.Cleanup(func() { l.stop(); <-l.ended })
			return l
		}
	}
}

// copyFiles returns the ledger as a killed process leaves it: a copy of the files
// as they lie on the disk, or what the server has committed.
func copyFiles(t testing.TB, path string) string {
	t.Helper()
	if onServer(t) {
		return path
	}
	to := newPath(t)
	for _, suffix := range []string{"", "-wal"} {
		bytes, err := os.ReadFile(path + suffix)
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(to+suffix, bytes, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return to
}

// path returns where the ledger lies.
func (w *world) path() string {
	path, _ := paths.Load(w.db)
	return path.(string)
}

// inPostgres are forms of SQL that the tests write for SQLite, and what they are in
// PostgreSQL.
var inPostgres = []struct{ from, to string }{
	{`CAST\(replace\((\w+), '(\w+)', '(\w+)'\) AS BLOB\)`, `convert_to(replace(convert_from($1, 'UTF8'), '$2', '$3'), 'UTF8')`},
	{`instr\((\w+), ('[^']+')\)`, `position($2::BYTEA IN $1)`},
	{`CAST\(substr\((\w+), 1, length\(\w+\) - 1\) \|\| x'00' AS BLOB\)`, `substring($1 from 1 for length($1) - 1) || '\x00'::BYTEA`},
	{`CAST\('(\w+)' AS BLOB\)`, `'$1'::BYTEA`},
	{`zeroblob\(([^)]*)\)`, `decode(repeat('00', ($1)::INT), 'hex')`},
}

// translate returns a statement that changes a ledger behind its back as the
// test's engine has it.
func translate(t testing.TB, query string) string {
	if onServer(t) {
		for _, form := range inPostgres {
			query = regexp.MustCompile(form.from).ReplaceAllString(query, form.to)
		}
	}
	return query
}

// change runs SQL on the tables behind the ledger's back.
func (w *world) change(query string, args ...any) {
	w.t.Helper()
	query = translate(w.t, query)
	result, err := w.db.db.Write.Exec(query, args...)
	if err != nil {
		w.t.Fatalf("%s: %v", query, err)
	}
	if n, err := result.RowsAffected(); err != nil || n == 0 {
		w.t.Fatalf("%s changed %d rows, %v", query, n, err)
	}
}

// columnsOf returns the tables and what to compare of each. In PostgreSQL numbers
// that the server gave out have gaps where a transaction was given up, and the
// lease has times in it.
func columnsOf(t testing.TB, d *DB) map[string]string {
	t.Helper()
	query := `SELECT m.name, group_concat(c.name) FROM sqlite_schema AS m JOIN pragma_table_info(m.name) AS c WHERE m.type = 'table' GROUP BY m.name`
	if onServer(t) {
		query = `SELECT table_name::TEXT, string_agg(column_name::TEXT, ',' ORDER BY ordinal_position) FROM information_schema.columns
			WHERE table_schema = current_schema() AND is_identity = 'NO' AND table_name NOT IN ('lease', 'node', 'makegood_schema') GROUP BY table_name`
	}
	rows, err := d.db.Read.Query(query)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	tables := map[string]string{}
	for rows.Next() {
		var name, columns string
		if err := rows.Scan(&name, &columns); err != nil {
			t.Fatal(err)
		}
		tables[name] = columns
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return tables
}

// TestSchemasAgree holds that both engines have the same tables and columns, in
// the same order.
func TestSchemasAgree(t *testing.T) {
	t.Parallel()
	found := map[string]map[string]string{}
	t.Run("each", func(t *testing.T) {
		for _, name := range []string{"sqlite", "postgres"} {
			t.Run(name, func(t *testing.T) { found[name] = columnsOf(t, newWorld(t).db) })
		}
	})
	file, server := found["sqlite"], found["postgres"]
	server["lease"] = file["lease"]               // it has more in it
	server["payment"] = "id," + server["payment"] // its id is an identity
	for name, columns := range file {
		if server[name] != columns {
			t.Errorf("table %s has the columns %s in SQLite, %s in PostgreSQL", name, columns, server[name])
		}
		delete(server, name)
	}
	if len(file) < 20 || len(server) > 0 {
		t.Errorf("%d tables in SQLite, %v only in PostgreSQL", len(file), server)
	}
}

// dump returns all rows of all tables, for comparing.
func dump(t testing.TB, d *DB) string {
	t.Helper()
	var text string
	tables := columnsOf(t, d)
	for _, name := range slices.Sorted(maps.Keys(tables)) {
		rows, err := d.db.Read.Query(`SELECT ` + tables[name] + ` FROM ` + name)
		if err != nil {
			t.Fatal(err)
		}
		text += dumpRows(t, name, rows)
	}
	if text == "" {
		t.Fatal("nothing to dump")
	}
	return text
}

// dumpRows sorts, since the order in which rows are stored says nothing.
func dumpRows(t testing.TB, name string, rows *sql.Rows) string {
	t.Helper()
	columns, err := rows.Columns()
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for rows.Next() {
		values, into := make([]any, len(columns)), make([]any, len(columns))
		for i := range values {
			into[i] = &values[i]
		}
		if err := rows.Scan(into...); err != nil {
			t.Fatal(err)
		}
		lines = append(lines, fmt.Sprintf("%s %v\n", name, values))
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		t.Fatal(err)
	}
	slices.Sort(lines)
	return strings.Join(lines, "")
}
