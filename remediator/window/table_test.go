package window

import (
	"bytes"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// modelled is a table beside the naive windows of its keys.
type modelled struct {
	table    *Table
	columns  []Column
	windows  map[uint64]*naive
	within   int64
	lateness int64
	now      int64
}

func drawTable(t *rapid.T) *modelled {
	m := &modelled{windows: map[uint64]*naive{}, now: 1 << 50}
	m.within = rapid.SampledFrom([]int64{1, 64, 100, 3_600_000_000_000, 7*86_400_000_000_000 + 7}).Draw(t, "within")
	m.lateness = rapid.SampledFrom([]int64{0, m.within / 2, 3 * m.within}).Draw(t, "lateness")
	for _, function := range rapid.SliceOfN(rapid.SampledFrom(functions), 0, 4).Draw(t, "columns") {
		m.columns = append(m.columns, Column{Func: function, All: function == "count" && rapid.Bool().Draw(t, "all")})
	}
	m.table = NewTable(m.within, m.columns)
	return m
}

// drawEntry draws what an event may contribute.
func (m *modelled) drawEntry(t *rapid.T) Entry {
	at := m.now
	if rapid.IntRange(0, 2).Draw(t, "behind") == 0 {
		at -= rapid.Int64Range(0, m.lateness).Draw(t, "by")
	}
	e := Entry{At: at, Values: make([]Value, len(m.columns))}
	for i, c := range m.columns {
		v := Value{Counted: c.All || rapid.IntRange(0, 5).Draw(t, "counted") > 0, Total: c.Func == "share"}
		switch {
		case !v.Counted || c.Func == "count" || c.Func == "share":
		case c.Func == "distinct":
			v.Hash = rapid.Uint64Range(1, 40).Draw(t, "hash") * 0x9e3779b97f4a7c15
		case rapid.IntRange(0, 60).Draw(t, "kind") == 0:
			v.Num = rapid.Float64Range(-1e9, 1e9).Draw(t, "number")
		case rapid.IntRange(0, 60).Draw(t, "large") == 0:
			v.Minor, v.Currency = math.MaxInt64-1, "USD"
		default:
			v.Minor, v.Currency = rapid.Int64Range(0, 1000).Draw(t, "minor"), rapid.SampledFrom([]string{"USD", "USD", "USD", "ZWG"}).Draw(t, "currency")
		}
		e.Values[i] = v
	}
	return e
}

func (m *modelled) window(key uint64) *naive {
	if m.windows[key] == nil {
		m.windows[key] = &naive{}
	}
	return m.windows[key]
}

// add adds an entry to both.
func (m *modelled) add(t *rapid.T, key uint64, step int64) {
	m.now += step
	e, keepAfter := m.drawEntry(t), m.now-m.lateness-m.within
	m.table.Add(key, e, keepAfter)
	m.window(key).Add(e, m.within, keepAfter)
}

// compare asks both about a key at a time.
func (m *modelled) compare(t *rapid.T, key uint64, at int64) {
	w := m.window(key)
	if got, want := m.table.Coarse(key), w.Coarse(); got != want {
		t.Fatalf("in granules is %v, want %v", got, want)
	}
	names := make([]string, len(m.columns))
	for i, c := range m.columns {
		names[i] = c.Func
	}
	for _, side := range []Side{Near, Least, Most} {
		want := w.Bounds(at, m.within, names, side)
		for i, got := range m.table.Sums(key, at, side) {
			if function := m.columns[i].Func; !same(got.Of(function), want[i].Of(function)) {
				t.Fatalf("side %d: %s is %v, want %v", side, function, got.Of(function), want[i].Of(function))
			}
		}
	}
}

// same compares the bits of numbers: what differs in the last one decides otherwise.
func same(a, b any) bool {
	x, isNumber := a.(float64)
	y, _ := b.(float64)
	return a == b && (!isNumber || math.Float64bits(x) == math.Float64bits(y))
}

// TestTableAgainstModel does to a table what a rule does, and to the naive
// windows of its keys: the answers are the same. Now and then it goes on with the
// table that the encoding gives.
func TestTableAgainstModel(t *testing.T) {
	t.Parallel()
	coarse, reloaded := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		m := drawTable(t)
		keys := rapid.SliceOfNDistinct(rapid.Uint64(), 1, 3, rapid.ID).Draw(t, "keys")
		for range rapid.IntRange(50, 200).Draw(t, "steps") {
			key := rapid.SampledFrom(keys).Draw(t, "key")
			keepAfter := m.now - m.lateness - m.within
			switch op := rapid.IntRange(0, 99).Draw(t, "op"); {
			case op < 80:
				m.add(t, key, rapid.Int64Range(0, m.within/32+1).Draw(t, "step"))
			case op < 83:
				m.now += rapid.Int64Range(0, 2*m.within).Draw(t, "pause")
			case op < 85:
				m.table.Reset(key)
				m.window(key).Reset()
			case op < 90:
				m.table.Prune(keepAfter)
				for _, w := range m.windows {
					w.Prune(keepAfter, m.within)
				}
				m.count(t)
			case op < 93:
				for range 70 {
					m.add(t, key, rapid.Int64Range(0, m.within/64).Draw(t, "step"))
				}
			case op < 97:
				again, err := Load(m.table.AppendTo(nil))
				if err != nil {
					t.Fatal(err)
				}
				if !bytes.Equal(again.AppendTo(nil), m.table.AppendTo(nil)) {
					t.Fatal("the table that was loaded has another encoding")
				}
				m.table = again
				reloaded++
			}
			m.compare(t, key, m.now-rapid.Int64Range(0, m.lateness).Draw(t, "asked behind"))
			if m.table.Coarse(key) {
				coarse++
			}
		}
	})
	if coarse < 200 || reloaded < 20 {
		t.Errorf("%d answers of granules, %d tables loaded: hardly anything was compared", coarse, reloaded)
	}
}

