package api_test

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/makegood/makegood/remediator"
	"github.com/makegood/makegood/remediator/api"
	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/store/views"
)

const ask5 = `{"payment":"pi_1","amount":"5.00 USD","customer":"c-1","reason":"late"}`

// TestRepeated holds that a command is carried out once under its key, however
// often and whenever it is given, and gives the same answer each time.
func TestRepeated(t *testing.T) {
	t.Parallel()
	h := newHouse(t, nil)
	h.hireAll()
	const many = 20
	answers := make([]reply, many)
	var all sync.WaitGroup
	for i := range many {
		all.Go(func() { answers[i] = h.post("ann", "/v1/refunds", ask5, "Idempotency-Key", "k") })
	}
	all.Wait()
	first := answers[0]
	first.answer(t)
	for _, r := range answers {
		if r != first {
			t.Errorf("the same command is answered %d %s and %d %s", first.status, first.body, r.status, r.body)
		}
	}
	if n := len(h.remedies("")); n != 1 {
		t.Errorf("%d remedies, want one", n)
	}
	if r := h.post("ann", "/v1/refunds", strings.Replace(ask5, "5.00", "6.00", 1), "Idempotency-Key", "k"); r.status != http.StatusUnprocessableEntity {
		t.Errorf("another body under the same key: %d %s", r.status, r.body)
	}
	if r := h.post("ann", "/v1/andon/pull", `{"cord":"a/b","reason":"r"}`, "Idempotency-Key", "k"); r.status != http.StatusUnprocessableEntity {
		t.Errorf("another command under the same key: %d %s", r.status, r.body)
	}
	if a := h.post("abe", "/v1/refunds", ask5, "Idempotency-Key", "k").answer(t); a.Remedy == first.answer(t).Remedy {
		t.Error("another person's command is taken for the same")
	}
	// Other spaces and another order of the fields are the same command.
	turned := `{ "amount": "5.00 USD", "reason":"late","customer":"c-1","payment":"pi_1" }`
	if r := h.post("ann", "/v1/refunds", turned, "Idempotency-Key", "k"); r != first {
		t.Errorf("written otherwise it is answered %d %s", r.status, r.body)
	}
	// A refusal is an answer too, which a role that somebody got since does not change.
	refused := h.post("ann", "/v1/pause", `{"target":"money"}`, "Idempotency-Key", "p")
	h.hire(map[string]string{"ann": "agent operator"})
	if r := h.post("ann", "/v1/pause", `{"target":"money"}`, "Idempotency-Key", "p"); r.reason() != refused.reason() || refused.status != http.StatusForbidden {
		t.Errorf("refused as %s, and again as %d %s", refused.body, r.status, r.body)
	}
	h.stop()
	h.start()
	if r := h.post("ann", "/v1/refunds", ask5, "Idempotency-Key", "k"); r != first {
		t.Errorf("after a restart it is answered %d %s", r.status, r.body)
	}
	if n := len(h.remedies("")); n != 2 {
		t.Errorf("%d remedies, want two", n)
	}
	h.verify()
}

// TestRepeatedTokens holds that revoking a token again is the same command, and
// that a secret is made once under a key and never shown again.
func TestRepeatedTokens(t *testing.T) {
	t.Parallel()
	h := newHouse(t, nil)
	const sam = `{"name":"sam","roles":["agent"]}`
	var made api.Token
	h.post("admin", "/v1/tokens", sam, "Idempotency-Key", "t").into(t, &made)
	if r := h.post("admin", "/v1/tokens", sam, "Idempotency-Key", "t"); r.status != http.StatusUnprocessableEntity || strings.Contains(r.body, "mg_") {
		t.Errorf("made again: %d %s", r.status, r.body)
	}
	first := h.post("admin", "/v1/tokens/"+made.ID.String()+"/revoke", "", "Idempotency-Key", "r")
	first.answer(t)
	if r := h.post("admin", "/v1/tokens/"+made.ID.String()+"/revoke", "", "Idempotency-Key", "r"); r != first {
		t.Errorf("revoked again: %d %s, want %s", r.status, r.body, first.body)
	}
	var listed api.Tokens
	h.ask("admin", "GET", "/v1/tokens", "").into(t, &listed)
	if len(listed.Tokens) != 1 {
		t.Errorf("there are %+v, want one", listed.Tokens)
	}
}

// TestRepeatedAfterDays holds that a key is good for a week of the log's time. Who
// asks for the same refund later still gets none beside the first.
func TestRepeatedAfterDays(t *testing.T) {
	t.Parallel()
	h := newHouse(t, func(c *remediator.Config) { c.EventClock = true })
	h.hireAll()
	day := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	pass := func(days int) {
		day = day.AddDate(0, 0, days)
		event := fmt.Sprintf(`{"specversion":"1.0","id":"%d","source":"/clock","type":"day","time":%q}`, day.Unix(), day.Format(time.RFC3339))
		if r := h.post("emitter", "/v1/events", event, "Content-Type", "application/cloudevents+json"); r.status != http.StatusAccepted {
			t.Fatalf("the day is answered %d %s", r.status, r.body)
		}
	}
	pass(0)
	first := h.post("ann", "/v1/refunds", ask5, "Idempotency-Key", "k")
	pause := h.post("oli", "/v1/pause", `{"target":"rule:x"}`, "Idempotency-Key", "k")
	pass(6)
	if r := h.post("ann", "/v1/refunds", ask5, "Idempotency-Key", "k"); r != first {
		t.Errorf("after 6 days it is answered %d %s, want %s", r.status, r.body, first.body)
	}
	pass(2)
	h.post("pat", "/v1/pause", `{"target":"rule:y"}`).answer(t) // as the oldest answers go when there is a new one
	h.hears(h.post("ann", "/v1/refunds", ask5, "Idempotency-Key", "k"), "request", saying{"ann", "that was asked for before"})
	if again := h.post("oli", "/v1/pause", `{"target":"rule:x"}`, "Idempotency-Key", "k").answer(t); again.Ordinal == pause.answer(t).Ordinal {
		t.Error("after 8 days a pause is none any more")
	}
	if n := len(h.remedies("")); n != 1 {
		t.Errorf("%d remedies, want one", n)
	}
}

