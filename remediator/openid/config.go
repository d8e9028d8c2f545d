package openid

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/makegood/makegood/remediator/decide"
)

// Claims that may name a person.
const (
	Email    = "email" // counts only when the provider says that it has verified it
	Username = "preferred_username"
	Subject  = "sub"
)

// Config of a Provider.
type Config struct {
	// Issuer is the address of the provider, as its tokens name it. Over http only on
	// this machine. Required.
	Issuer string
	// ClientID and ClientSecret are how the provider knows the service. Required.
	ClientID, ClientSecret string
	// PublicURL is where browsers find the console, without a path. Defaults to
	// where they asked for it, on this machine alone.
	PublicURL string
	// Scopes are what is asked for besides openid. Defaults to email and profile.
	Scopes []string
	// NameClaim is the claim that names a person: Email, Username or Subject. Defaults to Email.
	NameClaim string
	// RolesClaim is the claim that lists the groups of a person. Defaults to groups.
	RolesClaim string
	// Roles are the roles of each group. Required.
	Roles map[string][]string
	// Now is the clock that tells what has expired. Defaults to time.Now.
	Now func() time.Time
}

// check completes the configuration, or says which field is wrong.
func (c Config) check() (Config, error) {
	if err := checkAddress("issuer", c.Issuer); err != nil {
		return c, err
	}
	if c.ClientID == "" || c.ClientSecret == "" {
		return c, errors.New("the client's id and its secret are both needed")
	}
	if c.PublicURL = strings.TrimSuffix(c.PublicURL, "/"); c.PublicURL != "" {
		if err := checkAddress("public URL", c.PublicURL); err != nil {
			return c, err
		}
		if u, err := url.Parse(c.PublicURL); err != nil || u.Path != "" {
			return c, fmt.Errorf("public URL %q has a path: the console stands at the root of its host", c.PublicURL)
		}
	}
	if len(c.Roles) == 0 {
		return c, errors.New("no group has a role, so that nobody could sign in")
	}
	for group, roles := range c.Roles {
		for _, role := range roles {
			if !slices.Contains(decide.Roles(), role) {
				return c, fmt.Errorf("group %q has the role %q, which is none of: %s", group, role, strings.Join(decide.Roles(), ", "))
			}
		}
	}
	if c.NameClaim == "" {
		c.NameClaim = Email
	}
	if !slices.Contains([]string{Email, Username, Subject}, c.NameClaim) {
		return c, fmt.Errorf("claim %q names nobody: use one of %s, %s, %s", c.NameClaim, Email, Username, Subject)
	}
	if c.RolesClaim == "" {
		c.RolesClaim = "groups"
	}
	if c.Scopes == nil {
		c.Scopes = []string{"email", "profile"}
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	return c, nil
}

// checkAddress refuses what others on the way could change.
func checkAddress(what, address string) error {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" || u.Scheme != "https" && u.Scheme != "http" {
		return fmt.Errorf("%s %q is no address like https://id.example.com", what, address)
	}
	if u.Scheme == "http" && !onThisMachine(u.Hostname()) {
		return fmt.Errorf("%s %q is not https: over http it must be on this machine", what, address)
	}
	return nil
}

func onThisMachine(host string) bool {
	at, err := netip.ParseAddr(host)
	return err == nil && at.IsLoopback() || host == "localhost" || strings.HasSuffix(host, ".localhost")
}
