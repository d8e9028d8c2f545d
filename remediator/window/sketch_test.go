package window

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/axiomhq/hyperloglog"
	"pgregory.net/rapid"
)

// TestSketchError counts many sets of each size: the relative standard error of
// the estimates is the one stated, they have no bias to speak of, and what Least
// and Most say holds.
func TestSketchError(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(3, 4))
	sets := 200
	if testing.Short() {
		sets = 40
	}
	for _, size := range []int{65, 500, 2000, 8000, 12_000, 20_000, 100_000} {
		var sum, squares float64
		outside := 0
		for range sets {
			var s sketch
			for range size {
				s = s.see(cellOf(random.Uint64(), 0))
			}
			e := float64(s.count(0, maxSpan, Near))/float64(size) - 1
			sum, squares = sum+e, squares+e*e
			if s.count(0, maxSpan, Least) > size || s.count(0, maxSpan, Most) < size {
				outside++
			}
		}
		bias, deviation := sum/float64(sets), math.Sqrt(squares/float64(sets))
		t.Logf("%6d values: bias %+.2f %%, standard error %.2f %%, %d of %d outside", size, 100*bias, 100*deviation, outside, sets)
		if deviation > 1.25*StandardError || math.Abs(bias) > 4*StandardError/math.Sqrt(float64(sets))+0.5/float64(size) { // and they are whole numbers
			t.Errorf("%d values: bias %.4f and standard error %.4f, stated is %.4f", size, bias, deviation, StandardError)
		}
		if outside > 1+sets/100 {
			t.Errorf("%d values: %d of %d sets lie outside of three standard errors", size, outside, sets)
		}
	}
}

// TestSketchAgainstLibrary holds the registers to those of a library: what it
// estimates of ours, ours estimates of ours, but for rounding and another formula.
func TestSketchAgainstLibrary(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(5, 6))
	for size := 100; size < 300_000; size = size * 3 / 2 {
		theirs, err := hyperloglog.NewSketch(registerBits, false)
		if err != nil {
			t.Fatal(err)
		}
		var ours sketch
		for range size {
			hash := random.Uint64()
			theirs.InsertHash(hash)
			ours = ours.see(cellOf(hash, 7))
		}
		encoded, err := theirs.MarshalBinary()
		if err != nil {
			t.Fatal(err)
		}
		ranks := encoded[len(encoded)-registers:]
		for _, c := range ours {
			if int(ranks[c.register()]) != c.rank() {
				t.Fatalf("%d values: register %d has rank %d, the library's has %d", size, c.register(), c.rank(), ranks[c.register()])
			}
		}
		got, want := float64(ours.count(0, maxSpan, Near)), float64(theirs.Estimate())
		if math.Abs(got-want) > 0.01*want {
			t.Errorf("%d values: the estimate is %v, the library's is %v", size, got, want)
		}
	}
}

// TestSketchSlides holds a sketch of all granules to one that was made of those
// asked for alone: leaving out old granules loses nothing.
func TestSketchSlides(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		random := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
		type seen struct {
			hash    uint64
			granule int
		}
		var all []seen
		var s sketch
		for range rapid.IntRange(1, 3000).Draw(t, "values") {
			// Few registers, so that cells of one meet.
			v := seen{random.Uint64() & 0x003fffffffffffff, random.IntN(70)}
			all, s = append(all, v), s.see(cellOf(v.hash, v.granule))
		}
		if !s.ordered() {
			t.Fatal("its cells are out of order")
		}
		first := rapid.IntRange(0, 70).Draw(t, "first")
		var fresh sketch
		for _, v := range all {
			if v.granule >= first {
				fresh = fresh.see(cellOf(v.hash, v.granule))
			}
		}
		if got, want := s.count(first, maxSpan, Near), fresh.count(0, maxSpan, Near); got != want {
			t.Errorf("from granule %d on it counts %d, a sketch of the rest %d", first, got, want)
		}
		for i, v := range all {
			all[i].granule = v.granule - first
		}
		moved, again := slices.Clone(s).shift(first), sketch(nil)
		for _, v := range slices.Backward(all) {
			if v.granule >= 0 {
				again = again.see(cellOf(v.hash, v.granule))
			}
		}
		if !slices.Equal(moved, again) {
			t.Error("a sketch whose base was moved is not the one of what is left")
		}
	})
}

