package web_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/html"

	"github.com/makegood/makegood/remediator"
	"github.com/makegood/makegood/remediator/api"
	"github.com/makegood/makegood/remediator/rule"
	"github.com/makegood/makegood/remediator/sandbox"
)

const adminSecret, emitterSecret = "admin-secret", "emitter-secret"

// houseRules pay for what came late, above 10 USD with somebody's approval.
const houseRules = `rules:
  - rule: late
    owner: shop
    why: It came late.
    event: parcel.late
    once_per: data.order
    do:
      - refund: {payment: "${{ data.payment }}", amount: "${{ data.amount }}"}
    limits: {approve_above: 10.00 USD, budget: {amount: 1000000.00 USD, within: 1d}}
    account: "1"
    mode: live
`

// house is a service with a console, and people who look at it.
type house struct {
	t       *testing.T
	config  remediator.Config
	service *remediator.Service
	url     string
	secrets map[string]string // of people, by name
	stop    func()
}

// newHouse opens a house in a new folder. Change may change how.
func newHouse(t *testing.T, change func(*remediator.Config)) *house {
	t.Helper()
	provider, err := sandbox.Open(sandbox.Config{})
	if err != nil {
		t.Fatal(err)
	}
	paying := httptest.NewServer(provider)
	t.Cleanup(paying.Close)
	h := &house{t: t, secrets: map[string]string{}}
	h.config = remediator.Config{DataDir: t.TempDir(), Rules: []rule.File{{Path: "house.yaml", Text: houseRules}}, Provider: paying.URL,
		Token: emitterSecret, AdminToken: adminSecret, Logger: slog.New(slog.DiscardHandler)}
	if change != nil {
		change(&h.config)
	}
	h.secrets["admin"], h.secrets["emitter"] = h.config.AdminToken, h.config.Token
	h.start()
	t.Cleanup(func() { h.stop() })
	return h
}

// start starts the service on what is in its folder.
func (h *house) start() {
	h.t.Helper()
	service, err := remediator.New(h.config)
	if err != nil {
		h.t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ran := make(chan error, 1)
	go func() { ran <- service.Run(ctx) }()
	server := httptest.NewServer(service)
	h.service, h.url = service, server.URL
	h.stop = sync.OnceFunc(func() {
		stop()
		server.CloseClientConnections()
		server.Close()
		if err := errors.Join(<-ran, service.Close()); err != nil {
			h.t.Error(err)
		}
	})
	h.until("ready", func() bool { return h.stranger().get("/readyz").status == http.StatusOK })
}

// until waits until something holds.
func (h *house) until(what string, holds func() bool) {
	h.t.Helper()
	const longest = 5 * time.Minute // of a busy machine
	limit := time.Now().Add(longest)
	for wait := time.Millisecond; !holds(); wait = min(wait*3/2, 100*time.Millisecond) {
		if time.Now().After(limit) {
			h.t.Fatalf("it is not %s in %s", what, longest)
		}
		<-time.After(wait)
	}
}

// hire makes tokens for people: their names with their roles.
func (h *house) hire(people map[string]string) {
	h.t.Helper()
	for name, roles := range people {
		var made api.Token
		h.bearer("admin").post("/v1/tokens", fmt.Sprintf(`{"name":%q,"roles":["%s"]}`, name, strings.ReplaceAll(roles, " ", `","`))).into(h.t, &made)
		h.secrets[name] = made.Secret
	}
}

// late emits an event for which the rule pays an amount, and waits until it is decided.
func (h *house) late(order, customer, amount string) {
	h.t.Helper()
	h.emit(order, customer, amount)
	h.idle()
}

// emit emits an event for which the rule pays an amount.
func (h *house) emit(order, customer, amount string) {
	h.t.Helper()
	event := fmt.Sprintf(`{"specversion":"1.0","id":%q,"source":"/test","type":"parcel.late","customer":%q,"data":{"order":%q,"payment":%q,"amount":%q}}`,
		order, customer, order, "pi_"+order, amount)
	if p := h.bearer("emitter").post("/v1/events", event, "Content-Type", "application/cloudevents+json"); p.status != http.StatusAccepted {
		h.t.Fatalf("the event is answered %d %s", p.status, p.body)
	}
}

// idle waits until all that was emitted is decided and carried out.
func (h *house) idle() {
	h.t.Helper()
	if err := h.service.WaitIdle(h.t.Context()); err != nil {
		h.t.Fatal(err)
	}
}

// visitor is a browser without scripts, or a program.
type visitor struct {
	house  *house
	client *http.Client
	secret string // shown with each request; empty: none
}

// stranger is a browser in which nobody is signed in.
func (h *house) stranger() *visitor {
	jar, _ := cookiejar.New(nil) // it never returns an error
	return &visitor{house: h, client: &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
}

// bearer is a program with somebody's token.
func (h *house) bearer(name string) *visitor {
	h.t.Helper()
	v := h.stranger()
	if v.secret = h.secrets[name]; v.secret == "" {
		h.t.Fatalf("nobody is called %s", name)
	}
	return v
}

// paper is an answer.
type paper struct {
	status int
	header http.Header
	body   string
}

func (v *visitor) do(method, path, body string, headers []string) paper {
	v.house.t.Helper()
	req, err := http.NewRequest(method, v.house.url+path, strings.NewReader(body))
	if err != nil {
		v.house.t.Fatal(err)
	}
	if v.secret != "" {
		req.Header.Set("Authorization", "Bearer "+v.secret)
	}
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	res, err := v.client.Do(req)
	if err != nil {
		v.house.t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		v.house.t.Fatal(err)
	}
	return paper{res.StatusCode, res.Header, string(text)}
}

// get asks for a page, with headers as pairs.
func (v *visitor) get(path string, headers ...string) paper {
	v.house.t.Helper()
	return v.do(http.MethodGet, path, "", headers)
}

// post posts JSON, as programs do, or what else the headers say.
func (v *visitor) post(path, body string, headers ...string) paper {
	v.house.t.Helper()
	return v.do(http.MethodPost, path, body, append([]string{"Content-Type", "application/json"}, headers...))
}

// send sends a form, as a browser does from a page of the console.
func (v *visitor) send(path string, fields url.Values, headers ...string) paper {
	v.house.t.Helper()
	return v.do(http.MethodPost, path, fields.Encode(), append([]string{"Content-Type", "application/x-www-form-urlencoded", "Sec-Fetch-Site", "same-origin"}, headers...))
}

func (p paper) into(t testing.TB, value any) {
	t.Helper()
	if p.status != http.StatusOK {
		t.Fatalf("got %d %s", p.status, p.body)
	}
	if err := json.Unmarshal([]byte(p.body), value); err != nil {
		t.Fatalf("%v in %s", err, p.body)
	}
}

// nodes returns the elements of a page, each with the text in it.
func (p paper) nodes(t testing.TB) []element {
	t.Helper()
	root, err := html.Parse(strings.NewReader(p.body))
	if err != nil {
		t.Fatal(err)
	}
	var all []element
	for n := range root.Descendants() {
		if n.Type != html.ElementNode {
			continue
		}
		e := element{name: n.Data, attributes: map[string]string{}}
		for _, a := range n.Attr {
			e.attributes[a.Key] = a.Val
		}
		for below := range n.Descendants() {
			if below.Type == html.TextNode {
				e.text += below.Data
			}
		}
		all = append(all, e)
	}
	return all
}

// element is one of a page.
type element struct {
	name       string
	attributes map[string]string
	text       string
}
