package main

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/makegood/makegood/sdk"
)

// TestWhatASpoolSendsAgainIsDropped has the service take events whose answers get
// lost. The client ends, and the next one sends all of them again from the spool,
// in requests of another size: each event counts once, and none is missing.
func TestWhatASpoolSendsAgainIsDropped(t *testing.T) {
	t.Parallel()
	service, server := quietService(t)
	var taken atomic.Int64
	first := make(chan struct{}) // closed when the service has taken two requests
	silent := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answer := httptest.NewRecorder()
		if service.ServeHTTP(answer, r); answer.Code == http.StatusAccepted && taken.Add(1) == 2 {
			close(first)
		}
		if taken.Load() == 1 { // the first answer arrives, so that the client goes on
			w.WriteHeader(http.StatusAccepted)
			return
		}
		w.WriteHeader(http.StatusServiceUnavailable)
	})
	const events = 95
	began := time.Now()
	folder, quiet := t.TempDir(), makegood.Logger(slog.New(slog.DiscardHandler))
	client, err := makegood.New("checkout", makegood.Handler(silent), makegood.Spool(folder), makegood.MaxBatch(10), quiet)
	if err != nil {
		t.Fatal(err)
	}
	for range events {
		client.Emit(t.Context(), "com.example.cart", makegood.At(began))
	}
	<-first
	over, cancel := context.WithCancel(t.Context())
	cancel()
	left, err := client.Shutdown(over)
	if err != nil || left.Delivered == 0 || left.Delivered+left.Spooled != events {
		t.Fatalf("%+v, %v", left, err)
	}
	client, err = makegood.New("checkout", makegood.URL(server.URL), makegood.Spool(folder), makegood.MaxBatch(40), quiet)
	if err != nil {
		t.Fatal(err)
	}
	client.Emit(t.Context(), "com.example.cart", makegood.At(began.Add(time.Hour))) // counts are of the time before it
	if r, err := client.Shutdown(t.Context()); err != nil || r.Recovered != left.Spooled || r.Delivered != left.Spooled+1 {
		t.Errorf("%+v, %v", r, err)
	}
	s := statusOf(t, service)
	if n := s.Totals.Counted.NoMatch; n != events || s.Totals.Counted.Duplicates == 0 || len(s.Gaps) > 0 {
		t.Errorf("%d events, %+v, gaps %+v", n, s.Totals.Counted, s.Gaps)
	}
}
