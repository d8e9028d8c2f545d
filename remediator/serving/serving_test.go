package serving_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/makegood/makegood/remediator/serving"
)

// TestServeEndsDespiteUnusedConnections checks that a connection on which no
// request ever came does not delay the end.
func TestServeEndsDespiteUnusedConnections(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	ended := make(chan error, 1)
	go func() {
		ended <- serving.Serve(ctx, listener, http.NotFoundHandler(), func(ctx context.Context) error {
			<-ctx.Done()
			return fmt.Errorf("work: %w", ctx.Err())
		})
	}()
	conn, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	// Connections are taken in their order: after this answer the other one is known.
	answer, err := http.Get("http://" + listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	_, _ = io.Copy(io.Discard, answer.Body)
	answer.Body.Close()
	began := time.Now()
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if took := time.Since(began); took > 3*time.Second {
		t.Errorf("it ended after %v", took)
	}
}
