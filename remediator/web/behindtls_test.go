package web_test

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"github.com/makegood/makegood/remediator"
)

// publicURL is where browsers find a console that stands behind TLS: the name in the
// certificate of package httptest.
const publicURL = "https://example.com"

// overTLS is a browser that finds a house behind a proxy at which TLS ends.
func (h *house) overTLS() *visitor { return h.overTLSFrom("127.0.0.1") }

// overTLSFrom is one whom that proxy sees at an address.
func (h *house) overTLSFrom(address string) *visitor {
	h.t.Helper()
	target, err := url.Parse(h.url)
	if err != nil {
		h.t.Fatal(err)
	}
	front := httptest.NewTLSServer(&httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(target)
		r.Out.Host = r.In.Host
		r.Out.Header["X-Forwarded-For"] = append(r.In.Header["X-Forwarded-For"], address)
	}})
	h.t.Cleanup(front.Close)
	transport := front.Client().Transport.(*http.Transport).Clone()
	transport.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
		if addr == "example.com:443" {
			addr = front.Listener.Addr().String()
		}
		return (&net.Dialer{}).DialContext(ctx, network, addr)
	}
	v := h.stranger()
	v.house = &house{t: h.t, url: publicURL}
	v.client.Transport = transport
	return v
}

// TestOpenIDBehindTLS holds the way in by an account elsewhere where TLS ends before the
// service: from its public address and back to it, with a cookie that goes over TLS
// alone, until it is left.
func TestOpenIDBehindTLS(t *testing.T) {
	skipShort(t)
	t.Parallel()
	a := openAccounts(t, true)
	h := newHouse(t, func(c *remediator.Config) {
		a.configure(c)
		c.BehindTLS = true
		c.OpenID.ClientID, c.OpenID.ClientSecret, c.OpenID.PublicURL = "front", "secret of front", publicURL
	})
	if p := h.stranger().get("/sign-in?to=/refunds"); !strings.Contains(p.body, `href="`+publicURL+`/sign-in/openid?to=%2Frefunds"`) {
		t.Errorf("who comes by another address is not led to the public one: %s", p.body)
	}
	v := h.overTLS()
	p := v.byAccount("pat", "/refunds")
	if p.status != http.StatusSeeOther || p.header.Get("Location") != "/refunds" {
		t.Fatalf("coming back is answered %d to %q: %s", p.status, p.header.Get("Location"), p.body)
	}
	secret := ""
	for _, line := range p.header.Values("Set-Cookie") {
		c, err := http.ParseSetCookie(line)
		if err != nil || !c.Secure || !c.HttpOnly || c.Path != "/" || c.Domain != "" || !strings.HasPrefix(c.Name, "__Host-makegood") {
			t.Errorf("the browser is given %s (%v)", line, err)
		}
		if err == nil && c.Name == "__Host-makegood" {
			secret = c.Value
		}
	}
	if p := v.get("/v1/whoami"); p.status != http.StatusOK || !strings.Contains(p.body, `"pat@example.com"`) {
		t.Errorf("who signed in is %d %s", p.status, p.body)
	}
	if p := v.get("/refunds"); p.status != http.StatusOK {
		t.Errorf("the page is answered %d", p.status)
	}
	if p := h.stranger().get("/v1/whoami", "Cookie", "makegood="+secret); secret == "" || p.status != http.StatusUnauthorized {
		t.Errorf("under the name of a cookie without TLS it is answered %d", p.status)
	}
	v.send("/sign-out", nil)
	if p := v.get("/v1/whoami", "Cookie", "__Host-makegood="+secret); p.status != http.StatusUnauthorized {
		t.Errorf("after signing out it is answered %d", p.status)
	}
	if facts := h.signIns(); len(facts) != 2 || facts[0].By != "pat@example.com" || facts[0].Method != "oidc" || !facts[1].Out {
		t.Errorf("sealed is %+v", facts)
	}
}

// TestTriesBehindTLS holds that who guesses behind the proxy locks out nobody else
// there, and gets no further tries by writing another address.
func TestTriesBehindTLS(t *testing.T) {
	t.Parallel()
	h := newHouse(t, func(c *remediator.Config) { c.BehindTLS = true })
	guesser := h.overTLSFrom("198.51.100.7")
	statuses := map[int]int{}
	for i := range 20 {
		p := guesser.send("/sign-in", url.Values{"token": {"mg_wrong"}}, "X-Forwarded-For", "203.0.113."+strconv.Itoa(i))
		statuses[p.status]++
	}
	if statuses[http.StatusUnauthorized] != 10 || statuses[http.StatusTooManyRequests] != 10 {
		t.Errorf("twenty wrong tokens of one address are answered %v", statuses)
	}
	if p := h.overTLSFrom("198.51.100.8").send("/sign-in", url.Values{"token": {adminSecret}}); p.status != http.StatusSeeOther {
		t.Errorf("and then the right one of another is answered %d", p.status)
	}
}
