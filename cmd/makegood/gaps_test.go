package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/makegood/makegood/remediator"
	"github.com/makegood/makegood/remediator/api"
	"github.com/makegood/makegood/remediator/rule"
	"github.com/makegood/makegood/remediator/store/views"
	"github.com/makegood/makegood/sdk"
)

// swallower is a proxy that answers one request itself, as a service would, and
// hands it on to nobody.
type swallower struct {
	onward http.Handler

	mu        sync.Mutex
	requests  int
	swallowed *http.Request
	body      []byte
}

const swallowedRequest = 4

func (s *swallower) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	s.requests++
	mine := s.requests == swallowedRequest
	if mine {
		s.swallowed = r.Clone(context.Background())
		s.body, _ = io.ReadAll(r.Body)
	}
	s.mu.Unlock()
	if !mine {
		s.onward.ServeHTTP(w, r)
		return
	}
	w.WriteHeader(http.StatusAccepted)
	fmt.Fprintf(w, `{"accepted":%d}`, s.events())
}

// events is how many events were swallowed.
func (s *swallower) events() int { return strings.Count(string(s.body), `"specversion"`) }

// late hands on what was swallowed, after all.
func (s *swallower) late(t *testing.T, service http.Handler) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	r := httptest.NewRequest(http.MethodPost, "/v1/events", strings.NewReader(string(s.body)))
	r.Header = s.swallowed.Header
	w := httptest.NewRecorder()
	if service.ServeHTTP(w, r); w.Code != http.StatusAccepted {
		t.Fatalf("the late request: %d %s", w.Code, w.Body)
	}
}

// TestASwallowedRequestIsReported has a proxy answer for the service and lose the
// request. The client believes that all was delivered; the service says how many
// events of whom are missing, and no longer says so once they come.
func TestASwallowedRequestIsReported(t *testing.T) {
	t.Parallel()
	service, server := quietService(t)
	target, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	middle := &swallower{onward: httputil.NewSingleHostReverseProxy(target)}
	proxy := httptest.NewServer(middle)
	defer proxy.Close()
	client, err := makegood.New("checkout", makegood.URL(proxy.URL), makegood.MaxBatch(10), makegood.Logger(slog.New(slog.DiscardHandler)))
	if err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	emit := func(n int, at time.Time) {
		for range n {
			client.Emit(t.Context(), "com.example.cart", makegood.At(at))
		}
		if err := client.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	emit(100, began)
	if s := statusOf(t, service); len(s.Gaps) != 0 {
		t.Errorf("at once it says %+v", s.Gaps)
	}
	emit(1, began.Add(11*time.Minute))
	s := statusOf(t, service)
	if n := middle.events(); n == 0 || len(s.Gaps) != 1 || s.Gaps[0].Service != "checkout" || s.Gaps[0].Missing != uint64(n) || !s.Gaps[0].Since.Equal(began) {
		t.Errorf("it says %+v, want %d events of checkout since %s", s.Gaps, n, began)
	}
	middle.late(t, service)
	if s := statusOf(t, service); len(s.Gaps) != 0 || s.Totals.Counted.Duplicates != 0 {
		t.Errorf("after the late request it says %+v, %d repeats", s.Gaps, s.Totals.Counted.Duplicates)
	}
	if report, err := client.Shutdown(t.Context()); err != nil || report.Delivered != 101 || report.Accepted != 101 {
		t.Errorf("the client believes %+v, %v", report, err)
	}
}

// TestTheGuideShowsGapsAsTheyAre holds what docs/sdk.md shows to what is printed.
func TestTheGuideShowsGapsAsTheyAre(t *testing.T) {
	t.Parallel()
	guide, err := os.ReadFile("../../docs/sdk.md")
	if err != nil {
		t.Fatal(err)
	}
	var shown strings.Builder
	err = printTable(&shown, nil, gapRows([]views.Gap{{Service: "checkout", Client: uuid.MustParse("0190a1b2-7e4f-7c3a-9d5e-4f1a2b3c4d5e"),
		Missing: 500, Since: time.Date(2026, 11, 26, 18, 2, 11, 0, time.UTC)}}))
	if err != nil || !strings.Contains(string(guide), "```text\n"+shown.String()+"```\n") {
		t.Errorf("docs/sdk.md does not show\n%s(%v)", shown.String(), err)
	}
	many := gapRows(make([]views.Gap, 30))
	if len(many) != gapsShown+1 || !strings.Contains(many[gapsShown][1], "of 10 more clients") {
		t.Errorf("of 30 clients %d lines are shown, the last is %v", len(many), many[len(many)-1])
	}
}

// quietService is a service that runs until the test ends, and a server of it. No
// event of the tests concerns its one rule.
func quietService(t *testing.T) (*remediator.Service, *httptest.Server) {
	t.Helper()
	service, err := remediator.New(remediator.Config{
		DataDir: t.TempDir(), EventClock: true, Logger: slog.New(slog.DiscardHandler),
		Rules: []rule.File{{Path: "r.yaml", Text: "rules:\n  - {rule: r, owner: o, why: w, event: com.example.other, do: [{andon: {pull: a/b, level: yellow, reason: x}}]}\n"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- service.Run(ctx) }()
	server := httptest.NewServer(service)
	t.Cleanup(func() {
		server.Close()
		stop()
		if err := errors.Join(<-done, service.Close()); err != nil {
			t.Error(err)
		}
	})
	awaitServing(t, server.URL)
	return service, server
}

// awaitServing returns when the service takes events.
func awaitServing(t *testing.T, address string) {
	t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for range 1000 {
		if answer, err := http.Get(address + "/readyz"); err == nil {
			answer.Body.Close()
			if answer.StatusCode == http.StatusOK {
				return
			}
		}
		<-tick.C
	}
	t.Fatal("the service was not ready in time")
}

// statusOf is the status of a service once it has decided all that it took.
func statusOf(t *testing.T, service *remediator.Service) (s api.Status) {
	t.Helper()
	if err := service.WaitIdle(t.Context()); err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	service.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/v1/status", nil))
	if err := json.Unmarshal(w.Body.Bytes(), &s); err != nil || w.Code != http.StatusOK {
		t.Fatalf("status %d %s: %v", w.Code, w.Body, err)
	}
	return s
}
