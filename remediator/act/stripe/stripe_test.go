package stripe_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/makegood/makegood/remediator/act"
	"github.com/makegood/makegood/remediator/act/stripe"
	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/money"
	"github.com/makegood/makegood/remediator/sandbox"
)

func connect(t testing.TB, url string) *stripe.Connector {
	t.Helper()
	c, err := stripe.New(stripe.Config{Key: "sk_test_secret", URL: url})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func serve(t testing.TB, handler http.Handler) string {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return server.URL
}

func request(payment string, minor int64, currency string) act.Request {
	return act.Request{Action: uuid.New(), Remedy: uuid.New(), Kind: "refund", Payment: payment, Amount: money.Money{Minor: minor, Currency: currency}}
}

// What is known after each answer. Everything that is not clearly a refusal, or
// clearly nothing, may have had its effect.
func TestErrorsAreClassified(t *testing.T) {
	t.Parallel()
	failure := func(kind, code string) string {
		return fmt.Sprintf(`{"error":{"type":%q,"code":%q,"message":"no"}}`, kind, code)
	}
	cases := []struct {
		name         string
		status       int
		body         string
		want, code   string
		retryAfter   string
		wantAfterMin time.Duration
	}{
		{name: "refused", status: 400, body: failure("invalid_request_error", "charge_already_refunded"), want: decide.Failed, code: "charge_already_refunded"},
		{name: "not there", status: 404, body: failure("invalid_request_error", "resource_missing"), want: decide.Failed, code: "resource_missing"},
		{name: "card", status: 402, body: failure("card_error", "card_declined"), want: decide.Failed, code: "card_declined"},
		{name: "no code", status: 400, body: failure("invalid_request_error", ""), want: decide.Failed, code: "invalid_request_error"},
		{name: "wrong key", status: 401, body: failure("invalid_request_error", ""), want: decide.Retrying, code: "invalid_request_error"},
		{name: "no permission", status: 403, body: failure("invalid_request_error", "more_permissions_required"), want: decide.Retrying, code: "more_permissions_required"},
		{name: "in use", status: 409, body: failure("idempotency_error", "idempotency_key_in_use"), want: decide.Unknown, code: "idempotency_key_in_use"},
		{name: "other parameters", status: 400, body: failure("idempotency_error", ""), want: decide.Unknown, code: "idempotency_error"},
		{name: "lock", status: 409, body: failure("invalid_request_error", "lock_timeout"), want: decide.Retrying, code: "lock_timeout"},
		{name: "too many", status: 429, body: failure("invalid_request_error", "rate_limit"), want: decide.Retrying, code: "rate_limit", retryAfter: "17", wantAfterMin: 17 * time.Second},
		{name: "too many until", status: 429, body: failure("invalid_request_error", "rate_limit"), want: decide.Retrying, code: "rate_limit",
			retryAfter: time.Now().Add(time.Hour).UTC().Format(http.TimeFormat), wantAfterMin: 59 * time.Minute},
		{name: "server", status: 500, body: failure("api_error", ""), want: decide.Unknown, code: "api_error"},
		{name: "proxy", status: 502, body: "<html>Bad Gateway</html>", want: decide.Unknown, code: "no_answer"},
		{name: "unknown type", status: 400, body: failure("novel_error", ""), want: decide.Unknown, code: "novel_error"},
		{name: "no JSON", status: 200, body: "OK", want: decide.Unknown, code: "no_answer"},
		{name: "no refund", status: 200, body: `{}`, want: decide.Unknown, code: "bad_answer"},
		{name: "unknown status", status: 200, body: `{"id":"re_1","status":"blessed","amount":1,"currency":"usd"}`, want: decide.Unknown, code: "bad_answer"},
		{name: "unknown currency", status: 200, body: `{"id":"re_1","status":"succeeded","amount":1,"currency":"zzz"}`, want: decide.Unknown, code: "bad_answer"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			connector := connect(t, serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				if c.retryAfter != "" {
					w.Header().Set("Retry-After", c.retryAfter)
				}
				w.WriteHeader(c.status)
				if _, err := w.Write([]byte(c.body)); err != nil {
					t.Error(err)
				}
			})))
			_, err := connector.Do(t.Context(), request("pi_1", 100, "USD"))
			got := want(t, err, c.want, c.code)
			if got.RetryAfter < c.wantAfterMin || c.retryAfter == "" && got.RetryAfter != 0 {
				t.Errorf("got Retry-After %v, want at least %v", got.RetryAfter, c.wantAfterMin)
			}
			if strings.Contains(err.Error(), "sk_test_secret") {
				t.Errorf("the key is in the error: %v", err)
			}
		})
	}
}

func want(t *testing.T, err error, status, code string) *act.Error {
	t.Helper()
	var got *act.Error
	if !errors.As(err, &got) || got.Status != status || got.Code != code {
		t.Fatalf("got %v, want %s (%s)", err, status, code)
	}
	return got
}

func TestNobodyThere(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.NotFoundHandler())
	server.Close()
	_, err := connect(t, server.URL).Do(t.Context(), request("pi_1", 100, "USD"))
	want(t, err, decide.Retrying, "unreachable")

	stuck := make(chan struct{})
	url := serve(t, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-stuck }))
	defer close(stuck)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	_, err = connect(t, url).Do(ctx, request("pi_1", 100, "USD"))
	want(t, err, decide.Unknown, "no_answer")
}

