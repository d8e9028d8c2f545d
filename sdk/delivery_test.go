package makegood_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/makegood/makegood/sdk"
)

// watchSum checks the sum of a client's counts over and over until stopped.
func watchSum(t testing.TB, c *makegood.Client) (stop func()) {
	stopped, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(time.Millisecond)
		defer tick.Stop()
		for {
			checkSum(t, c.Stats())
			select {
			case <-tick.C:
			case <-stopped:
				return
			}
		}
	}()
	return func() { close(stopped); <-done }
}

func TestEventsWaitForAServerThatIsDown(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	_ = listener.Close()
	log := newLogLines()
	c := newClient(t, makegood.URL("http://"+address), makegood.Logger(slog.New(log)))
	for i := range 2000 {
		c.Emit(context.Background(), "com.example.x", makegood.Int("i", i))
	}
	until(t, func() bool { return len(log.all()) == 1 })
	if r := c.Stats(); r.InMemory != 2000 || r.Delivered != 0 {
		t.Errorf("got %+v", r)
	}
	if listener, err = net.Listen("tcp", address); err != nil {
		t.Fatal(err)
	}
	svc := newService(t)
	server := &http.Server{Handler: svc, ReadHeaderTimeout: time.Minute}
	go func() { _ = server.Serve(listener) }()
	defer func() { _ = server.Close() }()
	flush(t, c)
	if _, taken := svc.count(); taken != 2000 {
		t.Errorf("%d events arrived", taken)
	}
	until(t, func() bool { return len(log.all()) == 2 })
	if lines := log.all(); !strings.Contains(lines[0], "refused") || !strings.Contains(lines[1], "again") {
		t.Errorf("log: %q", lines)
	}
}

func TestRejectedEventsAreReportedAndNeverSentAgain(t *testing.T) {
	t.Parallel()
	svc := newService(t)
	server := httptest.NewServer(svc)
	defer server.Close()
	drops := make(chan error, 10)
	c := newClient(t, makegood.URL(server.URL), makegood.OnDrop(func(r makegood.Report, last error) {
		if r.Rejected != 1 {
			t.Errorf("got %+v", r)
		}
		drops <- last
	}))
	for i := range 10 {
		typ := "com.example.x"
		if i == 4 {
			typ = refusedType
		}
		c.Emit(context.Background(), typ, makegood.ID(fmt.Sprintf("e-%d", i)))
	}
	flush(t, c)
	if err := <-drops; !strings.Contains(err.Error(), `"e-4"`) || !strings.Contains(err.Error(), "bad_event") || !strings.Contains(err.Error(), "1 of 10") {
		t.Errorf("got %v", err)
	}
	if requests, taken := svc.count(); requests != 1 || taken != 9 {
		t.Errorf("%d requests, %d events", requests, taken)
	}
}

// TestAnswersThatSayNothingLoseNothing gives answers that no Makegood service
// gives, once each; the batch must come again, unchanged.
func TestAnswersThatSayNothingLoseNothing(t *testing.T) {
	t.Parallel()
	for _, answer := range []struct {
		status int
		body   string
	}{
		{http.StatusOK + 3, ""},
		{http.StatusMovedPermanently, ""},
		{http.StatusForbidden, ""},
		{http.StatusNotFound, ""},
		{http.StatusUnsupportedMediaType, ""},
		{http.StatusBadGateway, strings.Repeat("x", 3<<20)},
		{http.StatusBadRequest, "<html>"},
		{http.StatusBadRequest, `{"rejected":[{"index":0}]}`},
		{http.StatusBadRequest, `{"accepted":2,"rejected":[]}`},
		{http.StatusBadRequest, `{"rejected":[{"index":0},{"index":1},{"index":2}]}`},
		{http.StatusBadRequest, `{"accepted":2,"rejected":[{"index":3}]}`},
		{http.StatusBadRequest, `{"accepted":2,"rejected":[{"index":-1}]}`},
		{http.StatusBadRequest, `{"accepted":3,"rejected":[{"index":1}]}`},
		{http.StatusBadRequest, `{"accepted":-1,"rejected":[{"index":1}]}`},
		{http.StatusBadRequest, `{"accepted":1,"rejected":[{"index":1},{"index":1}]}`},
	} {
		t.Run(fmt.Sprintf("%d %.30s", answer.status, answer.body), func(t *testing.T) {
			t.Parallel()
			svc := newService(t)
			svc.faults = func(n int, _ func() int, w http.ResponseWriter) bool {
				if n > 1 {
					return false
				}
				w.Header().Set("Location", "/elsewhere")
				w.WriteHeader(answer.status)
				_, _ = io.WriteString(w, answer.body)
				return true
			}
			server := httptest.NewServer(svc)
			defer server.Close()
			c := newClient(t, makegood.URL(server.URL), makegood.HTTPClient(&http.Client{}))
			for range 3 {
				c.Emit(context.Background(), "com.example.x")
			}
			flush(t, c)
			if requests, taken := svc.count(); requests != 2 || taken != 3 {
				t.Errorf("%d requests, %d events", requests, taken)
			}
			if a, b := svc.headers[0].Get("Makegood-Batch"), svc.headers[1].Get("Makegood-Batch"); a != b {
				t.Errorf("the batch came again as another: %s, %s", a, b)
			}
		})
	}
}

