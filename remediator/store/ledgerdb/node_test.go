package ledgerdb

import (
	"testing"
	"time"

	"github.com/makegood/makegood/remediator/store/postgrestest"
	"github.com/makegood/makegood/remediator/store/views"
)

// TestNodesKnowEachOther holds that each node sees all, who leads, and who left.
func TestNodesKnowEachOther(t *testing.T) {
	t.Parallel()
	dsn := postgrestest.New(t)
	a, b := node(t, dsn, "a"), node(t, dsn, "b")
	for _, d := range []*DB{a, b} {
		for range 2 { // the second is the same node again
			if err := d.SeeNode(t.Context(), views.Node{Name: d.Holder()[:1], Version: "v1", Decide: 1, Rules: "r", Ordinal: 7}); err != nil {
				t.Fatal(err)
			}
		}
	}
	mustAcquire(t, b)
	nodes, err := a.Nodes(t.Context())
	if err != nil || len(nodes) != 2 {
		t.Fatalf("nodes %+v, %v", nodes, err)
	}
	for i, want := range []views.Node{{Name: "a"}, {Name: "b", Leader: true}} {
		n := nodes[i]
		if n.Name != want.Name || n.Leader != want.Leader || n.Silent || n.Version != "v1" || n.Decide != 1 || n.Rules != "r" || n.Ordinal != 7 || n.Seen.IsZero() {
			t.Errorf("node %+v, want %+v", n, want)
		}
	}
	if _, err := a.db.Write.Exec(`UPDATE node SET seen = seen - ? WHERE name = 'b'`, int64(2*nodeSilent)); err != nil {
		t.Fatal(err)
	}
	if nodes, err := a.Nodes(t.Context()); err != nil || len(nodes) != 2 || nodes[0].Silent || !nodes[1].Silent {
		t.Errorf("after a while without a word: %+v, %v", nodes, err)
	}
	if _, err := a.db.Write.Exec(`UPDATE node SET seen = seen - ? WHERE name = 'b'`, int64(2*nodeKept)); err != nil {
		t.Fatal(err)
	}
	if err := a.SeeNode(t.Context(), views.Node{Name: "a"}); err != nil {
		t.Fatal(err)
	}
	if nodes, err := a.Nodes(t.Context()); err != nil || len(nodes) != 1 {
		t.Errorf("after an hour: %+v, %v", nodes, err)
	}
	if err := a.LeaveNode(t.Context()); err != nil {
		t.Fatal(err)
	}
	if nodes, err := a.Nodes(t.Context()); err != nil || len(nodes) != 0 {
		t.Errorf("after the last has left: %+v, %v", nodes, err)
	}
}

// TestNewsReachOtherNodes holds that a commit, a stop and the end of a lease are
// heard of by another node.
func TestNewsReachOtherNodes(t *testing.T) {
	t.Parallel()
	dsn := postgrestest.New(t)
	a, b := &world{t: t, db: node(t, dsn, "a")}, node(t, dsn, "b")
	held := mustAcquire(t, a.db)
	a.commit(a.genesis())
	for _, c := range []struct {
		of News
		do func() error
	}{
		{Committed, func() error { a.commit(a.refund("news")); return nil }},
		{Braked, func() error { return a.db.Brake(t.Context(), "money", "command/x", "x", time.Now()) }},
		{LeaseFree, func() error { return held.Release(t.Context()) }},
	} {
		waitListening(t, a.db, b, c.of)
		heard := b.News(c.of)
		if err := c.do(); err != nil {
			t.Fatal(err)
		}
		select {
		case <-heard:
		case <-time.After(30 * term):
			t.Errorf("nothing was heard of news %d", c.of)
		}
	}
}

// waitListening waits until one handle hears another: listening begins when its
// connection is there.
func waitListening(t *testing.T, from, to *DB, of News) {
	t.Helper()
	limit := time.After(30 * term)
	for {
		heard := to.News(of)
		from.news.tell(of)
		select {
		case <-heard:
			return
		case <-time.After(term / 10):
		case <-limit:
			t.Fatal("nobody listens")
		}
	}
}

// TestCloseAfterTheHeirEnded holds that a node closes as usual when whoever followed
// it has ended the connection on which it committed.
func TestCloseAfterTheHeirEnded(t *testing.T) {
	t.Parallel()
	dsn := postgrestest.New(t)
	a, b := &world{t: t, db: node(t, dsn, "a")}, node(t, dsn, "b")
	held := mustAcquire(t, a.db)
	a.commit(a.genesis())
	a.commit(a.refund("one"))
	if err := held.Release(t.Context()); err != nil {
		t.Fatal(err)
	}
	mustAcquire(t, b) // it ends the connection
	if err := a.db.Close(); err != nil {
		t.Errorf("close: %v", err)
	}
}
