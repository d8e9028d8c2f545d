package flights_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/makegood/makegood/examples/flights"
	"github.com/makegood/makegood/sdk"
)

// inFile returns the events of the file, decoded.
func inFile(t *testing.T) []map[string]any {
	t.Helper()
	file, err := os.Open("flights.jsonl.gz")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	unzipped, err := gzip.NewReader(file)
	if err != nil {
		t.Fatal(err)
	}
	var events []map[string]any
	for decoder := json.NewDecoder(unzipped); ; {
		var e map[string]any
		switch err := decoder.Decode(&e); err {
		case nil:
			events = append(events, e)
		case io.EOF:
			return events
		default:
			t.Fatal(err)
		}
	}
}

// service takes batches and keeps the events as they came.
type service struct {
	t      *testing.T
	events []map[string]any
}

func (s *service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body := io.Reader(r.Body)
	if r.Header.Get("Content-Encoding") == "gzip" {
		unzipped, err := gzip.NewReader(r.Body)
		if err != nil {
			s.t.Error(err)
			return
		}
		body = unzipped
	}
	var events []map[string]any
	if err := json.NewDecoder(body).Decode(&events); err != nil {
		s.t.Errorf("decode batch: %v", err)
	}
	s.events = append(s.events, events...)
	w.WriteHeader(http.StatusAccepted)
}

func TestEmitSendsTheFileInItsOrder(t *testing.T) {
	t.Parallel()
	s := &service{t: t}
	// The smallest memory there is fills up again and again.
	client, err := makegood.New("airline", makegood.Handler(s), makegood.Source(flights.Source),
		makegood.Memory(512<<10), makegood.OnDrop(func(makegood.Report, error) {}))
	if err != nil {
		t.Fatal(err)
	}
	last, total := 0, 0
	err = flights.Emit(context.Background(), client, func(n, of int) {
		if n != last+1 {
			t.Errorf("progress went from %d to %d", last, n)
		}
		last, total = n, of
	})
	if err != nil {
		t.Fatal(err)
	}
	if report, err := client.Shutdown(context.Background()); err != nil || report.Delivered != int64(total) {
		t.Fatalf("Shutdown = %+v, %v", report, err)
	}
	want := inFile(t)
	if last != len(want) || total != len(want) || len(s.events) != len(want) || len(want) != 31678 {
		t.Fatalf("progress ended at %d of %d, %d events arrived, the file has %d", last, total, len(s.events), len(want))
	}
	for i, got := range s.events {
		delete(got, "datacontenttype") // the file leaves it at its default
		at, err := time.Parse(time.RFC3339Nano, got["time"].(string))
		if err != nil {
			t.Fatal(err)
		}
		got["time"] = at.UTC().Format(time.RFC3339)
		if !reflect.DeepEqual(got, want[i]) {
			t.Fatalf("event %d:\n got %v\nwant %v", i, got, want[i])
		}
	}
}

func TestEmitEndsWithItsContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(context.Background())
	release := make(chan struct{})
	client, err := makegood.New("airline", makegood.Handler(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		cancel()
		select {
		case <-release:
		case <-r.Context().Done():
		}
	})), makegood.OnDrop(func(makegood.Report, error) {}))
	if err != nil {
		t.Fatal(err)
	}
	if err := flights.Emit(ctx, client, nil); err == nil || !strings.Contains(err.Error(), context.Canceled.Error()) {
		t.Errorf("Emit = %v, want that it was cancelled", err)
	}
	close(release)
	if _, err := client.Shutdown(ctx); err == nil {
		t.Error("Shutdown lost nothing although nothing arrived")
	}
}

func TestRulesHoldTheRulesAndTheirTests(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"flights.yaml", "flights_test.yaml", "late-flight.json"} {
		embedded, err := flights.Rules().Open(name)
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(embedded)
		if err != nil {
			t.Fatal(err)
		}
		want, err := os.ReadFile("rules/" + name)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) || len(got) == 0 {
			t.Errorf("%s differs from the file", name)
		}
	}
}
