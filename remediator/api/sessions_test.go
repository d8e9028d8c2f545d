package api_test

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/makegood/makegood/remediator/api"
	"github.com/makegood/makegood/remediator/decide"
)

// signIn signs somebody in to the console with their token.
func (h *house) signIn(who string) *http.Response {
	h.t.Helper()
	req, err := http.NewRequest(http.MethodPost, h.url+"/sign-in", strings.NewReader(url.Values{"token": {h.secrets[who]}}.Encode()))
	if err != nil {
		h.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	res, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		h.t.Fatal(err)
	}
	res.Body.Close()
	return res
}

// sessionOf is how facts name the session that a sign-in began.
func sessionOf(t *testing.T, res *http.Response) string {
	t.Helper()
	sum := sha256.Sum256([]byte(cookieOf(t, res)))
	return hex.EncodeToString(sum[:])[:16]
}

// cookieOf is the secret of that session.
func cookieOf(t *testing.T, res *http.Response) string {
	t.Helper()
	for _, c := range res.Cookies() {
		if c.Name == "makegood" {
			return c.Value
		}
	}
	t.Fatalf("the sign-in is answered %s without a session", res.Status)
	return ""
}

// TestSessions holds that an administrator sees who is signed in, and ends a session at
// once, also what lasts in it; that it is sealed who did; and that others go on.
func TestSessions(t *testing.T) {
	t.Parallel()
	h := newHouse(t, nil)
	h.hire(map[string]string{"ann": "agent", "amy": "admin", "gone": "agent"})
	first, second := h.signIn("ann"), h.signIn("ann")
	h.signIn("gone")
	h.revoke("gone")
	var listed api.Sessions
	h.ask("amy", "GET", "/v1/sessions", "").into(t, &listed)
	if len(listed.Sessions) != 2 {
		t.Fatalf("signed in are %+v", listed.Sessions)
	}
	if s := listed.Sessions[0]; s.Session != sessionOf(t, first) || s.Name != "ann" || s.Method != decide.SignInToken || len(s.Roles) != 1 || s.Roles[0] != decide.RoleAgent || !s.Expires.After(s.Created) {
		t.Errorf("the first is %+v", s)
	}
	for _, res := range []*http.Response{first, second} {
		if text, _ := json.Marshal(listed); strings.Contains(string(text), cookieOf(t, res)) {
			t.Error("the list shows a secret")
		}
	}
	live := h.listens(first)
	var ended api.Session
	h.post("amy", "/v1/sessions/"+sessionOf(t, first)+"/end", "", "Idempotency-Key", "k").into(t, &ended)
	if ended.Session != sessionOf(t, first) || ended.Name != "ann" {
		t.Errorf("ended is %+v", ended)
	}
	for live.Scan() { // until its end
	}
	if r := h.post("amy", "/v1/sessions/"+sessionOf(t, first)+"/end", "", "Idempotency-Key", "k"); r.status != http.StatusOK {
		t.Errorf("the same again is answered %d %s", r.status, r.body)
	}
	if r := h.post("amy", "/v1/sessions/"+sessionOf(t, first)+"/end", ""); r.status != http.StatusNotFound {
		t.Errorf("another time it is answered %d %s", r.status, r.body)
	}
	for want, res := range map[int]*http.Response{http.StatusUnauthorized: first, http.StatusOK: second} {
		if r := h.ask("nobody", "GET", "/v1/whoami", "", "Cookie", "makegood="+cookieOf(t, res)); r.status != want {
			t.Errorf("a session is answered %d, want %d", r.status, want)
		}
	}
	sealed, want := facts[decide.SignInFact](h, decide.KindSignIn), decide.SignInFact{By: "amy", Method: decide.SignInToken, Session: sessionOf(t, first), Out: true}
	if len(sealed) != 4 || sealed[3] != want {
		t.Errorf("sealed is %+v", sealed)
	}
}

// listens reads what pages are told, in a session.
func (h *house) listens(session *http.Response) *bufio.Scanner {
	h.t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	h.t.Cleanup(stop)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, h.url+"/live", nil)
	if err != nil {
		h.t.Fatal(err)
	}
	req.Header.Set("Cookie", "makegood="+cookieOf(h.t, session))
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() { _ = res.Body.Close() })
	lines := bufio.NewScanner(res.Body)
	if !lines.Scan() || lines.Text() != "retry: 2000" {
		h.t.Fatalf("the stream begins with %q, %s", lines.Text(), res.Status)
	}
	return lines
}
