package makegoodtest

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/makegood/makegood/sdk"
)

// cords are the cords that a test pulled, for the client's stream.
type cords struct {
	*sync.Mutex
	red     map[string]time.Time
	number  int           // of the last change
	changed chan struct{} // closed at each change, and replaced
}

func newCords() cords {
	return cords{Mutex: new(sync.Mutex), red: map[string]time.Time{}, changed: make(chan struct{})}
}

// Pull pulls a cord red. When it returns, the gates of the client at its path and
// below are closed.
func (r *Recorder) Pull(cord string) {
	r.t.Helper()
	r.change(cord, true)
}

// Release releases a cord. When it returns, the gates of the client at its path and
// below are open, unless another red cord keeps them closed.
func (r *Recorder) Release(cord string) {
	r.t.Helper()
	r.change(cord, false)
}

// change changes a cord and waits until the client has heard of it: all its gates
// change at once, and one at the cord's own path tells when.
func (r *Recorder) change(cord string, red bool) {
	r.t.Helper()
	gate := r.client.Gate(cord, makegood.FailOpen)
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := r.client.WaitReady(ctx); err != nil {
		r.t.Fatalf("wait for cords: %v", err)
	}
	if problem := gate.State().Problem; problem != "" {
		r.t.Fatalf("change cord %s: %s", cord, problem)
	}
	if err := gate.Await(ctx, r.cords.set(cord, red)); err != nil {
		r.t.Fatalf("change cord %s: the client did not hear of it", cord)
	}
	gate.State() // waits until the gates that change with this one have done so too
}

// set changes a cord and reports whether a gate at its path is then closed.
func (c *cords) set(cord string, red bool) (closed bool) {
	c.Lock()
	defer c.Unlock()
	if _, was := c.red[cord]; was != red {
		if red {
			c.red[cord] = time.Now().UTC()
		} else {
			delete(c.red, cord)
		}
		c.number++
		close(c.changed)
		c.changed = make(chan struct{})
	}
	for other := range c.red {
		if below, ok := strings.CutPrefix(cord, other); ok && (below == "" || below[0] == '/') {
			return true
		}
	}
	return false
}

// snapshot returns all cords as the stream tells them, and what will be closed at
// the next change.
func (c *cords) snapshot() (text string, changed chan struct{}, err error) {
	type cord struct {
		Cord  string    `json:"cord"`
		Level string    `json:"level"`
		Since time.Time `json:"since"`
	}
	c.Lock()
	defer c.Unlock()
	all := []cord{}
	for _, path := range slices.Sorted(maps.Keys(c.red)) {
		all = append(all, cord{path, "red", c.red[path]})
	}
	data, err := json.Marshal(map[string]any{"cords": all})
	return fmt.Sprintf("event: snapshot\nid: test.%d\ndata: %s\n\n", c.number, data), c.changed, err
}

// stream tells the client of the cords, all of them at each change.
func (c *cords) stream(w http.ResponseWriter, req *http.Request) {
	w.Header().Set("Content-Type", "text/event-stream")
	for {
		text, changed, err := c.snapshot()
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		if _, err := w.Write([]byte(text)); err != nil {
			return
		}
		if err := http.NewResponseController(w).Flush(); err != nil {
			return
		}
		select {
		case <-changed:
		case <-req.Context().Done():
			return
		}
	}
}
