package ledgerdb

import (
	"database/sql"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/ledger"
	"github.com/makegood/makegood/remediator/store/internal/postgres"
)

// sealedTables are the tables that verification covers, with all columns that
// somebody could change.
var sealedTables = map[string][]string{
	"ledger":     {"seq", "kind", "at", "ordinal", "version", "remedy", "action", "rule", "body", "leaf"},
	"tile":       {"level", "idx", "width", "hashes"},
	"checkpoint": {"size", "root", "note"},
	"applied":    {"log_id", "record", "ordinal", "at", "digest", "version", "size", "note"},
}

// tampered returns the ledger's file of a world with enough entries for several
// tiles and levels.
func tampered(t *testing.T) string {
	t.Helper()
	w := newWorld(t)
	for n := range 5 {
		var all decide.Output
		for i := range 30 {
			out := w.refund(fmt.Sprint(n, "-", i))
			all.Items, all.Keys, all.Outbox = append(all.Items, out.Items...), append(all.Keys, out.Keys...), append(all.Outbox, out.Outbox...)
		}
		w.commit(&all)
	}
	mustVerify(t, w.db)
	path := w.path()
	if err := w.db.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

// tamper changes the ledger and returns what verification finds. What it changed
// is not there for the next.
func tamper(t *testing.T, path string, changes ...string) ledger.Report {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+copyFiles(t, path)+"?_pragma=synchronous(OFF)") // nobody pulls the plug here
	if onServer(t) {
		e, connectErr := connect(t.Context(), path, postgres.Create)
		db, err = e.Write, connectErr
		defer e.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	tx, err := db.Begin()
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback()
	for _, change := range changes {
		result, err := tx.Exec(translate(t, change))
		if err != nil {
			t.Fatalf("%s: %v", change, err)
		}
		if n, err := result.RowsAffected(); err != nil || n == 0 && !strings.HasPrefix(change, "CREATE") && !strings.HasPrefix(change, "ALTER") {
			t.Fatalf("%s changed %d rows, %v", change, n, err)
		}
	}
	_, public := keys(t)
	report, err := ledger.Verify(t.Context(), source{tx}, ledger.Options{Key: public})
	if err != nil {
		t.Fatal(err)
	}
	return report
}

// TestTablesAreKnown holds that sealedTables names every column there is.
func TestTablesAreKnown(t *testing.T) { engines(t, testTablesAreKnown) }

func testTablesAreKnown(t *testing.T) {
	tables := columnsOf(t, newWorld(t).db)
	for table, want := range sealedTables {
		got := strings.TrimPrefix(tables[table], "id,")
		if got != strings.Join(want, ",") {
			t.Errorf("table %s has the columns %s, the tests know %v", table, got, want)
		}
	}
}

// TestEveryColumnIsCovered changes each column of each sealed table in a random
// row, and wants the entry named where an entry was changed.
func TestEveryColumnIsCovered(t *testing.T) { engines(t, testEveryColumnIsCovered) }

func testEveryColumnIsCovered(t *testing.T) {
	path := tampered(t)
	random := rand.New(rand.NewPCG(3, 4))
	for table, names := range sealedTables {
		for _, column := range names {
			row := random.IntN(301)
			where := map[string]string{
				"ledger": fmt.Sprint(" WHERE seq = ", row),
				"tile":   " WHERE (level, idx) = (SELECT level, idx FROM tile ORDER BY level DESC, idx DESC LIMIT 1)", // none stands in the way of the last
			}[table]
			change := `UPDATE ` + table + ` SET ` + column + ` = ` + otherValue(column, row) + where
			report := tamper(t, path, change)
			if report.Verified {
				t.Errorf("%s: not found", change)
			}
			if got, named := report.First(); table == "ledger" && (!named || got != int64(row)) {
				t.Errorf("%s: named entry %d (%v): %v", change, got, named, report.Findings)
			}
		}
	}
	if report := tamper(t, path); !report.Verified {
		t.Errorf("an untouched copy: %v", report.Findings)
	}
}

// otherValue is SQL for a value that a column could have and has not.
func otherValue(column string, row int) string {
	const numbers = " at ordinal version level idx width size record "
	switch {
	case column == "seq":
		return "seq + 1000000"
	case strings.Contains(numbers, " "+column+" "):
		return column + " + 1"
	case column == "remedy" || column == "action":
		return "'" + id(fmt.Sprint(row)).String() + "'"
	case column == "kind" || column == "rule" || column == "log_id":
		return column + " || 'x'"
	}
	return `CAST(substr(` + column + `, 1, length(` + column + `) - 1) || x'00' AS BLOB)`
}

// TestRowsAreCovered deletes, swaps, copies and inserts rows.
func TestRowsAreCovered(t *testing.T) { engines(t, testRowsAreCovered) }

func testRowsAreCovered(t *testing.T) {
	path := tampered(t)
	const others = `kind, at, ordinal, version, remedy, action, rule, body, leaf`
	for name, c := range map[string]struct {
		entry   int64 // to be named; -1: none
		changes []string
	}{
		"deleted entry":      {41, []string{`DELETE FROM ledger WHERE seq = 41`}},
		"deleted last entry": {300, []string{`DELETE FROM ledger WHERE seq = 300`}},
		"swapped entries": {41, []string{
			`UPDATE ledger SET seq = -1 WHERE seq = 41`, `UPDATE ledger SET seq = 41 WHERE seq = 43`, `UPDATE ledger SET seq = 43 WHERE seq = -1`}},
		"copied entry":       {41, []string{`DELETE FROM ledger WHERE seq = 41`, `INSERT INTO ledger (seq, ` + others + `) SELECT 41, ` + others + ` FROM ledger WHERE seq = 3`}},
		"added entry":        {301, []string{`INSERT INTO ledger (seq, ` + others + `) SELECT 301, ` + others + ` FROM ledger WHERE seq = 3`}},
		"added in front":     {-5, []string{`INSERT INTO ledger (seq, ` + others + `) SELECT -5, ` + others + ` FROM ledger WHERE seq = 3`}},
		"deleted tile":       {-1, []string{`DELETE FROM tile WHERE level = 0 AND idx = 1`}},
		"added tile":         {-1, []string{`INSERT INTO tile SELECT 0, 9, width, hashes FROM tile WHERE level = 0 AND idx = 1`}},
		"swapped tiles":      {-1, []string{`UPDATE tile SET idx = 9 WHERE level = 0 AND idx = 0`, `UPDATE tile SET idx = 0 WHERE level = 0 AND idx = 1`, `UPDATE tile SET idx = 1 WHERE level = 0 AND idx = 9`}},
		"deleted checkpoint": {-1, []string{`DELETE FROM checkpoint`}},
		"deleted position":   {-1, []string{`DELETE FROM applied`}},
	} {
		report := tamper(t, path, c.changes...)
		if report.Verified {
			t.Errorf("%s: not found", name)
		}
		if got, named := report.First(); c.entry != -1 && (!named || got != c.entry) {
			t.Errorf("%s: named entry %d (%v), want %d: %v", name, got, named, c.entry, report.Findings)
		}
	}
}

// TestOddValuesAreFaults replaces a table by one that holds anything, as somebody
// with the file can, and puts values of other types into it.
func TestOddValuesAreFaults(t *testing.T) {
	t.Parallel()
	path := tampered(t)
	where := map[string]string{"ledger": " WHERE seq = 7", "tile": " WHERE level = 0 AND idx = 1"}
	for table, names := range sealedTables {
		if where[table] == "" {
			names = append([]string{"id"}, names...) // a table of one row
		}
		list := strings.Join(names, ", ")
		for i, column := range names {
			value := []string{"NULL", "1.5"}[i%2]
			report := tamper(t, path,
				`CREATE TABLE odd (`+list+`)`,
				`INSERT INTO odd SELECT `+list+` FROM `+table,
				`DELETE FROM `+table,
				`UPDATE odd SET `+column+` = `+value+where[table],
				`ALTER TABLE `+table+` RENAME TO before`,
				`ALTER TABLE odd RENAME TO `+table,
			)
			if report.Verified {
				t.Errorf("%s.%s = %s: not found", table, column, value)
			}
		}
	}
}
