package web_test

import (
	"bytes"
	"encoding/base64"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/makegood/makegood/remediator"
	"github.com/makegood/makegood/remediator/api"
	"github.com/makegood/makegood/remediator/decide"
)

func readAll(t *testing.T, res *http.Response) string {
	t.Helper()
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// skipShort leaves out what needs npm, which make test installs.
func skipShort(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("it needs a provider of OpenID Connect, which npm installs: make test does")
	}
}

// TestOpenID holds the way in by an account elsewhere, wherever the provider tells
// who somebody is, and what the ledger says of it.
func TestOpenID(t *testing.T) {
	skipShort(t)
	t.Parallel()
	for _, inIDToken := range []bool{true, false} {
		a := openAccounts(t, inIDToken)
		h := newHouse(t, a.configure)
		v := h.stranger()
		if p := v.get("/sign-in?to=/refunds"); !strings.Contains(p.body, `href="/sign-in/openid?to=%2Frefunds"`) || strings.Contains(p.body, "does not answer") {
			t.Errorf("the page says %s", p.body)
		}
		begins := v.get("/sign-in/openid?to=%2Frefunds%3Fstatus%3Ddone")
		kept, err := http.ParseSetCookie(begins.header.Get("Set-Cookie"))
		if err != nil || !strings.HasPrefix(kept.Name, "makegood-openid-") || !kept.HttpOnly || kept.SameSite != http.SameSiteLaxMode || kept.MaxAge != 600 || kept.Domain != "" {
			t.Errorf("the browser keeps %s (%v)", begins.header.Get("Set-Cookie"), err)
		}
		address, err := url.Parse(begins.header.Get("Location"))
		if q := address.Query(); err != nil || q.Get("code_challenge_method") != "S256" || q.Get("response_type") != "code" || len(q.Get("state")) != 43 || len(q.Get("nonce")) != 43 ||
			q.Get("state") == q.Get("nonce") || kept.Name != "makegood-openid-"+q.Get("state") || strings.Contains(address.String(), "secret") {
			t.Errorf("it leads to %s (%v)", address, err)
		}
		p := v.get(v.prove(address.String(), "pat"))
		if p.status != http.StatusSeeOther || p.header.Get("Location") != "/refunds?status=done" {
			t.Fatalf("coming back is answered %d to %q: %s", p.status, p.header.Get("Location"), p.body)
		}
		for _, c := range v.cookies() {
			if strings.HasPrefix(c, "makegood-openid") {
				t.Error("what the browser kept is still there")
			}
		}
		if p := v.get("/v1/whoami"); p.status != http.StatusOK || !strings.Contains(p.body, `"pat@example.com"`) || !strings.Contains(p.body, `["agent","approver"]`) {
			t.Errorf("who signed in is %s", p.body)
		}
		secret := v.session()
		v.send("/sign-out", nil)
		if p := h.stranger().get("/v1/whoami", "Cookie", "makegood="+secret); p.status != http.StatusUnauthorized {
			t.Errorf("after signing out the session is answered %d", p.status)
		}
		facts := h.signIns()
		if len(facts) != 2 || facts[0].By != "pat@example.com" || facts[0].Method != "oidc" || facts[0].Out || !facts[1].Out || facts[1].Method != "oidc" {
			t.Errorf("sealed is %+v", facts)
		}
	}
}

// TestOpenIDGoesOnWithin holds that coming back leads nowhere else, and that the
// session that was there before ends.
func TestOpenIDGoesOnWithin(t *testing.T) {
	skipShort(t)
	t.Parallel()
	h := newHouse(t, openAccounts(t, true).configure)
	v := h.stranger()
	for to, want := range map[string]string{"https://elsewhere.example/": "/", "//elsewhere.example": "/", `/\elsewhere.example`: "/", "/sign-out": "/", "/a?b=c": "/a?b=c"} {
		before := v.session()
		if p := v.byAccount("ann", to); p.status != http.StatusSeeOther || p.header.Get("Location") != want {
			t.Errorf("%q leads to %q: %d", to, p.header.Get("Location"), p.status)
		}
		if before == "" {
			continue
		}
		if p := h.stranger().get("/v1/whoami", "Cookie", "makegood="+before); p.status != http.StatusUnauthorized {
			t.Errorf("the session before is answered %d", p.status)
		}
	}
	forged := base64.RawURLEncoding.EncodeToString([]byte(`{"state":"","nonce":"","verifier":"","to":"//elsewhere.example","at":9999999999}`))
	for _, kept := range []string{forged, "x", "", "!!"} {
		p := h.stranger().get("/sign-in/openid/back?code=a&state=", "Cookie", "makegood-openid-="+kept)
		if p.status != http.StatusForbidden || strings.Contains(p.header.Get("Set-Cookie"), "makegood=") {
			t.Errorf("with %q it is answered %d", kept, p.status)
		}
	}
}

