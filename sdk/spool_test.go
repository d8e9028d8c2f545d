package makegood_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/makegood/makegood/sdk"
)

// outage is a service that can be down.
type outage struct {
	*service
	down atomic.Bool
}

func newOutage(t testing.TB) *outage {
	o := &outage{service: newService(t)}
	o.down.Store(true)
	return o
}

func (o *outage) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	// What a client left behind as it ended may come here only after the outage: it
	// is the outage's still, since the next client sends it again.
	if o.down.Load() || r.Context().Err() != nil {
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	o.service.ServeHTTP(w, r)
}

// emitAll emits events with ids from first on, and waits where there is no room.
func emitAll(t testing.TB, c *makegood.Client, first, n int) {
	t.Helper()
	for i := first; i < first+n; i++ {
		until(t, func() bool {
			err := c.TryEmit(context.Background(), "com.example.x", makegood.ID(fmt.Sprintf("e-%06d", i)), makegood.String("pad", strings.Repeat("x", i%300)))
			if err != nil && !errors.Is(err, makegood.ErrFull) {
				t.Fatal(err)
			}
			return err == nil
		})
	}
}

// numberedIDs are the ids that emitAll gives.
func numberedIDs(first, n int) (ids []string) {
	for i := range n {
		ids = append(ids, fmt.Sprintf("e-%06d", first+i))
	}
	return ids
}

// leave shuts a client down that cannot deliver.
func leave(t testing.TB, c *makegood.Client) makegood.Report {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	r, err := c.Shutdown(ctx)
	if err != nil {
		t.Fatal(err)
	}
	checkSum(t, r)
	return r
}

// spoolFiles lists a folder without what stays for ever.
func spoolFiles(t testing.TB, folder string) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if e.Name() != "lock" && !strings.HasSuffix(e.Name(), ".jsonl") {
			names = append(names, e.Name())
		}
	}
	return names
}

// TestAnOutageFitsOnDisk emits much more than memory holds while the service is
// down. All of it arrives, in order, and nothing stays on disk.
func TestAnOutageFitsOnDisk(t *testing.T) {
	t.Parallel()
	folder, svc := t.TempDir(), newOutage(t)
	c := newClient(t, makegood.Handler(svc), makegood.Spool(folder), makegood.Memory(1<<20))
	const n = 20_000
	emitAll(t, c, 0, n)
	until(t, func() bool { return c.Stats().InMemory == 0 })
	if r := c.Stats(); r.Spooled != n || r.Delivered != 0 {
		t.Errorf("got %+v", r)
	}
	svc.down.Store(false)
	flush(t, c)
	if got := svc.ids(); !slices.Equal(got, numberedIDs(0, n)) {
		t.Errorf("%d events arrived, or in another order", len(got))
	}
	if r, err := c.Shutdown(context.Background()); err != nil || r.Delivered != n || r.Spooled+r.InMemory+r.Lost != 0 {
		t.Errorf("%+v, %v", r, err)
	}
	if left := spoolFiles(t, folder); len(left) > 0 {
		t.Errorf("left %v", left)
	}
}

// TestARestartSendsWhatWasLeft ends two clients while the service is down and
// starts a third. The events come in the order of all three, under the names that
// the first client gave them.
func TestARestartSendsWhatWasLeft(t *testing.T) {
	t.Parallel()
	folder, svc := t.TempDir(), newOutage(t)
	for i := range 2 {
		c := newClient(t, makegood.Handler(svc), makegood.Spool(folder))
		emitAll(t, c, 3000*i, 3000)
		if r := leave(t, c); r.Spooled != int64(3000*(i+1)) || r.Recovered != int64(3000*i) || r.Lost != 0 {
			t.Fatalf("client %d: %+v", i, r)
		}
	}
	svc.down.Store(false)
	c := newClient(t, makegood.Handler(svc), makegood.Spool(folder))
	emitAll(t, c, 6000, 100)
	flush(t, c)
	if r := c.Stats(); r.Recovered != 6000 || r.Accepted != 6100 || r.Delivered != 6100 || r.Spooled != 0 {
		t.Errorf("got %+v", r)
	}
	if got := svc.ids(); !slices.Equal(got, numberedIDs(0, 6100)) {
		t.Errorf("%d events arrived, or in another order", len(got))
	}
	clients := map[string]int{}
	svc.mu.Lock()
	defer svc.mu.Unlock()
	for name := range svc.inputs {
		client, _, _ := strings.Cut(name, ".")
		clients[client]++
	}
	if len(clients) != 3 || svc.repeats != 0 {
		t.Errorf("events by client: %v; %d repeats", clients, svc.repeats)
	}
}

