package access_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/makegood/makegood/remediator/access"
	"github.com/makegood/makegood/remediator/decide"
)

// list is some tokens, or why they cannot be read.
type list struct {
	tokens []decide.Token
	err    error
	reads  int
}

func (l *list) Tokens(context.Context) ([]decide.Token, error) {
	l.reads++
	return slices.Clone(l.tokens), l.err
}

func ask(g *access.Guard, header string) (access.Principal, error) {
	r := httptest.NewRequest(http.MethodGet, "/v1/status", nil)
	if header != "" {
		r.Header.Set("Authorization", header)
	}
	return g.Principal(r)
}

func TestPrincipal(t *testing.T) {
	t.Parallel()
	now := time.Unix(1_000_000, 0)
	secret, digest := access.NewSecret()
	revoked, revokedDigest := access.NewSecret()
	expired, expiredDigest := access.NewSecret()
	lasting, lastingDigest := access.NewSecret()
	tokens := &list{tokens: []decide.Token{
		{Name: "ada", Roles: []string{decide.RoleApprover}, SHA256: digest},
		{Name: "bob", Roles: []string{decide.RoleAdmin}, SHA256: revokedDigest, Revoked: true},
		{Name: "cyd", Roles: []string{decide.RoleAgent}, SHA256: expiredDigest, Expires: now.UnixNano()},
		{Name: "dan", Roles: []string{decide.RoleAgent}, SHA256: lastingDigest, Expires: now.UnixNano() + 1},
		{Name: "eve", Roles: []string{decide.RoleAdmin}, SHA256: "not hex"},
	}}
	cases := []struct {
		name, header string
		open         bool
		who          string
		err          error
	}{
		{"no token, closed", "", false, "", access.ErrMissing},
		{"no token, open", "", true, "local admin", nil},
		{"the administrator's", "Bearer root", false, "admin admin", nil},
		{"the emitter's", "bearer   send ", false, "emitter emitter", nil},
		{"one that was made", "Bearer " + secret, false, "ada approver", nil},
		{"one that was revoked", "Bearer " + revoked, false, "", access.ErrUnknown},
		{"one that has expired", "Bearer " + expired, false, "", access.ErrUnknown},
		{"one that has not expired yet", "Bearer " + lasting, false, "dan agent", nil},
		{"a digest is no secret", "Bearer " + digest, false, "", access.ErrUnknown},
		{"a wrong one, though the service is open", "Bearer " + secret + "x", true, "", access.ErrUnknown},
		{"another scheme", "Basic " + secret, true, "", access.ErrMissing},
		{"an empty one", "Bearer ", true, "", access.ErrMissing},
	}
	for _, c := range cases {
		g := access.New(access.Config{Emitter: "send", Admin: "root", Open: c.open, Tokens: tokens, Now: func() time.Time { return now }})
		p, err := ask(g, c.header)
		if got := strings.TrimSpace(p.Name + " " + strings.Join(p.Roles, ",")); got != c.who || !errors.Is(err, c.err) {
			t.Errorf("%s: got %q, %v, want %q, %v", c.name, got, err, c.who, c.err)
		}
	}
}

// TestForget holds that tokens are read once until they change, that one which
// was revoked is known no longer then, and that nobody passes while they cannot be read.
func TestForget(t *testing.T) {
	t.Parallel()
	secret, digest := access.NewSecret()
	tokens := &list{tokens: []decide.Token{{Name: "ada", Roles: []string{decide.RoleAgent}, SHA256: digest}}}
	g := access.New(access.Config{Tokens: tokens})
	for range 3 {
		if p, err := ask(g, "Bearer "+secret); err != nil || p.Name != "ada" {
			t.Fatalf("got %v, %v", p, err)
		}
	}
	if tokens.reads != 1 {
		t.Errorf("the tokens were read %d times, want once", tokens.reads)
	}
	tokens.tokens[0].Revoked = true
	g.Forget()
	if p, err := ask(g, "Bearer "+secret); !errors.Is(err, access.ErrUnknown) {
		t.Errorf("after it was revoked: got %v, %v", p, err)
	}
	tokens.err = errors.New("the disk is gone")
	g.Forget()
	if p, err := ask(g, "Bearer "+secret); !errors.Is(err, tokens.err) {
		t.Errorf("while tokens cannot be read: got %v, %v", p, err)
	}
}

func TestFromOwner(t *testing.T) {
	t.Parallel()
	g := access.New(access.Config{Admin: "root"})
	h := access.FromOwner(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if p, err := g.Principal(r); err != nil || p.Name != access.Local || !p.Has(decide.RoleApprover) {
			t.Errorf("got %v, %v", p, err)
		}
	}))
	h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/", nil))
}

func TestNewSecret(t *testing.T) {
	t.Parallel()
	shape := regexp.MustCompile(`^mg_[0-9A-Za-z]{43}$`)
	seen := map[string]bool{}
	for range 100 {
		secret, digest := access.NewSecret()
		if !shape.MatchString(secret) || len(digest) != 64 || seen[secret] {
			t.Fatalf("got %q with digest %q", secret, digest)
		}
		seen[secret] = true
	}
}

func TestCheckName(t *testing.T) {
	t.Parallel()
	for text, good := range map[string]bool{
		"ada": true, "ada.lovelace@example.com": true, "ci-1": true, "": false, "local": false, "admin": false, "emitter": false, "restore": false, "Restore": false, "restorer": true,
		"rule stop-damaged": false, "a/b": false, "-a": false, "ada\n": false, strings.Repeat("a", 65): false, "é": false,
	} {
		if err := access.CheckName(text); (err == nil) != good {
			t.Errorf("%q: got %v", text, err)
		}
	}
}