// logged is a log that is read while it is written.
type logged struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// TestOpenIDRefused holds who does not get in, with the reason that the page or the
// log tells: what was changed on the way, and who has no role here. Nothing is sealed and no
// session begins.
func TestOpenIDRefused(t *testing.T) {
	skipShort(t)
	t.Parallel()
	a, elsewhere := openAccounts(t, true), openAccounts(t, true)
	other := a.token(t, func(c *remediator.Config) {
		a.configure(c)
		c.OpenID.ClientID, c.OpenID.ClientSecret = "other", "secret of other"
	})
	foreign := elsewhere.token(t, elsewhere.configure)
	replaced := func(token string) func(map[string]any) {
		return func(body map[string]any) { body["id_token"] = token }
	}
	cases := []refusal{
		{name: "wrong state", who: "ann", comeback: set("state", strings.Repeat("A", 43)), want: "not begun in this browser"},
		{name: "no state", who: "ann", comeback: set("state", ""), want: "not begun in this browser"},
		{name: "wrong nonce", who: "ann", leaves: set("nonce", strings.Repeat("A", 43)), want: "its nonce is that of another sign-in"},
		{name: "wrong verifier", who: "ann", leaves: set("code_challenge", strings.Repeat("A", 43)), want: "used before, or is too old"},
		{name: "wrong code", who: "ann", comeback: set("code", "guessed"), want: "used before, or is too old"},
		{name: "another issuer answers", who: "ann", comeback: set("iss", elsewhere.url), want: "another issuer answers"},
		{name: "the provider refuses", who: "ann", comeback: set("error", "access_denied"), want: "access_denied"},
		{name: "token of another client", who: "ann", token: replaced(other), want: "expected audience"},
		{name: "token of another issuer, with the same keys", who: "ann", token: replaced(foreign), want: "issued by a different provider"},
		{name: "changed token", who: "ann", token: func(b map[string]any) {
			parts := strings.Split(b["id_token"].(string), ".")
			text, _ := base64.RawURLEncoding.DecodeString(parts[1])
			parts[1] = base64.RawURLEncoding.EncodeToString([]byte(strings.Replace(string(text), "support", "finance", 1)))
			b["id_token"] = strings.Join(parts, ".")
		}, want: "failed to verify signature"},
		{name: "token without a signature", who: "ann", token: func(b map[string]any) {
			b["id_token"] = base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none"}`)) + "." + strings.Split(b["id_token"].(string), ".")[1] + "."
		}, want: "verify ID token"},
		{name: "no token", who: "ann", token: func(b map[string]any) { delete(b, "id_token") }, want: "verify ID token"},
		{name: "expired", who: "ann", ahead: 2 * time.Minute, want: "token is expired"},
		{name: "too long at the provider", who: "ann", ahead: 11 * time.Minute, want: "not begun in this browser"},
		{name: "unverified address", who: "una", want: "has not verified your address"},
		{name: "no address", who: "unnamed", want: "does not say your email"},
		{name: "no group", who: "without", want: "none of your groups has a role here"},
		{name: "no group with a role", who: "nobody", want: "none of your groups has a role here"},
		{name: "a name that is the service's", who: "rooty", nameBy: "preferred_username", want: "needs no token of their own"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) { c.try(t, a) })
	}
}

// refusal is a sign-in that comes to nothing.
type refusal struct {
	name, who        string
	leaves, comeback func(*url.URL)       // what is changed on the way there and back
	token            func(map[string]any) // and in what the provider answers
	ahead            time.Duration        // of the clock, when it comes back
	nameBy           string
	want             string // of the page or the log
}

func (c refusal) try(t *testing.T, a *accounts) {
	var ahead atomic.Int64
	log := &logged{}
	h := newHouse(t, func(config *remediator.Config) {
		a.configure(config)
		config.OpenID.NameClaim, config.Logger = c.nameBy, slog.New(slog.NewTextHandler(log, nil))
		config.Now = func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }
	})
	v := h.stranger()
	back := v.prove(changed(t, v.leave("/"), c.leaves), c.who)
	if c.token != nil {
		a.change.Store(&c.token)
		defer a.change.Store(nil)
	}
	ahead.Store(int64(c.ahead))
	p := v.get(changed(t, back, c.comeback))
	if p.status != http.StatusForbidden || v.session() != "" || !strings.Contains(p.body+log.String(), c.want) {
		t.Errorf("it is answered %d with session %q, want %q in %s\n%s", p.status, v.session(), c.want, p.body, log)
	}
	if facts := h.signIns(); len(facts) != 0 {
		t.Errorf("sealed is %+v", facts)
	}
	if strings.Contains(p.body+log.String(), "secret of") {
		t.Errorf("the client's secret is told: %s %s", p.body, log)
	}
}

