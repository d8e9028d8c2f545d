package credit_test

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/makegood/makegood/remediator/act"
	"github.com/makegood/makegood/remediator/act/credit"
	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/ledger"
	"github.com/makegood/makegood/remediator/money"
	"github.com/makegood/makegood/remediator/store/ledgerdb"
)

// shop is the books in a real store behind real HTTP, with a clock of its own.
type shop struct {
	t         *testing.T
	connector *credit.Connector
	url       string
	books     *ledgerdb.DB
	ahead     atomic.Int64 // nanoseconds
}

func open(t *testing.T) *shop {
	t.Helper()
	key, _, err := ledger.NewKey(rand.Reader, ledger.Origin("shop"))
	if err != nil {
		t.Fatal(err)
	}
	books, err := ledgerdb.Open(context.Background(), filepath.Join(t.TempDir(), "ledger.db"), ledgerdb.Options{Key: key})
	if err != nil {
		t.Fatal(err)
	}
	s := &shop{t: t, books: books}
	s.connector = credit.New(books, s.now)
	mux := http.NewServeMux()
	logger := slog.New(slog.DiscardHandler)
	mux.Handle("GET /v1/credits/{customer}", credit.BalanceHandler(books, s.now, logger))
	mux.Handle("POST /v1/credits/{customer}/redeem", credit.RedeemHandler(books, s.now, logger))
	server := httptest.NewServer(mux)
	s.url = server.URL
	t.Cleanup(func() {
		server.Close()
		_ = books.Close() // one test closes them itself
	})
	return s
}

func (s *shop) now() time.Time { return time.Now().Add(time.Duration(s.ahead.Load())) }

func grant(customer, amount string) act.Request {
	parsed, err := money.Parse(amount)
	if err != nil {
		panic(err)
	}
	return act.Request{Action: uuid.New(), Remedy: uuid.New(), Kind: "credit", Customer: customer, Amount: parsed}
}

func (s *shop) give(r act.Request) {
	s.t.Helper()
	got, err := s.connector.Do(s.t.Context(), r)
	if want := (act.Result{Status: decide.Succeeded, Ref: r.Action.String(), Amount: r.Amount}); err != nil || got != want {
		s.t.Fatalf("grant: got %+v, %v, want %+v", got, err, want)
	}
}

