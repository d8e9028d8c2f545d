package act_test

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
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
)

// desk is an outbox and a log in memory, and the part of the fold that lies
// between them: an outcome that settles an action takes its job away.
type desk struct {
	mu       sync.Mutex
	jobs     map[uuid.UUID]*entry
	outcomes []decide.OutcomeBody
	ids      map[string]bool
	stamps   []int64
	refuse   int  // appends that fail
	lag      bool // the fold does not come to settle anything
}

type entry struct {
	act.Job
	due, lease        time.Time
	reported, settled bool
}

func newDesk() *desk { return &desk{jobs: map[uuid.UUID]*entry{}, ids: map[string]bool{}} }

func (d *desk) Claim(_ context.Context, connector string, n int, now time.Time, lease time.Duration) ([]act.Job, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	var due []*entry
	for _, e := range d.jobs {
		if e.Connector == connector && !e.settled && !e.reported && !e.due.After(now) && !e.lease.After(now) {
			due = append(due, e)
		}
	}
	slices.SortFunc(due, func(a, b *entry) int {
		return cmp.Or(a.due.Compare(b.due), cmp.Compare(a.Action.String(), b.Action.String()))
	})
	var jobs []act.Job
	for _, e := range due[:min(n, len(due))] {
		e.Attempt++
		if e.Attempt == 1 {
			e.FirstAttemptAt = now
		}
		e.lease = now.Add(lease)
		jobs = append(jobs, e.Job)
	}
	return jobs, nil
}

func (d *desk) Retry(_ context.Context, action uuid.UUID, next time.Time) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.jobs[action].due, d.jobs[action].lease = next, time.Time{}
	return nil
}

func (d *desk) Reported(_ context.Context, action uuid.UUID) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.jobs[action].reported = true
	return nil
}

func (d *desk) Append(ctx context.Context, inputs []input.Input) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if d.refuse > 0 {
		d.refuse--
		return fmt.Errorf("append: disk is full")
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
		switch o.Status {
		case decide.Succeeded, decide.Pending, decide.Failed, decide.Blocked:
			d.jobs[o.Action].settled = !d.lag
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

// add puts a refund into the outbox and returns its action.
func (d *desk) add(payment string, amount money.Money) uuid.UUID {
	return d.put("stripe", "refund", decide.Step{Payment: payment, Amount: &amount})
}

func (d *desk) put(connector, kind string, step decide.Step) uuid.UUID {
	step.Action, step.Name, step.Kind, step.Connector = uuid.New(), "pay", kind, connector
	remedy := uuid.New()
	body, err := json.Marshal(decide.RemedyFact{
		Remedy: remedy, Rule: "late-flight", Mode: "live", Decision: decide.Act, Customer: "ada", Source: "/shop", Event: "e-1",
		EventAt: "2001-01-01T00:00:00Z", Steps: []decide.Step{{Name: "mark", Kind: "andon"}, step},
	})
	if err != nil {
		panic(err)
	}
	sealed := ledger.Entry{Seq: 7, Fact: decide.Fact{Kind: decide.KindRemedy, Ordinal: 1, Version: 1, Remedy: remedy, Rule: "late-flight", Body: body}}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.jobs[step.Action] = &entry{Job: act.Job{
		Action: step.Action, Remedy: remedy, Connector: connector, Kind: kind, Name: step.Name, Entry: sealed.Encode(),
	}}
	return step.Action
}

// edit changes the row of an action.
func (d *desk) edit(action uuid.UUID, change func(*entry)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	change(d.jobs[action])
}

// of returns the outcomes of an action, or of all for uuid.Nil.
func (d *desk) of(action uuid.UUID) []decide.OutcomeBody {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(d.outcomes), func(o decide.OutcomeBody) bool {
		return action != uuid.Nil && o.Action != action
	})
}

// unfinished is how many jobs are neither settled nor reported.
func (d *desk) unfinished() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	n := 0
	for _, e := range d.jobs {
		if !e.settled && !e.reported {
			n++
		}
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
		Lease: 2 * time.Second, Deadline: time.Second, Poll: time.Millisecond,
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
