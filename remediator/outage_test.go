package remediator

import (
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/makegood/makegood/remediator/api"
	"github.com/makegood/makegood/remediator/rule"
	"github.com/makegood/makegood/remediator/sandbox"
	"github.com/makegood/makegood/remediator/store/postgrestest"
)

// TestOutageOfAnHour has the provider of three nodes be away for an hour of their clocks,
// while events come, and who decides ends and comes back. All refunds wait, the provider
// is left alone, and each is made once when it is back.
func TestOutageOfAnHour(t *testing.T) {
	t.Parallel()
	provider, err := sandbox.Open(sandbox.Config{})
	if err != nil {
		t.Fatal(err)
	}
	bank := httptest.NewServer(provider)
	t.Cleanup(bank.Close)
	var ahead atomic.Int64 // of the nodes' clocks
	dsn, key := postgrestest.New(t), filepath.Join(t.TempDir(), "shared.key")
	config := func(name string) Config {
		return Config{
			DataDir: t.TempDir(), Database: dsn, LedgerKeyFile: key, Node: name, Provider: bank.URL,
			Rules: []rule.File{{Path: "late.yaml", Text: refundRule}}, Now: func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) },
		}
	}
	names := []string{"a", "b", "c"}
	var nodes []*node
	for _, name := range names {
		nodes = append(nodes, startWith(t, config(name)))
	}
	nodes[0].mustActivate(t, nodes[0].files.Load())
	orders := 0
	send := func() {
		for _, n := range nodes {
			if code := n.send(t, orders); code != http.StatusAccepted {
				t.Errorf("event %d is answered %d", orders, code)
			}
			orders++
		}
	}
	refunded := func() (minor int64) {
		totals, err := nodes[0].Totals(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return totals.Refunded["USD"]
	}
	send()
	poll(t, func() bool { return refunded() == int64(500*orders) })
	before := orders
	if err := provider.SetFaults(sandbox.Plan{Odds: map[sandbox.Fault]float64{sandbox.Unavailable: 0.5, sandbox.Cut: 0.5}}); err != nil {
		t.Fatal(err)
	}
	quiet := provider.Summary().Calls
	const hour, step, steps = time.Hour, time.Minute, 60
	beat := time.NewTicker(50 * time.Millisecond)
	defer beat.Stop()
	for n := range steps {
		<-beat.C
		ahead.Add(int64(step))
		if n%10 == 0 {
			send()
		}
		if n == steps/2 {
			i := 0
			for nodes[i].role(t) != api.Leader {
				i = (i + 1) % len(nodes)
			}
			nodes[i].end(t)
			nodes[i] = startWith(t, config(names[i]))
			poll(t, func() bool { return nodes[i].readiness() == nil })
		}
	}
	sum := provider.Summary()
	if paid := refunded(); paid != int64(500*before) || sum.Refunds != before {
		t.Errorf("while the provider was away, %d cents in %d refunds were made", paid-int64(500*before), sum.Refunds-before)
	}
	// Each node's breaker probes once in 32 s at the most, and not all ask at each step.
	if calls := sum.Calls - quiet; calls < len(nodes) || calls > len(nodes)*int(hour/(32*time.Second))+8*len(nodes) {
		t.Errorf("the provider was called %d times while it was away", calls)
	}
	if err := provider.SetFaults(sandbox.Plan{}); err != nil {
		t.Fatal(err)
	}
	poll(t, func() bool {
		ahead.Add(int64(time.Second))
		return refunded() == int64(500*orders)
	})
	if sum := provider.Summary(); sum.Totals["USD"] != int64(500*orders) || sum.Refunds != orders || sum.Duplicates != 0 {
		t.Errorf("the provider has %+v, want %d refunds of 5.00 USD", sum, orders)
	}
	t.Logf("%d refunds, %d calls while the provider was away", orders, sum.Calls-quiet)
	nodes[1].mustVerify(t)
}
