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
	var mu sync.Mutex
	type attempt struct {
		action uuid.UUID
		number int
	}
	attempts := map[attempt]int{}
	stop := make(chan struct{})
	var working sync.WaitGroup
	for range 2 {
		for _, d := range nodes {
			working.Go(func() {
				for now := noon; ; now = now.Add(time.Second) {
					select {
					case <-stop:
						return
					default:
					}
					jobs, err := d.Claim(t.Context(), "stripe", 8, now, lease)
					if err != nil {
						t.Error(err)
						return
					}
					for _, j := range jobs {
						mu.Lock()
						attempts[attempt{j.Action, j.Attempt}]++
						mu.Unlock()
						_ = d.Retry(t.Context(), j.Action, j.Attempt, now) // it never returns an error
					}
				}
			})
		}
	}
	for round := range rounds {
		var all decide.Output
		for i := range each {
			out := w.refund(fmt.Sprint(round, "-", i))
			all.Items, all.Keys, all.Outbox = append(all.Items, out.Items...), append(all.Keys, out.Keys...), append(all.Outbox, out.Outbox...)
		}
		w.commit(&all)
		var settled decide.Output
		for _, i := range rand.Perm(each) {
			settled.Settled = append(settled.Settled, id(fmt.Sprint(round, "-", i, "/refund")))
		}
		w.commit(&settled)
	}
	close(stop)
	working.Wait()
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
