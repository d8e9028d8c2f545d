package remediator

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/makegood/makegood/remediator/api"
	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/input"
	"github.com/makegood/makegood/remediator/rule"
	"github.com/makegood/makegood/remediator/store/ledgerdb"
	"github.com/makegood/makegood/remediator/store/postgrestest"
)

// startNodes starts nodes on one database.
func startNodes(t *testing.T, names ...string) []*node {
	t.Helper()
	dsn, key := postgrestest.New(t), filepath.Join(t.TempDir(), "shared.key")
	var nodes []*node
	for _, name := range names {
		nodes = append(nodes, startNode(t, Config{DataDir: t.TempDir(), Database: dsn, LedgerKeyFile: key, Node: name, Version: "v1"}))
	}
	return nodes
}

// say sends a command and returns its status and answer.
func (n *node) say(path, body string) (int, string) {
	r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	n.ServeHTTP(w, r)
	return w.Code, w.Body.String()
}

// ask reads what a node shows.
func (n *node) ask(t *testing.T, path string, into any) {
	t.Helper()
	w := httptest.NewRecorder()
	n.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
	if err := json.Unmarshal(w.Body.Bytes(), into); w.Code != http.StatusOK || err != nil {
		t.Fatalf("%s: %d %s %v", path, w.Code, w.Body, err)
	}
}

func (n *node) role(t *testing.T) string {
	t.Helper()
	var h api.Health
	n.ask(t, "/healthz", &h)
	return h.Role
}

// TestEveryNodeServes holds that each of several nodes takes events, answers commands,
// tells gates what was stopped elsewhere, and that one decides.
func TestEveryNodeServes(t *testing.T) {
	t.Parallel()
	nodes := startNodes(t, "a", "b", "c")
	leaders := 0
	for i, n := range nodes {
		if code := n.send(t, i); code != http.StatusAccepted {
			t.Errorf("node %d answers an event with %d", i, code)
		}
		if n.role(t) == api.Leader {
			leaders++
		}
	}
	if leaders != 1 {
		t.Errorf("%d nodes decide", leaders)
	}
	poll(t, func() bool { return nodes[2].credited(t) == 1500 })
	for i, n := range nodes {
		cord := "product/T-" + string(rune('1'+i))
		if code, answer := n.say("/v1/andon/pull", `{"cord":"`+cord+`","level":"red","reason":"broken"}`); code != http.StatusOK {
			t.Errorf("node %d answers a command with %d %s", i, code, answer)
		}
		for _, other := range nodes {
			poll(t, func() bool {
				w := httptest.NewRecorder()
				other.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/v1/andon/gates", nil))
				return strings.Contains(w.Body.String(), cord)
			})
		}
	}
	for _, n := range nodes { // each folds what one decides
		poll(t, func() bool {
			var s api.Status
			n.ask(t, "/v1/status", &s)
			return s.Self.Ordinal == s.Ordinal && s.Self.Behind == 0 && len(s.Nodes) == len(nodes) && s.Rules != ""
		})
	}
	nodes[1].mustVerify(t)
}

// TestPlannedEndHandsOver has each leader end in turn: the next goes on, warm, and
// nothing is lost or done twice.
func TestPlannedEndHandsOver(t *testing.T) {
	t.Parallel()
	nodes := startNodes(t, "a", "b", "c")
	order := 0
	for len(nodes) > 0 {
		order++
		nodes[len(nodes)-1].send(t, order)
		poll(t, func() bool { return nodes[0].credited(t) == int64(500*order) })
		var leader int
		poll(t, func() bool {
			for i, n := range nodes {
				if n.role(t) == api.Leader {
					leader = i
					return true
				}
			}
			return false
		})
		if len(nodes) == 1 {
			nodes[0].mustVerify(t)
		}
		nodes[leader].end(t)
		nodes = append(nodes[:leader], nodes[leader+1:]...)
	}
}

