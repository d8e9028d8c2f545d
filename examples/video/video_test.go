package main

import (
	"context"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestRefundedBeforeAsked runs the program and reads what it prints: one film
// stalled, and its event, remedy, refund and mail belong together.
func TestRefundedBeforeAsked(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	var out strings.Builder
	if err := run(t.Context(), &out); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`event   [0-9a-f-]{36} of c-bob\n`,
		`remedy  [0-9a-f-]{36} by refund-poor-playback: done\n`,
		`refunds 1, says the bank, of 299 cents in all\n`,
		`mail    to bob@example\.com: Casablanca did not play as it should\n`,
		`We have paid 2\.99 USD back`,
	} {
		if n := len(regexp.MustCompile(want).FindAllString(out.String(), -1)); n != 1 {
			t.Errorf("%s is printed %d times", want, n)
		}
	}
	if t.Failed() {
		t.Log(out.String())
	}
	nothingIsLeft(t)
}

// TestInterrupted ends the program as Ctrl-C does, while the films play.
func TestInterrupted(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	ctx, interrupt := context.WithCancel(t.Context())
	defer interrupt()
	out := writer(func(p []byte) { interrupt() })
	if err := run(ctx, out); err == nil || !strings.Contains(err.Error(), "context canceled") {
		t.Errorf("it ends with %v", err)
	}
	nothingIsLeft(t)
}

type writer func(p []byte)

func (w writer) Write(p []byte) (int, error) {
	w(p)
	return len(p), nil
}

// nothingIsLeft holds that the folder of temporary files is empty.
func nothingIsLeft(t *testing.T) {
	t.Helper()
	left, err := os.ReadDir(os.TempDir())
	if err != nil || filepath.Clean(os.TempDir()) != os.Getenv("TMPDIR") || len(left) > 0 {
		t.Errorf("left in %s: %v, %v", os.TempDir(), left, err)
	}
}
