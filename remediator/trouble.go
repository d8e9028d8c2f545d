package remediator

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/makegood/makegood/remediator/access"
	"github.com/makegood/makegood/remediator/input"
	"github.com/makegood/makegood/remediator/log"
	"github.com/makegood/makegood/remediator/store/ledgerdb"
)

const (
	// mendEvery is how often a log that took nothing is asked whether it takes
	// something again.
	mendEvery = time.Second
	// remindEvery is how often the operator is told of what still stands in the way.
	remindEvery = time.Minute
)

// trouble is what stands in the way of one part of the work until it is gone. It is
// safe for concurrent use.
type trouble struct {
	mu   sync.Mutex
	why  error // nil: nothing does
	told time.Time
}

// meet notes how the work went, and reports whether the operator is to be told.
func (t *trouble) meet(err error, now time.Time) (tell bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	changed := (t.why == nil) != (err == nil)
	if t.why = err; err == nil {
		return changed
	}
	if changed || now.Sub(t.told) >= remindEvery {
		t.told, changed = now, true
	}
	return changed
}

func (t *trouble) now() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.why
}

// watchedLog notes whether the log takes records.
type watchedLog struct {
	log.Log
	note func(error)
}

// Append implements log.Log.
func (w watchedLog) Append(ctx context.Context, blob []byte) (uint64, error) {
	seq, err := w.Log.Append(ctx, blob)
	w.note(err)
	return seq, err
}

// noteStored remembers why the log takes nothing, and tells the operator: whoever
// sends events is told only to try again.
func (s *Service) noteStored(err error) {
	s.noteDamage(err)
	switch tell := s.unstored.meet(err, s.cfg.Now()); {
	case tell && err != nil:
		s.cfg.Logger.Error("store events", "error", err)
	case tell:
		s.cfg.Logger.Info("events are stored again")
	}
}

// noteDamage ends the service when an error says that a file of its own is damaged: it
// can do nothing right any more, and would do more damage.
func (s *Service) noteDamage(err error) {
	if !ledgerdb.Damaged(err) {
		return
	}
	select {
	case s.damaged <- err:
	default: // it ends already
	}
}

// noteDecided remembers why nothing is decided, and tells the operator.
func (s *Service) noteDecided(err error) {
	err = s.explain(err)
	switch tell := s.undecided.meet(err, s.cfg.Now()); {
	case tell && err != nil:
		s.cfg.Logger.Error("decide", "error", err)
	case tell:
		s.cfg.Logger.Info("events are decided again")
	}
}

// mending asks a log that took nothing, until the context ends: who is told that the
// service is not ready may send nothing by which it would be found out.
func (s *Service) mending(ctx context.Context) {
	ticker := time.NewTicker(mendEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		if s.unstored.now() != nil {
			_ = s.append(ctx, []input.Input{{Kind: input.Tick, At: s.stamp()}}) // noted already
		}
	}
}

// errStarting is why events are not taken before the rules are in force.
var errStarting = errors.New("the service is starting or stopping")

// started is why the service does not take events yet, or any more; nil when it does.
func (s *Service) started() error {
	if !s.ready.Load() {
		return errStarting
	}
	return nil
}

// readiness is why the service is not ready; nil when it is.
func (s *Service) readiness() error {
	if err := s.started(); err != nil {
		return err
	}
	switch err := s.unstored.now(); {
	case err == nil:
	case s.shared() && !errors.Is(err, log.ErrClockJump): // whoever asks need not know where the database is
		return errors.New("events cannot be stored: the database does not take them; the log of this node says more")
	default:
		return fmt.Errorf("events cannot be stored: %w", err)
	}
	switch err := s.undecided.now(); {
	case err == nil:
	case s.shared():
		return errors.New("events are stored and not decided: the database does not take what was decided; the log of this node says more")
	default:
		return fmt.Errorf("events are stored and not decided: %w", err)
	}
	return nil
}

// explain names the file of the ledger in an error that is about it, and what to do.
func (s *Service) explain(err error) error {
	if s.ledger == nil {
		return err
	}
	return s.ledger.Explain(err)
}

// confirmClock accepts the clock as it is, after it jumped ahead.
func (s *Service) confirmClock(ctx context.Context, who string) error {
	s.log.ConfirmClock()
	s.cfg.Logger.Warn("the clock was confirmed", "by", who)
	return s.append(ctx, []input.Input{{Kind: input.Tick, At: s.stamp()}})
}

// warnOfClock says that the clock was set back: the time of the log never goes back.
func (s *Service) warnOfClock() {
	behind := time.Unix(0, s.decider.at.At).Sub(s.cfg.Now())
	if !s.cfg.EventClock && behind > log.MaxJump {
		s.cfg.Logger.Warn("the clock is behind the log, whose time stands still until the clock has caught up: windows, holds and budgets wait; set it right",
			"behind", behind.Round(time.Second))
	}
}

// warnOfNames says which tokens have names that nobody is given any more: whoever shows
// one is taken for the service itself, where it acts in that name.
func (s *Service) warnOfNames(ctx context.Context) error {
	tokens, err := s.ledger.Tokens(ctx)
	if err != nil {
		return err
	}
	for _, t := range tokens {
		ended := t.Revoked || t.Expires != 0 && s.cfg.Now().UnixNano() >= t.Expires
		if err := access.CheckName(t.Name); err != nil && !ended {
			s.cfg.Logger.Warn("a token has a name that is the service's own: make one under another name, then revoke it with: makegood tokens revoke "+t.ID.String(), "why", err)
		}
	}
	return nil
}
