package ledgerdb

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/makegood/makegood/remediator/act"
	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/ledger"
)

const lease = time.Minute

var noon = time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)

// claim claims all jobs that are due and returns their names with the attempt.
func claim(t *testing.T, d *DB, now time.Time) map[uuid.UUID]act.Job {
	t.Helper()
	jobs, err := d.Claim(t.Context(), "stripe", 100, now, lease)
	if err != nil {
		t.Fatal(err)
	}
	found := map[uuid.UUID]act.Job{}
	for _, j := range jobs {
		found[j.Action] = j
	}
	if len(found) != len(jobs) {
		t.Fatalf("an action was claimed twice at once: %v", jobs)
	}
	return found
}

// endClaims lets the time of a lease pass for all that is claimed: in PostgreSQL the
// server's clock counts, whatever the time of a claim is.
func endClaims(t *testing.T, d *DB) {
	t.Helper()
	if !onServer(t) {
		return
	}
	if _, err := d.db.Write.Exec(`UPDATE outbox SET lease_until = lease_until - ? WHERE lease_until > 0`, int64(lease)); err != nil {
		t.Fatal(err)
	}
}

// TestWrongClocksStealNothing has nodes whose clocks are a year ahead and a year behind:
// neither gets what another holds, and what one of them held is free when its time is
// over by the server's clock.
func TestWrongClocksStealNothing(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"postgres"} { // a file has one process, and one clock
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.commit(w.refund("a"))
			other := openBeside(t, w.path())
			ahead, behind := noon.AddDate(1, 0, 0), noon.AddDate(-1, 0, 0)
			first := claim(t, w.db, noon)[id("a/refund")]
			if first.Attempt != 1 {
				t.Fatalf("claimed %+v", first)
			}
			var holder string
			if err := w.db.db.Read.QueryRow(`SELECT holder FROM outbox`).Scan(&holder); err != nil || holder != w.db.Holder() {
				t.Errorf("held by %q, %v; want %q", holder, err, w.db.Holder())
			}
			for _, now := range []time.Time{ahead, behind} {
				if jobs := claim(t, other, now); len(jobs) != 0 {
					t.Errorf("a node whose clock says %v took what another holds", now)
				}
			}
			endClaims(t, w.db)
			if second := claim(t, other, ahead)[id("a/refund")]; second.Attempt != 2 {
				t.Errorf("after the claim ended: %+v, want the second attempt", second)
			}
			endClaims(t, w.db) // of a claim that was made by a clock a year ahead
			if third := claim(t, w.db, noon)[id("a/refund")]; third.Attempt != 3 {
				t.Errorf("after the claim of a fast clock: %+v, want the third attempt", third)
			}
		})
	}
}

func unsettled(t *testing.T, d *DB, want int) {
	t.Helper()
	if n, err := d.Unsettled(t.Context()); err != nil || n != want {
		t.Errorf("%d unsettled, %v; want %d", n, err, want)
	}
}

func TestClaimHandsOutTheSealedDecision(t *testing.T) { engines(t, testClaimHandsOutTheSealedDecision) }

func testClaimHandsOutTheSealedDecision(t *testing.T) {
	w := newWorld(t)
	w.commit(w.refund("a"))
	unsettled(t, w.db, 1)
	jobs := claim(t, w.db, noon)
	job, ok := jobs[id("a/refund")]
	if len(jobs) != 1 || !ok {
		t.Fatalf("claimed %v, want the refund", jobs)
	}
	if job.Remedy != id("a") || job.Connector != "stripe" || job.Kind != "refund" || job.Name != "refund" || job.Approved ||
		job.Attempt != 1 || !job.FirstAttemptAt.Equal(noon) {
		t.Errorf("claimed %+v", job)
	}
	entry, err := ledger.DecodeEntry(job.Entry)
	if err != nil {
		t.Fatal(err)
	}
	var fact decide.RemedyFact
	if err := json.Unmarshal(entry.Body, &fact); err != nil || fact.Steps[0].Action != job.Action {
		t.Errorf("the entry is %s (%v)", job.Entry, err)
	}
	if other, err := w.db.Claim(t.Context(), "credit", 10, noon, lease); err != nil || len(other) != 0 {
		t.Errorf("another connector claimed %v, %v", other, err)
	}
}

