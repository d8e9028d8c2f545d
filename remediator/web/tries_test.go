package web_test

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/makegood/makegood/remediator"
	"github.com/makegood/makegood/remediator/decide"
)

// TestPaceOfPages holds that nobody asks for pages and sends forms more often than they
// may of the API too, that a form which comes too early does nothing, and that others are
// not kept waiting by it.
func TestPaceOfPages(t *testing.T) {
	t.Parallel()
	var later atomic.Int64 // by how much the clock is ahead
	still := time.Now()
	h := newHouse(t, func(c *remediator.Config) {
		c.Requests = 5
		c.Now = func() time.Time { return still.Add(time.Duration(later.Load())) }
	})
	h.hire(map[string]string{"ann": "agent", "bob": "agent"})
	ann := h.signedIn("ann")
	pull := func(n int) paper {
		return ann.send("/andon/pull", url.Values{"key": {strconv.Itoa(n)}, "cord": {"product/" + strconv.Itoa(n)}, "level": {"red"}, "why": {"look"}})
	}
	for n := range 8 {
		if p := pull(n); p.status != http.StatusSeeOther {
			t.Fatalf("form %d is answered %d %s", n, p.status, p.body)
		}
	}
	for _, path := range []string{"/andon", "/v1/brakes"} {
		if p := ann.get(path); p.status != http.StatusOK {
			t.Fatalf("%s is answered %d %s", path, p.status, p.body)
		}
	}
	for what, p := range map[string]paper{"a form": pull(8), "a page": ann.get("/andon"), "the API": ann.get("/v1/brakes"), "a question": ann.send("/why-not", nil)} {
		if p.status != http.StatusTooManyRequests || p.header.Get("Retry-After") != "1" {
			t.Errorf("%s too many is answered %d, Retry-After %q", what, p.status, p.header.Get("Retry-After"))
		}
	}
	if got := h.level("product/8"); got != "open " {
		t.Errorf("the form that came too early left the cord %s", got)
	}
	if p := h.signedIn("bob").get("/andon"); p.status != http.StatusOK {
		t.Errorf("another is answered %d", p.status)
	}
	later.Add(int64(time.Second))
	if p := pull(8); p.status != http.StatusSeeOther {
		t.Errorf("a second later the form is answered %d %s", p.status, p.body)
	}
}

// TestPaceOfSignIns holds that an address signs in no more often than it may, however
// right its token is, that another address is not kept out by it, and that nobody takes a
// turn who has no session to end.
func TestPaceOfSignIns(t *testing.T) {
	t.Parallel()
	var later atomic.Int64
	still := time.Now()
	h := newHouse(t, func(c *remediator.Config) {
		c.BehindTLS = true
		c.Now = func() time.Time { return still.Add(time.Duration(later.Load())) }
	})
	enter := func(address string) paper {
		return h.stranger().send("/sign-in", url.Values{"token": {adminSecret}}, "X-Forwarded-For", address)
	}
	const here = "198.51.100.7"
	session, _, _ := strings.Cut(enter("198.51.100.9").header.Get("Set-Cookie"), ";")
	out := func(cookie string) paper {
		return h.stranger().send("/sign-out", nil, "X-Forwarded-For", here, "Cookie", cookie)
	}
	for range 60 { // nobody signs out, and takes no turn of others by it
		for _, cookie := range []string{"", "__Host-makegood=" + strings.Repeat("A", 43)} {
			if p := out(cookie); p.status != http.StatusSeeOther || p.header.Get("Location") != "/sign-in" {
				t.Fatalf("a sign-out of nobody is answered %d %s", p.status, p.body)
			}
		}
	}
	for n := range 60 {
		if p := enter(here); p.status != http.StatusSeeOther {
			t.Fatalf("sign-in %d is answered %d %s", n, p.status, p.body)
		}
	}
	ways := map[string]paper{"a token": enter(here), "a link": h.stranger().get(h.service.SignInPath(), "X-Forwarded-For", here), "a sign-out": out(session)}
	for what, p := range ways {
		if p.status != http.StatusTooManyRequests || p.header.Get("Retry-After") != "1" {
			t.Errorf("%s too many is answered %d, Retry-After %q", what, p.status, p.header.Get("Retry-After"))
		}
	}
	if p := enter("198.51.100.8"); p.status != http.StatusSeeOther {
		t.Errorf("another address is answered %d", p.status)
	}
	later.Add(int64(time.Second))
	if first, second := enter(here), enter(here); first.status != http.StatusSeeOther || second.status != http.StatusTooManyRequests {
		t.Errorf("a second later two are answered %d and %d", first.status, second.status)
	}
	if facts := h.signIns(); len(facts) != 63 || slices.ContainsFunc(facts, func(f decide.SignInFact) bool { return f.Out }) {
		t.Errorf("sealed is %+v", facts)
	}
	later.Add(int64(2 * time.Second))
	if p := out(session); p.status != http.StatusSeeOther || len(h.signIns()) != 64 {
		t.Errorf("then the sign-out is answered %d %s", p.status, p.body)
	}
}
