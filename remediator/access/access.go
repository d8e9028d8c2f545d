// Package access says who makes a request: it turns the bearer token that a
// request shows, or the session of a browser, into a principal, a name with roles. What a role may do, package
// decide says; the API asks both before it answers.
//
// A service has two tokens in files of its data folder, the emitter's and the
// administrator's, and those that an administrator makes for people and programs
// (mg_ and 43 letters and digits). Only the SHA-256 of a secret is kept. A secret
// has 256 random bits, so nobody finds it from its digest and no slow hash is
// needed; the comparison is of digests, so its time says nothing of a secret.
package access

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/makegood/makegood/remediator/decide"
)

// Names of principals without a token of their own.
const (
	Local   = decide.Local // who uses a service that is open to this machine alone, or its socket
	Admin   = decide.Admin // who shows the administrator's token of the data folder
	Emitter = "emitter"    // who shows the emitter's
)

// Principal is who makes a request.
type Principal struct {
	Name  string   `json:"name"`
	Roles []string `json:"roles"`
}

// Has reports whether the principal has one of the roles; an administrator has all.
func (p Principal) Has(roles ...string) bool { return decide.Has(p.Roles, roles...) }

// Errors of Guard.Principal. Any other means that the tokens could not be read.
var (
	// ErrMissing says that the request shows no token.
	ErrMissing = errors.New("show a token of this service: Authorization: Bearer TOKEN")
	// ErrUnknown says that nobody has the token or the session, or no longer.
	ErrUnknown = errors.New("the token is not known, or has expired, or was revoked")
)

// Tokens lists the tokens that were made, revoked and expired ones too. It is
// safe for concurrent use.
type Tokens interface {
	Tokens(ctx context.Context) ([]decide.Token, error)
}

// Config of a Guard.
type Config struct {
	// Emitter and Admin are the secrets of the two tokens of the data folder. Empty:
	// there is none.
	Emitter, Admin string
	// Open lets a request pass that shows no token: it is the owner's of this
	// machine. One that shows a wrong token is refused all the same.
	Open bool
	// OpenToPrograms lets programs that show no token emit events and ask gates.
	OpenToPrograms bool
	// Tokens are those that were made. Defaults to none.
	Tokens Tokens
	// Sessions are those of browsers. Defaults to none.
	Sessions Sessions
	// BehindTLS says that whoever asks does so over TLS, which ends before the service.
	BehindTLS bool
	// Now says which tokens have expired. Defaults to time.Now.
	Now func() time.Time
}

// Guard knows the tokens of a service. It is safe for concurrent use.
type Guard struct {
	cfg   Config
	fixed map[[sha256.Size]byte]Principal
	// origin tells pages of the service from those of others.
	origin *http.CrossOriginProtection
	links  links

	mu      sync.Mutex
	known   map[[sha256.Size]byte]decide.Token // nil: to be read
	changed chan struct{}                      // closed when some were made or revoked
}

// New returns a guard.
func New(cfg Config) *Guard {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	g := &Guard{cfg: cfg, fixed: map[[sha256.Size]byte]Principal{}, origin: http.NewCrossOriginProtection(), changed: make(chan struct{})}
	if cfg.Emitter != "" {
		g.fixed[sha256.Sum256([]byte(cfg.Emitter))] = Principal{Emitter, []string{decide.RoleEmitter}}
	}
	if cfg.Admin != "" {
		g.fixed[sha256.Sum256([]byte(cfg.Admin))] = Principal{Admin, []string{decide.RoleAdmin}}
	}
	return g
}

// Forget has the tokens read again: some were made or revoked.
func (g *Guard) Forget() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.known = nil
	close(g.changed)
	g.changed = make(chan struct{})
}

// Changed returns what is closed when tokens are made or revoked: whoever lets a
// request last then asks again whose it is.
func (g *Guard) Changed() <-chan struct{} {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.changed
}

// Principal says who makes a request, or why nobody does.
func (g *Guard) Principal(r *http.Request) (Principal, error) {
	header := r.Header.Get("Authorization")
	if header == "" {
		if p, ok, err := g.bySession(r); ok || err != nil {
			return p, err
		}
		if g.cfg.Open || isLocal(r.Context()) {
			return Principal{Local, []string{decide.RoleAdmin}}, nil
		}
		return Principal{}, ErrMissing
	}
	scheme, secret, _ := strings.Cut(header, " ")
	if secret = strings.TrimSpace(secret); !strings.EqualFold(scheme, "Bearer") || secret == "" {
		return Principal{}, ErrMissing
	}
	return g.byDigest(r.Context(), digestOf(secret))
}

// Program says who a program is that emits events or asks gates. Where these are
// open to programs, one without a token is an emitter of this machine.
func (g *Guard) Program(r *http.Request) (Principal, error) {
	p, err := g.Principal(r)
	if g.cfg.OpenToPrograms && errors.Is(err, ErrMissing) && r.Header.Get("Authorization") == "" {
		return Principal{Local, []string{decide.RoleEmitter}}, nil
	}
	return p, err
}

// token looks a token up, and reads them all when it must. Who asks meanwhile
// waits: a token that was revoked is not found in what was read before.
func (g *Guard) token(ctx context.Context, digest [sha256.Size]byte) (decide.Token, bool, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.known == nil && g.cfg.Tokens != nil {
		list, err := g.cfg.Tokens.Tokens(ctx)
		if err != nil {
			return decide.Token{}, false, fmt.Errorf("look up token: %w", err)
		}
		g.known = make(map[[sha256.Size]byte]decide.Token, len(list))
		for _, t := range list {
			sum, err := hex.DecodeString(t.SHA256)
			if err != nil || len(sum) != sha256.Size {
				continue // nobody has a secret with such a digest
			}
			g.known[[sha256.Size]byte(sum)] = t
		}
	}
	t, ok := g.known[digest]
	return t, ok, nil
}

type localKey struct{}

// FromOwner marks every request to a handler as one of the machine's owner: for a
// socket that nobody else can open.
func FromOwner(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), localKey{}, true)))
	})
}

func isLocal(ctx context.Context) bool { return ctx.Value(localKey{}) != nil }

type principalKey struct{}

// With returns a context that carries who makes the request.
func With(ctx context.Context, p Principal) context.Context {
	return context.WithValue(ctx, principalKey{}, p)
}

// From returns who makes the request, nobody when nobody was found out.
func From(ctx context.Context) Principal {
	p, _ := ctx.Value(principalKey{}).(Principal)
	return p
}
