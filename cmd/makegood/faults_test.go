package main

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/makegood/makegood/sdk"
)

// badWay lets two requests of three go wrong, at most twice in a row: before the
// service hears of them, or when only the answer is on its way.
type badWay struct {
	next http.Handler

	mu            sync.Mutex
	random        *rand.Rand
	row           int
	before, after int
}

func (b *badWay) draw() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	n := b.random.IntN(3)
	if n == 0 || b.row == 2 {
		b.row = 0
		return 0
	}
	b.row++
	if n == 1 {
		b.before++
	} else {
		b.after++
	}
	return n
}

func (b *badWay) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch b.draw() {
	case 0:
		b.next.ServeHTTP(w, r)
		return
	case 2:
		b.next.ServeHTTP(httptest.NewRecorder(), r)
	}
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(err)
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0) // a reset rather than an end
	}
	_ = conn.Close()
}

// TestFaultsBeforeTheService has clients of the SDK reach a whole service by a bad
// way, and end in the middle of it where a spool keeps what is left. In the end the
// service has judged each accepted event once, and misses none.
func TestFaultsBeforeTheService(t *testing.T) {
	t.Parallel()
	seeds, flights := uint64(2), []int{1, 2}
	if testing.Short() {
		seeds, flights = 1, flights[:1]
	}
	for seed := range seeds {
		for _, spool := range []string{"none", "plain", "synced"} {
			for _, inFlight := range flights {
				t.Run(fmt.Sprintf("seed %d, spool %s, in flight %d", seed, spool, inFlight), func(t *testing.T) {
					t.Parallel()
					faultsBefore(t, rand.New(rand.NewPCG(seed, uint64(inFlight))), spool, inFlight)
				})
			}
		}
	}
}

func faultsBefore(t *testing.T, random *rand.Rand, spool string, inFlight int) {
	service, server := quietService(t)
	way := &badWay{next: service, random: rand.New(rand.NewPCG(random.Uint64(), 1))}
	bad := httptest.NewServer(way)
	defer bad.Close()
	opts := []makegood.Option{
		makegood.URL(bad.URL), makegood.Logger(slog.New(slog.DiscardHandler)),
		makegood.MaxBatch(10), makegood.MaxInFlight(inFlight), makegood.FlushEvery(time.Millisecond),
	}
	if spool != "none" {
		opts = append(opts, makegood.Spool(t.TempDir()))
	}
	if spool == "synced" {
		opts = append(opts, makegood.SpoolSync())
	}
	const lives, each = 3, 60
	began, recovered := time.Now(), int64(0)
	for life := range lives {
		client, err := makegood.New("checkout", opts...)
		if err != nil {
			t.Fatal(err)
		}
		for range each {
			if err := client.TryEmit(t.Context(), "com.example.cart", makegood.At(began)); err != nil {
				t.Error(err)
			}
		}
		end, cancel := context.WithTimeout(t.Context(), time.Minute)
		if life < lives-1 && spool != "none" {
			cancel()
		}
		r, err := client.Shutdown(end)
		cancel()
		if err != nil || r.Lost+r.Rejected+r.InMemory != 0 || r.Accepted != r.Delivered+r.Spooled || life == lives-1 && r.Spooled != 0 {
			t.Fatalf("life %d: %+v, %v", life, r, err)
		}
		recovered += r.Recovered
	}
	last, err := makegood.New("clock", makegood.URL(server.URL), makegood.Logger(slog.New(slog.DiscardHandler)))
	if err != nil {
		t.Fatal(err)
	}
	last.Emit(t.Context(), "com.example.cart", makegood.At(began.Add(time.Hour))) // counts are of the time before it
	if err := last.Close(); err != nil {
		t.Fatal(err)
	}
	s := statusOf(t, service)
	if n := s.Totals.Counted.NoMatch; n != lives*each || len(s.Gaps) > 0 {
		t.Errorf("%d events were judged of %d; %+v, gaps %+v", n, lives*each, s.Totals.Counted, s.Gaps)
	}
	if way.before == 0 || way.after == 0 || s.Totals.Counted.Duplicates == 0 || spool != "none" && recovered == 0 {
		t.Errorf("hardly anything was checked: %d faults before the service and %d behind it, %+v, %d recovered", way.before, way.after, s.Totals.Counted, recovered)
	}
}
