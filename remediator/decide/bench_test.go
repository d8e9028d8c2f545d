package decide_test

import (
	"flag"
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/input"
	"github.com/makegood/makegood/remediator/rule"
)

var openings = flag.Int("decide.waiting", 100_000, "events that wait in the benchmark; make bench-windows has 1,000,000")

// BenchmarkWaiting is what events cost that wait for their counterparts: to fold them,
// in memory, and in the snapshots of the state, which the deciding waits for.
func BenchmarkWaiting(b *testing.B) {
	for b.Loop() {
		fold := decide.New(decide.Config{Memory: decide.NewMemory()})
		apply := func(inputs ...input.Input) {
			b.Helper()
			if _, err := fold.Apply(inputs); err != nil {
				b.Fatal(err)
			}
		}
		apply(genesis(b), activation(b, "rules", []rule.File{{Path: "r.yaml", Text: unlessRule("within: 48h", "")}}))
		before, began := heapInUse(), time.Now()
		for n := 0; n < *openings; {
			var inputs []input.Input
			for range min(256, *openings-n) {
				body := fmt.Sprintf(`{"specversion":"1.0","id":"e-%d","source":"//shop","type":%q,"customer":"c-%d","data":{"order":%d,"owed":"5.00 USD"}}`, n, shipped, n, n)
				inputs = append(inputs, input.Input{Kind: input.Event, At: start, Body: []byte(body)})
				n++
			}
			apply(inputs...)
		}
		b.ReportMetric(float64(time.Since(began).Nanoseconds())/float64(*openings), "ns/event")
		b.ReportMetric(float64(heapInUse()-before)/float64(*openings), "B/event")

		began = time.Now()
		encoded, _, err := fold.State()
		if err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(time.Since(began).Seconds(), "s/snapshot")
		b.ReportMetric(float64(len(encoded))/float64(*openings), "snapshot-B/event")

		began = time.Now()
		restored, err := decide.Restore(decide.Config{Memory: decide.NewMemory()}, encoded)
		if err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(time.Since(began).Seconds(), "s/load")
		if waiting := len(restored.Waiting()); waiting != *openings {
			b.Fatalf("%d of %d events wait", waiting, *openings)
		}
	}
}

// heapInUse returns the bytes of the heap that are in use, all garbage gone.
func heapInUse() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
