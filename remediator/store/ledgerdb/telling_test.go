package ledgerdb

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/makegood/makegood/remediator/act"
	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/ledger"
)

const said = `{"notify":{"let":{"title":"Casablanca"}}}`

// tell is the output of deciding to refund and then to notify; the notify step is
// handed out at once.
func (w *world) tell(name, values string) *decide.Output {
	to := w.next()
	out := w.refund(name)
	var fact decide.RemedyFact
	if err := json.Unmarshal(out.Items[0].Fact.Body, &fact); err != nil {
		w.t.Fatal(err)
	}
	action := id(name + "/notify")
	fact.Steps = append(fact.Steps, decide.Step{Action: action, Name: "notify", Kind: "notify", Connector: "notify", Template: "sorry", Via: "mail"})
	out.Items[0] = w.fact(decide.KindRemedy, decide.Fact{Remedy: fact.Remedy, Rule: "late"}, fact)
	out.Items = append(out.Items, decide.Item{Evidence: &decide.Evidence{Customer: fact.Customer, Remedy: fact.Remedy, Rule: "late",
		Kind: decide.EvidenceValues, At: to.At, Ordinal: to.Ordinal, Plain: []byte(values)}})
	out.Outbox = append(out.Outbox, decide.Job{Action: action, Remedy: fact.Remedy, Connector: "notify", Kind: "notify", Name: "notify", Ordinal: to.Ordinal, At: to.At})
	return out
}

func claimOne(t *testing.T, d *DB, connector string) (act.Job, error) {
	t.Helper()
	jobs, err := d.Claim(t.Context(), connector, 10, noon, lease)
	if err != nil {
		return act.Job{}, err
	}
	if len(jobs) != 1 {
		t.Fatalf("claimed %d jobs of %s, want 1", len(jobs), connector)
	}
	return jobs[0], nil
}

// A job that tells somebody something has what was sealed for it, also when that
// fills several entries, and what the steps before came to; a refund has neither.
func TestClaimOpensWhatIsTold(t *testing.T) { engines(t, testClaimOpensWhatIsTold) }

func testClaimOpensWhatIsTold(t *testing.T) {
	for _, values := range []string{said, `{"notify":{"let":{"title":"` + strings.Repeat("long ", 20<<10) + `"}}}`} {
		w := newWorld(t)
		w.commit(w.tell("a", values))
		w.commit(w.outcome("a", decide.Succeeded, false))
		job, err := claimOne(t, w.db, "notify")
		if err != nil || string(job.Values) != values {
			t.Errorf("values %.80s, %v; want %.80s", job.Values, err, values)
		}
		if len(job.Outcomes) != 1 || job.Outcomes[0].Action != id("a/refund") || !bytes.Contains(job.Outcomes[0].Body, []byte("re_1")) {
			t.Errorf("outcomes %+v", job.Outcomes)
		}
		if refund, err := claimOne(t, w.db, "stripe"); err != nil || refund.Values != nil || refund.Outcomes != nil {
			t.Errorf("a refund was given %+v, %v", refund, err)
		}
		mustVerify(t, w.db)
	}
}

// A retry, also of a retry, tells what the remedy was to tell, and knows what all
// before it came to.
func TestRetryTellsWhatWasToBeTold(t *testing.T) { engines(t, testRetryTellsWhatWasToBeTold) }