func TestLeaseEndsAndAttemptsCount(t *testing.T) { engines(t, testLeaseEndsAndAttemptsCount) }

func testLeaseEndsAndAttemptsCount(t *testing.T) {
	w := newWorld(t)
	w.commit(w.refund("a"))
	action := id("a/refund")
	claim(t, w.db, noon)
	if jobs := claim(t, w.db, noon.Add(lease-1)); len(jobs) != 0 {
		t.Errorf("claimed under a lease: %v", jobs)
	}
	// Its worker died; the lease runs out.
	endClaims(t, w.db)
	again := claim(t, w.db, noon.Add(lease))[action]
	if again.Attempt != 2 || !again.FirstAttemptAt.Equal(noon) {
		t.Errorf("second attempt %+v, want number 2 and the time of the first", again)
	}
	now := noon.Add(lease + time.Second)
	// A late word about the first attempt does not end the lease of the second.
	if err := w.db.Reported(t.Context(), action, 1); err != nil {
		t.Fatal(err)
	}
	endClaims(t, w.db)
	if jobs := claim(t, w.db, noon.Add(2*lease)); len(jobs) != 1 || jobs[action].Attempt != 3 {
		t.Errorf("after a late word about the first attempt and the end of the second's lease: %v, want the third attempt", jobs)
	}
	now = now.Add(2 * lease)
	if err := w.db.Retry(t.Context(), action, 3, now.Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	if jobs := claim(t, w.db, now.Add(time.Hour-1)); len(jobs) != 0 {
		t.Errorf("claimed before it was due again: %v", jobs)
	}
	if fourth := claim(t, w.db, now.Add(time.Hour))[action]; fourth.Attempt != 4 {
		t.Errorf("fourth attempt %+v", fourth)
	}
	if err := w.db.Reported(t.Context(), action, 4); err != nil {
		t.Fatal(err)
	}
	if jobs := claim(t, w.db, noon.AddDate(1, 0, 0)); len(jobs) != 0 {
		t.Errorf("claimed after its outcome was reported: %v", jobs)
	}
	unsettled(t, w.db, 0)
	w.commit(w.outcome("a", decide.Succeeded, true))
	if jobs := claim(t, w.db, noon.AddDate(2, 0, 0)); len(jobs) != 0 {
		t.Errorf("claimed after it was settled: %v", jobs)
	}
	// What a slow worker says about settled and unknown actions changes nothing.
	for _, a := range []uuid.UUID{action, id("unknown")} {
		if err := w.db.Retry(t.Context(), a, 1, noon); err != nil {
			t.Error(err)
		}
	}
	if jobs := claim(t, w.db, noon.AddDate(3, 0, 0)); len(jobs) != 0 {
		t.Errorf("claimed after a late word: %v", jobs)
	}
}

func TestClaimsExcludeEachOther(t *testing.T) { engines(t, testClaimsExcludeEachOther) }

func testClaimsExcludeEachOther(t *testing.T) {
	w := newWorld(t)
	const actions, workers = 60, 6
	for n := range actions {
		w.commit(w.refund(fmt.Sprint(n)))
	}
	var mu sync.Mutex
	claimed := map[uuid.UUID]int{}
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for range actions {
				jobs, err := w.db.Claim(t.Context(), "stripe", 7, noon, lease)
				if err != nil {
					t.Error(err)
				}
				mu.Lock()
				for _, j := range jobs {
					claimed[j.Action]++
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	if len(claimed) != actions {
		t.Errorf("%d actions were claimed, want %d", len(claimed), actions)
	}
	for action, n := range claimed {
		if n != 1 {
			t.Errorf("action %s was claimed %d times", action, n)
		}
	}
}

// TestAttemptIsCommittedBeforeTheJobIsReturned goes on with the files as they lie
// on the disk when the job was handed out.
func TestAttemptIsCommittedBeforeTheJobIsReturned(t *testing.T) {
	engines(t, testAttemptIsCommittedBeforeTheJobIsReturned)
}

func testAttemptIsCommittedBeforeTheJobIsReturned(t *testing.T) {
	w := newWorld(t)
	w.commit(w.refund("a"))
	claim(t, w.db, noon)
	after := openAt(t, copyFiles(t, w.path()))
	endClaims(t, after)
	job := claim(t, after, noon.Add(2*lease))[id("a/refund")] // elsewhere than in a file the lease lasts
	if job.Attempt != 2 || !job.FirstAttemptAt.Equal(noon) {
		t.Errorf("after a crash attempt %d, first at %v; want 2, and the first at %v", job.Attempt, job.FirstAttemptAt, noon)
	}
}

// TestStartFreesWhatWasHeld opens the ledger again while actions are leased,
// reported and settled.
func TestStartFreesWhatWasHeld(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, name := range []string{"leased", "reported", "settled"} {
		w.commit(w.refund(name))
	}
	claim(t, w.db, noon)
	if err := w.db.Reported(t.Context(), id("reported/refund"), 1); err != nil {
		t.Fatal(err)
	}
	w.commit(w.outcome("settled", decide.Succeeded, true))
	path := w.path()
	if err := w.db.Close(); err != nil {
		t.Fatal(err)
	}
	jobs := claim(t, openAt(t, path), noon)
	if len(jobs) != 2 || jobs[id("leased/refund")].Attempt != 2 || jobs[id("reported/refund")].Attempt != 2 {
		t.Errorf("after a start claimed %v, want the leased and the reported one", jobs)
	}
}

// TestHandedOutAgain has the fold settle an action that is blocked and hand it out
// again when a person approved it: attempts go on counting, because the number of
// an attempt is part of its outcome's id.
func TestHandedOutAgain(t *testing.T) { engines(t, testHandedOutAgain) }

func testHandedOutAgain(t *testing.T) {
	approve := func(w *world, out *decide.Output) {
		job := w.refund("a").Outbox[0]
		job.Approved = true
		out.Outbox = append(out.Outbox, job)
	}
	check := func(t *testing.T, w *world, attempt int) {
		t.Helper()
		job := claim(t, w.db, noon.Add(time.Hour))[id("a/refund")]
		if job.Attempt != attempt || !job.Approved || len(job.Entry) == 0 {
			t.Errorf("claimed %+v, want attempt %d, approved", job, attempt)
		}
	}
	t.Run("later", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.commit(w.refund("a"))
		claim(t, w.db, noon)
		w.commit(w.outcome("a", decide.Blocked, true))
		unsettled(t, w.db, 0)
		out := &decide.Output{}
		approve(w, out)
		w.commit(out)
		check(t, w, 2)
	})
	t.Run("before the worker's last word", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.commit(w.refund("a"))
		claim(t, w.db, noon)
		out := w.outcome("a", decide.Blocked, true)
		approve(w, out)
		w.commit(out)
		if err := w.db.Reported(t.Context(), id("a/refund"), 1); err != nil {
			t.Fatal(err)
		}
		check(t, w, 2)
	})
	t.Run("in the commit that settles it", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.commit(w.refund("a"))
		claim(t, w.db, noon)
		out := w.outcome("a", decide.Blocked, true)
		approve(w, out)
		w.commit(out)
		check(t, w, 2)
	})
	t.Run("all in one commit", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		out := w.refund("a")
		out.Settled = []uuid.UUID{id("a/refund")}
		approve(w, out)
		w.commit(out)
		check(t, w, 1)
	})
	t.Run("and settled in one commit", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		out := w.refund("a")
		approve(w, out)
		out.Settled = []uuid.UUID{id("a/refund"), id("a/refund")}
		w.commit(out)
		unsettled(t, w.db, 0)
	})
}

