package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/makegood/makegood/remediator"
	"github.com/makegood/makegood/remediator/cord"
	"github.com/makegood/makegood/remediator/rule"
)

// site is an address behind which services come and go.
type site struct {
	*httptest.Server
	service atomic.Pointer[remediator.Service]
	dir     string
}

func newSite(t *testing.T) *site {
	s := &site{dir: t.TempDir()}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if service := s.service.Load(); service != nil {
			service.ServeHTTP(w, r)
			return
		}
		w.WriteHeader(http.StatusBadGateway)
	}))
	t.Cleanup(s.Close)
	return s
}

// open runs a service, and returns how to end it.
func (s *site) open(t *testing.T) (end func()) {
	t.Helper()
	service, err := remediator.New(remediator.Config{
		DataDir: s.dir, Logger: slog.New(slog.DiscardHandler), Rules: stopping("all", "product", "one", "product/${{ data.sku }}", "part", "product/${{ data.sku }}/left"),
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- service.Run(ctx) }()
	s.service.Store(service)
	return func() {
		s.service.Store(nil)
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		if err := service.Close(); err != nil {
			t.Error(err)
		}
	}
}

// stopping returns rules that pull cords red: names and paths by turns.
func stopping(namesAndPaths ...string) []rule.File {
	text := "rules:\n"
	for i := 0; i < len(namesAndPaths); i += 2 {
		text += fmt.Sprintf(`  - rule: stop-%[1]s
    owner: shop
    why: What is broken is not sold.
    event: com.example.broken.%[1]s
    do: [{andon: {pull: "%[2]s", level: red, reason: broken}}]
    mode: live
`, namesAndPaths[i], namesAndPaths[i+1])
	}
	return []rule.File{{Path: "stop.yaml", Text: text}}
}

// report reports what pulls the cord of a rule.
func (s *site) report(t *testing.T, of, sku string) {
	t.Helper()
	body := fmt.Sprintf(`{"specversion":"1.0","id":"%s-%s","source":"/test","type":"com.example.broken.%[1]s","data":{"sku":"%[2]s"}}`, of, sku)
	for {
		answer, err := http.Post(s.URL+"/v1/events", "application/cloudevents+json", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		if answer.StatusCode == http.StatusAccepted {
			return
		}
		if answer.StatusCode < 500 {
			t.Fatalf("the event is answered %s", answer.Status)
		}
	}
}

// TestWatch holds what watching prints: what is stopped, then each change that
// concerns the path, once, also over a restart of the service.
func TestWatch(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	end := s.open(t)
	s.report(t, "one", "1")

	ctx, interrupt := context.WithCancel(t.Context())
	defer interrupt()
	out, in := io.Pipe()
	code := make(chan int, 1)
	var stderr strings.Builder
	go func() {
		code <- run(ctx, []string{"andon", "watch", "--url", s.URL, "--output", "json", "product/2"}, strings.NewReader(""), in, &stderr)
		in.Close()
	}()
	lines := bufio.NewScanner(out)
	next := func(want, how string) {
		t.Helper()
		var got struct{ Cord, Level, How, Since, Pull string }
		if !lines.Scan() {
			t.Fatalf("nothing more is printed, want %s", want)
		}
		if err := json.Unmarshal(lines.Bytes(), &got); err != nil {
			t.Fatal(err)
		}
		if got.Cord != want || got.Level != cord.Red || got.How != how || got.Since == "" || got.Pull == "" {
			t.Fatalf("%s is printed, want %s %s", lines.Text(), want, how)
		}
	}
	s.report(t, "one", "2")
	next("product/2", cord.Direct) // the other one does not concern it
	s.report(t, "part", "2")
	next("product/2/left", "")

	end()
	end = s.open(t)
	defer func() { end() }()
	s.report(t, "all", "") // before or after watching is connected again
	next("product", cord.Inherited)

	interrupt()
	if lines.Scan() {
		t.Errorf("then %q is printed", lines.Text())
	}
	if got := <-code; got != exitOK || !strings.Contains(stderr.String(), "connecting again") {
		t.Errorf("it ends with exit code %d and says %q", got, stderr.String())
	}
}
