package webhook_test

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/makegood/makegood/remediator/act"
	"github.com/makegood/makegood/remediator/act/webhook"
	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/ledger"
	"github.com/makegood/makegood/remediator/money"
	"github.com/makegood/makegood/remediator/store/ledgerdb"
	"github.com/makegood/makegood/remediator/webhooks"
	"github.com/makegood/makegood/remediator/webhooks/signature"
)

var _ act.Connector = (*webhook.Connector)(nil)

var noon = time.Date(2026, 1, 5, 12, 0, 0, 0, time.UTC)

func secret(t testing.TB, base64 string) signature.Secret {
	t.Helper()
	s, err := signature.ParseSecret("whsec_" + base64)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func store(t testing.TB) *ledgerdb.DB {
	t.Helper()
	private, _, err := ledger.NewKey(rand.Reader, ledger.Origin("test"))
	if err != nil {
		t.Fatal(err)
	}
	db, err := ledgerdb.Open(t.Context(), filepath.Join(t.TempDir(), "ledger.db"), ledgerdb.Options{Key: private})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

// receiver is a system that is told, behind real HTTP.
type receiver struct {
	url    string
	answer func(w http.ResponseWriter, attempt int)
	got    []*http.Request
	bodies []string
}

func newReceiver(t testing.TB, answer func(w http.ResponseWriter, attempt int)) *receiver {
	t.Helper()
	r := &receiver{answer: answer}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		body, err := io.ReadAll(req.Body)
		if err != nil {
			t.Errorf("read request: %v", err)
		}
		r.got, r.bodies = append(r.got, req), append(r.bodies, string(body))
		r.answer(w, len(r.got))
	}))
	t.Cleanup(server.Close)
	r.url = server.URL
	return r
}

func status(code int) func(http.ResponseWriter, int) {
	return func(w http.ResponseWriter, _ int) { w.WriteHeader(code) }
}

func connect(t testing.TB, db *ledgerdb.DB, e webhooks.Endpoint) *webhook.Connector {
	t.Helper()
	if e.Secrets == nil {
		e.Secrets = []signature.Secret{secret(t, strings.Repeat("QUJD", 10)), secret(t, strings.Repeat("REVG", 10))}
	}
	e.Name = "crm"
	return webhook.New(webhook.Config{Endpoints: []webhooks.Endpoint{e}, Switches: db, Now: func() time.Time { return noon }})
}

func request() act.Request {
	paid := money.Money{Minor: 299, Currency: "USD"}
	return act.Request{
		Action: uuid.MustParse("00000000-0000-4000-8000-000000000001"), Remedy: uuid.MustParse("00000000-0000-4000-8000-000000000002"),
		Rule: "late", Kind: "webhook", Endpoint: "crm", At: noon.Add(-time.Minute), Customer: "c-1", Subject: "order/7",
		Values:  json.RawMessage(`{"data":{"order":"7","note":"<&>"}}`),
		Results: []act.StepResult{{Name: "refund", Kind: "refund", Status: "succeeded", Amount: &paid, Ref: "re_1"}},
	}
}

func TestTellsSigned(t *testing.T) {
	t.Parallel()
	r := newReceiver(t, status(http.StatusNoContent))
	c := connect(t, store(t), webhooks.Endpoint{URL: r.url + "/in?x=1", AllowPrivate: true})
	result, err := c.Do(t.Context(), request())
	if err != nil || result.Status != decide.Succeeded {
		t.Fatalf("got %+v, %v", result, err)
	}
	const body = `{"type":"makegood.remedy","timestamp":"2026-01-05T11:59:00Z","data":{"remedy":"00000000-0000-4000-8000-000000000002","rule":"late",` +
		`"customer":"c-1","subject":"order/7","steps":[{"name":"refund","kind":"refund","status":"succeeded","amount":"2.99 USD","ref":"re_1"}],` +
		`"data":{"order":"7","note":"<&>"}}}`
	if r.bodies[0] != body {
		t.Errorf("sent %s\nwant %s", r.bodies[0], body)
	}
	got := r.got[0]
	if got.Method != http.MethodPost || got.URL.String() != "/in?x=1" || got.Header.Get("Content-Type") != "application/json" ||
		got.Header.Get("webhook-id") != "00000000-0000-4000-8000-000000000001" || got.Header.Get("webhook-timestamp") != "1767614400" {
		t.Errorf("sent %s %s with %v", got.Method, got.URL, got.Header)
	}
	// While the secret changes, each of both verifies it alone.
	for _, key := range []string{"QUJD", "REVG"} {
		if _, err := signature.Verify([]signature.Secret{secret(t, strings.Repeat(key, 10))}, got.Header, []byte(body), noon); err != nil {
			t.Errorf("verify with %s: %v", key, err)
		}
	}
	var sealed struct {
		ID   string          `json:"webhook_id"`
		Body json.RawMessage `json:"body"`
	}
	if err := json.Unmarshal([]byte(result.Sent), &sealed); err != nil || string(sealed.Body) != body || sealed.ID != request().Action.String() {
		t.Errorf("to be sealed: %s, %v", result.Sent, err)
	}
	if strings.Contains(result.Sent, "v1,") {
		t.Errorf("the signature is sealed: %s", result.Sent)
	}
}

