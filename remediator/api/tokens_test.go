package api_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/makegood/makegood/remediator/access"
	"github.com/makegood/makegood/remediator/andon"
	"github.com/makegood/makegood/remediator/api"
	"github.com/makegood/makegood/remediator/decide"
)

// TestTokens holds the life of a token: its secret is shown once, it says who
// somebody is, and it counts for nothing from the answer to its revocation on.
func TestTokens(t *testing.T) {
	t.Parallel()
	h := newHouse(t, nil)
	before := time.Now()
	var made api.Token
	h.post("admin", "/v1/tokens", `{"name":"ann@shop.example","roles":["agent","auditor"],"expires_in":"90d"}`).into(t, &made)
	h.secrets["ann"] = made.Secret
	if !strings.HasPrefix(made.Secret, "mg_") || made.Expires == nil || made.Expires.Sub(before).Round(time.Hour) != 90*24*time.Hour {
		t.Errorf("made is %+v", made)
	}
	var who access.Principal
	h.ask("ann", "GET", "/v1/whoami", "").into(t, &who)
	if got := fmt.Sprint(who); got != "{ann@shop.example [agent auditor]}" {
		t.Errorf("the token is of %s", got)
	}
	list := h.ask("admin", "GET", "/v1/tokens", "").body
	if strings.Contains(list, made.Secret) || strings.Contains(list, "sha256") || !strings.Contains(list, made.ID.String()) {
		t.Errorf("listed is %s", list)
	}
	for _, f := range facts[decide.TokenFact](h, decide.KindToken) {
		if f.SHA256 == made.Secret || f.By != "admin" || f.Name != "ann@shop.example" {
			t.Errorf("sealed is %+v", f)
		}
	}
	h.post("admin", "/v1/tokens/"+made.ID.String()+"/revoke", "").answer(t)
	for _, path := range []string{"/v1/whoami", "/v1/remedies", "/v1/andon/gates", "/v1/andon/stream"} {
		if r := h.status("ann", "GET", path, ""); r.status != http.StatusUnauthorized {
			t.Errorf("with a revoked token %s answers %d", path, r.status)
		}
	}
	h.stop()
	h.start()
	if r := h.ask("ann", "GET", "/v1/whoami", ""); r.status != http.StatusUnauthorized {
		t.Errorf("after a restart a revoked token is answered %d", r.status)
	}
	for _, c := range []struct{ body, says string }{
		{`{"name":"","roles":["agent"]}`, "is no name"}, {`{"name":"a b","roles":["agent"]}`, "is no name"}, {`{"name":"a/b","roles":["agent"]}`, "is no name"},
		{`{"name":"admin","roles":["agent"]}`, "needs no token"}, {`{"name":"local","roles":["agent"]}`, "needs no token"},
		{`{"name":"Admin","roles":["agent"]}`, "needs no token"},
		{`{"name":"` + strings.Repeat("a", 65) + `","roles":["agent"]}`, "is no name"}, {`{"name":"bob","roles":[]}`, "at least one"},
		{`{"name":"bob","roles":["owner"]}`, "there is no role"}, {`{"name":"bob","roles":["agent"],"expires_in":"-1d"}`, "no time"},
		{`{"name":"bob","roles":["agent"],"expires_in":"soon"}`, "no time"}, {`{"name":"bob","roles":["agent"],"expires_in":"0s"}`, "no time"},
		{`{"name":"bob","roles":["agent","agent"]}`, "twice"}, {`{"name":"bob","roles":["agent"],"secret":"mg_1"}`, "secret"},
	} {
		if r := h.post("admin", "/v1/tokens", c.body); r.status != http.StatusBadRequest || !strings.Contains(r.reason(), c.says) {
			t.Errorf("%s: %d %s, want 400 that says %q", c.body, r.status, r.body, c.says)
		}
	}
	var far api.Token
	h.post("admin", "/v1/tokens", `{"name":"far","roles":["agent"],"expires_in":"36500d"}`).into(t, &far)
	h.secrets["far"] = far.Secret
	if r := h.ask("far", "GET", "/v1/whoami", ""); r.status != http.StatusOK || far.Expires.Year() < 2100 {
		t.Errorf("a token for a hundred years, until %s, is answered %d", far.Expires, r.status)
	}
}

// TestRevokedStream holds that a stream ends when the token that opened it is
// revoked, and that others go on.
func TestRevokedStream(t *testing.T) {
	t.Parallel()
	h := newHouse(t, nil)
	h.hire(map[string]string{"ann": "agent", "abe": "agent"})
	open := func(who string) *andon.Reader {
		res := get(t, h.url+"/v1/andon/stream", h.secrets[who])
		reader := andon.NewReader(res.Body)
		if news, err := reader.Next(); err != nil || news.Snapshot == nil {
			t.Fatalf("%s hears %+v, %v", who, news, err)
		}
		return reader
	}
	ann, abe := open("ann"), open("abe")
	h.revoke("ann")
	for {
		if _, err := ann.Next(); err != nil {
			break
		}
	}
	h.post("admin", "/v1/andon/pull", `{"cord":"product/1","level":"red","reason":"r"}`).answer(t)
	for {
		news, err := abe.Next()
		if err != nil {
			t.Fatalf("the stream of somebody else ended: %v", err)
		}
		if news.Cord != nil {
			break
		}
	}
}

// revoke revokes the token of somebody.
func (h *house) revoke(name string) {
	h.t.Helper()
	var listed api.Tokens
	h.ask("admin", "GET", "/v1/tokens", "").into(h.t, &listed)
	for _, token := range listed.Tokens {
		if token.Name == name {
			h.post("admin", "/v1/tokens/"+token.ID.String()+"/revoke", "").answer(h.t)
		}
	}
}