// TestWhatWasAnsweredDoesNotComeAgain ends a client in the middle of a spool.
func TestWhatWasAnsweredDoesNotComeAgain(t *testing.T) {
	t.Parallel()
	folder, before, after := t.TempDir(), newService(t), newService(t)
	before.faults = func(n int, _ func() int, w http.ResponseWriter) bool {
		if n > 3 {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
		return n > 3
	}
	c := newClient(t, makegood.Handler(before), makegood.Spool(folder), makegood.MaxBatch(100))
	emitAll(t, c, 0, 1000)
	until(t, func() bool { requests, _ := before.count(); return requests > 4 && c.Stats().InMemory == 0 })
	r := leave(t, c)
	_, taken := before.count()
	if taken == 0 || int(r.Delivered) != taken || int(r.Spooled) != 1000-taken {
		t.Fatalf("%d taken, %+v", taken, r)
	}
	c = newClient(t, makegood.Handler(after), makegood.Spool(folder), makegood.MaxBatch(1000))
	flush(t, c)
	if r := c.Stats(); int(r.Recovered) != 1000-taken || r.Delivered != r.Recovered {
		t.Errorf("got %+v", r)
	}
	if got := after.ids(); !slices.Equal(got, numberedIDs(taken, 1000-taken)) {
		t.Errorf("%d events arrived, or others", len(got))
	}
}

// TestRefusedEventsAreKeptForPeople reads dead.jsonl.
func TestRefusedEventsAreKeptForPeople(t *testing.T) {
	t.Parallel()
	folder, svc := t.TempDir(), newService(t)
	c := newClient(t, makegood.Handler(svc), makegood.Spool(folder))
	for i := range 10 {
		typ := "com.example.x"
		if i%4 == 1 {
			typ = refusedType
		}
		c.Emit(context.Background(), typ, makegood.ID(fmt.Sprintf("e-%d", i)))
	}
	flush(t, c)
	file, err := os.Open(filepath.Join(folder, "dead.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	var got []string
	for lines := bufio.NewScanner(file); lines.Scan(); {
		var letter struct {
			Time   time.Time
			Reason string
			Event  struct{ ID, Type string }
		}
		if err := json.Unmarshal(lines.Bytes(), &letter); err != nil {
			t.Fatal(err)
		}
		if letter.Reason != "bad_event: refused by the test" || letter.Event.Type != refusedType || time.Since(letter.Time) > time.Minute {
			t.Errorf("got %s", lines.Text())
		}
		got = append(got, letter.Event.ID)
	}
	if r := c.Stats(); fmt.Sprint(got) != "[e-1 e-5 e-9]" || r.Rejected != 3 || r.Delivered != 7 {
		t.Errorf("dead letters %v, %+v", got, r)
	}
}

// TestAnEventTooLargeForTheServiceIsKept has a service that takes no event at all.
func TestAnEventTooLargeForTheServiceIsKept(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	c := newClient(t, makegood.Spool(folder), makegood.Handler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusRequestEntityTooLarge)
	})))
	emitAll(t, c, 0, 3)
	flush(t, c)
	text, err := os.ReadFile(filepath.Join(folder, "dead.jsonl"))
	if err != nil || strings.Count(string(text), "too_large: ") != 3 || !strings.Contains(string(text), `"e-000002"`) {
		t.Errorf("%s %v", text, err)
	}
	if r := c.Stats(); r.Rejected != 3 || r.Spooled != 0 {
		t.Errorf("got %+v", r)
	}
}

// troubles keeps what OnDrop was told.
type troubles struct {
	mu   sync.Mutex
	errs []string
}

func (l *troubles) option() makegood.Option {
	return makegood.OnDrop(func(_ makegood.Report, err error) {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.errs = append(l.errs, err.Error())
	})
}

func (l *troubles) all() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Join(l.errs, "\n")
}

