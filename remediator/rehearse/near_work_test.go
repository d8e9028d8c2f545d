package rehearse_test

import (
	"fmt"
	"iter"
	"runtime"
	"testing"

	"github.com/makegood/makegood/remediator/input"
	"github.com/makegood/makegood/remediator/rehearse"
)

// shippedParcels makes a log of parcels of which none arrives before all were sent.
func shippedParcels(count int) iter.Seq2[input.Input, error] {
	return func(yield func(input.Input, error) bool) {
		at := firstDay.UnixNano()
		for n := range 2 * count {
			at += 1e9
			kind := map[bool]string{true: "shipped", false: "delivered"}[n < count]
			if !yield(input.Input{Kind: input.Event, At: at, Body: fmt.Appendf(nil,
				`{"specversion":"1.0","id":"e-%d","source":"/test","type":"com.example.order.%s","customer":"c","data":{"express":true,"whole":true,"total":12,"order":%d}}`,
				n, kind, n%count)}, nil) {
				return
			}
		}
	}
}

// What an event costs does not depend on how many wait, nor on how many missed. The memory
// that is asked for stands for the work: it is the same on every machine and in every run.
// Twice as many events ask for twice as much, and for four times as much where each event
// looks at all the others. No test runs beside this one.
func TestNearMissesCostTheSameEach(t *testing.T) {
	parcels := parcelSet(t)
	plain := nearRules(t, "    if: data.s > 4 || data.s < 1\n")
	for name, near := range map[string]func(count int) (*rehearse.NearMisses, error){
		"events that wait": func(count int) (*rehearse.NearMisses, error) {
			return rehearse.Near(parcels, "credit-missed-delivery", rehearse.Past{Inputs: shippedParcels(count)}, 10)
		},
		"misses": func(count int) (*rehearse.NearMisses, error) {
			data := make([]string, count)
			for n := range data {
				data[n] = fmt.Sprintf(`"s":%d.5`, 1+n%3)
			}
			return rehearse.Near(plain, "near", rehearse.Past{Inputs: eventsOf(data...)}, 10)
		},
	} {
		asked := func(count int) uint64 {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			found, err := near(count)
			runtime.ReadMemStats(&after)
			if err != nil || found.Judged != count || len(found.Missed) != 1 || len(found.Nearest) != 10 {
				t.Fatalf("%s: %+v, %v", name, found, err)
			}
			return after.TotalAlloc - before.TotalAlloc
		}
		few, more, many := asked(1000), asked(2000), asked(4000)
		if many-more > 3*(more-few) {
			t.Errorf("%s: 1,000 ask for %d bytes, 2,000 for %d, 4,000 for %d", name, few, more, many)
		}
	}
}
