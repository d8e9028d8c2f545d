package access

import (
	"net"
	"net/http"
	"net/netip"
	"strings"
)

// Names of the cookie that holds the secret of a session. The first is one that
// browsers take over TLS alone, from the very host that it is shown to.
const (
	cookieOverTLS = "__Host-makegood"
	cookieHere    = "makegood"
)

// Secure reports whether a request came over TLS, to the service itself or to what
// stands in front of it.
func (g *Guard) Secure(r *http.Request) bool { return r.TLS != nil || g.cfg.BehindTLS }

// MayKeep reports whether a browser can be given a secret: over TLS, or when it is
// on this machine. Everywhere else others could read it on its way.
func (g *Guard) MayKeep(r *http.Request) bool { return g.Secure(r) || isLoopback(r.Host) }

func isLoopback(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host = strings.ToLower(strings.TrimSuffix(strings.Trim(host, "[]"), "."))
	at, err := netip.ParseAddr(host)
	return err == nil && at.IsLoopback() || host == "localhost" || strings.HasSuffix(host, ".localhost")
}

func (g *Guard) cookieName(r *http.Request) string {
	if g.Secure(r) {
		return cookieOverTLS
	}
	return cookieHere
}

// cookie returns the secret that a request shows, empty for none.
func (g *Guard) cookie(r *http.Request) string {
	c, err := r.Cookie(g.cookieName(r))
	if err != nil {
		return ""
	}
	return c.Value
}

// give has a browser keep a secret for some seconds, or forget it when they are
// negative.
func (g *Guard) give(w http.ResponseWriter, r *http.Request, secret string, seconds int) {
	http.SetCookie(w, &http.Cookie{
		Name: g.cookieName(r), Value: secret, Path: "/", MaxAge: seconds, HttpOnly: true, Secure: g.Secure(r), SameSite: http.SameSiteLaxMode,
	})
}

// Lend has a browser keep a value for some seconds, beside the session, or forget it
// when they are negative: what is on its way, and comes back from elsewhere.
func (g *Guard) Lend(w http.ResponseWriter, r *http.Request, what, value string, seconds int) {
	http.SetCookie(w, &http.Cookie{
		Name: g.cookieName(r) + "-" + what, Value: value, Path: "/", MaxAge: seconds, HttpOnly: true, Secure: g.Secure(r), SameSite: http.SameSiteLaxMode,
	})
}

// Lent returns what a browser was lent; empty: nothing, or it is too old.
func (g *Guard) Lent(r *http.Request, what string) string {
	c, err := r.Cookie(g.cookieName(r) + "-" + what)
	if err != nil {
		return ""
	}
	return c.Value
}

// LentBelow returns how the names go on of what a browser was lent under a beginning of
// names, in the order in which it shows them.
func (g *Guard) LentBelow(r *http.Request, beginning string) []string {
	var ends []string
	for _, c := range r.Cookies() {
		if end, ok := strings.CutPrefix(c.Name, g.cookieName(r)+"-"+beginning); ok {
			ends = append(ends, end)
		}
	}
	return ends
}

// ShowsSession reports whether a request is made in a session, if it is made in
// anybody's name at all.
func (g *Guard) ShowsSession(r *http.Request) bool {
	return r.Header.Get("Authorization") == "" && g.cookie(r) != ""
}
