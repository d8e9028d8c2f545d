package remediator

import (
	"context"
	"fmt"
	"time"
)

// forgetEvery is how often old records are looked for. They go by the day in a
// database.
const forgetEvery = time.Hour

// forgetting removes old records of the log until the context ends.
func (s *Service) forgetting(ctx context.Context) {
	if s.cfg.Retention == 0 {
		return
	}
	ticker := time.NewTicker(forgetEvery)
	defer ticker.Stop()
	for {
		switch gone, err := s.forget(ctx, s.cfg.Retention); {
		case ctx.Err() != nil:
			return
		case err != nil:
			s.cfg.Logger.Warn("forget old records", "error", err) // it is tried again
		case gone > 0:
			s.cfg.Logger.Info("forget old records", "records", gone)
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// forget removes the records that are keep old and that are not needed to go on from
// the newest stored state that is keep old: from there on everything can be explained
// and reproduced. States before that one go, too. Without one, everything stays.
func (s *Service) forget(ctx context.Context, keep time.Duration) (records uint64, err error) {
	at, err := s.ledger.Position(ctx)
	if err != nil {
		return 0, err
	}
	states, err := s.ledger.Snapshots(ctx)
	if err != nil {
		return 0, err
	}
	from := -1
	for i, state := range states {
		if state.At <= at.At-int64(keep) {
			from = i
		}
	}
	if from < 0 {
		return 0, nil
	}
	records, err = s.log.Forget(ctx, states[from].Record, keep)
	if err != nil {
		return records, fmt.Errorf("forget records through %d: %w", states[from].Record, err)
	}
	if from == 0 {
		return records, nil
	}
	return records, s.ledger.ForgetSnapshots(ctx, states[from].Ordinal)
}