// TestAttemptsOfTheLogAreCounted has outcomes come of attempts that were counted after
// the outbox was copied: their numbers are not given again.
func TestAttemptsOfTheLogAreCounted(t *testing.T) { engines(t, testAttemptsOfTheLogAreCounted) }

func testAttemptsOfTheLogAreCounted(t *testing.T) {
	w := newWorld(t)
	action := id("a/refund")
	came := func(out *decide.Output, numbers ...int) {
		t.Helper()
		out.Attempts = nil
		for _, n := range numbers {
			out.Attempts = append(out.Attempts, decide.Attempt{Action: action, Number: n})
		}
		w.commit(out)
	}
	claims := func(want int) {
		t.Helper()
		endClaims(t, w.db)
		if job := claim(t, w.db, noon.Add(time.Duration(want)*lease))[action]; job.Attempt != want {
			t.Errorf("attempt %d is claimed, want %d", job.Attempt, want)
		}
	}
	came(w.refund("a"), 1) // handed out and tried in one commit
	claims(2)
	came(w.outcome("a", decide.Retrying, false), 4, 3)
	claims(5)
	came(w.outcome("a", decide.Retrying, false), 2)
	claims(6)
	came(w.outcome("a", decide.Blocked, true), 8)
	again := w.refund("a") // a person lets it be tried again
	came(&decide.Output{Outbox: again.Outbox})
	claims(9)
}

