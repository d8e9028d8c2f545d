package remediator

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/makegood/makegood/remediator/api"
	"github.com/makegood/makegood/remediator/input"
	"github.com/makegood/makegood/remediator/rule"
	"github.com/makegood/makegood/remediator/sandbox"
	"github.com/makegood/makegood/remediator/store/lognats"
	"github.com/makegood/makegood/remediator/store/natstest"
	"github.com/makegood/makegood/remediator/store/postgrestest"
)

// TestLogOnServers has nodes keep the log in a stream and the ledger in a database,
// and restarts them: they go on where they were, and say what keeps the log.
func TestLogOnServers(t *testing.T) {
	t.Parallel()
	server, key := natstest.Single(t, natstest.Options{}), filepath.Join(t.TempDir(), "shared.key")
	config := func(name string) Config {
		return Config{DataDir: t.TempDir(), Log: server.URL(), LedgerKeyFile: key, Node: name, Version: "v1"}
	}
	dsn := postgrestest.New(t)
	first, second := config("a"), config("b")
	first.Database, second.Database = dsn, dsn
	a, b := startNode(t, first), startNode(t, second)
	a.send(t, 1)
	b.send(t, 2)
	poll(t, func() bool { return b.credited(t) == 1000 })
	var s api.Status
	a.ask(t, "/v1/status", &s)
	if s.Self.Log != "NATS JetStream, stream makegood, replicas 1" {
		t.Errorf("the log is kept in %q", s.Self.Log)
	}
	a.end(t)
	b.end(t)
	c := startWith(t, second)
	poll(t, func() bool { return c.readiness() == nil })
	c.send(t, 2) // known
	c.send(t, 3)
	poll(t, func() bool { return c.credited(t) == 1500 })
	c.mustVerify(t)
	c.end(t)

	// A ledger that was made from a log is never begun on another.
	other := second
	other.Log += "&stream=other"
	if _, err := New(other); err == nil || !strings.Contains(err.Error(), "there is a ledger that was made from it") {
		t.Errorf("a stream that is not there: %v", err)
	}
	strange := config("d")
	strange.Database, strange.Log, strange.LedgerKeyFile = postgrestest.New(t), other.Log, filepath.Join(t.TempDir(), "other.key")
	startNode(t, strange).end(t)
	other.LedgerKeyFile = key
	if _, err := New(other); err == nil || !strings.Contains(err.Error(), "the log is not the one that the ledger was made from: its id is") {
		t.Errorf("a stream with another log: %v", err)
	}
	if _, err := New(Config{DataDir: t.TempDir(), Log: server.URL()}); err == nil || !strings.Contains(err.Error(), "needs a database") {
		t.Errorf("no database: %v", err)
	}
}

// TestLogThatLostItsEnd starts a node whose stream was made again from an older copy:
// it refuses, and names both ends.
func TestLogThatLostItsEnd(t *testing.T) {
	t.Parallel()
	server := natstest.Single(t, natstest.Options{})
	cfg := Config{DataDir: t.TempDir(), Database: postgrestest.New(t), Log: server.URL(), Node: "a"}
	n := startNode(t, cfg)
	n.send(t, 1)
	poll(t, func() bool { return n.credited(t) == 500 })
	old := server.Copy(t) // as of now
	n.send(t, 2)
	poll(t, func() bool { return n.credited(t) == 1000 })
	n.end(t)
	folded := n.decider.record.Load()
	cfg.Log = old.URL()
	_, err := New(cfg)
	if err == nil || !strings.Contains(err.Error(), "the log lost its end: it ends at record") {
		t.Errorf("a log that lost its end: %v", err)
	}

	// With other records in the place of those that it lost it is as long, under its own
	// id, and not the log that the ledger was made from.
	lg, err := lognats.Open(t.Context(), old.URL(), lognats.Options{})
	if err != nil {
		t.Fatal(err)
	}
	tick, err := input.EncodeRecord([]input.Input{{Kind: input.Tick, At: input.StampRecord}})
	if err != nil {
		t.Fatal(err)
	}
	for seq := uint64(0); seq < folded; {
		if seq, err = lg.Append(t.Context(), tick); err != nil {
			t.Fatal(err)
		}
	}
	if err := lg.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := New(cfg); err == nil || !strings.Contains(err.Error(), "the log is not the one that the ledger was made from: at input") {
		t.Errorf("a log with other records: %v", err)
	}
}

