package remediator

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/makegood/makegood/remediator/api"
	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/rule"
)

// clocks are a wall clock that can be set and the time that passes whatever it says.
type clocks struct {
	mu            sync.Mutex
	ahead, passed time.Duration
}

func (c *clocks) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Now().Add(c.ahead)
}

func (c *clocks) elapsed() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Duration(time.Now().UnixNano()) + c.passed
}

func (c *clocks) set(ahead time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ahead = ahead
}

// readyz is what a service says of being ready.
func (n *node) readyz() string {
	w := httptest.NewRecorder()
	n.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/readyz", nil))
	return w.Body.String()
}

// TestClockSetAhead sets the clock ahead under a service. It takes nothing and says
// why, and runs on, until an operator confirms the clock or it is right again.
func TestClockSetAhead(t *testing.T) {
	t.Parallel()
	for _, confirmed := range []bool{true, false} {
		t.Run(map[bool]string{true: "confirmed", false: "set right"}[confirmed], func(t *testing.T) {
			t.Parallel()
			var c clocks
			n := startNode(t, Config{DataDir: t.TempDir(), Now: c.now, Elapsed: c.elapsed})
			poll(t, func() bool { return n.readiness() == nil })
			n.send(t, 1)
			poll(t, func() bool { return n.credited(t) == 500 })
			var before, after api.Status
			n.ask(t, "/v1/status", &before)
			c.set(24 * time.Hour)
			if code := n.send(t, 2); code != http.StatusServiceUnavailable {
				t.Errorf("an event is answered with %d", code)
			}
			if why := n.readyz(); !strings.Contains(why, "the clock jumped ahead: it moved by 24h0m0s") || !strings.Contains(why, "makegood clock confirm") {
				t.Errorf("ready: %s", why)
			}
			n.ask(t, "/v1/status", &after)
			if !after.LogTime.Equal(before.LogTime) {
				t.Errorf("the log went on to %v", after.LogTime)
			}
			if confirmed {
				if code, answer := n.say("/v1/clock/confirm", ""); code != http.StatusOK {
					t.Fatalf("confirming it is answered with %d %s", code, answer)
				}
			} else {
				c.set(0)
			}
			poll(t, func() bool { return n.readiness() == nil })
			if code := n.send(t, 2); code != http.StatusAccepted {
				t.Errorf("then an event is answered with %d", code)
			}
			poll(t, func() bool { return n.credited(t) == 1000 })
			n.ask(t, "/v1/status", &after)
			if jumped := after.LogTime.Sub(before.LogTime) > time.Hour; jumped != confirmed {
				t.Errorf("the log went on to %v", after.LogTime)
			}
			n.mustVerify(t)
		})
	}
}

// TestClockSetBack sets the clock back under a service, and before its next start. The
// time of the log stands still and never goes back, and the operator is warned.
func TestClockSetBack(t *testing.T) {
	t.Parallel()
	var c clocks
	cfg := Config{DataDir: t.TempDir(), Now: c.now, Elapsed: c.elapsed}
	n := startNode(t, cfg)
	poll(t, func() bool { return n.readiness() == nil })
	n.send(t, 1)
	poll(t, func() bool { return n.credited(t) == 500 })
	var before, after api.Status
	n.ask(t, "/v1/status", &before)
	c.set(-24 * time.Hour)
	if code := n.send(t, 2); code != http.StatusAccepted {
		t.Errorf("an event is answered with %d", code)
	}
	poll(t, func() bool { return n.credited(t) == 1000 })
	n.end(t)
	n = startNode(t, cfg)
	poll(t, func() bool { return n.readiness() == nil })
	n.send(t, 3)
	poll(t, func() bool { return n.credited(t) == 1500 })
	if n.ask(t, "/v1/status", &after); after.LogTime.Before(before.LogTime) || after.LogTime.Sub(before.LogTime) > time.Minute {
		t.Errorf("the log went from %v to %v", before.LogTime, after.LogTime)
	}
	if !n.logged.has("the clock is behind the log") {
		t.Error("nobody was warned")
	}
	n.mustVerify(t)
}

const creditLost = `rules:
  - rule: credit-lost
    owner: shop
    why: It never came.
    event: com.example.order.late
    unless: {event: com.example.order.came, by: data.order, within: 1s}
    once_per: data.order
    do:
      - credit: {customer: "${{ event.customer }}", amount: 5.00 USD}
    limits: {budget: {amount: 9000.00 USD, within: 1d}}
    account: a
    mode: live
`

// TestDeciderAheadOfTheLog has the clock of who decides go ahead of the one that stamps
// records. The first tick comes too early for the timer, and it fires all the same.
func TestDeciderAheadOfTheLog(t *testing.T) { engines(t, testDeciderAheadOfTheLog) }

func testDeciderAheadOfTheLog(t *testing.T) {
	cfg := Config{DataDir: t.TempDir(), Database: database(t), Rules: []rule.File{{Path: "lost.yaml", Text: creditLost}}}
	n := start(t, cfg, func(s *Service) {
		s.decider.clock = func() time.Time { return time.Now().Add(2 * time.Second) }
	})
	poll(t, func() bool { return n.readiness() == nil })
	if cfg.Database != "" {
		n.mustActivate(t, n.files.Load())
	}
	due := time.Now().Add(5 * time.Second).Truncate(time.Second)
	n.sendAt(t, 1, due.Add(-decide.Lateness-time.Second)) // about as late as an event may be
	poll(t, func() bool { return n.credited(t) == 500 })
	if now := time.Now(); now.Before(due) {
		t.Errorf("it fired %v too early", due.Sub(now))
	}
	n.mustVerify(t)
}
