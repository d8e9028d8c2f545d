package sandbox_test

import (
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

	"github.com/stripe/stripe-go/v85"
	"github.com/stripe/stripe-go/v85/webhook"

	"github.com/makegood/makegood/remediator/sandbox"
)

// receiver takes events as stripe-go verifies them.
type receiver struct {
	mu   sync.Mutex
	got  []string // type, refund and its status
	ids  []string
	deaf bool
	came chan struct{}
}

func receive(t testing.TB, secret string) (*receiver, string) {
	t.Helper()
	r := &receiver{came: make(chan struct{}, 100)}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		r.mu.Lock()
		defer r.mu.Unlock()
		if r.deaf {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		body, err := io.ReadAll(req.Body)
		if err != nil {
			t.Error(err)
		}
		e, err := webhook.ConstructEventWithOptions(body, req.Header.Get("Stripe-Signature"), secret, webhook.ConstructEventOptions{IgnoreAPIVersionMismatch: true})
		if err != nil {
			t.Errorf("verify: %v", err)
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		var refund stripe.Refund
		if err := json.Unmarshal(e.Data.Raw, &refund); err != nil {
			t.Error(err)
		}
		r.got = append(r.got, fmt.Sprint(e.Type, " ", refund.ID, " ", refund.Status))
		r.ids = append(r.ids, e.ID)
		r.came <- struct{}{}
	}))
	t.Cleanup(server.Close)
	return r, server.URL
}

func (r *receiver) taken() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	got := r.got
	r.got = nil
	return got
}

// TestHooks holds that a receiver hears of every change of a refund, signed so that
// Stripe's own library takes it, more than once and out of order when that is asked for.
func TestHooks(t *testing.T) {
	t.Parallel()
	const secret = "whsec_one"
	p := start(t, sandbox.Config{})
	r, url := receive(t, secret)
	p.mustRefund("before", "pi_1", 1) // nobody was to be told yet
	if code, text := p.post("/sandbox/webhooks", `{"url":"`+url+`","secret":"`+secret+`"}`); code != 200 {
		t.Fatal(code, text)
	}
	deliver := func(want ...string) {
		t.Helper()
		if code, text := p.post("/sandbox/webhooks/deliver", ""); code != 200 {
			t.Fatalf("deliver: %d %s", code, text)
		}
		if got := r.taken(); !slices.Equal(got, want) {
			t.Errorf("told was\n%q, want\n%q", got, want)
		}
	}
	p.plan(sandbox.Plan{Next: []sandbox.Calls{{Fault: sandbox.Pending, Calls: 1}}, PendingS: 60})
	one := p.mustRefund("a", "pi_1", 100).ID
	deliver("refund.created " + one + " pending")
	if _, err := p.Advance(time.Minute); err != nil {
		t.Fatal(err)
	}
	deliver("refund.updated "+one+" succeeded", "charge.refund.updated "+one+" succeeded")
	if err := p.SetHook(sandbox.Hook{URL: url, Secret: secret, Copies: 2, Reverse: true}); err != nil {
		t.Fatal(err)
	}
	two := p.mustRefund("b", "pi_1", 100).ID
	if err := p.SetStatus(two, "failed", "declined"); err != nil {
		t.Fatal(err)
	}
	r.ids = nil
	failed, charge, updated, created := "refund.failed "+two+" failed", "charge.refund.updated "+two+" failed", "refund.updated "+two+" failed", "refund.created "+two+" succeeded"
	deliver(failed, failed, charge, charge, updated, updated, created, created)
	if len(r.ids) != 8 || r.ids[0] != r.ids[1] || r.ids[1] == r.ids[2] {
		t.Errorf("copies have one id each: %q", r.ids)
	}
	deliver() // nothing waits
}

// TestHookComesAgain holds that what a receiver does not take is sent again.
func TestHookComesAgain(t *testing.T) {
	t.Parallel()
	p := start(t, sandbox.Config{})
	r, url := receive(t, "s")
	r.deaf = true
	if err := p.SetHook(sandbox.Hook{URL: url, Secret: "s"}); err != nil {
		t.Fatal(err)
	}
	p.mustRefund("a", "pi_1", 100)
	if taken, err := p.Deliver(t.Context()); taken != 0 || err == nil {
		t.Fatalf("a deaf receiver took %d, %v", taken, err)
	}
	r.mu.Lock()
	r.deaf = false
	r.mu.Unlock()
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- p.Run(ctx) }()
	<-r.came
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if got := r.taken(); len(got) != 1 {
		t.Errorf("told was %q", got)
	}
}

func TestHooksAreChecked(t *testing.T) {
	t.Parallel()
	p := start(t, sandbox.Config{})
	for _, bad := range []string{`{"url":"nowhere","secret":"s"}`, `{"url":"http://a.example"}`, `{"url":"http://a.example","secret":"s","copies":11}`, `{"uri":"x"}`} {
		if code, text := p.post("/sandbox/webhooks", bad); code != 400 {
			t.Errorf("%s: %d %s", bad, code, text)
		}
	}
}

// TestListByCreation holds that refunds are found by when they were made.
func TestListByCreation(t *testing.T) {
	t.Parallel()
	begin := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	p := start(t, sandbox.Config{Now: func() time.Time { return begin }})
	for i := range 30 {
		p.mustRefund(fmt.Sprint(i), "pi_1", int64(i+1))
		if _, err := p.Advance(time.Hour); err != nil {
			t.Fatal(err)
		}
	}
	params := &stripe.RefundListParams{CreatedRange: &stripe.RangeQueryParams{
		GreaterThanOrEqual: begin.Add(3 * time.Hour).Unix(), LesserThan: begin.Add(28 * time.Hour).Unix(),
	}}
	params.Limit = stripe.Int64(10)
	want := int64(28)
	for r, err := range p.client.V1Refunds.List(t.Context(), params).All(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		if r.Amount != want {
			t.Fatalf("got %d, want %d", r.Amount, want)
		}
		want--
	}
	if want != 3 {
		t.Errorf("the oldest listed is %d, want 4", want+1)
	}
	params = &stripe.RefundListParams{CreatedRange: &stripe.RangeQueryParams{GreaterThan: begin.Unix(), LesserThanOrEqual: begin.Add(time.Hour).Unix()}}
	n := 0
	for _, err := range p.client.V1Refunds.List(t.Context(), params).All(t.Context()) {
		if n++; err != nil {
			t.Fatal(err)
		}
	}
	if n != 1 {
		t.Errorf("got %d in the first hour, without its beginning, want 1", n)
	}
}
