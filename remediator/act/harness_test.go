package act_test

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/makegood/makegood/remediator/act"
	"github.com/makegood/makegood/remediator/act/stripe"
	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/input"
	"github.com/makegood/makegood/remediator/ledger"
	"github.com/makegood/makegood/remediator/money"
	"github.com/makegood/makegood/remediator/sandbox"
	"github.com/makegood/makegood/remediator/store/ledgerdb"
)

// desk is what stands around a worker: the real outbox, whose jobs it decides
// itself, and a log that remembers outcomes and lets the ledger settle them as the
// fold would.
type desk struct {
	*ledgerdb.DB // the outbox
	t            testing.TB

	mu       sync.Mutex
	at       decide.Position
	outcomes []decide.OutcomeBody
	ids      map[string]bool
	stamps   []int64
	refuse   int            // appends that go wrong
	lag      bool           // the fold does not come to settle anything
	change   func(*act.Job) // changes jobs on their way to the worker
}

func newDesk(t testing.TB) *desk {
	t.Helper()
	private, public, err := ledger.NewKey(rand.Reader, ledger.Origin("desk"))
	if err != nil {
		t.Fatal(err)
	}
	db, err := ledgerdb.Open(context.Background(), filepath.Join(t.TempDir(), "ledger.db"), ledgerdb.Options{Key: private})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Errorf("close ledger: %v", err)
		}
	})
	d := &desk{DB: db, t: t, ids: map[string]bool{}}
	d.commit(&decide.Output{}, decide.Fact{Kind: decide.KindGenesis}, decide.GenesisFact{LogID: "desk", LedgerKey: public})
	return d
}

// commit seals a fact and what follows from it. The caller holds mu, or is alone.
func (d *desk) commit(out *decide.Output, fact decide.Fact, body any) {
	d.t.Helper()
	encoded, err := json.Marshal(body)
	if err != nil {
		d.t.Fatal(err)
	}
	to := d.at
	to.LogID, to.Version = "desk", decide.Version
	to.Ordinal++
	to.Record++
	to.Digest = sha256.Sum256(to.Digest[:])
	fact.Ordinal, fact.Version, fact.Body = to.Ordinal, decide.Version, encoded
	out.Items = append(out.Items, decide.Item{Fact: &fact})
	if err := d.Commit(context.Background(), d.at, to, out); err != nil {
		d.t.Errorf("commit input %d: %v", to.Ordinal, err)
	}
	d.at = to
}

// Claim hands out jobs as the test wants them changed.
func (d *desk) Claim(ctx context.Context, connector string, n int, now time.Time, lease time.Duration) ([]act.Job, error) {
	jobs, err := d.DB.Claim(ctx, connector, n, now, lease)
	d.mu.Lock()
	defer d.mu.Unlock()
	for i := range jobs {
		if d.change != nil {
			d.change(&jobs[i])
		}
	}
	return jobs, err
}

// Append implements act.Appender.
func (d *desk) Append(ctx context.Context, inputs []input.Input) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if d.refuse > 0 {
		d.refuse--
		return errors.New("append: disk is full")
	}
	for _, in := range inputs {
		if d.ids[in.ID] {
			continue
		}
		d.ids[in.ID] = true
		var o decide.OutcomeBody
		if err := json.Unmarshal(in.Body, &o); err != nil {
			return err
		}
		if want := fmt.Sprintf("%s/%d", o.Action, o.Attempt); in.ID != want || in.Kind != input.Outcome {
			return fmt.Errorf("append: input %q of kind %s, want %q of an outcome", in.ID, in.Kind, want)
		}
		d.outcomes = append(d.outcomes, o)
		d.stamps = append(d.stamps, in.At)
		out := &decide.Output{}
		switch o.Status {
		case decide.Succeeded, decide.Pending, decide.Failed, decide.Blocked, decide.Skipped:
			out.Settled = []uuid.UUID{o.Action}
		}
		if !d.lag {
			d.commit(out, decide.Fact{Kind: decide.KindAction, Remedy: o.Remedy, Action: o.Action}, o.ActionFact)
		}
	}
	return nil
}

// setLag says whether the fold lags. When it no longer does, it has caught up with
// nothing that came before: that is the harder case for the workers.
func (d *desk) setLag(lag bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.lag = lag
}

// add has a payment refunded and returns the action.
func (d *desk) add(payment string, amount money.Money) uuid.UUID {
	return d.decide("stripe", decide.Step{Kind: "refund", Payment: payment, Amount: &amount})[0]
}

