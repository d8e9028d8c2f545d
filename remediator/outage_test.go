package remediator

import (
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/makegood/makegood/remediator/api"
	"github.com/makegood/makegood/remediator/rule"
	"github.com/makegood/makegood/remediator/sandbox"
	"github.com/makegood/makegood/remediator/store/postgrestest"
)

// outage is three nodes whose provider goes away, and whose clocks are moved.
type outage struct {
	t        *testing.T
	provider *sandbox.Sandbox
	nodes    []*node
	config   func(name string) Config
	ahead    atomic.Int64 // of the nodes' clocks
	orders   int
}

func startOutage(t *testing.T) *outage {
	t.Helper()
	provider, err := sandbox.Open(sandbox.Config{})
	if err != nil {
		t.Fatal(err)
	}
	bank := httptest.NewServer(provider)
	t.Cleanup(bank.Close)
	o := &outage{t: t, provider: provider}
	dsn, key := postgrestest.New(t), filepath.Join(t.TempDir(), "shared.key")
	o.config = func(name string) Config {
		return Config{
			DataDir: t.TempDir(), Database: dsn, LedgerKeyFile: key, Node: name, Provider: bank.URL,
			Rules: []rule.File{{Path: "late.yaml", Text: refundRule}}, Now: func() time.Time { return time.Now().Add(time.Duration(o.ahead.Load())) },
		}
	}
	for _, name := range []string{"a", "b", "c"} {
		o.nodes = append(o.nodes, startWith(t, o.config(name)))
	}
	o.nodes[0].mustActivate(t, o.nodes[0].files.Load())
	return o
}

// send has each node take an event that leads to a refund.
func (o *outage) send() {
	o.t.Helper()
	for _, n := range o.nodes {
		if code := n.send(o.t, o.orders); code != http.StatusAccepted {
			o.t.Errorf("event %d is answered %d", o.orders, code)
		}
		o.orders++
	}
}

func (o *outage) refunded() int64 {
	o.t.Helper()
	totals, err := o.nodes[0].Totals(o.t.Context())
	if err != nil {
		o.t.Fatal(err)
	}
	return totals.Refunded["USD"]
}

func (o *outage) faults(odds map[sandbox.Fault]float64) {
	o.t.Helper()
	if err := o.provider.SetFaults(sandbox.Plan{Odds: odds}); err != nil {
		o.t.Fatal(err)
	}
}

// change ends who decides as planned, and starts it again.
func (o *outage) change() {
	o.t.Helper()
	i := slices.IndexFunc(o.nodes, func(n *node) bool { return n.role(o.t) == api.Leader })
	if i < 0 {
		o.t.Fatal("nobody leads")
	}
	name := o.nodes[i].cfg.Node
	o.nodes[i].end(o.t)
	o.nodes[i] = startWith(o.t, o.config(name))
	poll(o.t, func() bool { return o.nodes[i].readiness() == nil })
}

// TestOutageOfAnHour has the provider of three nodes be away for an hour of their clocks,
// while events come, and who decides ends and comes back. All refunds wait, the provider
// is left alone, and each is made once when it is back.
func TestOutageOfAnHour(t *testing.T) {
	t.Parallel()
	o := startOutage(t)
	o.send()
	poll(t, func() bool { return o.refunded() == int64(500*o.orders) })
	before, quiet := o.orders, o.provider.Summary().Calls
	o.faults(map[sandbox.Fault]float64{sandbox.Unavailable: 0.5, sandbox.Cut: 0.5})
	const hour, step, steps = time.Hour, time.Minute, 60
	beat := time.NewTicker(50 * time.Millisecond)
	defer beat.Stop()
	for n := range steps {
		<-beat.C
		o.ahead.Add(int64(step))
		if n%10 == 0 {
			o.send()
		}
		if n == steps/2 {
			o.change()
		}
	}
	sum := o.provider.Summary()
	if paid := o.refunded(); paid != int64(500*before) || sum.Refunds != before {
		t.Errorf("while the provider was away, %d cents in %d refunds were made", paid-int64(500*before), sum.Refunds-before)
	}
	// Each node's breaker probes once in 32 s at the most, after some calls in vain.
	most := len(o.nodes) * (int(hour/(32*time.Second)) + 8)
	calls := sum.Calls - quiet
	if calls < len(o.nodes) || calls > most {
		t.Errorf("the provider was called %d times while it was away, want %d at the most", calls, most)
	}
	o.faults(nil)
	poll(t, func() bool {
		o.ahead.Add(int64(time.Second))
		return o.refunded() == int64(500*o.orders)
	})
	if sum := o.provider.Summary(); sum.Totals["USD"] != int64(500*o.orders) || sum.Refunds != o.orders || sum.Duplicates != 0 {
		t.Errorf("the provider has %+v, want %d refunds of 5.00 USD", sum, o.orders)
	}
	t.Logf("%d refunds, %d calls while the provider was away", o.orders, calls)
	o.nodes[1].mustVerify(t)
}
