package remediator

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"strings"
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
