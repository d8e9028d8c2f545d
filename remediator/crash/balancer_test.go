package crash

import (
	"bytes"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// tryTimeout is how long the balancer waits for one node, and avoidFor how long it
	// asks no node that did not answer.
	tryTimeout = 2 * time.Second
	avoidFor   = time.Second
)

// balancer stands before several nodes, as in production: it asks one after the other
// until one answers, and counts what applications get to hear.
type balancer struct {
	nodes  []string // where they listen
	client http.Client
	turn   atomic.Uint64

	mu     sync.Mutex
	avoid  map[string]time.Time
	counts map[int]int // answers by status
}

func newBalancer(nodes []string) *balancer {
	return &balancer{nodes: nodes, client: http.Client{Timeout: tryTimeout}, avoid: map[string]time.Time{}, counts: map[int]int{}}
}

// ServeHTTP passes a request on. Events may reach two nodes so: the fold takes them
// once.
func (b *balancer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	status, answer, header := http.StatusServiceUnavailable, []byte(nil), http.Header{}
	first := int(b.turn.Add(1))
	for i := range b.nodes {
		node := b.nodes[(first+i)%len(b.nodes)]
		if !b.isUp(node) {
			continue
		}
		got, text, head, err := b.try(r, node, body)
		if err != nil {
			b.note(func() { b.avoid[node] = time.Now().Add(avoidFor) })
			continue
		}
		if status, answer, header = got, text, head; status != http.StatusServiceUnavailable {
			break
		}
	}
	b.note(func() { b.counts[status]++ })
	for _, name := range []string{"Content-Type", "Retry-After"} {
		if value := header.Get(name); value != "" {
			w.Header().Set(name, value)
		}
	}
	w.WriteHeader(status)
	_, _ = w.Write(answer) // the application may have gone
}

func (b *balancer) try(r *http.Request, node string, body []byte) (status int, text []byte, header http.Header, err error) {
	req, err := http.NewRequestWithContext(r.Context(), r.Method, "http://"+node+r.URL.RequestURI(), bytes.NewReader(body))
	if err != nil {
		return 0, nil, nil, err
	}
	req.Header = r.Header.Clone()
	resp, err := b.client.Do(req)
	if err != nil {
		return 0, nil, nil, err
	}
	defer resp.Body.Close()
	text, err = io.ReadAll(resp.Body)
	return resp.StatusCode, text, resp.Header, err
}

func (b *balancer) isUp(node string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return time.Now().After(b.avoid[node])
}

func (b *balancer) note(what func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	what()
}

// answered returns how many answers of a status there were so far.
func (b *balancer) answered(status int) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.counts[status]
}

// strange lists statuses that no application should get to hear.
func (b *balancer) strange() map[int]int {
	b.mu.Lock()
	defer b.mu.Unlock()
	found := map[int]int{}
	for status, n := range b.counts {
		if status != http.StatusAccepted && status != http.StatusServiceUnavailable && status != http.StatusTooManyRequests {
			found[status] = n
		}
	}
	return found
}