// TestShadowDecisionIsNotCarriedOut has a shadow decision of the same remedy after
// the live one that was held.
func TestShadowDecisionIsNotCarriedOut(t *testing.T) { engines(t, testShadowDecisionIsNotCarriedOut) }

func testShadowDecisionIsNotCarriedOut(t *testing.T) {
	w := newWorld(t)
	held := w.refund("a")
	held.Outbox = nil
	w.commit(held)
	shadow := w.refund("a")
	shadow.Items[0].Fact.Body = []byte(strings.Replace(string(shadow.Items[0].Fact.Body), `"mode":"live"`, `"mode":"shadow"`, 1))
	shadow.Items, shadow.Keys[0].Shadow, shadow.Outbox, shadow.Payments = shadow.Items[:1], true, nil, nil
	w.commit(shadow)
	w.commit(&decide.Output{Outbox: w.refund("a").Outbox})
	entry, err := ledger.DecodeEntry(claim(t, w.db, noon)[id("a/refund")].Entry)
	if err != nil || entry.Seq != 1 {
		t.Errorf("carries out entry %d, %v; want 1, the live decision", entry.Seq, err)
	}
	missing := w.refund("b")
	missing.Items = nil
	if err := w.db.Commit(t.Context(), w.at, w.next(), missing); err == nil || !strings.Contains(err.Error(), "no live decision") {
		t.Errorf("a job without a decision: %v", err)
	}
}

// TestChangedDecisionMovesNoMoney changes what would be paid behind the ledger's
// back.
func TestChangedDecisionMovesNoMoney(t *testing.T) { engines(t, testChangedDecisionMovesNoMoney) }

func testChangedDecisionMovesNoMoney(t *testing.T) {
	for _, change := range []string{
		`UPDATE ledger SET body = CAST(replace(body, '299', '999') AS BLOB) WHERE kind = 'remedy'`,
		`UPDATE ledger SET leaf = zeroblob(32) WHERE kind = 'remedy'`,
		`UPDATE tile SET hashes = zeroblob(32 * width) WHERE level = 0`,
		`UPDATE tile SET hashes = zeroblob(5) WHERE level = 0`,
		`UPDATE ledger SET remedy = 'nobody' WHERE kind = 'remedy'`,
		`UPDATE outbox SET entry = 0`,
		`DELETE FROM ledger WHERE kind = 'remedy'`,
	} {
		w := newWorld(t)
		w.commit(w.refund("a"))
		w.change(change)
		jobs, err := w.db.Claim(t.Context(), "stripe", 1, noon, lease)
		if err == nil && change != `UPDATE outbox SET entry = 0` {
			t.Errorf("%s: claimed %v, want an error", change, jobs)
		}
		if err == nil { // the worker then finds no such step in the entry
			if entry, err := ledger.DecodeEntry(jobs[0].Entry); err != nil || entry.Kind != decide.KindGenesis {
				t.Errorf("%s: entry %+v, %v", change, entry, err)
			}
		}
	}
}
