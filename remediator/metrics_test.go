package remediator_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/makegood/makegood/remediator"
)

// TestMetrics scrapes a service that took events of a client, and missed some.
func TestMetrics(t *testing.T) {
	t.Parallel()
	service, err := remediator.New(remediator.Config{
		DataDir: t.TempDir(), Rules: stopProduct, EventClock: true, AdminToken: "admin", Token: "emitter", Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	defer service.Close()
	if text := scrape(t, service, "admin"); !strings.Contains(text, "\nmakegood_ready 0\n") || !strings.Contains(text, "\nmakegood_sdk_clients 0\n") {
		t.Errorf("before it runs:\n%s", text)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- service.Run(ctx) }()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !strings.Contains(scrape(t, service, "admin"), "\nmakegood_ready 1\n") {
		<-tick.C
	}
	for i, first := range []int{1, 5, 7} { // 2, 6 and 8 are refused, 3 and 4 do not come
		event := fmt.Sprintf(`{"specversion":"1.0","id":"e-%d","source":"shop","type":"com.example.cart","time":"2030-01-01T10:%d0:00Z"}`, first, i)
		if code := emitBatch(service, fmt.Sprintf("01a0b1b2-7e4f-7c3a-9d5e-4f1a2b3c4d5e.%d", first), "["+event+",{}]"); code != http.StatusBadRequest {
			t.Fatalf("the answer is %d", code)
		}
	}
	if err := service.WaitIdle(t.Context()); err != nil {
		t.Fatal(err)
	}
	text := scrape(t, service, "admin")
	for _, line := range []string{
		"makegood_ingest_requests_total 3", "makegood_ingest_refused_total 0", "makegood_ingest_events_accepted_total 3",
		"makegood_ingest_events_rejected_total 3", "makegood_decide_lag_records 0", "makegood_actions_unsettled 0",
		"makegood_sdk_clients 1", "makegood_leads 1", "# TYPE makegood_folded_inputs gauge", "makegood_sdk_gaps 1", "makegood_windows_forgotten_total 0", "makegood_window_parts_forgotten_total 0", "makegood_sdk_events_missing 2", "# TYPE makegood_sdk_gaps gauge", "# TYPE makegood_decided_inputs_total counter",
	} {
		if !strings.Contains(text, line+"\n") {
			t.Errorf("there is no %q in\n%s", line, text)
		}
	}
	if !strings.Contains(text, "\ngo_goroutines ") {
		t.Error("nothing of the process itself is told")
	}
	guide, err := os.ReadFile("../docs/sdk.md")
	if err != nil {
		t.Fatal(err)
	}
	named := regexp.MustCompile(`makegood_[a-z_]+`).FindAllString(string(guide), -1)
	for _, name := range named {
		if !strings.Contains(text, "\n"+name+" ") {
			t.Errorf("docs/sdk.md names %s, which is not there", name)
		}
	}
	if len(named) < 3 {
		t.Errorf("docs/sdk.md names %v: nothing was checked", named)
	}
	for token, want := range map[string]int{"emitter": http.StatusForbidden, "": http.StatusUnauthorized} {
		if w := ask(service, token); w.Code != want {
			t.Errorf("with the token %q the answer is %d, want %d", token, w.Code, want)
		}
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func ask(service http.Handler, token string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodGet, "/metrics", nil)
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	w := httptest.NewRecorder()
	service.ServeHTTP(w, r)
	return w
}

func scrape(t *testing.T, service http.Handler, token string) string {
	t.Helper()
	w := ask(service, token)
	text, err := io.ReadAll(w.Body)
	if err != nil || w.Code != http.StatusOK {
		t.Fatalf("scrape: %d %s: %v", w.Code, text, err)
	}
	return string(text)
}

// emitBatch posts events under a name and returns the status.
func emitBatch(service http.Handler, name, events string) int {
	r := httptest.NewRequest(http.MethodPost, "/v1/events", strings.NewReader(events))
	r.Header.Set("Content-Type", "application/cloudevents-batch+json")
	r.Header.Set("Makegood-Batch", name)
	r.Header.Set("Authorization", "Bearer emitter")
	w := httptest.NewRecorder()
	service.ServeHTTP(w, r)
	return w.Code
}
