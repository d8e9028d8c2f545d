package api_test

import (
	"fmt"
	"path"
	"testing"
	"time"

	"github.com/makegood/makegood/remediator/api"
	"github.com/makegood/makegood/remediator/sandbox"
)

const (
	manyRefunds = 10_000
	fewRefunds  = 100
	// pausedWithin is how long after a pause a call to the provider may still begin.
	pausedWithin = time.Second
	// slowMS is how late the provider answers: an attempt that has asked it whether
	// the refund is there would go on to make it after the pause.
	slowMS = 1200
	// quietFor is how long it is looked whether anybody calls.
	quietFor = 1700 * time.Millisecond
)

// TestPause holds that what people stop, stops within a second, though thousands
// of refunds wait, the provider is slow, and nothing is decided; and that all of
// them are made, once, when another person lets them go on.
func TestPause(t *testing.T) {
	t.Parallel()
	many := manyRefunds
	if testing.Short() {
		many /= 10
	}
	for _, c := range []struct {
		name                string
		refunds             int
		stop, stops         string // route, body
		resume, resumes     string
		stopsDecider, other bool // other: credit goes on meanwhile
	}{
		{"money", fewRefunds, "/v1/pause", `{"target":"money"}`, "/v1/resume", `{"target":"money"}`, false, false},
		{"money while nothing is decided", many, "/v1/pause", `{"target":"money"}`, "/v1/resume", `{"target":"money"}`, true, false},
		{"a rule", fewRefunds, "/v1/pause", `{"target":"rule:late"}`, "/v1/resume", `{"target":"rule:late"}`, false, true},
		{"a connector", fewRefunds, "/v1/pause", `{"target":"connector:stripe"}`, "/v1/resume", `{"target":"connector:stripe"}`, false, true},
		{"the cord of a rule", fewRefunds, "/v1/andon/pull", `{"cord":"rule/late","level":"red","reason":"r"}`,
			"/v1/andon/release", `{"cord":"rule/late","cause":"c","fix":"f"}`, true, false},
		{"the cord of all rules", fewRefunds, "/v1/andon/pull", `{"cord":"rule","level":"red","reason":"r"}`,
			"/v1/andon/release", `{"cord":"rule","cause":"c","fix":"f"}`, false, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t, nil)
			h.hireAll()
			h.slow(slowMS)
			h.queue(c.refunds)
			h.until("paying", func() bool { return h.provider.Summary().Calls > 0 })
			if c.stopsDecider {
				h.decider.Lock()
			}
			answered := make(chan reply, 1)
			go func() { answered <- h.post("oli", c.stop, c.stops) }()
			h.until("stopped", func() bool { return h.anyStopped() })
			stopped := time.Now()
			if c.other {
				h.credited("c-other", "1")
			}
			<-time.After(quietFor)
			if late := time.Unix(0, h.called.Load()).Sub(stopped); late > pausedWithin {
				t.Errorf("the provider is called %s after the pause", late.Round(time.Millisecond))
			}
			if c.stopsDecider {
				h.decider.Unlock()
			}
			(<-answered).answer(t)
			h.slow(0)
			before := h.provider.Summary().Refunds
			if before >= c.refunds {
				t.Fatal("all were paid before the pause: nothing was shown")
			}
			h.hears(h.post("oli", c.resume, c.resumes), path.Base(c.resume), saying{"oli", "who p"})
			h.post("ola", c.resume, c.resumes).answer(t)
			h.paid(c.refunds)
		})
	}
}

// slow has the provider answer late, or at once.
func (h *house) slow(ms int) {
	h.t.Helper()
	plan := sandbox.Plan{}
	if ms > 0 {
		plan = sandbox.Plan{Odds: map[sandbox.Fault]float64{sandbox.Slow: 1}, SlowMS: ms}
	}
	if err := h.provider.SetFaults(plan); err != nil {
		h.t.Fatal(err)
	}
}

// queue has refunds decided that then wait for the provider.
func (h *house) queue(n int) {
	h.t.Helper()
	const batch = 1000
	for from := 0; from < n; from += batch {
		var data []string
		for i := from; i < min(n, from+batch); i++ {
			data = append(data, fmt.Sprintf(`{"order":"%d","payment":"pi_%d","amount":"1.00 USD"}`, i, i))
		}
		h.emit("parcel.late", "c-1", data...)
	}
	h.until("queued", func() bool { return h.state().Totals.Remedies["late"] == n })
}

// state reads how the service stands.
func (h *house) state() (s api.Status) {
	h.t.Helper()
	h.ask("admin", "GET", "/v1/status", "").into(h.t, &s)
	return s
}

func (h *house) anyStopped() bool {
	h.t.Helper()
	var b api.Brakes
	h.ask("admin", "GET", "/v1/brakes", "").into(h.t, &b)
	return len(b.Brakes) > 0
}

// paid waits until all refunds are made, and compares provider and ledger. It gives
// each thousand its time, so that a busy machine is late and not wrong.
func (h *house) paid(n int) {
	h.t.Helper()
	const some = 1000
	for from := 0; from < n; from += some {
		h.until("made", func() bool { return h.provider.Summary().Refunds >= min(from+some, n) })
	}
	for from := 0; from < n; from += some {
		h.until("paid", func() bool { return h.state().Totals.Statuses["done"] >= min(from+some, n) })
	}
	h.until("settled", func() bool { return h.state().Unsettled == 0 })
	provider, ledger := h.provider.Summary(), h.state().Totals
	if want := int64(100 * n); provider.Refunds != n || provider.Totals["USD"] != want || ledger.Refunded["USD"] != want {
		h.t.Errorf("%d refunds of %d: the provider has %v, the ledger %v", provider.Refunds, n, provider.Totals, ledger.Refunded)
	}
	h.verify()
}
