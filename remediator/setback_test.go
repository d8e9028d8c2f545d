package remediator

import (
	"context"
	"errors"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/rule"
	"github.com/makegood/makegood/remediator/sandbox"
	"github.com/makegood/makegood/remediator/store/ledgerdb"
	"github.com/makegood/makegood/remediator/store/natstest"
	"github.com/makegood/makegood/remediator/store/postgrestest"
)

// brakedBy returns who stopped money, and whether all of that is sealed.
func (n *node) brakedBy(t *testing.T) (names []string, sealed bool) {
	t.Helper()
	brakes, err := n.ledger.Brakes(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	sealed = true
	for _, b := range brakes {
		names, sealed = append(names, b.Target+" by "+b.By), sealed && b.Confirmed
	}
	return names, sealed
}

// TestLedgerWasSetBack puts an older ledger beside a log that went on: money is stopped
// before anything is claimed, the reason is named, and what was paid is not paid again.
func TestLedgerWasSetBack(t *testing.T) {
	t.Parallel()
	t.Run("files", func(t *testing.T) {
		t.Parallel()
		cfg, kept := Config{DataDir: t.TempDir()}, filepath.Join(t.TempDir(), "kept.db")
		ledgerOf := filepath.Join(cfg.DataDir, ledgerFile)
		testSetBack(t, cfg, func() (putBack func()) {
			if err := ledgerdb.Copy(t.Context(), ledgerOf, kept); err != nil {
				t.Fatal(err)
			}
			return func() {
				t.Helper()
				for _, beside := range []string{"-wal", "-shm"} {
					if err := os.Remove(ledgerOf + beside); err != nil && !errors.Is(err, fs.ErrNotExist) {
						t.Fatal(err)
					}
				}
				was, err := os.ReadFile(kept)
				if err == nil {
					err = os.WriteFile(ledgerOf, was, 0o600)
				}
				if err != nil {
					t.Fatal(err)
				}
			}
		})
	})
	t.Run("jetstream", func(t *testing.T) {
		t.Parallel()
		cfg := Config{DataDir: t.TempDir(), Database: postgrestest.New(t), Log: natstest.Single(t, natstest.Options{}).URL()}
		testSetBack(t, cfg, func() (putBack func()) { return postgrestest.Copy(t, cfg.Database) })
	})
}

// movingStore is a ledger that others bring on while a node looks at the log: the first
// answer is where it was before that.
type movingStore struct {
	ledgerStore
	before decide.Position
	asked  atomic.Int64
}

func (s *movingStore) Position(ctx context.Context) (decide.Position, error) {
	if s.asked.Add(1) == 1 {
		return s.before, nil
	}
	return s.ledgerStore.Position(ctx)
}

// TestOthersCommitDuringARestore holds that a node which looked at the log for long goes
// on from where the ledger is then, and not from a state that is behind it.
func TestOthersCommitDuringARestore(t *testing.T) {
	t.Parallel()
	cfg := Config{DataDir: t.TempDir(), EventClock: true}
	n := startNode(t, cfg)
	poll(t, func() bool { return n.readiness() == nil })
	const orders = 4
	states := n.storeStates(t, orders)
	n.end(t)
	cfg.Rules = []rule.File{{Path: "late.yaml", Text: creditRule}}
	moving := &movingStore{before: decide.Position{LogID: states[0].LogID, Record: 1, Ordinal: 1}}
	n = start(t, cfg, func(s *Service) {
		moving.ledgerStore, s.decider.store = s.decider.store, moving
		s.decider.fold, s.decider.at = nil, decide.Position{}
	})
	poll(t, func() bool { return n.readiness() == nil })
	if code := n.sendAt(t, orders, time.Date(2026, 1, 2, 0, 0, 0, 0, time.UTC)); code != http.StatusAccepted {
		t.Fatalf("the answer is %d", code)
	}
	poll(t, func() bool { return n.credited(t) == 500*(orders+1) })
	if moving.asked.Load() < 2 {
		t.Error("the ledger was not asked again")
	}
}

func testSetBack(t *testing.T, cfg Config, backUp func() (putBack func())) {
	provider, err := sandbox.Open(sandbox.Config{})
	if err != nil {
		t.Fatal(err)
	}
	bank := httptest.NewServer(provider)
	t.Cleanup(bank.Close)
	cfg.Rules = []rule.File{{Path: "late.yaml", Text: refundRule}}
	open := func() *node {
		n := startWith(t, cfg)
		poll(t, func() bool { return n.readiness() == nil })
		return n
	}
	refunded := func(n *node, want int64) {
		t.Helper()
		poll(t, func() bool {
			totals, err := n.Totals(t.Context())
			return err == nil && totals.Refunded["USD"] == want
		})
	}
	n := open() // without a provider refunds wait
	if cfg.Database != "" {
		n.mustActivate(t, n.files.Load())
	}
	n.send(t, 1)
	poll(t, func() bool { left, err := n.ledger.Unsettled(t.Context()); return err == nil && left == 1 })
	n.end(t)
	putBack := backUp()

	cfg.Provider = bank.URL
	n = open()
	n.send(t, 2)
	refunded(n, 1000)
	if names, _ := n.brakedBy(t); len(names) != 0 {
		t.Fatalf("money is stopped without a reason: %v", names)
	}
	n.end(t)
	putBack()

	n = open()
	if !n.logged.has("the ledger was set back to input") || !n.logged.has("what came of 2 attempts that it does not know") {
		t.Error("it is not said that the ledger was set back")
	}
	n.send(t, 3)
	poll(t, func() bool { _, sealed := n.brakedBy(t); return sealed })
	if names, _ := n.brakedBy(t); len(names) != 1 || names[0] != "money by restore" {
		t.Errorf("stopped are %v", names)
	}
	refunded(n, 1000) // from the log
	poll(t, func() bool { totals, err := n.Totals(t.Context()); return err == nil && totals.Statuses["held"] == 1 })
	if paid := provider.Summary(); paid.Refunds != 2 {
		t.Errorf("%d refunds were made before anybody looked", paid.Refunds)
	}
	n.end(t)

	testResumed(t, open, refunded, provider, putBack)
}

// testResumed has a person resume, and sets the ledger back once more.
func testResumed(t *testing.T, open func() *node, refunded func(*node, int64), provider *sandbox.Sandbox, putBack func()) {
	t.Helper()
	n := open() // it caught up: what stopped money stays the same
	if names, _ := n.brakedBy(t); len(names) != 1 {
		t.Errorf("after another start stopped are %v", names)
	}
	if status, said := n.say("/v1/resume", `{"target":"money"}`); status != 200 {
		t.Fatalf("resume is answered %d %s", status, said)
	}
	n.send(t, 4)
	refunded(n, 1500)
	if paid := provider.Summary(); paid.Refunds != 3 || paid.Duplicates != 0 {
		t.Errorf("%d refunds were made, %d of them twice", paid.Refunds, paid.Duplicates)
	}
	n.end(t)
	putBack()

	n = open() // who resumed after the first time did not resume now
	refunded(n, 1500)
	if names, _ := n.brakedBy(t); len(names) != 1 || names[0] != "money by restore" {
		t.Errorf("set back once more, stopped are %v", names)
	}
	n.mustVerify(t)
}