func testRetryTellsWhatWasToBeTold(t *testing.T) {
	w := newWorld(t)
	w.commit(w.tell("a", said))
	w.commit(w.outcome("a", decide.Succeeded, true))
	of := "a"
	for _, name := range []string{"b", "c"} {
		w.commit(&decide.Output{Settled: []uuid.UUID{id(of + "/notify")}, Items: []decide.Item{
			w.fact(decide.KindAction, decide.Fact{Remedy: id(of), Action: id(of + "/notify"), Rule: "late"}, decide.ActionFact{Name: "notify", Attempt: 1, Status: decide.Failed})}})
		to := w.next()
		fact := decide.RemedyFact{Remedy: id(name), Rule: decide.RuleRetry, Mode: live, Decision: decide.Act, Customer: "c-a", Of: id(of),
			Steps: []decide.Step{{Action: id(name + "/notify"), Name: "notify", Kind: "notify", Connector: "notify", Template: "sorry", Via: "mail"}}}
		w.commit(&decide.Output{
			Items:  []decide.Item{w.fact(decide.KindRemedy, decide.Fact{Remedy: id(name), Rule: decide.RuleRetry}, fact)},
			Outbox: []decide.Job{{Action: id(name + "/notify"), Remedy: id(name), Connector: "notify", Kind: "notify", Name: "notify", Ordinal: to.Ordinal, At: to.At}},
		})
		of = name
	}
	job, err := claimOne(t, w.db, "notify")
	if err != nil || job.Remedy != id("c") || string(job.Values) != said {
		t.Errorf("job of %s tells %s (%v)", job.Remedy, job.Values, err)
	}
	var actions []uuid.UUID
	for _, f := range job.Outcomes {
		actions = append(actions, f.Action)
	}
	if !slices.Equal(actions, []uuid.UUID{id("a/refund"), id("a/notify"), id("b/notify")}) {
		t.Errorf("outcomes %+v", job.Outcomes)
	}
	var retried []uuid.UUID
	for _, sealed := range job.Retried {
		e, err := ledger.DecodeEntry(sealed)
		if err != nil {
			t.Fatal(err)
		}
		retried = append(retried, e.Remedy)
	}
	if !slices.Equal(retried, []uuid.UUID{id("b"), id("a")}) {
		t.Errorf("retried are %v", retried)
	}
	w.change(`UPDATE ledger SET rule = 'else' WHERE remedy = ? AND kind = 'remedy'`, id("a").String())
	endClaims(t, w.db)
	if job, err := w.db.Claim(t.Context(), "notify", 10, noon.Add(lease), lease); err == nil || !strings.Contains(err.Error(), "not what was sealed") {
		t.Errorf("claimed %+v, %v", job, err)
	}
}

// When the customer's key is gone, what was to be told is gone too.
func TestErasedValuesAreNil(t *testing.T) { engines(t, testErasedValuesAreNil) }

func testErasedValuesAreNil(t *testing.T) {
	w := newWorld(t)
	w.commit(w.tell("a", said))
	w.change(`DELETE FROM customer_key WHERE customer = 'c-a'`)
	if job, err := claimOne(t, w.db, "notify"); err != nil || job.Values != nil {
		t.Errorf("values %s, %v", job.Values, err)
	}
}

// Whoever changes what is to be told makes nothing happen.
func TestChangedValuesAreNotHandedOut(t *testing.T) { engines(t, testChangedValuesAreNotHandedOut) }

func testChangedValuesAreNotHandedOut(t *testing.T) {
	w := newWorld(t)
	w.commit(w.tell("a", said))
	w.change(`UPDATE ledger SET body = (SELECT body FROM ledger AS other WHERE other.seq = ledger.seq - 1) WHERE seq = (SELECT MAX(seq) FROM ledger)`)
	if job, err := claimOne(t, w.db, "notify"); err == nil || !strings.Contains(err.Error(), "not what was sealed") {
		t.Errorf("claimed %+v, %v", job, err)
	}
	w.change(`UPDATE outbox SET next_at = ? WHERE connector = 'stripe'`, noon.Add(time.Hour).UnixNano())
	if job, err := w.db.Claim(t.Context(), "stripe", 10, noon, lease); err != nil || len(job) != 0 {
		t.Errorf("claimed %+v, %v", job, err)
	}
}

func TestSkippedActionIsSeen(t *testing.T) { engines(t, testSkippedActionIsSeen) }

func testSkippedActionIsSeen(t *testing.T) {
	w := newWorld(t)
	w.commit(w.tell("a", said))
	out := &decide.Output{Settled: []uuid.UUID{id("a/notify")}, Items: []decide.Item{
		w.fact(decide.KindAction, decide.Fact{Remedy: id("a"), Action: id("a/notify"), Rule: "late"},
			decide.ActionFact{Name: "notify", Attempt: 1, Status: decide.Skipped, Code: "unsubscribed"})}}
	w.commit(out)
	r, err := w.db.Remedy(t.Context(), id("a"))
	if err != nil || r.Actions[1].Status != "skipped" || r.Actions[1].Code != "unsubscribed" {
		t.Errorf("viewed as %+v, %v", r, err)
	}
	mustVerify(t, w.db)
}
