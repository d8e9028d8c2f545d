package window_test

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"testing"
	"time"

	"github.com/makegood/makegood/remediator/window"
)

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

func BenchmarkMemory(b *testing.B) {
	for name, build := range map[string]func(int) *window.Table{"exact": exact, "granules": inGranules} {
		b.Run(name, func(b *testing.B) {
			for range b.N {
				before := heap()
				t := build(*keys)
				b.ReportMetric(float64(heap()-before)/float64(*keys), "B/key")
				b.ReportMetric(float64(heap()-before)/(1<<20), "MiB")
				runtime.KeepAlive(t)
			}
		})
	}
}

// BenchmarkUpdate updates keys in random order: the window of one, and the value
// of one in a map.
func BenchmarkUpdate(b *testing.B) {
	order := rand.New(rand.NewPCG(1, 2)).Perm(*keys)
	b.Run("map", func(b *testing.B) {
		m := make(map[uint64][2]int64)
		for i := range *keys {
			m[hash(i)] = [2]int64{start, start + 1}
		}
		at := start + week
		b.ResetTimer()
		for i := range b.N {
			at++
			key := hash(order[i%len(order)])
			v := m[key]
			v[0], v[1] = v[1], at
			m[key] = v
		}
	})
	for name, build := range map[string]func(int) *window.Table{"exact": exact, "granules": inGranules} {
		t := build(*keys)
		e := window.Entry{Values: []window.Value{{Counted: true}}}
		b.Run(name, func(b *testing.B) {
			at := start + week
			if name == "granules" {
				at = start + 2*int64(window.Step(time.Duration(week)))
			}
			for i := range b.N {
				at++
				e.At = at
				t.Add(hash(order[i%len(order)]), e, at-week)
			}
		})
		b.Run(name+"-and-sums", func(b *testing.B) {
			at := start + 2*week
			if name == "granules" {
				at = start + 2*int64(window.Step(time.Duration(week)))
			}
			for i := range b.N {
				at++
				e.At = at
				key := hash(order[i%len(order)])
				t.Add(key, e, at-week)
				if sums := t.Sums(key, at, window.Least); sums[0].N == 0 {
					b.Fatal("what was added does not count")
				}
			}
		})
	}
}

// BenchmarkSnapshot encodes a table and loads it.
func BenchmarkSnapshot(b *testing.B) {
	t := exact(*keys)
	encoded := t.AppendTo(nil)
	b.Run("encode", func(b *testing.B) {
		for range b.N {
			encoded = t.AppendTo(encoded[:0])
		}
		b.ReportMetric(float64(len(encoded))/(1<<20), "MiB")
		b.SetBytes(int64(len(encoded)))
	})
	b.Run("load", func(b *testing.B) {
		for range b.N {
			if _, err := window.Load(encoded); err != nil {
				b.Fatal(err)
			}
		}
		b.SetBytes(int64(len(encoded)))
	})
}

// BenchmarkPause shows that the longest pause of the garbage collector does not
// grow with the keys, and how long the longest single addition took, which has
// the largest step of growth in it.
func BenchmarkPause(b *testing.B) {
	for _, n := range []int{*keys / 10, *keys} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			for range b.N {
				t := window.NewTable(week, counting)
				e := window.Entry{Values: []window.Value{{Counted: true}}}
				var longest time.Duration
				for i := range n {
					e.At = start + int64(i)
					began := time.Now()
					t.Add(hash(i), e, 0)
					longest = max(longest, time.Since(began))
				}
				b.ReportMetric(float64(longest.Microseconds()), "µs/longest-add")
				before := pauses()
				began := time.Now()
				for range 10 {
					runtime.GC()
				}
				b.ReportMetric(float64(time.Since(began).Microseconds())/10, "µs/gc")
				b.ReportMetric(longestPause(before, pauses())*1e6, "µs/pause")
				runtime.KeepAlive(t)
			}
		})
	}
	debug.FreeOSMemory()
}

func pauses() *metrics.Float64Histogram {
	sample := []metrics.Sample{{Name: "/sched/pauses/total/gc:seconds"}}
	metrics.Read(sample)
	h := *sample[0].Value.Float64Histogram()
	h.Counts = append([]uint64(nil), h.Counts...)
	return &h
}

// longestPause returns the upper end of the highest bucket with a pause between.
func longestPause(before, after *metrics.Float64Histogram) float64 {
	for i := len(after.Counts) - 1; i >= 0; i-- {
		if after.Counts[i] > before.Counts[i] {
			return after.Buckets[i+1]
		}
	}
	return 0
}