// TestDistinctInSketch follows windows with more than 64 distinct values: what is
// exact lies between Least and Most, but for a few.
func TestDistinctInSketch(t *testing.T) {
	t.Parallel()
	const within = 64 * 1000
	outside, asked, largest := 0, 0, 0
	for seed := range uint64(4) {
		random := rand.New(rand.NewPCG(seed, 7))
		table := NewTable(within, []Column{{Func: "distinct"}})
		last := map[uint64]int64{}
		values := []uint64{100, 1000, 10_000, 100_000}[seed]
		for now := int64(1 << 40); now < 1<<40+3*within; now += 1 + random.Int64N(20) {
			at := now - random.Int64N(100)
			hash := random.Uint64N(values)*0x9e3779b97f4a7c15 + 1
			hash = (hash ^ hash>>31) * 0xbf58476d1ce4e5b9
			last[hash] = max(last[hash], at)
			table.Add(1, Entry{At: at, Values: []Value{{Counted: true, Hash: hash}}}, now-100-within)
			if random.IntN(200) > 0 {
				continue
			}
			exact := 0
			for _, at := range last {
				if at > now-within {
					exact++
				}
			}
			asked++
			largest = max(largest, exact)
			least := table.Sums(1, now, Least)[0].Distinct
			if most := table.Sums(1, now, Most)[0].Distinct; exact < least || exact > most {
				outside++
			}
		}
	}
	t.Logf("%d of %d answers lie outside, the largest is of %d", outside, asked, largest)
	if outside > asked/100 || asked < 100 || largest < 5000 {
		t.Errorf("%d of %d answers lie outside, the largest is of %d", outside, asked, largest)
	}
}

// BenchmarkDistinct adds a value to a window of many distinct values and counts
// them; beside it, what a library takes to count one sketch of as many registers.
func BenchmarkDistinct(b *testing.B) {
	random := rand.New(rand.NewPCG(8, 9))
	const within = 64 * 1_000_000
	b.Run("window", func(b *testing.B) {
		table := NewTable(within, []Column{{Func: "distinct"}})
		at := int64(1 << 50)
		add := func() {
			at += 500
			table.Add(1, Entry{At: at, Values: []Value{{Counted: true, Hash: random.Uint64() | 1}}}, at-within)
		}
		for range 200_000 {
			add()
		}
		b.ResetTimer()
		for range b.N {
			add()
			table.Sums(1, at, Least)
		}
		b.ReportMetric(float64(table.Bytes()), "B/window")
	})
	b.Run("library", func(b *testing.B) {
		s, err := hyperloglog.NewSketch(registerBits, false)
		if err != nil {
			b.Fatal(err)
		}
		for range 200_000 {
			s.InsertHash(random.Uint64())
		}
		for range b.N {
			s.InsertHash(random.Uint64())
			s.Estimate()
		}
	})
	b.Run("library-65-merged", func(b *testing.B) {
		granules := make([]*hyperloglog.Sketch, 65)
		for i := range granules {
			granules[i], _ = hyperloglog.NewSketch(registerBits, false)
			for range 2000 {
				granules[i].InsertHash(random.Uint64())
			}
		}
		for range b.N {
			all, err := hyperloglog.NewSketch(registerBits, false)
			if err != nil {
				b.Fatal(err)
			}
			for _, g := range granules {
				if err := all.Merge(g); err != nil {
					b.Fatal(err)
				}
			}
			all.Estimate()
		}
		b.ReportMetric(float64(len(granules)*registers), "B/window")
	})
}
