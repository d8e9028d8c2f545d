package remediator

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/makegood/makegood/remediator/access"
	"github.com/makegood/makegood/remediator/act"
	"github.com/makegood/makegood/remediator/adoption"
	"github.com/makegood/makegood/remediator/andon"
	"github.com/makegood/makegood/remediator/input"
	"github.com/makegood/makegood/remediator/integrity"
	"github.com/makegood/makegood/remediator/ledger"
	"github.com/makegood/makegood/remediator/log"
	"github.com/makegood/makegood/remediator/people"
	"github.com/makegood/makegood/remediator/publish"
	"github.com/makegood/makegood/remediator/rule"
	"github.com/makegood/makegood/remediator/store/folder"
	"github.com/makegood/makegood/remediator/store/ledgerdb"
	"github.com/makegood/makegood/remediator/store/views"
	"github.com/makegood/makegood/remediator/web"
)

// workersTimeout is how long attempts under way may take to end when the
// service stops. What is cut off is looked up or repeated under its key by the
// next start.
const workersTimeout = 10 * time.Second

// Service is the remediator on one data folder, or one node on a database. It is an http.Handler.
type Service struct {
	cfg       Config
	lock      *folder.Lock
	log       storedLog
	engine    string        // of the log
	lateness  time.Duration // the same
	ledger    *ledgerdb.DB
	batcher   *log.Batcher
	decider   *decider
	guard     *access.Guard
	desk      *people.Desk
	workers   []*act.Worker
	witness   *act.Witness  // of the refund provider; nil without one
	follower  *act.Follower // the same
	hub       *andon.Hub
	ear       *adoption.Ear
	publisher *publish.Publisher
	integrity *integrity.Watch
	console   *web.Console
	handler   http.Handler
	reloading chan struct{}            // holds one: rules are put in force one set after the other
	activated bool                     // files were, and may not be decided yet; held by reloading
	rules     *rule.Set                // to be put in force; nil: the ones in force stay
	files     atomic.Pointer[rule.Set] // of this node's own, where a person puts rules in force; nil: none
	warned    string                   // of which files, and which rules in force
	ready     atomic.Bool
	onReady   func()                  // nil: nobody waits
	unstored  trouble                 // of the log
	undecided trouble                 // of the ledger
	damaged   chan error              // why files of this service are of no use any more
	fits      []func(*rule.Set) error // what rules must fit besides themselves
	closers   []func() error
}

// New opens the data folder, or begins one, and restores what was decided.
// Nothing works before Run. Rules with errors are refused here, whole.
func New(cfg Config) (*Service, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	s := &Service{cfg: cfg, damaged: make(chan error, 1), reloading: make(chan struct{}, 1)}
	if err := s.open(context.Background()); err != nil {
		return nil, errors.Join(s.explain(err), s.Close())
	}
	return s, nil
}

func (s *Service) open(ctx context.Context) (err error) {
	if len(s.cfg.Rules) > 0 {
		if s.rules, err = rule.Load(s.cfg.Rules); err != nil {
			return err
		}
	}
	if s.shared() { // nobody puts rules in force by starting a node
		s.files.Store(s.rules)
	}
	if s.lock, err = folder.Acquire(s.cfg.DataDir); err != nil {
		return err
	}
	s.closers = append(s.closers, s.lock.Release)
	if err := s.openStores(ctx); err != nil {
		return err
	}
	if err := s.readLateness(ctx); err != nil {
		return err
	}
	if err := s.pipeline(); err != nil {
		return err
	}
	s.closers = append(s.closers, s.batcher.Close)
	return s.restore(ctx)
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
func (s *Service) Run(ctx context.Context) error { return s.explain(s.run(ctx)) }

func (s *Service) run(ctx context.Context) error {
	if err := s.startUp(ctx); err != nil {
		if ctx.Err() != nil && errors.Is(err, context.Canceled) {
			return nil // it was told to end before it had begun
		}
		return err
	}
	s.ready.Store(true)
	defer s.ready.Store(false)
	if s.onReady != nil {
		s.onReady()
	}
	deciding, stopDeciding := context.WithCancel(context.WithoutCancel(ctx))
	defer stopDeciding()
	decided := make(chan error, 1)
	go func() { decided <- s.decider.run(deciding) }()
	telling, stopTelling := context.WithCancel(ctx)
	defer stopTelling()
	var acting sync.WaitGroup
	acting.Go(func() { s.hub.Run(telling) })
	acting.Go(func() { s.ear.Run(telling) })
	acting.Go(func() { s.forgetting(telling) })
	acting.Go(func() { s.mending(telling) })
	acting.Go(func() { s.publisher.Run(telling) })
	acting.Go(func() { s.integrity.Run(telling) })
	if s.follower != nil {
		acting.Go(func() { s.follower.Run(telling) })
	}
	if s.shared() {
		acting.Go(func() { s.hearStops(telling) })
		acting.Go(func() { s.beSeen(telling) })
	}
	for _, w := range s.workers {
		acting.Go(func() { w.Run(context.WithoutCancel(ctx)) })
	}
	var err error
	running := true
	select {
	case <-ctx.Done():
	case err = <-decided:
		running = false
	case err = <-s.damaged:
	}
	s.ready.Store(false)
	stopTelling()
	if running && s.shared() { // another node goes on at once, also with what the workers still say
		stopDeciding()
		err, running = errors.Join(err, <-decided), false
	}
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
		err = errors.Join(err, <-decided)
	}
	s.publisher.Now(ctx) // what was committed last
	return err
}

// startUp does what must be done before anybody is served.
func (s *Service) startUp(ctx context.Context) error {
	if err := s.catchUp(ctx); err != nil {
		return err
	}
	if err := s.hub.Refresh(ctx); err != nil {
		return err
	}
	if err := s.warnOfNames(ctx); err != nil {
		return err
	}
	s.warnOfClock()
	return nil
}

// catchUp brings the fold to where it is to be before anybody is served: on a
// database to where the ledger is, else to the end of the log, with the rules in
// force.
func (s *Service) catchUp(ctx context.Context) error {
	if s.shared() {
		return s.follow(ctx)
	}
	if err := s.decider.lead(ctx); err != nil {
		return err
	}
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

// SignInPath makes a link that signs the administrator in to the console once, within
// ten minutes, and returns its path: "/" when nobody needs to sign in.
func (s *Service) SignInPath() string {
	if secret := s.guard.Link(); secret != "" {
		return "/sign-in/link/" + secret
	}
	return "/"
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
	s.console.Changed(web.TopicCords)
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
	return every(ctx, decidedPoll, func() (bool, error) { return s.idle(ctx) })
}

// decidedPoll is how often somebody who waits looks at what was decided.
const decidedPoll = 20 * time.Millisecond

// every looks at once and then in intervals until it is done, with an error or without.
func every(ctx context.Context, interval time.Duration, done func() (bool, error)) error {
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for {
		if done, err := done(); err != nil || done {
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
	if left, err := s.ledger.Unsettled(ctx); err != nil || left > 0 {
		return false, err
	}
	// What ended between these looks has an outcome in the log that is not decided.
	now, err := s.log.Head(ctx)
	if err != nil {
		return false, fmt.Errorf("read the log's head: %w", err)
	}
	return now == head, nil
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
