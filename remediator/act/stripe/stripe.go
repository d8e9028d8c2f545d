// Package stripe is the connector that refunds at Stripe, through the official
// client with its own retries and telemetry switched off: tries, their times and
// the idempotency key belong to the worker.
//
// A refund carries the ids of the action and of the remedy in its metadata, by
// which a look-up finds it again after the key has expired. Its reason is left
// out: Stripe knows three, and `fraudulent` would put the customer on a block list.
package stripe

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	api "github.com/stripe/stripe-go/v85"

	"github.com/makegood/makegood/remediator/act"
	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/money"
)

// Metadata of a refund.
const (
	metadataAction = "makegood_action"
	metadataRemedy = "makegood_remedy"
	metadataEntry  = "makegood_entry" // sequence of the sealed decision
)

// keyLifetime is for how long Stripe promises to remember an idempotency key.
const keyLifetime = 24 * time.Hour

// window is for how long a refund is tried. It is longer than a key lives: a 500
// that Stripe replays for a key ends when the key does, and a weekend's outage
// ends by itself. After it the outcome is unknown and a person looks.
const window = 96 * time.Hour

// Config of a connector.
type Config struct {
	// Key is the API key. It is required.
	Key string
	// URL is the base of the API. Defaults to https://api.stripe.com.
	URL string
	// Transport carries the calls. Defaults to a clone of http.DefaultTransport.
	Transport http.RoundTripper
}

// Connector refunds at Stripe. It implements act.Connector.
type Connector struct {
	client *api.Client
}

