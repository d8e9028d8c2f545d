// Package openid has people prove who they are to a provider of OpenID Connect, by
// the flow of the authorization code with PKCE.
//
// Begin makes what the browser keeps meanwhile, and where it goes; Finish takes what
// it came back with. State, nonce and verifier are those of that one browser, so
// that nobody goes on with what somebody else began. The provider may be away: it is
// looked for when somebody signs in, and again when it was not there.
package openid

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"github.com/makegood/makegood/remediator/access"
)

const (
	// longest is how long the provider has for one answer.
	longest = 10 * time.Second
	// again is how long a provider that was away is not asked again.
	again = 2 * time.Second
)

// ErrAway says that the provider does not answer, or not as one.
var ErrAway = errors.New("the provider of sign-ins does not answer")

// Refused is why somebody does not get in, in words for them.
type Refused struct{ Reason string }

// Error implements error.
func (r *Refused) Error() string { return r.Reason }

// ErrNotBegun says that what came back belongs to no sign-in that the browser keeps.
var ErrNotBegun = &Refused{"This sign-in was not begun in this browser, or it was finished before. Sign in again."}

// Begun is a sign-in on its way, which the browser keeps.
type Begun struct {
	State    string `json:"state"`
	Nonce    string `json:"nonce"`
	Verifier string `json:"verifier"` // of PKCE
}

// Provider signs people in. It is safe for concurrent use.
type Provider struct {
	cfg    Config
	client *http.Client

	mu    sync.Mutex
	found *oidc.Provider // nil: not yet
	asked time.Time      // when it was not found
	why   error          // that it was not
}

// New returns a provider, which is not asked for anything yet.
func New(cfg Config) (*Provider, error) {
	cfg, err := cfg.check()
	if err != nil {
		return nil, fmt.Errorf("configure sign-in by OpenID Connect: %w", err)
	}
	return &Provider{cfg: cfg, client: &http.Client{Timeout: longest}}, nil
}

// PublicURL is where browsers find the console; empty: where they asked for it.
func (p *Provider) PublicURL() string { return p.cfg.PublicURL }

// Ready says whether the provider is there; ErrAway that it is not.
func (p *Provider) Ready(ctx context.Context) error {
	_, err := p.provider(ctx)
	return err
}

// provider finds the provider. Whoever asks while another does waits.
func (p *Provider) provider(ctx context.Context) (*oidc.Provider, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.found != nil {
		return p.found, nil
	}
	if p.why != nil && p.cfg.Now().Sub(p.asked).Abs() < again {
		return nil, p.why
	}
	// The keys are fetched later, with the client alone of this context.
	found, err := oidc.NewProvider(p.with(ctx), p.cfg.Issuer)
	if ctx.Err() != nil {
		return nil, fmt.Errorf("%w: %w", ErrAway, ctx.Err()) // who asked went away: that says nothing of the provider
	}
	if err != nil {
		p.asked, p.why = p.cfg.Now(), fmt.Errorf("%w: %w", ErrAway, err)
		return nil, p.why
	}
	p.found, p.why = found, nil
	return found, nil
}

func (p *Provider) with(ctx context.Context) context.Context {
	return oidc.ClientContext(ctx, p.client)
}

func (p *Provider) flow(found *oidc.Provider, back string) *oauth2.Config {
	scopes := append([]string{oidc.ScopeOpenID}, p.cfg.Scopes...)
	return &oauth2.Config{ClientID: p.cfg.ClientID, ClientSecret: p.cfg.ClientSecret, Endpoint: found.Endpoint(), RedirectURL: back, Scopes: scopes}
}

// Begin begins a sign-in that comes back to an address. It returns where the browser
// goes, and what it keeps.
func (p *Provider) Begin(ctx context.Context, back string) (address string, b Begun, err error) {
	found, err := p.provider(ctx)
	if err != nil {
		return "", Begun{}, err
	}
	b = Begun{State: oauth2.GenerateVerifier(), Nonce: oauth2.GenerateVerifier(), Verifier: oauth2.GenerateVerifier()}
	return p.flow(found, back).AuthCodeURL(b.State, oidc.Nonce(b.Nonce), oauth2.S256ChallengeOption(b.Verifier)), b, nil
}