// decide makes a remedy of steps by a connector and returns their actions.
func (d *desk) decide(connector string, steps ...decide.Step) []uuid.UUID {
	d.t.Helper()
	remedy := uuid.New()
	var actions []uuid.UUID
	out := &decide.Output{}
	sealed := []decide.Step{{Action: uuid.New(), Name: "mark", Kind: "andon", Cord: "airport/ORD"}}
	for i, step := range steps {
		step.Action, step.Name, step.Connector = uuid.New(), fmt.Sprint("pay", i+1), connector
		sealed = append(sealed, step)
		actions = append(actions, step.Action)
		out.Outbox = append(out.Outbox, decide.Job{Action: step.Action, Remedy: remedy, Connector: connector, Kind: step.Kind, Name: step.Name})
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.commit(out, decide.Fact{Kind: decide.KindRemedy, Remedy: remedy, Rule: "late-flight"}, decide.RemedyFact{
		Remedy: remedy, Rule: "late-flight", Mode: "live", Decision: decide.Act, Customer: "ada", Source: "/shop", Event: "e-1",
		EventAt: "2001-01-01T00:00:00Z", Steps: sealed,
	})
	return actions
}

// approve hands a held action out again, as the fold does when a person approved.
func (d *desk) approve(held decide.OutcomeBody) {
	d.t.Helper()
	d.mu.Lock()
	defer d.mu.Unlock()
	d.commit(&decide.Output{Outbox: []decide.Job{{
		Action: held.Action, Remedy: held.Remedy, Connector: "stripe", Kind: "refund", Name: held.Name, Approved: true,
	}}}, decide.Fact{Kind: decide.KindApproval, Remedy: held.Remedy}, decide.ApprovalFact{Answer: "approve", By: "bo"})
}

// setChange changes jobs on their way to the worker.
func (d *desk) setChange(change func(*act.Job)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.change = change
}

// of returns the outcomes of an action, or of all for uuid.Nil.
func (d *desk) of(action uuid.UUID) []decide.OutcomeBody {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(d.outcomes), func(o decide.OutcomeBody) bool {
		return action != uuid.Nil && o.Action != action
	})
}

// unfinished is how many actions are to be attempted yet.
func (d *desk) unfinished() int {
	d.t.Helper()
	n, err := d.Unsettled(context.Background())
	if err != nil {
		d.t.Error(err)
	}
	return n
}

// statuses are the statuses of outcomes, in order.
func statuses(outcomes []decide.OutcomeBody) []string {
	out := make([]string, len(outcomes))
	for i, o := range outcomes {
		out[i] = o.Status
	}
	return out
}

// provider is a sandbox behind real HTTP and the connector to it.
type provider struct {
	*sandbox.Sandbox
	connector act.Connector
	url       string
}

func newProvider(t testing.TB, cfg sandbox.Config) *provider {
	t.Helper()
	s, err := sandbox.Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	connector, err := stripe.New(stripe.Config{Key: "sk_test_1", URL: server.URL})
	if err != nil {
		t.Fatal(err)
	}
	return &provider{s, connector, server.URL}
}

func (p *provider) plan(t testing.TB, plan sandbox.Plan) {
	t.Helper()
	if err := p.SetFaults(plan); err != nil {
		t.Fatal(err)
	}
}

// wire carries calls to a handler without a network, for tests whose clock is
// testing/synctest's.
type wire struct{ handler http.Handler }

func (w wire) RoundTrip(r *http.Request) (answer *http.Response, err error) {
	defer func() {
		if cut := recover(); cut == http.ErrAbortHandler {
			answer, err = nil, io.ErrUnexpectedEOF
		} else if cut != nil {
			panic(cut)
		}
	}()
	recorder := httptest.NewRecorder()
	w.handler.ServeHTTP(recorder, r)
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	return recorder.Result(), nil
}

// quick is a worker that waits little.
func quick(d *desk, connector act.Connector) act.Config {
	return act.Config{
		Name: "stripe", Connector: connector, Outbox: d, Log: d,
		Lease: 2 * time.Second, Deadline: time.Second, Poll: 3 * time.Millisecond,
		Backoff: act.Backoff{Base: time.Millisecond, Most: 10 * time.Millisecond},
		Breaker: act.Breaker{Cooldown: time.Millisecond},
	}
}

// run starts a worker; the function it returns shuts it down.
func run(t testing.TB, cfg act.Config) (worker *act.Worker, stop func()) {
	t.Helper()
	w, err := act.NewWorker(cfg)
	if err != nil {
		t.Fatal(err)
	}
	go w.Run(context.Background())
	return w, func() {
		t.Helper()
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := w.Shutdown(ctx); err != nil {
			t.Fatalf("shut down: %v", err)
		}
	}
}

// eventually asks again until the answer is yes.
func eventually(t testing.TB, what string, yes func() bool) {
	t.Helper()
	ask := time.NewTicker(time.Millisecond)
	defer ask.Stop()
	deadline := time.After(30 * time.Second)
	for !yes() {
		select {
		case <-ask.C:
		case <-deadline:
			t.Fatalf("%s: not within 30 s", what)
		}
	}
}

// finish runs a worker until no job is left.
func finish(t testing.TB, d *desk, cfg act.Config) {
	t.Helper()
	_, stop := run(t, cfg)
	eventually(t, "no job is left", func() bool { return d.unfinished() == 0 })
	stop()
}

func usd(minor int64) money.Money { return money.Money{Minor: minor, Currency: "USD"} }
