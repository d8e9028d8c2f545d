package remediator

import (
	"bytes"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// TestOperatorHearsWhyEventsAreNotStored checks that a log that takes nothing is
// named in the service's log, once and not for each of many requests.
func TestOperatorHearsWhyEventsAreNotStored(t *testing.T) {
	t.Parallel()
	var told bytes.Buffer
	s, err := New(Config{DataDir: t.TempDir(), Logger: slog.New(slog.NewTextHandler(&told, nil))})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	s.ready.Store(true)
	if err := s.log.Close(); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		r := httptest.NewRequest(http.MethodPost, "/v1/events", strings.NewReader(
			`{"specversion":"1.0","id":"1","source":"shop","type":"com.example.order"}`))
		r.Header.Set("Content-Type", "application/cloudevents+json")
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		if w.Code != http.StatusServiceUnavailable {
			t.Fatalf("the answer is %d %s", w.Code, w.Body)
		}
	}
	if n := strings.Count(told.String(), "store events"); n < 1 || n == 3 {
		t.Errorf("the operator was told %d times: %s", n, told.String())
	}
}
