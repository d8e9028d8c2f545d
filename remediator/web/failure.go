package web

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"log/slog"
	"net/http"
	"strings"

	"github.com/makegood/makegood/remediator/access"
	"github.com/makegood/makegood/remediator/decide"
)

// Failure is what a page says instead of what was asked for.
type Failure struct {
	Status int // of HTTP
	Title  string
	Text   string // sentences
}

// Error implements error.
func (f *Failure) Error() string { return f.Title + ": " + f.Text }

// Missing says that there is nothing.
func Missing(text string) *Failure { return &Failure{http.StatusNotFound, "Not found", text} }

// lacking says which role somebody has not.
func lacking(p access.Principal, roles []string) *Failure {
	text := p.Name + " may only send events: the console is for people."
	if roles != nil {
		text = p.Name + " has not the role for this page. Ask an administrator for one of: " + strings.Join(roles, ", ") + "."
	}
	if len(p.Roles) > 0 {
		text += " Your roles are: " + strings.Join(p.Roles, ", ") + "."
	}
	return &Failure{http.StatusForbidden, "You may not see this page", text}
}

// fail answers with a page that says what went wrong. What is no Failure is logged
// under an id that the page shows: it may hold what is not for everybody.
func (c *Console) fail(w http.ResponseWriter, r *http.Request, err error) {
	var f *Failure
	if !errors.As(err, &f) {
		var random [6]byte
		_, _ = rand.Read(random[:]) // it never returns an error
		id := hex.EncodeToString(random[:])
		c.cfg.Logger.ErrorContext(r.Context(), "answer with a page", slog.String("id", id), slog.String("path", r.URL.Path), slog.Any("error", err))
		f = &Failure{http.StatusInternalServerError, "Something went wrong", "The service's log says more under the id " + id + ". Try again in a moment."}
	}
	if r.Header.Get(fetched) != "" {
		// What the page shows stays, and the corner says that it is not live.
		w.WriteHeader(f.Status)
		return
	}
	if access.From(r.Context()).Name == "" {
		if p, err := c.cfg.Guard.Principal(r); err == nil && p.Has(decide.Roles()...) {
			r = r.WithContext(access.With(r.Context(), p))
		}
	}
	c.render(w, r, f.Status, "failure", watch{}, f)
}
