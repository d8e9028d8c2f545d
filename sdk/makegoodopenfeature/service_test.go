package makegoodopenfeature_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/open-feature/go-sdk/openfeature"
	"github.com/open-feature/go-sdk/openfeature/isolated"

	"github.com/makegood/makegood/sdk"
	"github.com/makegood/makegood/sdk/makegoodopenfeature"
)

// service stands for the service, as a gate hears it.
type service struct {
	mu    sync.Mutex
	down  bool
	held  chan struct{} // an answer waits until it is closed; nil: none does
	red   map[string]bool
	turns int
	turn  chan struct{} // closed at each change, and replaced
}

func newService() *service { return &service{red: map[string]bool{}, turn: make(chan struct{})} }

// change changes the service and lets streams see it.
func (s *service) change(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f()
	s.turns++
	close(s.turn)
	s.turn = make(chan struct{})
}

func (s *service) setDown(down bool) { s.change(func() { s.down = down }) }

func (s *service) pull(cord string, red bool) { s.change(func() { s.red[cord] = red }) }

// snapshot is what a stream says now.
func (s *service) snapshot() (text string, down bool, turn chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	cords := []map[string]any{}
	for cord, red := range s.red {
		if red {
			cords = append(cords, map[string]any{"cord": cord, "level": "red", "since": time.Unix(0, 0)})
		}
	}
	raw, _ := json.Marshal(map[string]any{"cords": cords})
	return fmt.Sprintf("event: snapshot\nid: boot.%d\ndata: %s\n\n", s.turns, raw), s.down, s.turn
}

// ServeHTTP implements http.Handler.
func (s *service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if s.held != nil {
		<-s.held
	}
	for {
		text, down, turn := s.snapshot()
		if down {
			w.WriteHeader(http.StatusServiceUnavailable) // a stream that speaks already ends
			return
		}
		w.Header().Set("Content-Type", "text/event-stream")
		_, _ = io.WriteString(w, text)
		w.(http.Flusher).Flush()
		heartbeat := time.NewTimer(10 * time.Second)
		select {
		case <-turn:
		case <-heartbeat.C:
		case <-r.Context().Done():
			heartbeat.Stop()
			return
		}
		heartbeat.Stop()
	}
}

// flags are those of most tests.
var flags = map[string]makegoodopenfeature.Flag{
	"sell":           {Cord: "product/TABLE-7", Mode: makegood.FailOpen},
	"apologise":      {Cord: "product/TABLE-7", Mode: makegood.FailOpen, WhenClosed: true},
	"pay/by-invoice": {Mode: makegood.FailClosed},
	"ship":           {Cord: "warehouse"},
}

// shop is a program that asks for flags.
type shop struct {
	t        *testing.T
	svc      *service
	mg       *makegood.Client
	provider *makegoodopenfeature.Provider
	api      *openfeature.EvaluationAPI
	client   *openfeature.Client

	mu     sync.Mutex
	events []string
}

// inShop runs a test in a bubble, with a service and a provider that is not set.
func inShop(t *testing.T, down bool, test func(t *testing.T, s *shop)) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		svc := newService()
		svc.setDown(down)
		test(t, newShop(t, svc))
	})
}

// next receives an event of the provider in the library's place; the zero event
// when none comes in time.
func (s *shop) next(within time.Duration) openfeature.Event {
	timeout := time.NewTimer(within)
	defer timeout.Stop()
	select {
	case e := <-s.provider.EventChannel():
		return e
	case <-timeout.C:
		return openfeature.Event{}
	}
}

func newShop(t *testing.T, svc *service, opts ...makegood.Option) *shop {
	t.Helper()
	s := &shop{t: t, svc: svc, api: isolated.NewAPI()}
	s.mg = newClient(t, append(opts, makegood.Handler(svc))...)
	s.provider = newProvider(t, s.mg)
	s.client = s.api.NewClient()
	t.Cleanup(func() { _ = s.api.Shutdown(context.Background()) })
	for _, typ := range []openfeature.EventType{openfeature.ProviderReady, openfeature.ProviderStale, openfeature.ProviderError, openfeature.ProviderConfigChange} {
		heard := func(details openfeature.EventDetails) {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.events = append(s.events, fmt.Sprint(typ, details.FlagChanges))
			if details.ProviderName != "makegood" && details.ProviderName != "NoopProvider" || (typ == openfeature.ProviderError || typ == openfeature.ProviderStale) && details.Message == "" {
				t.Errorf("%s: %+v", typ, details)
			}
		}
		s.api.AddHandler(typ, &heard)
	}
	return s
}

func newClient(t testing.TB, opts ...makegood.Option) *makegood.Client {
	t.Helper()
	mg, err := makegood.New("shop", append(opts, makegood.Logger(slog.New(slog.DiscardHandler)))...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = mg.Close() })
	return mg
}

func newProvider(t testing.TB, mg *makegood.Client) *makegoodopenfeature.Provider {
	t.Helper()
	p, err := makegoodopenfeature.New(mg, flags)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Shutdown)
	return p
}

// set gives the provider to OpenFeature and waits.
func (s *shop) set() error {
	s.t.Helper()
	err := s.api.SetProviderAndWait(s.t.Context(), s.provider)
	synctest.Wait()
	return err
}

// after lets time pass, then everybody finish.
func (s *shop) after(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// heard returns the events since the last call, in alphabetical order: the library
// runs handlers side by side.
func (s *shop) heard() []string {
	synctest.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	all := slices.Sorted(slices.Values(s.events))
	s.events = nil
	return all
}

func (s *shop) expectEvents(want ...string) {
	s.t.Helper()
	if got := s.heard(); !slices.Equal(got, want) {
		s.t.Errorf("events %q, want %q", got, want)
	}
}

func (s *shop) expectState(want openfeature.State) {
	s.t.Helper()
	synctest.Wait()
	if got := s.client.State(); got != want {
		s.t.Errorf("state %s, want %s", got, want)
	}
}

// expect asks for a flag whose caller would have the opposite of want.
func (s *shop) expect(key string, want bool, reason openfeature.Reason, variant string) {
	s.t.Helper()
	got, err := s.client.BooleanValueDetails(s.t.Context(), key, !want, openfeature.EvaluationContext{})
	if err != nil || got.Value != want || got.Reason != reason || got.Variant != variant || got.ErrorCode != "" || got.ErrorMessage != "" {
		s.t.Errorf("%s: got %+v, %v; want %v, %s, %s", key, got, err, want, reason, variant)
	}
}

// expectError asks for a flag that must be as its caller would have it.
func (s *shop) expectError(key string, want openfeature.ErrorCode) {
	s.t.Helper()
	for _, otherwise := range []bool{true, false} {
		got, err := s.client.BooleanValueDetails(s.t.Context(), key, otherwise, openfeature.EvaluationContext{})
		if err == nil || got.Value != otherwise || got.Reason != openfeature.ErrorReason || got.ErrorCode != want || got.ErrorMessage == "" {
			s.t.Errorf("%s: got %+v, %v; want %s", key, got, err, want)
		}
	}
}
