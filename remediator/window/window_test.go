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

// single is a table of one key and one column.
type single struct {
	*window.Table
	function string
}

const key = 0x0123456789abcdef

func newSingle(within int64, function string) single {
	return single{window.NewTable(within, []window.Column{{Func: function, All: function == "count"}}), function}
}

func (w single) add(e window.Entry, keepAfter int64) { w.Add(key, e, keepAfter) }

func (w single) of(at int64, side window.Side) any { return w.Sums(key, at, side)[0].Of(w.function) }

func (w single) coarse() bool { return w.Coarse(key) }

// fill adds n entries, a second apart, the last one at the time given.
func (w single) fill(n int, last, within int64) {
	for i := range n {
		at := last - int64(n-1-i)*int64(time.Second)
		w.add(number(at, 1), at-within-hour)
	}
}

func (w single) count(at int64) float64 { return w.of(at, window.Near).(float64) }

func TestEdgeOfExactWindow(t *testing.T) {
	t.Parallel()
	within := 6 * hour
	w := newSingle(within, "count")
	w.add(number(1000*hour, 1), 0)
	for _, c := range []struct {
		after int64
		want  float64
	}{{0, 1}, {within - 1, 1}, {within, 0}, {within + 1, 0}, {-1, 0}} {
		if got := w.count(1000*hour + c.after); got != c.want {
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
		w := newSingle(within, "count")
		w.fill(c.entries, last, within)
		if got := w.coarse(); got != c.granules {
			t.Errorf("%d entries: in granules is %v, want %v", c.entries, got, c.granules)
		}
		if got := w.count(last); got != float64(c.entries) {
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
	w := newSingle(within, "count")
	for i := range int64(65) {
		w.add(number(start+i, 1), 0) // all in the granule that starts at start
	}
	for _, c := range []struct {
		at   int64
		want float64
	}{{start + 64, 65}, {start + within - 1, 65}, {start + within, 0}, {start - 1, 0}} {
		if got := w.count(c.at); got != c.want {
			t.Errorf("at %v from the granule's start: count is %v, want %v", time.Duration(c.at-start), got, c.want)
		}
	}
}

func TestDistinctInGranules(t *testing.T) {
	t.Parallel()
	w := newSingle(64*hour, "distinct")
	for i := range int64(100) {
		w.add(window.Entry{At: 1000*hour + i, Values: []window.Value{{Counted: true, Hash: uint64(i%7) + 1}}}, 0)
	}
	if got := w.of(1000*hour+100, window.Near); got != 7.0 {
		t.Errorf("distinct is %v, want 7", got)
	}
}

func TestMoneyOfAggregates(t *testing.T) {
	t.Parallel()
	amount := func(minor int64, currency string) window.Entry {
		return window.Entry{At: hour, Values: []window.Value{{Counted: true, Minor: minor, Currency: currency}}}
	}
	for function, want := range map[string]int64{"sum": 501, "avg": 167, "min": 1, "max": 299} {
		w := newSingle(hour, function)
		for _, minor := range []int64{299, 1, 201} {
			w.add(amount(minor, "USD"), 0)
		}
		if got := w.of(hour, window.Near); got != (money.Money{Minor: want, Currency: "USD"}) {
			t.Errorf("%s is %v, want %d USD cents", function, got, want)
		}
		w.add(amount(5, "EUR"), 0)
		if got := w.of(hour, window.Near); got != window.ErrMixed {
			t.Errorf("%s of two currencies is %v, want an error", function, got)
		}
		w.Reset(key)
		w.add(amount(math.MaxInt64, "USD"), 0)
		w.add(amount(1, "USD"), 0)
		got := w.of(hour, window.Near)
		if summed := function == "sum" || function == "avg"; (got == window.ErrMixed) != summed {
			t.Errorf("%s where the sum is beyond 64 bits is %v", function, got)
		}
	}
}

// TestWindowAgainstModel compares a window with the plain list of its entries:
// equal while exact, in granules never above it, nor below it with the edges.
func TestWindowAgainstModel(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		within := rapid.SampledFrom([]int64{64, 100, hour, 6*hour + 7}).Draw(t, "within")
		function := rapid.SampledFrom([]string{"count", "distinct"}).Draw(t, "function")
		lateness := within / 2
		steps := rapid.SliceOfN(rapid.Int64Range(0, within/8+1), 1, 200).Draw(t, "steps")
		w := newSingle(within, function)
		type seen struct {
			at   int64
			hash uint64
		}
		var all []seen
		var now int64 = 1 << 40
		for _, step := range steps {
			now += step
			e := seen{now - rapid.Int64Range(0, lateness).Draw(t, "late"), rapid.Uint64Range(1, 20).Draw(t, "value")}
			all = append(all, e)
			w.add(window.Entry{At: e.at, Values: []window.Value{{Counted: true, Hash: e.hash}}}, now-lateness-within)
			want, distinct := 0, map[uint64]bool{}
			for _, x := range all {
				if x.at > e.at-within && x.at <= e.at {
					want++
					distinct[x.hash] = true
				}
			}
			if function == "distinct" {
				want = len(distinct)
			}
			near, least, most := w.of(e.at, window.Near), w.of(e.at, window.Least), w.of(e.at, window.Most)
			if near != least {
				t.Fatalf("%s is %v, and at the least %v: nothing is estimated here", function, near, least)
			}
			got := int(near.(float64))
			if !w.coarse() && got != want {
				t.Fatalf("exact %s is %d, want %d", function, got, want)
			}
			if w.coarse() && got > want {
				t.Fatalf("%s in granules is %d, of which only %d are inside", function, got, want)
			}
			if most := int(most.(float64)); most < want || !w.coarse() && most != want {
				t.Fatalf("%s with the edges is %d, and %d are inside", function, most, want)
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
	count, distinct := newSingle(within, "count"), newSingle(within, "distinct")
	add := func(at int64, hash uint64) {
		for _, w := range []single{count, distinct} {
			w.add(window.Entry{At: at, Values: []window.Value{{Counted: true, Num: 1, Hash: hash}}}, 0)
		}
	}
	for range 70 {
		add(1000*hour, 1)
	}
	add(1001*hour+30, 2)
	add(1001*hour+10, 3)
	if got := count.count(1001*hour + 10); got != 70 {
		t.Errorf("count = %v: of the 71 inside it counts whole granules only, want 70", got)
	}
	if got := distinct.count(1001*hour + 10); got != 2 {
		t.Errorf("distinct = %v, want 2: the value seen later does not count", got)
	}
	if got := count.count(1001*hour + 30); got != 72 {
		t.Errorf("at the newest entry count = %v, want 72", got)
	}
}

// TestSaysUpToWhenPartsWent holds that a window of more granules than it may have, and a
// sketch of a longer time than it may be of, say of what time the newest is that went.
func TestSaysUpToWhenPartsWent(t *testing.T) {
	t.Parallel()
	const width, parts = int64(1000), int64(4096)
	for name, c := range map[string]struct {
		function    string
		step        int64
		least, most int64 // granules of which the newest that went is one
	}{
		"granules": {"count", 1, 99, 99},
		// A value that was seen again, or that others stand for, does not go.
		"values": {"distinct", 5, 5*(parts+99) - 1<<14 - 100, 5*(parts+99) - 1<<14},
	} {
		t.Run(name, func(t *testing.T) {
			w := newSingle(64*width, c.function)
			lost, through := uint64(0), int64(0)
			for n := range parts + 100 {
				w.add(window.Entry{At: n * c.step * width, Values: []window.Value{{Counted: true, Hash: uint64(n)*0x9e3779b97f4a7c15 | 1}}}, 0)
				if w.Lost() > lost {
					lost, through = w.Lost(), max(through, w.LostThrough())
				}
			}
			if got := through / width; got < c.least || got > c.most {
				t.Errorf("what went reaches to granule %d, want one of %d to %d", got, c.least, c.most)
			}
		})
	}
}