// TestOlderProgramNeverDecides has the node of an older program stay when the leader
// goes: it serves, and leaves the deciding to a newer one.
func TestOlderProgramNeverDecides(t *testing.T) {
	t.Parallel()
	dsn, key := postgrestest.New(t), filepath.Join(t.TempDir(), "shared.key")
	newer := startNode(t, Config{DataDir: t.TempDir(), Database: dsn, LedgerKeyFile: key, Node: "newer"})
	newer.send(t, 1)
	poll(t, func() bool { return newer.credited(t) == 500 })
	older := startOlder(t, Config{DataDir: t.TempDir(), Database: dsn, LedgerKeyFile: key, Node: "older"})
	poll(t, func() bool { return older.readiness() == nil })
	if role := older.role(t); role != api.Outdated {
		t.Errorf("the older is %q", role)
	}
	newer.end(t)
	if code := older.send(t, 2); code != http.StatusAccepted {
		t.Errorf("the older answers an event with %d", code)
	}
	if older.decider.leads.Load() || !older.logged.has("install the newer program") {
		t.Errorf("the older decides, or says nothing: %s", &older.logged.text)
	}
	again := startNode(t, Config{DataDir: t.TempDir(), Database: dsn, LedgerKeyFile: key, Node: "again"})
	poll(t, func() bool { return older.credited(t) == 1000 })
	again.mustVerify(t)
	if older.decider.leads.Load() {
		t.Error("the older decided")
	}
}

// startNewer starts a service of a newer program.
func startNewer(t *testing.T, cfg Config) *node {
	t.Helper()
	return start(t, cfg, func(s *Service) {
		s.decider.version++
		s.decider.config.Version = s.decider.version
		s.decider.newer.Store(0)
		s.decider.fold = nil // it was restored as the older program does
	})
}

// TestNewerLeaderBeginsItsVersion upgrades two nodes one after the other. While the
// older one leads, the log is of its version; the first newer leader begins the new one,
// and from then on no older program decides.
func TestNewerLeaderBeginsItsVersion(t *testing.T) {
	t.Parallel()
	dsn, key := postgrestest.New(t), filepath.Join(t.TempDir(), "shared.key")
	cfg := func(node string) Config {
		return Config{DataDir: t.TempDir(), Database: dsn, LedgerKeyFile: key, Node: node}
	}
	first := startNode(t, cfg("older"))
	first.send(t, 1)
	poll(t, func() bool { return first.credited(t) == 500 })
	second := startNewer(t, cfg("newer"))
	poll(t, func() bool { return second.readiness() == nil })
	if at, err := first.ledger.Position(t.Context()); err != nil || at.Version != decide.Version || second.decider.leads.Load() {
		t.Errorf("the log is of version %d, %v, while an older program leads", at.Version, err)
	}
	first.end(t)
	second.send(t, 2)
	poll(t, func() bool { return second.credited(t) == 1000 })
	if at, err := second.ledger.Position(t.Context()); err != nil || at.Version != decide.Version+1 {
		t.Errorf("the log is of version %d, %v, once a newer program led", at.Version, err)
	}
	back := startWith(t, cfg("older again"))
	poll(t, func() bool { return back.readiness() == nil && back.role(t) == api.Outdated })
	second.end(t)
	back.send(t, 3)
	again := startNewer(t, cfg("newer again"))
	poll(t, func() bool { return again.credited(t) == 1500 })
	if back.decider.leads.Load() {
		t.Error("an older program decided")
	}
	if report := again.mustVerify(t); report.Entries[decide.KindVersion] != 1 {
		t.Errorf("%d versions began, want 1", report.Entries[decide.KindVersion])
	}
}

// TestNewerVersionIsNotCommitted has a newer leader append its version and lose the lease
// before it commits. The older node that reads it decides no further and goes on serving,
// and the next newer one decides what came meanwhile.
func TestNewerVersionIsNotCommitted(t *testing.T) {
	t.Parallel()
	dsn, key := postgrestest.New(t), filepath.Join(t.TempDir(), "shared.key")
	cfg := func(node string) Config {
		return Config{DataDir: t.TempDir(), Database: dsn, LedgerKeyFile: key, Node: node}
	}
	older := startNode(t, cfg("older"))
	older.send(t, 1)
	poll(t, func() bool { return older.credited(t) == 500 })
	version := input.Input{ID: "version/lost", Kind: input.Version, At: input.StampRecord, Body: fmt.Appendf(nil, `{"version":%d}`, decide.Version+1)}
	if err := older.append(t.Context(), []input.Input{version}); err != nil {
		t.Fatal(err)
	}
	poll(t, func() bool { return older.role(t) == api.Outdated })
	if code := older.send(t, 2); code != http.StatusAccepted || !older.logged.has("install the newer program") {
		t.Errorf("the older answers an event with %d, and logs %s", code, &older.logged.text)
	}
	newer := startNewer(t, cfg("newer"))
	poll(t, func() bool { return older.credited(t) == 1000 })
	newer.mustVerify(t)
}

