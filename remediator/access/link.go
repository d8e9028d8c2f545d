package access

import (
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/makegood/makegood/remediator/decide"
)

const (
	linkLasts = 10 * time.Minute
	maxLinks  = 64 // that wait to be followed; the oldest is forgotten for one more
)

// links are secrets that sign somebody in once. They are for whoever was just shown
// one, so that only this node knows them, and only while it runs.
type links struct {
	mu      sync.Mutex
	waiting []linked
}

// linked is who a link signs in.
type linked struct {
	digest  string // of its secret
	token   string // digest of the token that the session comes from
	expires int64
}

// Link makes a link that signs the administrator in once, within ten minutes, and
// returns its secret; empty when the service has no administrator's token.
func (g *Guard) Link() string {
	if g.cfg.Admin == "" {
		return ""
	}
	return g.link(digestOf(g.cfg.Admin))
}

// LinkFor makes one that signs in who makes the request, when they may and have
// something to sign in with.
func (g *Guard) LinkFor(r *http.Request) string {
	_, secret, bearer := strings.Cut(r.Header.Get("Authorization"), " ")
	if bearer {
		return g.link(digestOf(strings.TrimSpace(secret)))
	}
	if s, err := g.Session(r); err == nil && s != nil {
		if s.Token == "" {
			return "" // by an account elsewhere: any token would sign in somebody else
		}
		return g.link(s.Token)
	}
	return g.Link()
}

func (g *Guard) link(token string) string {
	secret, digest := NewSecret()
	g.links.mu.Lock()
	defer g.links.mu.Unlock()
	if len(g.links.waiting) >= maxLinks {
		g.links.waiting = g.links.waiting[1:]
	}
	g.links.waiting = append(g.links.waiting, linked{digest: digest, token: token, expires: g.cfg.Now().Add(linkLasts).UnixNano()})
	return secret
}

// Follow uses a link up: it returns who it signs in and the digest of their token.
// ErrUnknown says that it was used, is too old, or never was one.
func (g *Guard) Follow(r *http.Request, secret string) (p Principal, token string, err error) {
	digest := digestOf(secret)
	g.links.mu.Lock()
	found := linked{}
	for i, l := range g.links.waiting {
		if l.digest == digest {
			found = l
			g.links.waiting = append(g.links.waiting[:i:i], g.links.waiting[i+1:]...)
			break
		}
	}
	g.links.mu.Unlock()
	if found.token == "" || g.cfg.Now().UnixNano() >= found.expires {
		return Principal{}, "", ErrUnknown
	}
	p, err = g.byDigest(r.Context(), found.token)
	return p, found.token, err
}

// MayLink are the roles that may make a link that signs them in.
func MayLink() []string { return []string{decide.RoleAdmin} }
