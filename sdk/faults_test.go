package makegood_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	makegood "github.com/makegood/makegood/sdk"
)

var (
	faultSeeds = flag.Int("faults.seeds", 0, "how many seeds TestFaults runs; 0: as many as there is time for")
	faultSeed  = flag.Uint64("faults.seed", 0, "run TestFaults with this seed alone")
)

// setup is a way in which a client delivers.
type setup struct {
	spool    string // none, plain or synced
	zipped   bool
	inFlight int
}

func setups() (all []setup) {
	for _, spool := range []string{"none", "plain", synced} {
		for _, zipped := range []bool{false, true} {
			for _, inFlight := range []int{1, 2} {
				all = append(all, setup{spool, zipped, inFlight})
			}
		}
	}
	return all
}

// trial is a service behind bad weather, and clients that live one after the other.
type trial struct {
	setup
	name    string
	t       testing.TB
	random  *rand.Rand
	svc     *service
	site    *site
	folder  string
	trouble bool // the folder is out of reach for a while
	full    bool // there is little room in memory

	log *logLines

	mu     sync.Mutex
	kinds  map[string]string // types of all accepted events, by id
	lost   int64
	left   int64 // on disk when the last client ended
	counts counts
}

// counts are of all clients that lived so far.
type counts struct{ lives, accepted, delivered, rejected, full, closed, unsaved, recovered int64 }

// environment guards the variables of which New reads the token's file.
var environment sync.Mutex

func newTrial(t testing.TB, seed uint64, n int, s setup) *trial {
	w := &trial{
		setup: s, t: t, svc: newService(t), folder: filepath.Join(t.TempDir(), "spool"),
		name:    fmt.Sprintf("seed %d, spool %s, gzip %v, in flight %d", seed, s.spool, s.zipped, s.inFlight),
		random:  rand.New(rand.NewPCG(seed, uint64(n))),
		trouble: s.spool != "none" && (seed+uint64(n))%3 == 0,
		full:    s.spool == "none" && (seed+uint64(n))%2 == 0,
		log:     newLogLines(),
		kinds:   map[string]string{},
	}
	w.site = newSite(t, w.svc, rand.New(rand.NewPCG(seed, uint64(n)+100)), filepath.Join(t.TempDir(), "token"), s.zipped)
	return w
}

func (w *trial) errorf(format string, args ...any) {
	w.t.Errorf(w.name+": "+format, args...)
}

// client makes a client, and a function that ends its connections. The last one must
// deliver all, on a busy machine too, and waits longer for an answer.
func (w *trial) client(last bool) (c *makegood.Client, hangUp func(), err error) {
	transport := &http.Transport{DialContext: w.site.dial, MaxIdleConnsPerHost: 2}
	patience := 150 * time.Millisecond
	if last {
		patience = 2 * time.Second
	}
	address := "http://127.0.0.1:1" // a loopback address is not zipped for
	if w.zipped {
		address = "http://makegood.example.com"
	}
	opts := []makegood.Option{
		makegood.URL(address), makegood.HTTPClient(&http.Client{Transport: transport, Timeout: patience}),
		makegood.MaxInFlight(w.inFlight), makegood.MaxBatch(20), makegood.FlushEvery(2 * time.Millisecond),
		makegood.Memory(1 << 20), makegood.Logger(slog.New(w.log)),
	}
	if w.full {
		opts = append(opts, makegood.Memory(512<<10))
	}
	if w.spool != "none" {
		opts = append(opts, makegood.Spool(w.folder))
	}
	if w.spool == synced {
		opts = append(opts, makegood.SpoolSync())
	}
	environment.Lock()
	defer environment.Unlock()
	if err := os.Setenv("MAKEGOOD_TOKEN_FILE", w.site.file); err != nil {
		return nil, nil, err
	}
	c, err = makegood.New("checkout", opts...)
	return c, transport.CloseIdleConnections, err
}

