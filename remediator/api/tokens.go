package api

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/makegood/makegood/remediator/access"
	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/problem"
	"github.com/makegood/makegood/remediator/rule/expression"
)

// Tokens is the answer of GET /v1/tokens.
type Tokens struct {
	Tokens []Token `json:"tokens"`         // by name
	Next   string  `json:"next,omitempty"` // value of "after" that goes on
}

// Token is a token as it is listed; its secret is known to its holder alone.
type Token struct {
	ID      uuid.UUID  `json:"id"`
	Name    string     `json:"name"`
	Roles   []string   `json:"roles"`
	Expires *time.Time `json:"expires,omitempty"`
	Revoked bool       `json:"revoked,omitempty"`
	// Secret is shown once, in the answer of POST /v1/tokens.
	Secret string `json:"secret,omitempty"`
}

func listed(t decide.Token) Token {
	out := Token{ID: t.ID, Name: t.Name, Roles: t.Roles, Revoked: t.Revoked}
	if t.Expires != 0 {
		at := time.Unix(0, t.Expires).UTC()
		out.Expires = &at
	}
	return out
}

func (h handler) tokens(w http.ResponseWriter, r *http.Request) {
	tokens, err := h.Ledger.Tokens(r.Context())
	page, next, ok := pageOf(w, r.URL.Query(), tokens, func(t decide.Token) string { return t.Name + " " + t.ID.String() })
	if !ok {
		return
	}
	answer := Tokens{Tokens: []Token{}, Next: next}
	for _, t := range page {
		answer.Tokens = append(answer.Tokens, listed(t))
	}
	h.answer(w, r, answer, err)
}

// makeToken answers POST /v1/tokens. The secret is made here and never sealed, so
// that a repeat cannot show it again: it is refused, and another token is made
// under another key.
func (h handler) makeToken(w http.ResponseWriter, r *http.Request) {
	var body tokenBody
	if !decodeStrict(w, r, maxCommand, &body) {
		return
	}
	t := decide.Token{ID: uuid.New(), Name: body.Name, Roles: body.Roles}
	if err := access.CheckName(t.Name); err != nil {
		problem.Write(w, http.StatusBadRequest, "body", "name: "+err.Error())
		return
	}
	for i, role := range t.Roles {
		if slices.Contains(t.Roles[:i], role) {
			problem.Write(w, http.StatusBadRequest, "body", fmt.Sprintf("roles: %s is there twice", role))
			return
		}
		if !slices.Contains(decide.Roles(), role) {
			problem.Write(w, http.StatusBadRequest, "body", fmt.Sprintf("roles: there is no role %q; there are %s", role, strings.Join(decide.Roles(), ", ")))
			return
		}
	}
	if len(t.Roles) == 0 {
		problem.Write(w, http.StatusBadRequest, "body", "roles: name at least one of "+strings.Join(decide.Roles(), ", "))
		return
	}
	if body.ExpiresIn != "" {
		d, err := expression.ParseDuration(body.ExpiresIn)
		if err != nil || d <= 0 {
			problem.Write(w, http.StatusBadRequest, "body", fmt.Sprintf("expires_in: %q is no time; write 90d", body.ExpiresIn))
			return
		}
		t.Expires = h.Now().Add(d).UnixNano()
	}
	p := access.From(r.Context())
	id, ok := commandID(w, r, p)
	if !ok {
		return
	}
	secret, digest := access.NewSecret()
	t.SHA256 = digest
	answer, err := h.Desk.Give(r.Context(), p, id, decide.CommandBody{Command: decide.CommandToken, Token: &t})
	if err != nil || answer == nil || answer.Refused != "" {
		h.answered(w, r, id, answer, err)
		return
	}
	made := listed(t)
	made.Secret = secret
	h.answer(w, r, made, nil)
}

// Link is the answer of POST /v1/sign-in-links.
type Link struct {
	Path string `json:"path"` // of the console; it signs in once, within ten minutes, at this node. "/": nobody needs to sign in
}

// makeLink answers POST /v1/sign-in-links: a link that signs whoever asks in to the
// console.
func (h handler) makeLink(w http.ResponseWriter, r *http.Request) {
	if !decodeStrict(w, r, maxCommand, &struct{}{}) {
		return
	}
	link := Link{Path: "/"}
	if secret := h.Guard.LinkFor(r); secret != "" {
		link.Path = "/sign-in/link/" + secret
	}
	h.answer(w, r, link, nil)
}

// revokeToken answers POST /v1/tokens/{token}/revoke.
func (h handler) revokeToken(w http.ResponseWriter, r *http.Request) {
	id, ok := pathID(w, r, "token", "token id")
	if !ok || !decodeStrict(w, r, maxCommand, &struct{}{}) {
		return
	}
	tokens, err := h.Ledger.Tokens(r.Context())
	if err != nil {
		h.answer(w, r, nil, err)
		return
	}
	i := slices.IndexFunc(tokens, func(t decide.Token) bool { return t.ID == id })
	if i < 0 {
		problem.Write(w, http.StatusNotFound, "not-found", "no token has this id")
		return
	}
	tokens[i].Revoked = true // be it for the first time or again: a repeat is the same command
	h.give(w, r, decide.CommandBody{Command: decide.CommandRevoke, Token: &tokens[i]})
}
