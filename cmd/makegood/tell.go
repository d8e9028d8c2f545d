package main

import (
	"errors"
	"fmt"

	"github.com/makegood/makegood/remediator/decide"
)

// tell gives a command and says what came of it.
func (s service) tell(p *program, path string, body any, said func(decide.Answer) string) error {
	var answer decide.Answer
	err := s.post(p.ctx, path, body, &answer)
	if err != nil {
		return s.printIfLater(p, err)
	}
	if s.Output == "json" {
		return printJSON(p.stdout, answer)
	}
	_, err = fmt.Fprintln(p.stdout, plain(said(answer)))
	return err
}

// printIfLater says of a command that was taken that it is decided later, which is
// no error; others are returned.
func (s service) printIfLater(p *program, err error) error {
	var later *notDecided
	if !errors.As(err, &later) {
		return err
	}
	if s.Output == "json" {
		return printJSON(p.stdout, later.Accepted)
	}
	_, err = fmt.Fprintln(p.stdout, later)
	return err
}

// order is one of several commands of one call.
type order struct {
	of   string // what it is about, as people know it
	path string
	body any
}

// What came of an order.
const (
	orderDone     = "done"
	orderAccepted = "accepted" // and not decided yet
	orderRefused  = "refused"
)

// outcome is what came of one order.
type outcome struct {
	Of     string         `json:"of"`
	Status string         `json:"status"`
	Detail string         `json:"detail,omitempty"` // why, or where to ask
	Answer *decide.Answer `json:"answer,omitempty"`
}

// tellEach gives several commands one after the other, and goes on after one that
// is refused. It is a failed check when any was.
func (s service) tellEach(p *program, orders []order, said func(of string, a decide.Answer) string) error {
	done, err := s.giveEach(p, orders, said)
	refused, accepted := 0, 0
	for _, o := range done {
		switch o.Status {
		case orderRefused:
			refused++
		case orderAccepted:
			accepted++
		}
	}
	if s.Output == "json" {
		err = errors.Join(err, printJSON(p.stdout, map[string][]outcome{"outcomes": done}))
	} else if len(orders) > 1 {
		fmt.Fprintf(p.stdout, "%d of %d done, %d accepted and not decided yet, %d refused\n",
			len(done)-accepted-refused, len(orders), accepted, refused)
	}
	if err == nil && refused > 0 {
		return errChecked
	}
	return err
}

// giveEach gives the commands until one cannot be given at all.
func (s service) giveEach(p *program, orders []order, said func(of string, a decide.Answer) string) ([]outcome, error) {
	done := []outcome{}
	for _, o := range orders {
		var answer decide.Answer
		err := s.post(p.ctx, o.path, o.body, &answer)
		var later *notDecided
		var refused refusal
		result := outcome{Of: o.of, Status: orderDone, Answer: &answer}
		switch {
		case errors.As(err, &later):
			result = outcome{Of: o.of, Status: orderAccepted, Detail: later.Ask}
			s.line(p, o.of+": "+later.Error())
		case errors.As(err, &refused):
			result = outcome{Of: o.of, Status: orderRefused, Detail: refused.detail}
			fmt.Fprintf(p.stderr, "makegood: %s: %s\n", plain(o.of), plain(refused.detail))
		case err != nil:
			return done, fmt.Errorf("%s: %w", o.of, err)
		default:
			s.line(p, said(o.of, answer))
		}
		done = append(done, result)
	}
	return done, nil
}

// line prints a line for people.
func (s service) line(p *program, text string) {
	if s.Output != "json" {
		fmt.Fprintln(p.stdout, plain(text))
	}
}