// emitter emits events of a life until the client is closed, or all are out. reach
// is called with each event's place.
func (w *trial) emitter(c *makegood.Client, random *rand.Rand, name string, each, pad int, reach func(i int)) {
	for i := range each {
		typ := "com.example.x"
		switch random.IntN(100) {
		case 0, 1:
			typ = refusedType
		case 2:
			typ = []string{largeType, poisonType}[random.IntN(2)]
		}
		id := fmt.Sprintf("%s/%05d", name, i)
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		err := c.TryEmit(ctx, typ, makegood.ID(id), makegood.String("pad", strings.Repeat("x", random.IntN(pad))))
		cancel()
		w.mu.Lock()
		switch {
		case errors.Is(err, context.DeadlineExceeded):
			w.errorf("event %s waited in vain: %v", id, err)
			w.mu.Unlock()
			return
		case err == nil || errors.Is(err, makegood.ErrUnsaved):
			w.kinds[id] = typ
			w.counts.accepted++
			if err != nil {
				w.counts.unsaved++
			}
		case errors.Is(err, makegood.ErrFull):
			w.counts.full++
		case errors.Is(err, makegood.ErrClosed):
			w.counts.closed++
		default:
			w.errorf("event %s: %v", id, err)
		}
		w.mu.Unlock()
		reach(i)
	}
}

// live is the life of a client. The last one delivers all; the others end in the
// middle of things.
func (w *trial) live(n, each int, last bool) {
	trouble, pad := w.trouble && !last, 300
	if trouble && w.random.IntN(2) == 0 { // from the beginning on
		w.hide()
	}
	c, hangUp, err := w.client(last)
	if err != nil {
		w.errorf("%v", err)
		return
	}
	defer hangUp()
	before := w.counts
	stopWatching := watchSum(w.t, c)
	early := make(chan struct{}) // closed in the middle of the emitting
	if w.full {
		pad = 6000
	}
	from, to, middle := w.random.IntN(each), w.random.IntN(each), w.random.IntN(each)
	var wg sync.WaitGroup
	for g := range 3 {
		random := rand.New(rand.NewPCG(w.random.Uint64(), 1))
		wg.Add(1)
		go func() {
			defer wg.Done()
			w.emitter(c, random, fmt.Sprintf("%d/%d", n, g), each, pad, func(i int) {
				switch {
				case g == 0 && i == middle:
					close(early)
				case g == 1 && i == min(from, to) && trouble:
					w.hide()
				case g == 1 && i == max(from, to) && trouble && from > to: // else the life ends so
					w.show()
				}
			})
		}()
	}
	w.end(c, &wg, early, last)
	wg.Wait()
	w.emitter(c, w.random, fmt.Sprintf("%d/late", n), 3, pad, func(int) {})
	stopWatching()
	w.show()
	w.judge(c.Stats(), before, last)
}

// hide puts a file in the place of the folder, and show undoes it.
func (w *trial) hide() {
	if info, err := os.Lstat(w.folder); err == nil && !info.IsDir() {
		return
	}
	if err := errors.Join(os.Rename(w.folder, w.folder+".away"), os.WriteFile(w.folder, nil, 0o600)); err != nil && !errors.Is(err, os.ErrNotExist) {
		w.errorf("%v", err)
	}
}

func (w *trial) show() {
	if info, err := os.Lstat(w.folder); err != nil || info.IsDir() {
		return
	}
	err := os.Remove(w.folder)
	if _, missing := os.Lstat(w.folder + ".away"); missing == nil {
		err = errors.Join(err, os.Rename(w.folder+".away", w.folder))
	}
	if err != nil {
		w.errorf("%v", err)
	}
}

// end shuts a client down: the last one when all was delivered, the others with
// more or less time, before or after the emitters have ended.
func (w *trial) end(c *makegood.Client, emitters *sync.WaitGroup, early chan struct{}, last bool) {
	allowed := []time.Duration{0, time.Millisecond, 20 * time.Millisecond, 100 * time.Millisecond}[w.random.IntN(4)]
	if last || w.random.IntN(2) == 0 {
		emitters.Wait()
	}
	<-early
	if last {
		allowed = 2 * time.Minute
	}
	ctx, cancel := context.WithTimeout(context.Background(), allowed)
	defer cancel()
	if last {
		if err := c.Flush(ctx); err != nil {
			w.errorf("%v: %+v %q", err, c.Stats(), w.log.all())
		}
	}
	r, err := c.Shutdown(ctx)
	checkSum(w.t, r)
	if r.InMemory != 0 || (err != nil) != (r.Lost > 0) {
		w.errorf("shutdown: %v, %+v", err, r)
	}
}

