package remediator

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/makegood/makegood/remediator/api"
	"github.com/makegood/makegood/remediator/input"
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
