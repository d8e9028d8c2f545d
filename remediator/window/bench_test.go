package window_test

import (
	"flag"
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"runtime/metrics"
	"testing"
	"time"

	"github.com/makegood/makegood/remediator/window"
)

// atMost says what was measured and, of ten million keys, whether it is as little as
// it is to be.
func atMost(b *testing.B, what string, got, most float64, unit string) {
	b.Helper()
	switch {
	case *keys < 10_000_000:
		b.Logf("%s: %.3g %s; of ten million keys at most %g", what, got, unit, most)
	case got <= most:
		b.Logf("%s: %.3g %s, at most %g: reached", what, got, unit, most)
	default:
		b.Logf("%s: %.3g %s, at most %g: NOT reached", what, got, unit, most)
	}
}

// A million keys show what ten million do, but for the last figures.
var keys = flag.Int("window.keys", 1_000_000, "keys of the benchmarks; make bench-windows has 10,000,000")

var counting = []window.Column{{Func: "count", All: true}}

const week = int64(7 * 24 * time.Hour)

// hashes are the keys of a table: the n-th of a sequence that never repeats.
func hash(n int) uint64 {
	x := uint64(n) + 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// heap returns the bytes of the heap that are in use, all garbage gone.
func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// exact returns a table of n keys with two entries on average.
func exact(n int) *window.Table {
	t := window.NewTable(week, counting)
	e := window.Entry{Values: []window.Value{{Counted: true}}}
	for round := range int64(2) {
		for i := range n {
			e.At = start + round*week/2 + int64(i)
			t.Add(hash(i), e, e.At-week)
		}
	}
	return t
}

// inGranules returns a table of n keys that are all in granules, one to three of them.
func inGranules(n int) *window.Table {
	t := window.NewTable(week, counting)
	e := window.Entry{Values: []window.Value{{Counted: true}}}
	for i := range n {
		for j := range window.MaxExact + 1 {
			e.At = start + int64(j%(1+i%3))*int64(window.Step(time.Duration(week)))
			t.Add(hash(i), e, 0)
		}
	}
	return t
}

const start = int64(1_770_000_000_000_000_000)

// BenchmarkWindows builds a table of each form once, and measures what it takes,
// what updating one key takes beside the value of the same key in a map, and what
// a snapshot takes.
func BenchmarkWindows(b *testing.B) {
	order := rand.New(rand.NewPCG(1, 2)).Perm(*keys)
	values := make(map[uint64][2]int64)
	for i := range *keys {
		values[hash(i)] = [2]int64{start, start + 1}
	}
	for _, form := range []struct {
		name  string
		build func(int) *window.Table
		from  int64 // time of the first update: each drops an entry of its key, and adds one
		most  float64
	}{{"exact", exact, start + week + int64(*keys), 1024}, {"granules", inGranules, start, 512}} {
		before := heap()
		t := form.build(*keys)
		bytes := float64(heap() - before)
		b.Run(form.name+"/memory", func(b *testing.B) {
			for b.Loop() { // so that it says once what it says
				runtime.KeepAlive(t)
			}
			b.ReportMetric(bytes/float64(*keys), "B/key")
			b.ReportMetric(bytes/(1<<20), "MiB")
			b.ReportMetric(0, "ns/op")
			atMost(b, "memory", bytes/(1<<20), form.most, "MiB")
		})
		b.Run(form.name+"/update", func(b *testing.B) { benchmarkUpdate(b, t, form.from, order, values, false) })
		b.Run(form.name+"/update+sums", func(b *testing.B) { benchmarkUpdate(b, t, form.from, order, values, true) })
		benchmarkSnapshot(b, form.name, t)
		runtime.KeepAlive(t)
	}
}

// benchmarkUpdate updates keys in random order, in turn some thousand in the map
// and as many in the table, so that both have the same machine. It reports the
// time of the table, and how many times that of the map it is.
func benchmarkUpdate(b *testing.B, t *window.Table, at int64, order []int, values map[uint64][2]int64, sums bool) {
	e := window.Entry{Values: []window.Value{{Counted: true}}}
	var inMap, inTable time.Duration
	const block = 5000
	done := 0
	for b.Loop() {
		began := time.Now()
		for i := range block {
			key := hash(order[(done+i)%len(order)])
			v := values[key]
			v[0], v[1] = v[1], at+int64(i)
			values[key] = v
		}
		inMap += time.Since(began)
		began = time.Now()
		for i := range block {
			// Other keys than those that the map has just brought near.
			key := hash(order[(done+i+len(order)/2)%len(order)])
			e.At = at + int64(done+i)
			t.Add(key, e, e.At-week)
			if sums && t.Sums(key, e.At, window.Least) == nil {
				b.Fatal("no sums")
			}
		}
		inTable += time.Since(began)
		done += block
	}
	b.ReportMetric(float64(inTable)/float64(done), "ns/update")
	b.ReportMetric(0, "ns/op")
	times := float64(inTable) / float64(max(inMap, 1))
	b.ReportMetric(times, "x-map")
	if !sums {
		atMost(b, "an update, to that of a map of values", times, 2, "x")
	}
}

// benchmarkSnapshot encodes a table and loads it.
func benchmarkSnapshot(b *testing.B, form string, t *window.Table) {
	encoded := t.AppendTo(nil)
	b.Run(form+"/snapshot", func(b *testing.B) {
		for range b.N {
			encoded = t.AppendTo(encoded[:0])
		}
		b.ReportMetric(float64(len(encoded))/(1<<20), "MiB")
		b.SetBytes(int64(len(encoded)))
	})
	b.Run(form+"/load", func(b *testing.B) {
		for range b.N {
			if _, err := window.Load(encoded); err != nil {
				b.Fatal(err)
			}
		}
		b.SetBytes(int64(len(encoded)))
	})
}

// BenchmarkPause shows that pauses of the garbage collector do not grow with the keys,
// and how long the longest single addition took, which has the largest step of growth in
// it. On a machine with other work that is above all the time that something else ran,
// as is the longest pause: of pauses, half of which are shorter, the quietest turn counts.
func BenchmarkPause(b *testing.B) {
	var few, many float64
	for _, n := range []struct {
		keys   int
		median *float64
	}{{*keys / 10, &few}, {*keys, &many}} {
		b.Run(fmt.Sprint(n.keys), func(b *testing.B) {
			for range b.N {
				t := window.NewTable(week, counting)
				e := window.Entry{Values: []window.Value{{Counted: true}}}
				var longest time.Duration
				for i := range n.keys {
					e.At = start + int64(i)
					began := time.Now()
					t.Add(hash(i), e, 0)
					longest = max(longest, time.Since(began))
				}
				b.ReportMetric(float64(longest.Microseconds()), "µs/longest-add")
				began := time.Now()
				*n.median = quietest()
				b.ReportMetric(float64(time.Since(began).Microseconds())/(turns*collections), "µs/gc")
				b.ReportMetric(*n.median*1e6, "µs/pause")
				runtime.KeepAlive(t)
			}
		})
	}
	b.Run("growth", func(b *testing.B) {
		if few == 0 || many == 0 {
			b.Skip("it compares what the others measured")
		}
		for b.Loop() {
			runtime.KeepAlive(few)
		}
		b.ReportMetric(0, "ns/op")
		atMost(b, "a pause of the collector, to one with a tenth of the keys", many/few, 2, "x")
	})
}

// turns of so many collections show what a pause takes.
const turns, collections = 10, 20

// quietest returns below what half of the pauses lie, in seconds, in the turn in
// which they were shortest.
func quietest() float64 {
	least := math.Inf(1)
	for range turns {
		before := pauses()
		for range collections {
			runtime.GC()
		}
		least = min(least, medianPause(before, pauses()))
	}
	return least
}

func pauses() *metrics.Float64Histogram {
	sample := []metrics.Sample{{Name: "/sched/pauses/total/gc:seconds"}}
	metrics.Read(sample)
	h := *sample[0].Value.Float64Histogram()
	h.Counts = append([]uint64(nil), h.Counts...)
	return &h
}

// medianPause returns the upper end of the bucket that has the median of the pauses
// between.
func medianPause(before, after *metrics.Float64Histogram) float64 {
	var all, seen uint64
	for i := range after.Counts {
		all += after.Counts[i] - before.Counts[i]
	}
	for i := range after.Counts {
		if seen += after.Counts[i] - before.Counts[i]; 2*seen >= all {
			return after.Buckets[i+1]
		}
	}
	return 0
}
