package makegood_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cloudevents/sdk-go/v2/event"
	"github.com/google/uuid"

	"github.com/makegood/makegood/sdk"
)

func TestNilClientDoesNothing(t *testing.T) {
	t.Parallel()
	var c *makegood.Client
	useAll(t, c)
}

func TestWithoutAddressTheClientIsDisabled(t *testing.T) {
	t.Setenv("MAKEGOOD_URL", "")
	log := newLogLines()
	before := runtime.NumGoroutine()
	c, err := makegood.New("checkout", makegood.Logger(slog.New(log)))
	if err != nil {
		t.Fatal(err)
	}
	if after := runtime.NumGoroutine(); after > before {
		t.Errorf("a disabled client started %d goroutines", after-before)
	}
	useAll(t, c)
	if lines := log.all(); len(lines) != 1 || !strings.Contains(lines[0], "disabled") {
		t.Errorf("want one log line that says disabled, got %q", lines)
	}
	useAll(t, &makegood.Client{})
}

// useAll calls everything on a client that does nothing.
func useAll(t *testing.T, c *makegood.Client) {
	t.Helper()
	if c.Enabled() {
		t.Error("Enabled() is true")
	}
	ctx := context.Background()
	c.Emit(ctx, "com.example.x", makegood.Int("n", 1))
	for what, err := range map[string]error{
		"TryEmit":   c.TryEmit(ctx, ""),
		"EmitEvent": c.EmitEvent(ctx, event.New()),
		"Flush":     c.Flush(ctx),
		"Close":     c.Close(),
	} {
		if err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
	if r, err := c.Shutdown(ctx); err != nil || r != (makegood.Report{}) || c.Stats() != r {
		t.Errorf("Shutdown: %+v, %v", r, err)
	}
}

func TestNilArgumentsAreSafe(t *testing.T) {
	t.Parallel()
	svc := newService(t)
	var none context.Context
	c := newClient(t, nil, makegood.Handler(svc), makegood.Logger(nil), makegood.OnDrop(nil),
		makegood.TraceParent(func(ctx context.Context) string { return fmt.Sprint(ctx.Value("x")) }))
	c.Emit(none, "com.example.x", makegood.Attr{}, makegood.Any("nothing", nil))
	if err := c.Flush(none); err != nil {
		t.Fatal(err)
	}
	if r, err := c.Shutdown(none); err != nil || r.Delivered != 1 {
		t.Fatalf("%+v, %v", r, err)
	}
}

func TestBadConfigurationIsAnErrorThatSaysWhatToDo(t *testing.T) {
	empty := filepath.Join(t.TempDir(), "empty")
	if err := os.WriteFile(empty, []byte(" \n"), 0o600); err != nil {
		t.Fatal(err)
	}
	ok := http.NotFoundHandler()
	cases := []struct {
		name, service string
		env           map[string]string
		opts          []makegood.Option
		want          string
	}{
		{name: "no service", service: "", want: "name is empty"},
		{name: "service with a line break", service: "a\nb", want: "control characters"},
		{name: "source with a space", opts: []makegood.Option{makegood.Source("a b")}, want: "not a URI reference"},
		{name: "no scheme", env: map[string]string{"MAKEGOOD_URL": "localhost:8080"}, want: "http://127.0.0.1:8080"},
		{name: "other scheme", opts: []makegood.Option{makegood.URL("ftp://x")}, want: "not an http or https URL"},
		{name: "address of the events", opts: []makegood.Option{makegood.URL("http://x:80/v1/events/")}, want: "the part before it"},
		{name: "no such port", opts: []makegood.Option{makegood.URL("http://x:99999")}, want: "port"},
		{name: "port zero", opts: []makegood.Option{makegood.URL("http://x:0")}, want: "port"},
		{name: "two ports", opts: []makegood.Option{makegood.URL("http://x:80:80")}, want: "port"},
		{name: "password in URL", opts: []makegood.Option{makegood.URL("https://u:secret@x")}, want: "MAKEGOOD_TOKEN"},
		{name: "password in what is no URL", opts: []makegood.Option{makegood.URL("https://u:secret@x\n")}, want: "not an http or https URL"},
		{name: "password with another scheme", opts: []makegood.Option{makegood.URL("ftp://u:secret@x")}, want: "not an http or https URL"},
		{name: "password and query in URL", opts: []makegood.Option{makegood.URL("u:secret@x?a=b")}, want: "not an http or https URL"},
		{name: "query in URL", opts: []makegood.Option{makegood.URL("https://x?a=secret")}, want: "query"},
		{name: "token in what is no URL", opts: []makegood.Option{makegood.URL("x:80/?a=secret")}, want: "not an http or https URL"},
		{name: "token twice", env: map[string]string{"MAKEGOOD_URL": "http://x", "MAKEGOOD_TOKEN": "a", "MAKEGOOD_TOKEN_FILE": empty}, want: "keep one"},
		{name: "token file missing", env: map[string]string{"MAKEGOOD_URL": "http://x", "MAKEGOOD_TOKEN_FILE": empty + "x"}, want: "MAKEGOOD_TOKEN_FILE"},
		{name: "token file empty", env: map[string]string{"MAKEGOOD_URL": "http://x", "MAKEGOOD_TOKEN_FILE": empty}, want: "is empty"},
		{name: "token with line break", opts: []makegood.Option{makegood.URL("http://x"), makegood.Token("a\r\nb")}, want: "token has characters"},
		{name: "in flight", opts: []makegood.Option{makegood.Handler(ok), makegood.MaxInFlight(3)}, want: "use 1 or 2"},
		{name: "memory", opts: []makegood.Option{makegood.Handler(ok), makegood.Memory(1)}, want: "524288"},
		{name: "flush", opts: []makegood.Option{makegood.Handler(ok), makegood.FlushEvery(0)}, want: "more than zero"},
		{name: "batch", opts: []makegood.Option{makegood.Handler(ok), makegood.MaxBatch(1001)}, want: "between 1 and 1000"},
		{name: "nil handler", opts: []makegood.Option{makegood.Handler(nil)}, want: "leave the option out"},
		{name: "nil client", opts: []makegood.Option{makegood.HTTPClient(nil)}, want: "leave the option out"},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			for _, name := range []string{"MAKEGOOD_URL", "MAKEGOOD_TOKEN", "MAKEGOOD_TOKEN_FILE"} {
				t.Setenv(name, tc.env[name])
			}
			service := tc.service
			if service == "" && tc.name != "no service" {
				service = "checkout"
			}
			c, err := makegood.New(service, append(tc.opts, makegood.Logger(quiet()))...)
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v, want an error with %q", err, tc.want)
			}
			if err != nil && strings.Contains(err.Error(), "secret") {
				t.Errorf("the error shows a password: %v", err)
			}
			if c.Enabled() {
				t.Error("a client came with the error")
			}
		})
	}
}