// call asks the shop's side and returns status, content type and body.
func (s *shop) call(method, path, key, body string) (status int, header http.Header, answered string) {
	s.t.Helper()
	r, err := http.NewRequest(method, s.url+path, strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	if key != "" {
		r.Header.Set("Idempotency-Key", key)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		s.t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return answer.StatusCode, answer.Header, strings.TrimSpace(string(text))
}

func (s *shop) wantBalance(customer string, want ...string) {
	s.t.Helper()
	status, _, body := s.call("GET", "/v1/credits/"+customer, "", "")
	var got struct {
		Customer string   `json:"customer"`
		Balance  []string `json:"balance"`
	}
	if err := json.Unmarshal([]byte(body), &got); err != nil || status != http.StatusOK {
		s.t.Fatalf("balance: %d %s", status, body)
	}
	if got.Balance == nil || fmt.Sprint(got.Balance) != fmt.Sprint(want) {
		s.t.Fatalf("balance of %s: got %v, want %v", customer, got.Balance, want)
	}
}

func TestGrantIsGivenOnce(t *testing.T) {
	t.Parallel()
	s := open(t)
	r := grant("ada", "12.50 USD")
	var wait sync.WaitGroup
	for range 8 {
		wait.Go(func() {
			if _, err := s.connector.Do(t.Context(), r); err != nil {
				t.Error(err)
			}
		})
	}
	wait.Wait()
	s.give(grant("ada", "1200 JPY"))
	s.give(grant("ada", "0.50 USD"))
	s.wantBalance("ada", "1200 JPY", "13.00 USD")
	s.wantBalance("bo")

	changed := r
	changed.Amount.Minor++
	var known *act.Error
	if _, err := s.connector.Do(t.Context(), changed); !errors.As(err, &known) || known.Status != decide.Unknown || !errors.Is(err, credit.ErrConflict) {
		t.Fatalf("the same action with another amount: got %v", err)
	}
	nobody := grant("", "1.00 USD")
	if _, err := s.connector.Do(t.Context(), nobody); !errors.As(err, &known) || known.Status != decide.Failed {
		t.Fatalf("nobody: got %v", err)
	}
	if err := s.books.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := s.connector.Do(t.Context(), r); !errors.As(err, &known) || known.Status != decide.Retrying {
		t.Fatalf("closed books: got %v", err)
	}
	status, header, body := s.call("GET", "/v1/credits/ada", "", "")
	if kind := header.Get("Content-Type"); status != 503 || kind != "application/problem+json" {
		t.Fatalf("closed books: got %d %s %s", status, kind, body)
	}
}

func TestRedeem(t *testing.T) {
	t.Parallel()
	s := open(t)
	expiring := grant("ada", "5.00 USD")
	expiring.Expires = 24 * time.Hour
	s.give(grant("ada", "10.00 USD"))
	s.give(expiring)
	const path = "/v1/credits/ada/redeem"
	for range 2 { // the second answer is the first one again
		status, _, body := s.call("POST", path, "order-1", `{"amount":"4.00 USD"}`)
		if want := `{"customer":"ada","redeemed":"4.00 USD","left":"11.00 USD"}`; status != 200 || body != want {
			t.Fatalf("got %d %s, want %s", status, body, want)
		}
	}
	s.wantBalance("ada", "11.00 USD")

	cases := []struct {
		name, key, body string
		status          int
		problem         string
	}{
		{"other amount", "order-1", `{"amount":"4.01 USD"}`, 422, "idempotency-key-reused"},
		{"too much", "order-2", `{"amount":"11.01 USD"}`, 409, "not-enough-credit"},
		{"another currency", "order-2", `{"amount":"1 JPY"}`, 409, "not-enough-credit"},
		{"no key", "", `{"amount":"1.00 USD"}`, 400, "no-idempotency-key"},
		{"long key", strings.Repeat("k", 256), `{"amount":"1.00 USD"}`, 400, "no-idempotency-key"},
		{"nothing", "order-2", ``, 400, "bad-redemption"},
		{"no amount", "order-2", `{}`, 400, "bad-redemption"},
		{"a number", "order-2", `{"amount":1}`, 400, "bad-redemption"},
		{"zero", "order-2", `{"amount":"0.00 USD"}`, 400, "bad-redemption"},
		{"negative", "order-2", `{"amount":"-1.00 USD"}`, 400, "bad-redemption"},
		{"unknown field", "order-2", `{"amount":"1.00 USD","note":"x"}`, 400, "bad-redemption"},
		{"two values", "order-2", `{"amount":"1.00 USD"}{}`, 400, "bad-redemption"},
		{"huge", "order-2", `{"amount":"` + strings.Repeat("1", 5000) + ` USD"}`, 400, "bad-redemption"},
	}
	for _, c := range cases {
		status, header, body := s.call("POST", path, c.key, c.body)
		kind := header.Get("Content-Type")
		if status != c.status || kind != "application/problem+json" || !strings.Contains(body, `"urn:makegood:problem:`+c.problem+`"`) {
			t.Errorf("%s: got %d %s %s, want %d %s", c.name, status, kind, body, c.status, c.problem)
		}
	}
	s.wantBalance("ada", "11.00 USD")

	// What expires first was spent first, so only a dollar goes when its day is over.
	s.ahead.Store(int64(25 * time.Hour))
	s.wantBalance("ada", "10.00 USD")
	if status, _, body := s.call("POST", path, "order-3", `{"amount":{"amount":"10.00","currency":"USD"}}`); status != 200 {
		t.Fatalf("got %d %s", status, body)
	}
	s.wantBalance("ada")
}

// However many tills redeem at once, nobody spends what is not there.
func TestNeverBelowZero(t *testing.T) {
	t.Parallel()
	s := open(t)
	s.give(grant("ada", "1.00 USD"))
	var spent, refused atomic.Int64
	var wait sync.WaitGroup
	for i := range 16 {
		wait.Go(func() {
			switch status, _, body := s.call("POST", "/v1/credits/ada/redeem", fmt.Sprint("till-", i), `{"amount":"0.30 USD"}`); status {
			case http.StatusOK:
				spent.Add(1)
			case http.StatusConflict:
				refused.Add(1)
			default:
				t.Errorf("got %d %s", status, body)
			}
		})
	}
	wait.Wait()
	if spent.Load() != 3 || refused.Load() != 13 {
		t.Fatalf("%d redeemed and %d refused, want 3 and 13", spent.Load(), refused.Load())
	}
	s.wantBalance("ada", "0.10 USD")
}

// TestRestoredBooksAreBusy holds that a shop is told to come again with its key while
// nobody has looked at books that were restored.
func TestRestoredBooksAreBusy(t *testing.T) {
	t.Parallel()
	s := open(t)
	s.give(grant("ada", "5.00 USD"))
	if err := s.books.Brake(t.Context(), decide.TargetMoney, "restore/1", decide.Restorer, s.now()); err != nil {
		t.Fatal(err)
	}
	status, header, body := s.call("POST", "/v1/credits/ada/redeem", "order-1", `{"amount":"1.00 USD"}`)
	if status != http.StatusServiceUnavailable || header.Get("Retry-After") != "60" || !strings.Contains(body, "credit-stopped") || !strings.Contains(body, "with the same Idempotency-Key") {
		t.Errorf("it is answered %d, Retry-After %q %s", status, header.Get("Retry-After"), body)
	}
	s.wantBalance("ada", "5.00 USD")
}