// TestTooLargeForTheServerIsDivided has a server that takes 10 events at a time
// and none above 30 kB.
func TestTooLargeForTheServerIsDivided(t *testing.T) {
	t.Parallel()
	svc := newService(t)
	limited := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		raw, err := io.ReadAll(r.Body)
		if err != nil || strings.Count(string(raw), `"specversion"`) > 10 || len(raw) > 30_000 {
			w.WriteHeader(http.StatusRequestEntityTooLarge)
			return
		}
		r.Body = io.NopCloser(strings.NewReader(string(raw)))
		svc.ServeHTTP(w, r)
	})
	server := httptest.NewServer(limited)
	defer server.Close()
	c := newClient(t, makegood.URL(server.URL))
	var want []string
	for i := range 700 {
		id := fmt.Sprintf("e-%03d", i)
		size := 10
		if i%100 == 50 {
			size = 40_000
		} else {
			want = append(want, id)
		}
		c.Emit(context.Background(), "com.example.x", makegood.ID(id), makegood.String("s", strings.Repeat("x", size)))
	}
	flush(t, c)
	r := c.Stats()
	if r.Delivered != 693 || r.Rejected != 7 {
		t.Errorf("got %+v", r)
	}
	if got := svc.ids(); strings.Join(got, " ") != strings.Join(want, " ") {
		t.Errorf("%d events arrived, want %d in order", len(got), len(want))
	}
	for i, id := range svc.numbered(1, 700) {
		if large := i%100 == 50; id != fmt.Sprintf("e-%03d", i) && !large || id != "" && large {
			t.Errorf("number %d is event %q", i+1, id)
		}
	}
}

// TestOneEventThatBreaksTheBatchIsFound has a service that cannot read on after a
// certain event, and then takes nothing of the whole request.
func TestOneEventThatBreaksTheBatchIsFound(t *testing.T) {
	t.Parallel()
	svc := newService(t)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		raw, err := io.ReadAll(r.Body)
		if before, _, found := strings.Cut(string(raw), `"poison"`); err != nil || found {
			w.WriteHeader(http.StatusBadRequest)
			fmt.Fprintf(w, `{"accepted":0,"rejected":[{"index":%d,"code":"syntax","detail":"poison"}]}`, strings.Count(before, `"specversion"`)-1)
			return
		}
		r.Body = io.NopCloser(strings.NewReader(string(raw)))
		svc.ServeHTTP(w, r)
	}))
	defer server.Close()
	drops := make(chan error, 1)
	c := newClient(t, makegood.URL(server.URL), makegood.OnDrop(func(_ makegood.Report, last error) { drops <- last }))
	for i := range 100 {
		text := "good"
		if i == 33 {
			text = "poison"
		}
		c.Emit(context.Background(), "com.example.x", makegood.String("s", text))
	}
	flush(t, c)
	if r := c.Stats(); r.Delivered != 99 || r.Rejected != 1 {
		t.Errorf("got %+v", r)
	}
	if err := <-drops; !strings.Contains(err.Error(), `index 0: "syntax": "poison"`) {
		t.Errorf("got %v", err)
	}
}

func TestShutdownGivesUpInTimeAndSaysWhatWasLost(t *testing.T) {
	t.Parallel()
	svc := newService(t)
	hang := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if n, _ := svc.count(); n < 1 {
			svc.ServeHTTP(w, r)
			return
		}
		<-hang
	}))
	defer server.Close()
	defer close(hang)
	drops := make(chan error, 10)
	c := newClient(t, makegood.URL(server.URL), makegood.OnDrop(func(_ makegood.Report, last error) { drops <- last }))
	c.Emit(context.Background(), "com.example.x")
	flush(t, c)
	for range 1200 {
		c.Emit(context.Background(), "com.example.x")
	}
	flushed := make(chan error)
	go func() { flushed <- c.Flush(context.Background()) }()
	until(t, func() bool { return c.Stats().InMemory == 1200 })
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	r, err := c.Shutdown(ctx)
	if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "1200 of 1201") {
		t.Errorf("got %v", err)
	}
	checkSum(t, r)
	if r.Lost != 1200 || r.Delivered != 1 {
		t.Fatalf("got %+v", r) // of what is not lost nobody would hear below
	}
	if err := <-flushed; err != nil && !errors.Is(err, makegood.ErrClosed) {
		t.Errorf("flush: %v", err)
	}
	if err := <-drops; !strings.Contains(err.Error(), "1200") {
		t.Errorf("OnDrop: %v", err)
	}
	if err := c.Close(); err == nil {
		t.Error("a second Close does not say that events were lost")
	}
}

// TestABufferIsKeptUntilItIsSettled emits more while a request is on its way that
// must be tried again.
func TestABufferIsKeptUntilItIsSettled(t *testing.T) {
	t.Parallel()
	svc := newService(t)
	came, answer := make(chan struct{}), make(chan struct{})
	var once sync.Once
	c := newClient(t, makegood.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		first := false
		once.Do(func() { first = true })
		if !first {
			svc.ServeHTTP(w, r)
			return
		}
		close(came)
		<-answer
		w.WriteHeader(http.StatusServiceUnavailable)
	})))
	emitAll(t, c, 1, 1)
	<-came
	emitAll(t, c, 2, 50)
	close(answer)
	flush(t, c)
	got := svc.ids()
	slices.Sort(got) // two requests are on their way at once
	if !slices.Equal(got, numberedIDs(1, 51)) {
		t.Errorf("got %v", got)
	}
}
