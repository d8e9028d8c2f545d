package remediator_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/makegood/makegood/remediator"
	"github.com/makegood/makegood/remediator/andon"
	"github.com/makegood/makegood/remediator/cord"
	"github.com/makegood/makegood/remediator/rule"
)

var subscribers = flag.Int("gates.subscribers", 1000, "who listens while cords are pulled")

const (
	pullTries     = 20
	pullToClosed  = time.Second // 99 of 100 gates know of a pull within it
	descriptors   = 48          // that the process has besides the two ends of each stream
	manyListeners = 10_000      // from here on the machine may be too small, which is no fault of ours
	enoughForMany = 25_000      // descriptors
)

// stopProduct pulls a red cord for each event.
var stopProduct = []rule.File{{Path: "stop.yaml", Text: `rules:
  - rule: stop-product
    owner: shop
    why: What is broken is not sold.
    event: com.example.broken
    do: [{andon: {pull: "product/${{ data.sku }}", level: red, reason: broken}}]
    mode: live
`}}

// TestPullToClosed measures how long after a pull was taken everybody who listens
// has heard of it, over real connections. It does not run beside other tests:
// they would take its time and its descriptors.
func TestPullToClosed(t *testing.T) {
	n := *subscribers
	needs := uint64(2*n + descriptors)
	if n >= manyListeners {
		needs = enoughForMany
	}
	limit, err := raiseDescriptors()
	if limit < needs && n >= manyListeners {
		t.Skipf("%d streams need %d descriptors, and this machine allows %d: raise the hard limit (ulimit -Hn)", n, needs, limit)
	}
	if err != nil || limit < needs {
		t.Fatalf("%d streams need %d descriptors, and the limit is %d (%v): raise the hard limit (ulimit -Hn)", n, needs, limit, err)
	}
	url, shutdown := serveGates(t)
	a := &audience{heard: make(chan hearing, n)}
	a.gather(t, url, n)
	var took []time.Duration
	for try := range pullTries {
		sku := fmt.Sprint("TABLE-", try)
		taken := pullBy(t, url, sku)
		took = append(took, a.await(t, "product/"+sku, n, taken)...)
	}
	slices.Sort(took)
	p50, p99, slowest := took[len(took)/2], took[len(took)*99/100], took[len(took)-1]
	t.Logf("from a pull to %d listeners, %d times: p50 %s, p99 %s, max %s", n, pullTries,
		p50.Round(time.Millisecond/10), p99.Round(time.Millisecond/10), slowest.Round(time.Millisecond/10))
	if p99 >= pullToClosed {
		t.Errorf("p99 is %s, want less than %s", p99, pullToClosed)
	}
	shutdown()
	if err := a.ended(); err != nil {
		t.Errorf("a stream ends with %v when the server shuts down", err)
	}
}

// serveGates runs a service behind a server whose limits are shorter than the
// streams last.
func serveGates(t *testing.T) (url string, shutdown func()) {
	t.Helper()
	service, err := remediator.New(remediator.Config{DataDir: t.TempDir(), Rules: stopProduct, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ran, served := make(chan error, 1), make(chan error, 1)
	server := &http.Server{Handler: service, ReadTimeout: time.Second, WriteTimeout: time.Second}
	go func() { ran <- service.Run(ctx) }()
	go func() { served <- server.Serve(listener) }()
	t.Cleanup(func() {
		stop()
		if err := errors.Join(<-ran, server.Close(), service.Close()); err != nil {
			t.Error(err)
		}
		if err := <-served; !errors.Is(err, http.ErrServerClosed) {
			t.Error(err)
		}
	})
	return "http://" + listener.Addr().String(), func() {
		limit, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if err := server.Shutdown(limit); err != nil {
			t.Error(err)
		}
	}
}

// pullBy reports a broken product and returns when the service had taken it.
func pullBy(t *testing.T, url, sku string) (taken time.Time) {
	t.Helper()
	body := fmt.Sprintf(`{"specversion":"1.0","id":"%s","source":"/test","type":"com.example.broken","data":{"sku":"%[1]s"}}`, sku)
	answer, err := http.Post(url+"/v1/events", "application/cloudevents+json", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusAccepted {
		t.Fatalf("the event is answered %s", answer.Status)
	}
	return time.Now()
}

// audience is everybody who listens.
type audience struct {
	heard     chan hearing
	listening sync.WaitGroup
	mu        sync.Mutex
	ends      []error // of streams
}

// hearing is one change that one of them has heard.
type hearing struct {
	cord string
	at   time.Time
}

// gather opens all streams and waits until each has its snapshot.
func (a *audience) gather(t *testing.T, url string, n int) {
	t.Helper()
	ctx, leave := context.WithCancel(context.Background())
	transport := &http.Transport{MaxIdleConnsPerHost: -1}
	t.Cleanup(func() {
		leave()
		a.listening.Wait()
		transport.CloseIdleConnections()
	})
	const atATime = 100 // the server's queue of connections is short
	for begun := 0; begun < n; begun += atATime {
		ready := make(chan error, atATime)
		some := min(atATime, n-begun)
		for range some {
			a.listening.Go(func() { a.listen(ctx, transport, url, ready) })
		}
		for range some {
			if err := <-ready; err != nil {
				t.Fatalf("open a stream beside %d others: %v", begun, err)
			}
		}
	}
}

// listen opens a stream, as soon as the service is ready, and hears it to its end.
func (a *audience) listen(ctx context.Context, transport http.RoundTripper, url string, ready chan<- error) {
	answer, err := open(ctx, transport, url)
	if err != nil {
		ready <- err
		return
	}
	defer answer.Body.Close()
	for reader := andon.NewReader(answer.Body); ; {
		news, err := reader.Next()
		switch {
		case err != nil:
			a.mu.Lock()
			a.ends = append(a.ends, err)
			a.mu.Unlock()
			return
		case news.Snapshot != nil:
			ready <- nil
		case news.Cord != nil && news.Cord.Level == cord.Red:
			a.heard <- hearing{news.Cord.Cord, time.Now()}
		}
	}
}

func open(ctx context.Context, transport http.RoundTripper, url string) (*http.Response, error) {
	for {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, url+"/v1/andon/stream", nil)
		if err != nil {
			return nil, err
		}
		answer, err := transport.RoundTrip(req)
		if err != nil || answer.StatusCode == http.StatusOK {
			return answer, err
		}
		answer.Body.Close()
		if answer.StatusCode != http.StatusServiceUnavailable {
			return nil, errors.New(answer.Status)
		}
	}
}

// await waits until everybody has heard of a pull, and returns how long after it
// was taken each of them had.
func (a *audience) await(t *testing.T, path string, n int, taken time.Time) (took []time.Duration) {
	t.Helper()
	late := time.NewTimer(time.Minute)
	defer late.Stop()
	for range n {
		select {
		case h := <-a.heard:
			if h.cord != path {
				t.Fatalf("%s is heard of, want %s", h.cord, path)
			}
			took = append(took, max(0, h.at.Sub(taken)))
		case <-late.C:
			t.Fatalf("only %d of %d have heard of %s", len(took), n, path)
		}
	}
	return took
}

// ended waits until all streams have ended, and returns an end that is none.
func (a *audience) ended() error {
	a.listening.Wait()
	for _, err := range a.ends {
		if !errors.Is(err, io.EOF) {
			return err
		}
	}
	return nil
}
