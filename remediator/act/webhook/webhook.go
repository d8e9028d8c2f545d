// Package webhook tells other systems what was made good: signed HTTP requests by
// the Standard Webhooks specification, to the endpoints that a file names.
//
// The id of the action is the webhook-id, the same in every attempt, so that a
// receiver that has seen it can drop it. Anything but a 2xx is tried again on a
// schedule over three days; 410 disables the endpoint until an operator enables
// it. Redirects are not followed. Unless an endpoint allows it, nothing is sent to
// an address that is not public: this is asked of the address that is dialed, so
// a name that changes its mind between two look-ups gets nobody into the service's
// own network.
//
// The body is {"type":"makegood.remedy","timestamp":…,"data":{…}}, where data has
// the remedy, rule, customer and subject, what the steps before came to, and in
// its own "data" what the rule tells.
package webhook

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/google/uuid"

	"github.com/makegood/makegood/remediator/act"
	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/webhooks"
	"github.com/makegood/makegood/remediator/webhooks/signature"
)

// timeout bounds one attempt, as the specification suggests (15 to 30 s).
const timeout = 20 * time.Second

// schedule has the wait after each attempt but the tenth and last: 75 hours, so
// that a receiver that breaks on a Friday evening is mended on Monday.
var schedule = []time.Duration{
	5 * time.Second, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour, 5 * time.Hour,
	10 * time.Hour, 14 * time.Hour, 20 * time.Hour, 24 * time.Hour,
}

// maxAnswer bounds what is read of an answer, which nobody looks at.
const maxAnswer = 64 << 10

// Codes of an attempt, besides http_ and the status.
const (
	codeEndpoint = "unknown_endpoint"  // the file does not name it
	codeDisabled = "endpoint_disabled" // it asked for no more; an operator may enable it
	codePrivate  = "private_address"   // its address is not public, and it is not allowed to be private
	codeAnswer   = "no_answer"         // nobody answered
	codeConnect  = "no_connection"     // nobody was reached
	codeSwitch   = "store_unavailable" // it is not known whether it is disabled
)

// Switches remember which endpoints asked for no more. Implementations are safe
// for concurrent use.
type Switches interface {
	// Disabled returns why an endpoint is told nothing, "" when it is told.
	Disabled(ctx context.Context, endpoint string) (string, error)
	// Disable has the endpoint told nothing until an operator enables it.
	Disable(ctx context.Context, endpoint, why string, at time.Time) error
}

// Config of a Connector.
type Config struct {
	Endpoints []webhooks.Endpoint
	Switches  Switches
	// Now is the clock of the timestamps. Defaults to time.Now.
	Now func() time.Time
	// Transport carries the requests in place of the guarded network. For tests
	// whose clock is not the machine's. Defaults to none.
	Transport http.RoundTripper
}

// Connector tells endpoints. It implements act.Connector.
type Connector struct {
	cfg             Config
	endpoints       map[string]webhooks.Endpoint
	public, private *http.Client
}

// New returns a connector to the endpoints.
func New(cfg Config) *Connector {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	c := &Connector{cfg: cfg, endpoints: map[string]webhooks.Endpoint{}, public: client(cfg, false), private: client(cfg, true)}
	for _, e := range cfg.Endpoints {
		c.endpoints[e.Name] = e
	}
	return c
}

