package remediator

import (
	"context"

	"github.com/makegood/makegood/remediator/ingest"
	"github.com/makegood/makegood/remediator/input"
)

// append appends inputs and returns when they are durable.
func (s *Service) append(ctx context.Context, inputs []input.Input) error {
	return s.batcher.Append(ctx, inputs)
}

// appendEvents appends events, once the rules that judge them are in force.
func (s *Service) appendEvents(ctx context.Context, inputs []input.Input) error {
	if err := s.started(); err != nil {
		return err
	}
	if err := s.append(ctx, inputs); err != nil {
		return err
	}
	s.cfg.OnStep(StepAppended)
	return nil
}

// appendSaid appends what a person or a provider said.
func (s *Service) appendSaid(ctx context.Context, inputs []input.Input) error {
	if err := s.append(ctx, inputs); err != nil {
		return err
	}
	s.cfg.OnStep(StepAppended)
	return nil
}

// appender lets a method be the log of a part.
type appender func(context.Context, []input.Input) error

// Append implements the interfaces of ingest and act.
func (a appender) Append(ctx context.Context, inputs []input.Input) error { return a(ctx, inputs) }

// hear notes what a request was accepted with.
func (s *Service) hear(agent string, heard []ingest.Heard) {
	for _, h := range heard {
		s.ear.Hear(agent, h.Source, h.Type, h.Events)
	}
}
