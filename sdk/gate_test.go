package makegood_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/makegood/makegood/sdk"
)

// serveAndon makes a service on a socket, and a client of it that has heard it.
func serveAndon(t testing.TB, opts ...makegood.Option) (*andon, *makegood.Client) {
	t.Helper()
	svc := newAndon()
	server := httptest.NewServer(svc)
	t.Cleanup(server.Close)
	c := newClient(t, append([]makegood.Option{makegood.URL(server.URL)}, opts...)...)
	t.Cleanup(func() { _ = c.Close() }) // before the server, which waits for its streams
	ready(t, c)
	return svc, c
}

func ready(t testing.TB, c *makegood.Client) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	if err := c.WaitReady(ctx); err != nil {
		t.Fatal(err)
	}
}

// changesOf returns a channel of a gate's answers.
func changesOf(g *makegood.Gate) <-chan bool {
	changes := make(chan bool, 16)
	g.OnChange(func(closed bool) { changes <- closed })
	return changes
}

// next waits for an answer.
func next(t testing.TB, changes <-chan bool) bool {
	t.Helper()
	select {
	case closed := <-changes:
		return closed
	case <-time.After(20 * time.Second):
		t.Fatal("the gate did not change in 20 s")
		return false
	}
}

func TestAGateFollowsItsCordAndThoseAbove(t *testing.T) {
	t.Parallel()
	svc, c := serveAndon(t)
	gate := c.Gate("product/furniture/TABLE-7", makegood.FailOpen)
	changes := changesOf(gate)
	for _, step := range []struct {
		cord, level string
		want        bool
		says        string
	}{
		{"product/furniture/TABLE-7", "red", true, "is closed (fail open): cord product/furniture/TABLE-7 is red, direct, since 2026-01-05T10:00:00Z; known"},
		{"product/furniture/TABLE-7", "yellow", false, "is open (fail open): cord product/furniture/TABLE-7 is yellow, direct"},
		{"product", "red", true, "cord product is red, inherited"},
		{"product", "open", false, "cord product/furniture/TABLE-7 is yellow, direct"},
		{"product/furniture", "red", true, "cord product/furniture is red, inherited"},
		{"product/furniture", "open", false, "cord product/furniture/TABLE-7 is yellow, direct"},
		{"product", "red", true, "cord product is red, inherited"},
		{"product", "yellow", false, "cord product/furniture/TABLE-7 is yellow, direct"}, // the nearest of equals
	} {
		svc.set(step.cord, step.level)
		if got := next(t, changes); got != step.want || gate.Closed() != got || c.Closed("product/furniture/TABLE-7") != got {
			t.Errorf("%s is %s: closed %v, want %v", step.cord, step.level, got, step.want)
		}
		if got := gate.State().String(); !strings.Contains(got, step.says) {
			t.Errorf("%s is %s: the state is %q, want %q in it", step.cord, step.level, got, step.says)
		}
	}
	svc.set("product/furniture/TABLE-70", "red")
	svc.set("product/furniture/TABLE-7/leg", "red")
	svc.set("furniture/TABLE-7", "red")
	svc.set("other", "red")
	other := c.Gate("other", makegood.LastKnown)
	until(t, other.Closed)
	if gate.Closed() {
		t.Errorf("a neighbour closed the gate: %s", gate.State())
	}
}

func TestAStreamGoesOnWhereItEnded(t *testing.T) {
	t.Parallel()
	svc, c := serveAndon(t)
	changes := changesOf(c.Gate("line/1", makegood.FailClosed))
	svc.set("line/1", "red")
	if !next(t, changes) {
		t.Fatal("not closed")
	}
	svc.answer(nil) // cut off
	svc.set("line/1", "open")
	if next(t, changes) {
		t.Fatal("not opened")
	}
	svc.restart(map[string]string{"line": "red"})
	if !next(t, changes) {
		t.Fatal("not closed after a restart")
	}
	want := []string{"andon/stream", "andon/stream 0000000000000001.1", "andon/stream 0000000000000001.2"}
	if got := svc.asked(); !slices.Equal(got, want) {
		t.Errorf("asked %q, want %q", got, want)
	}
}

