package ledgerdb

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/makegood/makegood/remediator/decide"
)

// TestStopMeetsItsAnswer has the API stop something while the answer that refuses
// the command is committed, on two nodes: whichever is first, nothing stays stopped
// that the fold has refused.
func TestStopMeetsItsAnswer(t *testing.T) { engines(t, testStopMeetsItsAnswer) }

func testStopMeetsItsAnswer(t *testing.T) {
	w := newWorld(t)
	api := w.db
	if onServer(t) {
		api = openBeside(t, w.path())
	}
	const rounds = 60
	for n := range rounds {
		command := fmt.Sprint("in-", n)
		out := &decide.Output{Answers: []decide.Answer{{ID: command, Command: decide.CommandPause, At: w.next().At, Refused: "not yours"}}}
		var both sync.WaitGroup
		both.Go(func() {
			if err := api.Brake(t.Context(), decide.TargetMoney, command, "ann", noon); err != nil {
				t.Error(err)
			}
		})
		w.commit(out)
		both.Wait()
	}
	brakes, err := w.db.Brakes(t.Context())
	if err != nil || len(brakes) != 0 {
		t.Errorf("%d of %d refused stops are in force, %v", len(brakes), rounds, err)
	}
}

// TestWorkersBesideCommits has workers of two nodes claim actions and say how it
// went, while commits settle the same actions, many at a time and in another order:
// nobody waits for ever, nothing is handed out twice, and what is settled stays so.
func TestWorkersBesideCommits(t *testing.T) { engines(t, testWorkersBesideCommits) }

func testWorkersBesideCommits(t *testing.T) {
	w := newWorld(t)
	nodes := []*DB{w.db}
	if onServer(t) {
		nodes = append(nodes, openBeside(t, w.path()))
	}
	const rounds, each = 12, 25
	workers := startWorkers(t, nodes)
	for round := range rounds {
		var all decide.Output
		for i := range each {
			out := w.refund(fmt.Sprint(round, "-", i))
			all.Items, all.Keys, all.Outbox = append(all.Items, out.Items...), append(all.Keys, out.Keys...), append(all.Outbox, out.Outbox...)
		}
		w.commit(&all)
		workers.awaitClaim()
		var settled decide.Output
		for _, i := range rand.Perm(each) {
			settled.Settled = append(settled.Settled, id(fmt.Sprint(round, "-", i, "/refund")))
		}
		w.commit(&settled)
	}
	attempts := workers.end()
	for _, d := range nodes {
		if jobs := claim(t, d, noon.AddDate(1, 0, 0)); len(jobs) != 0 {
			t.Errorf("%d actions are handed out after they were settled", len(jobs))
		}
	}
	for a, n := range attempts {
		if n > 1 {
			t.Errorf("attempt %d of action %s was handed out %d times", a.number, a.action, n)
		}
	}
	if len(attempts) == 0 {
		t.Error("no action was claimed: nothing was tested")
	}
}

// workers claim the actions of a connector, two on each node, and have each tried
// again at once.
type workers struct {
	t       *testing.T
	stop    chan struct{}
	ended   chan struct{} // one has met an error
	claimed chan struct{}
	working sync.WaitGroup

	mu       sync.Mutex
	attempts map[attempt]int // how often each was handed out
}

type attempt struct {
	action uuid.UUID
	number int
}

func startWorkers(t *testing.T, nodes []*DB) *workers {
	w := &workers{t: t, stop: make(chan struct{}), ended: make(chan struct{}, 2*len(nodes)), claimed: make(chan struct{}, 1), attempts: map[attempt]int{}}
	for range 2 {
		for _, d := range nodes {
			w.working.Go(func() { w.work(d) })
		}
	}
	return w
}

func (w *workers) work(d *DB) {
	for now := noon; ; now = now.Add(time.Second) {
		select {
		case <-w.stop:
			return
		default:
		}
		jobs, err := d.Claim(w.t.Context(), "stripe", 8, now, lease)
		if err != nil {
			w.t.Error(err)
			w.ended <- struct{}{}
			return
		}
		for _, j := range jobs {
			w.mu.Lock()
			w.attempts[attempt{j.Action, j.Attempt}]++
			w.mu.Unlock()
			_ = d.Retry(w.t.Context(), j.Action, j.Attempt, now) // it never returns an error
		}
		if len(jobs) > 0 {
			select {
			case w.claimed <- struct{}{}:
			default:
			}
		}
	}
}

// awaitClaim returns once an action has been claimed since it returned last.
func (w *workers) awaitClaim() {
	select {
	case <-w.claimed:
	case <-w.ended:
		w.t.FailNow()
	}
}

func (w *workers) end() map[attempt]int {
	close(w.stop)
	w.working.Wait()
	return w.attempts
}

// TestClaimWaitsForNobody has a claim meet a transaction that holds all actions, in a
// way that is not passed over: it gives up before a commit that waits for what the
// claim holds would, and what workers said before is not lost.
// (A write transaction of a file excludes all others.)
func TestClaimWaitsForNobody(t *testing.T) { t.Run("postgres", testClaimWaitsForNobody) }

func testClaimWaitsForNobody(t *testing.T) {
	w := newWorld(t)
	w.commit(w.refund("a"))
	action := id("a/refund")
	const prepared = 3 // after so many no statement is prepared any more, which waits outside of the transaction
	for n := 1; n <= prepared; n++ {
		if jobs := claim(t, w.db, noon); jobs[action].Attempt != n {
			t.Fatalf("claimed %v, want attempt %d", jobs, n)
		}
		if err := w.db.Retry(t.Context(), action, n, noon); err != nil {
			t.Fatal(err)
		}
	}
	beside := openBeside(t, w.path())
	tx, err := beside.db.Write.Begin()
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback()
	if _, err := tx.Exec(`LOCK TABLE outbox IN EXCLUSIVE MODE`); err != nil {
		t.Fatal(err)
	}
	if jobs := claim(t, w.db, noon); len(jobs) != 0 {
		t.Errorf("claimed %v of a table that another holds", jobs)
	}
	if err := tx.Rollback(); err != nil {
		t.Fatal(err)
	}
	if again := claim(t, w.db, noon); again[action].Attempt != prepared+1 {
		t.Errorf("claimed %v once the table is free, want attempt %d", again, prepared+1)
	}
}
