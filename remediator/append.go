package remediator

import (
	"context"
	"errors"
	"time"

	"github.com/makegood/makegood/remediator/input"
	"github.com/makegood/makegood/remediator/log"
)

// append appends inputs and returns when they are durable.
func (s *Service) append(ctx context.Context, inputs []input.Input) error {
	return s.batcher.Append(ctx, inputs)
}

// appendEvents appends events, once the rules that judge them are in force.
func (s *Service) appendEvents(ctx context.Context, inputs []input.Input) error {
	if err := s.readiness(); err != nil {
		return err
	}
	if err := s.append(ctx, inputs); err != nil {
		s.unstored(ctx, err)
		return err
	}
	s.cfg.OnStep(StepAppended)
	return nil
}

// appendCommand appends what a person said.
func (s *Service) appendCommand(ctx context.Context, inputs []input.Input) error {
	if err := s.append(ctx, inputs); err != nil {
		return err
	}
	s.cfg.OnStep(StepAppended)
	return nil
}

// unstored tells the operator why events are refused, once a second at most:
// whoever sends them is told only to try again.
func (s *Service) unstored(ctx context.Context, err error) {
	if errors.Is(err, log.ErrBusy) || ctx.Err() != nil {
		return
	}
	now, last := s.cfg.Now().UnixNano(), s.told.Load()
	if now-last >= int64(time.Second) && s.told.CompareAndSwap(last, now) {
		s.cfg.Logger.Error("store events", "error", err)
	}
}

// appender lets a method be the log of a part.
type appender func(context.Context, []input.Input) error

// Append implements the interfaces of ingest and act.
func (a appender) Append(ctx context.Context, inputs []input.Input) error { return a(ctx, inputs) }
