package act_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"
	"golang.org/x/time/rate"

	"github.com/makegood/makegood/remediator/act"
	"github.com/makegood/makegood/remediator/act/stripe"
	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/sandbox"
)

// bubble is a worker, its desk and a sandbox, all on the clock of a synctest bubble.
type bubble struct {
	t *testing.T
	*desk
	*sandbox.Sandbox
	cfg act.Config
}

func inBubble(t *testing.T, test func(t *testing.T, b bubble)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s, err := sandbox.Open(sandbox.Config{})
		if err != nil {
			t.Fatal(err)
		}
		connector, err := stripe.New(stripe.Config{Key: "sk_test_1", URL: "http://sandbox", Transport: wire{s}})
		if err != nil {
			t.Fatal(err)
		}
		d := newDesk(t)
		cfg := act.Config{Name: "stripe", Connector: connector, Outbox: d, Log: d, Poll: 100 * time.Millisecond, Concurrency: 1}
		test(t, bubble{t, d, s, cfg})
	})
}

func (b bubble) plan(plan sandbox.Plan) {
	b.t.Helper()
	if err := b.SetFaults(plan); err != nil {
		b.t.Fatal(err)
	}
}

// seen is when the outcomes of a desk were seen, since the start.
func seen(t *testing.T, start time.Time, outcomes []decide.OutcomeBody) []time.Duration {
	t.Helper()
	var out []time.Duration
	for _, o := range outcomes {
		at, err := time.Parse(time.RFC3339Nano, o.SeenAt)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, at.Sub(start))
	}
	return out
}

// Waits double up to a bound, are drawn from the whole range, and begin after what
// the provider asked for.
func TestBackoff(t *testing.T) {
	t.Parallel()
	const base, most, asked, attempts = time.Second, 8 * time.Second, 20 * time.Second, 20
	for _, retryAfter := range []time.Duration{0, asked} {
		t.Run(fmt.Sprint("Retry-After ", retryAfter), func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(t *testing.T, b bubble) {
				after := int(retryAfter / time.Second)
				if after == 0 {
					after = -1 // a header that says nothing
				}
				b.plan(sandbox.Plan{Next: []sandbox.Calls{{Fault: sandbox.RateLimit, Calls: attempts}}, RetryAfterS: after})
				b.cfg.Backoff = act.Backoff{Base: base, Most: most}
				b.cfg.Breaker.Failures, b.cfg.Poll = 1000, 250*time.Millisecond
				start := time.Now()
				action := b.add("pi_1", usd(100))
				_, stop := run(t, b.cfg)
				time.Sleep(12 * time.Minute)
				stop()
				outcomes := b.of(action)
				if len(outcomes) != attempts+1 || outcomes[attempts].Status != decide.Succeeded {
					t.Fatalf("got %v", statuses(outcomes))
				}
				at := seen(t, start, outcomes)
				low, high := 0, 0
				for i := 1; i < len(at); i++ {
					wait, bound := at[i]-at[i-1]-retryAfter, min(base<<min(i-1, 10), most)
					if wait < 0 || wait > bound+2*b.cfg.Poll {
						t.Errorf("wait %d is %v beyond Retry-After, want 0 to %v", i, wait, bound)
					}
					if wait < bound/2 {
						low++
					} else {
						high++
					}
				}
				// All 20 in one half happens once in 500,000 runs.
				if low == 0 || high == 0 {
					t.Errorf("%d waits in the lower half, %d in the upper: not drawn from the whole range", low, high)
				}
			})
		})
	}
}

// When the window is over nobody tries again, and that it may have happened is said.
func TestWindowEndsUnknown(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, b bubble) {
		b.plan(sandbox.Plan{Odds: map[sandbox.Fault]float64{sandbox.RateLimit: 1}})
		b.cfg.Poll = 10 * time.Minute
		b.cfg.Backoff = act.Backoff{Base: time.Hour, Most: 2 * time.Hour}
		start := time.Now()
		action := b.add("pi_1", usd(100))
		_, stop := run(t, b.cfg)
		time.Sleep(200 * time.Hour)
		stop()
		outcomes := b.of(action)
		last := len(outcomes) - 1
		window := b.cfg.Connector.Traits().Window
		if at := seen(t, start, outcomes)[last]; outcomes[last].Status != decide.Unknown || at < window || at > window+3*time.Hour || b.unfinished() != 0 {
			t.Fatalf("the last of %d outcomes is %+v after %v; %d jobs unfinished", len(outcomes), outcomes[last], at, b.unfinished())
		}
		if slices.Contains(statuses(outcomes[:last]), decide.Unknown) {
			t.Fatal("an attempt that the provider turned away is unknown")
		}
		t.Logf("%d attempts in %v", len(outcomes), window)
	})
}

