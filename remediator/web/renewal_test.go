package web_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/makegood/makegood/remediator"
	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/openid"
)

// keep gives a browser a cookie; one without a value is forgotten, as the browser does
// itself when it is old.
func (v *visitor) keep(name, value string) {
	v.house.t.Helper()
	at, err := url.Parse(v.house.url)
	if err != nil {
		v.house.t.Fatal(err)
	}
	c := &http.Cookie{Name: name, Value: value, Path: "/"}
	if value == "" {
		c.MaxAge = -1
	}
	v.client.Jar.SetCookies(at, []*http.Cookie{c})
}

// begun counts the sign-ins on their way that a browser keeps.
func (v *visitor) begun() (n int) {
	for _, c := range v.cookies() {
		if strings.HasPrefix(c, "makegood-openid-") {
			n++
		}
	}
	return n
}

// TestOpenIDInTwoPages holds that sign-ins which were begun in two pages of one browser
// both come to their end, whichever comes back first, and that a browser keeps a bounded
// number of them, the newest.
func TestOpenIDInTwoPages(t *testing.T) {
	skipShort(t)
	t.Parallel()
	h := newHouse(t, openAccounts(t, true).configure)
	v := h.stranger()
	first, second := v.leave("/refunds"), v.leave("/andon")
	for _, way := range [][2]string{{second, "/andon"}, {first, "/refunds"}} {
		before := v.session()
		if p := v.get(v.prove(way[0], "pat")); p.status != http.StatusSeeOther || p.header.Get("Location") != way[1] || v.session() == before {
			t.Errorf("the page that goes on to %s is answered %d to %q %s", way[1], p.status, p.header.Get("Location"), p.body)
		}
	}
	if n := v.begun(); n != 0 {
		t.Errorf("the browser still keeps %d sign-ins", n)
	}
	var left []string
	for n := range 20 {
		left = append(left, v.leave(fmt.Sprintf("/refunds?after=%d", n)))
	}
	if n := v.begun(); n != 8 {
		t.Errorf("of twenty sign-ins the browser keeps %d", n)
	}
	for n, want := range map[int]int{11: http.StatusForbidden, 12: http.StatusSeeOther, 19: http.StatusSeeOther} {
		if p := v.get(v.prove(left[n], "pat")); p.status != want {
			t.Errorf("sign-in %d of twenty is answered %d %s", n, p.status, p.body)
		}
	}
}

// TestOpenIDOfAnother holds that who comes back with a sign-in that this browser did not
// begin, or has finished, gets no session by it, and costs nobody at their address anything:
// neither a try, nor a turn, nor the way by which the browser renews its session.
func TestOpenIDOfAnother(t *testing.T) {
	skipShort(t)
	t.Parallel()
	still := time.Now()
	h := newHouse(t, func(c *remediator.Config) {
		openAccounts(t, true).configure(c)
		c.Now = func() time.Time { return still }
	})
	v := h.stranger()
	v.byAccount("pat", "/")
	v.keep("makegood", "")
	for n := range 100 {
		p := v.get(fmt.Sprintf("/sign-in/openid/back?code=a&state=%043d", n))
		if p.status != http.StatusForbidden || v.session() != "" || !strings.Contains(p.body, "not begun in this browser") {
			t.Fatalf("sign-in %d of another is answered %d %s", n, p.status, p.body)
		}
	}
	if p := v.get("/"); !strings.HasPrefix(p.header.Get("Location"), "/sign-in/openid?") {
		t.Errorf("then the browser is led to %q", p.header.Get("Location"))
	}
	if p := v.byAccount("pat", "/"); p.status != http.StatusSeeOther || v.session() == "" {
		t.Errorf("and then its own is answered %d %s", p.status, p.body)
	}
	if metrics := h.bearer("admin").get("/metrics").body; !strings.Contains(metrics, "\nmakegood_sign_ins_refused_total 0\n") {
		t.Error("the metrics count them")
	}
}

// TestRenewedByPeople holds that a session which has grown old is renewed when a person
// opens a page, and never by a page that is merely open: a change has it fetch its
// content, and then load itself anew, as no person's navigation.
func TestRenewedByPeople(t *testing.T) {
	t.Parallel()
	var ahead atomic.Int64
	h := newHouse(t, func(c *remediator.Config) {
		c.OpenID = &openid.Config{Issuer: "http://127.0.0.1:1", ClientID: "makegood", ClientSecret: "none", Roles: map[string][]string{"support": {decide.RoleAgent}}}
		c.Now = func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }
	})
	v := h.stranger()
	v.keep("makegood-way", decide.SignInOIDC) // all that is left after an hour
	if p := v.get("/refunds", "HX-Request", "true"); p.status != http.StatusUnauthorized || p.header.Get("HX-Refresh") != "true" {
		t.Fatalf("the open page is answered %d", p.status)
	}
	const signIn, renewal = "/sign-in?to=%2Frefunds", "/sign-in/openid?to=%2Frefunds"
	byItself := []string{"Sec-Fetch-Site", "same-origin", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "document"}
	for range 3 { // as often as something changes
		ahead.Add(int64(time.Hour))
		if p := v.get("/refunds", byItself...); p.status != http.StatusSeeOther || p.header.Get("Location") != signIn {
			t.Errorf("when it loads itself anew, it is led to %q", p.header.Get("Location"))
		}
		if p := v.get(signIn, byItself...); p.status != http.StatusOK || !strings.Contains(p.body, "/sign-in/openid?to=%2Frefunds") {
			t.Errorf("the sign-in is answered %d %s", p.status, p.body)
		}
	}
	for what, headers := range map[string][]string{
		"a person": append(byItself, "Sec-Fetch-User", "?1"), "a browser that says nothing of it": nil,
	} {
		if p := v.get("/refunds", headers...); p.header.Get("Location") != renewal {
			t.Errorf("%s is led to %q", what, p.header.Get("Location"))
		}
	}
	for _, header := range []string{"Sec-Fetch-Site", "Sec-Fetch-Mode", "Sec-Fetch-Dest"} {
		if p := v.get("/refunds", header, "none"); p.header.Get("Location") != signIn {
			t.Errorf("with %s alone it is led to %q", header, p.header.Get("Location"))
		}
	}
}
