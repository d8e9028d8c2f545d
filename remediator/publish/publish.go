// Package publish hands the ledger's checkpoints to where they are kept elsewhere:
// a file on other storage, a webhook. Only from there is it seen that a whole ledger
// was rewritten, or that its end was lost.
//
// A Publisher reads the newest checkpoint as it is committed, now and then and once
// more when the service ends, and hands it to each Keeper that has not kept it. What
// could not be kept is tried again with what is the newest then, so that a keeper
// that is back has missed only checkpoints that the next one covers.
package publish

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"
)

// Ledger is where checkpoints come from. Implementations are safe for concurrent
// use.
type Ledger interface {
	// Checkpoint returns the newest signed checkpoint as it is committed, nil before
	// the first.
	Checkpoint(ctx context.Context) ([]byte, error)
}

// Keeper keeps checkpoints. A Publisher calls it from one goroutine at a time.
type Keeper interface {
	// Name says in a sentence where it keeps them.
	Name() string
	// Keep returns when the checkpoint is kept. One that comes twice is kept once or
	// twice.
	Keep(ctx context.Context, checkpoint []byte) error
}

// defaultEvery is how long what was sealed may be without a witness. A rewrite of
// what no kept checkpoint covers cannot be seen, so it is short; a busy ledger has
// many a second, so it is not shorter.
const defaultEvery = 10 * time.Second

// Config of a Publisher.
type Config struct {
	Ledger  Ledger
	Keepers []Keeper
	// Every is how often the newest checkpoint is looked for. Defaults to ten
	// seconds.
	Every time.Duration
	// Now is the clock by which checkpoints are kept. Defaults to time.Now.
	Now    func() time.Time
	Logger *slog.Logger
}

// Publisher hands checkpoints to its keepers.
type Publisher struct {
	cfg     Config
	keepers []*keeping
}

// keeping is what one keeper has kept.
type keeping struct {
	Keeper
	mu      sync.Mutex
	last    []byte
	failed  bool                 // the operator was told
	kept    atomic.Pointer[Kept] // what was kept last, for who asks
	failing atomic.Bool          // failed, for who asks
}

// New returns a publisher.
func New(cfg Config) *Publisher {
	if cfg.Every == 0 {
		cfg.Every = defaultEvery
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	p := &Publisher{cfg: cfg}
	for _, k := range cfg.Keepers {
		p.keepers = append(p.keepers, &keeping{Keeper: k})
	}
	return p
}

// Run publishes until the context ends. No keeper waits for another.
func (p *Publisher) Run(ctx context.Context) {
	var running sync.WaitGroup
	for _, k := range p.keepers {
		running.Go(func() {
			tick := time.NewTicker(p.cfg.Every)
			defer tick.Stop()
			for ctx.Err() == nil {
				p.publish(ctx, k)
				select {
				case <-ctx.Done():
				case <-tick.C:
				}
			}
		})
	}
	running.Wait()
}

// Kept is what a keeper has kept.
type Kept struct {
	Where      string    // in a sentence
	Checkpoint []byte    // the newest since the publisher began; nil: none yet
	At         time.Time // when it was kept
	Failing    bool      // the newest could not be kept
}

// Kept says what each keeper has kept.
func (p *Publisher) Kept() []Kept {
	var all []Kept
	for _, k := range p.keepers {
		var one Kept
		if last := k.kept.Load(); last != nil {
			one = *last
		}
		one.Where, one.Failing = k.Name(), k.failing.Load()
		all = append(all, one)
	}
	return all
}

// lastTimeout bounds how long keepers may take for the last checkpoint.
const lastTimeout = 5 * time.Second

// Now publishes what is the newest checkpoint, to all keepers at once, within five
// seconds. It is for the end of a service, so it does not mind that the context is over.
func (p *Publisher) Now(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastTimeout)
	defer cancel()
	var running sync.WaitGroup
	for _, k := range p.keepers {
		running.Go(func() { p.publish(ctx, k) })
	}
	running.Wait()
}

// publish hands the newest checkpoint to one keeper. The operator hears of it when
// that begins not to work, and when it works again.
func (p *Publisher) publish(ctx context.Context, k *keeping) {
	k.mu.Lock()
	defer k.mu.Unlock()
	checkpoint, err := p.cfg.Ledger.Checkpoint(ctx)
	if err == nil && (checkpoint == nil || bytes.Equal(checkpoint, k.last)) {
		return
	}
	if err == nil {
		err = k.Keep(ctx, checkpoint)
	}
	switch {
	case err == nil:
		k.last = checkpoint
		k.kept.Store(&Kept{Checkpoint: checkpoint, At: p.cfg.Now()})
		k.failing.Store(false)
		if k.failed {
			p.cfg.Logger.Info("checkpoints are kept again", slog.String("keeper", k.Name()))
		}
		k.failed = false
	case !errors.Is(ctx.Err(), context.Canceled) && !k.failed: // or the service ends, and Now comes
		k.failed = true
		k.failing.Store(true)
		p.cfg.Logger.Error("keep checkpoint", slog.String("keeper", k.Name()), slog.Any("error", err))
	}
}
