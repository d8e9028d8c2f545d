package access

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/makegood/makegood/remediator/decide"
)

const (
	// sessionLasts is how long a session lasts at most, and idleLasts how long without
	// a person who does something.
	sessionLasts = 12 * time.Hour
	idleLasts    = 2 * time.Hour
	// rolesLast is how long the roles count that a provider told of somebody: so long
	// does their session last, and the provider is asked anew.
	rolesLast = time.Hour
	// forgetBefore is how long before the end of a session its browser forgets it, so that
	// one which has grown old is never taken for one that somebody ended.
	forgetBefore = time.Minute
	// seenEvery is how exactly it is known when somebody was last there.
	seenEvery = time.Minute
)

// Session is somebody who signed in with a browser. Whoever shows its secret, in a
// cookie, is who it says; only the digest of the secret is kept.
type Session struct {
	Digest string // SHA-256 of its secret, hex
	Name   string
	Roles  []string // of somebody without a token; else the token's count
	Token  string   // SHA-256 of the token that it came from, hex; the session ends with it. Empty: none
	Method string   // one of the constants decide.SignIn*
	// Times are in nanoseconds since the Unix epoch.
	Created, Seen, Expires int64
}

// Sessions keeps sessions where all nodes see them. It is safe for concurrent use.
type Sessions interface {
	// Session returns nil when there is none.
	Session(ctx context.Context, digest string) (*Session, error)
	// Sessions lists those that have not expired by a time, the oldest first.
	Sessions(ctx context.Context, at int64) ([]Session, error)
	// BeginSession keeps a session, and forgets those that have expired by then.
	BeginSession(ctx context.Context, s Session) error
	SeeSession(ctx context.Context, digest string, at int64) error
	EndSession(ctx context.Context, digest string) error
}

// NewSession makes a session of somebody who proved who they are. It is nothing
// before Begin.
func (g *Guard) NewSession(p Principal, method, token string) (s Session, secret string) {
	random := make([]byte, 32)
	_, _ = rand.Read(random) // it never returns an error
	secret = base64.RawURLEncoding.EncodeToString(random)
	now, lasts := g.cfg.Now(), sessionLasts
	s = Session{Digest: digestOf(secret), Name: p.Name, Token: token, Method: method, Created: now.UnixNano(), Seen: now.UnixNano()}
	if token == "" {
		s.Roles, lasts = p.Roles, rolesLast
	}
	s.Expires = now.Add(lasts).UnixNano()
	return s, secret
}

// Begin keeps a session and gives its secret to the browser. A session that the
// browser had before ends, so that nobody goes on in one that another knows.
func (g *Guard) Begin(w http.ResponseWriter, r *http.Request, s Session, secret string) error {
	if before := g.cookie(r); before != "" {
		if err := g.cfg.Sessions.EndSession(r.Context(), digestOf(before)); err != nil {
			return fmt.Errorf("end the session before: %w", err)
		}
	}
	if err := g.cfg.Sessions.BeginSession(r.Context(), s); err != nil {
		return fmt.Errorf("begin session: %w", err)
	}
	g.give(w, r, secret, int((time.Duration(s.Expires-s.Created)-forgetBefore)/time.Second))
	return nil
}

// End ends the session of a request, if it has one, and takes the secret back.
func (g *Guard) End(w http.ResponseWriter, r *http.Request) error {
	secret := g.cookie(r)
	if secret == "" {
		return nil
	}
	if g.cfg.Sessions != nil {
		if err := g.cfg.Sessions.EndSession(r.Context(), digestOf(secret)); err != nil {
			return fmt.Errorf("end session: %w", err)
		}
	}
	g.give(w, r, "", -1)
	return nil
}

// Session returns the session that a request shows: nil when it shows none, and
// ErrUnknown when what it shows is none, or no longer. One that would change something
// counts only from a page of the service; of any other it is ErrMissing.
func (g *Guard) Session(r *http.Request) (*Session, error) {
	secret := g.cookie(r)
	if secret == "" || g.cfg.Sessions == nil {
		return nil, nil
	}
	s, err := g.cfg.Sessions.Session(r.Context(), digestOf(secret))
	if err != nil {
		return nil, fmt.Errorf("look up session: %w", err)
	}
	if s == nil {
		return nil, ErrUnknown
	}
	if err := g.counts(r.Context(), s); err != nil {
		return nil, err
	}
	if err := g.ownPage(r); err != nil {
		return nil, fmt.Errorf("%w; a session counts from the service's own pages alone: %w", ErrMissing, err)
	}
	return s, nil
}

