package makegood_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// andon stands for the part of the Makegood service that gates listen to. It
// keeps cords and tells them as a stream and as an answer.
type andon struct {
	mu       sync.Mutex
	boot     int
	cords    map[string]string // levels of those that are not open
	changes  []string          // cord events of this boot
	changed  chan struct{}     // closed at the next change
	cut      chan struct{}     // closed when the streams shall end
	fault    func(w http.ResponseWriter, r *http.Request) (answered bool)
	requests []string // path and what the client knows, in order
}

func newAndon() *andon {
	return &andon{boot: 1, cords: map[string]string{}, changed: make(chan struct{}), cut: make(chan struct{})}
}

// set brings a cord to a level.
func (s *andon) set(cord, level string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cords[cord] = level
	if level == "open" {
		delete(s.cords, cord)
	}
	s.changes = append(s.changes, cordJSON(cord, level))
	close(s.changed)
	s.changed = make(chan struct{})
}

func cordJSON(cord, level string) string {
	return fmt.Sprintf(`{"cord":%q,"level":%q,"since":"2026-01-05T10:00:00.123456789Z","pull":"0193c8a4-0000-7000-8000-000000000000"}`, cord, level)
}

// answer has f answer all requests from now on and ends the streams; nil lets
// the service itself answer again.
func (s *andon) answer(f func(w http.ResponseWriter, r *http.Request) bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fault = f
	close(s.cut)
	s.cut = make(chan struct{})
}

// down makes the service unreachable.
func (s *andon) down() {
	s.answer(func(w http.ResponseWriter, _ *http.Request) bool {
		w.WriteHeader(http.StatusServiceUnavailable)
		return true
	})
}

// restart starts the service again with other cords.
func (s *andon) restart(cords map[string]string) {
	s.mu.Lock()
	s.boot++
	s.cords, s.changes = maps.Clone(cords), nil
	s.mu.Unlock()
	s.answer(nil)
}

func (s *andon) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	known := r.Header.Get("Last-Event-ID") + r.Header.Get("If-None-Match")
	s.requests = append(s.requests, strings.TrimSpace(strings.TrimPrefix(r.URL.Path, "/v1/")+" "+known))
	fault := s.fault
	s.mu.Unlock()
	switch {
	case fault != nil && fault(w, r):
	case r.URL.Path == "/v1/andon/stream":
		s.stream(w, r)
	case r.URL.Path == "/v1/andon/gates":
		s.gates(w, r)
	default:
		w.WriteHeader(http.StatusAccepted)
	}
}

// asked returns the requests that came since it was called last.
func (s *andon) asked() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := s.requests
	s.requests = nil
	return all
}

// id is the position of the service after n changes. The caller holds mu.
func (s *andon) id(n int) string { return fmt.Sprintf("%016x.%d", s.boot, n) }

// snapshot is every cord that is not open. The caller holds mu.
func (s *andon) snapshot() string {
	all := make([]json.RawMessage, 0, len(s.cords))
	for _, cord := range slices.Sorted(maps.Keys(s.cords)) {
		all = append(all, json.RawMessage(cordJSON(cord, s.cords[cord])))
	}
	text, _ := json.Marshal(map[string]any{"cords": all})
	return string(text)
}

func (s *andon) gates(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	tag := strconv.Quote(s.id(len(s.changes)))
	w.Header().Set("ETag", tag)
	if r.Header.Get("If-None-Match") == tag {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	fmt.Fprint(w, s.snapshot())
}

const heartbeat = "event: heartbeat\ndata: {\"at\":\"1970-01-01T00:00:00Z\"}\n\n" // gates do not look at the server's clock

func (s *andon) stream(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/event-stream; charset=utf-8")
	fmt.Fprint(w, "retry: 1000\n\n")
	s.mu.Lock()
	boot, cut, sent := s.boot, s.cut, len(s.changes)
	known, ok := strings.CutPrefix(r.Header.Get("Last-Event-ID"), fmt.Sprintf("%016x.", boot))
	if n, err := strconv.Atoi(known); ok && err == nil && n <= sent {
		sent = n
		fmt.Fprint(w, heartbeat)
	} else {
		fmt.Fprintf(w, "id: %s\nevent: snapshot\ndata: %s\n\n", s.id(sent), s.snapshot())
	}
	s.mu.Unlock()
	beat := time.NewTicker(10 * time.Second)
	defer beat.Stop()
	for {
		s.mu.Lock()
		if s.cut != cut { // nothing that came after the cut may be told
			s.mu.Unlock()
			return
		}
		var fresh []string
		if s.boot == boot {
			fresh = s.changes[sent:]
		}
		first, changed := sent+1, s.changed
		sent += len(fresh)
		s.mu.Unlock()
		for i, change := range fresh {
			fmt.Fprintf(w, "id: %016x.%d\nevent: cord\ndata: %s\n\n", boot, first+i, change)
		}
		w.(http.Flusher).Flush()
		select {
		case <-changed:
		case <-beat.C:
			fmt.Fprint(w, heartbeat)
		case <-cut:
			return
		case <-r.Context().Done():
			return
		}
	}
}
