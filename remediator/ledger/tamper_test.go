package ledger_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	_ "modernc.org/sqlite" // the tamperer's way in

	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/ledger"
	"github.com/makegood/makegood/remediator/store/ledgerdb"
)

// tamperers is how many change ledgers at once.
const tamperers = 2

// The tables whose every column is sealed.
var sealedTables = []string{"ledger", "tile", "checkpoint", "applied"}

// commitAll writes a history to a new SQLite ledger. after is called with the
// number of each commit once it is done.
func commitAll(t testing.TB, path, private string, commits []commit, after func(i int, db *ledgerdb.DB)) {
	t.Helper()
	db, err := ledgerdb.Open(context.Background(), path, ledgerdb.Options{
		Key: private, NewKey: func(customer string) [32]byte { return sha256.Sum256([]byte(customer)) },
	})
	if err != nil {
		t.Fatal(err)
	}
	commitTo(t, db, commits, after)
}

// commitTo is commitAll to a ledger that is open and empty, and closes it.
func commitTo(t testing.TB, db *ledgerdb.DB, commits []commit, after func(i int, db *ledgerdb.DB)) {
	t.Helper()
	from := decide.Position{}
	for i, c := range commits {
		if err := db.Commit(context.Background(), from, c.position, c.output); err != nil {
			t.Fatal(err)
		}
		from = c.position
		if after != nil {
			after(i, db)
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
}

// verifyFile verifies a SQLite ledger as an auditor does.
func verifyFile(t testing.TB, path string, opts ledger.Options) ledger.Report {
	t.Helper()
	db, err := ledgerdb.OpenReadOnly(context.Background(), path)
	if err != nil {
		t.Fatal(err)
	}
	return verifyAndClose(t, db, opts)
}

func verifyAndClose(t testing.TB, db *ledgerdb.DB, opts ledger.Options) ledger.Report {
	t.Helper()
	defer db.Close()
	return verifyOpen(t, db, opts)
}

func verifyOpen(t testing.TB, db *ledgerdb.DB, opts ledger.Options) ledger.Report {
	t.Helper()
	src, release, err := db.Source(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	defer release()
	return verify(t, src, opts)
}

func sqliteKey(t testing.TB, seed uint64) (private, public string) {
	t.Helper()
	private, public, err := ledger.NewKey(seeded(seed), ledger.Origin(testLog))
	if err != nil {
		t.Fatal(err)
	}
	return private, public
}

// tamperer changes a copy of a ledger through SQL.
type tamperer struct {
	engine
	t    *testing.T
	rng  *rand.Rand
	db   *sql.DB
	size int64
}

// change is one change with what verification must say of it.
type change struct {
	what    string
	entries []int64 // sequences that must be named, these and no others
	first   bool    // only the first of entries is held to: later ones have moved too
	place   string  // that must be named when no entry is
	refused bool    // the database itself refused it
}

// engine is a kind of database whose ledgers are changed.
type engine struct {
	rowID string                    // the expression that names a row, whatever its columns hold
	bind  func(query string) string // writes the place of a parameter as the engine wants it
	// refuses reports whether an error says that the engine has no place for a value.
	refuses func(err error) bool
	// restore makes a database of its own from a ledger, open to change, and returns
	// how it is verified, after which it is changed no more.
	restore func(t *testing.T, original []byte) (db *sql.DB, verify func(ledger.Options) ledger.Report)
}

// onSQLite changes files.
var onSQLite = engine{
	rowID:   "rowid",
	bind:    func(query string) string { return query },
	refuses: func(error) bool { return false },
	restore: func(t *testing.T, original []byte) (*sql.DB, func(ledger.Options) ledger.Report) {
		t.Helper()
		path := filepath.Join(t.TempDir(), "ledger.db")
		if err := os.WriteFile(path, original, 0o600); err != nil {
			t.Fatal(err)
		}
		db, err := sql.Open("sqlite", "file:"+filepath.ToSlash(path)+"?_pragma=synchronous(OFF)")
		if err != nil {
			t.Fatal(err)
		}
		return db, func(o ledger.Options) ledger.Report {
			if err := db.Close(); err != nil {
				t.Fatal(err)
			}
			return verifyFile(t, path, o)
		}
	},
}

// tamperCopy copies the ledger, has it changed and returns what verification says.
func (e engine) tamperCopy(t *testing.T, original []byte, rng *rand.Rand, size int64, run func(*tamperer) change) (change, ledger.Report) {
	t.Helper()
	db, verify := e.restore(t, original)
	db.SetMaxOpenConns(1)
	c := run(&tamperer{t: t, engine: e, rng: rng, db: db, size: size})
	return c, verify(ledger.Options{})
}

func (x *tamperer) exec(query string, args ...any) {
	x.t.Helper()
	if _, err := x.db.Exec(x.bind(query), args...); err != nil {
		x.t.Fatalf("%s: %v", query, err)
	}
}

// row returns the rowid of a random row.
func (x *tamperer) row(table string) (id int64) {
	x.t.Helper()
	var n int64
	if err := x.db.QueryRow(`SELECT COUNT(*) FROM ` + table).Scan(&n); err != nil {
		x.t.Fatal(err)
	}
	if err := x.db.QueryRow(x.bind(`SELECT `+x.rowID+` FROM `+table+` ORDER BY `+x.rowID+` LIMIT 1 OFFSET ?`), x.rng.Int64N(n)).Scan(&id); err != nil {
		x.t.Fatal(err)
	}
	return id
}

// other returns a value that differs from the one given: a slip, an
// extreme, or what another row holds.
func (x *tamperer) other(table, column string, value any) any {
	x.t.Helper()
	for {
		var other any
		if err := x.db.QueryRow(x.bind(`SELECT `+column+` FROM `+table+` WHERE `+x.rowID+` = ?`), x.row(table)).Scan(&other); err != nil {
			x.t.Fatal(err)
		}
		if x.rng.IntN(4) > 0 {
			other = x.slip(value)
		}
		switch v := other.(type) {
		case []byte:
			if !bytes.Equal(v, value.([]byte)) {
				return other
			}
		default:
			if other != value {
				return other
			}
		}
	}
}

func (x *tamperer) slip(value any) any {
	switch v := value.(type) {
	case int64:
		return []int64{v + 1, v - 1, -v, 0, x.rng.Int64(), -x.rng.Int64()}[x.rng.IntN(6)]
	case string:
		if v == "" {
			return "x"
		}
		at := x.rng.IntN(len(v))
		return []string{v + " ", v[:at], v[:at] + "~" + v[at+1:], strings.ToUpper(v), v + "\x00", "\xff" + v, ""}[x.rng.IntN(7)]
	case []byte:
		if len(v) == 0 {
			return []byte{0}
		}
		at := x.rng.IntN(len(v))
		flipped := slices.Clone(v)
		flipped[at] ^= 1 << x.rng.IntN(8)
		return [][]byte{flipped, v[:at], append(slices.Clone(v), ' '), {}, flipped}[x.rng.IntN(5)]
	}
	x.t.Fatalf("a column holds %T", value)
	return nil
}

// column changes one column of one random row.
func (x *tamperer) column(table, column string) change {
	x.t.Helper()
	id := x.row(table)
	var old any
	if err := x.db.QueryRow(x.bind(`SELECT `+column+` FROM `+table+` WHERE `+x.rowID+` = ?`), id).Scan(&old); err != nil {
		x.t.Fatal(err)
	}
	what := fmt.Sprintf("%s.%s of row %d", table, column, id)
	c := change{what: what, place: table}
	value := x.other(table, column, old)
	switch {
	case table == "ledger" && column == "seq":
		for value.(int64) >= 0 && value.(int64) < x.size {
			value = x.slip(old) // a place that is taken is refused; swapping is a case of its own
		}
		c.entries = []int64{id, value.(int64)}
	case table == "ledger":
		c.entries = []int64{id}
	case table == "tile" && (column == "level" || column == "idx"):
		// A place that is taken is refused, as above.
		value = []int64{x.rng.Int64N(1000) + 100, -1 - x.rng.Int64N(5)}[x.rng.IntN(2)]
	}
	c.what += fmt.Sprintf(" from %.60v to %.60v", old, value)
	if _, err := x.db.Exec(x.bind(`UPDATE `+table+` SET `+column+` = ? WHERE `+x.rowID+` = ?`), value, id); err != nil {
		if column != "id" && !x.refuses(err) {
			x.t.Fatalf("%s: %v", c.what, err)
		}
		c.refused = true
	}
	return c
}

// TestEveryChangeThroughSQLIsFound changes a SQLite ledger in 1,000 random ways over
// every column of every sealed table.
func TestEveryChangeThroughSQLIsFound(t *testing.T) {
	t.Parallel()
	original, size := sqliteLedger(t, 1)
	onSQLite.changeEverything(t, original, size)
}

// changeEverything makes random changes to copies of a ledger and holds that each is
// found and named. It needs no more of an engine than a ledger and its size.
func (e engine) changeEverything(t *testing.T, original []byte, size int64) {
	t.Helper()
	columns := e.tableColumns(t, original)
	changes := 1000
	if testing.Short() {
		changes = 100
	}
	changed := map[[2]string]bool{}
	var mu sync.Mutex
	t.Run("changes", func(t *testing.T) {
		for worker := range tamperers {
			t.Run(fmt.Sprint(worker), func(t *testing.T) {
				t.Parallel()
				rng := rand.New(rand.NewPCG(uint64(worker), 300))
				found := 0
				for i := worker; found < changes/tamperers; i += tamperers {
					at := columns[i%len(columns)]
					c, report := e.tamperCopy(t, original, rng, size, func(x *tamperer) change { return x.column(at[0], at[1]) })
					if !c.refused {
						judgeChange(t, c, report)
						found++
						mu.Lock()
						changed[at] = true
						mu.Unlock()
					}
				}
			})
		}
	})
	if len(changed) < len(columns)-2 { // the ids of the two tables of one row may be refused
		t.Errorf("%d of %d columns were changed", len(changed), len(columns))
	}
}

// judgeChange holds that verification named what was changed and nothing else.
func judgeChange(t *testing.T, c change, report ledger.Report) {
	t.Helper()
	var entries []int64
	places := map[string]bool{}
	for _, f := range report.Findings {
		places[f.Place] = true
		if f.Sequence != nil && !slices.Contains(entries, *f.Sequence) {
			entries = append(entries, *f.Sequence)
		}
	}
	slices.Sort(entries)
	slices.Sort(c.entries)
	switch {
	case report.Verified:
		t.Errorf("%s: not found", c.what)
	case c.first && (len(entries) == 0 || entries[0] != c.entries[0]):
		t.Errorf("%s: named %.10v, want %d first", c.what, entries, c.entries[0])
	case !c.first && !slices.Equal(entries, c.entries):
		t.Errorf("%s: named %.10v, want %v\n%s", c.what, entries, c.entries, text(t, report))
	case len(c.entries) == 0 && !places[c.place]:
		t.Errorf("%s: %s is not named\n%s", c.what, c.place, text(t, report))
	}
}

// sqliteLedger returns the file of a SQLite ledger and its number of entries.
func sqliteLedger(t *testing.T, seed uint64) (file []byte, size int64) {
	t.Helper()
	private, public := sqliteKey(t, seed)
	path := filepath.Join(t.TempDir(), "ledger.db")
	commitAll(t, path, private, newHistory(t, seed, testLog, public).commits(30, 50), nil)
	report := verifyFile(t, path, ledger.Options{Key: public})
	if !report.Verified || report.Size < 1000 {
		t.Fatalf("the ledger to be changed:\n%s", text(t, report))
	}
	file, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return file, int64(report.Size)
}

// tableColumns lists every column of the sealed tables, as the database has them.
func (e engine) tableColumns(t *testing.T, file []byte) (columns [][2]string) {
	t.Helper()
	e.tamperCopy(t, file, nil, 0, func(x *tamperer) change {
		for _, table := range sealedTables {
			rows, err := x.db.Query(`SELECT * FROM ` + table + ` WHERE 1 = 0`)
			if err != nil {
				t.Fatal(err)
			}
			names, err := rows.Columns()
			if err := errors.Join(err, rows.Close()); err != nil || len(names) == 0 {
				t.Fatalf("table %s has the columns %q, %v", table, names, err)
			}
			for _, name := range names {
				if name == e.rowID {
					continue // a column that a test added
				}
				columns = append(columns, [2]string{table, name})
			}
		}
		return change{}
	})
	return columns
}

// TestOddColumnsAreFaults removes the database's own guards and stores what no
// column should hold.
func TestOddColumnsAreFaults(t *testing.T) {
	t.Parallel()
	original, size := sqliteLedger(t, 3)
	rng := rand.New(rand.NewPCG(1, 1))
	for _, c := range []struct {
		table, column string
		value         any
	}{
		{"ledger", "ordinal", "soon"}, {"ledger", "body", nil}, {"ledger", "remedy", []byte{1}}, {"ledger", "at", 1.5},
		{"tile", "hashes", nil}, {"tile", "width", "wide"}, {"checkpoint", "size", "large"}, {"checkpoint", "note", nil},
		{"applied", "digest", "none"}, {"applied", "version", nil},
	} {
		var at int64
		_, report := onSQLite.tamperCopy(t, original, rng, size, func(x *tamperer) change {
			x.exec(`PRAGMA writable_schema = ON`)
			x.exec(`UPDATE sqlite_master SET sql = REPLACE(REPLACE(sql, 'STRICT', ''), 'NOT NULL', '') WHERE name = ?`, c.table)
			x.exec(`PRAGMA writable_schema = RESET`)
			at = x.row(c.table)
			x.exec(`UPDATE `+c.table+` SET `+c.column+` = ? WHERE rowid = ?`, c.value, at)
			return change{}
		})
		want := change{what: fmt.Sprintf("%s.%s holds %v", c.table, c.column, c.value), place: c.table}
		if c.table == "ledger" {
			want.entries = []int64{at}
		}
		judgeChange(t, want, report)
		if !strings.Contains(text(t, report), "its column "+c.column) {
			t.Errorf("%s: the column is not named\n%s", want.what, text(t, report))
		}
	}
}

// TestUntouchedCopiesHaveNoFindings verifies a copy after each of 50 commits,
// against every checkpoint before it.
func TestUntouchedCopiesHaveNoFindings(t *testing.T) {
	t.Parallel()
	private, public := sqliteKey(t, 4)
	dir := t.TempDir()
	path := filepath.Join(dir, "ledger.db")
	var older [][]byte
	copies := 0
	commitAll(t, path, private, newHistory(t, 4, testLog, public).commits(50, 25), func(i int, db *ledgerdb.DB) {
		raw, err := sql.Open("sqlite", "file:"+filepath.ToSlash(path))
		if err != nil {
			t.Fatal(err)
		}
		defer raw.Close()
		copied := filepath.Join(dir, fmt.Sprintf("copy-%d.db", i))
		if _, err := raw.Exec(`VACUUM INTO ?`, copied); err != nil {
			t.Fatal(err)
		}
		report := verifyFile(t, copied, ledger.Options{Key: public, Checkpoints: older})
		if !report.Verified || !report.Pinned || report.Size == 0 {
			t.Errorf("copy %d:\n%s", i, text(t, report))
		}
		checkpoint, err := db.Checkpoint(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		older = append(older, checkpoint)
		copies++
	})
	if copies != 50 {
		t.Errorf("%d copies were verified, want 50", copies)
	}
}

// TestRewrittenLedgersAreFoundFromElsewhere rewrites a ledger with all means,
// the key included: only what was kept elsewhere shows it.
func TestRewrittenLedgersAreFoundFromElsewhere(t *testing.T) {
	t.Parallel()
	private, public := sqliteKey(t, 5)
	otherPrivate, otherPublic := sqliteKey(t, 6)
	dir := t.TempDir()
	var checkpoints [][]byte
	const commits, kept = 20, 12
	history := func(key string) []commit { return newHistory(t, 5, testLog, key).commits(commits, 30) }
	commitAll(t, filepath.Join(dir, "true.db"), private, history(public), func(_ int, db *ledgerdb.DB) {
		c, err := db.Checkpoint(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		checkpoints = append(checkpoints, c)
	})
	tail := history(public)
	for _, c := range tail[kept-2:] {
		for _, item := range c.output.Items {
			if item.Fact != nil {
				item.Fact.Body = bytes.ReplaceAll(item.Fact.Body, []byte(`"account":"ops:late"`), []byte(`"account":"ops:mine"`))
			}
		}
	}
	commitAll(t, filepath.Join(dir, "tail.db"), private, tail, nil)
	commitAll(t, filepath.Join(dir, "key.db"), otherPrivate, history(otherPublic), nil)
	commitAll(t, filepath.Join(dir, "short.db"), private, history(public)[:kept], nil)

	for _, c := range []struct {
		name, file string
		opts       ledger.Options
		want       string // empty: verified
	}{
		{"the true ledger", "true.db", ledger.Options{Key: public, Checkpoints: checkpoints}, ""},
		{"a rewritten tail, alone", "tail.db", ledger.Options{Key: public}, ""},
		{"a rewritten tail, with an older checkpoint", "tail.db", ledger.Options{Checkpoints: checkpoints[kept-4 : kept+1]}, "the ledger is not a continuation of the checkpoint given"},
		{"a rewritten tail, with one from before", "tail.db", ledger.Options{Checkpoints: checkpoints[:2]}, ""},
		{"a cut tail, with an older checkpoint", "short.db", ledger.Options{Checkpoints: checkpoints[kept : kept+1]}, "its end was cut off"},
		{"another key, alone", "key.db", ledger.Options{}, ""},
		{"another key, with the pinned key", "key.db", ledger.Options{Key: public}, "not the pinned one"},
		{"another key, with an older checkpoint", "key.db", ledger.Options{Checkpoints: checkpoints[:1]}, "given: the checkpoint given (number 1)"},
	} {
		report := verifyFile(t, filepath.Join(dir, c.file), c.opts)
		if got := text(t, report); report.Verified != (c.want == "") || !strings.Contains(got, c.want) {
			t.Errorf("%s: %q is not in\n%s", c.name, c.want, got)
		}
	}
}
