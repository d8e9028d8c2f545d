package window_test

import (
	"math"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/makegood/makegood/remediator/money"
	"github.com/makegood/makegood/remediator/window"
)

const hour = int64(time.Hour)

func number(at int64, x float64) window.Entry {
	return window.Entry{At: at, Values: []window.Value{{Counted: true, Num: x}}}
}

// fill adds n entries, a second apart, the last one at the time given.
func fill(w *window.Window, n int, last, within int64) {
	for i := range n {
		at := last - int64(n-1-i)*int64(time.Second)
		w.Add(number(at, 1), within, at-within-hour)
	}
}

func count(w *window.Window, at, within int64) float64 {
	return w.Sums(at, within, 1)[0].Of("count").(float64)
}

func TestEdgeOfExactWindow(t *testing.T) {
	t.Parallel()
	within := 6 * hour
	var w window.Window
	w.Add(number(1000*hour, 1), within, 0)
	for _, c := range []struct {
		after int64
		want  float64
	}{{0, 1}, {within - 1, 1}, {within, 0}, {within + 1, 0}, {-1, 0}} {
		if got := count(&w, 1000*hour+c.after, within); got != c.want {
			t.Errorf("%v after the entry: count is %v, want %v", time.Duration(c.after), got, c.want)
		}
	}
}

// TestTurnsIntoGranules holds what happens around the 64th entry: the windows
// with 64, 65 and 66 entries count all of them, the first exactly, the others in granules.
func TestTurnsIntoGranules(t *testing.T) {
	t.Parallel()
	within := 64 * hour // a granule is one hour
	last := 1000*hour + hour/2
	for _, c := range []struct {
		entries  int
		granules bool
	}{{64, false}, {65, true}, {66, true}} {
		var w window.Window
		fill(&w, c.entries, last, within)
		if got := len(w.Granules) > 0; got != c.granules {
			t.Errorf("%d entries: in granules is %v, want %v", c.entries, got, c.granules)
		}
		if got := count(&w, last, within); got != float64(c.entries) {
			t.Errorf("%d entries: count is %v", c.entries, got)
		}
	}
}

// TestEdgeOfGranule holds that a granule counts only while it lies inside the
// window as a whole: an entry never counts longer than the window, and may leave
// it up to one granule early.
func TestEdgeOfGranule(t *testing.T) {
	t.Parallel()
	within := 64 * hour
	start := 1000 * hour
	var w window.Window
	for i := range int64(65) {
		w.Add(number(start+i, 1), within, 0) // all in the granule that starts at start
	}
	for _, c := range []struct {
		at   int64
		want float64
	}{{start + 64, 65}, {start + within - 1, 65}, {start + within, 0}, {start - 1, 0}} {
		if got := count(&w, c.at, within); got != c.want {
			t.Errorf("at %v from the granule's start: count is %v, want %v", time.Duration(c.at-start), got, c.want)
		}
	}
}

func TestDistinctInGranules(t *testing.T) {
	t.Parallel()
	within := 64 * hour
	var w window.Window
	for i := range int64(100) {
		e := window.Entry{At: 1000*hour + i, Values: []window.Value{{Counted: true, Hash: uint64(i%7) + 1}}}
		w.Add(e, within, 0)
	}
	if got := w.Sums(1000*hour+100, within, 1)[0].Of("distinct"); got != 7.0 {
		t.Errorf("distinct is %v, want 7", got)
	}
}

func TestMoneyOfAggregates(t *testing.T) {
	t.Parallel()
	usd := func(minor int64) window.Entry {
		return window.Entry{At: hour, Values: []window.Value{{Counted: true, Minor: minor, Currency: "USD"}}}
	}
	var w window.Window
	for _, minor := range []int64{299, 1, 201} {
		w.Add(usd(minor), hour, 0)
	}
	for function, want := range map[string]int64{"sum": 501, "avg": 167, "min": 1, "max": 299} {
		if got := w.Sums(hour, hour, 1)[0].Of(function); got != (money.Money{Minor: want, Currency: "USD"}) {
			t.Errorf("%s is %v, want %d USD cents", function, got, want)
		}
	}
	w.Add(window.Entry{At: hour, Values: []window.Value{{Counted: true, Minor: 5, Currency: "EUR"}}}, hour, 0)
	if got := w.Sums(hour, hour, 1)[0].Of("sum"); got != window.ErrMixed {
		t.Errorf("sum of two currencies is %v, want an error", got)
	}
	w.Reset()
	w.Add(usd(math.MaxInt64), hour, 0)
	w.Add(usd(1), hour, 0)
	if got := w.Sums(hour, hour, 1)[0].Of("sum"); got != window.ErrMixed {
		t.Errorf("sum beyond 64 bits is %v, want an error", got)
	}
}

