package act

import (
	"context"
	"errors"
	"log/slog"
	"math"
	"math/rand/v2"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// Names of the steps of an attempt, in their order, as OnStep is told them.
const (
	StepClaimed  = "claimed"          // the attempt is counted, the provider not yet asked
	StepCalled   = "called"           // the provider was asked and answered, or did not
	StepAppended = "outcome-appended" // the outcome is in the log
	StepReported = "reported"         // the outbox knows
)

// Config of a Worker.
type Config struct {
	Name      string // of the connector, as rules write it
	Connector Connector
	Outbox    Outbox
	Log       Appender

	// Concurrency is how many attempts run at once. Defaults to 8.
	Concurrency int
	// Rate is how many attempts begin in a second. Defaults to no limit.
	Rate rate.Limit
	// Lease is for how long a claimed job is ours. Defaults to 60 s.
	Lease time.Duration
	// Deadline is how long an attempt may take from its claim on. It must be
	// shorter than the lease: nobody else may begin while we still call.
	// Defaults to 20 s.
	Deadline time.Duration
	// Poll is how often the outbox is asked when nobody calls Wake, which is how
	// retries become due. Defaults to 250 ms.
	Poll    time.Duration
	Backoff Backoff
	Breaker Breaker

	// EventClock says that events are the log's clock: outcomes then carry the
	// time of the input before them, and not the one at which they were stored.
	EventClock bool
	// Now is the acting node's clock. Defaults to time.Now.
	Now func() time.Time
	// OnStep is called at each named step of an attempt. Defaults to nothing.
	OnStep func(step string)
	// Claimed is told how each claim of jobs ended. Defaults to nothing.
	Claimed func(error)
	// Logger is told what the outcomes in the log do not say. Defaults to none.
	Logger *slog.Logger
}

// Worker carries out the jobs of one connector.
type Worker struct {
	cfg     Config
	traits  Traits
	limiter *rate.Limiter
	breaker breaker
	wake    chan struct{}
	// What is told of jobs that are not claimed, outcomes that are not stored, and
	// jobs that are not marked.
	unclaimed, unstored, unmarked reminder

	stop, kill         chan struct{} // closed by Shutdown, when it begins and when its time is over
	stopOnce, killOnce sync.Once
	done               chan struct{} // closed when Run has returned
}

// NewWorker checks the configuration and returns a worker that Run starts.
func NewWorker(cfg Config) (*Worker, error) {
	if cfg.Name == "" || cfg.Connector == nil || cfg.Outbox == nil || cfg.Log == nil {
		return nil, errors.New("make worker: Name, Connector, Outbox and Log are required")
	}
	setDefault(&cfg.Concurrency, 8)
	setDefault(&cfg.Rate, rate.Inf)
	setDefault(&cfg.Lease, 60*time.Second)
	setDefault(&cfg.Deadline, 20*time.Second)
	setDefault(&cfg.Poll, 250*time.Millisecond)
	setDefault(&cfg.Backoff.Base, 500*time.Millisecond)
	setDefault(&cfg.Backoff.Most, 30*time.Minute)
	if traits := cfg.Connector.Traits(); len(traits.Schedule) > 0 {
		// It has many receivers: one that is broken keeps no other waiting.
		setDefault(&cfg.Breaker.Failures, math.MaxInt)
	}
	setDefault(&cfg.Breaker.Failures, 8)
	setDefault(&cfg.Breaker.Cooldown, 2*time.Second)
	if cfg.Deadline >= cfg.Lease {
		return nil, errors.New("make worker: Deadline must be shorter than Lease")
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.OnStep == nil {
		cfg.OnStep = func(string) {}
	}
	if cfg.Claimed == nil {
		cfg.Claimed = func(error) {}
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	return &Worker{
		cfg: cfg, traits: cfg.Connector.Traits(),
		limiter: rate.NewLimiter(cfg.Rate, cfg.Concurrency),
		breaker: breaker{cfg: cfg.Breaker},
		wake:    make(chan struct{}, 1), stop: make(chan struct{}), kill: make(chan struct{}), done: make(chan struct{}),
	}, nil
}

func setDefault[T int | rate.Limit | time.Duration](field *T, value T) {
	if *field <= 0 {
		*field = value
	}
}

// Wake has the outbox asked at once. It never blocks.
func (w *Worker) Wake() {
	select {
	case w.wake <- struct{}{}:
	default: // it is being woken already
	}
}

// Run claims and carries out jobs until ctx ends or Shutdown is called, and
// returns when the attempts under way have ended. It is called once.
func (w *Worker) Run(ctx context.Context) {
	defer close(w.done)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		select {
		case <-w.kill:
			cancel()
		case <-ctx.Done():
		}
	}()
	var running sync.WaitGroup
	defer running.Wait()

	poll := time.NewTicker(w.cfg.Poll)
	defer poll.Stop()
	ended := make(chan struct{}, w.cfg.Concurrency)
	free, more, waited := w.cfg.Concurrency, true, true
	for {
		asked, wait := w.room(free)
		if asked > 0 && 2*free < w.cfg.Concurrency && !waited {
			asked, wait = 0, linger
		}
		waited = false
		if more && asked > 0 {
			jobs := w.claim(ctx, asked)
			more = len(jobs) == asked
			for _, job := range jobs {
				free--
				running.Go(func() {
					defer func() { ended <- struct{}{} }()
					w.attempt(ctx, job)
				})
			}
			continue
		}
		var room <-chan time.Time
		if more && wait > 0 {
			room = time.After(wait)
		}
		select {
		case <-room:
			waited = true
		case <-ctx.Done():
			return
		case <-w.stop:
			return
		case <-ended:
			free++
		case <-w.wake:
			more = true
		case <-poll.C:
			more = true
		}
	}
}

// linger is how long a free place waits for others, so that several jobs are
// claimed in one transaction when many wait. With half of the places free it does
// not wait.
const linger = 10 * time.Millisecond

// room returns how many attempts may begin now, given the free places, the breaker
// and the rate. When it is the rate that allows none, wait says for how long. The
// room is found before claiming, so that no claimed job waits while its lease runs.
func (w *Worker) room(free int) (n int, wait time.Duration) {
	now := w.cfg.Now()
	n = min(free, w.breaker.allowed(now))
	if w.cfg.Rate == rate.Inf || n == 0 {
		return n, 0
	}
	tokens := w.limiter.TokensAt(now)
	if tokens < 1 {
		return 0, time.Duration((1-tokens)/float64(w.cfg.Rate)*float64(time.Second)) + time.Millisecond
	}
	return min(n, int(tokens)), 0
}

// Shutdown stops claiming and waits for the attempts under way. When ctx ends
// first they are cut off; their jobs are claimed again when their leases are over.
func (w *Worker) Shutdown(ctx context.Context) error {
	w.stopOnce.Do(func() { close(w.stop) })
	select {
	case <-w.done:
		return nil
	case <-ctx.Done():
		w.killOnce.Do(func() { close(w.kill) })
		<-w.done
		return ctx.Err()
	}
}

// claimed is a job with the end of the time in which it may be carried out.
type claimed struct {
	Job
	deadline time.Time
}

// claim takes up to n jobs. When the outbox cannot answer, the next poll asks again.
func (w *Worker) claim(ctx context.Context, n int) []claimed {
	now := w.cfg.Now()
	jobs, err := w.cfg.Outbox.Claim(ctx, w.cfg.Name, n, now, w.cfg.Lease)
	w.cfg.Claimed(err)
	if err != nil {
		if ctx.Err() == nil && w.unclaimed.due(now) {
			w.cfg.Logger.WarnContext(ctx, "claim jobs", slog.String("connector", w.cfg.Name), slog.Any("error", err))
		}
		return nil
	}
	w.limiter.AllowN(now, len(jobs))
	out := make([]claimed, len(jobs))
	for i, job := range jobs {
		w.breaker.begin()
		out[i] = claimed{job, now.Add(w.cfg.Deadline)}
	}
	return out
}

// random is the source of jitter: which moment is chosen must differ between
// nodes, and nothing that is decided depends on it.
func random(n int64) int64 { return rand.Int64N(n) }
