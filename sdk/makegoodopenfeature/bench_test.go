package makegoodopenfeature_test

import (
	"context"
	"testing"
	"time"

	"github.com/open-feature/go-sdk/openfeature"
	"github.com/open-feature/go-sdk/openfeature/isolated"
	"github.com/open-feature/go-sdk/openfeature/memprovider"

	"github.com/makegood/makegood/sdk"
)

// BenchmarkEvaluation asks a gate, the same through the provider alone and through
// the library, and the library's own provider in memory, in turns.
func BenchmarkEvaluation(b *testing.B) {
	mg := newClient(b, makegood.Handler(newService()))
	provider := newProvider(b, mg)
	api, other := isolated.NewAPI(), isolated.NewAPI()
	ctx, none := context.Background(), openfeature.EvaluationContext{}
	b.Cleanup(func() { _, _ = api.Shutdown(ctx), other.Shutdown(ctx) })
	inMemory := memprovider.NewInMemoryProvider(map[string]memprovider.InMemoryFlag{
		"sell": {State: memprovider.Enabled, DefaultVariant: "open", Variants: map[string]any{"open": true, "closed": false}},
	})
	if err := api.SetProviderAndWait(ctx, provider); err != nil {
		b.Fatal(err)
	}
	if err := other.SetProviderAndWait(ctx, inMemory); err != nil {
		b.Fatal(err)
	}
	gate, client, memory := mg.Gate("product/TABLE-7", makegood.FailOpen), api.NewClient(), other.NewClient()
	ways := []struct {
		name  string
		calls int
		ask   func() (sell bool)
		best  time.Duration // of one turn
	}{
		{name: "gate", calls: 20_000, ask: func() bool { return !gate.Closed() }},
		{name: "provider", calls: 5_000, ask: func() bool { return provider.BooleanEvaluation(ctx, "sell", false, nil).Value }},
		{name: "openfeature", calls: 200, ask: func() bool { return client.Boolean(ctx, "sell", false, none) }},
		{name: "openfeature-in-memory", calls: 200, ask: func() bool { return memory.Boolean(ctx, "sell", false, none) }},
	}
	const turns = 100
	for b.Loop() {
		for range turns {
			for i := range ways {
				w := &ways[i]
				began := time.Now()
				for range w.calls {
					if !w.ask() {
						b.Fatalf("%s does not sell", w.name)
					}
				}
				if d := time.Since(began); w.best == 0 || d < w.best {
					w.best = d
				}
			}
		}
	}
	base := float64(ways[0].best) / float64(ways[0].calls)
	for _, w := range ways {
		each := float64(w.best) / float64(w.calls)
		b.ReportMetric(each/base, w.name+"/gate")
		b.Logf("%-21s %7.1f ns  %7.1f x a gate  %2.0f allocations", w.name, each, each/base, testing.AllocsPerRun(100, func() { w.ask() }))
	}
}