// heldStore is a ledger whose lease is asked for only when the test says so.
type heldStore struct {
	ledgerStore
	once sync.Once
	asks chan struct{} // closed when the lease is about to be asked for
	goOn chan struct{}
}

func (s *heldStore) TryAcquire(ctx context.Context) (*ledgerdb.Lease, error) {
	s.once.Do(func() { close(s.asks) })
	<-s.goOn
	return s.ledgerStore.TryAcquire(ctx)
}

// TestNewerVersionJustBeforeTheLease has a newer program begin its version and end while
// an older one is about to ask for the lease: the older one gives it back and decides
// nothing.
func TestNewerVersionJustBeforeTheLease(t *testing.T) {
	t.Parallel()
	dsn, key := postgrestest.New(t), filepath.Join(t.TempDir(), "shared.key")
	cfg := func(node string) Config {
		return Config{DataDir: t.TempDir(), Database: dsn, LedgerKeyFile: key, Node: node, Rules: []rule.File{{Path: "late.yaml", Text: creditRule}}}
	}
	held := &heldStore{asks: make(chan struct{}), goOn: make(chan struct{})}
	older := start(t, cfg("older"), func(s *Service) { held.ledgerStore, s.decider.store = s.decider.store, held })
	<-held.asks
	newer := startNewer(t, cfg("newer"))
	newer.mustActivate(t, newer.files.Load())
	newer.send(t, 1)
	poll(t, func() bool { return newer.credited(t) == 500 })
	newer.end(t)
	close(held.goOn)
	poll(t, func() bool { return older.role(t) == api.Outdated })
	older.send(t, 2)
	again := startNewer(t, cfg("newer again"))
	poll(t, func() bool { return again.credited(t) == 1000 })
	if older.decider.leads.Load() {
		t.Error("the older decides")
	}
	again.mustVerify(t)
}

// TestFilesOfNodesAreCompared holds that starting a node, or changing its files, puts
// nothing in force on a database, and that it warns.
func TestFilesOfNodesAreCompared(t *testing.T) {
	t.Parallel()
	dsn := postgrestest.New(t)
	n := startNode(t, Config{DataDir: t.TempDir(), Database: dsn})
	before := n.inForce().Set.Digest
	files := []rule.File{{Path: "late.yaml", Text: strings.Replace(creditRule, "5.00", "6.00", 1)}}
	if changed, err := n.Reload(t.Context(), files); changed || err != nil {
		t.Errorf("reload: %v, %v", changed, err)
	}
	poll(t, func() bool { return n.logged.has("the rule files of this node are not the rules in force") })
	n.send(t, 1)
	poll(t, func() bool { return n.credited(t) == 500 })
	if got := n.inForce().Set.Digest; got != before {
		t.Errorf("in force are %s, want %s", got, before)
	}
	n.end(t)
	restarted := startWith(t, Config{DataDir: n.cfg.DataDir, Database: dsn, Rules: files})
	poll(t, func() bool { return restarted.readiness() == nil })
	restarted.send(t, 2)
	poll(t, func() bool { return restarted.credited(t) == 1000 })
	if got := restarted.inForce().Set.Digest; got != before {
		t.Errorf("after a start with other files %s are in force, want %s", got, before)
	}
}

// awayStore is a ledger whose database is away at first.
type awayStore struct {
	ledgerStore
	away atomic.Int64 // for so many questions
}

func (s *awayStore) Position(ctx context.Context) (decide.Position, error) {
	if s.away.Add(-1) >= 0 {
		return decide.Position{}, fmt.Errorf("read: %w", io.ErrUnexpectedEOF)
	}
	return s.ledgerStore.Position(ctx)
}

// TestDatabaseIsAwayAtTheStart holds that a node that begins while the database is
// restarted waits for it, and works then.
func TestDatabaseIsAwayAtTheStart(t *testing.T) {
	t.Parallel()
	cfg := Config{DataDir: t.TempDir(), Database: postgrestest.New(t)}
	first := startNode(t, cfg)
	first.send(t, 1)
	poll(t, func() bool { return first.credited(t) == 500 })
	first.end(t)
	away := &awayStore{}
	again := start(t, cfg, func(s *Service) {
		away.ledgerStore, s.decider.store = s.decider.store, away
		s.decider.fold = nil
		away.away.Store(2)
	})
	poll(t, func() bool { return again.readiness() == nil })
	again.send(t, 2)
	poll(t, func() bool { return again.credited(t) == 1000 })
	if !again.logged.has("follow the ledger again") {
		t.Error("the database was never away: nothing was tested")
	}
}
