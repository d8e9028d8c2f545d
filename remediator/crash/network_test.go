package crash

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"sync"
	"time"
)

// overtakenPath is where the network between service and provider is told to have
// calls overtaken, and asked how many were.
const overtakenPath = "/network/overtaken"

const (
	lateOdds = 0.08
	lateBy   = 2 * time.Second // longer than a service takes to be there again
)

// lateNetwork delivers some refunds to the provider so late that the service was
// killed and started again meanwhile, and asks a second time before. Only the
// idempotency key makes one refund of the two calls then.
//
// Told to, it has calls overtaken for certain: it takes one, and says that the provider
// does not answer, as a gateway does. A lost connection would not do: the client sends
// the same call again then. When the next call for the same action was answered, it
// delivers the first.
type lateNetwork struct {
	next   http.Handler
	mu     sync.Mutex
	random *rand.Rand // nil: no call is late by itself

	wanted    int                      // calls to be overtaken
	held      map[string]*http.Request // by action
	overtaken int
}

func newLateNetwork(next http.Handler, random *rand.Rand) *lateNetwork {
	return &lateNetwork{next: next, random: random, held: map[string]*http.Request{}}
}

func (l *lateNetwork) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch {
	case r.URL.Path == overtakenPath:
		l.command(w, r)
		return
	case r.Method != http.MethodPost:
		l.next.ServeHTTP(w, r)
		return
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // the caller died while it was sending
	}
	again := func() *http.Request {
		// The call is on its way: whether the caller lives no longer matters.
		r := r.Clone(context.WithoutCancel(r.Context()))
		r.Body = io.NopCloser(bytes.NewReader(body))
		return r
	}
	action := ""
	if form, err := url.ParseQuery(string(body)); err == nil {
		action = form.Get("metadata[makegood_action]")
	}
	if l.hold(action, again) {
		w.WriteHeader(http.StatusGatewayTimeout)
		return
	}
	l.mu.Lock()
	late := l.random != nil && l.random.Float64() < lateOdds
	l.mu.Unlock()
	if late {
		<-time.After(lateBy)
	}
	defer l.deliver(action) // also when the provider drops the connection
	l.next.ServeHTTP(w, again())
}

// hold keeps a call back when one is to be overtaken.
func (l *lateNetwork) hold(action string, call func() *http.Request) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.wanted == 0 || action == "" || l.held[action] != nil {
		return false
	}
	l.wanted--
	l.held[action] = call()
	return true
}

// deliver delivers the call for an action that was held back.
func (l *lateNetwork) deliver(action string) {
	l.mu.Lock()
	call := l.held[action]
	delete(l.held, action)
	l.mu.Unlock()
	if call == nil {
		return
	}
	defer func() {
		_ = recover() // the provider drops a connection that is gone anyhow
		l.mu.Lock()
		l.overtaken++
		l.mu.Unlock()
	}()
	l.next.ServeHTTP(httptest.NewRecorder(), call)
}

// command takes how many calls are to be overtaken, and says how many were.
func (l *lateNetwork) command(w http.ResponseWriter, r *http.Request) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if n, err := strconv.Atoi(r.URL.Query().Get("n")); err == nil && r.Method == http.MethodPost {
		l.wanted += n
	}
	fmt.Fprintln(w, l.overtaken)
}

// overtake has some calls to the provider overtaken by the next ones for the same
// actions; none only asks. It returns how many were so far.
func overtake(provider string, n int) (overtaken int, err error) {
	resp, err := http.Post(provider+overtakenPath+"?n="+strconv.Itoa(n), "", nil)
	if err != nil {
		return 0, fmt.Errorf("ask the network: %w", err)
	}
	defer resp.Body.Close()
	_, err = fmt.Fscan(resp.Body, &overtaken)
	return overtaken, err
}