// A provider that is down is asked less and less, and at once again when it is up.
func TestBreaker(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, b bubble) {
		b.plan(sandbox.Plan{Odds: map[sandbox.Fault]float64{sandbox.Unavailable: 1}})
		b.cfg.Backoff = act.Backoff{Base: time.Millisecond, Most: time.Millisecond}
		b.cfg.Breaker = act.Breaker{Failures: 3, Cooldown: 10 * time.Second}
		for i := range 20 {
			b.add(fmt.Sprint("pi_", i), usd(100))
		}
		_, stop := run(t, b.cfg)
		for _, want := range []struct {
			after time.Duration
			calls int
		}{
			{9 * time.Second, 3}, {11 * time.Second, 4}, {29 * time.Second, 4}, {32 * time.Second, 5}, {69 * time.Second, 5}, {71 * time.Second, 6},
		} {
			time.Sleep(want.after - time.Since(bubbleStart))
			if got := b.Summary().Calls; got != want.calls {
				t.Errorf("after %v: %d calls, want %d", want.after, got, want.calls)
			}
		}
		b.plan(sandbox.Plan{})
		time.Sleep(90 * time.Second)
		stop()
		if sum := b.Summary(); sum.Refunds != 20 || sum.Duplicates != 0 || b.unfinished() != 0 {
			t.Fatalf("the provider has %+v, %d jobs unfinished", sum, b.unfinished())
		}
	})
}

// bubbleStart is when the clock of every bubble begins.
var bubbleStart = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

// An attempt ends before its lease does, so that nobody else has begun by then.
func TestDeadlineEndsBeforeLease(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, b bubble) {
		b.plan(sandbox.Plan{Next: []sandbox.Calls{{Fault: sandbox.Slow, Calls: 1}}, WritesOnly: true, SlowMS: 600_000})
		b.cfg.Lease, b.cfg.Deadline = 30*time.Second, 29*time.Second
		action := b.add("pi_1", usd(100))
		_, stop := run(t, b.cfg)
		time.Sleep(40 * time.Second)
		stop()
		outcomes := b.of(action)
		if got := statuses(outcomes); !slices.Equal(got, []string{decide.Unknown, decide.Succeeded}) {
			t.Fatalf("got %v", got)
		}
		if at := seen(t, bubbleStart, outcomes)[0]; at != 29*time.Second {
			t.Fatalf("the attempt ended after %v", at)
		}
	})
	d := newDesk(t)
	if _, err := act.NewWorker(act.Config{Name: "x", Connector: blind{}, Outbox: d, Log: d, Lease: time.Second, Deadline: time.Second}); err == nil {
		t.Fatal("a deadline as long as the lease was accepted")
	}
}

func TestRate(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, b bubble) {
		b.cfg.Rate = rate.Limit(2)
		for i := range 11 {
			b.add(fmt.Sprint("pi_", i), usd(100))
		}
		_, stop := run(t, b.cfg)
		time.Sleep(time.Minute)
		stop()
		at := seen(t, bubbleStart, b.of(uuid.Nil))
		if took := at[len(at)-1]; len(at) != 11 || took < 5*time.Second || took > 5200*time.Millisecond {
			t.Fatalf("%d attempts took %v, want 5 s", len(at), took)
		}
	})
}

// Shutdown lets the calls under way end, claims no more, and cuts off what takes
// too long; what was cut off is done later.
func TestShutdown(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		time time.Duration
		took time.Duration
		err  error
	}{
		{"long enough", 10 * time.Second, 4 * time.Second, nil},
		{"cut off", 2 * time.Second, 2 * time.Second, context.DeadlineExceeded},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(t *testing.T, b bubble) {
				b.plan(sandbox.Plan{Next: []sandbox.Calls{{Fault: sandbox.Slow, Calls: 1}}, WritesOnly: true, SlowMS: 5000})
				b.add("pi_1", usd(100))
				b.add("pi_2", usd(100))
				w, err := act.NewWorker(b.cfg)
				if err != nil {
					t.Fatal(err)
				}
				go w.Run(t.Context())
				time.Sleep(time.Second)
				ctx, cancel := context.WithTimeout(t.Context(), c.time)
				defer cancel()
				if err := w.Shutdown(ctx); err != c.err {
					t.Fatalf("got %v, want %v", err, c.err)
				}
				if took := time.Since(bubbleStart) - time.Second; took != c.took {
					t.Fatalf("it took %v, want %v", took, c.took)
				}
				if got := len(b.of(uuid.Nil)); (got == 1) != (c.err == nil) {
					t.Fatalf("%d outcomes", got)
				}
				_, stop := run(t, b.cfg)
				time.Sleep(2 * time.Minute)
				stop()
				if sum := b.Summary(); sum.Refunds != 2 || sum.Duplicates != 0 || b.unfinished() != 0 {
					t.Fatalf("the provider has %+v, %d jobs unfinished", sum, b.unfinished())
				}
			})
		})
	}
}

