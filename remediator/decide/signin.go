package decide

import (
	"slices"
	"strings"
)

// How somebody signed in.
const (
	SignInToken = "token" // with a token of their own
	SignInLink  = "link"  // with a link that the owner of the machine was shown
	SignInOIDC  = "oidc"  // with an account of an OpenID provider
)

// sessionName is how many hex digits of a session's digest name it.
const sessionName = 16

// SignIn is a session that somebody begins or ends.
type SignIn struct {
	Method  string `json:"method"`  // one of the constants SignIn*
	Session string `json:"session"` // the first 16 hex digits of the digest of its secret
}

// SignInFact says that somebody signed in or out. The secret of the session is
// nowhere in it.
type SignInFact struct {
	By      string `json:"by"`
	Method  string `json:"method"`
	Session string `json:"session"`
	Out     bool   `json:"out,omitempty"` // it is the end
}

// SessionName is how facts name a session: by the begin of the digest of its secret.
func SessionName(digest string) string { return digest[:min(sessionName, len(digest))] }

// foldSignIn seals that somebody signed in or out. Nothing is decided from it.
func (f *Fold) foldSignIn(c CommandBody) (refused string, err error) {
	s := c.SignIn
	if s == nil || !slices.Contains([]string{SignInToken, SignInLink, SignInOIDC}, s.Method) ||
		len(s.Session) != sessionName || strings.Trim(s.Session, "0123456789abcdef") != "" {
		return "no session is named", nil
	}
	return "", f.add(KindSignIn, Fact{}, SignInFact{By: c.By, Method: s.Method, Session: s.Session, Out: c.Command == CommandSignOut})
}
