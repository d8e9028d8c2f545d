package match_test

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/makegood/makegood/remediator/event"
	"github.com/makegood/makegood/remediator/match"
	"github.com/makegood/makegood/remediator/rule"
)

// Work for benchmarks: events of about 550 bytes, of 40 types, and rules with one
// to three conditions, of which about one in a hundred events fulfils some.

const benchTypes = 40

func benchType(i int) string { return fmt.Sprintf("com.example.area%d.happened", i%benchTypes) }

// benchEvents makes n events.
func benchEvents(n int) [][]byte {
	random := rand.New(rand.NewPCG(1, 2))
	all := make([][]byte, n)
	for i := range all {
		all[i] = fmt.Appendf(nil, `{"specversion":"1.0","id":"0190a1b2-7e4f-7c3a-9d5e-%012d","source":"/video/playback","type":%q,"subject":"order/%06d",`+
			`"customer":"c-%d","time":"2026-01-02T03:04:05.678901Z","traceparent":"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",`+
			`"data":{"rental":"r-%06d","title":"Casablanca","payment":"pi_3MtwBwLkdIwHu7ix28a3tqPa","paid":"2.99 USD","plan":"plan-%d",`+
			`"watch_s":6120.5,"stall_s":%d,"stalls":14,"device":"tv","region":"region-%d","bitrates":[800,1200,2400],"player":{"name":"web","version":"4.12.1"}}}`,
			i, benchType(random.IntN(benchTypes)), random.IntN(1e6), i, random.IntN(1e6), random.IntN(8), random.IntN(1000), random.IntN(8))
	}
	return all
}

// benchRules makes files of n rules, of four shapes in turn.
func benchRules(n int) []rule.File {
	random := rand.New(rand.NewPCG(3, 4))
	files := make([]rule.File, (n+999)/1000)
	var b strings.Builder
	for i := range n {
		if i%1000 == 0 {
			b.Reset()
			b.WriteString("rules:\n")
		}
		condition := fmt.Sprintf(`data.rental == "r-%06d"`, random.IntN(1e6))
		switch i % 4 {
		case 1:
			condition += fmt.Sprintf(` && data.region == "region-%d"`, random.IntN(8))
		case 2:
			condition = fmt.Sprintf(`data.plan == "plan-%d" && event.subject.startsWith("order/%04d")`, random.IntN(8), random.IntN(1e4))
		case 3:
			low := random.IntN(1000)
			condition = fmt.Sprintf(`data.plan in ["plan-%d", "plan-9"] && event.subject.startsWith("order/%03d") && data.stall_s >= %d`, random.IntN(8), random.IntN(1e3), low)
		}
		fmt.Fprintf(&b, "  - {rule: r-%05d, owner: o, why: w, event: %s, if: '%s', do: [{andon: {pull: a/b, level: red, reason: r}}]}\n",
			i, benchType(random.IntN(benchTypes)), condition)
		files[i/1000] = rule.File{Path: fmt.Sprintf("rules-%d.yaml", i/1000), Text: b.String()}
	}
	return files
}

// benchSets are the loaded rules, each size once.
var benchSets = struct {
	sync.Mutex
	bySize map[int]*rule.Set
}{bySize: map[int]*rule.Set{}}

func benchSet(t testing.TB, n int) *rule.Set {
	benchSets.Lock()
	defer benchSets.Unlock()
	if benchSets.bySize[n] == nil {
		set, err := rule.Load(benchRules(n))
		if err != nil {
			t.Fatal(err)
		}
		benchSets.bySize[n] = set
	}
	return benchSets.bySize[n]
}

// extraction returns what it takes to read the paths that the rules of each type
// ask about and to ask nothing.
func extraction(set *rule.Set) func(view *event.View, raw []byte) error {
	plans := map[string]*event.Plan{}
	for i := range benchTypes {
		var paths [][]string
		for _, r := range set.Clauses(benchType(i)) {
			paths = r.AppendReads(paths)
		}
		plans[benchType(i)] = event.NewPlan(paths)
	}
	planFor := func(eventType []byte) *event.Plan { return plans[string(eventType)] }
	return func(view *event.View, raw []byte) error { return view.Read(raw, planFor) }
}

// BenchmarkSets matches the same events against sets of rules of every size, and
// says how many times the time is what reading the events takes. It does both by
// turns, so that the ratio holds on a busy machine too.
func BenchmarkSets(b *testing.B) {
	const turn = 500
	events := benchEvents(20 * turn)
	for _, n := range []int{10, 100, 1000, 10_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			set := benchSet(b, n)
			m, read, hits, done := match.New(set), extraction(set), 0, 0
			var view event.View
			var matching, reading time.Duration
			b.ReportAllocs()
			for b.Loop() {
				some := events[done%len(events):][:turn]
				start := time.Now()
				for _, raw := range some {
					if err := read(&view, raw); err != nil {
						b.Fatal(err)
					}
				}
				middle := time.Now()
				for _, raw := range some {
					result, err := m.Match(raw, 1)
					if err != nil {
						b.Fatal(err)
					}
					hits += len(result.Hits)
				}
				reading, matching = reading+middle.Sub(start), matching+time.Since(middle)
				done += turn
			}
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(float64(matching)/float64(done), "ns/event")
			b.ReportMetric(float64(matching)/float64(reading), "x-reading")
			b.ReportMetric(float64(hits)/float64(done), "hits/event")
		})
	}
}

// BenchmarkBaseline is the plain matcher on the same work.
func BenchmarkBaseline(b *testing.B) {
	events := benchEvents(10_000)
	for _, n := range []int{100, 1000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			m, i := match.Baseline(benchSet(b, n)), 0
			for b.Loop() {
				if _, err := m.Match(events[i%len(events)], 1); err != nil {
					b.Fatal(err)
				}
				i++
			}
		})
	}
}

// BenchmarkNew makes the matcher of a set, and says how much memory a rule takes
// in it besides the set's own.
func BenchmarkNew(b *testing.B) {
	set := benchSet(b, 10_000)
	var m match.Matcher
	before := heap()
	m = match.New(set)
	grown := heap() - before
	for b.Loop() {
		m = match.New(set)
	}
	b.ReportMetric(float64(grown)/10_000, "B/rule")
	runtime.KeepAlive(m)
}

func heap() uint64 {
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return stats.HeapAlloc
}
