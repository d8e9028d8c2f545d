package web

import (
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"strings"

	"github.com/google/uuid"

	"github.com/makegood/makegood/remediator/access"
	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/people"
)

// signIn is the page on which somebody signs in.
type signIn struct {
	To    string // path to go on to
	Wrong string // why the last try came to nothing
	Local bool   // the service is open to its machine: nobody needs to
	// Provider is where signing in with an account begins; empty: there is no provider.
	Provider string
	Away     bool // the provider does not answer
}

// entry is somebody who proved who they are, in one of the ways.
type entry struct {
	who    access.Principal
	method string // one of the constants decide.SignIn*
	token  string // digest of the token that they showed; empty: their roles are the session's
}

// signInRoutes are there for who is nobody yet. Another way to sign in ends in enter,
// as these do.
func (c *Console) signInRoutes() []route {
	routes := []route{
		{"GET /sign-in", http.HandlerFunc(c.askWho)},
		{"POST /sign-in", http.HandlerFunc(c.takeToken)},
		{"GET /sign-in/link/{secret}", http.HandlerFunc(c.takeLink)},
		{"POST /sign-out", http.HandlerFunc(c.signOut)},
	}
	if c.cfg.OpenID != nil {
		routes = append(routes, route{"GET " + openIDBegin, http.HandlerFunc(c.beginOpenID)}, route{"GET " + openIDBack, http.HandlerFunc(c.finishOpenID)})
	}
	return routes
}

// askWho answers GET /sign-in.
func (c *Console) askWho(w http.ResponseWriter, r *http.Request) {
	page := signIn{To: within(r.URL.Query().Get("to"))}
	s, err := c.cfg.Guard.Session(r)
	switch {
	case err == nil && s != nil:
		http.Redirect(w, r, page.To, http.StatusSeeOther)
		return
	case errors.Is(err, access.ErrUnknown):
		page.Wrong = "Your session has ended. Sign in again."
		if err := c.cfg.Guard.End(w, r); err != nil {
			c.fail(w, r, err)
			return
		}
		c.remember(w, r, "")
		r = withoutCookies(r)
	case err != nil:
		c.fail(w, r, err)
		return
	}
	_, err = c.cfg.Guard.Principal(r)
	page.Local = err == nil
	c.offer(w, r, http.StatusOK, page)
}

// withoutCookies is a request as the browser would make it that has just forgotten
// its session.
func withoutCookies(r *http.Request) *http.Request {
	r = r.Clone(r.Context())
	r.Header.Del("Cookie")
	return r
}

// takeToken answers POST /sign-in, with the fields token and to.
func (c *Console) takeToken(w http.ResponseWriter, r *http.Request) {
	if err := readForm(w, r, maxForm); err != nil {
		c.fail(w, r, err)
		return
	}
	if !c.mayTry(w, r) {
		return
	}
	to := within(r.PostFormValue("to"))
	who, digest, err := c.cfg.Guard.BySecret(r.Context(), strings.TrimSpace(r.PostFormValue("token")))
	switch {
	case errors.Is(err, access.ErrUnknown):
		c.tries.refused(c.cfg.Guard.Caller(r), c.cfg.Now())
		c.offer(w, r, http.StatusUnauthorized, signIn{To: to, Wrong: "Nobody has this token, or it has expired or was revoked."})
	case err != nil:
		c.fail(w, r, err)
	default:
		c.enter(w, r, entry{who, decide.SignInToken, digest}, to)
	}
}

// takeLink answers GET /sign-in/link/{secret}.
func (c *Console) takeLink(w http.ResponseWriter, r *http.Request) {
	used := &Failure{http.StatusForbidden, "The link was used, or is too old", "A link signs in once, within ten minutes. Make another with: makegood open."}
	if !c.mayTry(w, r) {
		return
	}
	who, token, err := c.cfg.Guard.Follow(r, r.PathValue("secret"))
	switch {
	case errors.Is(err, access.ErrUnknown):
		c.tries.refused(c.cfg.Guard.Caller(r), c.cfg.Now())
		c.fail(w, r, used)
	case err != nil:
		c.fail(w, r, err)
	default:
		c.enter(w, r, entry{who, decide.SignInLink, token}, "/")
	}
}

// enter signs somebody in: it seals that they do, begins a session, and leads to a
// page. Where a secret could be read on its way, nobody gets one.
func (c *Console) enter(w http.ResponseWriter, r *http.Request, e entry, to string) {
	switch {
	case !mayRead(e.who, nil):
		c.tries.refused(c.cfg.Guard.Caller(r), c.cfg.Now())
		c.fail(w, r, lacking(e.who, nil))
		return
	case !c.cfg.Guard.MayKeep(r):
		c.fail(w, r, &Failure{http.StatusForbidden, "Sign in over TLS",
			"Between here and your browser others could read the session. Open the console over https, or on the service's own machine as localhost."})
		return
	}
	s, secret := c.cfg.Guard.NewSession(e.who, e.method, e.token)
	err := c.seal(r, e.who, decide.CommandSignIn, s)
	if err == nil {
		err = c.cfg.Guard.Begin(w, r, s, secret)
	}
	if err != nil {
		c.fail(w, r, err)
		return
	}
	c.tries.taken.Add(1)
	c.remember(w, r, e.method)
	http.Redirect(w, r, to, http.StatusSeeOther)
}

// signOut answers POST /sign-out. Only what is sealed takes a turn: others at the address
// of somebody without a session cannot keep them in, or out.
func (c *Console) signOut(w http.ResponseWriter, r *http.Request) {
	s, err := c.cfg.Guard.Session(r)
	if err == nil && s != nil && !c.maySign(w, r) {
		return
	}
	if errors.Is(err, access.ErrMissing) { // no page of the console asks: the session goes on
		http.Redirect(w, r, "/sign-in", http.StatusSeeOther)
		return
	}
	if err == nil && s != nil {
		err = c.seal(r, access.Principal{Name: s.Name, Roles: s.Roles}, decide.CommandSignOut, *s)
	}
	if errors.Is(err, access.ErrUnknown) {
		err = nil // it has ended already
	}
	if err == nil {
		err = c.cfg.Guard.End(w, r)
	}
	if err != nil {
		c.fail(w, r, err)
		return
	}
	c.remember(w, r, "")
	http.Redirect(w, r, "/sign-in", http.StatusSeeOther)
}

// seal has the ledger say that somebody signs in or out. What is in the log and not
// decided yet will be sealed.
func (c *Console) seal(r *http.Request, who access.Principal, command string, s access.Session) error {
	answer, err := c.cfg.Desk.Give(r.Context(), who, people.ID(who, uuid.NewString()), decide.CommandBody{Command: command, SignIn: s.Named()})
	if err == nil && answer != nil && answer.Refused != "" {
		return &Failure{http.StatusForbidden, "You may not sign in", answer.Refused + "."}
	}
	if err == nil {
		c.cfg.Logger.InfoContext(r.Context(), command, slog.String("name", who.Name), slog.String("method", s.Method), slog.String("address", c.cfg.Guard.Caller(r)))
	}
	return err
}

// within is a path of the console: what leads elsewhere becomes the first page.
func within(to string) string {
	u, err := url.Parse(to)
	if err != nil || u.Scheme != "" || u.Host != "" || u.User != nil || !strings.HasPrefix(to, "/") || strings.HasPrefix(to, "//") ||
		strings.ContainsAny(to, "\\\r\n\t") || strings.HasPrefix(u.Path, "/sign-") {
		return "/"
	}
	return to
}