// TestWindowAgainstModel compares a window with the plain list of its entries:
// equal while exact, in granules never above it, nor below it with the edges.
func TestWindowAgainstModel(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		within := rapid.SampledFrom([]int64{64, 100, hour, 6*hour + 7}).Draw(t, "within")
		lateness := within / 2
		steps := rapid.SliceOfN(rapid.Int64Range(0, within/8+1), 1, 200).Draw(t, "steps")
		var w window.Window
		var all []int64
		var now int64 = 1 << 40
		for i, step := range steps {
			now += step
			at := now - rapid.Int64Range(0, lateness).Draw(t, "late")
			all = append(all, at)
			w.Add(number(at, float64(i)), within, now-lateness-within)
			want := 0
			for _, x := range all {
				if x > at-within && x <= at {
					want++
				}
			}
			got := int(count(&w, at, within))
			inGranules := len(w.Granules) > 0
			if !inGranules && got != want {
				t.Fatalf("exact count is %d, want %d", got, want)
			}
			if inGranules && got > want {
				t.Fatalf("count in granules is %d, of which only %d are inside", got, want)
			}
			if most := int(w.Most(at, within, 1)[0].Of("count").(float64)); most < want || !inGranules && most != want {
				t.Fatalf("count with the edges is %d, and %d are inside", most, want)
			}
		}
	})
}

// TestMeterNeverForgets holds the promise of limits: everything used inside the
// time counts, nothing older than the time and one granule does.
func TestMeterNeverForgets(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		within := rapid.Int64Range(1, 10*hour).Draw(t, "within")
		granule := (within + 63) / 64
		var m window.Meter
		var times []int64
		var now int64 = 1 << 50
		for range rapid.IntRange(1, 300).Draw(t, "uses") {
			now += rapid.Int64Range(0, within/16+1).Draw(t, "step")
			m.Add(now, within, within, 1)
			times = append(times, now)
			inside := func(age int64) int64 {
				return int64(len(times) - slices.IndexFunc(times, func(x int64) bool { return x > now-age }))
			}
			used := m.Used(now, within)
			if used < inside(within) {
				t.Fatalf("used is %d, but %d lie inside", used, inside(within))
			}
			if used > inside(65*granule+1) {
				t.Fatalf("used is %d, but only %d are young enough", used, inside(65*granule+1))
			}
		}
	})
}

func TestMeterReleases(t *testing.T) {
	t.Parallel()
	var m window.Meter
	slot := m.Add(10*hour, hour, hour, 500)
	m.Add(10*hour, hour, hour, 7)
	m.Change(slot, -500)
	if got := m.Used(10*hour, hour); got != 7 {
		t.Errorf("used is %d after a release, want 7", got)
	}
	m.Change(slot, -7)
	if len(m.Slots) != 0 {
		t.Errorf("an empty granule is kept: %v", m.Slots)
	}
}

// TestGranulesNeverCountLaterEntries asks a window in granules about an event
// that comes behind others: an entry later than the event, be it in the event's
// own granule, is outside of its window.
func TestGranulesNeverCountLaterEntries(t *testing.T) {
	t.Parallel()
	within := 64 * hour // a granule is one hour
	entry := func(at int64, hash uint64) window.Entry {
		return window.Entry{At: at, Values: []window.Value{{Counted: true, Num: 1, Hash: hash}}}
	}
	var w window.Window
	for range 70 {
		w.Add(entry(1000*hour, 1), within, 0)
	}
	w.Add(entry(1001*hour+30, 2), within, 0)
	w.Add(entry(1001*hour+10, 3), within, 0)
	sum := w.Sums(1001*hour+10, within, 1)[0]
	if got := sum.Of("count"); got != 70.0 {
		t.Errorf("count = %v: of the 71 inside it counts whole granules only, want 70", got)
	}
	if got := sum.Of("distinct"); got != 2.0 {
		t.Errorf("distinct = %v, want 2: the value seen later does not count", got)
	}
	if got := w.Sums(1001*hour+30, within, 1)[0].Of("count"); got != 72.0 {
		t.Errorf("at the newest entry count = %v, want 72", got)
	}
}
