package main

import (
	"errors"
	"fmt"
	"net/url"
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
	if (c.Session == "") == (c.Of == "") {
		return usageError("name one session, as makegood sessions list shows it, or say --of with a person's name")
	}
	sessions := []string{c.Session}
	if c.Of != "" {
		all, err := signedIn(p, c.service)
		if err != nil {
			return err
		}
		sessions = nil
		for _, s := range all.Sessions {
			if s.Name == c.Of {
				sessions = append(sessions, s.Session)
			}
		}
		if len(sessions) == 0 {
			return errors.New(plain(c.Of) + " is not signed in")
		}
	}
	for _, session := range sessions {
		var ended api.Session
		if err := c.post(p.ctx, "/v1/sessions/"+url.PathEscape(session)+"/end", struct{}{}, &ended); err != nil {
			return err
		}
		if _, err := fmt.Fprintf(p.stdout, "session %s of %s has ended\n", ended.Session, plain(ended.Name)); err != nil {
			return err
		}
	}
	return nil
}
