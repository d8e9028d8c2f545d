package sandbox_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stripe/stripe-go/v85"

	"github.com/makegood/makegood/remediator/sandbox"
)

// provider is a sandbox behind real HTTP with a stripe-go client to it.
type provider struct {
	*sandbox.Sandbox
	t      testing.TB
	url    string
	client *stripe.Client
}

func start(t testing.TB, cfg sandbox.Config) *provider {
	t.Helper()
	s, err := sandbox.Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(s)
	t.Cleanup(func() {
		server.Close()
		if err := s.Close(); err != nil {
			t.Errorf("close sandbox: %v", err)
		}
	})
	backend := stripe.GetBackendWithConfig(stripe.APIBackend, &stripe.BackendConfig{
		URL: stripe.String(server.URL), MaxNetworkRetries: stripe.Int64(0), LeveledLogger: &stripe.LeveledLogger{},
	})
	return &provider{s, t, server.URL, stripe.NewClient("sk_test_1", stripe.WithBackends(&stripe.Backends{API: backend}))}
}

// refund asks for a refund; amount 0 asks for what is left.
func (p *provider) refund(key, payment string, amount int64) (*stripe.Refund, error) {
	params := &stripe.RefundCreateParams{
		PaymentIntent: stripe.String(payment), Metadata: map[string]string{"makegood_action": key},
		Reason: stripe.String(stripe.RefundReasonRequestedByCustomer),
	}
	if amount != 0 {
		params.Amount = stripe.Int64(amount)
	}
	params.SetIdempotencyKey(key)
	return p.client.V1Refunds.Create(p.t.Context(), params)
}

func (p *provider) mustRefund(key, payment string, amount int64) *stripe.Refund {
	p.t.Helper()
	r, err := p.refund(key, payment, amount)
	if err != nil {
		p.t.Fatalf("refund %d of %s: %v", amount, payment, err)
	}
	return r
}

func (p *provider) plan(plan sandbox.Plan) {
	p.t.Helper()
	if err := p.SetFaults(plan); err != nil {
		p.t.Fatal(err)
	}
}

