package sandbox

import (
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// createParameters are the parameters of a refund that Stripe knows.
var createParameters = []string{
	"amount", "charge", "currency", "customer", "expand", "instructions_email", "metadata", "origin",
	"payment_intent", "reason", "refund_application_fee", "reverse_transfer",
}

// Bounds of metadata, as Stripe's.
const (
	maxMetadata      = 50
	maxMetadataKey   = 40
	maxMetadataValue = 500
)

// order is a refund as asked for.
type order struct {
	number   string // of the payment
	amount   int64  // 0: what is left
	currency string // empty: the payment's
	reason   string
	metadata map[string]string
}

// parseCreate checks the parameters of POST /v1/refunds.
func (s *Sandbox) parseCreate(_ *http.Request, form url.Values) (operation, *answer) {
	refuse := func(code, param, format string, args ...any) (operation, *answer) {
		return nil, &answer{http.StatusBadRequest, invalid(code, param, format, args...)}
	}
	for name := range form {
		if base, _, _ := strings.Cut(name, "["); !slices.Contains(createParameters, base) {
			return refuse("parameter_unknown", name, "Received unknown parameter: %s", name)
		}
	}
	intent, charge := form.Get("payment_intent"), form.Get("charge")
	if (intent == "") == (charge == "") {
		return refuse("parameter_missing", "payment_intent", "Give one of payment_intent and charge.")
	}
	number, ok := paymentNumber(intent + charge)
	if !ok {
		refused := missing("payment", intent+charge)
		return nil, &refused
	}
	o := order{number: number, currency: form.Get("currency"), reason: form.Get("reason")}
	if form.Has("amount") {
		amount, err := strconv.ParseInt(form.Get("amount"), 10, 64)
		if err != nil || amount < 1 {
			return refuse("parameter_invalid_integer", "amount", "Invalid positive integer: %q", form.Get("amount"))
		}
		o.amount = amount
	}
	if !slices.Contains([]string{"", "duplicate", "fraudulent", "requested_by_customer"}, o.reason) {
		return refuse("", "reason", "Invalid reason: %q", o.reason)
	}
	metadata, problem := readMetadata(nil, form)
	if problem != "" {
		return refuse("", "metadata", "%s", problem)
	}
	o.metadata = metadata
	return func(now time.Time, pending bool) (change, answer) { return s.create(o, now, pending) }, nil
}

// create makes a refund, within what is left of the payment.
func (s *Sandbox) create(o order, now time.Time, pending bool) (change, answer) {
	refuse := func(code, param, format string, args ...any) (change, answer) {
		return change{}, answer{http.StatusBadRequest, invalid(code, param, format, args...)}
	}
	payment := s.payment(o.number, o.currency)
	left := s.state.left(payment, o.number)
	if o.amount == 0 {
		o.amount = left
	}
	switch {
	case o.currency != "" && o.currency != payment.Currency:
		return refuse("", "currency", "The currency of the payment is %s.", payment.Currency)
	case left == 0:
		return refuse("charge_already_refunded", "", "Charge ch_%s has already been refunded.", o.number)
	case o.amount > left:
		return refuse("amount_too_large", "amount", "Refund amount (%d) is greater than unrefunded amount on charge (%d).", o.amount, left)
	}
	r := &refund{
		ID: fmt.Sprintf("re_%012d", len(s.state.order)+1), Payment: o.number, Amount: o.amount, Currency: payment.Currency,
		Created: now.Unix(), Status: statusSucceeded, Reason: o.reason, Metadata: o.metadata,
	}
	if pending {
		r.Status = statusPending
		if wait := s.faults.plan.PendingS; wait > 0 {
			r.SucceedsAt = now.Unix() + int64(wait)
		}
	}
	return change{Payment: &payment, Refund: r}, answer{http.StatusOK, r.object()}
}

// payment returns a payment, also one that nobody registered.
func (s *Sandbox) payment(number, currency string) Payment {
	if p, ok := s.state.payments[number]; ok {
		return p
	}
	if !isCurrency(currency) {
		currency = s.cfg.Currency
	}
	return Payment{ID: "pi_" + number, Amount: s.cfg.Amount, Currency: currency, Created: s.now().Unix()}
}

// parseUpdate checks the parameters of POST /v1/refunds/{id}, which changes
// metadata alone.
func (s *Sandbox) parseUpdate(r *http.Request, form url.Values) (operation, *answer) {
	id := r.PathValue("id")
	for name := range form {
		if base, _, _ := strings.Cut(name, "["); base != "metadata" && base != "expand" {
			return nil, &answer{http.StatusBadRequest, invalid("parameter_unknown", name, "Received unknown parameter: %s", name)}
		}
	}
	return func(time.Time, bool) (change, answer) {
		old := s.state.refunds[id]
		if old == nil {
			return change{}, missing("refund", id)
		}
		changed := *old
		metadata, problem := readMetadata(old.Metadata, form)
		if problem != "" {
			return change{}, answer{http.StatusBadRequest, invalid("", "metadata", "%s", problem)}
		}
		changed.Metadata = metadata
		return change{Refund: &changed}, answer{http.StatusOK, changed.object()}
	}, nil
}

// parseCancel is POST /v1/refunds/{id}/cancel.
func (s *Sandbox) parseCancel(r *http.Request, _ url.Values) (operation, *answer) {
	id := r.PathValue("id")
	return func(time.Time, bool) (change, answer) {
		old := s.state.refunds[id]
		if old == nil {
			return change{}, missing("refund", id)
		}
		if old.Status != statusRequiresAction {
			return change{}, answer{http.StatusBadRequest, invalid("", "", "A refund that is %s cannot be canceled.", old.Status)}
		}
		changed := *old
		changed.Status = statusCanceled
		return change{Refund: &changed}, answer{http.StatusOK, changed.object()}
	}, nil
}

// readMetadata returns old with the metadata[…] of a form; an empty value takes a
// key away, and an empty metadata all of them.
func readMetadata(old map[string]string, form url.Values) (map[string]string, string) {
	metadata := maps.Clone(old)
	if metadata == nil || form.Has("metadata") {
		metadata = map[string]string{}
	}
	for name, values := range form {
		key, ok := strings.CutPrefix(name, "metadata[")
		if !ok {
			continue
		}
		key, value := strings.TrimSuffix(key, "]"), values[0]
		switch {
		case key == "" || len(key) > maxMetadataKey:
			return nil, fmt.Sprintf("Metadata keys have 1 to %d characters: %q", maxMetadataKey, key)
		case len(value) > maxMetadataValue:
			return nil, fmt.Sprintf("Metadata values have at most %d characters: %q", maxMetadataValue, key)
		case value == "":
			delete(metadata, key)
		default:
			metadata[key] = value
		}
	}
	if len(metadata) > maxMetadata {
		return nil, fmt.Sprintf("There are at most %d metadata keys.", maxMetadata)
	}
	return metadata, ""
}