// set changes a parameter of an address.
func set(parameter, value string) func(u *url.URL) {
	return func(u *url.URL) {
		q := u.Query()
		q.Set(parameter, value)
		u.RawQuery = q.Encode()
	}
}

func changed(t *testing.T, address string, change func(*url.URL)) string {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	if change != nil {
		change(u)
	}
	return u.String()
}

// token signs ann in at a house and returns the ID token that it was given.
func (a *accounts) token(t *testing.T, configure func(*remediator.Config)) string {
	t.Helper()
	var token atomic.Value
	see := func(body map[string]any) { token.Store(body["id_token"]) }
	a.change.Store(&see)
	defer a.change.Store(nil)
	if p := newHouse(t, configure).stranger().byAccount("ann", "/"); p.status != http.StatusSeeOther {
		t.Fatalf("ann is answered %d %s", p.status, p.body)
	}
	return token.Load().(string)
}

// TestOpenIDOnce holds that what comes back counts once, in the browser that began.
func TestOpenIDOnce(t *testing.T) {
	skipShort(t)
	t.Parallel()
	h := newHouse(t, openAccounts(t, true).configure)
	v := h.stranger()
	address := v.leave("/")
	var kept string
	for _, c := range v.cookies() {
		if strings.HasPrefix(c, "makegood-openid-") {
			kept = c
		}
	}
	back := v.prove(address, "ann")
	if p := h.stranger().get(back); p.status != http.StatusForbidden {
		t.Errorf("another browser is answered %d", p.status)
	}
	if p := v.get(back); p.status != http.StatusSeeOther {
		t.Fatalf("the browser that began is answered %d %s", p.status, p.body)
	}
	if p := v.get(back); p.status != http.StatusForbidden || !strings.Contains(p.body, "not begun in this browser") {
		t.Errorf("a second time it is answered %d %s", p.status, p.body)
	}
	if kept == "" {
		t.Fatal("the browser keeps nothing")
	}
	if p := h.stranger().get(back, "Cookie", kept); p.status != http.StatusForbidden || !strings.Contains(p.body, "used before") {
		t.Errorf("with what the browser kept, a second time, it is answered %d %s", p.status, p.body)
	}
	if facts := h.signIns(); len(facts) != 1 {
		t.Errorf("sealed is %+v", facts)
	}
}

// TestOpenIDAway holds that a service starts without its provider, says so where
// people sign in, lets them in by token, and finds the provider when it is back.
func TestOpenIDAway(t *testing.T) {
	skipShort(t)
	t.Parallel()
	a := openAccounts(t, true)
	a.away.Store(true)
	var ahead atomic.Int64
	h := newHouse(t, func(c *remediator.Config) {
		a.configure(c)
		c.Now = func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }
	})
	v := h.stranger()
	if p := v.get("/sign-in"); p.status != http.StatusOK || !strings.Contains(p.body, "does not answer") {
		t.Errorf("the page is answered %d %s", p.status, p.body)
	}
	if p := v.get("/sign-in/openid"); p.status != http.StatusBadGateway {
		t.Errorf("a sign-in is answered %d", p.status)
	}
	h.signedIn("admin")
	a.away.Store(false)
	ahead.Add(int64(3 * time.Second))
	if p := v.get("/sign-in"); strings.Contains(p.body, "does not answer") {
		t.Errorf("the page says %s", p.body)
	}
	back := v.prove(v.leave("/"), "ann")
	a.away.Store(true)
	if p := v.get(back); p.status != http.StatusBadGateway || v.session() != "" {
		t.Errorf("coming back from a provider that went is answered %d", p.status)
	}
	a.away.Store(false)
	if p := v.byAccount("ann", "/"); p.status != http.StatusSeeOther {
		t.Errorf("and then %d %s", p.status, p.body)
	}
}

// TestOpenIDFourEyes holds that somebody is the same person by token and by account,
// whatever letters the token's name has: they may not release the cord that they pulled.
func TestOpenIDFourEyes(t *testing.T) {
	skipShort(t)
	t.Parallel()
	a := openAccounts(t, true)
	h := newHouse(t, a.configure)
	h.hire(map[string]string{"pat@example.com": "agent", "Ann@Example.com": "agent"})
	browsers := map[string]*visitor{}
	for _, name := range []string{"pat", "ann"} {
		browsers[name] = h.stranger()
		if p := browsers[name].byAccount(name, "/"); p.status != http.StatusSeeOther {
			t.Fatalf("%s is answered %d %s", name, p.status, p.body)
		}
	}
	for name, by := range map[string]string{"pat": "pat@example.com", "ann": "Ann@Example.com"} {
		path := "product/of/" + name
		if p := h.bearer(by).post("/v1/andon/pull", `{"cord":"`+path+`","reason":"look","level":"red"}`); p.status != http.StatusOK || !strings.Contains(p.body, `red`) {
			t.Fatalf("pulling is answered %d %s", p.status, p.body)
		}
		release := `{"cord":"` + path + `","cause":"c","fix":"f"}`
		p := browsers[name].post("/v1/andon/release", release, "Sec-Fetch-Site", "same-origin")
		if p.status == http.StatusOK || !strings.Contains(p.body, "who pulled a red cord may not release it") {
			t.Errorf("%s, who pulled it by token, is answered %d %s", name, p.status, p.body)
		}
	}
	p := browsers["pat"].post("/v1/andon/release", `{"cord":"product/of/ann","cause":"c","fix":"f"}`, "Sec-Fetch-Site", "same-origin")
	if p.status != http.StatusOK {
		t.Errorf("another person is answered %d %s", p.status, p.body)
	}
}