// post calls one of the sandbox's own routes.
func (p *provider) post(path, body string) (int, string) {
	p.t.Helper()
	answer, err := http.Post(p.url+path, "application/json", strings.NewReader(body))
	if err != nil {
		p.t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	return answer.StatusCode, string(text)
}

// wantError checks status, type and code of an error from stripe-go.
func wantError(t testing.TB, err error, status int, kind stripe.ErrorType, code stripe.ErrorCode) {
	t.Helper()
	var got *stripe.Error
	if !errors.As(err, &got) {
		t.Fatalf("got error %v, want one from the API", err)
	}
	if got.HTTPStatusCode != status || got.Type != kind || got.Code != code {
		t.Fatalf("got %d %s %s (%s), want %d %s %s", got.HTTPStatusCode, got.Type, got.Code, got.Msg, status, kind, code)
	}
}

func TestRefundWithStripeGo(t *testing.T) {
	t.Parallel()
	p := start(t, sandbox.Config{})
	for _, payment := range []sandbox.Payment{
		{ID: "pi_usd", Amount: 1299, Currency: "usd"},
		{ID: "pi_jpy", Amount: 1200, Currency: "jpy"},
		{ID: "ch_kwd", Amount: 12345, Currency: "kwd"},
	} {
		if err := p.AddPayment(payment); err != nil {
			t.Fatal(err)
		}
	}
	r := p.mustRefund("a-1", "pi_usd", 299)
	if r.Amount != 299 || r.Currency != "usd" || r.Status != "succeeded" || r.PaymentIntent.ID != "pi_usd" ||
		r.Charge.ID != "ch_usd" || r.Metadata["makegood_action"] != "a-1" || r.Reason != "requested_by_customer" || r.ID == "" {
		t.Fatalf("got %+v", r)
	}
	again, err := p.client.V1Refunds.Retrieve(t.Context(), r.ID, nil)
	if err != nil || again.ID != r.ID || again.Amount != 299 {
		t.Fatalf("retrieve: got %+v, %v", again, err)
	}
	if r := p.mustRefund("a-2", "pi_jpy", 0); r.Amount != 1200 || r.Currency != "jpy" {
		t.Fatalf("refund of yen: got %d %s", r.Amount, r.Currency)
	}
	if r := p.mustRefund("a-3", "pi_kwd", 12345); r.Amount != 12345 || r.Currency != "kwd" {
		t.Fatalf("refund of dinars: got %d %s", r.Amount, r.Currency)
	}
	update := &stripe.RefundUpdateParams{Metadata: map[string]string{"note": "late", "makegood_action": "a-1"}}
	if r, err := p.client.V1Refunds.Update(t.Context(), r.ID, update); err != nil || r.Metadata["note"] != "late" {
		t.Fatalf("update: got %+v, %v", r, err)
	}
	if _, err := p.client.V1Refunds.Cancel(t.Context(), r.ID, nil); err == nil {
		t.Fatal("a refund that succeeded was canceled")
	}
	intent, err := p.client.V1PaymentIntents.Retrieve(t.Context(), "pi_jpy", nil)
	if err != nil || intent.Currency != "jpy" || intent.AmountReceived != 1200 {
		t.Fatalf("payment intent: got %+v, %v", intent, err)
	}
	charge, err := p.client.V1Charges.Retrieve(t.Context(), "ch_usd", nil)
	if err != nil || charge.AmountRefunded != 299 || charge.Refunded {
		t.Fatalf("charge: got %+v, %v", charge, err)
	}
	sum := p.Summary()
	if sum.Refunds != 3 || sum.Totals["USD"] != 299 || sum.Totals["JPY"] != 1200 || sum.Totals["KWD"] != 12345 || sum.Duplicates != 0 {
		t.Fatalf("summary: got %+v", sum)
	}
}

func TestRefundsAreRefused(t *testing.T) {
	t.Parallel()
	p := start(t, sandbox.Config{})
	if err := p.AddPayment(sandbox.Payment{ID: "pi_1", Amount: 1000, Currency: "eur"}); err != nil {
		t.Fatal(err)
	}
	_, err := p.refund("k0", "pi_1", 1001)
	wantError(t, err, 400, stripe.ErrorTypeInvalidRequest, "amount_too_large")
	p.mustRefund("k1", "pi_1", 400)
	_, err = p.refund("k2", "pi_1", 601)
	wantError(t, err, 400, stripe.ErrorTypeInvalidRequest, "amount_too_large")
	p.mustRefund("k3", "pi_1", 600)
	_, err = p.refund("k4", "pi_1", 1)
	wantError(t, err, 400, stripe.ErrorTypeInvalidRequest, stripe.ErrorCodeChargeAlreadyRefunded)
	_, err = p.refund("k5", "order-1", 1)
	wantError(t, err, 404, stripe.ErrorTypeInvalidRequest, stripe.ErrorCodeResourceMissing)
	_, err = p.client.V1Refunds.Retrieve(t.Context(), "re_none", nil)
	wantError(t, err, 404, stripe.ErrorTypeInvalidRequest, stripe.ErrorCodeResourceMissing)
	_, err = p.client.V1Refunds.Create(t.Context(), &stripe.RefundCreateParams{Amount: stripe.Int64(1)})
	wantError(t, err, 400, stripe.ErrorTypeInvalidRequest, stripe.ErrorCodeParameterMissing)
	_, err = p.client.V1Refunds.Create(t.Context(), &stripe.RefundCreateParams{PaymentIntent: stripe.String("pi_2"), Amount: stripe.Int64(-1)})
	wantError(t, err, 400, stripe.ErrorTypeInvalidRequest, stripe.ErrorCodeParameterInvalidInteger)
	_, err = p.client.V1Refunds.Create(t.Context(), &stripe.RefundCreateParams{PaymentIntent: stripe.String("pi_1"), Currency: stripe.String("usd")})
	wantError(t, err, 400, stripe.ErrorTypeInvalidRequest, "")
	long := map[string]string{"note": strings.Repeat("x", 501)}
	_, err = p.client.V1Refunds.Create(t.Context(), &stripe.RefundCreateParams{PaymentIntent: stripe.String("pi_2"), Metadata: long})
	wantError(t, err, 400, stripe.ErrorTypeInvalidRequest, "")
	if sum := p.Summary(); sum.Refunds != 2 || sum.Totals["EUR"] != 1000 {
		t.Fatalf("summary: got %+v", sum)
	}
}

func TestIdempotencyKeys(t *testing.T) {
	t.Parallel()
	p := start(t, sandbox.Config{})
	first := p.mustRefund("k1", "pi_1", 100)
	again := p.mustRefund("k1", "pi_1", 100)
	if again.ID != first.ID || again.LastResponse.Header.Get("Idempotent-Replayed") != "true" {
		t.Fatalf("the same key gave %s after %s", again.ID, first.ID)
	}
	_, err := p.refund("k1", "pi_1", 101)
	wantError(t, err, 400, stripe.ErrorTypeIdempotency, "")

	// A refusal that the operation gave is replayed; one before it is not.
	if err := p.AddPayment(sandbox.Payment{ID: "pi_2", Amount: 50, Currency: "usd"}); err != nil {
		t.Fatal(err)
	}
	_, err = p.refund("k2", "pi_2", 51)
	wantError(t, err, 400, stripe.ErrorTypeInvalidRequest, "amount_too_large")
	p.plan(sandbox.Plan{Next: []sandbox.Calls{{Fault: sandbox.RateLimit, Calls: 1}}, RetryAfterS: 7})
	_, err = p.refund("k3", "pi_2", 50)
	wantError(t, err, 429, stripe.ErrorTypeInvalidRequest, "rate_limit")
	var limited *stripe.Error
	if errors.As(err, &limited); limited.LastResponse.Header.Get("Retry-After") != "7" {
		t.Fatalf("got headers %v, want Retry-After 7", limited.LastResponse.Header)
	}
	p.mustRefund("k3", "pi_2", 50)

	if sum := p.Summary(); sum.Replays != 1 || sum.Duplicates != 0 {
		t.Fatalf("summary: got %+v", sum)
	}
	// An hour before its day is over the key still replays; after it, it pays again.
	for _, step := range []struct {
		advance    int
		duplicates int
	}{{23 * 3600, 0}, {2 * 3600, 1}} {
		if status, body := p.post("/sandbox/clock", fmt.Sprintf(`{"advance_s":%d}`, step.advance)); status != 200 {
			t.Fatalf("move clock: %d %s", status, body)
		}
		r := p.mustRefund("k1", "pi_1", 100)
		if got := p.Summary().Duplicates; got != step.duplicates || (r.ID != first.ID) != (step.duplicates > 0) {
			t.Fatalf("after %d s more: refund %s, %d duplicates, want %d", step.advance, r.ID, got, step.duplicates)
		}
	}
}

func TestFaults(t *testing.T) {
	t.Parallel()
	cases := []struct {
		fault  sandbox.Fault
		status int // 0: no answer
		effect bool
		sticks bool // the same key gets the same answer again
	}{
		{sandbox.RateLimit, 429, false, false},
		{sandbox.InUse, 409, false, false},
		{sandbox.Unavailable, 503, false, false},
		{sandbox.Cut, 0, false, false},
		{sandbox.ServerError, 500, true, true},
		{sandbox.Lost, 0, true, false},
	}
	for _, c := range cases {
		t.Run(string(c.fault), func(t *testing.T) {
			t.Parallel()
			p := start(t, sandbox.Config{})
			p.plan(sandbox.Plan{Next: []sandbox.Calls{{Calls: 1}, {Fault: c.fault, Calls: 1}}})
			p.mustRefund("before", "pi_0", 1)
			_, err := p.refund("k", "pi_1", 500)
			var answer *stripe.Error
			switch {
			case err == nil:
				t.Fatal("the call went well")
			case errors.As(err, &answer) != (c.status != 0):
				t.Fatalf("got %v, want status %d", err, c.status)
			case c.status != 0 && answer.HTTPStatusCode != c.status:
				t.Fatalf("got status %d, want %d", answer.HTTPStatusCode, c.status)
			}
			if got := p.Summary().Refunds == 2; got != c.effect {
				t.Fatalf("effect: %v, want %v", got, c.effect)
			}
			if _, err := p.refund("k", "pi_1", 500); (err != nil) != c.sticks {
				t.Fatalf("again: got %v, want an error: %v", err, c.sticks)
			}
			if sum := p.Summary(); sum.Refunds != 2 || sum.Duplicates != 0 {
				t.Fatalf("summary: got %+v", sum)
			}
		})
	}
}

// A slow answer keeps the key in use; another key gets through meanwhile.
func TestSlowAnswerKeepsKeyInUse(t *testing.T) {
	t.Parallel()
	p := start(t, sandbox.Config{})
	p.plan(sandbox.Plan{Next: []sandbox.Calls{{Fault: sandbox.Slow, Calls: 1}}, SlowMS: 60_000})
	ctx, giveUp := context.WithCancel(t.Context())
	params := &stripe.RefundCreateParams{PaymentIntent: stripe.String("pi_1"), Amount: stripe.Int64(100)}
	params.Metadata = map[string]string{"makegood_action": "k"}
	params.Reason = stripe.String(stripe.RefundReasonRequestedByCustomer)
	params.SetIdempotencyKey("k")
	ended := make(chan error)
	go func() {
		_, err := p.client.V1Refunds.Create(ctx, params)
		ended <- err
	}()
	eventually(t, func() bool { return p.Summary().Refunds == 1 })
	_, err := p.refund("k", "pi_1", 100)
	wantError(t, err, 409, stripe.ErrorTypeIdempotency, stripe.ErrorCodeIdempotencyKeyInUse)
	p.mustRefund("other", "pi_1", 100)
	giveUp()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Fatalf("got %v, want the call to be given up", err)
	}
	eventually(t, func() bool { _, err := p.refund("k", "pi_1", 100); return err == nil })
	if sum := p.Summary(); sum.Refunds != 2 || sum.Duplicates != 0 {
		t.Fatalf("summary: got %+v", sum)
	}
}

