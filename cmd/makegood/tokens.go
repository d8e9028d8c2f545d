package main

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/makegood/makegood/remediator/api"
	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/rule/expression"
)

type tokensCommands struct {
	Create createTokenCommand `cmd:"" help:"Make a token for a person or a program, and print its secret, once."`
	List   listTokensCommand  `cmd:"" help:"List tokens, without their secrets."`
	Revoke revokeTokenCommand `cmd:"" help:"Make a token worthless, at once."`
}

type createTokenCommand struct {
	service
	Name      string   `arg:"" help:"Who it is: ann, or ann@example.com. Two people must have two names."`
	Role      []string `required:"" help:"What they may do; give it again for more: emitter, agent, author, approver, auditor, operator, admin."`
	ExpiresIn string   `placeholder:"TIME" help:"How long it counts, such as 90d. Without it until it is revoked."`
}

// Run makes a token. Its secret alone goes to the standard output, for a script
// to keep.
func (c *createTokenCommand) Run(p *program) error {
	for _, role := range c.Role {
		if !slices.Contains(decide.Roles(), role) {
			return usageError(fmt.Sprintf("there is no role %q; there are %s", role, strings.Join(decide.Roles(), ", ")))
		}
	}
	if c.ExpiresIn != "" {
		if d, err := expression.ParseDuration(c.ExpiresIn); err != nil || d <= 0 {
			return usageError(fmt.Sprintf("--expires-in: %q is no time: write 90d", c.ExpiresIn))
		}
	}
	var t api.Token
	err := c.postOnce(p.ctx, "/v1/tokens", map[string]any{"name": c.Name, "roles": c.Role, "expires_in": c.ExpiresIn}, &t)
	var later *notDecided
	switch {
	case errors.As(err, &later):
		return errors.New("the token is made later and nobody is told its secret: find it with makegood tokens list, revoke it, and make another one")
	case err != nil:
		return err
	case c.Output == "json":
		return printJSON(p.stdout, t)
	}
	fmt.Fprintf(p.stderr, "token %s of %s (%s), %s; its secret is shown once:\n", t.ID, t.Name, strings.Join(t.Roles, ", "), expiry(t))
	_, err = fmt.Fprintln(p.stdout, t.Secret)
	return err
}

// expiry says until when a token counts.
func expiry(t api.Token) string {
	if t.Expires == nil {
		return "until it is revoked"
	}
	return "until " + t.Expires.Format(time.RFC3339)
}

type listTokensCommand struct {
	service
}

// Run lists tokens.
func (c *listTokensCommand) Run(p *program) error {
	add := func(whole, page *api.Tokens) string {
		whole.Tokens = slices.Insert(page.Tokens, 0, whole.Tokens...)
		return page.Next
	}
	return showAll(p, c.service, "/v1/tokens", url.Values{"limit": {"1000"}}, add, func(answer api.Tokens) error {
		rows := [][]string{}
		for _, t := range answer.Tokens {
			counts := expiry(t)
			switch {
			case t.Revoked:
				counts = "revoked"
			case t.Expires != nil && time.Now().After(*t.Expires):
				counts = "expired"
			}
			rows = append(rows, []string{t.ID.String(), t.Name, strings.Join(t.Roles, ", "), counts})
		}
		return printTable(p.stdout, []string{"TOKEN", "NAME", "ROLES", "COUNTS"}, rows)
	})
}

type revokeTokenCommand struct {
	service
	ID string `arg:"" help:"Id of the token, as tokens list shows it."`
}

// Run revokes a token.
func (c *revokeTokenCommand) Run(p *program) error {
	if _, err := uuid.Parse(c.ID); err != nil {
		return usageError(fmt.Sprintf("%q is no id of a token: take it from makegood tokens list", c.ID))
	}
	return c.tell(p, "/v1/tokens/"+c.ID+"/revoke", map[string]string{}, func(decide.Answer) string { return c.ID + " is revoked" })
}
