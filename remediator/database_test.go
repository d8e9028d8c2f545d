package remediator

import (
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/ledger"
	"github.com/makegood/makegood/remediator/rule"
	"github.com/makegood/makegood/remediator/store/postgrestest"
)

// engines runs a test on files and on PostgreSQL, which database tells by its name.
func engines(t *testing.T, test func(*testing.T)) {
	t.Parallel()
	for _, name := range []string{"sqlite", "postgres"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t)
		})
	}
}

// database returns the database of a service, "" for files.
func database(t *testing.T) string {
	t.Helper()
	if strings.Contains(t.Name(), "/postgres") {
		return postgrestest.New(t)
	}
	return ""
}

const creditRule = `rules:
  - rule: credit-late
    owner: shop
    why: It came late.
    event: com.example.order.late
    once_per: data.order
    do:
      - credit: {customer: "${{ event.customer }}", amount: 5.00 USD}
    limits: {budget: {amount: 9000.00 USD, within: 1d}}
    account: a
    mode: live
`

// node is a service of a test, and what it has said.
type node struct {
	*Service
	stop   context.CancelFunc
	done   chan error
	logged *lines
}

// lines is what a service logs.
type lines struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lines) has(text string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Contains(l.text.String(), text)
}

// startNode starts a service whose rule gives credit.
func startNode(t *testing.T, cfg Config) *node {
	t.Helper()
	cfg.Rules = []rule.File{{Path: "late.yaml", Text: creditRule}}
	n := startWith(t, cfg)
	if cfg.Database != "" {
		n.mustActivate(t, n.files.Load())
	}
	return n
}

// startWith starts a service with the rules that it is configured with.
func startWith(t *testing.T, cfg Config) *node {
	t.Helper()
	return start(t, cfg, func(*Service) {})
}

// startOlder starts a service of an older program.
func startOlder(t *testing.T, cfg Config) *node {
	t.Helper()
	return start(t, cfg, func(s *Service) { s.decider.version-- })
}

func start(t *testing.T, cfg Config, change func(*Service)) *node {
	t.Helper()
	n := &node{done: make(chan error, 1), logged: &lines{}}
	cfg.Logger = slog.New(slog.NewTextHandler(n.logged, nil))
	var err error
	if n.Service, err = New(cfg); err != nil {
		t.Fatal(err)
	}
	change(n.Service)
	var ctx context.Context
	ctx, n.stop = context.WithCancel(context.WithoutCancel(t.Context()))
	go func() { n.done <- n.Run(ctx) }()
	t.Cleanup(func() { n.end(t) })
	return n
}

// mustActivate puts rules in force, as a person does where nodes share a database.
func (n *node) mustActivate(t *testing.T, set *rule.Set) {
	t.Helper()
	poll(t, func() bool { return n.readiness() == nil })
	if _, err := n.activate(t.Context(), n.inForce().Set, set); err != nil {
		t.Fatal(err)
	}
	poll(t, func() bool { in := n.inForce(); return in.Set != nil && in.Set.Digest == set.Digest })
}

// end ends a service as planned; twice does nothing.
func (n *node) end(t *testing.T) {
	t.Helper()
	if n.done == nil {
		return
	}
	n.stop()
	if err := <-n.done; err != nil {
		t.Errorf("run: %v", err)
	}
	n.done = nil
	if err := n.Close(); err != nil {
		t.Errorf("close: %v", err)
	}
}

// send has an event taken in.
func (n *node) send(t *testing.T, order int) int {
	t.Helper()
	return n.sendAt(t, order, time.Now())
}

func (n *node) sendAt(t *testing.T, order int, at time.Time) int {
	t.Helper()
	r := httptest.NewRequest(http.MethodPost, "/v1/events", strings.NewReader(fmt.Sprintf(
		`{"specversion":"1.0","id":"%d","source":"/shop","type":"com.example.order.late","time":"%s","customer":"c-1","data":{"order":"o-%d"}}`,
		order, at.UTC().Format(time.RFC3339), order)))
	r.Header.Set("Content-Type", "application/cloudevents+json")
	w := httptest.NewRecorder()
	n.ServeHTTP(w, r)
	return w.Code
}

// credited is how much credit was given so far.
func (n *node) credited(t *testing.T) int64 {
	t.Helper()
	totals, err := n.Totals(t.Context())
	if err != nil {
		return -1 // the database may be away
	}
	return totals.Credited["USD"]
}

func (n *node) mustVerify(t *testing.T) ledger.Report {
	t.Helper()
	report, err := n.Verify(t.Context(), ledger.Options{})
	if err != nil || !report.Verified {
		t.Errorf("the ledger does not verify: %v %+v", err, report.Findings)
	}
	return report
}

// TestServiceFromStartToStart makes good, ends, and goes on where it was.
func TestServiceFromStartToStart(t *testing.T) { engines(t, testServiceFromStartToStart) }

