package main

import (
	"context"
	"fmt"
	"log/slog"
	"net/url"
	"slices"
	"time"

	"github.com/makegood/makegood/remediator/api"
	"github.com/makegood/makegood/remediator/cord"
	"github.com/makegood/makegood/sdk"
)

type andonCommands struct {
	List    listCordsCommand  `cmd:"" help:"List the cords that were ever pulled, or say how paths stand."`
	Pull    pullCommand       `cmd:"" help:"Pull a cord: yellow calls for help, red stops what is below."`
	Ack     ackCommand        `cmd:"" aliases:"acknowledge" help:"Say that you have come to a call; it stops its clock and opens nothing."`
	Release releaseCommand    `cmd:"" help:"Release a cord, when its cause is known and mended."`
	Gate    gateCommand       `cmd:"" help:"Ask whether something may go on: exit 0 open, 3 closed, 4 unknown."`
	Watch   watchCordsCommand `cmd:"" help:"Print each change of the cords as it comes."`
}

type listCordsCommand struct {
	service
	Cords []string `arg:"" optional:"" name:"path" help:"Only these, whether they were pulled or not."`
}

// Run lists cords.
func (c *listCordsCommand) Run(p *program) error {
	query := url.Values{"limit": {"1000"}}
	for _, path := range c.Cords {
		if err := cord.CheckPath(path); err != nil {
			return usageError(err.Error())
		}
		query.Add("cord", path)
	}
	add := func(whole, page *api.Cords) string {
		whole.Cords = slices.Insert(page.Cords, 0, whole.Cords...)
		return page.Next
	}
	return showAll(p, c.service, "/v1/andon", query, add, func(answer api.Cords) error {
		rows := [][]string{}
		for _, s := range answer.Cords {
			rows = append(rows, []string{s.Cord, s.Standing.Level, howOf(s.Standing), who(s), instant(max(s.Since, s.Standing.Since)),
				instant(s.AnswerBy), box(s), answered(s), fmt.Sprint(s.Evidence), s.Reason})
		}
		return printTable(p.stdout, []string{"CORD", "LEVEL", "HOW", "WHO", "SINCE", "ANSWER BY", "BOX", "ACKNOWLEDGED", "EVIDENCE", "REASON"}, rows)
	})
}

// howOf says in words whether a level is a path's own.
func howOf(s cord.Standing) string {
	if s.How == cord.Inherited {
		return "inherited from " + s.From
	}
	return s.How
}

// who says who pulled a cord, and who made it red.
func who(s api.Cord) string {
	if s.RaisedBy != "" {
		return s.By + ", red by " + s.RaisedBy
	}
	return s.By
}

// box says until when a pull may last, and that it lasts longer. A released cord
// has no box, though it remembers that its last pull was escalated.
func box(s api.Cord) string {
	if s.Escalated && s.BoxUntil != 0 {
		return "over since " + instant(s.BoxUntil)
	}
	return instant(s.BoxUntil)
}

// answered says who came to a call.
func answered(s api.Cord) string {
	if s.AcknowledgedBy == "" {
		return ""
	}
	return s.AcknowledgedBy + " " + instant(s.AcknowledgedAt)
}

// instant writes nanoseconds since the Unix epoch for people; nothing for none.
func instant(at int64) string {
	if at == 0 {
		return ""
	}
	return time.Unix(0, at).UTC().Format(time.RFC3339)
}

// asked says which running service gates are asked of, with any token of it.
type asked struct {
	URL string `env:"MAKEGOOD_URL" help:"Ask the service at this address."`
	credentials
}

// options are those of a client that asks it.
func (a asked) options() ([]makegood.Option, error) {
	if a.URL == "" {
		return nil, usageError("say which service to ask: --url, or MAKEGOOD_URL")
	}
	if err := checkAddress(a.URL); err != nil {
		return nil, err
	}
	token, err := a.bearer()
	if err != nil {
		return nil, err
	}
	options := []makegood.Option{makegood.URL(a.URL), makegood.Logger(slog.New(slog.DiscardHandler))}
	if token != "" {
		options = append(options, makegood.Token(token))
	}
	return options, nil
}