// TestOpenIDLinksToNobodyElse holds that an administrator by account gets no link to
// sign in by: there is no token of theirs, and the service's own is another name, so
// that they would be two people.
func TestOpenIDLinksToNobodyElse(t *testing.T) {
	skipShort(t)
	t.Parallel()
	a := openAccounts(t, true)
	h := newHouse(t, func(c *remediator.Config) {
		a.configure(c)
		c.OpenID.Roles["support"] = []string{decide.RoleAdmin}
	})
	pat := h.stranger()
	if p := pat.byAccount("pat", "/"); p.status != http.StatusSeeOther {
		t.Fatalf("pat is answered %d %s", p.status, p.body)
	}
	p := pat.post("/v1/sign-in-links", "{}", "Sec-Fetch-Site", "same-origin")
	if p.status != http.StatusOK || !strings.Contains(p.body, `"path":"/"`) {
		t.Errorf("pat, an administrator by account, is answered %d %s", p.status, p.body)
	}
	if p := h.bearer("admin").post("/v1/sign-in-links", "{}"); !strings.Contains(p.body, "/sign-in/link/") {
		t.Errorf("the administrator with a token is answered %d %s", p.status, p.body)
	}
}

// TestOpenIDAgain holds that roles count for an hour at most: the browser is then led to
// the provider by itself, and who lost their group there comes back without its role. Who
// signed out, or whose session was ended, is not.
func TestOpenIDAgain(t *testing.T) {
	skipShort(t)
	t.Parallel()
	a := openAccounts(t, true)
	var ahead atomic.Int64
	h := newHouse(t, func(c *remediator.Config) {
		a.configure(c)
		c.Now = func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }
	})
	v := h.stranger()
	if p := v.byAccount("pat", "/"); p.status != http.StatusSeeOther {
		t.Fatalf("pat is answered %d %s", p.status, p.body)
	}
	secret := v.session()
	for after, want := range map[time.Duration]int{59 * time.Minute: http.StatusOK, time.Hour: http.StatusUnauthorized} {
		ahead.Store(int64(after))
		if p := h.stranger().get("/v1/whoami", "Cookie", "makegood="+secret); p.status != want {
			t.Errorf("after %s the session is answered %d", after, p.status)
		}
	}
	ahead.Store(0)
	v.keep("makegood", "")
	p := v.get("/refunds?status=failed")
	if p.status != http.StatusSeeOther || p.header.Get("Location") != "/sign-in/openid?to=%2Frefunds%3Fstatus%3Dfailed" {
		t.Fatalf("who comes again is led to %q", p.header.Get("Location"))
	}
	h.stop()
	delete(h.config.OpenID.Roles, "finance")
	h.start()
	if p := v.byAccount("pat", "/refunds"); p.status != http.StatusSeeOther || v.session() == "" || v.session() == secret {
		t.Errorf("coming back is answered %d %s", p.status, p.body)
	}
	if p := v.get("/v1/whoami"); !strings.Contains(p.body, `["agent"]`) {
		t.Errorf("who came back is %s", p.body)
	}
	v.send("/sign-out", nil)
	if p := v.get("/"); p.header.Get("Location") != "/sign-in" {
		t.Errorf("who signed out is led to %q", p.header.Get("Location"))
	}
	v.byAccount("pat", "/")
	var listed api.Sessions
	h.bearer("admin").get("/v1/sessions").into(t, &listed)
	for _, s := range listed.Sessions {
		h.bearer("admin").post("/v1/sessions/"+s.Session+"/end", "")
	}
	if p := v.get("/"); p.header.Get("Location") != "/sign-in" {
		t.Errorf("whose session was ended is led to %q", p.header.Get("Location"))
	}
	if p := v.get("/sign-in"); !strings.Contains(p.body, "has ended") || strings.Contains(strings.Join(v.cookies(), " "), "makegood") {
		t.Errorf("the sign-in says %s, and the browser keeps %q", p.body, v.cookies())
	}
}
