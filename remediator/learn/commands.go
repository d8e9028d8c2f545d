package learn

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"

	"github.com/makegood/makegood/remediator/coe"
	"github.com/makegood/makegood/remediator/decide"
)

// Opening is the command that opens a COE with a draft, and stamp, which adds what the
// ledger says at the moment at which it is given: the same question is the same command
// whenever it comes again. Nothing is drafted for who may not open one; the fold refuses
// that. What is wrong with the question stamp returns as an AskError.
func (s *Shelf) Opening(ctx context.Context, ask coe.Ask, may bool) (c decide.CommandBody, stamp func(*decide.CommandBody) error) {
	c = decide.CommandBody{Command: decide.CommandDraft, Reason: ask.Title, COE: &decide.COE{Cord: ask.Cord, Rule: ask.Rule,
		Since: stampOr(ask.Since), Until: stampOr(ask.Until)}}
	return c, func(c *decide.CommandBody) error {
		said := *c.COE
		c.COE = &said
		if !may {
			return nil
		}
		ask, err := s.Period(ask)
		if err != nil {
			return err
		}
		said.Since, said.Until = stampOr(ask.Since), stampOr(ask.Until)
		said.Text, err = s.Draft(ctx, ask)
		return err
	}
}

func stampOr(at time.Time) string {
	if at.IsZero() {
		return ""
	}
	return at.UTC().Format(time.RFC3339)
}

// Publishing completes the command that publishes a COE: stamp checks the text first,
// and says as an AskError what blocks it.
func (s *Shelf) Publishing(ctx context.Context, about uuid.UUID, revision int, may bool) (stamp func(*decide.CommandBody) error) {
	return func(c *decide.CommandBody) error {
		said := *c.COE
		c.COE = &said
		text, err := s.Text(ctx, about, revision)
		if !may || errors.Is(err, ErrNone) {
			return nil // the fold says why
		}
		if err != nil {
			return err
		}
		findings, size, err := s.Check(ctx, text.Text)
		if err != nil {
			return err
		}
		for _, f := range findings {
			if f.Block {
				return AskError("the text is not ready: " + f.String())
			}
		}
		said.TreeSize = size
		return nil
	}
}