// TestASpoolInUseIsTakenOverLater gives one folder to two clients. The second one
// works in memory until the first one ends.
func TestASpoolInUseIsTakenOverLater(t *testing.T) {
	t.Parallel()
	folder, down, svc := t.TempDir(), newOutage(t), newService(t)
	first := newClient(t, makegood.Handler(down), makegood.Spool(folder))
	emitAll(t, first, 0, 10)
	until(t, func() bool { return first.Stats().Spooled == 10 })
	told, log := &troubles{}, newLogLines()
	second := newClient(t, makegood.Handler(svc), makegood.Spool(folder), told.option(), makegood.Logger(slog.New(log)))
	emitAll(t, second, 10, 10)
	flush(t, second)
	if r := second.Stats(); r.Delivered != 10 || r.Recovered != 0 {
		t.Errorf("got %+v", r)
	}
	until(t, func() bool { return told.all() != "" && len(log.all()) > 0 })
	for _, text := range []string{told.all(), log.all()[0]} {
		if !strings.Contains(text, folder) || !strings.Contains(text, "another client uses this folder") {
			t.Errorf("told %q", text)
		}
	}
	leave(t, first)
	until(t, func() bool { return second.Stats().Recovered == 10 })
	emitAll(t, second, 20, 10)
	flush(t, second)
	if got := svc.ids(); !slices.Equal(got, append(numberedIDs(10, 10), append(numberedIDs(0, 10), numberedIDs(20, 10)...)...)) {
		t.Errorf("arrived: %v", got)
	}
}

// TestAFolderThatCannotBeUsed has a file in place of the folder: the client works
// without it, and only who asked for the disk hears of it.
func TestAFolderThatCannotBeUsed(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, sync := range []bool{false, true} {
		svc, told := newService(t), &troubles{}
		opts := []makegood.Option{makegood.Handler(svc), makegood.Spool(filepath.Join(file, "spool")), told.option()}
		if sync {
			opts = append(opts, makegood.SpoolSync())
		}
		c := newClient(t, opts...)
		for range 100 {
			err := c.TryEmit(context.Background(), "com.example.x")
			if errors.Is(err, makegood.ErrUnsaved) != sync || err != nil && !strings.Contains(err.Error(), file) {
				t.Fatalf("SpoolSync %v: %v", sync, err)
			}
		}
		flush(t, c)
		until(t, func() bool { return strings.Contains(told.all(), file) })
		if r, err := c.Shutdown(context.Background()); err != nil || r.Delivered != 100 || r.Invalid+r.Full+r.Spooled != 0 {
			t.Errorf("%+v, %v", r, err)
		}
	}
}

// TestAFolderThatVanishes removes the folder below a client. What was in it may
// be lost, and is counted then; what comes later arrives.
func TestAFolderThatVanishes(t *testing.T) {
	t.Parallel()
	folder, svc := filepath.Join(t.TempDir(), "spool"), newOutage(t)
	c := newClient(t, makegood.Handler(svc), makegood.Spool(folder), makegood.MaxBatch(10))
	emitAll(t, c, 0, 10)
	until(t, func() bool { return c.Stats().Spooled == 10 })
	if err := os.RemoveAll(folder); err != nil {
		t.Fatal(err)
	}
	emitAll(t, c, 10, 10)
	svc.down.Store(false)
	flush(t, c)
	emitAll(t, c, 20, 100)
	flush(t, c)
	r, err := c.Shutdown(context.Background())
	checkSum(t, r)
	if r.Accepted != 120 || r.Delivered < 100 || r.Delivered+r.Lost != 120 || (r.Lost > 0) != (err != nil) {
		t.Errorf("%+v, %v", r, err)
	}
	if got := svc.ids(); len(got) != int(r.Delivered) {
		t.Errorf("%d arrived, %+v", len(got), r)
	}
}

