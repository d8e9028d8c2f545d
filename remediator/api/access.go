package api

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/makegood/makegood/remediator/access"
	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/problem"
)

// readers are the roles that may read what the service did: all but the emitter's.
func readers() []string {
	return slices.DeleteFunc(decide.Roles(), func(role string) bool { return role == decide.RoleEmitter })
}

// allow lets those pass who have one of the roles; without any role named, whoever
// shows a token that counts, as often as they may ask.
func (h handler) allow(next http.HandlerFunc, roles ...string) http.Handler {
	return h.admit(h.Guard.Principal, next, roles)
}

// programs lets those pass who may ask gates: whoever shows a token that counts, and
// on a service of this machine every program.
func (h handler) programs(next http.HandlerFunc) http.Handler {
	return h.admit(h.Guard.Program, next, nil)
}

// admit lets those pass whom who knows and who have one of the roles, if there are any.
func (h handler) admit(who func(*http.Request) (access.Principal, error), next http.HandlerFunc, roles []string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p, err := who(r)
		switch {
		case errors.Is(err, access.ErrMissing), errors.Is(err, access.ErrUnknown):
			w.Header().Set("WWW-Authenticate", `Bearer realm="makegood"`)
			problem.Write(w, http.StatusUnauthorized, "unauthorized", err.Error())
			return
		case err != nil:
			h.answer(w, r, nil, err)
			return
		case len(roles) > 0 && !p.Has(roles...):
			problem.Write(w, http.StatusForbidden, "forbidden", p.Name+" has not the role for it: "+orList(roles))
			return
		case len(roles) > 0 && !h.paced(w, p.Name): // gates are asked by all processes of a program at once
			return
		}
		next(w, r.WithContext(access.With(r.Context(), p)))
	})
}

// expiryPoll is how often a request that lasts is asked whether its token has
// expired.
const expiryPoll = time.Minute

// lasting ends a request that lasts when who makes it is nobody any more: their
// token was revoked, or has expired.
func (h handler) lasting(next http.Handler) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		ctx, end := context.WithCancel(r.Context())
		defer end()
		go func() {
			poll := time.NewTicker(expiryPoll)
			defer poll.Stop()
			for {
				changed := h.Guard.Changed()
				if _, err := h.Guard.Principal(r); errors.Is(err, access.ErrUnknown) {
					end()
					return
				}
				select {
				case <-changed:
				case <-poll.C:
				case <-ctx.Done():
					return
				}
			}
		}()
		next.ServeHTTP(w, r.WithContext(ctx))
	}
}

// reads lets everybody pass but mere emitters.
func (h handler) reads(next http.HandlerFunc) http.Handler { return h.allow(next, readers()...) }

// orList names roles in a sentence.
func orList(roles []string) string {
	if len(roles) == 1 {
		return roles[0]
	}
	return strings.Join(roles[:len(roles)-1], ", ") + " or " + roles[len(roles)-1]
}

// emits tells those who are somebody, but no emitter, that they have not the role,
// and everybody that it cannot be looked up: an emitter tries again.
func (h handler) emits(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p, err := h.Guard.Program(r)
		switch {
		case r.Method != http.MethodPost, errors.Is(err, access.ErrMissing), errors.Is(err, access.ErrUnknown):
		case err != nil:
			h.answer(w, r, nil, err)
			return
		case !p.Has(decide.RoleEmitter):
			problem.Write(w, http.StatusForbidden, "forbidden", p.Name+" has not the role for it: "+decide.RoleEmitter)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// MayEmit says whether whoever sends a request may emit events. An error of the
// store counts as no: the emitter tries again.
func MayEmit(guard *access.Guard) func(*http.Request) bool {
	return func(r *http.Request) bool {
		p, err := guard.Program(r)
		return err == nil && p.Has(decide.RoleEmitter)
	}
}
