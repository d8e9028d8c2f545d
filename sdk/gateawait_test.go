package makegood_test

import (
	"context"
	"errors"
	"flag"
	"io"
	"testing"
	"time"

	"github.com/makegood/makegood/sdk"
)

// TestAwait awaits what a gate is, what it comes to be, and what it never is.
func TestAwait(t *testing.T) {
	t.Parallel()
	svc, c := serveAndon(t)
	gate := c.Gate("line", makegood.FailOpen)
	limit, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	for range 3 {
		if err := gate.Await(limit, false); err != nil {
			t.Fatalf("an open gate is awaited: %v", err)
		}
		heard := make(chan error, 8)
		for range cap(heard) {
			go func() { heard <- gate.Await(limit, true) }()
		}
		svc.set("line", "red")
		for range cap(heard) {
			if err := <-heard; err != nil || !gate.Closed() {
				t.Fatalf("a gate that closes is awaited: %v", err)
			}
		}
		svc.set("line", "open")
	}
	if err := gate.Await(limit, false); err != nil {
		t.Fatal(err)
	}
	why := errors.New("the deployment was called off")
	ended, end := context.WithCancelCause(context.Background())
	end(why)
	var none *makegood.Gate
	for name, g := range map[string]*makegood.Gate{"open": gate, "nil": none, "of no client": (*makegood.Client)(nil).Gate("line", makegood.LastKnown)} {
		if err := g.Await(ended, true); !errors.Is(err, why) {
			t.Errorf("a gate that is %s never closes: %v", name, err)
		}
		if err := g.Await(ended, false); err != nil {
			t.Errorf("a gate that is %s is open: %v", name, err)
		}
	}
}

// TestModeAsText reads and writes modes as options do.
func TestModeAsText(t *testing.T) {
	t.Parallel()
	for name, mode := range map[string]makegood.Mode{"last-known": makegood.LastKnown, "fail-open": makegood.FailOpen, "fail-closed": makegood.FailClosed} {
		flags := flag.NewFlagSet("", flag.ContinueOnError)
		flags.SetOutput(io.Discard)
		var got makegood.Mode
		flags.TextVar(&got, "mode", makegood.FailOpen, "")
		if err := flags.Parse([]string{"-mode", name}); err != nil || got != mode {
			t.Errorf("%s is read as %s, %v", name, got, err)
		}
		if text, err := mode.MarshalText(); err != nil || string(text) != name {
			t.Errorf("%s is written as %s, %v", mode, text, err)
		}
		if err := flags.Parse([]string{"-mode", "ajar"}); err == nil || got != mode {
			t.Errorf("a mode that there is not is read as %s, %v", got, err)
		}
	}
	for _, mode := range []makegood.Mode{-1, 3} {
		if text, err := mode.MarshalText(); err == nil {
			t.Errorf("%s is written as %s", mode, text)
		}
	}
}
