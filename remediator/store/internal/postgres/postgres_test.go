package postgres

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/makegood/makegood/remediator/store/postgrestest"
)

func parse(t *testing.T, dsn string) *Server {
	t.Helper()
	s, err := Parse(dsn)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// pool is a pool in a schema of the test's own.
func pool(t *testing.T, l Limits) *sql.DB {
	t.Helper()
	db := parse(t, postgrestest.New(t)).Pool(2, l)
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

func TestParse(t *testing.T) {
	t.Setenv("PGSSLMODE", "nonsense")
	if _, err := Parse("postgres://host/db?sslmode=disable"); err == nil || !strings.Contains(err.Error(), "PG") {
		t.Errorf("%v does not name the environment", err)
	}
	if err := os.Unsetenv("PGSSLMODE"); err != nil {
		t.Fatal(err)
	}
	for dsn, want := range map[string]string{
		"": "no connection string",
		"postgres://user:hunter2@host:port/db?sslmode=disable": "no connection string",
		"postgres://user:hun%ter2@host/db?sslmode=disable":     "no connection string",
		"hunter2":                                         "no connection string",
		"postgres://user:hunter2@host/db":                 "add sslmode=",
		"host=h dbname=d password=hunter2":                "add sslmode=",
		"postgres://user:hunter2@host/db?sslmode=disable": "",
		"host=h dbname=d sslmode=verify-full":             "",
		"host=/run/postgresql dbname=d":                   "", // no network
	} {
		_, err := Parse(dsn)
		switch {
		case err == nil && want != "" || err != nil && (want == "" || !strings.Contains(err.Error(), want)):
			t.Errorf("Parse(%q) = %v, want %q in it", dsn, err, want)
		case err != nil && strings.Contains(err.Error(), "hunter2"):
			t.Errorf("%v tells the password", err)
		}
	}
}

func TestNumber(t *testing.T) {
	t.Parallel()
	for query, want := range map[string]string{
		"SELECT 1": "SELECT 1",
		"INSERT INTO t VALUES (?,?) ON CONFLICT (a) DO UPDATE SET b = ?": "INSERT INTO t VALUES ($1,$2) ON CONFLICT (a) DO UPDATE SET b = $3",
		"SELECT '?', 'it''s ?' WHERE a = ?":                              "SELECT '?', 'it''s ?' WHERE a = $1",
	} {
		if got := number(query); got != want {
			t.Errorf("number(%q) = %q, want %q", query, got, want)
		}
	}
}

// hostile are texts that PostgreSQL does not take as they are, and some that look
// as if they were escaped.
var hostile = []string{"", "c-42", "a\x00b", "\x00", "\xff\xfe", "é\xe9", mark, mark + "00", mark + mark, "x" + mark + "zz", mark + "0", "�", "ﾟ\U0001F600"}

func FuzzEscape(f *testing.F) {
	for _, s := range hostile {
		f.Add(s, "a\x00b")
	}
	f.Fuzz(func(t *testing.T, a, b string) {
		if got := unescape(escape(a)); got != a {
			t.Errorf("%q came back as %q", a, got)
		}
		if (escape(a) == escape(b)) != (a == b) {
			t.Errorf("%q and %q: equal %v, escaped %v", a, b, a == b, escape(a) == escape(b))
		}
		if strings.IndexByte(escape(a), 0) >= 0 {
			t.Errorf("%q is escaped with a zero in it", a)
		}
		unescape(b) // whatever stands in a table
	})
}

// TestValues sends values of each kind through every way a statement can take.
func TestValues(t *testing.T) {
	t.Parallel()
	db := pool(t, Writing)
	if _, err := db.Exec(`CREATE TABLE v (place BIGINT PRIMARY KEY, text TEXT NOT NULL, bytes BYTEA NOT NULL, number BIGINT)`); err != nil {
		t.Fatal(err)
	}
	prepared, err := db.Prepare(`INSERT INTO v (place, text, bytes, number) VALUES (?, ?, ?, ?)`)
	if err != nil {
		t.Fatal(err)
	}
	defer prepared.Close()
	find, err := db.Prepare(`SELECT text, bytes, number FROM v WHERE place = ? AND text = ?`)
	if err != nil {
		t.Fatal(err)
	}
	defer find.Close()
	for i, text := range hostile {
		insert := func(args ...any) (sql.Result, error) { return prepared.Exec(args...) }
		if i%2 == 0 {
			insert = func(args ...any) (sql.Result, error) {
				return db.Exec(`INSERT INTO v (place, text, bytes, number) VALUES (?, ?, ?, ?)`, args...)
			}
		}
		if _, err := insert(i, text, []byte(text), int64(-i)); err != nil {
			t.Fatalf("insert %q: %v", text, err)
		}
		for name, row := range map[string]*sql.Row{
			"prepared": find.QueryRow(i, text),
			"once":     db.QueryRow(`SELECT text, bytes, number FROM v WHERE place = ? AND text = ?`, i, text),
		} {
			var gotText, gotBytes, gotNumber any
			if err := row.Scan(&gotText, &gotBytes, &gotNumber); err != nil {
				t.Errorf("%s: read %q: %v", name, text, err)
				continue
			}
			b, isBytes := gotBytes.([]byte)
			if gotText != text || !isBytes || !bytes.Equal(b, []byte(text)) || gotNumber != int64(-i) {
				t.Errorf("%s: %q came back as %q, %q, %v", name, text, gotText, gotBytes, gotNumber)
			}
		}
	}
}

func TestLimitsHoldInTheServer(t *testing.T) {
	t.Parallel()
	dsn := postgrestest.New(t)
	for l, want := range map[Limits]string{
		Writing: "off 30s 10s 10s read committed",
		Reading: "on 2min 10s 2min read committed",
	} {
		db := parse(t, dsn).Pool(1, l)
		var got string
		if err := db.QueryRow(`SELECT current_setting('transaction_read_only') || ' ' || current_setting('statement_timeout') || ' ' ||
			current_setting('lock_timeout') || ' ' || current_setting('idle_in_transaction_session_timeout') || ' ' ||
			current_setting('transaction_isolation')`).Scan(&got); err != nil {
			t.Fatal(err)
		}
		if got != want {
			t.Errorf("limits %q, want %q", got, want)
		}
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	}
}

var steps = []string{`CREATE TABLE a (id INT)`, `ALTER TABLE a ADD COLUMN b INT; CREATE TABLE c (id INT)`}

func TestPrepare(t *testing.T) {
	t.Parallel()
	s := parse(t, postgrestest.New(t))
	one, two := Schema{Part: "log", Steps: steps[:1]}, Schema{Part: "log", Steps: steps}
	for i, c := range []struct {
		schema Schema
		mode   Mode
		found  int
		want   error
	}{
		{one, Look, 0, errMissing},
		{one, Create, 0, nil},
		{one, Look, 1, nil},
		{one, Create, 1, nil},
		{two, Look, 1, ErrOlder},
		{two, Create, 1, ErrOlder},
		{two, Migrate, 1, nil},
		{two, Look, 2, nil},
		{one, Migrate, 2, errNewer},
		{Schema{Part: "ledger", Steps: []string{`CREATE TABLE d (id INT)`}}, Create, 0, nil}, // a second part beside the first
	} {
		found, err := s.Prepare(t.Context(), c.schema, c.mode)
		if found != c.found || !errors.Is(err, c.want) || (err == nil) != (c.want == nil) {
			t.Errorf("case %d: version %d, %v; want %d, %v", i, found, err, c.found, c.want)
		}
	}
	db := s.Pool(1, Writing)
	defer db.Close()
	if _, err := db.Exec(`INSERT INTO a (id, b) VALUES (1, 2); INSERT INTO c VALUES (1); INSERT INTO d VALUES (1)`); err != nil {
		t.Errorf("the tables are not what the steps make: %v", err)
	}
}

func TestPrepareLeavesOthersAlone(t *testing.T) {
	t.Parallel()
	s := parse(t, postgrestest.New(t))
	db := s.Pool(1, Writing)
	defer db.Close()
	if _, err := db.Exec(`CREATE TABLE somebodys (id INT)`); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Prepare(t.Context(), Schema{Part: "log", Steps: steps}, Migrate); !errors.Is(err, errNotEmpty) {
		t.Errorf("%v, want %v", err, errNotEmpty)
	}
}

func TestManyNodesPrepareAtOnce(t *testing.T) {
	t.Parallel()
	dsn := postgrestest.New(t)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			if _, err := parse(t, dsn).Prepare(t.Context(), Schema{Part: "log", Steps: steps}, Create); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
}

func TestListen(t *testing.T) {
	t.Parallel()
	s := parse(t, postgrestest.New(t))
	db := s.Pool(1, Writing)
	defer db.Close()
	woken := make(chan struct{}, 1)
	stop := s.Listen(map[string]func(){`odd "name"`: func() {
		select {
		case woken <- struct{}{}:
		default:
		}
	}, "another": func() {}})
	ctx, cancel := context.WithTimeout(t.Context(), deadAfter)
	defer cancel()
	for heard := false; !heard; { // until the listener is connected nobody hears
		if _, err := db.ExecContext(ctx, `SELECT pg_notify(?, '')`, `odd "name"`); err != nil {
			t.Fatal(err)
		}
		select {
		case <-woken:
			heard = true
		default:
		}
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
}

func TestStopBeforeConnected(t *testing.T) {
	t.Parallel()
	stop := parse(t, "postgres://nobody@127.0.0.1:1/none?sslmode=disable").Listen(map[string]func(){"c": func() { t.Error("woken by nobody") }})
	if err := stop(); err != nil {
		t.Error(err)
	}
}

func TestPassing(t *testing.T) {
	t.Parallel()
	s := parse(t, postgrestest.New(t))
	db := s.Pool(1, Limits{Lock: time.Millisecond})
	defer db.Close()
	other := s.Pool(1, Limits{})
	defer other.Close()
	if _, err := other.Exec(`CREATE TABLE a (id INT PRIMARY KEY)`); err != nil {
		t.Fatal(err)
	}
	locked, err := other.Begin()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := locked.Exec(`LOCK TABLE a`); err != nil {
		t.Fatal(err)
	}
	for query, want := range map[string]bool{
		`SELECT id FROM a`: true,
		`SELECT pg_terminate_backend(pg_backend_pid())`: true,
		`SELECT nothing`: false,
		`SELECT 1 / 0`:   false,
	} {
		_, err := db.Exec(query)
		if err == nil || Passing(err) != want {
			t.Errorf("%s: %v, passing %v, want %v", query, err, Passing(err), want)
		}
	}
	if err := locked.Rollback(); err != nil {
		t.Fatal(err)
	}
	nobody := parse(t, "postgres://nobody@127.0.0.1:1/none?sslmode=disable").Pool(1, Limits{})
	defer nobody.Close()
	if err := nobody.Ping(); !Passing(err) {
		t.Errorf("%v of a server that does not run is not passing", err)
	}
	if Passing(nil) || Passing(errors.New("some other")) {
		t.Error("nothing, or something else, is passing")
	}
}