// New returns a connector.
func New(cfg Config) (*Connector, error) {
	if cfg.Key == "" {
		return nil, errors.New("make stripe connector: no API key")
	}
	if cfg.URL == "" {
		cfg.URL = api.APIURL
	}
	base, err := url.Parse(cfg.URL)
	if err != nil || base.Host == "" || base.Scheme != "https" && base.Scheme != "http" {
		return nil, fmt.Errorf("make stripe connector: URL %q: want one like https://api.stripe.com", cfg.URL)
	}
	if cfg.Transport == nil {
		transport := http.DefaultTransport.(*http.Transport).Clone()
		// All calls go to one host; idle connections for each of a worker's calls.
		transport.MaxIdleConnsPerHost = transport.MaxIdleConns
		cfg.Transport = transport
	}
	backend := api.GetBackendWithConfig(api.APIBackend, &api.BackendConfig{
		EnableTelemetry: api.Bool(false),
		HTTPClient: &http.Client{
			Transport: cfg.Transport,
			// The API never redirects. Whoever does would get the key.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
		LeveledLogger:     &api.LeveledLogger{Level: api.LevelNull},
		MaxNetworkRetries: api.Int64(0),
		URL:               api.String(cfg.URL),
	})
	return &Connector{client: api.NewClient(cfg.Key, api.WithBackends(&api.Backends{API: backend}))}, nil
}

// Traits says what Stripe can do with a refund.
func (c *Connector) Traits() act.Traits {
	return act.Traits{KeyLifetime: keyLifetime, Window: window, Async: true, Lookup: true, Partial: true, Cancel: true}
}

// Do makes the refund.
func (c *Connector) Do(ctx context.Context, r act.Request) (act.Result, error) {
	if r.Kind == decide.KindOfReverse {
		return c.cancel(ctx, r)
	}
	amount, err := toStripe(r.Amount)
	if err != nil {
		return act.Result{}, &act.Error{Status: decide.Failed, Code: "amount", Err: err}
	}
	params := &api.RefundCreateParams{
		Amount:   api.Int64(amount),
		Metadata: map[string]string{metadataAction: r.Action.String(), metadataRemedy: r.Remedy.String(), metadataEntry: strconv.FormatUint(r.Entry, 10)},
	}
	params.SetIdempotencyKey(r.Action.String())
	if isCharge(r.Payment) {
		params.Charge = api.String(r.Payment)
	} else {
		params.PaymentIntent = api.String(r.Payment)
	}
	refund, err := c.client.V1Refunds.Create(ctx, params)
	if err != nil {
		return act.Result{}, classify("create refund", err)
	}
	return result(refund)
}

// maxListed bounds the refunds of one payment that a look-up goes through. A
// look-up that saw only a part of them must not say that one is not there.
const maxListed = 1000

// Lookup goes through all refunds of the payment. It also refuses what could only
// go wrong: a payment that is not there, or one in another currency, for Stripe
// takes an amount without a currency.
func (c *Connector) Lookup(ctx context.Context, r act.Request) (act.Found, error) {
	if r.Kind == decide.KindOfReverse {
		return c.cancelled(ctx, r)
	}
	if err := c.check(ctx, r); err != nil {
		return act.Found{}, err
	}
	var found act.Found
	for refund, err := range c.refunds(ctx, r.Payment) {
		if err != nil {
			return act.Found{}, err
		}
		switch {
		case refund.Metadata[metadataAction] == r.Action.String():
			ours, err := result(refund)
			if err != nil {
				return act.Found{}, err
			}
			found.Ours = &ours // the list begins with the newest, so the first one made stays
		case refund.Metadata[metadataRemedy] != r.Remedy.String() && moved(refund):
			found.Foreign = refund.ID
		}
	}
	return found, nil
}

// refunds goes through the refunds of a payment, newest first. Its error is an
// *act.Error, and the last thing that it yields.
func (c *Connector) refunds(ctx context.Context, payment string) iter.Seq2[*api.Refund, error] {
	return func(yield func(*api.Refund, error) bool) {
		params := &api.RefundListParams{}
		params.Limit = api.Int64(100)
		if isCharge(payment) {
			params.Charge = api.String(payment)
		} else {
			params.PaymentIntent = api.String(payment)
		}
		listed := 0
		for refund, err := range c.client.V1Refunds.List(ctx, params).All(ctx) {
			if err != nil {
				yield(nil, unanswered(classify("list refunds", err)))
				return
			}
			if listed++; listed > maxListed {
				yield(nil, &act.Error{Status: decide.Unknown, Code: "too_many_refunds", Err: fmt.Errorf("list refunds: more than %d of %s", maxListed, payment)})
				return
			}
			if !yield(refund, nil) {
				return
			}
		}
	}
}

// moved reports whether a refund took money from the payment, or may yet.
func moved(r *api.Refund) bool {
	return r.Status != api.RefundStatusFailed && r.Status != api.RefundStatusCanceled
}

// check compares the payment's currency with the amount's.
func (c *Connector) check(ctx context.Context, r act.Request) error {
	var currency api.Currency
	if isCharge(r.Payment) {
		charge, err := c.client.V1Charges.Retrieve(ctx, r.Payment, nil)
		if err != nil {
			return missing(classify("get charge", err))
		}
		currency = charge.Currency
	} else {
		intent, err := c.client.V1PaymentIntents.Retrieve(ctx, r.Payment, nil)
		if err != nil {
			return missing(classify("get payment intent", err))
		}
		currency = intent.Currency
	}
	if paid := strings.ToUpper(string(currency)); paid != r.Amount.Currency {
		return &act.Error{Status: decide.Failed, Code: "currency_mismatch", Err: fmt.Errorf("payment %s was made in %q, the refund is in %q", r.Payment, paid, r.Amount.Currency)}
	}
	return nil
}

// result reads a refund. Succeeded means that Stripe took it on; that the money
// arrived is told later, and may turn out otherwise.
func result(refund *api.Refund) (act.Result, error) {
	out := act.Result{Ref: refund.ID}
	switch refund.Status {
	case api.RefundStatusSucceeded:
		out.Status = decide.Succeeded
	case api.RefundStatusPending, api.RefundStatusRequiresAction:
		out.Status, out.Code = decide.Pending, string(refund.PendingReason)
		if refund.Status == api.RefundStatusRequiresAction {
			out.Code = string(refund.Status)
		}
	case api.RefundStatusFailed, api.RefundStatusCanceled:
		out.Status, out.Code = decide.Failed, string(refund.FailureReason)
		if out.Code == "" {
			out.Code = string(refund.Status)
		}
	}
	amount, err := fromStripe(refund.Amount, string(refund.Currency))
	if refund.ID == "" || out.Status == "" || err != nil {
		return act.Result{}, &act.Error{Status: decide.Unknown, Code: "bad_answer",
			Err: fmt.Errorf("read refund %q with status %q: %w", refund.ID, refund.Status, errors.Join(err, errors.New("it makes no sense")))}
	}
	out.Amount = amount
	return out, nil
}

func isCharge(payment string) bool {
	return strings.HasPrefix(payment, "ch_") || strings.HasPrefix(payment, "py_")
}

// scale holds the currencies that Stripe counts in other units than ISO 4217, as
// Stripe's units in one of ISO's (above 1) or ISO's in one of Stripe's (below -1):
// krónur and Ugandan shillings have no decimals, but Stripe counts them in
// hundredths; ariary have two of which Stripe knows none.
var scale = map[string]int64{"ISK": 100, "UGX": 100, "MGA": -100}

// toStripe counts an amount in Stripe's units.
func toStripe(m money.Money) (int64, error) {
	factor := scale[m.Currency]
	switch {
	case factor > 0:
		if m.Minor > (1<<53)/factor {
			return 0, fmt.Errorf("amount %s is too large", m)
		}
		return m.Minor * factor, nil
	case factor < 0:
		if m.Minor%-factor != 0 {
			return 0, fmt.Errorf("amount %s: Stripe refunds no parts of 1 %s", m, m.Currency)
		}
		return m.Minor / -factor, nil
	}
	return m.Minor, nil
}

// fromStripe reads an amount in Stripe's units.
func fromStripe(amount int64, currency string) (money.Money, error) {
	m := money.Money{Minor: amount, Currency: strings.ToUpper(currency)}
	if _, known := money.Exponent(m.Currency); !known {
		return money.Money{}, fmt.Errorf("unknown currency %q", currency)
	}
	switch factor := scale[m.Currency]; {
	case factor > 0:
		m.Minor /= factor
	case factor < 0:
		m.Minor *= -factor
	}
	return m, nil
}
