package makegood_test

import (
	"context"
	"errors"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/makegood/makegood/sdk"
)

// stuck is a service that takes nothing until it is let go.
type stuck struct {
	*service
	release chan struct{}
}

func newStuck(t testing.TB) *stuck { return &stuck{newService(t), make(chan struct{})} }

func (s *stuck) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	<-s.release
	s.service.ServeHTTP(w, r)
}

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// TestMemoryIsBounded offers far more than fits to a client whose service hangs.
// What was accepted must stay, in order, and arrive.
func TestMemoryIsBounded(t *testing.T) {
	svc := newStuck(t)
	before := heap()
	c := newClient(t, makegood.Handler(svc), makegood.Memory(1<<20))
	var wg sync.WaitGroup
	for range 4 {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for i := range 50_000 {
				err := c.TryEmit(context.Background(), "com.example.x", makegood.Int("i", i), makegood.String("s", strings.Repeat("x", i%1000)))
				if err != nil && !errors.Is(err, makegood.ErrFull) {
					t.Error(err)
				}
			}
		}()
	}
	wg.Wait()
	grown := int64(heap()) - int64(before)
	r := c.Stats()
	checkSum(t, r)
	t.Logf("heap grew by %d bytes; %+v", grown, r)
	if grown > 3<<19 || r.Full+r.Accepted != 200_000 || r.InMemory != r.Accepted || r.Full < 190_000 {
		t.Errorf("heap grew by %d bytes; %+v", grown, r)
	}
	if err := c.TryEmit(context.Background(), ""); !errors.Is(err, makegood.ErrFull) {
		t.Errorf("an event was encoded though there is no room: %v", err)
	}
	close(svc.release)
	flush(t, c)
	if _, taken := svc.count(); int64(taken) != r.Accepted {
		t.Errorf("accepted %d, arrived %d", r.Accepted, taken)
	}
	if err := c.TryEmit(context.Background(), "com.example.x"); err != nil {
		t.Errorf("there is room again, but: %v", err)
	}
}

func TestEmitAllocatesNothing(t *testing.T) {
	if raceDetector {
		t.Skip("the race detector makes sync.Pool forget")
	}
	svc := newStuck(t)
	defer close(svc.release)
	c := newClient(t, makegood.Handler(svc), makegood.Memory(64<<20), makegood.MaxBatch(1000))
	order, customer := "77", "c-42"
	emit := func() {
		c.Emit(context.Background(), "com.example.cart.abandoned", makegood.Customer(customer), makegood.Subject("order/"+order),
			makegood.Int("items", 3), makegood.Money("total", "59.90 USD"), makegood.Bool("guest", false))
	}
	if n := testing.AllocsPerRun(2000, emit); n != 0 {
		t.Errorf("%v allocations an event", n)
	}
	if r := c.Stats(); r.Accepted < 2000 {
		t.Errorf("got %+v", r)
	}
	small := newClient(t, makegood.Handler(svc), makegood.Memory(512<<10))
	for small.TryEmit(context.Background(), "com.example.x") == nil {
	}
	if n := testing.AllocsPerRun(2000, func() { small.Emit(context.Background(), "com.example.x", makegood.Int("i", 1)) }); n != 0 {
		t.Errorf("%v allocations an event when full", n)
	}
}

// TestAHugeTextIsNotCopied emits what cannot fit.
func TestAHugeTextIsNotCopied(t *testing.T) {
	c := newClient(t, makegood.Handler(newService(t)))
	huge := strings.Repeat("x", 64<<20)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	err := c.TryEmit(context.Background(), "com.example.x", makegood.String("s", huge))
	runtime.ReadMemStats(&after)
	if grown := after.TotalAlloc - before.TotalAlloc; !errors.Is(err, makegood.ErrTooLarge) || grown > 1<<20 {
		t.Errorf("%v, %d bytes allocated", err, grown)
	}
}

var _ http.Handler = (*stuck)(nil)