// TestASyncedEventIsOnDisk copies the folder as soon as TryEmit has returned. What
// a client finds in the copy is all that was accepted.
func TestASyncedEventIsOnDisk(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	c := newClient(t, makegood.Handler(newOutage(t)), makegood.Spool(folder), makegood.SpoolSync())
	for n := 1; n <= 20; n++ {
		emitAll(t, c, n, 1)
		again := t.TempDir()
		for _, name := range spoolFiles(t, folder) {
			text, err := os.ReadFile(filepath.Join(folder, name))
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(again, name), text, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		svc := newService(t)
		other := newClient(t, makegood.Handler(svc), makegood.Spool(again))
		flush(t, other)
		if got := svc.ids(); !slices.Equal(got, numberedIDs(1, n)) {
			t.Fatalf("after %d events the disk has %v", n, got)
		}
	}
	leave(t, c)
}

// TestASyncedEmitEndsWithItsContext emits with a context that has ended.
func TestASyncedEmitEndsWithItsContext(t *testing.T) {
	t.Parallel()
	svc := newService(t)
	c := newClient(t, makegood.Handler(svc), makegood.Spool(t.TempDir()), makegood.SpoolSync())
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	for range 100 {
		if err := c.TryEmit(ctx, "com.example.x"); err != nil && (!errors.Is(err, makegood.ErrUnsaved) || !errors.Is(err, context.Canceled)) {
			t.Fatal(err)
		}
	}
	flush(t, c)
	if r := c.Stats(); r.Delivered != 100 || r.Invalid != 0 {
		t.Errorf("got %+v", r)
	}
}

// TestDamageIsToldAndTheRestIsSent flips a byte of a spool that a client left.
func TestDamageIsToldAndTheRestIsSent(t *testing.T) {
	t.Parallel()
	folder, svc := t.TempDir(), newOutage(t)
	c := newClient(t, makegood.Handler(svc), makegood.Spool(folder), makegood.SpoolSync())
	emitAll(t, c, 0, 9) // a record each
	leave(t, c)
	names := spoolFiles(t, folder)
	if len(names) != 1 {
		t.Fatalf("files %v", names)
	}
	path := filepath.Join(folder, names[0])
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	text[strings.Index(string(text), "e-000004")] = 'X'
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	told, log := &troubles{}, newLogLines()
	svc.down.Store(false)
	c = newClient(t, makegood.Handler(svc), makegood.Spool(folder), told.option(), makegood.Logger(slog.New(log)))
	flush(t, c)
	if got := svc.ids(); !slices.Equal(got, append(numberedIDs(0, 4), numberedIDs(5, 4)...)) {
		t.Errorf("arrived: %v", got)
	}
	until(t, func() bool { return strings.Contains(told.all(), path) && strings.Contains(told.all(), "damaged") })
	if lines := log.all(); len(lines) != 1 || !strings.Contains(lines[0], path) {
		t.Errorf("log: %q", lines)
	}
	if r := leave(t, c); r.Recovered != 8 || r.Delivered != 8 {
		t.Errorf("got %+v", r)
	}
	if left := spoolFiles(t, folder); len(left) != 1 || !strings.HasSuffix(left[0], ".bad") {
		t.Errorf("left %v", left)
	}
}

// TestMemoryIsBoundedWithASpool offers more than the disk may take, too.
func TestMemoryIsBoundedWithASpool(t *testing.T) {
	folder, svc := t.TempDir(), newOutage(t)
	told := &troubles{}
	before := heap()
	c := newClient(t, makegood.Handler(svc), makegood.Memory(1<<20), makegood.Spool(folder), makegood.SpoolLimit(8<<20), told.option())
	accepted := 0
	for refused := 0; refused < 1000; {
		err := c.TryEmit(context.Background(), "com.example.x", makegood.ID(fmt.Sprintf("e-%06d", accepted)), makegood.String("s", strings.Repeat("x", 500)))
		switch {
		case err == nil:
			accepted++
		case !errors.Is(err, makegood.ErrFull):
			t.Fatal(err)
		case strings.Contains(told.all(), "spool is full"):
			refused++
		}
	}
	grown := int64(heap()) - int64(before)
	r := c.Stats()
	checkSum(t, r)
	t.Logf("heap grew by %d bytes; %+v", grown, r)
	if grown > 3<<20 || r.Accepted != int64(accepted) || r.Spooled < 8000 || r.Full < 1000 || r.InMemory == 0 {
		t.Errorf("heap grew by %d bytes; %+v", grown, r)
	}
	svc.down.Store(false)
	flush(t, c)
	if got := svc.ids(); !slices.Equal(got, numberedIDs(0, accepted)) {
		t.Errorf("%d of %d events arrived, or in another order", len(got), accepted)
	}
}

func TestSpoolConfiguration(t *testing.T) {
	svc := newService(t)
	for name, tc := range map[string]struct {
		opts []makegood.Option
		want string
	}{
		"empty":     {[]makegood.Option{makegood.Spool("")}, "leave the option out"},
		"limit":     {[]makegood.Option{makegood.SpoolLimit(1 << 20)}, "8388608"},
		"no folder": {[]makegood.Option{makegood.SpoolSync()}, "MAKEGOOD_SPOOL"},
		"memory":    {[]makegood.Option{makegood.Spool(t.TempDir()), makegood.Memory(512 << 10)}, "1048576"},
	} {
		if _, err := makegood.New("checkout", append(tc.opts, makegood.Handler(svc))...); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: got %v, want an error with %q", name, err, tc.want)
		}
	}
	folder := filepath.Join(t.TempDir(), "spool")
	t.Setenv("MAKEGOOD_SPOOL", folder)
	t.Setenv("MAKEGOOD_URL", "")
	if c := newClient(t, makegood.SpoolSync()); c.Enabled() {
		t.Error("the client is enabled")
	}
	if _, err := os.Stat(folder); err == nil {
		t.Error("a disabled client makes a folder")
	}
	c := newClient(t, makegood.Handler(svc))
	flush(t, c)
	if _, err := os.Stat(folder); err != nil {
		t.Error(err)
	}
}
