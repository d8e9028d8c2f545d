package remediator

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/makegood/makegood/remediator/access"
	"github.com/makegood/makegood/remediator/act"
	"github.com/makegood/makegood/remediator/andon"
	"github.com/makegood/makegood/remediator/input"
	"github.com/makegood/makegood/remediator/ledger"
	"github.com/makegood/makegood/remediator/log"
	"github.com/makegood/makegood/remediator/people"
	"github.com/makegood/makegood/remediator/rule"
	"github.com/makegood/makegood/remediator/store/folder"
	"github.com/makegood/makegood/remediator/store/ledgerdb"
	"github.com/makegood/makegood/remediator/store/logdb"
	"github.com/makegood/makegood/remediator/store/views"
)

// workersTimeout is how long attempts under way may take to end when the
// service stops. What is cut off is looked up or repeated under its key by the
// next start.
const workersTimeout = 10 * time.Second

// Service is the remediator on one data folder. It is an http.Handler.
type Service struct {
	cfg     Config
	lock    *folder.Lock
	log     *logdb.Log
	ledger  *ledgerdb.DB
	batcher *log.Batcher
	decider *decider
	guard   *access.Guard
	desk    *people.Desk
	workers []*act.Worker
	hub     *andon.Hub
	handler http.Handler
	rules   *rule.Set // to be put in force; nil: the ones in force stay
	ready   atomic.Bool
	told    atomic.Int64            // when the operator was last told that events are not stored
	fits    []func(*rule.Set) error // what rules must fit besides themselves
	closers []func() error
}

// New opens the data folder, or begins one, and restores what was decided.
// Nothing works before Run. Rules with errors are refused here, whole.
func New(cfg Config) (*Service, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	s := &Service{cfg: cfg}
	if err := s.open(context.Background()); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

func (s *Service) open(ctx context.Context) (err error) {
	if len(s.cfg.Rules) > 0 {
		if s.rules, err = rule.Load(s.cfg.Rules); err != nil {
			return err
		}
	}
	if s.lock, err = folder.Acquire(s.cfg.DataDir); err != nil {
		return err
	}
	s.closers = append(s.closers, s.lock.Release)
	if s.log, err = logdb.Open(ctx, filepath.Join(s.cfg.DataDir, logFile), logdb.Options{}); err != nil {
		return err
	}
	s.closers = append(s.closers, s.log.Close)
	key, err := begin(ctx, s.cfg.DataDir, s.log, s.stamp(), s.cfg.Now())
	if err != nil {
		return err
	}
	if s.ledger, err = ledgerdb.Open(ctx, filepath.Join(s.cfg.DataDir, ledgerFile), ledgerdb.Options{Key: key}); err != nil {
		return err
	}
	s.closers = append(s.closers, s.ledger.Close)
	if err := s.pipeline(); err != nil {
		return err
	}
	s.closers = append(s.closers, s.batcher.Close)
	return s.decider.restore(ctx)
}

// stamp is what inputs other than events carry as their time.
func (s *Service) stamp() int64 {
	if s.cfg.EventClock {
		return input.StampPrevious
	}
	return input.StampRecord
}

// Run works until the context ends, or until something happens that only a
// person can mend, which it returns. Then nothing is in flight any more.
func (s *Service) Run(ctx context.Context) error {
	if err := s.begin(ctx); err != nil {
		return err
	}
	if err := s.hub.Refresh(ctx); err != nil {
		return err
	}
	s.ready.Store(true)
	defer s.ready.Store(false)
	deciding, stopDeciding := context.WithCancel(context.WithoutCancel(ctx))
	defer stopDeciding()
	decided := make(chan error, 1)
	go func() { decided <- s.decider.run(deciding) }()
	telling, stopTelling := context.WithCancel(ctx)
	defer stopTelling()
	var acting sync.WaitGroup
	acting.Go(func() { s.hub.Run(telling) })
	for _, w := range s.workers {
		acting.Go(func() { w.Run(context.WithoutCancel(ctx)) })
	}
	var err error
	running := true
	select {
	case <-ctx.Done():
	case err = <-decided:
		running = false
	}
	s.ready.Store(false)
	stopTelling()
	limit, cancel := context.WithTimeout(context.WithoutCancel(ctx), workersTimeout)
	defer cancel()
	for _, w := range s.workers {
		if stopErr := w.Shutdown(limit); stopErr != nil {
			s.cfg.Logger.Warn("stop worker", "error", stopErr)
		}
	}
	acting.Wait()
	if running {
		stopDeciding()
		err = <-decided
	}
	return err
}

// begin folds what the log holds beyond the ledger, and puts the rules in force
// if they are not.
func (s *Service) begin(ctx context.Context) error {
	for {
		worked, err := s.decider.step(ctx)
		if err != nil {
			return err
		}
		if !worked {
			break
		}
	}
	if s.rules == nil {
		return nil
	}
	activated, err := s.activate(ctx, s.inForce().Set, s.rules)
	if err != nil || !activated {
		return err
	}
	_, err = s.decider.step(ctx)
	return err
}

// errStarting is why events are not taken before the rules are in force.
var errStarting = errors.New("the service is starting or stopping")

func (s *Service) readiness() error {
	if !s.ready.Load() {
		return errStarting
	}
	return nil
}

// ServeHTTP answers requests to the service.
func (s *Service) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.handler.ServeHTTP(w, r) }

// observed calls OnStep when an answer was written.
func (s *Service) observed(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		next.ServeHTTP(w, r)
		if r.Method == http.MethodPost {
			_ = http.NewResponseController(w).Flush() // where it cannot be flushed it is written later
			s.cfg.OnStep(StepAcked)
		}
	})
}

// braked tells the gates that a person stopped something.
func (s *Service) braked() {
	s.hub.Changed()
	s.cfg.OnStep(StepBraked)
}

func (s *Service) wakeWorkers() {
	for _, w := range s.workers {
		w.Wake()
	}
}

// WaitIdle waits until every record of the log is decided and every action has
// its outcome.
func (s *Service) WaitIdle(ctx context.Context) error {
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	for {
		idle, err := s.idle(ctx)
		if err != nil || idle {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-ticker.C:
		}
	}
}

func (s *Service) idle(ctx context.Context) (bool, error) {
	head, err := s.log.Head(ctx)
	if err != nil {
		return false, fmt.Errorf("read the log's head: %w", err)
	}
	at, err := s.ledger.Position(ctx)
	if err != nil || at.Record < head {
		return false, err
	}
	left, err := s.ledger.Unsettled(ctx)
	return left == 0, err
}

// Totals sums the ledger up.
func (s *Service) Totals(ctx context.Context) (views.Totals, error) { return s.ledger.Totals(ctx) }

// Verify verifies the ledger as it lies on disk.
func (s *Service) Verify(ctx context.Context, o ledger.Options) (ledger.Report, error) {
	source, release, err := s.ledger.Source(ctx)
	if err != nil {
		return ledger.Report{}, err
	}
	defer release()
	return ledger.Verify(ctx, source, o)
}

// Close gives everything back, in the opposite order in which it was taken.
func (s *Service) Close() error {
	var errs []error
	for i := len(s.closers) - 1; i >= 0; i-- {
		errs = append(errs, s.closers[i]())
	}
	s.closers = nil
	return errors.Join(errs...)
}
