package peers

import (
	"context"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/launchdarkly/go-sdk-common/v3/ldcontext"
	"github.com/launchdarkly/go-sdk-common/v3/ldlog"
	ld "github.com/launchdarkly/go-server-sdk/v7"
	"github.com/launchdarkly/go-server-sdk/v7/ldcomponents"
	"github.com/launchdarkly/go-server-sdk/v7/testhelpers/ldtestdata"
	"github.com/open-feature/go-sdk/openfeature"
	"github.com/open-feature/go-sdk/openfeature/memprovider"

	"github.com/makegood/makegood/sdk"
)

const cord = "product/TABLE-7"

// question is one way to ask whether the line is stopped.
type question struct {
	name  string
	calls int // in one turn, so that turns take about the same time
	ask   func() (closed bool)
	best  time.Duration // of one turn, the fastest
}

// BenchmarkGateAgainstPeers asks a gate, and the same as a flag that is off of
// libraries for feature flags, which evaluate rules for a context. Each holds its
// flags in memory, and all ask in turns.
func BenchmarkGateAgainstPeers(b *testing.B) {
	byHandle, byName := makegoodGates(b)
	questions := []*question{
		{name: "gate", calls: 20_000, ask: byHandle},
		{name: "gate-by-name", calls: 10_000, ask: byName},
		{name: "openfeature", calls: 200, ask: openFeature(b)},
		{name: "launchdarkly", calls: 200, ask: launchDarkly(b)},
	}
	closed := 0
	const turns = 300
	for b.Loop() {
		for range turns {
			for _, q := range questions {
				began := time.Now()
				for range q.calls {
					if q.ask() {
						closed++
					}
				}
				if d := time.Since(began); q.best == 0 || d < q.best {
					q.best = d
				}
			}
		}
	}
	if closed > 0 {
		b.Errorf("%d answers were closed", closed)
	}
	base := float64(questions[0].best) / float64(questions[0].calls)
	for _, q := range questions {
		each := float64(q.best) / float64(q.calls)
		allocs := testing.AllocsPerRun(100, func() { q.ask() })
		b.ReportMetric(each/base, q.name+"/gate")
		b.Logf("%-13s %8.1f ns  %8.1f x a gate  %3.0f allocations", q.name, each, each/base, allocs)
	}
}

// allOpen is a service where nothing is stopped.
func allOpen(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/event-stream")
	fmt.Fprint(w, "id: 00000000000000ff.0\nevent: snapshot\ndata: {\"cords\":[]}\n\n")
	w.(http.Flusher).Flush()
	<-r.Context().Done()
}

func makegoodGates(b *testing.B) (byHandle, byName func() bool) {
	mg, err := makegood.New("shop", makegood.Handler(http.HandlerFunc(allOpen)))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = mg.Close() })
	gate := mg.Gate(cord, makegood.FailOpen)
	if err := mg.WaitReady(context.Background()); err != nil {
		b.Fatal(err)
	}
	return gate.Closed, func() bool { return mg.Closed(cord) }
}

func openFeature(b *testing.B) func() bool {
	provider := memprovider.NewInMemoryProvider(map[string]memprovider.InMemoryFlag{
		cord: {State: memprovider.Enabled, DefaultVariant: "open", Variants: map[string]any{"open": false, "closed": true}},
	})
	if err := openfeature.SetProviderAndWait(provider); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(openfeature.Shutdown)
	client, ctx, evaluation := openfeature.NewClient("shop"), context.Background(), openfeature.EvaluationContext{}
	if _, err := client.BooleanValue(ctx, cord, true, evaluation); err != nil {
		b.Fatal(err)
	}
	return func() bool { return client.Boolean(ctx, cord, true, evaluation) }
}

func launchDarkly(b *testing.B) func() bool {
	data := ldtestdata.DataSource()
	data.Update(data.Flag(cord).BooleanFlag().VariationForAll(false))
	client, err := ld.MakeCustomClient("key", ld.Config{
		DataSource: data,
		Events:     ldcomponents.NoEvents(),
		Logging:    ldcomponents.Logging().MinLevel(ldlog.Error),
	}, 10*time.Second)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = client.Close() })
	shop := ldcontext.New("shop")
	return func() bool {
		closed, err := client.BoolVariation(cord, shop, true)
		if err != nil {
			b.Fatal(err)
		}
		return closed
	}
}
