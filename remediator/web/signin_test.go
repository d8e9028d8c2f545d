package web_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/makegood/makegood/remediator"
	"github.com/makegood/makegood/remediator/api"
	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/store/ledgerdb"
)

// signedIn is a browser in which somebody has signed in with their token.
func (h *house) signedIn(name string) *visitor {
	h.t.Helper()
	v := h.stranger()
	p := v.send("/sign-in", url.Values{"token": {h.secrets[name]}, "to": {"/"}})
	if p.status != http.StatusSeeOther || p.header.Get("Location") != "/" {
		h.t.Fatalf("%s signs in and is answered %d %s", name, p.status, p.body)
	}
	return v
}

// cookies returns the secrets that a browser keeps.
func (v *visitor) cookies() []string {
	at, err := url.Parse(v.house.url)
	if err != nil {
		v.house.t.Fatal(err)
	}
	var values []string
	for _, c := range v.client.Jar.Cookies(at) {
		values = append(values, c.Name+"="+c.Value)
	}
	return values
}

// signIns reads from the ledger who signed in and out, oldest first.
func (h *house) signIns() []decide.SignInFact {
	h.t.Helper()
	db, err := ledgerdb.OpenReadOnly(h.t.Context(), filepath.Join(h.config.DataDir, "ledger.db"))
	if err != nil {
		h.t.Fatal(err)
	}
	defer db.Close()
	source, end, err := db.Source(h.t.Context())
	if err != nil {
		h.t.Fatal(err)
	}
	defer end()
	const most = 10_000
	rows, err := source.Entries(h.t.Context(), -1, most)
	if err != nil || len(rows) == most {
		h.t.Fatalf("%d entries, %v", len(rows), err)
	}
	var found []decide.SignInFact
	for _, row := range rows {
		var f decide.SignInFact
		if row.Kind != decide.KindSignIn {
			continue
		}
		if err := json.Unmarshal(row.Body, &f); err != nil {
			h.t.Fatal(err)
		}
		found = append(found, f)
	}
	return found
}

// TestSignIn holds the way in and out: a page leads to the sign-in and back, the
// cookie is kept from scripts and other sites, the API knows it too, and the ledger
// says who came and went, without the secret.
func TestSignIn(t *testing.T) {
	t.Parallel()
	h := newHouse(t, nil)
	h.hire(map[string]string{"ann": "agent"})
	v := h.stranger()
	if p := v.get("/?a=b"); p.status != http.StatusSeeOther || p.header.Get("Location") != "/sign-in" {
		t.Fatalf("a stranger is answered %d to %s", p.status, p.header.Get("Location"))
	}
	p := v.get("/sign-in")
	checkHeaders(t, "/sign-in", p)
	checkPage(t, "/sign-in", p)
	p = v.send("/sign-in", url.Values{"token": {" " + h.secrets["ann"] + "\n"}, "to": {"/?a=b"}})
	if p.status != http.StatusSeeOther || p.header.Get("Location") != "/?a=b" {
		t.Fatalf("got %d to %q: %s", p.status, p.header.Get("Location"), p.body)
	}
	cookie, err := http.ParseSetCookie(p.header.Get("Set-Cookie"))
	if err != nil || cookie.Name != "makegood" || !cookie.HttpOnly || cookie.SameSite != http.SameSiteLaxMode || cookie.Path != "/" || cookie.Domain != "" || len(cookie.Value) < 43 {
		t.Errorf("the cookie is %s (%v)", p.header.Get("Set-Cookie"), err)
	}
	if p := v.get("/"); p.status != http.StatusOK || !strings.Contains(p.body, "Signed in as <bdi>ann</bdi>") {
		t.Errorf("the page is answered %d %s", p.status, p.body)
	}
	if p := v.get("/v1/whoami"); p.status != http.StatusOK || !strings.Contains(p.body, `"ann"`) {
		t.Errorf("the API answers %d %s", p.status, p.body)
	}
	if p := v.send("/sign-out", nil); p.status != http.StatusSeeOther || len(v.cookies()) != 0 {
		t.Errorf("signing out is answered %d, the browser keeps %s", p.status, v.cookies())
	}
	if p := h.stranger().get("/v1/whoami", "Cookie", "makegood="+cookie.Value); p.status != http.StatusUnauthorized {
		t.Errorf("after signing out the secret is answered %d", p.status)
	}
	facts := h.signIns()
	if len(facts) != 2 || facts[0].By != "ann" || facts[0].Method != "token" || facts[0].Out || !facts[1].Out || facts[1].Session != facts[0].Session || len(facts[0].Session) != 16 {
		t.Errorf("sealed is %+v", facts)
	}
}

