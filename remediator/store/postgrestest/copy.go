package postgrestest

import (
	"database/sql"
	"strings"
	"testing"

	"github.com/lib/pq"
)

// Copy keeps the rows of all tables of a schema as they are now. What it returns puts
// them back in the place of those that are there then, as a restore from a backup does.
func Copy(t testing.TB, dsn string) (putBack func()) {
	t.Helper()
	db, err := sql.Open("postgres", dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	run := func(statements ...string) {
		t.Helper()
		if _, err := db.Exec(strings.Join(statements, ";\n")); err != nil {
			t.Fatalf("copy tables: %v", err)
		}
	}
	var tables pq.StringArray
	if err := db.QueryRow(`SELECT array_agg(tablename::text) FROM pg_tables WHERE schemaname = current_schema()`).Scan(&tables); err != nil {
		t.Fatalf("list tables: %v", err)
	}
	var keep, empty, fill []string
	for _, name := range tables {
		table, kept := pq.QuoteIdentifier(name), pq.QuoteIdentifier("kept_"+name)
		keep = append(keep, `CREATE TABLE `+kept+` AS TABLE `+table)
		empty = append(empty, `TRUNCATE `+table)
		fill = append(fill, `INSERT INTO `+table+` OVERRIDING SYSTEM VALUE TABLE `+kept)
	}
	run(keep...)
	return func() {
		t.Helper()
		run(append(empty, fill...)...)
	}
}
