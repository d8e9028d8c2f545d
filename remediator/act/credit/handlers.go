package credit

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"time"

	"github.com/makegood/makegood/remediator/money"
	"github.com/makegood/makegood/remediator/problem"
)

const (
	// maxBody bounds the body of a redemption.
	maxBody = 4 << 10
	// maxKey is the length of the longest Idempotency-Key.
	maxKey = 255
	// resumedAfter is when a shop may ask again whose books were restored, in seconds: they
	// wait for a person.
	resumedAfter = "60"
	// maxCustomer is the length of the longest customer id.
	maxCustomer = 1024
)

// balance is the answer of GET /v1/credits/{customer}.
type balance struct {
	Customer string   `json:"customer"`
	Balance  []string `json:"balance"` // "12.50 USD", one for each currency
}

// redeemed is the answer of POST /v1/credits/{customer}/redeem.
type redeemed struct {
	Customer string `json:"customer"`
	Redeemed string `json:"redeemed"`
	Left     string `json:"left"`
}

// BalanceHandler answers GET /v1/credits/{customer} with what the customer can
// spend. The path value "customer" names them.
func BalanceHandler(books Books, now func() time.Time, logger *slog.Logger) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		customer, ok := customerOf(w, r)
		if !ok {
			return
		}
		amounts, err := books.Balance(r.Context(), customer, now())
		if err != nil {
			unavailable(w, r, logger, fmt.Errorf("read balance: %w", err))
			return
		}
		answer := balance{Customer: customer, Balance: []string{}}
		for _, amount := range amounts {
			answer.Balance = append(answer.Balance, amount.String())
		}
		send(w, http.StatusOK, "application/json", answer)
	})
}

// RedeemHandler answers POST /v1/credits/{customer}/redeem, which spends credit
// once for each Idempotency-Key and never more than there is. The path value
// "customer" names the customer, the body the amount: {"amount":"12.50 USD"}.
func RedeemHandler(books Books, now func() time.Time, logger *slog.Logger) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		customer, ok := customerOf(w, r)
		if !ok {
			return
		}
		key := r.Header.Get("Idempotency-Key")
		if key == "" || len(key) > maxKey {
			problem.Write(w, http.StatusBadRequest, "no-idempotency-key",
				fmt.Sprintf("the header Idempotency-Key must have 1 to %d characters: send one that is new for each redemption", maxKey))
			return
		}
		amount, err := readAmount(http.MaxBytesReader(w, r.Body, maxBody))
		if err != nil {
			problem.Write(w, http.StatusBadRequest, "bad-redemption", err.Error())
			return
		}
		left, err := books.Redeem(r.Context(), Redemption{Key: key, Customer: customer, Amount: amount, At: now()})
		switch {
		case errors.Is(err, ErrShort):
			problem.Write(w, http.StatusConflict, "not-enough-credit", fmt.Sprintf("customer %q has less than %s to spend: read the balance first", customer, amount))
		case errors.Is(err, ErrConflict):
			problem.Write(w, http.StatusUnprocessableEntity, "idempotency-key-reused", "the Idempotency-Key was used for another redemption: send a new one")
		case errors.Is(err, ErrStopped):
			w.Header().Set("Retry-After", resumedAfter)
			problem.Write(w, http.StatusServiceUnavailable, "credit-stopped", "the books were restored from a backup, and what was spent since is not in them: try again with the same Idempotency-Key once somebody has resumed money")
		case err != nil:
			unavailable(w, r, logger, fmt.Errorf("redeem credit: %w", err))
		default:
			send(w, http.StatusOK, "application/json", redeemed{Customer: customer, Redeemed: amount.String(), Left: left.String()})
		}
	})
}

func customerOf(w http.ResponseWriter, r *http.Request) (string, bool) {
	customer := r.PathValue("customer")
	if customer == "" || len(customer) > maxCustomer {
		problem.Write(w, http.StatusBadRequest, "bad-customer", fmt.Sprintf("the path must name a customer of 1 to %d bytes", maxCustomer))
		return "", false
	}
	return customer, true
}

// readAmount reads the body of a redemption.
func readAmount(body io.Reader) (money.Money, error) {
	var redemption struct {
		Amount json.RawMessage `json:"amount"`
	}
	dec := json.NewDecoder(body)
	dec.DisallowUnknownFields()
	if err := dec.Decode(&redemption); err != nil {
		return money.Money{}, fmt.Errorf(`read body: %w: write {"amount":"12.50 USD"}`, err)
	}
	if _, err := dec.Token(); err != io.EOF {
		return money.Money{}, errors.New(`read body: more follows the object: write {"amount":"12.50 USD"}`)
	}
	if redemption.Amount == nil {
		return money.Money{}, errors.New(`read body: no amount: write {"amount":"12.50 USD"}`)
	}
	amount, err := money.FromJSON(redemption.Amount)
	if err != nil {
		return money.Money{}, fmt.Errorf("read amount: %w", err)
	}
	if amount.Minor <= 0 {
		return money.Money{}, fmt.Errorf("read amount: %s: write an amount above zero", amount)
	}
	return amount, nil
}

// unavailable answers that the books could not be asked. A redemption may have
// happened all the same; the same key finds out.
func unavailable(w http.ResponseWriter, r *http.Request, logger *slog.Logger, err error) {
	logger.ErrorContext(r.Context(), "answer credit call", slog.Any("error", err))
	problem.Write(w, http.StatusServiceUnavailable, "unavailable", "the books cannot be read at the moment: try again with the same Idempotency-Key")
}

func send(w http.ResponseWriter, status int, contentType string, body any) {
	w.Header().Set("Content-Type", contentType)
	w.Header().Set("Cache-Control", "no-store") // a balance is for who asked for it, and soon another
	w.WriteHeader(status)
	// A client that went away has lost its answer; the same key brings it again.
	_ = json.NewEncoder(w).Encode(body)
}