func TestAnswers(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		answer func(http.ResponseWriter, int)
		status string
		code   string
		wait   time.Duration
	}{
		{"200", status(200), decide.Succeeded, "", 0},
		{"299", status(299), decide.Succeeded, "", 0},
		{"400", status(400), decide.Retrying, "http_400", 0},
		{"401", status(401), decide.Retrying, "http_401", 0},
		{"500", status(500), decide.Retrying, "http_500", 0},
		{"wait", func(w http.ResponseWriter, _ int) { w.Header().Set("Retry-After", "90"); w.WriteHeader(429) }, decide.Retrying, "http_429", 90 * time.Second},
		{"wait until", func(w http.ResponseWriter, _ int) {
			w.Header().Set("Retry-After", noon.Add(time.Hour).Format(http.TimeFormat))
			w.WriteHeader(503)
		}, decide.Retrying, "http_503", time.Hour},
		{"redirect", func(w http.ResponseWriter, attempt int) {
			if attempt > 1 {
				t.Error("the redirect was followed")
			}
			w.Header().Set("Location", "/elsewhere")
			w.WriteHeader(307)
		}, decide.Retrying, "http_307", 0},
		{"cut off", func(http.ResponseWriter, int) { panic(http.ErrAbortHandler) }, decide.Unknown, "no_answer", 0},
		{"endless", func(w http.ResponseWriter, _ int) { _, _ = io.Copy(w, io.LimitReader(rand.Reader, 1<<20)) }, decide.Succeeded, "", 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r := newReceiver(t, c.answer)
			result, err := connect(t, store(t), webhooks.Endpoint{URL: r.url, AllowPrivate: true}).Do(t.Context(), request())
			var failed *act.Error
			if errors.As(err, &failed) {
				result.Status, result.Code = failed.Status, failed.Code
				if failed.RetryAfter != c.wait {
					t.Errorf("waits %v, want %v", failed.RetryAfter, c.wait)
				}
			}
			if result.Status != c.status || result.Code != c.code || (result.Sent != "") != (c.status == decide.Succeeded) {
				t.Errorf("got %+v, %v; want %s %s", result, err, c.status, c.code)
			}
		})
	}
}

// 410 disables the endpoint: nothing more is sent until an operator enables it.
func TestGoneDisables(t *testing.T) {
	t.Parallel()
	db := store(t)
	r := newReceiver(t, func(w http.ResponseWriter, attempt int) {
		if attempt == 1 {
			w.WriteHeader(http.StatusGone)
		}
	})
	c := connect(t, db, webhooks.Endpoint{URL: r.url, AllowPrivate: true})
	for i, want := range []string{"http_410", "endpoint_disabled"} {
		if result, err := c.Do(t.Context(), request()); err != nil || result.Status != decide.Failed || result.Code != want || len(r.got) != 1 {
			t.Errorf("attempt %d: %+v, %v after %d requests; want %s", i+1, result, err, len(r.got), want)
		}
	}
	if err := db.Enable(t.Context(), "crm"); err != nil {
		t.Fatal(err)
	}
	if result, err := c.Do(t.Context(), request()); err != nil || result.Status != decide.Succeeded {
		t.Errorf("enabled: %+v, %v", result, err)
	}
}

// Without leave, nothing reaches this machine or a private network: not by
// address, not by a name that stands for one, not through a proxy.
func TestPrivateAddressesAreRefused(t *testing.T) {
	r := newReceiver(t, status(200))
	t.Setenv("HTTP_PROXY", r.url)
	port := r.url[strings.LastIndex(r.url, ":"):]
	for _, url := range []string{r.url, "http://localhost" + port, "http://[::ffff:127.0.0.1]" + port, "http://0.0.0.0" + port, "http://2130706433" + port} {
		_, err := connect(t, store(t), webhooks.Endpoint{URL: url}).Do(t.Context(), request())
		var failed *act.Error
		if !errors.As(err, &failed) || failed.Status != decide.Retrying || failed.Code != "private_address" && failed.Code != "no_connection" {
			t.Errorf("%s: %v", url, err)
		}
	}
	if len(r.got) != 0 {
		t.Errorf("%d requests arrived", len(r.got))
	}
}

func TestNobodyReached(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.NotFoundHandler())
	server.Close()
	_, err := connect(t, store(t), webhooks.Endpoint{URL: server.URL + "/?key=hidden", AllowPrivate: true}).Do(t.Context(), request())
	var failed *act.Error
	if !errors.As(err, &failed) || failed.Status != decide.Retrying || failed.Code != "no_connection" || strings.Contains(err.Error(), "hidden") {
		t.Errorf("got %v", err)
	}
	other := request()
	other.Endpoint = "erp"
	if _, err = connect(t, store(t), webhooks.Endpoint{URL: server.URL, AllowPrivate: true}).Do(t.Context(), other); !errors.As(err, &failed) ||
		failed.Status != decide.Retrying || failed.Code != "unknown_endpoint" {
		t.Errorf("got %v", err)
	}
}

func TestPing(t *testing.T) {
	t.Parallel()
	db := store(t)
	if err := db.Disable(t.Context(), "crm", "gone", noon); err != nil {
		t.Fatal(err)
	}
	r := newReceiver(t, status(202))
	c := connect(t, db, webhooks.Endpoint{URL: r.url, AllowPrivate: true})
	if code, err := c.Ping(context.Background(), "crm"); err != nil || code != 202 {
		t.Errorf("got %d, %v", code, err)
	}
	if _, err := signature.Verify([]signature.Secret{secret(t, strings.Repeat("QUJD", 10))}, r.got[0].Header, []byte(r.bodies[0]), noon); err != nil ||
		!strings.HasPrefix(r.bodies[0], `{"type":"makegood.ping",`) {
		t.Errorf("sent %s: %v", r.bodies[0], err)
	}
	if _, err := c.Ping(context.Background(), "erp"); err == nil {
		t.Error("an endpoint that is none was pinged")
	}
}