// A delayed effect happens even when its caller is gone; only the key keeps the
// next call from paying again.
func TestDelayedEffect(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		second  string
		refunds int
	}{{"k", 1}, {"other", 2}} {
		p := start(t, sandbox.Config{})
		p.plan(sandbox.Plan{Next: []sandbox.Calls{{Fault: sandbox.Delayed, Calls: 1}}, SlowMS: 200})
		ctx, giveUp := context.WithCancel(t.Context())
		params := &stripe.RefundCreateParams{
			PaymentIntent: stripe.String("pi_1"), Amount: stripe.Int64(100), Metadata: map[string]string{"makegood_action": "k"},
			Reason: stripe.String(stripe.RefundReasonRequestedByCustomer),
		}
		params.SetIdempotencyKey("k")
		ended := make(chan error)
		go func() {
			_, err := p.client.V1Refunds.Create(ctx, params)
			ended <- err
		}()
		eventually(t, func() bool { return p.Summary().Calls == 1 })
		giveUp()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Fatalf("got %v, want the call to be given up", err)
		}
		eventually(t, func() bool { _, err := p.refund(c.second, "pi_1", 100); return err == nil })
		eventually(t, func() bool { return p.Summary().Refunds == c.refunds })
	}
}

// eventually asks again until the answer is yes.
func eventually(t testing.TB, yes func() bool) {
	t.Helper()
	ask := time.NewTicker(time.Millisecond)
	defer ask.Stop()
	deadline := time.After(10 * time.Second)
	for !yes() {
		select {
		case <-ask.C:
		case <-deadline:
			t.Fatal("it did not happen within 10 s")
		}
	}
}

