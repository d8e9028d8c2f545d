package remediator

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/makegood/makegood/remediator/rule"
)

const callRule = `rules:
  - rule: call
    owner: o
    why: w
    event: com.example.bad
    do:
      - andon: {pull: "line/a", level: yellow, reason: look}
    mode: live
`

func callFiles(text string) []rule.File { return []rule.File{{Path: "call.yaml", Text: text}} }

// TestReload checks that files replace the rules in force while the service
// runs, that bad ones leave them, and that the same ones change nothing.
func TestReload(t *testing.T) {
	t.Parallel()
	s, err := New(Config{DataDir: t.TempDir(), Rules: callFiles(callRule), Logger: slog.New(slog.NewTextHandler(io.Discard, nil))})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if _, err := s.Reload(t.Context(), callFiles(callRule)); err == nil {
		t.Error("a service that does not run took rules")
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	defer func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}()
	poll(t, func() bool { return s.readiness() == nil })

	if changed, err := s.Reload(ctx, callFiles(callRule)); err != nil || changed {
		t.Errorf("the rules in force: changed is %v, %v", changed, err)
	}
	var problems *rule.Problems
	if _, err := s.Reload(ctx, callFiles(strings.Replace(callRule, "yellow", "orange", 1))); !errors.As(err, &problems) {
		t.Errorf("bad rules: %v", err)
	}
	before := s.inForce().Set.Digest
	if changed, err := s.Reload(ctx, callFiles(strings.Replace(callRule, "look", "look at it", 1))); err != nil || !changed {
		t.Errorf("new rules: changed is %v, %v", changed, err)
	}
	poll(t, func() bool { return s.inForce().Set.Digest != before })
}

// poll waits until something holds.
func poll(t *testing.T, holds func() bool) {
	t.Helper()
	limit := time.After(20 * time.Second)
	for !holds() {
		select {
		case <-limit:
			t.Fatal("it never came true")
		case <-time.After(time.Millisecond):
		}
	}
}

// TestReloadsBehindTheDecider reloads rules while the decider is held: what comes after is
// judged by the rules that are on their way, and not by those in force.
func TestReloadsBehindTheDecider(t *testing.T) {
	t.Parallel()
	held, release := atomic.Bool{}, make(chan struct{})
	n := startWith(t, Config{DataDir: t.TempDir(), Rules: credits("other live lost data.item"), OnStep: func(step string) {
		if step == StepFolded && held.Load() {
			<-release
		}
	}})
	poll(t, func() bool { return n.readiness() == nil })
	before := n.inForce().Set.Digest
	held.Store(true)
	if changed, err := n.Reload(t.Context(), credits("other live lost data.item", "old live data.order")); err != nil || !changed {
		t.Fatalf("a rule more: changed is %v, %v", changed, err)
	}
	if code := n.send(t, 1); code != http.StatusAccepted {
		t.Fatal(code)
	}
	for name, files := range map[string][]rule.File{"those before": credits("other live lost data.item"), "others": credits("new live data.order")} {
		soon, cancel := context.WithTimeout(t.Context(), 5*decidedPoll)
		if changed, err := n.Reload(soon, files); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s, while rules are on their way: changed is %v, %v", name, changed, err)
		}
		cancel()
	}
	held.Store(false)
	close(release)
	if _, err := n.Reload(t.Context(), credits("other live lost data.item", "new live data.order")); err == nil || !strings.Contains(err.Error(), `"new" looks like "old" under another name`) {
		t.Errorf("another name of a rule that was on its way: %v", err)
	}
	if changed, err := n.Reload(t.Context(), credits("other live lost data.item")); err != nil || !changed {
		t.Errorf("taken back: changed is %v, %v", changed, err)
	}
	poll(t, func() bool { return n.inForce().Set.Digest == before })
}

// TestReloadEndsWithTheService has a service end while a reload waits for the rules before.
func TestReloadEndsWithTheService(t *testing.T) {
	t.Parallel()
	held, release := atomic.Bool{}, make(chan struct{})
	n := startWith(t, Config{DataDir: t.TempDir(), Rules: callFiles(callRule), OnStep: func(step string) {
		if step == StepFolded && held.Load() {
			<-release
		}
	}})
	poll(t, func() bool { return n.readiness() == nil })
	held.Store(true)
	if _, err := n.Reload(t.Context(), callFiles(strings.Replace(callRule, "look", "look at it", 1))); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() {
		_, err := n.Reload(context.Background(), callFiles(callRule))
		ended <- err
	}()
	n.stop()
	if err := <-ended; err == nil {
		t.Error("rules that nobody decides are said to be in force")
	}
	held.Store(false)
	close(release)
}

// TestToldToEndBeforeItBegan holds that a service which is told to end while it starts ends
// as one that is told so later does.
func TestToldToEndBeforeItBegan(t *testing.T) {
	t.Parallel()
	s, err := New(Config{DataDir: t.TempDir(), Rules: callFiles(callRule), Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	ended, end := context.WithCancel(t.Context())
	end()
	if err := s.Run(ended); err != nil {
		t.Errorf("it ends with: %v", err)
	}
	if err := s.readiness(); err == nil {
		t.Error("it is ready after its end")
	}
}
