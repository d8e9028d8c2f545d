package act_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"

	"github.com/makegood/makegood/remediator/act"
	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/input"
	"github.com/makegood/makegood/remediator/sandbox"
)

// sightings folds what a witness appends, and says which refunds are pending then.
type sightings struct {
	t      *testing.T
	mu     sync.Mutex
	fold   *decide.Fold
	memory *decide.RAM
	begin  time.Time
	at     []time.Duration // of what was appended
	states map[string]string
}

func newSightings(t *testing.T) *sightings {
	s := &sightings{t: t, memory: decide.NewMemory(), begin: time.Now(), states: map[string]string{}}
	s.fold = decide.New(decide.Config{Memory: s.memory})
	body, err := json.Marshal(decide.GenesisBody{LogID: "l", HashKey: make([]byte, 16), Version: decide.Version})
	if err != nil {
		t.Fatal(err)
	}
	s.apply(input.Input{ID: "genesis", Kind: input.Genesis, At: 1, Body: body})
	return s
}

func (s *sightings) apply(inputs ...input.Input) {
	out, err := s.fold.Apply(inputs)
	if err != nil {
		s.t.Error(err)
		return
	}
	s.memory.Commit(out)
	for _, r := range out.Refunds {
		_, ref, _ := r.Split()
		s.states[ref] = r.Status
	}
}

func (s *sightings) Append(_ context.Context, inputs []input.Input) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for range inputs {
		s.at = append(s.at, time.Since(s.begin))
	}
	s.apply(inputs...)
	return nil
}

func (s *sightings) Refund(name string, before uint64) (*decide.Refund, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.memory.Refund(name, before)
}

func (s *sightings) Pending(_ context.Context, _, after string, limit int) ([]string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var refs []string
	for ref, status := range s.states {
		if status == decide.Pending && ref > after {
			refs = append(refs, ref)
		}
	}
	slices.Sort(refs)
	return refs[:min(limit, len(refs))], nil
}

// TestPendingIsFollowed holds that refunds of which the provider tells nothing are
// looked at, less and less often, until all have ended, through hours in which it
// does not answer at all.
func TestPendingIsFollowed(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, b bubble) {
		s := newSightings(t)
		witness := &act.Witness{Name: "stripe", Observer: b.cfg.Connector.(act.Observer), Known: s, Log: s, Now: time.Now}
		b.plan(sandbox.Plan{Odds: map[sandbox.Fault]float64{sandbox.Pending: 1}, WritesOnly: true, PendingS: int(30 * time.Hour / time.Second)})
		const refunds = 5
		for i := range refunds {
			result, err := b.cfg.Connector.Do(t.Context(), act.Request{Action: uuid.New(), Remedy: uuid.New(), Kind: "refund", Payment: fmt.Sprint("pi_", i), Amount: usd(100)})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := witness.See(t.Context(), result.Ref, "webhook"); err != nil {
				t.Fatal(err)
			}
		}
		if news := len(s.at); news != refunds {
			t.Fatalf("%d were appended", news)
		}
		f := &act.Follower{Witness: witness, Pending: s.Pending}
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { defer close(done); f.Run(ctx) }()
		time.Sleep(4 * time.Hour)
		quiet := b.Summary().Calls
		b.plan(sandbox.Plan{Odds: map[sandbox.Fault]float64{sandbox.Unavailable: 1}})
		time.Sleep(10 * time.Hour)
		outage := b.Summary().Calls - quiet
		b.plan(sandbox.Plan{})
		time.Sleep(30 * time.Hour)
		stop()
		<-done
		synctest.Wait()
		for ref, status := range s.states {
			if status != decide.Succeeded {
				t.Errorf("%s is %s", ref, status)
			}
		}
		if len(s.at) != 2*refunds || len(s.states) != refunds {
			t.Errorf("%d were appended of %d refunds, want two of each", len(s.at), len(s.states))
		}
		for _, at := range s.at[refunds:] {
			if at < 30*time.Hour || at > 42*time.Hour {
				t.Errorf("an end was seen after %s", at)
			}
		}
		// 1, 3, 7, 15, … minutes after it was found: 7 looks of each in four hours.
		if perRefund := (quiet - 2*refunds) / refunds; perRefund != 7 {
			t.Errorf("%d looks of each in four hours, want 7", perRefund)
		}
		if outage == 0 || outage > 40 {
			t.Errorf("%d calls to a provider that was down for ten hours", outage)
		}
	})
}

