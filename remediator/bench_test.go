package remediator_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/makegood/makegood/remediator"
	"github.com/makegood/makegood/remediator/rule"
)

const benchBatch = 500

// batches reads real flights as request bodies of 500 events, each with its own ids.
func batches(b *testing.B) [][]byte {
	b.Helper()
	f, err := os.Open("../examples/flights/flights.jsonl.gz")
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	unzipped, err := gzip.NewReader(f)
	if err != nil {
		b.Fatal(err)
	}
	var bodies [][]byte
	var events [][]byte
	for lines := bufio.NewScanner(unzipped); lines.Scan(); {
		if events = append(events, bytes.Clone(lines.Bytes())); len(events) == benchBatch {
			bodies = append(bodies, append(append([]byte{'['}, bytes.Join(events, []byte{','})...), ']'))
			events = events[:0]
		}
	}
	if len(bodies) < 10 {
		b.Fatalf("%d batches: nothing to measure", len(bodies))
	}
	return bodies
}

// startService runs a service with the flights' rules behind a real HTTP server.
func startService(b *testing.B) (url string) {
	b.Helper()
	text, err := os.ReadFile("../examples/flights/rules/flights.yaml")
	if err != nil {
		b.Fatal(err)
	}
	service, err := remediator.New(remediator.Config{
		DataDir: b.TempDir(), Rules: []rule.File{{Path: "flights.yaml", Text: string(text)}}, EventClock: true,
		Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		b.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- service.Run(b.Context()) }()
	server := httptest.NewServer(service)
	b.Cleanup(func() {
		server.Close()
		if err := <-done; err != nil {
			b.Error(err)
		}
		if err := service.Close(); err != nil {
			b.Error(err)
		}
	})
	for {
		answer, err := http.Get(server.URL + "/readyz")
		if err != nil {
			b.Fatal(err)
		}
		answer.Body.Close()
		if answer.StatusCode == http.StatusOK {
			return server.URL
		}
	}
}

func post(b *testing.B, url string, body []byte) time.Duration {
	began := time.Now()
	answer, err := http.Post(url+"/v1/events", "application/cloudevents-batch+json", bytes.NewReader(body))
	if err != nil {
		b.Fatal(err)
	}
	_, _ = io.Copy(io.Discard, answer.Body)
	answer.Body.Close()
	if answer.StatusCode != http.StatusAccepted {
		b.Fatalf("the service answered %s", answer.Status)
	}
	return time.Since(began)
}

// appendFile writes the same bytes to a file and syncs it after each batch: the
// floor of anything durable.
func appendFile(b *testing.B, bodies [][]byte, n int) time.Duration {
	f, err := os.Create(filepath.Join(b.TempDir(), "floor"))
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	began := time.Now()
	for i := range n {
		if _, err := f.Write(bodies[i%len(bodies)]); err != nil {
			b.Fatal(err)
		}
		if err := f.Sync(); err != nil {
			b.Fatal(err)
		}
	}
	return time.Since(began)
}

// BenchmarkDurable sends batches of 500 events over HTTP, one request in flight,
// and compares acknowledged events a second with appending the same bytes to a
// file with fsync. The
// decider works beside it, as in life.
func BenchmarkDurable(b *testing.B) {
	bodies := batches(b)
	url := startService(b)
	post(b, url, bodies[0])
	b.ResetTimer()
	began := time.Now()
	for i := range b.N {
		post(b, url, bodies[(i+1)%len(bodies)])
	}
	took := time.Since(began)
	b.StopTimer()
	floor := appendFile(b, bodies, b.N)
	events := float64(b.N * benchBatch)
	b.ReportMetric(events/took.Seconds(), "events/s")
	b.ReportMetric(events/floor.Seconds(), "floor-events/s")
	b.ReportMetric(floor.Seconds()/took.Seconds(), "of-floor")
}

// BenchmarkAck measures how long one event waits for its acknowledgement, with
// the decider idle and with a backlog of 15,000 events before it.
func BenchmarkAck(b *testing.B) {
	for _, busy := range []bool{false, true} {
		name := "idle"
		if busy {
			name = "busy"
		}
		b.Run(name, func(b *testing.B) {
			bodies := batches(b)
			url := startService(b)
			var waits []time.Duration
			for i := range b.N {
				if busy && i%200 == 0 {
					for _, body := range bodies[:30] {
						post(b, url, body)
					}
				}
				event := fmt.Sprintf(`[{"specversion":"1.0","id":"ack-%d","source":"/bench","type":"com.example.other","time":"2001-01-01T00:00:00Z"}]`, i)
				waits = append(waits, post(b, url, []byte(event)))
			}
			slices.Sort(waits)
			b.ReportMetric(float64(waits[len(waits)/2].Microseconds())/1000, "p50-ms")
			b.ReportMetric(float64(waits[len(waits)*99/100].Microseconds())/1000, "p99-ms")
		})
	}
}
