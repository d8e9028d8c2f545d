package makegood_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cloudevents/sdk-go/v2/event"

	"github.com/makegood/makegood/sdk"
)

// service stands for the Makegood service: it takes batches over HTTP, drops
// repeated input ids, and refuses events of type refusedType one by one. faults
// may answer in its place.
type service struct {
	t      testing.TB
	faults func(n int, take func() (refused int), w http.ResponseWriter) (answered bool)

	mu       sync.Mutex
	requests int
	headers  []http.Header
	inputs   map[string]string // ids of events by <client>.<number>
	taken    []event.Event     // in order, repeats dropped
	names    []string          // of those taken
	repeats  int
}

func newService(t testing.TB) *service { return &service{t: t, inputs: map[string]string{}} }

func (s *service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	raw, err := readBody(r)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest) // the client went away
		return
	}
	var batch []event.Event
	if err := json.Unmarshal(raw, &batch); err != nil {
		s.t.Errorf("body is no batch: %v: %.300s", err, raw)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests++
	s.headers = append(s.headers, r.Header.Clone())
	var refused []map[string]any
	took := false
	take := func() int {
		if !took {
			took = true
			refused = s.take(r.Header.Get("Makegood-Batch"), batch)
		}
		return len(refused)
	}
	if s.faults != nil && s.faults(s.requests, take, w) {
		return
	}
	take()
	if len(refused) > 0 {
		w.Header().Set("Content-Type", "application/problem+json")
		w.WriteHeader(http.StatusBadRequest)
		_ = json.NewEncoder(w).Encode(map[string]any{"accepted": len(batch) - len(refused), "rejected": refused})
		return
	}
	w.WriteHeader(http.StatusAccepted)
	fmt.Fprintf(w, `{"accepted":%d}`, len(batch))
}

func (s *service) take(id string, batch []event.Event) (refused []map[string]any) {
	client, number, _ := strings.Cut(id, ".")
	first, err := strconv.Atoi(number)
	if err != nil || first < 1 {
		s.t.Errorf("a batch is named %q, want <client>.<number>", id)
	}
	for i, e := range batch {
		if err := e.Validate(); err != nil {
			s.t.Errorf("event %d of a batch: %v", i, err)
		}
		input := fmt.Sprintf("%s.%d", client, first+i)
		known := s.inputs[input]
		if known != "" && known != e.ID() {
			s.t.Errorf("%s is event %s and event %s", input, known, e.ID())
		}
		s.inputs[input] = e.ID()
		if e.Type() == refusedType {
			refused = append(refused, map[string]any{"index": i, "id": e.ID(), "code": "bad_event", "detail": "refused by the test"})
			continue
		}
		if known != "" {
			s.repeats++
			continue
		}
		s.taken, s.names = append(s.taken, e), append(s.names, input)
	}
	return refused
}

func (s *service) ids() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	ids := make([]string, len(s.taken))
	for i, e := range s.taken {
		ids[i] = e.ID()
	}
	return ids
}

// numbered returns the ids of the events that the client numbered from first up to
// last; a number that did not come is an empty one.
func (s *service) numbered(first, last int) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	ids := make([]string, last-first+1)
	for name, id := range s.inputs {
		_, number, _ := strings.Cut(name, ".")
		if n, err := strconv.Atoi(number); err != nil || n < first || n > last {
			s.t.Errorf("%s is not between %d and %d", name, first, last)
		} else {
			ids[n-first] = id
		}
	}
	return ids
}

func (s *service) count() (requests, taken int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.requests, len(s.taken)
}

func readBody(r *http.Request) ([]byte, error) {
	raw, err := io.ReadAll(r.Body)
	if err != nil || r.Header.Get("Content-Encoding") != "gzip" {
		return raw, err
	}
	zip, err := gzip.NewReader(bytes.NewReader(raw))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(zip)
}

// newClient makes a client that is closed when the test ends and writes to no log.
func newClient(t testing.TB, opts ...makegood.Option) *makegood.Client {
	t.Helper()
	c, err := makegood.New("checkout", append([]makegood.Option{makegood.Logger(quiet())}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func quiet() *slog.Logger { return slog.New(slog.NewTextHandler(io.Discard, nil)) }

func flush(t testing.TB, c *makegood.Client) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	if err := c.Flush(ctx); err != nil {
		t.Fatalf("%v; stats %+v", err, c.Stats())
	}
}

// checkSum fails unless every accepted event is in exactly one place.
func checkSum(t testing.TB, r makegood.Report) {
	t.Helper()
	if sum := r.Delivered + r.Rejected + r.Lost + r.InMemory + r.Spooled; r.Accepted != sum {
		t.Errorf("accepted %d, but delivered + rejected + lost + in memory + spooled = %d: %+v", r.Accepted, sum, r)
	}
}

// logLines keeps the messages of a logger.
type logLines struct {
	slog.Handler
	mu    sync.Mutex
	lines []string
}

func newLogLines() *logLines { return &logLines{Handler: slog.NewTextHandler(io.Discard, nil)} }

func (l *logLines) Enabled(context.Context, slog.Level) bool { return true }

func (l *logLines) Handle(_ context.Context, r slog.Record) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	line := r.Message
	r.Attrs(func(a slog.Attr) bool { line += " " + a.String(); return true })
	l.lines = append(l.lines, line)
	return nil
}

func (l *logLines) all() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]string(nil), l.lines...)
}