// judge compares what a client says with what its emitters were told.
func (w *trial) judge(r makegood.Report, before counts, last bool) {
	checkSum(w.t, r)
	told, got := w.counts, r.Accepted-r.Recovered
	if got != told.accepted-before.accepted || r.Full != told.full-before.full || r.Closed != told.closed-before.closed || r.InMemory+r.Invalid+r.TooLarge != 0 {
		w.errorf("%+v, but emitters were told %+v before and %+v now", r, before, told)
	}
	if !w.trouble && r.Recovered < w.left {
		w.errorf("%d recovered of %d that were left", r.Recovered, w.left)
	}
	if last && (r.Spooled != 0 || r.Lost != 0) {
		w.errorf("the last client left %+v", r)
	}
	w.left = r.Spooled
	w.lost += r.Lost
	w.counts.lives++
	w.counts.delivered += r.Delivered
	w.counts.rejected += r.Rejected
	w.counts.recovered += r.Recovered
}

// run lives some lives and looks at what came of them.
func (w *trial) run(lives, each int) {
	for n := range lives {
		w.live(n, each, n == lives-1)
	}
	_ = w.site.server.Close()
	w.svc.mu.Lock()
	defer w.svc.mu.Unlock()
	w.effects()
	w.order()
	if w.spool != "none" && !w.trouble {
		w.buried()
	}
}

// awaitTrials fails the test by its name shortly before the time for all tests is
// over: a client that waits for ever would end them all without one.
func awaitTrials(t *testing.T, trials *sync.WaitGroup) {
	t.Helper()
	const forTheReport = 5 * time.Second
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		trials.Wait()
	}()
	var late <-chan time.Time
	if deadline, limited := t.Deadline(); limited {
		late = time.After(time.Until(deadline) - forTheReport)
	}
	select {
	case <-ended:
	case <-late:
		t.Fatal("some clients have not ended, and the time for the tests is nearly over")
	}
}

// TestFaults lets clients of all kinds live and die before a service to which
// everything happens, and asks after every life and at the end where each event is.
// Most of its time goes by in pauses between tries, so several seeds run at once.
func TestFaults(t *testing.T) {
	t.Setenv("MAKEGOOD_TOKEN_FILE", "")
	began, seeds, limit, lives, each, atOnce := time.Now(), 1_000_000, 5*time.Second, 3, 100, 4
	switch {
	case *faultSeed > 0:
		seeds = 1
	case *faultSeeds > 0:
		seeds, limit = *faultSeeds, 24*time.Hour
	case testing.Short():
		seeds, lives, each = 1, 2, 25
	}
	goroutines := clientGoroutines()
	all := &figures{dealt: map[string]int{}, known: map[string]bool{}}
	for seed := max(1, *faultSeed); seeds > 0 && time.Since(began) < limit; {
		var wg sync.WaitGroup
		var trials []*trial
		for ; len(trials) < atOnce*len(setups()) && seeds > 0; seed, seeds = seed+1, seeds-1 {
			for n, s := range setups() {
				w := newTrial(t, seed, n, s)
				trials = append(trials, w)
				wg.Add(1)
				go func() {
					defer wg.Done()
					w.run(lives, each)
				}()
			}
			all.seeds++
		}
		awaitTrials(t, &wg)
		for _, w := range trials {
			all.add(w)
		}
		if t.Failed() {
			t.Fatal("run a seed again with -faults.seed")
		}
	}
	until(t, func() bool { return clientGoroutines() <= goroutines })
	t.Logf("%s; %s", all, time.Since(began).Round(time.Second/10))
	all.check(t)
}
