package browser

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/makegood/makegood/remediator"
	"github.com/makegood/makegood/remediator/api"
	"github.com/makegood/makegood/remediator/rule"
	"github.com/makegood/makegood/remediator/sandbox"
)

// townRules pay for what came late: above 10 USD with somebody's approval.
const townRules = `rules:
  - rule: late
    owner: shop/delivery
    why: It came late, and nobody should have to ask.
    event: parcel.late
    if: data.hours > 2
    once_per: data.order
    do:
      - refund: {payment: "${{ data.payment }}", amount: "${{ data.amount }}"}
    limits: {approve_above: 10.00 USD, budget: {amount: 1000000.00 USD, within: 1d}}
    account: "4000"
    mode: live
`

// shopRules are the file of the rules of the shop.
const shopRules = "../../../examples/shop/rules/shop.yaml"

// town is a service with its console, a provider, and people.
type town struct {
	t        *testing.T
	service  *remediator.Running
	provider string            // where it is
	secrets  map[string]string // of people, by name
}

// newTown starts a service in which ann and abe are agents, pat and pia approvers, odo
// is an auditor, oli and ona are operators and wes writes rules.
func newTown(t *testing.T) *town {
	t.Helper()
	return newTownOn(t, func(*remediator.Config) {})
}

// newTownOn starts one with another configuration.
func newTownOn(t *testing.T, change func(*remediator.Config)) *town {
	t.Helper()
	provider, err := sandbox.Open(sandbox.Config{})
	if err != nil {
		t.Fatal(err)
	}
	paying := httptest.NewServer(provider)
	t.Cleanup(paying.Close)
	c := &town{t: t, provider: paying.URL, secrets: map[string]string{"admin": "admin-secret", "emitter": "emitter-secret"}}
	config := remediator.Config{
		DataDir: t.TempDir(), Provider: paying.URL, Token: c.secrets["emitter"], AdminToken: c.secrets["admin"], Logger: slog.New(slog.DiscardHandler),
		Rules: c.files(),
	}
	change(&config)
	if c.service, err = remediator.Start(t.Context(), config, "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.service.Close(); err != nil {
			t.Error(err)
		}
	})
	for name, role := range map[string]string{"ann": "agent", "abe": "agent", "pat": "approver", "pia": "approver", "odo": "auditor",
		"oli": "operator", "ona": "operator", "wes": "author"} {
		var made api.Token
		c.post("admin", "/v1/tokens", map[string]any{"name": name, "roles": []string{role}}, &made)
		c.secrets[name] = made.Secret
	}
	return c
}

// files are the rules with which a town begins.
func (c *town) files() []rule.File {
	c.t.Helper()
	shop, err := os.ReadFile(shopRules)
	if err != nil {
		c.t.Fatal(err)
	}
	return []rule.File{{Path: "late.yaml", Text: townRules}, {Path: "shop.yaml", Text: string(shop)}}
}

// furnish has happened in the town what pages can show: refunds that were paid and
// that wait, a yellow cord and a red one, and money of a rule that is paused.
func (c *town) furnish() {
	c.t.Helper()
	for i, amount := range []string{"2.99 USD", "5.00 USD", "7.50 EUR", "24.00 USD", "99.90 USD", "1.00 USD"} {
		c.late(fmt.Sprint(1000+i), fmt.Sprintf("customer-%d", i%3), amount)
	}
	c.post("ann", "/v1/andon/pull", map[string]any{"cord": "product/LAMP-1", "level": "red", "reason": "The cable is loose"}, nil)
	c.post("abe", "/v1/andon/pull", map[string]any{"cord": "city/oslo/courier", "level": "yellow", "reason": "Snow: many come late"}, nil)
	c.post("oli", "/v1/pause", map[string]any{"target": "rule:stop-failing-purchase"}, nil)
}

// late emits an event for which the rule pays an amount, and waits until it is done.
func (c *town) late(order, customer, amount string) {
	c.t.Helper()
	c.emit("parcel.late", order, customer, map[string]any{"order": order, "payment": "pi_" + order, "amount": amount, "hours": 5})
}

// emit emits an event and waits until what it leads to is done.
func (c *town) emit(kind, id, customer string, data map[string]any) {
	c.t.Helper()
	c.send("emitter", http.MethodPost, "/v1/events", "application/cloudevents+json", map[string]any{
		"specversion": "1.0", "id": id, "source": "/parcels", "type": kind, "customer": customer, "data": data,
	}, nil)
	c.idle()
}

// idle waits until all that was emitted is decided and carried out.
func (c *town) idle() {
	c.t.Helper()
	if err := c.service.WaitIdle(c.t.Context()); err != nil {
		c.t.Fatal(err)
	}
}

// get asks the API in somebody's name.
func (c *town) get(name, path string, into any) {
	c.t.Helper()
	c.send(name, http.MethodGet, path, "", nil, into)
}

// post posts JSON to the API in somebody's name.
func (c *town) post(name, path string, body, into any) {
	c.t.Helper()
	c.send(name, http.MethodPost, path, "application/json", body, into)
}

// ask asks the service in somebody's name.
func (c *town) ask(name, method, path, kind string, body any) (status int, answer []byte) {
	c.t.Helper()
	if c.secrets[name] == "" {
		c.t.Fatalf("nobody is called %s", name)
	}
	text, err := json.Marshal(body)
	if err != nil {
		c.t.Fatal(err)
	}
	request, err := http.NewRequestWithContext(c.t.Context(), method, c.service.URL+path, bytes.NewReader(text))
	if err != nil {
		c.t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+c.secrets[name])
	request.Header.Set("Content-Type", kind)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		c.t.Fatal(err)
	}
	defer response.Body.Close()
	if answer, err = io.ReadAll(response.Body); err != nil {
		c.t.Fatal(err)
	}
	return response.StatusCode, answer
}

// send asks the service in somebody's name, which does what it is asked.
func (c *town) send(name, method, path, kind string, body, into any) {
	c.t.Helper()
	status, text := c.ask(name, method, path, kind, body)
	if status >= http.StatusBadRequest {
		c.t.Fatalf("%s %s is answered %d %s", method, path, status, text)
	}
	if list, ok := into.(*string); ok {
		*list = string(text)
		return
	}
	if into != nil {
		if err := json.Unmarshal(text, into); err != nil {
			c.t.Fatalf("%v in %s", err, text)
		}
	}
}

// enter opens a page in which somebody is signed in by their token.
func (c *town) enter(browser *chromium, name string, w window) *tab {
	c.t.Helper()
	b := browser.open(c.t, c.service.URL, w)
	b.look("/sign-in")
	b.fill("input[name=token]", c.secrets[name])
	b.click("main button")
	b.wait("text=Signed in as " + name)
	return b
}

// until waits until something holds, and returns how long that took.
func until(t *testing.T, what string, holds func() bool) time.Duration {
	t.Helper()
	const longest = 2 * time.Minute // of a busy machine
	began := time.Now()
	for wait := time.Millisecond; !holds(); wait = min(wait*3/2, 50*time.Millisecond) {
		if time.Since(began) > longest {
			t.Fatalf("it is not so in %s: %s", longest, what)
		}
		<-time.After(wait)
	}
	return time.Since(began)
}

// has reports an error unless texts are all in a text.
func has(t *testing.T, text string, wanted ...string) {
	t.Helper()
	var missing error
	for _, w := range wanted {
		if !strings.Contains(text, w) {
			missing = errors.Join(missing, fmt.Errorf("%q", w))
		}
	}
	if missing != nil {
		t.Errorf("not there: %v, in %s", missing, text)
	}
}
