package web

import (
	"cmp"
	"encoding/base64"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/openid"
)

const (
	openIDBegin = "/sign-in/openid"
	openIDBack  = "/sign-in/openid/back" // as the provider must know it
	// begunLasts is how long somebody may take at the provider.
	begunLasts = 10 * time.Minute
	// begunCookie is what the browser keeps meanwhile, followed by the state: pages that
	// are open beside each other may all be on their way.
	begunCookie = "openid-"
	// maxBegun is how many a browser keeps: each is sent with each request, and the headers
	// of one are bounded. The oldest is forgotten first.
	maxBegun = 8
	// wayCookie is what a browser keeps that signed in with an account: when its session
	// has grown old, it is led to the provider again by itself, which says anew what
	// somebody may. It does so for accountLasts, when a person opens a page.
	wayCookie    = "way"
	accountLasts = 12 * time.Hour
)

// begun is a sign-in on its way, as the browser keeps it.
type begun struct {
	openid.Begun
	To string `json:"to"` // path to go on to
	At int64  `json:"at"` // when it was begun, in seconds since the Unix epoch
}

// offer shows the page on which somebody signs in, with all the ways there are.
func (c *Console) offer(w http.ResponseWriter, r *http.Request, status int, page signIn) {
	if c.cfg.OpenID != nil {
		page.Provider = c.cfg.OpenID.PublicURL() + openIDBegin + "?" + url.Values{"to": {page.To}}.Encode()
		if err := c.cfg.OpenID.Ready(r.Context()); err != nil {
			page.Away = true
			c.cfg.Logger.WarnContext(r.Context(), "find provider of sign-ins", slog.Any("error", err))
		}
	}
	c.render(w, r, status, "signin", watch{}, page)
}

// back is where the provider sends the browser.
func (c *Console) back(r *http.Request) string {
	if at := c.cfg.OpenID.PublicURL(); at != "" {
		return at + openIDBack
	}
	return "http://" + r.Host + openIDBack
}

// beginOpenID answers GET /sign-in/openid: it leads to the provider. The browser keeps what
// it needs to come back with, which no other one has.
func (c *Console) beginOpenID(w http.ResponseWriter, r *http.Request) {
	if !c.cfg.Guard.MayKeep(r) {
		c.fail(w, r, &Failure{http.StatusForbidden, "Sign in over TLS", "Open the console over https, or on the service's own machine as localhost."})
		return
	}
	address, b, err := c.cfg.OpenID.Begin(r.Context(), c.back(r))
	if err != nil {
		c.failOpenID(w, r, err)
		return
	}
	// It is text alone, so that it can always be written.
	kept, _ := json.Marshal(begun{b, within(r.URL.Query().Get("to")), c.cfg.Now().Unix()})
	c.makeRoom(w, r)
	c.cfg.Guard.Lend(w, r, begunCookie+b.State, base64.RawURLEncoding.EncodeToString(kept), int(begunLasts/time.Second))
	http.Redirect(w, r, address, http.StatusSeeOther)
}

// makeRoom has a browser forget the oldest sign-ins on their way, so that there is room
// for another.
func (c *Console) makeRoom(w http.ResponseWriter, r *http.Request) {
	states := c.cfg.Guard.LentBelow(r, begunCookie)
	slices.SortStableFunc(states, func(a, b string) int { return cmp.Compare(c.lent(r, a).At, c.lent(r, b).At) }) // in a second browsers keep the order themselves
	for _, state := range states[:max(0, len(states)-maxBegun+1)] {
		c.cfg.Guard.Lend(w, r, begunCookie+state, "", -1)
	}
}