func TestDeclaringTwiceGivesTheSameGate(t *testing.T) {
	t.Parallel()
	log := newLogLines()
	c := newClient(t, makegood.URL(""), makegood.Logger(slog.New(log)))
	first := c.Gate("line/1", makegood.FailClosed)
	for range 3 {
		if c.Gate("line/1", makegood.FailOpen) != first || !first.Closed() {
			t.Error("another gate, or another mode")
		}
	}
	if c.Gate("line/1", makegood.FailClosed, makegood.MaxStale(-1), nil) != first {
		t.Error("the same declaration gives another gate")
	}
	if c.Closed("line/2") {
		t.Error("a gate that nobody declared is closed")
	}
	if named := c.Gate("line/2", makegood.FailClosed); !named.Closed() || named.State().Mode != makegood.FailClosed {
		t.Error("a name that was asked for cannot be declared any more")
	}
	lines := slices.DeleteFunc(log.all(), func(line string) bool { return strings.Contains(line, "disabled") })
	if len(lines) != 1 || !strings.Contains(lines[0], "declared twice") || !strings.Contains(lines[0], `"line/1"`) {
		t.Errorf("want one line about line/1, got %q", lines)
	}
}

func TestIllegalPathsAnswerByTheirMode(t *testing.T) {
	t.Parallel()
	log := newLogLines()
	svc, c := serveAndon(t, makegood.Logger(slog.New(log)))
	svc.set("a", "red")
	until(t, func() bool { return c.Closed("a") })
	paths := []string{"", "/", "a/", "/a", "a//b", ".", "a/..", "a b", "a\x00", "ä", "a/" + strings.Repeat("x", 65), strings.Repeat("a/", 256) + "a"}
	for _, path := range paths {
		for range 2 {
			closed := c.Gate(path, makegood.FailClosed)
			if !closed.Closed() || closed.State().Problem == "" || c.Closed(path) != true {
				t.Errorf("%.20q: %s", path, closed.State())
			}
		}
	}
	if lines := log.all(); len(lines) != len(paths) {
		t.Errorf("%d paths gave %d lines: %.300q", len(paths), len(lines), lines)
	}
	for i := range 5 {
		if c.Closed(fmt.Sprintf("a/b c/%d", i)) {
			t.Error("a name that is no path is closed")
		}
	}
	if lines := log.all(); len(lines) != len(paths)+1 {
		t.Errorf("names that are no paths gave %d lines, want one", len(lines)-len(paths))
	}
}

// TestNamesFromRequestsAreBounded asks for more names than are kept. It measures
// the heap, so it runs alone.
func TestNamesFromRequestsAreBounded(t *testing.T) {
	svc, c := serveAndon(t)
	before := heap()
	for i := range 4 * makegood.MaxByName {
		if c.Closed(fmt.Sprintf("product/%d", i)) {
			t.Fatal("closed")
		}
	}
	if grown := int64(heap()) - int64(before); grown > 16<<20 {
		t.Errorf("the heap grew by %d bytes", grown)
	}
	svc.set("product", "red")
	until(t, func() bool { return c.Closed("product/1") })
	if last := 4*makegood.MaxByName - 1; !c.Closed(fmt.Sprintf("product/%d", last)) || c.Closed("producer") || c.Closed("product//") {
		t.Error("a name beyond the bound has another answer")
	}
	kept := 0
	for i := range makegood.MaxGates + 1 {
		if c.Gate(fmt.Sprintf("product/g/%d", i), makegood.FailOpen).Closed() {
			kept++
		}
	}
	if want := makegood.MaxGates - makegood.MaxByName; kept != want {
		t.Errorf("%d gates were kept, want %d", kept, want)
	}
	beyond := c.Gate("product/beyond", makegood.FailClosed)
	if !beyond.Closed() || !strings.Contains(beyond.State().Problem, "more than") {
		t.Errorf("a gate beyond the bound: %s", beyond.State())
	}
}

func TestAskingAGateAllocatesNothing(t *testing.T) {
	_, c := serveAndon(t)
	gate := c.Gate("product/TABLE-7", makegood.FailOpen)
	named := "product/TABLE-" + fmt.Sprint(8)
	until(t, func() bool { return !c.Closed(named) })
	for what, ask := range map[string]func(){
		"prebound": func() { _ = gate.Closed() },
		"by name":  func() { _ = c.Closed(named) },
	} {
		if n := testing.AllocsPerRun(1000, ask); n != 0 {
			t.Errorf("%s: %v allocations", what, n)
		}
	}
}

func TestWithoutAServiceGatesAnswerByTheirMode(t *testing.T) {
	t.Parallel()
	var none *makegood.Client
	for name, c := range map[string]*makegood.Client{
		"nil": none, "zero": {}, "disabled": newClient(t, makegood.URL("")), "closed": closedClient(t),
	} {
		for mode, want := range map[makegood.Mode]bool{makegood.LastKnown: false, makegood.FailOpen: false, makegood.FailClosed: true} {
			gate := c.Gate("line/"+fmt.Sprint(int(mode)), mode)
			gate.OnChange(func(bool) { t.Error("a gate changed") })
			gate.OnChange(nil)
			state := gate.State()
			if gate.Closed() != want || state.Closed != want || state.Mode != mode || state.Freshness != "never connected" || state.Problem == "" {
				t.Errorf("%s, %s: %s", name, mode, state)
			}
		}
		if c.Closed("line") {
			t.Errorf("%s: a name is closed", name)
		}
		if err := c.WaitReady(context.Background()); err == nil || name == "disabled" && !strings.Contains(err.Error(), "disabled") {
			t.Errorf("%s: WaitReady: %v", name, err)
		}
	}
	var gate *makegood.Gate
	gate.OnChange(func(bool) {})
	if gate.Closed() || gate.State().Problem == "" {
		t.Error("a nil gate")
	}
}