// Finish takes what the browser came back with, and says who it is. Errors are
// Refused, ErrAway, or say what in the provider's answer is not as it must be.
func (p *Provider) Finish(ctx context.Context, back string, b Begun, answer url.Values) (access.Principal, error) {
	if b.State == "" || subtle.ConstantTimeCompare([]byte(answer.Get("state")), []byte(b.State)) != 1 {
		return access.Principal{}, ErrNotBegun
	}
	if issuer := answer.Get("iss"); issuer != "" && issuer != p.cfg.Issuer {
		return access.Principal{}, errors.New("sign in: another issuer answers than was asked")
	}
	if answer.Get("error") != "" {
		return access.Principal{}, &Refused{"The provider did not sign you in: " + clip(answer.Get("error")) + "."}
	}
	found, err := p.provider(ctx)
	if err != nil {
		return access.Principal{}, err
	}
	flow := p.flow(found, back)
	token, err := flow.Exchange(p.with(ctx), answer.Get("code"), oauth2.VerifierOption(b.Verifier))
	if err != nil {
		return access.Principal{}, exchangeError(err)
	}
	raw, _ := token.Extra("id_token").(string)
	id, err := found.VerifierContext(p.with(ctx), &oidc.Config{ClientID: p.cfg.ClientID, Now: p.cfg.Now}).Verify(ctx, raw)
	if err != nil {
		return access.Principal{}, fmt.Errorf("verify ID token: %w", err)
	}
	if b.Nonce == "" || subtle.ConstantTimeCompare([]byte(id.Nonce), []byte(b.Nonce)) != 1 {
		return access.Principal{}, errors.New("verify ID token: its nonce is that of another sign-in")
	}
	said, err := p.claims(ctx, found, id, token)
	if err != nil {
		return access.Principal{}, err
	}
	return p.person(said)
}

// exchangeError tells a provider that is away from one that takes no such code.
func exchangeError(err error) error {
	var refused *oauth2.RetrieveError
	if !errors.As(err, &refused) {
		return fmt.Errorf("%w: %w", ErrAway, err)
	}
	if status := refused.Response.StatusCode; status >= http.StatusInternalServerError {
		return fmt.Errorf("%w: exchange code: %d", ErrAway, status)
	}
	if refused.ErrorCode == "invalid_grant" {
		return &Refused{"The provider's answer was used before, or is too old. Sign in again."}
	}
	// The body may hold what the service sent, so that only the code is told.
	return fmt.Errorf("exchange code: the provider answers %d %q", refused.Response.StatusCode, clip(refused.ErrorCode))
}

// claims are what the provider says of somebody: in the ID token, and where it is
// not in that, when asked.
func (p *Provider) claims(ctx context.Context, found *oidc.Provider, id *oidc.IDToken, token *oauth2.Token) (map[string]any, error) {
	said := map[string]any{}
	if err := id.Claims(&said); err != nil {
		return nil, fmt.Errorf("read ID token: %w", err)
	}
	if party, ok := said["azp"].(string); ok && party != p.cfg.ClientID {
		return nil, errors.New("verify ID token: it was made for another client")
	}
	if (said[p.cfg.RolesClaim] != nil && said[p.cfg.NameClaim] != nil) || found.UserInfoEndpoint() == "" {
		return said, nil
	}
	info, err := found.UserInfo(p.with(ctx), oauth2.StaticTokenSource(token))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrAway, err)
	}
	if info.Subject != id.Subject {
		return nil, errors.New("ask who it is: the provider tells of somebody else")
	}
	more := map[string]any{}
	if err := info.Claims(&more); err != nil {
		return nil, fmt.Errorf("read who it is: %w", err)
	}
	if said[Email] != nil { // whether it is verified, says who says the address
		delete(more, "email_verified")
	}
	for claim, value := range more {
		if _, ok := said[claim]; !ok {
			said[claim] = value
		}
	}
	return said, nil
}

// person says whose claims they are, and which roles their groups have.
func (p *Provider) person(said map[string]any) (access.Principal, error) {
	name, _ := said[p.cfg.NameClaim].(string)
	if name == "" {
		return access.Principal{}, &Refused{"The provider does not say your " + p.cfg.NameClaim + ", by which you would be known here."}
	}
	if p.cfg.NameClaim == Email && said["email_verified"] != true && said["email_verified"] != "true" {
		return access.Principal{}, &Refused{"The provider has not verified your address " + clip(name) + ". Verify it there, then sign in again."}
	}
	name = strings.ToLower(name)
	if err := access.CheckName(name); err != nil {
		return access.Principal{}, &Refused{"You cannot be known here by your " + p.cfg.NameClaim + ": " + err.Error() + "."}
	}
	var roles []string
	for _, group := range words(said[p.cfg.RolesClaim]) {
		roles = append(roles, p.cfg.Roles[group]...)
	}
	slices.Sort(roles)
	if roles = slices.Compact(roles); len(roles) == 0 {
		return access.Principal{}, &Refused{"You are " + name + ", but none of your groups has a role here. Ask an administrator to put you into one; nothing was made for you."}
	}
	return access.Principal{Name: name, Roles: roles}, nil
}

// words are the texts of a claim that lists them, or is one.
func words(claim any) []string {
	var found []string
	switch claim := claim.(type) {
	case string:
		found = append(found, claim)
	case []any:
		for _, one := range claim {
			if text, ok := one.(string); ok {
				found = append(found, text)
			}
		}
	}
	return found
}

// clip shortens what others wrote, for people.
func clip(text string) string {
	const most = 100
	if runes := []rune(text); len(runes) > most {
		return string(runes[:most]) + "…"
	}
	return text
}