type gateCommand struct {
	asked
	Cord     string        `arg:"" name:"path" help:"Path of the cord, such as pipeline/prod."`
	Mode     string        `enum:"last-known,fail-open,fail-closed" default:"last-known" help:"What counts when the service cannot be asked: last-known, fail-open or fail-closed."`
	MaxStale time.Duration `default:"1m" help:"How old what --gate-file has may be for fail-open and fail-closed."`
	Timeout  time.Duration `default:"5s" help:"How long to wait for the service."`
	GateFile string        `type:"path" help:"File that keeps what was known last, for the next time that the service cannot be asked."`
	Output   string        `enum:"table,json" default:"table" help:"table or json."`
}

// gateAnswer is what asking a gate came to.
type gateAnswer struct {
	Cord    string     `json:"cord"`
	Answer  string     `json:"answer"` // open, closed or unknown
	Closed  bool       `json:"closed"` // when it is unknown: what the mode says
	Mode    string     `json:"mode"`
	Level   string     `json:"level"`          // as last known
	From    string     `json:"from,omitempty"` // the cord that has the level
	How     string     `json:"how,omitempty"`  // direct or inherited
	Since   *time.Time `json:"since,omitempty"`
	Problem string     `json:"problem,omitempty"` // why the service could not be asked
}

// Run asks a gate once. The exit code is the answer.
func (c *gateCommand) Run(p *program) error {
	if err := cord.CheckPath(c.Cord); err != nil {
		return usageError(err.Error())
	}
	options, err := c.options()
	if err != nil {
		return err
	}
	if c.GateFile != "" {
		options = append(options, makegood.GateFile(c.GateFile))
	}
	var mode makegood.Mode
	if err := mode.UnmarshalText([]byte(c.Mode)); err != nil {
		return usageError(err.Error())
	}
	client, err := makegood.New("makegood", options...)
	if err != nil {
		return err
	}
	defer client.Close()
	gate := client.Gate(c.Cord, mode, makegood.MaxStale(c.MaxStale))
	limit, cancel := context.WithTimeout(p.ctx, c.Timeout)
	defer cancel()
	unknown := client.WaitReady(limit) != nil
	if p.ctx.Err() != nil {
		return p.ctx.Err()
	}
	answer := answerOf(gate.State(), c.Mode, unknown)
	if c.Output == "json" {
		err = printJSON(p.stdout, answer)
	} else {
		_, err = fmt.Fprintln(p.stdout, answer)
	}
	switch {
	case err != nil:
		return err
	case unknown:
		return errUnknown
	case answer.Closed:
		return errClosed
	}
	return nil
}

func answerOf(s makegood.GateState, mode string, unknown bool) gateAnswer {
	a := gateAnswer{Cord: s.Path, Answer: openOrClosed(s.Closed), Closed: s.Closed, Mode: mode, Level: s.Level, From: s.Cord}
	if unknown {
		a.Answer, a.Problem = "unknown", s.Problem
	}
	if s.Cord != "" {
		a.How, a.Since = cord.Direct, &s.Since
		if s.Inherited {
			a.How = cord.Inherited
		}
	}
	return a
}

func openOrClosed(closed bool) string {
	if closed {
		return "closed"
	}
	return "open"
}

// String is the answer for people.
func (a gateAnswer) String() string {
	text := a.Cord + " is " + a.Answer
	if a.Answer == "unknown" {
		text += fmt.Sprintf(": %s; %s says %s", a.Problem, a.Mode, openOrClosed(a.Closed))
	}
	if a.From != "" {
		text += fmt.Sprintf(": %s is %s since %s, %s", a.From, a.Level, a.Since.UTC().Format(time.RFC3339), a.How)
	}
	return text
}