func client(cfg Config, private bool) *http.Client {
	c := &http.Client{
		Timeout: timeout, Transport: cfg.Transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	if c.Transport == nil {
		c.Transport = transport(private)
	}
	return c
}

// Traits implements act.Connector.
func (c *Connector) Traits() act.Traits { return act.Traits{Schedule: schedule, AtLeastOnce: true} }

// Lookup implements act.Connector. Receivers cannot be asked; they know the id.
func (c *Connector) Lookup(context.Context, act.Request) (act.Found, error) {
	return act.Found{}, errors.New("a receiver of webhooks cannot be asked")
}

// message is the body of a webhook.
type message struct {
	Type      string `json:"type"`
	Timestamp string `json:"timestamp"` // RFC 3339, of the decision
	Data      any    `json:"data"`
}

// told is the data of a webhook about a remedy.
type told struct {
	Remedy   uuid.UUID       `json:"remedy"`
	Rule     string          `json:"rule"`
	Customer string          `json:"customer,omitempty"`
	Subject  string          `json:"subject,omitempty"`
	Steps    []step          `json:"steps,omitempty"` // what the steps before came to
	Data     json.RawMessage `json:"data"`            // what the rule tells
}

// step is what another step of the remedy came to.
type step struct {
	Name   string `json:"name"`
	Kind   string `json:"kind"`
	Status string `json:"status"`
	Amount string `json:"amount,omitempty"` // like "2.99 USD"
	Ref    string `json:"ref,omitempty"`    // the provider's id
}

func stepsOf(results []act.StepResult) []step {
	steps := make([]step, len(results))
	for i, r := range results {
		steps[i] = step{Name: r.Name, Kind: r.Kind, Status: r.Status, Ref: r.Ref}
		if r.Amount != nil {
			steps[i].Amount = r.Amount.String()
		}
	}
	return steps
}

// Do implements act.Connector.
func (c *Connector) Do(ctx context.Context, r act.Request) (act.Result, error) {
	endpoint, ok := c.endpoints[r.Endpoint]
	if !ok {
		return act.Result{}, &act.Error{Status: decide.Retrying, Code: codeEndpoint, Err: fmt.Errorf("the file of webhooks has no endpoint %q", r.Endpoint)}
	}
	why, err := c.cfg.Switches.Disabled(ctx, endpoint.Name)
	switch {
	case err != nil:
		return act.Result{}, &act.Error{Status: decide.Retrying, Code: codeSwitch, Err: err}
	case why != "":
		return act.Result{Status: decide.Failed, Code: codeDisabled}, nil
	}
	var values struct {
		Data json.RawMessage `json:"data"`
	}
	if err := json.Unmarshal(r.Values, &values); err != nil {
		return act.Result{}, &act.Error{Status: decide.Failed, Code: "unreadable_values", Err: err}
	}
	body, err := encode(message{Type: "makegood.remedy", Timestamp: r.At.UTC().Format(time.RFC3339Nano), Data: told{
		Remedy: r.Remedy, Rule: r.Rule, Customer: r.Customer, Subject: r.Subject, Steps: stepsOf(r.Results), Data: values.Data,
	}})
	if err != nil {
		return act.Result{}, &act.Error{Status: decide.Failed, Code: "unwritable", Err: err}
	}
	answer, err := c.send(ctx, endpoint, r.Action.String(), body)
	if err != nil {
		return act.Result{}, err
	}
	return c.judge(ctx, endpoint, answer, sent(endpoint, r.Action, body))
}

func encode(value any) ([]byte, error) {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(value); err != nil {
		return nil, fmt.Errorf("write webhook: %w", err)
	}
	return bytes.TrimSuffix(buf.Bytes(), []byte("\n")), nil
}

// sent is what is sealed of a request. The signature is not in it: it proves
// nothing later, and the secret behind it changes.
func sent(endpoint webhooks.Endpoint, id uuid.UUID, body []byte) string {
	text, err := encode(struct {
		URL  string          `json:"url"`
		ID   uuid.UUID       `json:"webhook_id"`
		Body json.RawMessage `json:"body"`
	}{endpoint.URL, id, body})
	if err != nil || len(text) > decide.MaxSent {
		return ""
	}
	return string(text)
}

// answer is what a receiver answered.
type answer struct {
	status     int
	retryAfter time.Duration
}

// send signs a message, sends it once and returns the answer. Its errors are
// *act.Error.
func (c *Connector) send(ctx context.Context, e webhooks.Endpoint, id string, body []byte) (answer, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, e.URL, bytes.NewReader(body))
	if err != nil {
		return answer{}, &act.Error{Status: decide.Failed, Code: codeEndpoint, Err: err}
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "makegood-webhook/1")
	signature.SetHeaders(req.Header, e.Secrets, id, c.cfg.Now(), body)
	use := c.public
	if e.AllowPrivate {
		use = c.private
	}
	resp, err := use.Do(req)
	if err != nil {
		return answer{}, unanswered(e, err)
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, maxAnswer)) // so that the connection can be used again
	return answer{status: resp.StatusCode, retryAfter: act.RetryAfter(resp.Header, c.cfg.Now())}, nil
}