// count holds that a table keeps no key whose window is empty.
func (m *modelled) count(t *rapid.T) {
	want := 0
	for _, w := range m.windows {
		if !w.Empty() {
			want++
		}
	}
	if m.table.Len() != want {
		t.Fatalf("the table has %d keys, want %d", m.table.Len(), want)
	}
}

// TestEncodingKeepsNoHistory fills two tables with the same windows, one of them
// in another order and with others between that come and go.
func TestEncodingKeepsNoHistory(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		m := drawTable(t)
		entries := map[uint64][]Entry{}
		for range rapid.IntRange(1, 6).Draw(t, "keys") {
			key := rapid.Uint64().Draw(t, "key")
			for range rapid.SampledFrom([]int{1, 2, 3, 64, 65, 80}).Draw(t, "entries") {
				m.now++
				entries[key] = append(entries[key], m.drawEntry(t))
			}
		}
		fill := func(table *Table, key uint64) {
			for _, e := range entries[key] {
				table.Add(key, e, math.MinInt64)
			}
		}
		for _, key := range slices.Sorted(maps.Keys(entries)) {
			fill(m.table, key)
		}
		other, passed := NewTable(m.within, m.columns), []uint64{}
		for _, key := range slices.Backward(slices.Sorted(maps.Keys(entries))) {
			fill(other, key)
			if rapid.Bool().Draw(t, "anew") {
				other.Reset(key)
				fill(other, key)
			}
			for range rapid.IntRange(0, 20).Draw(t, "others") {
				if passing := rapid.Uint64().Draw(t, "passing"); entries[passing] == nil {
					other.Add(passing, m.drawEntry(t), math.MinInt64)
					passed = append(passed, passing)
				}
			}
		}
		for _, key := range passed {
			other.Reset(key)
		}
		if !bytes.Equal(m.table.AppendTo(nil), other.AppendTo(nil)) {
			t.Error("the encoding depends on what came and went")
		}
		if m.table.Bytes() != other.Bytes() {
			t.Errorf("%d bytes and %d bytes of the same windows", m.table.Bytes(), other.Bytes())
		}
	})
}

// TestManyKeys holds a table of some hundred thousand keys, which come, grow and
// go, to a map.
func TestManyKeys(t *testing.T) {
	t.Parallel()
	steps := 2_000_000
	if testing.Short() {
		steps = 400_000
	}
	random := rand.New(rand.NewPCG(1, 2))
	table, want := NewTable(1000, []Column{{Func: "count", All: true}}), map[uint64]int{}
	entry := Entry{At: 1, Values: []Value{{Counted: true}}}
	for range steps {
		// What is alike in the lower half of its key is told apart by it.
		key := random.Uint64()%60_000*0x9e3779b97f4a7c15&^0xffffffff | random.Uint64()%4
		if random.IntN(9) == 0 {
			table.Reset(key)
			delete(want, key)
			continue
		}
		table.Add(key, entry, 0)
		want[key]++
	}
	if table.Len() != len(want) || len(want) < 100_000 {
		t.Fatalf("%d keys, want %d, and more than 100,000", table.Len(), len(want))
	}
	for key, n := range want {
		if got := table.Sums(key, 1, Near)[0].N; got != n {
			t.Fatalf("key %x counts %d, want %d", key, got, n)
		}
	}
	encoding := table.AppendTo(nil)
	again, err := Load(encoding)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(again.AppendTo(nil), encoding) {
		t.Error("the table that was loaded has another encoding")
	}
	table.Prune(1)
	if table.Len() != 0 || table.Bytes() != 0 {
		t.Errorf("%d keys and %d bytes are left of a table that holds nothing", table.Len(), table.Bytes())
	}
}