// counts says whose a session is now; ErrUnknown says that it has ended.
func (g *Guard) counts(ctx context.Context, s *Session) error {
	now := g.cfg.Now().UnixNano()
	if now >= s.Expires || now-s.Seen >= int64(idleLasts) {
		return ErrUnknown
	}
	if s.Token == "" {
		return nil
	}
	p, err := g.byDigest(ctx, s.Token)
	if err == nil {
		s.Name, s.Roles = p.Name, p.Roles
	}
	return err
}

// Sessions lists the sessions that count now, the oldest first.
func (g *Guard) Sessions(ctx context.Context) ([]Session, error) {
	if g.cfg.Sessions == nil {
		return nil, nil
	}
	all, err := g.cfg.Sessions.Sessions(ctx, g.cfg.Now().UnixNano())
	if err != nil {
		return nil, fmt.Errorf("list sessions: %w", err)
	}
	counting := all[:0]
	for _, s := range all {
		switch err := g.counts(ctx, &s); {
		case err == nil:
			counting = append(counting, s)
		case !errors.Is(err, ErrUnknown):
			return nil, err
		}
	}
	return counting, nil
}

// EndOther ends a session that somebody else may be in. Whoever lets a request of it
// last asks again whose it is.
func (g *Guard) EndOther(ctx context.Context, s Session) error {
	if err := g.cfg.Sessions.EndSession(ctx, s.Digest); err != nil {
		return fmt.Errorf("end session: %w", err)
	}
	g.Forget()
	return nil
}

// ownPage reports why a request that would change something does not come from a page of
// the service. Every browser that keeps sessions says where what it posts comes from, so
// that silence is no page's.
func (g *Guard) ownPage(r *http.Request) error {
	if err := g.origin.Check(r); err != nil {
		return err
	}
	reads := r.Method == http.MethodGet || r.Method == http.MethodHead || r.Method == http.MethodOptions
	if !reads && r.Header.Get("Sec-Fetch-Site") == "" && r.Header.Get("Origin") == "" {
		return errors.New("the request does not say which page it comes from")
	}
	return nil
}

// bySession says who a session is that a request shows; it is nobody's when ok is false.
func (g *Guard) bySession(r *http.Request) (p Principal, ok bool, err error) {
	s, err := g.Session(r)
	if s == nil || err != nil {
		return Principal{}, false, err
	}
	if now := g.cfg.Now().UnixNano(); now-s.Seen >= int64(seenEvery) && byPerson(r) {
		if err := g.cfg.Sessions.SeeSession(r.Context(), s.Digest, now); err != nil {
			return Principal{}, false, fmt.Errorf("note session: %w", err)
		}
	}
	return Principal{s.Name, s.Roles}, true, nil
}

// byPerson reports whether a person asks, and not an open page by itself.
func byPerson(r *http.Request) bool {
	return r.Header.Get("HX-Request") == "" && r.Header.Get("Accept") != "text/event-stream"
}

// BySecret says whose token a secret is, and its digest, by which a session names it.
func (g *Guard) BySecret(ctx context.Context, secret string) (p Principal, digest string, err error) {
	digest = digestOf(secret)
	p, err = g.byDigest(ctx, digest)
	return p, digest, err
}

// byDigest says whose token has a digest.
func (g *Guard) byDigest(ctx context.Context, digest string) (Principal, error) {
	sum, err := hex.DecodeString(digest)
	if err != nil || len(sum) != sha256.Size {
		return Principal{}, ErrUnknown
	}
	if p, ok := g.fixed[[sha256.Size]byte(sum)]; ok {
		return p, nil
	}
	t, ok, err := g.token(ctx, [sha256.Size]byte(sum))
	switch {
	case err != nil:
		return Principal{}, err
	case !ok || t.Revoked || t.Expires != 0 && g.cfg.Now().UnixNano() >= t.Expires:
		return Principal{}, ErrUnknown
	}
	return Principal{t.Name, t.Roles}, nil
}

func digestOf(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:])
}

// Named is how facts name the session.
func (s Session) Named() *decide.SignIn {
	return &decide.SignIn{Method: s.Method, Session: decide.SessionName(s.Digest)}
}
