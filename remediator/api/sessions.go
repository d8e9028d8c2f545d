package api

import (
	"context"
	"net/http"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/makegood/makegood/remediator/access"
	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/people"
	"github.com/makegood/makegood/remediator/problem"
)

// Sessions is the answer of GET /v1/sessions.
type Sessions struct {
	Sessions []Session `json:"sessions"`       // the oldest first
	Next     string    `json:"next,omitempty"` // value of "after" that goes on
}

// Session is somebody who is signed in with a browser. Its secret is known to that
// browser alone.
type Session struct {
	Session string    `json:"session"` // as facts name it
	Name    string    `json:"name"`
	Roles   []string  `json:"roles"`
	Method  string    `json:"method"` // token, link or oidc
	Created time.Time `json:"created"`
	Seen    time.Time `json:"seen"` // when they last did something
	Expires time.Time `json:"expires"`
}

func shown(s access.Session) Session {
	at := func(nanoseconds int64) time.Time { return time.Unix(0, nanoseconds).UTC() }
	return Session{Session: s.Named().Session, Name: s.Name, Roles: s.Roles, Method: s.Method, Created: at(s.Created), Seen: at(s.Seen), Expires: at(s.Expires)}
}

// sessions answers GET /v1/sessions.
func (h handler) sessions(w http.ResponseWriter, r *http.Request) {
	all, err := h.Guard.Sessions(r.Context())
	page, next, ok := pageOf(w, r.URL.Query(), all, func(s access.Session) string { return sortable(time.Unix(0, s.Created)) + " " + s.Named().Session })
	if !ok {
		return
	}
	answer := Sessions{Sessions: []Session{}, Next: next}
	for _, s := range page {
		answer.Sessions = append(answer.Sessions, shown(s))
	}
	h.answer(w, r, answer, err)
}

// endSession answers POST /v1/sessions/{session}/end. Who ended it is sealed first: a
// sign-out by another than who signed in. It ends then whether or not anybody waits.
func (h handler) endSession(w http.ResponseWriter, r *http.Request) {
	if !decodeStrict(w, r, maxCommand, &struct{}{}) {
		return
	}
	all, err := h.Guard.Sessions(r.Context())
	if err != nil {
		h.answer(w, r, nil, err)
		return
	}
	name := r.PathValue("session")
	i := slices.IndexFunc(all, func(s access.Session) bool { return s.Named().Session == name })
	if i < 0 {
		problem.Write(w, http.StatusNotFound, "not-found", "nobody is signed in under this name of a session; GET /v1/sessions lists them")
		return
	}
	p, ctx := access.From(r.Context()), context.WithoutCancel(r.Context())
	id := people.ID(p, uuid.NewString())
	answer, err := h.Desk.Give(ctx, p, id, decide.CommandBody{Command: decide.CommandSignOut, SignIn: all[i].Named()})
	if err != nil || answer != nil && answer.Refused != "" {
		h.answered(w, r, id, answer, err)
		return
	}
	h.answer(w, r, shown(all[i]), h.Guard.EndOther(ctx, all[i]))
}