// finishOpenID answers GET /sign-in/openid/back, to which the provider leads back. What
// the browser kept serves once. Who kept nothing takes no turn: nothing is asked or sealed.
func (c *Console) finishOpenID(w http.ResponseWriter, r *http.Request) {
	b := c.lent(r, r.URL.Query().Get("state"))
	if b.State == "" {
		c.failOpenID(w, r, openid.ErrNotBegun)
		return
	}
	if !c.mayTry(w, r) {
		return
	}
	c.cfg.Guard.Lend(w, r, begunCookie+b.State, "", -1)
	who, err := c.cfg.OpenID.Finish(r.Context(), c.back(r), b.Begun, r.URL.Query())
	if err != nil {
		c.failOpenID(w, r, err)
		return
	}
	c.enter(w, r, entry{who: who, method: decide.SignInOIDC}, within(b.To))
}

// renews reports whether a browser without a session is led to the provider by itself: when
// a person opens a page. One that is merely open, and loads itself anew, would stay signed
// in without anybody there.
func (c *Console) renews(r *http.Request) bool {
	return c.cfg.OpenID != nil && r.Method == http.MethodGet && c.cfg.Guard.Lent(r, wayCookie) == decide.SignInOIDC && navigates(r)
}

// navigates reports whether a person had the browser open a page. A browser that says
// nothing of its requests is believed.
func navigates(r *http.Request) bool {
	says := slices.ContainsFunc([]string{"Sec-Fetch-Site", "Sec-Fetch-Mode", "Sec-Fetch-Dest"}, func(header string) bool { return r.Header.Get(header) != "" })
	return !says || r.Header.Get("Sec-Fetch-User") == "?1"
}

// remember has a browser that signs in keep by which way, or forget it.
func (c *Console) remember(w http.ResponseWriter, r *http.Request, method string) {
	switch kept := c.cfg.Guard.Lent(r, wayCookie); {
	case method == decide.SignInOIDC && kept == "":
		c.cfg.Guard.Lend(w, r, wayCookie, method, int(accountLasts/time.Second))
	case method != decide.SignInOIDC && kept != "":
		c.cfg.Guard.Lend(w, r, wayCookie, "", -1)
	}
}

// lent reads what the browser kept of the sign-in with a state. What is too old, or cannot
// be read, is nothing.
func (c *Console) lent(r *http.Request, state string) begun {
	var b begun
	text, err := base64.RawURLEncoding.DecodeString(c.cfg.Guard.Lent(r, begunCookie+state))
	if err != nil || json.Unmarshal(text, &b) != nil || b.State != state {
		return begun{}
	}
	if age := c.cfg.Now().Sub(time.Unix(b.At, 0)); age.Abs() >= begunLasts {
		return begun{}
	}
	return b
}

// failOpenID says why a sign-in by the provider came to nothing. Who is refused
// counts as one who tried; a provider that is away does not, nor does what was not begun
// here, which says nothing of who is.
func (c *Console) failOpenID(w http.ResponseWriter, r *http.Request, err error) {
	if errors.Is(err, openid.ErrNotBegun) {
		c.fail(w, r, &Failure{http.StatusForbidden, "You are not signed in", openid.ErrNotBegun.Reason})
		return
	}
	c.remember(w, r, "")
	var refused *openid.Refused
	switch {
	case errors.Is(err, openid.ErrAway):
		c.cfg.Logger.WarnContext(r.Context(), "sign in by the provider", slog.Any("error", err))
		err = &Failure{http.StatusBadGateway, "The provider does not answer", "Nobody can sign in with their account just now. Try again in a moment, or sign in with a token."}
	case errors.As(err, &refused):
		c.tries.refused(c.cfg.Guard.Caller(r), c.cfg.Now())
		err = &Failure{http.StatusForbidden, "You are not signed in", refused.Reason}
	default:
		c.tries.refused(c.cfg.Guard.Caller(r), c.cfg.Now())
		c.cfg.Logger.WarnContext(r.Context(), "sign in by the provider", slog.Any("error", err))
		err = &Failure{http.StatusForbidden, "You are not signed in", "What the provider says does not hold; the service's log says why. Sign in again."}
	}
	c.fail(w, r, err)
}