// A commit of the decider has its jobs claimed at once.
func TestWake(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, b bubble) {
		b.cfg.Poll = time.Hour
		w, stop := run(t, b.cfg)
		time.Sleep(time.Minute)
		b.add("pi_1", usd(100))
		w.Wake()
		w.Wake()
		synctest.Wait()
		if n := b.unfinished(); n != 0 {
			t.Fatalf("%d jobs unfinished", n)
		}
		stop()
	})
}

// fullDisk is an outbox that gives no jobs.
type fullDisk struct{ act.Outbox }

func (fullDisk) Claim(context.Context, string, int, time.Time, time.Duration) ([]act.Job, error) {
	return nil, errors.New("database or disk is full")
}

// What stands in the way of a worker for long is told once a minute, not at every poll.
func TestOutboxThatFailsIsToldOnceAMinute(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, b bubble) {
		var said bytes.Buffer
		b.cfg.Outbox, b.cfg.Poll = fullDisk{b.cfg.Outbox}, 250*time.Millisecond
		b.cfg.Logger = slog.New(slog.NewTextHandler(&said, nil))
		_, stop := run(t, b.cfg)
		time.Sleep(10*time.Minute - time.Second)
		stop()
		if n := bytes.Count(said.Bytes(), []byte("claim jobs")); n != 10 {
			t.Errorf("it was told %d times in ten minutes, want 10", n)
		}
	})
}

// frozen is an outbox whose node is stopped once it has claimed jobs, and goes on after
// their lease.
type frozen struct {
	*desk
	once  sync.Once
	sleep time.Duration
}

func (f *frozen) Claim(ctx context.Context, connector string, n int, now time.Time, lease time.Duration) ([]act.Job, error) {
	jobs, err := f.desk.Claim(ctx, connector, n, now, lease)
	if len(jobs) > 0 {
		f.once.Do(func() { time.Sleep(f.sleep) })
	}
	return jobs, err
}

// counted counts the calls that have time left, and those that have not.
type counted struct {
	act.Connector
	calls, late int
}

func (c *counted) Do(ctx context.Context, r act.Request) (act.Result, error) {
	c.count(ctx)
	return c.Connector.Do(ctx, r)
}

func (c *counted) Lookup(ctx context.Context, r act.Request) (act.Found, error) {
	c.count(ctx)
	return c.Connector.Lookup(ctx, r)
}

func (c *counted) count(ctx context.Context) {
	if ctx.Err() != nil {
		c.late++
		return
	}
	c.calls++
}

// A node that is stopped in a claim, and goes on when another has carried the action
// out, asks the provider for nothing, and what it says late changes nothing.
func TestFrozenInAClaim(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, b bubble) {
		late := &counted{Connector: b.cfg.Connector}
		stopped := b.cfg
		stopped.Connector, stopped.Outbox = late, &frozen{desk: b.desk, sleep: 3 * time.Minute}
		action := b.add("pi_1", usd(100))
		_, stop := run(t, stopped)
		time.Sleep(time.Second)
		_, stopOther := run(t, b.cfg)
		time.Sleep(2 * time.Minute)
		if sum := b.Summary(); sum.Refunds != 1 || b.unfinished() != 0 {
			t.Fatalf("while one node is stopped the provider has %+v, and %d actions wait", sum, b.unfinished())
		}
		time.Sleep(2 * time.Minute) // it goes on
		stop()
		stopOther()
		outcomes := b.of(action)
		if got := statuses(outcomes); !slices.Equal(got, []string{decide.Succeeded, decide.Retrying}) || outcomes[0].Attempt != 2 || outcomes[1].Attempt != 1 {
			t.Errorf("the outcomes are %+v", outcomes)
		}
		if late.calls != 0 || late.late == 0 {
			t.Errorf("the node that was stopped made %d calls, and %d that were over before", late.calls, late.late)
		}
		if sum := b.Summary(); sum.Refunds != 1 || sum.Duplicates != 0 || b.unfinished() != 0 {
			t.Errorf("the provider has %+v, and %d actions wait", sum, b.unfinished())
		}
	})
}