// TestRepeatedThoughMore holds that a repeat gives the answer of the first, though
// the ledger has more about the remedy by then.
func TestRepeatedThoughMore(t *testing.T) {
	t.Parallel()
	h := newHouse(t, nil)
	h.hireAll()
	given := h.credited("c-1", "1")
	undo := func() reply {
		return h.post("ann", "/v1/remedies/"+given+"/reverse", `{"reason":"wrong"}`, "Idempotency-Key", "k")
	}
	first := undo()
	h.post("pat", "/v1/remedies/"+first.answer(t).Remedy.String()+"/approve", "").answer(t)
	h.becomes(given, "reversed")
	if r := undo(); r != first {
		t.Errorf("it is answered %d %s, want %s", r.status, r.body, first.body)
	}
}

// TestAnsweredLater holds what people get while nothing is decided: stops that are
// effective at once, and a place to ask. It also holds that what was refused in
// the end stops nothing.
func TestAnsweredLater(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("it waits as long as a command waits for its answer: make test does")
	}
	h := newHouse(t, nil)
	h.hireAll()
	h.decider.Lock()
	held := true
	defer func() {
		if held {
			h.decider.Unlock()
		}
	}()
	commands := []struct{ who, path, body, key, brake string }{
		{"oli", "/v1/pause", `{"target":"money"}`, "k1", "money"},
		{"oli", "/v1/pause", `{"target":"rule:late"}`, "k1", "rule:late"}, // under a key that is taken
		{"ann", "/v1/andon/pull", `{"cord":"product/1","level":"red","reason":"r"}`, "k1", "cord:product/1"},
		{"ann", "/v1/andon/pull", `{"cord":"product/2","level":"red","reason":"r","box":"1000d"}`, "k2", "cord:product/2"}, // for too long
		{"ann", "/v1/andon/pull", `{"cord":"product/3","level":"red"}`, "k3", ""},                                          // without a reason
		{"ann", "/v1/andon/pull", `{"cord":"product","level":"red","reason":"r"}`, "k4", ""},                               // above what an agent may
		{"ann", "/v1/pause", `{"target":"money"}`, "k5", ""},
		{"ann", "/v1/refunds", ask5, "k6", ""},
	}
	answers := make([]reply, len(commands))
	var all sync.WaitGroup
	for i, c := range commands {
		all.Go(func() { answers[i] = h.post(c.who, c.path, c.body, "Idempotency-Key", c.key) })
		if c.brake != "" {
			h.until(c.brake+" stopped", func() bool { return h.stopped(c.brake) })
		}
	}
	all.Wait() // as long as somebody waits for an answer
	var accepted []api.Accepted
	for i, r := range answers {
		var a api.Accepted
		if r.status != http.StatusAccepted {
			t.Fatalf("%s is answered %d %s before it is decided", commands[i].path, r.status, r.body)
		}
		r.status = http.StatusOK
		r.into(t, &a)
		accepted = append(accepted, a)
		if r := h.ask("odo", "GET", a.Ask, ""); r.status != http.StatusNotFound {
			t.Errorf("%s has an answer: %d %s", a.ID, r.status, r.body)
		}
	}
	held = false
	h.decider.Unlock()
	for i, a := range accepted {
		var answer decide.Answer
		h.until("answered", func() bool { return h.ask("odo", "GET", a.Ask, "").status == http.StatusOK })
		h.ask("odo", "GET", a.Ask, "").into(t, &answer)
		if want := i > 2 && i < 7; (answer.Refused != "") != want || a.Ask != "/v1/commands?id="+url.QueryEscape(answer.ID) {
			t.Errorf("%s came to %+v, refused should be %v", a.ID, answer, want)
		}
	}
	for target, want := range map[string]bool{"money": true, "cord:product/1": true, "rule:late": false, "cord:product/2": false, "cord:product/3": false} {
		if h.stopped(target) != want {
			t.Errorf("%s is stopped: %v, want %v", target, !want, want)
		}
	}
	if r := h.post("oli", "/v1/pause", `{"target":"rule:late"}`, "Idempotency-Key", "k1"); r.status != http.StatusUnprocessableEntity {
		t.Errorf("the second command of a key: %d %s", r.status, r.body)
	}
}

// stopped reports whether there is a brake on a target.
func (h *house) stopped(target string) bool {
	h.t.Helper()
	var b api.Brakes
	h.ask("admin", "GET", "/v1/brakes", "").into(h.t, &b)
	return slices.ContainsFunc(b.Brakes, func(b views.Brake) bool { return b.Target == target })
}
