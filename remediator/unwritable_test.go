package remediator

import (
	"database/sql"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"github.com/makegood/makegood/remediator/store/postgrestest"
)

// ill is what keeps a database from being written, while it answers.
type ill struct {
	name     string
	why      string // in what the node logs
	fall     []string
	recover  []string
	takesLog bool // events are stored, and not decided
}

// full has a server say of a table what it says when its disk has no room left.
func full(table string) ill {
	return ill{
		name: "no room for " + table, why: "No space left on device", takesLog: table == "ledger",
		fall: []string{
			`CREATE OR REPLACE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
			BEGIN
				RAISE 'could not extend file "base/5/16384": No space left on device' USING ERRCODE = '53100';
			END $$`,
			`CREATE TRIGGER no_room BEFORE INSERT ON ` + table + ` FOR EACH ROW EXECUTE FUNCTION refuse()`,
		},
		recover: []string{`DROP TRIGGER no_room ON ` + table},
	}
}

// readOnly has a server refuse writing, as an operator or a provider of databases does
// before the disk is full: those that are connected too.
var readOnly = ill{
	name: "read-only", why: "read-only transaction",
	fall:    []string{`ALTER SYSTEM SET default_transaction_read_only = on`, `SELECT pg_reload_conf()`},
	recover: []string{`SET SESSION CHARACTERISTICS AS TRANSACTION READ WRITE`, `ALTER SYSTEM RESET default_transaction_read_only`, `SELECT pg_reload_conf()`},
}

// TestDatabaseIsNotWritten has a database be read-only, and full, under two nodes at
// work, once for their log, and once for their ledger. What is not stored is refused with
// 503 and what it is about, reads go on, and so does everything when the database is
// well again: what was acknowledged is made good once, and what was refused is not there.
func TestDatabaseIsNotWritten(t *testing.T) {
	t.Parallel()
	dsn := postgrestest.Own(t).DSN("unwritable")
	db, err := sql.Open("postgres", dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	db.SetMaxOpenConns(1) // whose session is told to write when the server is told not to
	key := filepath.Join(t.TempDir(), "shared.key")
	n := startNode(t, Config{DataDir: t.TempDir(), Database: dsn, LedgerKeyFile: key, Node: "a"})
	other := startWith(t, Config{DataDir: t.TempDir(), Database: dsn, LedgerKeyFile: key, Node: "b"})
	bothReady := func() bool { return n.readiness() == nil && other.readiness() == nil }
	orders, acked := 0, 0
	send := func() (stored bool) {
		orders++
		code := n.send(t, orders)
		if code == http.StatusAccepted {
			acked++
		} else if code != http.StatusServiceUnavailable {
			t.Fatalf("event %d is answered %d", orders, code)
		}
		return code == http.StatusAccepted
	}
	for _, trouble := range []ill{full("log_record"), readOnly, full("ledger")} {
		poll(t, bothReady)
		poll(t, send)
		poll(t, func() bool { return n.credited(t) == int64(500*acked) })
		execute(t, db, trouble.fall)
		if trouble.takesLog {
			n.notDecided(t, trouble, send)
		} else {
			n.notStored(t, trouble, send)
		}
		if !n.logged.has(trouble.why) {
			t.Errorf("%s: the node does not log why", trouble.name)
		}
		execute(t, db, trouble.recover)
		poll(t, bothReady)
		poll(t, send)
		poll(t, func() bool { return n.credited(t) == int64(500*acked) })
	}
	if report := n.mustVerify(t); report.Entries["remedy"] != uint64(acked) || acked == orders {
		t.Errorf("%d remedies are sealed, %d of %d events were acknowledged", report.Entries["remedy"], acked, orders)
	}
}

func execute(t *testing.T, db *sql.DB, statements []string) {
	t.Helper()
	for _, statement := range statements {
		if _, err := db.Exec(statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
}

// notStored holds that events and commands are refused, and that reads go on.
func (n *node) notStored(t *testing.T, trouble ill, send func() bool) {
	t.Helper()
	poll(t, func() bool { return !send() })
	w := httptest.NewRecorder()
	r := httptest.NewRequest(http.MethodPost, "/v1/events", strings.NewReader(`{"specversion":"1.0","id":"x","source":"/shop","type":"x"}`))
	r.Header.Set("Content-Type", "application/cloudevents+json")
	n.ServeHTTP(w, r)
	var p struct{ Type, Detail string }
	if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil || w.Code != http.StatusServiceUnavailable || p.Type != "urn:makegood:problem:unavailable" ||
		!strings.Contains(p.Detail, "cannot be stored at the moment: send the same again") || w.Header().Get("Retry-After") == "" {
		t.Errorf("%s: an event is answered %d %v %s", trouble.name, w.Code, w.Header(), w.Body)
	}
	if strings.Contains(w.Body.String(), trouble.why) {
		t.Errorf("%s: whoever sends events hears %s", trouble.name, w.Body)
	}
	if code, body := n.say("/v1/andon/pull", `{"cord":"product/x","level":"red","reason":"broken"}`); code != http.StatusServiceUnavailable {
		t.Errorf("%s: a command is answered %d %s", trouble.name, code, body)
	}
	if err := n.readiness(); err == nil || !strings.Contains(err.Error(), "the database does not take them") {
		t.Errorf("%s: the node is ready, or does not say why not: %v", trouble.name, err)
	}
	var snapshot map[string]any
	n.ask(t, "/v1/andon/gates", &snapshot)
	n.ask(t, "/v1/status", &snapshot)
}

// notDecided holds that events are acknowledged while nothing is decided of them.
func (n *node) notDecided(t *testing.T, trouble ill, send func() bool) {
	t.Helper()
	before := n.credited(t)
	for range 3 {
		if !send() {
			t.Errorf("%s: an event is not taken", trouble.name)
		}
	}
	poll(t, func() bool { return n.readiness() != nil }) // also when the other led before: each tries
	if err := n.readiness(); err == nil || !strings.Contains(err.Error(), "the database does not take what was decided") {
		t.Errorf("%s: the node does not say what does not go on: %v", trouble.name, err)
	}
	if now := n.credited(t); now != before {
		t.Errorf("%s: %d cents were credited", trouble.name, now-before)
	}
	var snapshot map[string]any
	n.ask(t, "/v1/status", &snapshot)
}
