package makegood_test

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"testing"
	"time"

	"github.com/makegood/makegood/sdk"
)

// TestAHandlerInTheSameProcessStreams has a handler that uses what a server's
// writer can do.
func TestAHandlerInTheSameProcessStreams(t *testing.T) {
	t.Parallel()
	ended := make(chan error, 1)
	steps := make(chan string)
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		out := http.NewResponseController(w)
		w.Header().Set("Content-Type", "text/event-stream")
		fmt.Fprint(w, "id: 0000000000000001.0\nevent: snapshot\ndata: {\"cords\":[]}\n\n")
		if err := out.Flush(); err != nil {
			ended <- err
			return
		}
		w.WriteHeader(http.StatusTeapot) // too late
		for cord := range steps {
			if err := out.SetWriteDeadline(time.Now().Add(20 * time.Second)); err != nil {
				ended <- err
				return
			}
			fmt.Fprintf(w, "id: 0000000000000001.1\nevent: cord\ndata: %s\n\n", cord)
			_ = out.Flush()
		}
		<-r.Context().Done()
		var err error
		for err == nil { // the client may still read one
			_, err = fmt.Fprint(w, heartbeat)
		}
		ended <- err
	})
	c := newClient(t, makegood.Handler(handler))
	ready(t, c)
	changes := changesOf(c.Gate("line/1", makegood.LastKnown))
	steps <- cordJSON("line", "red")
	if !next(t, changes) {
		t.Error("not closed")
	}
	steps <- cordJSON("line", "open")
	if next(t, changes) {
		t.Error("not opened")
	}
	close(steps)
	if err := c.Close(); err != nil {
		t.Error(err)
	}
	if err := <-ended; err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("after Close the handler could write: %v", err)
	}
}
