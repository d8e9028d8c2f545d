package ledgerdb

import (
	"context"
	"database/sql"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/ledger"
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

// tamper changes a copy of the ledger and returns what verification finds.
func tamper(t *testing.T, path string, changes ...string) ledger.Report {
	t.Helper()
	to := copyFiles(t, path)
	db, err := sql.Open("sqlite", "file:"+to+"?_pragma=synchronous(OFF)") // nobody pulls the plug here
	if err != nil {
		t.Fatal(err)
	}
	for _, change := range changes {
		result, err := db.Exec(change)
		if err != nil {
			t.Fatalf("%s: %v", change, err)
		}
		if n, err := result.RowsAffected(); err != nil || n == 0 && !strings.HasPrefix(change, "CREATE") && !strings.HasPrefix(change, "ALTER") {
			t.Fatalf("%s changed %d rows, %v", change, n, err)
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	d, err := OpenReadOnly(context.Background(), to)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	_, public := keys(t)
	return verify(t, d, ledger.Options{Key: public})
}

// TestEveryColumnIsCovered changes each column of each sealed table in a random
// row, some times over, and wants the entry named where an entry was changed.
func TestEveryColumnIsCovered(t *testing.T) {
	t.Parallel()
	path := tampered(t)
	random := rand.New(rand.NewPCG(3, 4))
	columns := map[string][]string{}
	d, err := OpenReadOnly(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	for table := range sealedTables {
		rows, err := d.db.Read.Query(`SELECT name FROM pragma_table_info('` + table + `') WHERE name <> 'id'`)
		if err != nil {
			t.Fatal(err)
		}
		for rows.Next() {
			var name string
			if err := rows.Scan(&name); err != nil {
				t.Fatal(err)
			}
			columns[table] = append(columns[table], name)
		}
		rows.Close()
		if !slices.Equal(columns[table], sealedTables[table]) {
			t.Errorf("table %s has the columns %v, this test knows %v", table, columns[table], sealedTables[table])
		}
	}
	defer d.Close()
	const numbers = " seq at ordinal version level idx width size record "
	for table, names := range sealedTables {
		for _, column := range names {
			for range 2 {
				row := random.IntN(301)
				value := column + ` || 'x'`
				switch {
				case column == "seq":
					value = "seq + 1000000"
				case strings.Contains(numbers, " "+column+" "):
					value = column + " + 1"
				case column == "remedy" || column == "action":
					value = "'" + id(fmt.Sprint(row)).String() + "'"
				case column != "kind" && column != "rule" && column != "log_id":
					value = `CAST(substr(` + column + `, 1, length(` + column + `) - 1) || x'00' AS BLOB)`
				}
				where := ""
				switch table {
				case "ledger":
					where = fmt.Sprint(" WHERE seq = ", row)
				case "tile":
					// The largest is moved, so that none stands in its way.
					where = " WHERE rowid = (SELECT MAX(rowid) FROM tile)"
				}
				change := `UPDATE ` + table + ` SET ` + column + ` = ` + value + where
				report := tamper(t, path, change)
				if report.Verified {
					t.Errorf("%s: not found", change)
				}
				if table != "ledger" {
					continue
				}
				if got, named := report.First(); !named || got != int64(row) {
					t.Errorf("%s: named entry %d (%v): %v", change, got, named, report.Findings)
				}
			}
		}
	}
	for range 5 {
		if report := tamper(t, path); !report.Verified {
			t.Errorf("an untouched copy: %v", report.Findings)
		}
	}
}

// TestRowsAreCovered deletes, swaps, copies and inserts rows.
func TestRowsAreCovered(t *testing.T) {
	t.Parallel()
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
		list := strings.Join(names, ", ")
		for _, column := range names {
			for _, value := range []string{"NULL", "1.5"} {
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
}
