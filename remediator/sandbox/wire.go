package sandbox

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
)

// answer is a status and what is encoded as its body.
type answer struct {
	status int
	body   any
}

func (a answer) send(w http.ResponseWriter) {
	body, err := json.Marshal(a.body)
	if err != nil {
		panic(fmt.Sprintf("encode answer: %v", err)) // bodies are made of text and numbers
	}
	sendBody(w, a.status, body)
}

func sendBody(w http.ResponseWriter, status int, body []byte) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	// A client that went away has lost its answer, which is its own affair.
	_, _ = w.Write(body)
}

// failure is an error as Stripe writes it.
type failure struct {
	Error failureBody `json:"error"`
}

type failureBody struct {
	Type    string `json:"type"`
	Code    string `json:"code,omitempty"`
	Message string `json:"message"`
	Param   string `json:"param,omitempty"`
}

func invalid(code, param, format string, args ...any) failure {
	return failure{failureBody{Type: "invalid_request_error", Code: code, Param: param, Message: fmt.Sprintf(format, args...)}}
}

var (
	errInternal    = answer{http.StatusInternalServerError, failure{failureBody{Type: "api_error", Message: "An unknown error occurred."}}}
	errUnavailable = answer{http.StatusServiceUnavailable, failure{failureBody{Type: "api_error", Message: "The service is unavailable for a moment."}}}
	errNoKey       = answer{http.StatusUnauthorized, invalid("", "", "You did not provide an API key.")}
)

func rateLimited() answer {
	return answer{http.StatusTooManyRequests, invalid("rate_limit", "", "Too many requests hit the API too quickly.")}
}

func inUse(key string) answer {
	return answer{http.StatusConflict, failure{failureBody{
		Type: "idempotency_error", Code: "idempotency_key_in_use",
		Message: fmt.Sprintf("There is currently another in-progress request using this Idempotency Key: %s.", key),
	}}}
}

func otherParameters(key string) answer {
	return answer{http.StatusBadRequest, failure{failureBody{
		Type:    "idempotency_error",
		Message: fmt.Sprintf("Keys for idempotent requests can only be used with the same parameters they were first used with: %s.", key),
	}}}
}

func missing(object, id string) answer {
	return answer{http.StatusNotFound, invalid("resource_missing", "id", "No such %s: '%s'", object, id)}
}

// refundObject is a refund on the wire.
type refundObject struct {
	ID                     string            `json:"id"`
	Object                 string            `json:"object"`
	Amount                 int64             `json:"amount"`
	BalanceTransaction     *string           `json:"balance_transaction"`
	Charge                 string            `json:"charge"`
	Created                int64             `json:"created"`
	Currency               string            `json:"currency"`
	FailureBalance         string            `json:"failure_balance_transaction,omitempty"`
	FailureReason          string            `json:"failure_reason,omitempty"`
	Metadata               map[string]string `json:"metadata"`
	PaymentIntent          string            `json:"payment_intent"`
	PendingReason          string            `json:"pending_reason,omitempty"`
	Reason                 *string           `json:"reason"`
	ReceiptNumber          *string           `json:"receipt_number"`
	SourceTransferReversal *string           `json:"source_transfer_reversal"`
	Status                 string            `json:"status"`
	TransferReversal       *string           `json:"transfer_reversal"`
}

func (r *refund) object() refundObject {
	o := refundObject{
		ID: r.ID, Object: "refund", Amount: r.Amount, Charge: "ch_" + r.Payment, Created: r.Created, Currency: r.Currency,
		FailureReason: r.FailureReason, Metadata: r.Metadata, PaymentIntent: "pi_" + r.Payment, Status: r.Status,
	}
	if o.Metadata == nil {
		o.Metadata = map[string]string{}
	}
	if r.Reason != "" {
		o.Reason = &r.Reason
	}
	if r.Status == statusFailed { // the money is back with the merchant
		o.FailureBalance = "txn_" + strings.TrimPrefix(r.ID, "re_")
	}
	if r.Status == statusPending {
		o.PendingReason = "processing"
	}
	return o
}

// refundList is a page of refunds.
type refundList struct {
	Object  string         `json:"object"`
	URL     string         `json:"url"`
	HasMore bool           `json:"has_more"`
	Data    []refundObject `json:"data"`
}

// paymentObject is a payment intent on the wire.
type paymentObject struct {
	ID             string            `json:"id"`
	Object         string            `json:"object"`
	Amount         int64             `json:"amount"`
	AmountReceived int64             `json:"amount_received"`
	Created        int64             `json:"created"`
	Currency       string            `json:"currency"`
	LatestCharge   string            `json:"latest_charge"`
	Livemode       bool              `json:"livemode"`
	Metadata       map[string]string `json:"metadata"`
	Status         string            `json:"status"`
}

// chargeObject is a charge on the wire.
type chargeObject struct {
	ID             string            `json:"id"`
	Object         string            `json:"object"`
	Amount         int64             `json:"amount"`
	AmountCaptured int64             `json:"amount_captured"`
	AmountRefunded int64             `json:"amount_refunded"`
	Captured       bool              `json:"captured"`
	Created        int64             `json:"created"`
	Currency       string            `json:"currency"`
	Livemode       bool              `json:"livemode"`
	Metadata       map[string]string `json:"metadata"`
	PaymentIntent  string            `json:"payment_intent"`
	Refunded       bool              `json:"refunded"`
	Status         string            `json:"status"`
}

// authorized reports whether a call carries a key, as bearer token or as the user
// of basic authentication. Any key will do.
func authorized(r *http.Request) bool {
	if user, _, ok := r.BasicAuth(); ok {
		return user != ""
	}
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	return strings.EqualFold(scheme, "Bearer") && strings.TrimSpace(token) != ""
}
