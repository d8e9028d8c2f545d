// Package makegoodtest records what an application tells Makegood, and pulls
// cords for it, in tests: without a network and without waiting.
//
//	func TestDeclinedPaymentIsTold(t *testing.T) {
//		told := makegoodtest.New(t)
//		shop := NewShop(told.Client())
//		shop.Pay("c-42", "card declined")
//		told.Expect("com.example.payment.declined", makegood.Customer("c-42"))
//		told.None("com.example.payment.accepted")
//	}
//
// The client is a real one, so whatever would be refused in production is refused
// in the test: an event that is invalid fails it.
package makegoodtest

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cloudevents/sdk-go/v2/event"

	"github.com/makegood/makegood/sdk"
)

// patience is how long a client in the same process may take for anything.
const patience = 10 * time.Second

// Recorder stands for the service. It is safe for concurrent use.
type Recorder struct {
	t      testing.TB
	client *makegood.Client
	cords  cords

	privacy makegood.Option // what of the application's options changes what is told

	mu     sync.Mutex
	events []event.Event
}

// New returns a recorder whose client lives until the test ends. Options are
// those of the application's client; where they say where to send to, they are
// overruled. The events' source is "test" unless an option Source says another.
func New(t testing.TB, opts ...makegood.Option) *Recorder {
	t.Helper()
	r := &Recorder{t: t, cords: newCords(), privacy: makegood.OnlyPrivacy(opts...)}
	first := []makegood.Option{silent(), makegood.OnDrop(func(_ makegood.Report, err error) { t.Errorf("an event was dropped: %v", err) })}
	client, err := makegood.New("test", slices.Concat(first, opts, []makegood.Option{makegood.Handler(r)})...)
	if err != nil {
		t.Fatalf("make client: %v", err)
	}
	r.client = client
	t.Cleanup(func() {
		if err := client.Close(); err != nil {
			t.Errorf("close client: %v", err)
		}
	})
	return r
}

func silent() makegood.Option {
	return makegood.Logger(slog.New(slog.NewTextHandler(io.Discard, nil)))
}

// Client is the client to give to the application.
func (r *Recorder) Client() *makegood.Client { return r.client }

// ServeHTTP implements http.Handler.
func (r *Recorder) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	switch req.URL.Path {
	case "/v1/events":
		r.take(w, req)
	case "/v1/andon/stream":
		r.cords.stream(w, req)
	default:
		http.NotFound(w, req)
	}
}

func (r *Recorder) take(w http.ResponseWriter, req *http.Request) {
	var batch []event.Event
	if err := json.NewDecoder(req.Body).Decode(&batch); err != nil {
		r.t.Errorf("read events: %v", err)
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	r.mu.Lock()
	r.events = append(r.events, batch...)
	r.mu.Unlock()
	w.WriteHeader(http.StatusAccepted)
}

// Events returns what was emitted before the call, in order.
func (r *Recorder) Events() []event.Event {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := r.client.Flush(ctx); err != nil {
		r.t.Fatalf("wait for events: %v", err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.events)
}

// Reset forgets what was emitted before the call.
func (r *Recorder) Reset() {
	r.t.Helper()
	r.Events()
	r.mu.Lock()
	r.events = nil
	r.mu.Unlock()
}

// Expect fails the test unless an event of a type was emitted that has these
// attributes, whatever else it has, and returns the first such event. A test names
// what the application was given: the attributes are written with the HashKey, Deny
// and Redact given to New, so a customer that is told as a pseudonym is expected by
// makegood.Hash of its name. Each Redact is called for them too. What became of a
// text shows in the event that is returned.
func (r *Recorder) Expect(typ string, attrs ...makegood.Attr) event.Event {
	r.t.Helper()
	want := encode(r.t, r.privacy, typ, attrs)
	all := r.Events()
	var nearest []string
	found := false
	for _, e := range all {
		if e.Type() != typ {
			continue
		}
		differences := compare(e, want)
		if len(differences) == 0 {
			return e
		}
		if !found || len(differences) < len(nearest) {
			nearest, found = differences, true
		}
	}
	if !found {
		r.t.Fatalf("no event of type %s was emitted; %s", typ, summary(all))
	}
	r.t.Fatalf("no event of type %s has all that was expected; the nearest one differs in\n\t%s", typ, strings.Join(nearest, "\n\t"))
	return event.Event{}
}

// None fails the test if an event of one of the types was emitted; of any type
// when none is named.
func (r *Recorder) None(types ...string) {
	r.t.Helper()
	for _, e := range r.Events() {
		if len(types) == 0 || slices.Contains(types, e.Type()) {
			r.t.Errorf("an event of type %s was emitted: %s", e.Type(), e.Data())
		}
	}
}

// Count returns how many events of a type were emitted.
func (r *Recorder) Count(typ string) int {
	r.t.Helper()
	n := 0
	for _, e := range r.Events() {
		if e.Type() == typ {
			n++
		}
	}
	return n
}