func testServiceFromStartToStart(t *testing.T) {
	cfg := Config{DataDir: t.TempDir(), Database: database(t)}
	for start := range 3 {
		n := startNode(t, cfg)
		poll(t, func() bool { return n.readiness() == nil })
		for _, order := range []int{start, start, 0} { // each once
			if code := n.send(t, order); code != http.StatusAccepted {
				t.Fatalf("the answer is %d", code)
			}
		}
		if err := n.WaitIdle(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := n.credited(t); got != int64(500*(start+1)) {
			t.Errorf("start %d: %d are credited, want %d", start, got, 500*(start+1))
		}
		n.mustVerify(t)
		n.end(t)
	}
}

// TestDatabaseGoesAway ends all connections of a service at work, several times: it
// goes on deciding, and nothing is done twice.
func TestDatabaseGoesAway(t *testing.T) {
	t.Parallel()
	dsn := postgrestest.New(t)
	n := startNode(t, Config{DataDir: t.TempDir(), Database: dsn})
	poll(t, func() bool { return n.readiness() == nil })
	db, err := sql.Open("postgres", dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	const rounds, each = 3, 5
	taken := 0
	for round := range rounds {
		for order := range each {
			for n.send(t, round*each+order) != http.StatusAccepted { // as a client does: until it is taken
			}
			taken++
			if order == 2 {
				if _, err := db.Exec(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity
					WHERE application_name = current_setting('application_name') AND pid <> pg_backend_pid()`); err != nil {
					t.Fatal(err)
				}
			}
		}
		want := int64(500 * taken)
		poll(t, func() bool { return n.credited(t) == want })
	}
	if !n.logged.has("decide anew") {
		t.Error("the decider lost nothing: nothing was tested")
	}
	report := n.mustVerify(t)
	if report.Entries["remedy"] != uint64(taken) {
		t.Errorf("%d remedies are sealed, want %d", report.Entries["remedy"], taken)
	}
}

// TestKeyOfAnotherNode holds that a node without the key says where to get it, and
// that an empty log takes no key that is there.
func TestKeyOfAnotherNode(t *testing.T) {
	t.Parallel()
	dsn, key := postgrestest.New(t), filepath.Join(t.TempDir(), "ledger.key")
	s, err := New(Config{DataDir: t.TempDir(), Database: dsn, LedgerKeyFile: key})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(strings.TrimSuffix(key, ".key") + ".pub"); err != nil {
		t.Errorf("the public key: %v", err)
	}
	if _, err := New(Config{DataDir: t.TempDir(), Database: dsn}); err == nil || !strings.Contains(err.Error(), "take it from the node that began the log") {
		t.Errorf("without the key: %v", err)
	}
	if _, err := New(Config{DataDir: t.TempDir(), Database: postgrestest.New(t), LedgerKeyFile: key}); err == nil || !strings.Contains(err.Error(), "the key of another") {
		t.Errorf("with the key of another log: %v", err)
	}
	if _, err := New(Config{DataDir: t.TempDir(), Database: "postgres://user:hunter2@host/db"}); err == nil || !strings.Contains(err.Error(), "sslmode") || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("without sslmode: %v", err)
	}
}

// TestNodesBeginAtOnce has several nodes begin one log, each with the key at hand.
func TestNodesBeginAtOnce(t *testing.T) {
	t.Parallel()
	dsn, key := postgrestest.New(t), filepath.Join(t.TempDir(), "ledger.key")
	var wg sync.WaitGroup
	for range 3 {
		wg.Go(func() {
			s, err := New(Config{DataDir: t.TempDir(), Database: dsn, LedgerKeyFile: key})
			if err != nil {
				t.Error(err)
				return
			}
			if head, err := s.log.Head(t.Context()); err != nil || head != 1 {
				t.Errorf("the log has %d records, %v; want one that begins it", head, err)
			}
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
}

// storeStates sends orders, each two hours of log time after the other: a stored state
// comes with each hour. It returns those that are stored, of which there are some.
func (n *node) storeStates(t *testing.T, orders int) []decide.Position {
	t.Helper()
	for order := range orders {
		if code := n.sendAt(t, order, time.Date(2026, 1, 1, 2*order, 0, 0, 0, time.UTC)); code != http.StatusAccepted {
			t.Fatalf("the answer is %d", code)
		}
		if err := n.WaitIdle(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	states, err := n.ledger.Snapshots(t.Context())
	if err != nil || len(states) == 0 {
		t.Fatalf("%d stored states, %v: nothing would be tested", len(states), err)
	}
	return states
}

// TestForgottenRecordsAreNotNeeded removes what no stored state needs, and starts
// again from what is left.
func TestForgottenRecordsAreNotNeeded(t *testing.T) { engines(t, testForgottenRecordsAreNotNeeded) }

func testForgottenRecordsAreNotNeeded(t *testing.T) {
	cfg := Config{DataDir: t.TempDir(), Database: database(t), EventClock: true}
	n := startNode(t, cfg)
	poll(t, func() bool { return n.readiness() == nil })
	if gone, err := n.forget(t.Context(), time.Nanosecond); err != nil || gone != 0 {
		t.Errorf("%d records went, %v, before there is a stored state", gone, err)
	}
	const orders = 8
	states := n.storeStates(t, orders)
	old := states[len(states)-2] // the newest that is as old as is kept: the last one is of now
	want := old.Record
	if cfg.Database != "" {
		want = 0 // a day goes as a whole, when it is over
	}
	if gone, err := n.forget(t.Context(), time.Nanosecond); err != nil || gone != want {
		t.Errorf("%d records went, %v; want all %d that are not needed to go on from that state", gone, err, want)
	}
	if states, err := n.ledger.Snapshots(t.Context()); err != nil || len(states) != 2 || states[0] != old {
		t.Errorf("stored are %v, %v; want %v and the newest", states, err, old)
	}
	n.end(t)
	n = startNode(t, cfg)
	poll(t, func() bool { return n.readiness() == nil })
	n.send(t, 0) // its key was taken long ago
	n.send(t, orders)
	if err := n.WaitIdle(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := n.credited(t); got != 500*(orders+1) {
		t.Errorf("%d are credited, want %d", got, 500*(orders+1))
	}
	n.mustVerify(t)
}