// Whoever answers with a redirect gets neither the refund nor the key.
func TestRedirectIsNotFollowed(t *testing.T) {
	t.Parallel()
	followed := make(chan string, 1)
	thief := serve(t, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { followed <- r.Header.Get("Authorization") }))
	url := serve(t, http.RedirectHandler(thief, http.StatusTemporaryRedirect))
	_, err := connect(t, url).Do(t.Context(), request("pi_1", 100, "USD"))
	want(t, err, decide.Unknown, "no_answer")
	select {
	case key := <-followed:
		t.Fatalf("followed with %q", key)
	default:
	}
}

// The request on the wire: our key, our metadata, an amount, and no reason.
func TestRequestOnTheWire(t *testing.T) {
	t.Parallel()
	r := request("ch_9", 2599, "EUR")
	url := serve(t, http.HandlerFunc(func(w http.ResponseWriter, got *http.Request) {
		if err := got.ParseForm(); err != nil {
			t.Error(err)
		}
		form := "amount=2599&charge=ch_9&metadata%5Bmakegood_action%5D=" + r.Action.String() + "&metadata%5Bmakegood_entry%5D=0&metadata%5Bmakegood_remedy%5D=" + r.Remedy.String()
		if got.PostForm.Encode() != form || got.Header.Get("Idempotency-Key") != r.Action.String() || got.Header.Get("X-Stripe-Client-Telemetry") != "" {
			t.Errorf("got %s with headers %v, want %s", got.PostForm.Encode(), got.Header, form)
		}
		fmt.Fprint(w, `{"id":"re_1","status":"requires_action","amount":2599,"currency":"eur"}`)
	}))
	got, err := connect(t, url).Do(t.Context(), r)
	if want := (act.Result{Status: decide.Pending, Code: "requires_action", Ref: "re_1", Amount: r.Amount}); err != nil || got != want {
		t.Fatalf("got %+v, %v, want %+v", got, err, want)
	}
}

// A look-up goes through every page, tells ours from others', and leaves out what
// moved no money.
func TestLookup(t *testing.T) {
	t.Parallel()
	s, err := sandbox.Open(sandbox.Config{})
	if err != nil {
		t.Fatal(err)
	}
	connector := connect(t, serve(t, s))
	ours := request("pi_1", 700, "USD")
	lookup := func(r act.Request) act.Found {
		t.Helper()
		found, err := connector.Lookup(t.Context(), r)
		if err != nil {
			t.Fatal(err)
		}
		return found
	}
	if found := lookup(ours); found != (act.Found{}) {
		t.Fatalf("before anything: got %+v", found)
	}
	made, err := connector.Do(t.Context(), ours)
	if err != nil {
		t.Fatal(err)
	}
	if found := lookup(ours); found.Ours == nil || *found.Ours != made || found.Foreign != "" {
		t.Fatalf("ours alone: got %+v", found)
	}
	sibling := request("pi_1", 1, "USD")
	sibling.Remedy = ours.Remedy
	if found := lookup(sibling); found != (act.Found{}) {
		t.Fatalf("another step of the remedy: got %+v", found)
	}
	other := request("pi_1", 1, "USD")
	if found := lookup(other); found.Ours != nil || found.Foreign != made.Ref {
		t.Fatalf("another remedy: got %+v", found)
	}
	if err := s.SetStatus(made.Ref, "failed", "declined"); err != nil {
		t.Fatal(err)
	}
	if found := lookup(other); found != (act.Found{}) {
		t.Fatalf("after it failed: got %+v", found)
	}
	if found := lookup(ours); found.Ours == nil || found.Ours.Status != decide.Failed || found.Ours.Code != "declined" {
		t.Fatalf("ours failed: got %+v", found)
	}
	for range 230 { // more than two pages in front of it
		if _, err := connector.Do(t.Context(), request("pi_1", 1, "USD")); err != nil {
			t.Fatal(err)
		}
	}
	if found := lookup(ours); found.Ours == nil || found.Ours.Ref != made.Ref || found.Foreign == "" {
		t.Fatalf("behind other refunds: got %+v", found)
	}
}

func TestAmountsStripeCannotRefund(t *testing.T) {
	t.Parallel()
	s, err := sandbox.Open(sandbox.Config{})
	if err != nil {
		t.Fatal(err)
	}
	connector := connect(t, serve(t, s))
	for _, r := range []act.Request{request("pi_1", 150, "MGA"), request("pi_1", 1<<60, "UGX")} {
		_, err := connector.Do(t.Context(), r)
		want(t, err, decide.Failed, "amount")
	}
	if sum := s.Summary(); sum.Calls != 0 {
		t.Fatalf("the provider was asked: %+v", sum)
	}
}

func TestConfigIsChecked(t *testing.T) {
	t.Parallel()
	for _, cfg := range []stripe.Config{{}, {Key: "k", URL: "localhost:9"}, {Key: "k", URL: "ftp://x"}, {Key: "k", URL: "http://"}} {
		if _, err := stripe.New(cfg); err == nil {
			t.Errorf("%+v was accepted", cfg)
		}
	}
	c, err := stripe.New(stripe.Config{Key: "k"})
	if err != nil {
		t.Fatal(err)
	}
	if traits := c.Traits(); !traits.Lookup || traits.KeyLifetime != 24*time.Hour || traits.Window <= traits.KeyLifetime {
		t.Errorf("got %+v: a replayed 500 would outlive the window", traits)
	}
}
