//go:build go1.24

package makegood_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/makegood/makegood/sdk"
)

// sink takes every batch at once, so that a benchmark measures the caller.
func sink() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.WriteHeader(http.StatusAccepted)
	})
}

// againstTheClock runs f and time.Now in turns and reports what f costs as a
// multiple of time.Now, the least that an event with a time can cost. It compares
// the fastest turns of both, in which nobody else used the processor.
func againstTheClock(b *testing.B, f func()) {
	var last time.Time
	inTurns(b, "x/time.Now", f, func() { last = time.Now() })
	_ = last
}

// inTurns runs f and floor in turns and reports what f costs as a multiple. What is
// done after a turn is not measured.
func inTurns(b *testing.B, unit string, f, floor func(), after ...func()) {
	const turn = 1000
	fastest, least := time.Duration(1<<62), time.Duration(1<<62)
	b.ReportAllocs()
	b.ResetTimer()
	for done := 0; done < b.N; done += turn {
		began := time.Now()
		for range turn {
			f()
		}
		middle := time.Now()
		for range turn {
			floor()
		}
		fastest, least = min(fastest, middle.Sub(began)), min(least, time.Since(middle))
		if len(after) == 0 {
			continue // stopping the clock would cool the caches
		}
		b.StopTimer()
		for _, f := range after {
			f()
		}
		b.StartTimer()
	}
	b.ReportMetric(float64(fastest)/turn, "ns/op")
	b.ReportMetric(float64(fastest)/float64(least), unit)
}

// shop emits the event of the benchmarks, which has five attributes. It is not
// inlined because its copies would call Customer and the like, which inline into
// a function of an application.
//
//go:noinline
func shop(c *makegood.Client) func() {
	ctx, customer, order := context.Background(), "c-42", "order/77"
	return func() {
		c.Emit(ctx, "com.example.cart.abandoned", makegood.Customer(customer), makegood.Subject(order),
			makegood.Int("items", 3), makegood.Money("total", "59.90 USD"), makegood.String("page", "/checkout/payment"))
	}
}

func BenchmarkEmit(b *testing.B) {
	c := newClient(b, makegood.Handler(sink()), makegood.Memory(64<<20), makegood.TraceParent(func(context.Context) string { return parent }))
	againstTheClock(b, shop(c))
	r := c.Stats()
	b.ReportMetric(100*float64(r.Full)/float64(r.Full+r.Accepted), "%dropped")
}

func BenchmarkEmitParallel(b *testing.B) {
	c := newClient(b, makegood.Handler(sink()))
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for emit := shop(c); pb.Next(); {
			emit()
		}
	})
	r := c.Stats()
	b.ReportMetric(100*float64(r.Full)/float64(r.Full+r.Accepted), "%dropped")
}

func BenchmarkEmitWhenFull(b *testing.B) {
	svc := newStuck(b)
	c := newClient(b, makegood.Handler(svc), makegood.Memory(512<<10))
	b.Cleanup(func() { close(svc.release) })
	for c.TryEmit(context.Background(), "com.example.x") == nil {
	}
	againstTheClock(b, shop(c))
}

func BenchmarkEmitDisabled(b *testing.B) {
	againstTheClock(b, shop(nil))
}

// BenchmarkEmitServerDown reports the slowest calls of eight goroutines while
// the memory fills and overflows.
func BenchmarkEmitServerDown(b *testing.B) {
	down := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) })
	c := newClient(b, makegood.Handler(down))
	const callers = 8
	took := make([][]time.Duration, callers)
	b.ResetTimer()
	var wg sync.WaitGroup
	for g := range callers {
		wg.Add(1)
		go func() {
			defer wg.Done()
			emit := shop(c)
			took[g] = make([]time.Duration, b.N/callers+1)
			for i := range took[g] {
				began := time.Now()
				emit()
				took[g][i] = time.Since(began)
			}
		}()
	}
	wg.Wait()
	b.StopTimer()
	all := slices.Concat(took...)
	slices.Sort(all)
	b.ReportMetric(float64(all[len(all)*999/1000]), "p99.9-ns")
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, _ = c.Shutdown(ctx) // nothing can be delivered: do not wait for it
}

