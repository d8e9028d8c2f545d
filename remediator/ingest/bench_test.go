package ingest_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"testing"
	"time"

	cehttp "github.com/cloudevents/sdk-go/v2/protocol/http"

	"github.com/makegood/makegood/remediator/ingest"
	"github.com/makegood/makegood/remediator/input"
)

const benchEvents = 500

// BenchmarkBatch takes batches of 500 real events, judged and ready for the
// log, and decodes the same batches with the CloudEvents SDK, which judges
// nothing. Both run by turns, and the best turn of each counts, so that other
// work on the machine does not. x-sdk is how many times faster the handler is.
func BenchmarkBatch(b *testing.B) {
	body := flights(b, benchEvents)
	inputs, rounds := 0, 0
	h := ingest.New(ingest.Config{Log: appendFunc(func(_ context.Context, in []input.Input) error {
		inputs += len(in)
		return nil
	})})
	ours, theirs := time.Hour, time.Hour
	for b.Loop() {
		req, w := batchRequest(body), httptest.NewRecorder()
		began := time.Now()
		h.ServeHTTP(w, req)
		ours = min(ours, time.Since(began))
		if w.Code != http.StatusAccepted {
			b.Fatalf("status %d: %s", w.Code, w.Body)
		}

		req = batchRequest(body)
		began = time.Now()
		events, err := cehttp.NewEventsFromHTTPRequest(req)
		theirs = min(theirs, time.Since(began))
		if err != nil || len(events) != benchEvents {
			b.Fatalf("the SDK reads %d events: %v", len(events), err)
		}
		rounds++
	}
	if inputs != rounds*benchEvents {
		b.Fatalf("%d inputs of %d events", inputs, rounds*benchEvents)
	}
	b.ReportMetric(benchEvents/ours.Seconds(), "events/s")
	b.ReportMetric(benchEvents/theirs.Seconds(), "sdk-events/s")
	b.ReportMetric(theirs.Seconds()/ours.Seconds(), "x-sdk")
}

func batchRequest(body []byte) *http.Request {
	req := httptest.NewRequest(http.MethodPost, "/v1/events", bytes.NewReader(body))
	req.Header.Set("Content-Type", batched)
	req.Header.Set("Makegood-Batch", "0190a1b2-7e4f-7c3a-9d5e-4f1a2b3c4d5e")
	return req
}

// flights returns a batch of the first n real events.
func flights(tb testing.TB, n int) []byte {
	tb.Helper()
	file, err := os.Open("../../examples/flights/flights.jsonl.gz")
	if err != nil {
		tb.Fatal(err)
	}
	defer file.Close()
	plain, err := gzip.NewReader(file)
	if err != nil {
		tb.Fatal(err)
	}
	body := []byte{'['}
	lines := bufio.NewScanner(plain)
	for i := 0; i < n && lines.Scan(); i++ {
		if i > 0 {
			body = append(body, ',')
		}
		body = append(body, lines.Bytes()...)
	}
	return append(body, ']')
}

// TestBatchOfFlights takes real events and compares what is stored with what
// was sent, byte for byte.
func TestBatchOfFlights(t *testing.T) {
	t.Parallel()
	d := open(t, ingest.Config{})
	body := flights(t, benchEvents)
	if a := d.post(bytes.NewReader(body), "Content-Type", batched); describe(a) != "202 accepted=500" {
		t.Fatalf("answer %s", describe(a))
	}
	again := []byte{'['}
	for i, in := range d.stored() {
		if i > 0 {
			again = append(again, ',')
		}
		again = append(again, in.Body...)
	}
	if again = append(again, ']'); !bytes.Equal(again, body) {
		t.Error("what is stored is not what was sent")
	}
}