func TestNewReadsTheEnvironment(t *testing.T) {
	svc := newService(t)
	server := httptest.NewServer(svc)
	defer server.Close()
	file := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(file, []byte("old-token\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("MAKEGOOD_URL", server.URL+"/")
	t.Setenv("MAKEGOOD_TOKEN", "")
	t.Setenv("MAKEGOOD_TOKEN_FILE", file)
	c := newClient(t, makegood.Version("1.2.3"), makegood.Env("test"))
	c.Emit(context.Background(), "com.example.x")
	flush(t, c)

	head := svc.headers[0]
	for name, want := range map[string]string{
		"Authorization": "Bearer old-token", "Content-Type": "application/cloudevents-batch+json", "Content-Encoding": "",
	} {
		if got := head.Get(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	if !strings.HasPrefix(head.Get("User-Agent"), "makegood-go") {
		t.Errorf("User-Agent is %q", head.Get("User-Agent"))
	}
	client, number, _ := strings.Cut(head.Get("Makegood-Batch"), ".")
	if id, err := uuid.Parse(client); err != nil || id.Version() != 7 || number != "1" {
		t.Errorf("batch %q: %v, version %d", head.Get("Makegood-Batch"), err, id.Version())
	}
	ext := svc.taken[0].Extensions()
	if svc.taken[0].Source() != "checkout" || ext["serviceversion"] != "1.2.3" || ext["environment"] != "test" {
		t.Errorf("got %v", svc.taken[0])
	}

	// A token that was replaced is read again once the old one is refused.
	svc.mu.Lock()
	svc.faults = func(n int, _ func() int, w http.ResponseWriter) bool {
		if svc.headers[n-1].Get("Authorization") == "Bearer new-token" {
			return false
		}
		w.WriteHeader(http.StatusUnauthorized)
		return true
	}
	svc.mu.Unlock()
	if err := os.WriteFile(file, []byte("new-token"), 0o600); err != nil {
		t.Fatal(err)
	}
	c.Emit(context.Background(), "com.example.x")
	flush(t, c)
	if requests, taken := svc.count(); requests != 3 || taken != 2 {
		t.Errorf("%d requests, %d events; want 3 and 2", requests, taken)
	}
}

func TestTryEmitSaysWhy(t *testing.T) {
	t.Parallel()
	c := newClient(t, makegood.Handler(newService(t)))
	ctx := context.Background()
	big := strings.Repeat("x", 64<<10)
	for name, tc := range map[string]struct {
		typ   string
		attrs []makegood.Attr
		want  error
		says  string
	}{
		"good":                {"com.example.x", nil, nil, ""},
		"too large":           {"com.example.x", []makegood.Attr{makegood.String("s", big)}, makegood.ErrTooLarge, "com.example.x"},
		"too large escaped":   {"com.example.x", []makegood.Attr{makegood.String("s", strings.Repeat("\x01", 12<<10))}, makegood.ErrTooLarge, ""},
		"large but allowed":   {"com.example.x", []makegood.Attr{makegood.String("s", big[:65000])}, nil, ""},
		"long id":             {"com.example.x", []makegood.Attr{makegood.ID(big[:1025])}, makegood.ErrInvalid, "1024"},
		"long type":           {big[:256], nil, makegood.ErrInvalid, "255"},
		"type of the service": {"makegood.cord.pulled", nil, makegood.ErrInvalid, "your own domain"},
		"early":               {"com.example.x", []makegood.Attr{makegood.At(time.Date(1600, 1, 1, 0, 0, 0, 0, time.UTC))}, makegood.ErrInvalid, "1678"},
		"deep":                {"com.example.x", []makegood.Attr{makegood.Any("d", rawJSON(strings.Repeat("[", 63)+strings.Repeat("]", 63)))}, makegood.ErrInvalid, "62"},
		"no type":             {"", nil, makegood.ErrInvalid, "type is empty"},
		"NaN":                 {"com.example.x", []makegood.Attr{makegood.Float("f", nan())}, makegood.ErrInvalid, `"f"`},
		"severity":            {"com.example.x", []makegood.Attr{makegood.Severity(25)}, makegood.ErrInvalid, "25"},
		"severity zero":       {"com.example.x", []makegood.Attr{makegood.Severity(-1)}, makegood.ErrInvalid, "-1"},
		"money":               {"com.example.x", []makegood.Attr{makegood.Money("m", "2,99 EUR")}, makegood.ErrInvalid, `"2,99 EUR"`},
		"same key":            {"com.example.x", []makegood.Attr{makegood.Int("a", 1), makegood.String("a", "")}, makegood.ErrInvalid, "repeated"},
		"same customer":       {"com.example.x", []makegood.Attr{makegood.Customer("a"), makegood.Customer("a")}, makegood.ErrInvalid, "twice"},
		"reserved key":        {"com.example.x", []makegood.Attr{makegood.String("customer", "c-1")}, makegood.ErrInvalid, "use Customer"},
		"empty key":           {"com.example.x", []makegood.Attr{makegood.String("", "")}, makegood.ErrInvalid, "empty"},
		"control in id":       {"com.example.x", []makegood.Attr{makegood.ID("a\x00")}, makegood.ErrInvalid, "id"},
		"bad UTF-8 customer":  {"com.example.x", []makegood.Attr{makegood.Customer("a\xff")}, makegood.ErrInvalid, "customer"},
		"bad UTF-8 key":       {"com.example.x", []makegood.Attr{makegood.String("a\xff", "")}, makegood.ErrInvalid, "key"},
		"year":                {"com.example.x", []makegood.Attr{makegood.At(time.Unix(1<<40, 0))}, makegood.ErrInvalid, "years"},
		"year in data":        {"com.example.x", []makegood.Attr{makegood.Time("t", time.Unix(1<<40, 0))}, makegood.ErrInvalid, "years"},
		"channel":             {"com.example.x", []makegood.Attr{makegood.Any("c", make(chan int))}, makegood.ErrInvalid, "chan int"},
		"panic":               {"com.example.x", []makegood.Attr{makegood.Any("p", panics{})}, makegood.ErrInvalid, "panic"},
		"repeated inside":     {"com.example.x", []makegood.Attr{makegood.Any("r", rawJSON(`[{"a":{"b":1,"b":2}}]`))}, makegood.ErrInvalid, `"b"`},
		"broken raw":          {"com.example.x", []makegood.Attr{makegood.Any("r", rawJSON(`{`))}, makegood.ErrInvalid, ""},
	} {
		err := c.TryEmit(ctx, tc.typ, tc.attrs...)
		if !errors.Is(err, tc.want) || err != nil && !strings.Contains(err.Error(), tc.says) {
			t.Errorf("%s: got %v, want %v that says %q", name, err, tc.want, tc.says)
		}
	}
	flush(t, c)
	r := c.Stats()
	checkSum(t, r)
	if r.Delivered != 2 || r.TooLarge != 2 || r.Invalid != 23 {
		t.Errorf("got %+v", r)
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	if err := c.TryEmit(ctx, "com.example.x"); !errors.Is(err, makegood.ErrClosed) || c.Stats().Closed != 1 {
		t.Errorf("after Close: %v, %+v", err, c.Stats())
	}
}

// TestShutdownRacingWithEmit counts what callers were told against what arrived.
func TestShutdownRacingWithEmit(t *testing.T) {
	t.Parallel()
	for range 6 {
		svc := newService(t)
		c := newClient(t, makegood.Handler(svc), makegood.MaxInFlight(2))
		var wg sync.WaitGroup
		var mu sync.Mutex
		accepted := 0
		started := make(chan struct{}, 8)
		for range 8 {
			wg.Add(1)
			go func() {
				defer wg.Done()
				mine := 0
				for {
					err := c.TryEmit(context.Background(), "com.example.x", makegood.Int("n", mine))
					if errors.Is(err, makegood.ErrClosed) {
						break
					}
					if err == nil {
						mine++
					}
					if mine == 50 {
						started <- struct{}{}
					}
				}
				mu.Lock()
				accepted += mine
				mu.Unlock()
			}()
		}
		<-started
		report, err := c.Shutdown(context.Background())
		if err != nil {
			t.Error(err)
		}
		again, err := c.Shutdown(context.Background())
		wg.Wait()
		_, taken := svc.count()
		if int(report.Delivered) != accepted || taken != accepted || err != nil || again.Delivered != report.Delivered {
			t.Fatalf("callers were told %d, report %d, arrived %d, %v", accepted, report.Delivered, taken, err)
		}
		checkSum(t, c.Stats())
	}
}

// TestGoroutinesAreConstant holds the number of goroutines of clients of all kinds,
// while the service is down and up, and that none is left after the end.
func TestGoroutinesAreConstant(t *testing.T) {
	for _, s := range setups() {
		svc, folder := newOutage(t), t.TempDir()
		for _, delivers := range []bool{true, false} {
			svc.down.Store(true)
			before, want := clientGoroutines(), s.inFlight+1 // one tells of drops
			opts := []makegood.Option{makegood.Handler(svc), makegood.MaxInFlight(s.inFlight)}
			if s.spool != "none" {
				opts, want = append(opts, makegood.Spool(folder)), want+1
			}
			if s.spool == synced {
				opts = append(opts, makegood.SpoolSync())
			}
			c := newClient(t, opts...)
			check := func(when string) {
				t.Helper()
				if n := clientGoroutines() - before; n < 1 || n > want {
					t.Errorf("%+v: %d goroutines %s, want %d", s, n, when, want)
				}
			}
			check("before the first event")
			emitAll(t, c, 0, 50)
			check("while the service is down")
			if delivers {
				svc.down.Store(false)
				flush(t, c)
				check("when all is delivered")
				if err := c.Close(); err != nil {
					t.Error(err)
				}
			} else {
				ctx, cancel := context.WithCancel(context.Background())
				cancel()
				if r, err := c.Shutdown(ctx); (err == nil) != (s.spool != "none") || r.Lost+r.Spooled != 50 {
					t.Errorf("%+v: %+v, %v", s, r, err)
				}
			}
			until(t, func() bool { return clientGoroutines() <= before })
		}
	}
}

// clientGoroutines counts the goroutines that the package began, whatever else the
// process has.
func clientGoroutines() int {
	stacks := make([]byte, 1<<20)
	for {
		n := runtime.Stack(stacks, true)
		if n < len(stacks) {
			return bytes.Count(stacks[:n], []byte("created by github.com/makegood/makegood/sdk."))
		}
		stacks = make([]byte, 2*len(stacks))
	}
}

// until waits for something that another goroutine brings about.
func until(t testing.TB, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	deadline := time.After(20 * time.Second)
	for !ok() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatal("waited 20 s in vain")
		}
	}
}
