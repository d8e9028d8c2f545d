//go:build go1.25

package makegood_test

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/makegood/makegood/sdk"
)

// script answers requests in virtual time and keeps when they came.
type script struct {
	mu     sync.Mutex
	start  time.Time
	at     []time.Duration
	events []int
	ids    map[string]bool
	answer func(n int, w http.ResponseWriter)
}

func newScript(answer func(n int, w http.ResponseWriter)) *script {
	return &script{start: time.Now(), answer: answer, ids: map[string]bool{}}
}

func (s *script) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	raw, err := readBody(r)
	if err != nil {
		panic(err)
	}
	s.mu.Lock()
	s.at = append(s.at, time.Since(s.start))
	s.events = append(s.events, strings.Count(string(raw), `"specversion"`))
	s.ids[r.Header.Get("Makegood-Batch")] = true
	n := len(s.at)
	s.mu.Unlock()
	s.answer(n, w)
}

// seen returns when requests came and with how many events.
func (s *script) seen() (at []time.Duration, events []int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.at), slices.Clone(s.events)
}

func ok(_ int, w http.ResponseWriter) { w.WriteHeader(http.StatusAccepted) }

// pass lets virtual time go by and what is due in it happen. Only the test itself
// may call it.
func pass(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

func emit(c *makegood.Client, n int) {
	for range n {
		c.Emit(context.Background(), "com.example.x")
	}
}

func TestEventsLeaveWhenDue(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newScript(ok)
		c := newClient(t, makegood.Handler(s))
		synctest.Wait() // the sender is asleep
		emit(c, 1)
		pass(150 * time.Millisecond)
		emit(c, 1)
		synctest.Wait()
		if at, _ := s.seen(); len(at) != 0 {
			t.Fatalf("sent after %v", at)
		}
		pass(time.Second)
		emit(c, 1)
		synctest.Wait()
		emit(c, 499)
		synctest.Wait()
		emit(c, 499)
		synctest.Wait()
		at, events := s.seen()
		if len(at) != 2 || at[0] != 200*time.Millisecond || at[1] != 1150*time.Millisecond || events[0] != 2 || events[1] != 500 {
			t.Errorf("requests at %v with %v events, want 2 at 200ms and 500 at 1.15s", at, events)
		}
		if err := c.Close(); err != nil {
			t.Error(err)
		}
		if at, events = s.seen(); len(at) != 3 || at[2] != at[1] || events[2] != 499 {
			t.Errorf("Close did not send at once: %v %v", at, events)
		}
	})
}

// TestFullBuffersLeaveAtOnce emits large events: two buffers fill while both
// senders sleep, and both leave before any time has passed.
func TestFullBuffersLeaveAtOnce(t *testing.T) {
	t.Parallel()
	for _, inFlight := range []int{1, 2} {
		synctest.Test(t, func(t *testing.T) {
			s := newScript(func(n int, w http.ResponseWriter) {
				<-time.After(time.Second)
				ok(n, w)
			})
			c := newClient(t, makegood.Handler(s), makegood.MaxInFlight(inFlight))
			synctest.Wait()
			emit(c, 1)
			synctest.Wait()
			for range 10 { // 4 fit in a buffer
				c.Emit(context.Background(), "com.example.x", makegood.String("s", strings.Repeat("x", 60_000)))
			}
			synctest.Wait()
			if at, _ := s.seen(); len(at) != inFlight || at[0] != 0 {
				t.Errorf("MaxInFlight(%d): requests at %v", inFlight, at)
			}
		})
	}
}

func TestAnIdleClientClosesAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := newClient(t, makegood.Handler(newScript(ok)), makegood.MaxInFlight(2))
		synctest.Wait()
		began := time.Now()
		if err := c.Close(); err != nil || time.Since(began) != 0 {
			t.Errorf("took %s: %v", time.Since(began), err)
		}
	})
}