// TestNoFixation holds that a sign-in never goes on in a session or with a secret
// that was there before.
func TestNoFixation(t *testing.T) {
	t.Parallel()
	h := newHouse(t, nil)
	h.hire(map[string]string{"ann": "agent", "pat": "approver"})
	planted := "makegood=" + strings.Repeat("A", 43)
	p := h.stranger().send("/sign-in", url.Values{"token": {h.secrets["pat"]}}, "Cookie", planted)
	if p.status != http.StatusSeeOther || strings.Contains(p.header.Get("Set-Cookie"), planted) {
		t.Errorf("with a planted secret: %d %s", p.status, p.header.Get("Set-Cookie"))
	}
	if p := h.stranger().get("/v1/whoami", "Cookie", planted); p.status != http.StatusUnauthorized {
		t.Errorf("the planted secret is answered %d", p.status)
	}
	v := h.signedIn("ann")
	before := v.cookies()
	v.send("/sign-in", url.Values{"token": {h.secrets["pat"]}})
	if after := v.cookies(); len(after) != 1 || slices.Equal(before, after) {
		t.Errorf("the browser keeps %s, before %s", after, before)
	}
	if p := h.stranger().get("/v1/whoami", "Cookie", before[0]); p.status != http.StatusUnauthorized {
		t.Errorf("the session before is answered %d", p.status)
	}
}

// TestSessionEnds holds what ends a session: its token's end, time, and nobody there.
// An open page that fetches by itself keeps none.
func TestSessionEnds(t *testing.T) {
	t.Parallel()
	var ahead atomic.Int64
	h := newHouse(t, func(c *remediator.Config) {
		c.Now = func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }
	})
	h.hire(map[string]string{"ann": "agent", "pat": "approver"})
	ann, pat := h.signedIn("ann"), h.signedIn("pat")
	var listed api.Tokens
	h.bearer("admin").get("/v1/tokens").into(t, &listed)
	for _, token := range listed.Tokens {
		if token.Name == "ann" {
			h.bearer("admin").post("/v1/tokens/"+token.ID.String()+"/revoke", "")
		}
	}
	is := func(v *visitor, headers ...string) int { return v.get("/v1/whoami", headers...).status }
	if got := fmt.Sprint(is(ann), is(pat)); got != "401 200" {
		t.Errorf("after ann's token was revoked the sessions are answered %s", got)
	}
	if p := ann.get("/sign-in"); p.status != http.StatusOK || !strings.Contains(p.body, "has ended") || len(ann.cookies()) != 0 {
		t.Errorf("the sign-in says %s", p.body)
	}
	for range 5 { // a person who does something
		ahead.Add(int64(time.Hour))
		if got := is(pat); got != http.StatusOK {
			t.Fatalf("pat, who is there, is answered %d", got)
		}
	}
	ahead.Add(int64(90 * time.Minute))
	if got := is(pat, "HX-Request", "true"); got != http.StatusOK {
		t.Errorf("the open page is answered %d", got)
	}
	ahead.Add(int64(40 * time.Minute))
	if got := is(pat); got != http.StatusUnauthorized {
		t.Errorf("after two hours without pat the session is answered %d", got)
	}
	amy := h.signedIn("admin")
	for range 12 {
		ahead.Add(int64(time.Hour))
		if is(amy) == http.StatusUnauthorized {
			break
		}
	}
	if got := is(amy); got != http.StatusUnauthorized {
		t.Errorf("after twelve hours a session is answered %d", got)
	}
}