func TestPendingRefunds(t *testing.T) {
	t.Parallel()
	p := start(t, sandbox.Config{})
	p.plan(sandbox.Plan{Odds: map[sandbox.Fault]float64{sandbox.Pending: 1}, PendingS: 90})
	r := p.mustRefund("k", "pi_1", 100)
	status := func() string {
		t.Helper()
		r, err := p.client.V1Refunds.Retrieve(t.Context(), r.ID, nil)
		if err != nil {
			t.Fatal(err)
		}
		return string(r.Status)
	}
	if r.Status != "pending" || r.PendingReason != "processing" || status() != "pending" {
		t.Fatalf("got %s (%s)", r.Status, r.PendingReason)
	}
	if _, err := p.Advance(90 * time.Second); err != nil {
		t.Fatal(err)
	}
	if got := status(); got != "succeeded" {
		t.Fatalf("after its time: got %s", got)
	}
	if code, body := p.post("/sandbox/refunds/"+r.ID, `{"status":"failed","failure_reason":"declined"}`); code != 200 {
		t.Fatalf("let it fail: %d %s", code, body)
	}
	failed, err := p.client.V1Refunds.Retrieve(t.Context(), r.ID, nil)
	if err != nil || failed.Status != "failed" || failed.FailureReason != "declined" {
		t.Fatalf("got %+v, %v", failed, err)
	}
	if sum := p.Summary(); sum.Refunds != 0 {
		t.Fatalf("summary: got %+v", sum)
	}
	if code, _ := p.post("/sandbox/refunds/"+r.ID, `{"status":"requires_action"}`); code != 200 {
		t.Fatal("status not set")
	}
	if canceled, err := p.client.V1Refunds.Cancel(t.Context(), r.ID, nil); err != nil || canceled.Status != "canceled" {
		t.Fatalf("cancel: got %+v, %v", canceled, err)
	}
}

