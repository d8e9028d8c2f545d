package main

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/makegood/makegood/remediator/api"
)

type sessionsCommands struct {
	List listSessionsCommand `cmd:"" help:"List who is signed in to the console, the oldest session first."`
	End  endSessionCommand   `cmd:"" help:"End a session at once, with the pages that are open in it."`
}

type listSessionsCommand struct {
	service
}

// Run lists sessions.
func (c *listSessionsCommand) Run(p *program) error {
	all, err := signedIn(p, c.service)
	switch {
	case err != nil:
		return err
	case c.Output == "json":
		return printJSON(p.stdout, all)
	}
	rows := [][]string{}
	for _, s := range all.Sessions {
		rows = append(rows, []string{s.Session, s.Name, strings.Join(s.Roles, ", "), s.Method, s.Seen.Format(time.RFC3339), s.Expires.Format(time.RFC3339)})
	}
	return printTable(p.stdout, []string{"SESSION", "NAME", "ROLES", "BY", "SEEN", "EXPIRES"}, rows)
}

// signedIn lists all sessions that count.
func signedIn(p *program, s service) (all api.Sessions, err error) {
	all.Sessions = []api.Session{}
	query := url.Values{"limit": {"1000"}}
	for more := true; more; {
		var page api.Sessions
		if err := s.live(p.ctx, "/v1/sessions?"+query.Encode(), &page); err != nil {
			return all, err
		}
		all.Sessions = append(all.Sessions, page.Sessions...)
		query.Set("after", page.Next)
		more = page.Next != ""
	}
	return all, nil
}

type endSessionCommand struct {
	service
	Session string `arg:"" optional:"" help:"The session, as sessions list shows it."`
	Of      string `placeholder:"NAME" help:"Instead of a session: all of this person."`
}

// Run ends a session, or all that somebody has.
func (c *endSessionCommand) Run(p *program) error {
	switch {
	case (c.Session == "") == (c.Of == ""):
		return usageError("name one session, as makegood sessions list shows it, or say --of with a person's name")
	case c.Of != "":
		return c.endAll(p)
	}
	return c.end(p, c.Session)
}

// maxRounds is how often somebody's sessions are looked for who signs in again meanwhile:
// nobody can for long whose token was revoked before.
const maxRounds = 10

// endAll ends all that somebody has, until none is left.
func (c *endSessionCommand) endAll(p *program) error {
	for round := range maxRounds {
		all, err := signedIn(p, c.service)
		if err != nil {
			return err
		}
		theirs := slices.DeleteFunc(all.Sessions, func(s api.Session) bool { return s.Name != c.Of })
		switch {
		case len(theirs) == 0 && round == 0:
			return errors.New(plain(c.Of) + " is not signed in")
		case len(theirs) == 0:
			return nil
		}
		for _, s := range theirs {
			err := c.end(p, s.Session)
			var refused refusal
			if errors.As(err, &refused) && refused.kind == "not-found" { // by itself, or by somebody else
				_, err = fmt.Fprintf(p.stdout, "session %s of %s had ended before\n", s.Session, plain(s.Name))
			}
			if err != nil {
				return err
			}
		}
	}
	return fmt.Errorf("%s signs in again and again: revoke their token first, or take their group away at the provider", plain(c.Of))
}

// end ends a session.
func (c *endSessionCommand) end(p *program, session string) error {
	var ended api.Session
	if err := c.post(p.ctx, "/v1/sessions/"+url.PathEscape(session)+"/end", struct{}{}, &ended); err != nil {
		return err
	}
	_, err := fmt.Fprintf(p.stdout, "session %s of %s has ended\n", ended.Session, plain(ended.Name))
	return err
}