const (
	mostOfLeast  = 2   // times the least that a question to a gate may cost
	turnsToJudge = 100 // from which on the fastest turn is no accident
)

// BenchmarkGate asks a gate by its handle and by name, and does in turns the
// least that either can cost: loading a pointer, and reading a map. Every
// question is asked in a loop of its own, so that each is inlined as it is in an
// application, and the fastest turns are compared. It fails when a question costs
// more than twice the least.
func BenchmarkGate(b *testing.B) {
	const gates, turn = 1024, 1 << 14
	c := newClient(b, makegood.Handler(newAndon()))
	ready(b, c)
	names, answers := make([]string, gates), map[string]bool{}
	for i := range names {
		names[i] = fmt.Sprintf("product/furniture/TABLE-%d", i)
		answers[names[i]] = c.Gate(names[i], makegood.FailOpen).Closed()
	}
	for range gates { // until a look-up takes no lock
		_ = c.Closed(names[0])
	}
	gate, bare := c.Gate(names[7], makegood.FailOpen), &atomic.Pointer[bool]{}
	bare.Store(new(bool))
	closed := 0
	ask := []struct {
		name string
		turn func()
		best time.Duration
	}{
		{name: "pointer", turn: func() {
			for range turn {
				if *bare.Load() {
					closed++
				}
			}
		}},
		{name: "gate", turn: func() {
			for range turn {
				if gate.Closed() {
					closed++
				}
			}
		}},
		{name: "map", turn: func() {
			for i := range turn {
				if answers[names[i%gates]] {
					closed++
				}
			}
		}},
		{name: "name", turn: func() {
			for i := range turn {
				if c.Closed(names[i%gates]) {
					closed++
				}
			}
		}},
	}
	b.ReportAllocs()
	for b.Loop() {
		for i := range ask {
			began := time.Now()
			ask[i].turn()
			if took := time.Since(began); ask[i].best == 0 || took < ask[i].best {
				ask[i].best = took
			}
		}
	}
	if closed > 0 {
		b.Errorf("%d answers were closed", closed)
	}
	for _, a := range ask {
		b.ReportMetric(float64(a.best)/turn, a.name+"-ns")
	}
	compare(b, "gate/pointer", ask[1].best, ask[0].best)
	compare(b, "name/map", ask[3].best, ask[2].best)
}

// compare reports how much longer a turn of questions took than one of the least,
// and fails when that is too much.
func compare(b *testing.B, unit string, asked, least time.Duration) {
	b.Helper()
	ratio := float64(asked) / float64(least)
	b.ReportMetric(ratio, unit)
	if b.N >= turnsToJudge && ratio > mostOfLeast {
		b.Errorf("%s is %.2f, want at most %d", unit, ratio, mostOfLeast)
	}
}

// abandoned is the event of shop as a type.
type abandoned struct {
	Customer string `makegood:"customer"`
	Order    string `makegood:"subject"`
	Items    int    `json:"items"`
	Total    string `json:"total" makegood:"money"`
	Page     string `json:"page"`
}

// BenchmarkEmitTyped reports a typed event as a multiple of the same untyped one.
func BenchmarkEmitTyped(b *testing.B) {
	c := newClient(b, makegood.Handler(sink()), makegood.Memory(64<<20), makegood.TraceParent(func(context.Context) string { return parent }))
	event := makegood.Define[abandoned]("com.example.cart.abandoned")
	ctx, customer, order := context.Background(), "c-42", "order/77"
	typed := func() {
		event.Emit(ctx, c, abandoned{Customer: customer, Order: order, Items: 3, Total: "59.90 USD", Page: "/checkout/payment"})
	}
	inTurns(b, "x/untyped", typed, shop(c))
}