// unanswered says what is known when nobody answered: where no connection came
// about, nobody was told.
func unanswered(e webhooks.Endpoint, err error) error {
	var dial *net.OpError
	var request *url.Error
	if errors.As(err, &request) {
		err = request.Err // without the address, in which there may be a key
	}
	switch {
	case errors.Is(err, errPrivate):
		return &act.Error{Status: decide.Retrying, Code: codePrivate,
			Err: fmt.Errorf("endpoint %s: %w: write allow_private: true if it is meant to be in your own network", e.Name, err)}
	case errors.As(err, &dial) && dial.Op == "dial":
		return &act.Error{Status: decide.Retrying, Code: codeConnect, Err: fmt.Errorf("endpoint %s: %w", e.Name, err)}
	}
	return &act.Error{Status: decide.Unknown, Code: codeAnswer, Err: fmt.Errorf("endpoint %s: %w", e.Name, err)}
}

// judge says what an answer means.
func (c *Connector) judge(ctx context.Context, e webhooks.Endpoint, a answer, sealed string) (act.Result, error) {
	code := "http_" + strconv.Itoa(a.status)
	switch {
	case a.status >= 200 && a.status < 300:
		return act.Result{Status: decide.Succeeded, Sent: sealed}, nil
	case a.status == http.StatusGone:
		if err := c.cfg.Switches.Disable(ctx, e.Name, "it answered 410 Gone", c.cfg.Now()); err != nil {
			return act.Result{}, &act.Error{Status: decide.Retrying, Code: codeSwitch, Err: err}
		}
		return act.Result{Status: decide.Failed, Code: code}, nil
	}
	return act.Result{}, &act.Error{Status: decide.Retrying, Code: code, RetryAfter: a.retryAfter, Err: fmt.Errorf("endpoint %s answered %d", e.Name, a.status)}
}

// Endpoints returns the addresses of all endpoints by their names.
func (c *Connector) Endpoints() map[string]string {
	all := make(map[string]string, len(c.endpoints))
	for name, e := range c.endpoints {
		all[name] = e.URL
	}
	return all
}

// Ping sends a signed message that means nothing to an endpoint, also to one that
// is disabled, and returns the status that it answered.
func (c *Connector) Ping(ctx context.Context, endpoint string) (int, error) {
	e, ok := c.endpoints[endpoint]
	if !ok {
		return 0, fmt.Errorf("ping %s: the file of webhooks has no such endpoint", endpoint)
	}
	body, err := encode(message{Type: "makegood.ping", Timestamp: c.cfg.Now().UTC().Format(time.RFC3339Nano), Data: struct{}{}})
	if err != nil {
		return 0, err
	}
	a, err := c.send(ctx, e, uuid.NewString(), body)
	return a.status, err
}

// Announce tells an endpoint something that is about no remedy. It returns when the
// endpoint has taken it, and an error when it has not; who announces tries again.
func (c *Connector) Announce(ctx context.Context, endpoint string, id uuid.UUID, kind string, data any) error {
	e, ok := c.endpoints[endpoint]
	if !ok {
		return fmt.Errorf("tell %s: the file of webhooks has no such endpoint", endpoint)
	}
	why, err := c.cfg.Switches.Disabled(ctx, e.Name)
	if err != nil {
		return err
	}
	if why != "" {
		return fmt.Errorf("tell %s: it is disabled: %s", endpoint, why)
	}
	body, err := encode(message{Type: kind, Timestamp: c.cfg.Now().UTC().Format(time.RFC3339Nano), Data: data})
	if err != nil {
		return err
	}
	a, err := c.send(ctx, e, id.String(), body)
	if err != nil {
		return err
	}
	result, err := c.judge(ctx, e, a, "")
	if err == nil && result.Status != decide.Succeeded {
		err = fmt.Errorf("tell %s: %s", endpoint, result.Code)
	}
	return err
}