const refundRule = `rules:
  - rule: refund-late
    owner: shop
    why: It came late.
    event: com.example.order.late
    once_per: data.order
    do:
      - refund: {payment: "pi_${{ data.order }}", amount: 5.00 USD}
    limits: {per_remedy: 5.00 USD, budget: {amount: 9000.00 USD, within: 1d}}
    account: a
    mode: live
`

// streamLeader is the server that leads the stream of a log.
func streamLeader(t *testing.T, c *natstest.Cluster) *natstest.Server {
	t.Helper()
	conn, err := nats.Connect(c.URL())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	js, err := jetstream.New(conn)
	if err != nil {
		t.Fatal(err)
	}
	stream, err := js.Stream(t.Context(), "makegood")
	if err != nil {
		t.Fatal(err)
	}
	return c.Named(stream.CachedInfo().Cluster.Leader)
}

// TestRefundsWithoutTheStreamsLeader has three nodes refund while the server that
// leads the log's stream is killed, and accounts for every cent.
func TestRefundsWithoutTheStreamsLeader(t *testing.T) {
	if testing.Short() {
		t.Skip("it waits for an election: make test does")
	}
	t.Parallel()
	cluster := natstest.Start(t, 3, natstest.Options{})
	provider, err := sandbox.Open(sandbox.Config{})
	if err != nil {
		t.Fatal(err)
	}
	bank := httptest.NewServer(provider)
	t.Cleanup(bank.Close)
	dsn, key := postgrestest.New(t), filepath.Join(t.TempDir(), "shared.key")
	var nodes []*node
	for _, name := range []string{"a", "b", "c"} {
		nodes = append(nodes, startWith(t, Config{
			DataDir: t.TempDir(), Database: dsn, Log: cluster.URL(), LedgerKeyFile: key, Node: name, Provider: bank.URL,
			Rules: []rule.File{{Path: "late.yaml", Text: refundRule}},
		}))
	}
	nodes[0].mustActivate(t, nodes[0].files.Load())
	const each = 20
	sendAll := func(from, to int) { // again until it is taken, as clients do, and once more elsewhere
		for order := from; order < to; order++ {
			for try := order; nodes[try%len(nodes)].send(t, order) != http.StatusAccepted; try++ {
				if t.Context().Err() != nil {
					return
				}
			}
			nodes[(order+1)%len(nodes)].send(t, order)
		}
	}
	sendAll(0, each)
	leader := streamLeader(t, cluster)
	began := time.Now()
	if err := leader.Kill(); err != nil {
		t.Fatal(err)
	}
	sendAll(each, 2*each)
	t.Logf("%d events taken within %v of the kill", each, time.Since(began).Round(time.Millisecond))
	if err := errors.Join(leader.Start(), leader.Ready()); err != nil {
		t.Fatal(err)
	}
	sendAll(2*each, 3*each)
	const want = 3 * each * 500
	var sealed int64
	poll(t, func() bool {
		totals, err := nodes[0].Totals(t.Context())
		sealed = totals.Refunded["USD"]
		return err == nil && sealed >= want
	})
	paid := provider.Summary()
	if paid.Totals["USD"] != want || sealed != want || paid.Refunds != 3*each || paid.Duplicates != 0 {
		t.Errorf("the provider paid %d in %d refunds, the ledger says %d, want %d", paid.Totals["USD"], paid.Refunds, sealed, want)
	}
	nodes[1].mustVerify(t)
}
