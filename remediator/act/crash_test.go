package act_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"github.com/makegood/makegood/remediator/act"
	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/money"
	"github.com/makegood/makegood/remediator/sandbox"
)

var steps = []string{act.StepClaimed, act.StepCalled, act.StepAppended, act.StepReported}

// A worker that dies at any step, also before the fold has seen its outcome, has
// its job done by the next one, once.
func TestCrashAtEveryStep(t *testing.T) {
	t.Parallel()
	for _, step := range steps {
		for _, lag := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s lag=%v", step, lag), func(t *testing.T) {
				t.Parallel()
				p := newProvider(t, sandbox.Config{})
				d := newDesk(t)
				d.setLag(lag)
				action := d.add("pi_1", usd(100))
				cfg := quick(d, p.connector)
				dead := make(chan struct{})
				cfg.OnStep = func(at string) {
					if at == step {
						close(dead)
						runtime.Goexit()
					}
				}
				_, stop := run(t, cfg)
				<-dead
				stop()
				d.setLag(false)
				cfg.OnStep = nil
				cfg.Now = func() time.Time { return time.Now().Add(cfg.Lease) }
				finish(t, d, cfg)
				outcomes := d.of(action)
				if last := outcomes[len(outcomes)-1]; last.Status != decide.Succeeded {
					t.Fatalf("got %v", statuses(outcomes))
				}
				if sum := p.Summary(); sum.Refunds != 1 || sum.Duplicates != 0 {
					t.Fatalf("the provider has %+v after %v", sum, statuses(outcomes))
				}
			})
		}
	}
}

// Random faults, crashes at random steps, two workers at once that know nothing of
// each other, outages longer than a key lives: one refund for each action, and the
// log tells which.
func TestNeverTwoRefundsForOneAction(t *testing.T) {
	t.Parallel()
	var actions, doubled, attempts, crashes atomic.Int64
	d := newDesk(t) // one for all: opening a ledger takes longer than a round
	rapid.Check(t, func(r *rapid.T) {
		p := newProvider(t, sandbox.Config{})
		plan := sandbox.Plan{Seed: rapid.Uint64().Draw(r, "seed"), RetryAfterS: -1, SlowMS: 30, Odds: map[sandbox.Fault]float64{}}
		left := 0.9
		for _, fault := range []sandbox.Fault{
			sandbox.RateLimit, sandbox.InUse, sandbox.Unavailable, sandbox.Cut, sandbox.ServerError, sandbox.Lost, sandbox.Slow, sandbox.Delayed, sandbox.Pending,
		} {
			plan.Odds[fault] = rapid.Float64Range(0, left/2).Draw(r, string(fault))
			left -= plan.Odds[fault]
		}
		p.plan(t, plan)
		want := map[uuid.UUID]money.Money{}
		for i := range rapid.IntRange(1, 8).Draw(r, "actions") {
			amount := usd(rapid.Int64Range(1, 99_999).Draw(r, "amount"))
			want[d.add(fmt.Sprint("pi_", i), amount)] = amount
		}
		var ahead time.Duration
		for round := range rapid.IntRange(0, 2).Draw(r, "rounds") {
			d.setLag(rapid.Bool().Draw(r, "lag"))
			crashes.Add(crashingRound(t, p, d, plan.Seed+uint64(round), ahead))
			outage := time.Duration(rapid.IntRange(0, 30).Draw(r, "outage")) * time.Hour
			if _, err := p.Advance(outage); err != nil {
				t.Fatal(err)
			}
			ahead += outage + 2*time.Second
		}
		d.setLag(false)
		p.plan(t, sandbox.Plan{})
		cfg := quick(d, p.connector)
		cfg.Now = func() time.Time { return time.Now().Add(ahead) }
		finish(t, d, cfg)

		var total int64
		for action, amount := range want {
			outcomes := d.of(action)
			last := outcomes[len(outcomes)-1]
			if last.Status != decide.Succeeded && last.Status != decide.Pending || last.Amount == nil || *last.Amount != amount {
				r.Fatalf("action of %s ended %+v after %v", amount, last, statuses(outcomes))
			}
			attempts.Add(int64(len(outcomes)))
			total += amount.Minor
		}
		sum := p.Summary()
		actions.Add(int64(len(want)))
		doubled.Add(int64(sum.Duplicates))
		if sum.Refunds != len(want) || sum.Duplicates != 0 || sum.Totals["USD"] != total {
			r.Fatalf("the provider has %+v, want %d refunds of %d", sum, len(want), total)
		}
	})
	t.Logf("actions=%d attempts=%d crashes=%d doubled=%d", actions.Load(), attempts.Load(), crashes.Load(), doubled.Load())
	if actions.Load() == 0 {
		t.Fatal("nothing was checked")
	}
}

// crashingRound runs two workers until several attempts have died, or for a while,
// and returns how many died.
func crashingRound(t *testing.T, p *provider, d *desk, seed uint64, ahead time.Duration) int64 {
	t.Helper()
	const most = 4
	var mu sync.Mutex
	random := rand.New(rand.NewPCG(seed, 1))
	died := int64(0)
	enough := make(chan struct{})
	cfg := quick(d, p.connector)
	cfg.Deadline = 20 * time.Millisecond // some slow answers come too late
	cfg.Now = func() time.Time { return time.Now().Add(ahead) }
	cfg.OnStep = func(string) {
		mu.Lock()
		dies := random.IntN(4) == 0
		if dies {
			if died++; died == most {
				close(enough)
			}
		}
		mu.Unlock()
		if dies {
			runtime.Goexit()
		}
	}
	var stops []func()
	for range 2 {
		_, stop := run(t, cfg)
		stops = append(stops, stop)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Millisecond)
	defer cancel()
	select {
	case <-enough:
	case <-ctx.Done():
	}
	for _, stop := range stops {
		stop()
	}
	mu.Lock()
	defer mu.Unlock()
	return died
}