func TestListPages(t *testing.T) {
	t.Parallel()
	p := start(t, sandbox.Config{})
	for i := range 25 {
		p.mustRefund(fmt.Sprint("k", i), "pi_1", int64(i+1))
		p.mustRefund(fmt.Sprint("o", i), "pi_2", 7)
	}
	params := &stripe.RefundListParams{PaymentIntent: stripe.String("pi_1")}
	params.Limit = stripe.Int64(10)
	want := int64(25)
	for r, err := range p.client.V1Refunds.List(t.Context(), params).All(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		if r.Amount != want || r.PaymentIntent.ID != "pi_1" {
			t.Fatalf("got %d of %s, want %d: newest first", r.Amount, r.PaymentIntent.ID, want)
		}
		want--
	}
	if want != 0 {
		t.Fatalf("%d refunds were not listed", want)
	}
}

func TestAdminRefusesWhatItDoesNotKnow(t *testing.T) {
	t.Parallel()
	p := start(t, sandbox.Config{})
	for path, body := range map[string]string{
		"/sandbox/faults":       `{"odds":{"lots":0.1}}`,
		"/sandbox/clock":        `{"advance_s":-1}`,
		"/sandbox/payments":     `[{"id":"order-1","amount":1,"currency":"usd"}]`,
		"/sandbox/refunds/re_1": `{"status":"failed"}`,
	} {
		if status, answer := p.post(path, body); status != 400 {
			t.Errorf("POST %s %s: got %d %s, want 400", path, body, status, answer)
		}
	}
	if status, answer := p.post("/sandbox/faults", `{"seeds":1}`); status != 400 || !strings.Contains(answer, "seeds") {
		t.Errorf("got %d %s, want the unknown field named", status, answer)
	}
	if status, answer := p.post("/sandbox/payments", `{"id":"pi_1","amount":1,"currency":"usd"}`); status != 200 {
		t.Errorf("got %d %s", status, answer)
	}
	answer, err := http.Post(p.url+"/v1/refunds", "application/x-www-form-urlencoded", strings.NewReader("payment_intent=pi_1"))
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusUnauthorized {
		t.Errorf("without a key: got %d", answer.StatusCode)
	}
}

// Whatever is in the file when the process is killed, the next one goes on.
func TestFileSurvives(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "sandbox.jsonl")
	p := start(t, sandbox.Config{File: path})
	first := p.mustRefund("k1", "pi_1", 100)
	p.plan(sandbox.Plan{Next: []sandbox.Calls{{Fault: sandbox.ServerError, Calls: 1}, {Fault: sandbox.Lost, Calls: 1}}})
	_, err := p.refund("k2", "pi_1", 200)
	wantError(t, err, 500, stripe.ErrorTypeAPI, "")
	if _, err := p.refund("k3", "pi_1", 300); err == nil {
		t.Fatal("the answer was not lost")
	}
	if _, err := p.Advance(time.Hour); err != nil {
		t.Fatal(err)
	}
	want := p.Summary()

	// The first process still has the file open, as one that was killed had.
	tearLastLine(t, path)
	q := start(t, sandbox.Config{File: path})
	got := q.Summary()
	if got.Refunds != want.Refunds || got.Totals["USD"] != want.Totals["USD"] || got.Refunds != 3 {
		t.Fatalf("after reopening: got %+v, want %+v", got, want)
	}
	if again := q.mustRefund("k1", "pi_1", 100); again.ID != first.ID {
		t.Fatalf("the key was forgotten: %s after %s", again.ID, first.ID)
	}
	_, err = q.refund("k2", "pi_1", 200)
	wantError(t, err, 500, stripe.ErrorTypeAPI, "")
	q.mustRefund("k3", "pi_1", 300)
	q.mustRefund("k4", "pi_1", 400)
	if sum := start(t, sandbox.Config{File: path}).Summary(); sum.Refunds != 4 || sum.Totals["USD"] != 1000 || sum.Duplicates != 0 {
		t.Fatalf("opened a third time: got %+v", sum)
	}
}

func TestSummaryOnTheWire(t *testing.T) {
	t.Parallel()
	p := start(t, sandbox.Config{})
	p.mustRefund("k1", "pi_1", 100)
	answer, err := http.Get(p.url + "/sandbox/summary")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	var body bytes.Buffer
	if _, err := body.ReadFrom(answer.Body); err != nil {
		t.Fatal(err)
	}
	const want = `{"refunds":1,"totals":{"USD":100},"duplicates":0,"calls":1,"replays":0}`
	if body.String() != want || !json.Valid(body.Bytes()) {
		t.Fatalf("got %s, want %s", body.String(), want)
	}
}