// deaf gives no answer about some refunds, which is no answer of the provider either.
type deaf struct {
	act.Observer
	to map[string]bool
}

func (d deaf) Observe(ctx context.Context, ref string) (decide.SeenBody, error) {
	if d.to[ref] {
		return decide.SeenBody{}, errors.New("read answer: it makes no sense")
	}
	return d.Observer.Observe(ctx, ref)
}

// TestRefundsThatFailStopNoOthers holds that pending refunds of which nothing is to be
// learnt keep nobody from looking at those behind them, and are looked at less and less
// often.
func TestRefundsThatFailStopNoOthers(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		missing bool // the provider answers that there are none
	}{{"missing", true}, {"unreadable", false}} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(t *testing.T, b bubble) { testRefundsThatFail(t, b, c.missing) })
		})
	}
}

func testRefundsThatFail(t *testing.T, b bubble, missing bool) {
	s := newSightings(t)
	observer := deaf{b.cfg.Connector.(act.Observer), map[string]bool{}}
	witness := &act.Witness{Name: "stripe", Observer: observer, Known: s, Log: s, Now: time.Now}
	b.plan(sandbox.Plan{Odds: map[sandbox.Fault]float64{sandbox.Pending: 1}, WritesOnly: true, PendingS: int(time.Hour / time.Second)})
	result, err := b.cfg.Connector.Do(t.Context(), act.Request{Action: uuid.New(), Remedy: uuid.New(), Kind: "refund", Payment: "pi_1", Amount: usd(100)})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := witness.See(t.Context(), result.Ref, "webhook"); err != nil {
		t.Fatal(err)
	}
	const failing = 5
	for i := range failing {
		ref := fmt.Sprint("a_", i) // before all that the provider has
		s.states[ref], observer.to[ref] = decide.Pending, !missing
	}
	before := b.Summary().Calls
	f := &act.Follower{Witness: witness, Pending: s.Pending}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); f.Run(ctx) }()
	time.Sleep(5 * time.Hour)
	stop()
	<-done
	if status := s.states[result.Ref]; status != decide.Succeeded {
		t.Errorf("the refund behind them is %s", status)
	}
	// 1, 3, 7, … 255 minutes after they were found, and the one that ends up to 63.
	want := 6
	if missing {
		want += 8 * failing
	}
	if calls := b.Summary().Calls - before; calls < want-1 || calls > want {
		t.Errorf("%d calls, want %d", calls, want)
	}
}

// TestOutageOfHours holds that nothing is lost, or done twice, while a provider is
// down for hours: jobs stay in the outbox, the breaker leaves the provider alone, and
// all are done once it is back.
func TestOutageOfHours(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, b bubble) {
		b.plan(sandbox.Plan{Odds: map[sandbox.Fault]float64{sandbox.Unavailable: 0.5, sandbox.Cut: 0.5}})
		const jobs = 20
		b.cfg.Concurrency, b.cfg.Poll = 4, 2*time.Second
		_, stop := run(t, b.cfg)
		for i := range jobs {
			b.add(fmt.Sprint("pi_", i), usd(100))
		}
		time.Sleep(7 * time.Hour)
		calls := b.Summary().Calls
		if left := b.unfinished(); left != jobs {
			t.Errorf("%d jobs wait after seven hours, want all %d", left, jobs)
		}
		// 7 hours of one probe in 32 s would be 790; what is due less often asks less.
		if calls < 20 || calls > 1000 {
			t.Errorf("%d calls in seven hours", calls)
		}
		b.plan(sandbox.Plan{})
		time.Sleep(2 * time.Hour)
		synctest.Wait()
		stop()
		sum := b.Summary()
		if left := b.unfinished(); left != 0 || sum.Refunds != jobs || sum.Duplicates != 0 {
			t.Errorf("%d jobs wait, refunded was %+v", left, sum)
		}
	})
}
