package main

import (
	"context"
	"errors"
	"net/http"
	"testing"
)

// broken is a service that ends by itself.
type broken struct {
	http.Handler
	why error
}

func (b broken) Run(context.Context) error { return b.why }

// TestBackgroundTellsWhyItEnded checks that who works with a service hears when
// it ends by itself, instead of trying for ever.
func TestBackgroundTellsWhyItEnded(t *testing.T) {
	t.Parallel()
	full := errors.New("disk is full")
	playing, fail := context.WithCancelCause(t.Context())
	defer fail(nil)
	_, stop, err := background(playing, fail, "127.0.0.1:0", func() (http.Handler, error) {
		return broken{http.NotFoundHandler(), full}, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	<-playing.Done()
	if got := context.Cause(playing); !errors.Is(got, full) {
		t.Errorf("it ended with %v, want %v", got, full)
	}
	if err := stop(); !errors.Is(err, full) {
		t.Errorf("stop returned %v, want %v", err, full)
	}
}