func closedClient(t *testing.T) *makegood.Client {
	c := newClient(t, makegood.Handler(newAndon()))
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	if err := c.WaitReady(context.Background()); !errors.Is(err, makegood.ErrClosed) {
		t.Errorf("WaitReady of a closed client: %v", err)
	}
	return c
}

func TestWaitReadySaysWhatItWaitsFor(t *testing.T) {
	t.Parallel()
	svc := newAndon()
	asked := make(chan struct{}, 100)
	svc.answer(func(w http.ResponseWriter, _ *http.Request) bool {
		w.WriteHeader(http.StatusForbidden)
		asked <- struct{}{}
		return true
	})
	c := newClient(t, makegood.Handler(svc))
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		<-asked
		<-asked // the first answer was taken in
		cancel()
	}()
	err := c.WaitReady(ctx)
	if !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "MAKEGOOD_TOKEN") {
		t.Errorf("got %v", err)
	}
}

// TestGatesLeaveNothingBehind starts and ends clients in every state.
func TestGatesLeaveNothingBehind(t *testing.T) {
	before := runtime.NumGoroutine()
	idle := newClient(t, makegood.Handler(newAndon()))
	if err := idle.Close(); err != nil {
		t.Fatal(err)
	}
	for _, fault := range []func(http.ResponseWriter, *http.Request) bool{nil, noPage, neverEnds} {
		svc := newAndon()
		svc.answer(fault)
		server := httptest.NewServer(svc)
		for _, opt := range []makegood.Option{makegood.URL(server.URL), makegood.Handler(svc)} {
			c := newClient(t, opt, makegood.GateFile(filepath.Join(t.TempDir(), "gates")))
			gate := c.Gate("line/1", makegood.FailClosed)
			gate.OnChange(func(bool) {})
			if fault == nil {
				ready(t, c)
			}
			if err := c.Close(); err != nil {
				t.Error(err)
			}
		}
		server.CloseClientConnections()
		server.Close()
	}
	http.DefaultTransport.(*http.Transport).CloseIdleConnections()
	until(t, func() bool { return runtime.NumGoroutine() <= before })
}

func noPage(w http.ResponseWriter, _ *http.Request) bool {
	w.WriteHeader(http.StatusNotFound)
	return true
}

func neverEnds(_ http.ResponseWriter, r *http.Request) bool {
	<-r.Context().Done()
	return true
}

func TestAClientWithoutGatesDoesNotListen(t *testing.T) {
	t.Parallel()
	svc := newAndon()
	file := filepath.Join(t.TempDir(), "gates")
	c := newClient(t, makegood.Handler(svc), makegood.GateFile(file))
	c.Emit(context.Background(), "com.example.x")
	flush(t, c)
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	if got := svc.asked(); !slices.Equal(got, []string{"events"}) {
		t.Errorf("asked %q", got)
	}
	if _, err := os.Stat(file); err == nil {
		t.Error("there is a file of gates")
	}
}

// TestGatesUnderLoad declares, asks, listens and closes while cords change. The
// race detector looks on.
func TestGatesUnderLoad(t *testing.T) {
	t.Parallel()
	svc, c := serveAndon(t, makegood.GateFile(filepath.Join(t.TempDir(), "gates")))
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for i := range 300 {
				path := fmt.Sprintf("line/%d", i%40)
				switch (i + g) % 5 {
				case 0:
					c.Gate(path, makegood.Mode(g%3), makegood.MaxStale(time.Duration(i+1)*time.Second)).OnChange(func(bool) {})
				case 1:
					_ = c.Gate(path, makegood.FailOpen).State().String()
				case 2:
					svc.set(path, []string{"red", "yellow", "open"}[i%3])
				default:
					_ = c.Closed(path)
				}
				if g == 0 && i == 200 {
					svc.answer(nil)
				}
			}
		}()
	}
	wg.Wait()
	svc.set("line", "red")
	gate := c.Gate("line/last", makegood.LastKnown)
	until(t, gate.Closed)
	wg.Add(2)
	go func() { defer wg.Done(); c.Gate("line/new", makegood.FailOpen) }()
	go func() { defer wg.Done(); _ = c.Close() }()
	wg.Wait()
}
