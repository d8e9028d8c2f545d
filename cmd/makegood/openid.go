package main

import (
	"fmt"
	"net"
	"os"
	"strings"

	"github.com/makegood/makegood/remediator"
	"github.com/makegood/makegood/remediator/openid"
	"github.com/makegood/makegood/remediator/serving"
)

// accounts are the flags of serve with which people sign in at a provider of OpenID
// Connect.
type accounts struct {
	Issuer     string   `name:"oidc-issuer" env:"MAKEGOOD_OIDC_ISSUER" placeholder:"URL" help:"Provider of OpenID Connect at which people sign in to the console, like https://id.example.com."`
	ClientID   string   `name:"oidc-client-id" env:"MAKEGOOD_OIDC_CLIENT_ID" placeholder:"ID" help:"What the provider calls this service."`
	SecretFile string   `name:"oidc-client-secret-file" env:"MAKEGOOD_OIDC_CLIENT_SECRET_FILE" type:"path" help:"File with the client's secret at the provider; or set MAKEGOOD_OIDC_CLIENT_SECRET."`
	Scopes     []string `name:"oidc-scope" env:"MAKEGOOD_OIDC_SCOPES" default:"email,profile" placeholder:"SCOPE" help:"What the provider is asked for besides openid. Some tell groups only when asked for groups."`
	NameClaim  string   `name:"oidc-name-claim" env:"MAKEGOOD_OIDC_NAME_CLAIM" enum:"email,preferred_username,sub" default:"email" help:"Claim that names a person: ${enum}. An email counts only when it is verified."`
	RolesClaim string   `name:"oidc-roles-claim" env:"MAKEGOOD_OIDC_ROLES_CLAIM" default:"groups" placeholder:"CLAIM" help:"Claim that lists a person's groups."`
	Roles      []string `name:"oidc-role" env:"MAKEGOOD_OIDC_ROLES" sep:";" placeholder:"GROUP=ROLE" help:"Role of a group; once for each, or with ; between them. Who has none does not get in."`
	PublicURL  string   `name:"public-url" env:"MAKEGOOD_PUBLIC_URL" placeholder:"URL" help:"Where browsers find the console, like https://makegood.example.com. Needed with --oidc-issuer, but on this machine alone."`
}

// openID reads what the flags name; nil: nobody signs in so.
func (a accounts) openID(at net.Addr, behindTLS bool) (*openid.Config, error) {
	if a.Issuer == "" {
		if a.ClientID != "" || a.SecretFile != "" || len(a.Roles) > 0 {
			return nil, usageError("--oidc-issuer is missing: name the provider at which people sign in")
		}
		return nil, nil
	}
	c := &openid.Config{Issuer: a.Issuer, ClientID: a.ClientID, PublicURL: a.PublicURL, Scopes: a.Scopes, NameClaim: a.NameClaim, RolesClaim: a.RolesClaim, Roles: map[string][]string{}}
	for _, pair := range a.Roles {
		// A group may have = in its name, as those of directories do; a role has none.
		cut := strings.LastIndexByte(pair, '=')
		if cut < 1 {
			return nil, usageError(fmt.Sprintf("--oidc-role %q is no GROUP=ROLE: write support=agent", pair))
		}
		c.Roles[pair[:cut]] = append(c.Roles[pair[:cut]], pair[cut+1:])
	}
	switch https := strings.HasPrefix(a.PublicURL, "https://"); {
	case a.PublicURL == "" && (behindTLS || !serving.Loopback(at)):
		return nil, usageError("--public-url is missing: say where browsers find the console, since the provider leads back there")
	case https && !behindTLS:
		return nil, usageError("--public-url is https, which ends at a proxy: say --behind-tls")
	case a.PublicURL != "" && !https && behindTLS:
		return nil, usageError("--public-url is not https, but the service is --behind-tls")
	}
	var err error
	if c.ClientSecret, err = a.secret(); err != nil {
		return nil, err
	}
	if _, err := openid.New(*c); err != nil {
		return nil, usageError(err.Error())
	}
	return c, nil
}

// secret is the client's, from its file or the environment.
func (a accounts) secret() (string, error) {
	text, from := os.Getenv("MAKEGOOD_OIDC_CLIENT_SECRET"), "MAKEGOOD_OIDC_CLIENT_SECRET"
	if a.SecretFile != "" {
		read, err := os.ReadFile(a.SecretFile)
		if err != nil {
			return "", fmt.Errorf("read client secret: %w", err)
		}
		text, from = string(read), a.SecretFile
	}
	if text = strings.TrimSpace(text); text == "" {
		return "", fmt.Errorf("read client secret: %s is empty", from)
	}
	return text, nil
}

// signIns sets how people sign in, and mints the tokens of a service that asks for
// them. First tells that it did.
func (c *serveCommand) signIns(p *program, at net.Addr, config *remediator.Config) (first bool, err error) {
	if config.OpenID, err = c.openID(at, c.BehindTLS); err != nil {
		return false, err
	}
	config.BehindTLS = c.BehindTLS
	config.LocalNames = serving.Loopback(at) && !c.BehindTLS
	if !c.SignIn {
		if !config.LocalNames || config.OpenID != nil {
			return false, usageError("--no-sign-in is for a service that only its own machine reaches, without --behind-tls and accounts elsewhere")
		}
		return false, nil
	}
	config.OpenToPrograms = config.LocalNames
	return c.tokens(p, config)
}