// TestPausesGrowAndAreRandom looks at an outage of an hour.
func TestPausesGrowAndAreRandom(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		log := newLogLines()
		s := newScript(nil)
		s.answer = func(_ int, w http.ResponseWriter) {
			if time.Since(s.start) < time.Hour {
				w.WriteHeader(http.StatusServiceUnavailable)
			} else {
				w.WriteHeader(http.StatusAccepted)
			}
		}
		c := newClient(t, makegood.Handler(s), makegood.Logger(slog.New(log)))
		emit(c, 1)
		synctest.Wait()
		if err := c.Flush(context.Background()); err != nil {
			t.Fatal(err)
		}
		at, _ := s.seen()
		limit, longest, distinct := 100*time.Millisecond, time.Duration(0), map[time.Duration]bool{}
		for i := 1; i < len(at); i++ {
			pause := at[i] - at[i-1]
			if pause > limit {
				t.Errorf("pause %d is %s, want at most %s", i, pause, limit)
			}
			limit, longest = min(2*limit, 30*time.Second), max(longest, pause)
			distinct[pause] = true
		}
		if n := len(at); n < 150 || n > 500 || len(distinct) < n-3 || longest < 15*time.Second {
			t.Errorf("%d tries, %d different pauses, the longest %s", n, len(distinct), longest)
		}
		if len(s.ids) != 1 {
			t.Errorf("%d batch ids for one batch", len(s.ids))
		}
		if lines := log.all(); len(lines) != 2 {
			t.Errorf("want one line that it fails and one that it works, got %q", lines)
		}
	})
}

func TestRetryAfterIsObeyed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newScript(func(n int, w http.ResponseWriter) {
			switch n {
			case 1:
				w.Header().Set("Retry-After", "7")
				w.WriteHeader(http.StatusTooManyRequests)
			case 2:
				w.Header().Set("Retry-After", time.Now().Add(20*time.Second).UTC().Format(http.TimeFormat))
				w.WriteHeader(http.StatusServiceUnavailable)
			case 3:
				w.Header().Set("Retry-After", "2000000000")
				w.WriteHeader(http.StatusServiceUnavailable)
			default:
				w.WriteHeader(http.StatusNoContent)
			}
		})
		c := newClient(t, makegood.Handler(s))
		emit(c, 1)
		if err := c.Flush(context.Background()); err != nil {
			t.Fatal(err)
		}
		at, _ := s.seen()
		if len(at) != 4 {
			t.Fatalf("%d requests, want 4", len(at))
		}
		for i, want := range []time.Duration{7 * time.Second, 19 * time.Second, 5 * time.Minute} {
			if got := at[i+1] - at[i]; got < want || got > want+2*time.Second {
				t.Errorf("pause %d is %s, want %s and a little", i+1, got, want)
			}
		}
	})
}

// TestCloseTakesFiveSecondsAtMost has a service that is gone, one that never
// answers, and one that asks for a long pause but is back soon.
func TestCloseTakesFiveSecondsAtMost(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		down := func(_ int, w http.ResponseWriter) {
			w.Header().Set("Retry-After", "300")
			w.WriteHeader(http.StatusServiceUnavailable)
		}
		s := newScript(down)
		c := newClient(t, makegood.Handler(s))
		emit(c, 1000)
		pass(time.Minute)
		before, _ := s.seen()
		began := time.Now()
		err := c.Close()
		if took := time.Since(began); took < 5*time.Second || took > 5200*time.Millisecond || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("took %s: %v", took, err)
		}
		after, _ := s.seen()
		if n := len(after) - len(before); n < 3 || n > 30 {
			t.Errorf("%d last tries", n)
		}
		if r := c.Stats(); r.Lost != 1000 {
			t.Errorf("got %+v", r)
		}

		hang := make(chan struct{})
		c = newClient(t, makegood.Handler(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-hang })))
		emit(c, 10)
		began = time.Now()
		if err := c.Close(); err == nil || time.Since(began) > 5200*time.Millisecond {
			t.Errorf("took %s: %v", time.Since(began), err)
		}
		close(hang)

		back := time.Now().Add(time.Hour)
		s = newScript(func(n int, w http.ResponseWriter) {
			if time.Now().Before(back) {
				down(n, w)
				return
			}
			ok(n, w)
		})
		c = newClient(t, makegood.Handler(s))
		emit(c, 10)
		pass(time.Until(back.Add(-2 * time.Second)))
		if err := c.Close(); err != nil || c.Stats().Delivered != 10 {
			t.Errorf("%v, %+v", err, c.Stats())
		}
	})
}

