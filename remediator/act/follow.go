package act

import (
	"context"
	"log/slog"
	"time"

	"github.com/makegood/makegood/remediator/decide"
)

const (
	// followedAtOnce is how many pending refunds are listed in one question.
	followedAtOnce = 500
	// maxFailed is how many looks in a row go unanswered before a provider is left
	// alone for a while.
	maxFailed = 3
	// ByPoll says that a refund was looked at because it was pending.
	ByPoll = "poll"
)

// Follower looks at refunds that are pending until their provider has finished them:
// webhooks are hints, and may never come.
type Follower struct {
	Witness *Witness
	// Pending lists up to limit references of refunds that are not finished, after one
	// of them in their order.
	Pending func(ctx context.Context, connector, after string, limit int) ([]string, error)
	// First is how long after a refund was first found pending it is looked at. The wait
	// doubles with each look. Defaults to 1 minute.
	First time.Duration
	// Most is the longest wait. Defaults to 6 hours.
	Most time.Duration
	// Every is how often the list is read. Defaults to 15 s.
	Every time.Duration
	// Deadline is how long one look may take. Defaults to 20 s.
	Deadline time.Duration
	Logger   *slog.Logger

	looks  map[string]look
	failed int           // looks in a row without an answer
	rest   time.Duration // for how long a provider that does not answer is left alone
	until  time.Time
}

// look is when a refund is looked at next.
type look struct {
	next  time.Time
	wait  time.Duration
	round int
}

// Run follows until the context ends.
func (f *Follower) Run(ctx context.Context) {
	setDefault(&f.First, time.Minute)
	setDefault(&f.Most, 6*time.Hour)
	setDefault(&f.Every, 15*time.Second)
	setDefault(&f.Deadline, 20*time.Second)
	if f.Logger == nil {
		f.Logger = slog.New(slog.DiscardHandler)
	}
	f.looks = map[string]look{}
	tick := time.NewTicker(f.Every)
	defer tick.Stop()
	for round := 1; ; round++ {
		if now := f.Witness.Now(); !now.Before(f.until) {
			f.pass(ctx, round)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// pass looks at what is due. A provider that does not answer ends it, and is left
// alone for a time that doubles up to the longest wait of a refund.
func (f *Follower) pass(ctx context.Context, round int) {
	err := f.walk(ctx, round)
	if err == nil {
		f.rest = 0
		return
	}
	if ctx.Err() != nil {
		return
	}
	f.rest = min(max(2*f.rest, f.Every), f.Most)
	f.until = f.Witness.Now().Add(f.rest)
}

func (f *Follower) walk(ctx context.Context, round int) error {
	for after, more := "", true; more; {
		refs, err := f.Pending(ctx, f.Witness.Name, after, followedAtOnce)
		if err != nil {
			return err
		}
		for _, ref := range refs {
			if err := f.follow(ctx, ref, round); err != nil {
				return err
			}
			after = ref
		}
		more = len(refs) == followedAtOnce
	}
	for ref, l := range f.looks {
		if l.round != round {
			delete(f.looks, ref) // it is finished
		}
	}
	return nil
}

func (f *Follower) follow(ctx context.Context, ref string, round int) error {
	now := f.Witness.Now()
	l, known := f.looks[ref]
	if !known {
		l = look{next: now.Add(f.First), wait: f.First}
	}
	l.round = round
	f.looks[ref] = l
	if now.Before(l.next) {
		return nil
	}
	l.wait = min(2*l.wait, f.Most)
	l.next = now.Add(l.wait)
	f.looks[ref] = l
	looking, cancel := context.WithTimeout(ctx, f.Deadline)
	defer cancel()
	_, err := f.Witness.See(looking, ref, ByPoll)
	if err == nil {
		f.failed = 0
		return nil
	}
	if ctx.Err() == nil {
		f.Logger.WarnContext(ctx, "look at pending refund", slog.String("connector", f.Witness.Name), slog.Any("error", err))
	}
	if classify(err).Status == decide.Failed {
		f.failed = 0 // the provider answers: it does not know this one
		return nil
	}
	if f.failed++; f.failed < maxFailed {
		return nil // it may be this one refund
	}
	// If it is one refund all the same, the next walk goes on behind it: it is not due then.
	return err
}