// TestSessionsAreShared holds that a session is in the store: it outlasts the process.
func TestSessionsAreShared(t *testing.T) {
	t.Parallel()
	h := newHouse(t, nil)
	v := h.signedIn("admin")
	cookie := v.cookies()[0]
	h.stop()
	h.start()
	if p := h.stranger().get("/", "Cookie", cookie); p.status != http.StatusOK {
		t.Errorf("after a restart the session is answered %d", p.status)
	}
}

// TestSignInRefused holds who gets no session, and that guessing is slow and counted.
func TestSignInRefused(t *testing.T) {
	t.Parallel()
	h := newHouse(t, nil)
	v := h.stranger()
	try := func(token string, headers ...string) paper {
		return v.send("/sign-in", url.Values{"token": {token}}, headers...)
	}
	if p := try(emitterSecret); p.status != http.StatusForbidden || len(v.cookies()) != 0 {
		t.Errorf("an emitter is answered %d", p.status)
	}
	if p := try(adminSecret, "Sec-Fetch-Site", "cross-site"); p.status != http.StatusForbidden || len(v.cookies()) != 0 {
		t.Errorf("a form of another site is answered %d", p.status)
	}
	req, err := http.NewRequest(http.MethodPost, h.url+"/sign-in", strings.NewReader(url.Values{"token": {adminSecret}}.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	req.Host = "console.example"
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(res.Body)
	if err = errors.Join(err, res.Body.Close()); err != nil || res.StatusCode != http.StatusForbidden || !strings.Contains(string(text), "https") || len(res.Cookies()) != 0 {
		t.Errorf("over a line that others read it is answered %s %s (%v)", res.Status, text, err)
	}
	statuses := map[int]int{}
	for range 20 {
		p := try("mg_wrong")
		statuses[p.status]++
		if p.status == http.StatusTooManyRequests && p.header.Get("Retry-After") == "" {
			t.Error("nobody says when to come back")
		}
	}
	if statuses[http.StatusUnauthorized] != 9 || statuses[http.StatusTooManyRequests] != 11 {
		t.Errorf("twenty wrong tokens are answered %v", statuses)
	}
	if p := try(adminSecret); p.status != http.StatusTooManyRequests {
		t.Errorf("and then the right one %d", p.status)
	}
	metrics := h.bearer("admin").get("/metrics").body
	if !strings.Contains(metrics, "\nmakegood_sign_ins_refused_total 10\n") || !strings.Contains(metrics, "\nmakegood_sign_ins_total 0\n") {
		t.Error("the metrics do not count the tries")
	}
	if facts := h.signIns(); len(facts) != 0 {
		t.Errorf("sealed is %+v", facts)
	}
}

// TestSignInOverTLS holds that over TLS the cookie is one that no other site can set,
// and that the browser is told to stay with TLS.
func TestSignInOverTLS(t *testing.T) {
	t.Parallel()
	h := newHouse(t, func(c *remediator.Config) { c.BehindTLS = true })
	p := h.stranger().send("/sign-in", url.Values{"token": {adminSecret}})
	cookie, err := http.ParseSetCookie(p.header.Get("Set-Cookie"))
	if err != nil || cookie.Name != "__Host-makegood" || !cookie.Secure || p.header.Get("Strict-Transport-Security") == "" {
		t.Fatalf("the cookie is %s (%v)", p.header.Get("Set-Cookie"), err)
	}
	if p := h.stranger().get("/v1/whoami", "Cookie", "makegood="+cookie.Value); p.status != http.StatusUnauthorized {
		t.Errorf("under the other name the secret is answered %d", p.status)
	}
}

// TestSignInGoesOnWithin holds that a sign-in leads nowhere else.
func TestSignInGoesOnWithin(t *testing.T) {
	t.Parallel()
	h := newHouse(t, nil)
	for to, want := range map[string]string{
		"/andon?level=red": "/andon?level=red", "": "/", "https://elsewhere.example/": "/", "//elsewhere.example": "/", `/\elsewhere.example`: "/",
		"/\t/elsewhere.example": "/", "javascript:alert(1)": "/", "/sign-out": "/", "elsewhere": "/", "///elsewhere.example": "/", "/.//elsewhere.example": "/elsewhere.example",
		"/x/..//elsewhere.example": "/elsewhere.example", "http:elsewhere.example": "/", "https:/elsewhere.example": "/", "//\u2028elsewhere.example": "/", "/\x00/elsewhere.example": "/",
		"/%2f%2felsewhere.example": "/%2f%2felsewhere.example", "/@elsewhere.example": "/@elsewhere.example", " //elsewhere.example": "/", "?to=//elsewhere.example": "/", "/sign-in?to=//elsewhere.example": "/",
	} {
		p := h.stranger().send("/sign-in", url.Values{"token": {adminSecret}, "to": {to}})
		if got := p.header.Get("Location"); got != want {
			t.Errorf("%q leads to %q, want %q", to, got, want)
		}
		in := h.signedIn("admin")
		if got := in.get("/sign-in?" + url.Values{"to": {to}}.Encode()).header.Get("Location"); got != want {
			t.Errorf("who is signed in is led by %q to %q, want %q", to, got, want)
		}
	}
}

// TestSignInLink holds that a link signs in once, within ten minutes, as who made it.
func TestSignInLink(t *testing.T) {
	t.Parallel()
	var ahead atomic.Int64
	h := newHouse(t, func(c *remediator.Config) {
		c.Now = func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }
	})
	h.hire(map[string]string{"amy": "admin", "ann": "agent"})
	var link api.Link
	h.bearer("amy").post("/v1/sign-in-links", "").into(t, &link)
	v := h.stranger()
	if p := v.get(link.Path); p.status != http.StatusSeeOther || p.header.Get("Location") != "/" {
		t.Fatalf("the link is answered %d %s", p.status, p.body)
	}
	if p := v.get("/"); !strings.Contains(p.body, "Signed in as <bdi>amy</bdi>") {
		t.Errorf("the page says %s", p.body)
	}
	if p := h.stranger().get(link.Path); p.status != http.StatusForbidden {
		t.Errorf("a second time it is answered %d", p.status)
	}
	if p := h.bearer("ann").post("/v1/sign-in-links", ""); p.status != http.StatusForbidden {
		t.Errorf("an agent is answered %d", p.status)
	}
	late := h.service.SignInPath()
	ahead.Add(int64(10 * time.Minute))
	if p := h.stranger().get(late); p.status != http.StatusForbidden {
		t.Errorf("after ten minutes it is answered %d", p.status)
	}
	if p := h.stranger().get(h.service.SignInPath()); p.status != http.StatusSeeOther {
		t.Errorf("a new one is answered %d", p.status)
	}
	facts := h.signIns()
	if len(facts) != 2 || facts[0].Method != "link" || facts[0].By != "amy" || facts[1].By != "admin" {
		t.Errorf("sealed is %+v", facts)
	}
}

// TestOpen holds that a service that is open to its machine shows its pages to
// whoever is there, and that people may sign in all the same.
func TestOpen(t *testing.T) {
	t.Parallel()
	h := newHouse(t, func(c *remediator.Config) { c.Token, c.AdminToken, c.LocalNames = "", "", true })
	v := h.stranger()
	if p := v.get("/"); p.status != http.StatusOK || !strings.Contains(p.body, "You are <bdi>local</bdi>") {
		t.Errorf("the page is answered %d %s", p.status, p.body)
	}
	if p := v.get("/sign-in"); !strings.Contains(p.body, "without signing in") || h.service.SignInPath() != "/" {
		t.Errorf("the sign-in says %s", p.body)
	}
	var made api.Token
	v.post("/v1/tokens", `{"name":"pat","roles":["approver"]}`).into(t, &made)
	h.secrets["pat"] = made.Secret
	pat := h.signedIn("pat")
	if p := pat.get("/v1/whoami"); !strings.Contains(p.body, `"pat"`) {
		t.Errorf("who signed in is %s", p.body)
	}
	if p := pat.post("/v1/pause", `{"target":"money"}`, "Sec-Fetch-Site", "cross-site"); p.status != http.StatusForbidden {
		t.Errorf("a form of another site is answered %d", p.status)
	}
}