func TestOnDropIsCalledAtMostOnceASecond(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var at []time.Time
		var reasons []error
		var last makegood.Report
		c := newClient(t, makegood.Handler(newScript(ok)), makegood.OnDrop(func(r makegood.Report, err error) {
			at, reasons, last = append(at, time.Now()), append(reasons, err), r
			panic("an application may do anything")
		}))
		for range 1000 {
			c.Emit(context.Background(), "")
			pass(10 * time.Millisecond)
		}
		if err := c.Close(); err != nil {
			t.Error(err)
		}
		if len(at) < 10 || len(at) > 11 || last.Invalid != 1000 {
			t.Errorf("%d calls, the last with %+v", len(at), last)
		}
		for i := 1; i < len(at)-1; i++ {
			if d := at[i].Sub(at[i-1]); d < time.Second {
				t.Errorf("calls %s apart", d)
			}
		}
		for _, err := range reasons {
			if !errors.Is(err, makegood.ErrInvalid) {
				t.Errorf("reason %v", err)
			}
		}
	})
}

func TestDropsAreLoggedOnceAMinuteWithoutOnDrop(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		log := newLogLines()
		c := newClient(t, makegood.Handler(newScript(ok)), makegood.Logger(slog.New(log)))
		for range 600 {
			c.Emit(context.Background(), "")
			pass(time.Second)
		}
		if n := len(log.all()); n < 10 || n > 11 {
			t.Errorf("%d lines in ten minutes", n)
		}
	})
}

// TestRequestsInFlight counts how many requests a slow service sees at a time.
func TestRequestsInFlight(t *testing.T) {
	t.Parallel()
	for _, want := range []int{1, 2} {
		synctest.Test(t, func(t *testing.T) {
			var mu sync.Mutex
			now, most := 0, 0
			s := newScript(func(n int, w http.ResponseWriter) {
				mu.Lock()
				now++
				most = max(most, now)
				mu.Unlock()
				<-time.After(10 * time.Millisecond)
				mu.Lock()
				now--
				mu.Unlock()
				ok(n, w)
			})
			c := newClient(t, makegood.Handler(s), makegood.MaxInFlight(want), makegood.MaxBatch(10))
			emit(c, 5000)
			flush(t, c)
			if most != want {
				t.Errorf("MaxInFlight(%d): %d at a time", want, most)
			}
		})
	}
}

// TestAnOutageFillsWholeBuffers emits slowly for a long time: what is held must
// be bounded by bytes, not by how often the client would have sent.
func TestAnOutageFillsWholeBuffers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var down atomic.Bool
		down.Store(true)
		s := newScript(func(n int, w http.ResponseWriter) {
			if down.Load() {
				w.WriteHeader(http.StatusBadGateway)
				return
			}
			ok(n, w)
		})
		c := newClient(t, makegood.Handler(s), makegood.Memory(1<<20))
		for range 2000 {
			emit(c, 1)
			pass(time.Second)
		}
		if r := c.Stats(); r.Full != 0 || r.InMemory != 2000 {
			t.Errorf("got %+v", r)
		}
		down.Store(false)
		if err := c.Flush(context.Background()); err != nil {
			t.Fatal(err)
		}
		_, events := s.seen()
		for _, n := range events {
			if n > 500 {
				t.Errorf("a request with %d events", n)
			}
		}
	})
}
