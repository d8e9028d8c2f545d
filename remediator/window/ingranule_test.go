package window

import (
	"bytes"
	"testing"
)

// TestGranulesInTheirRecord adds entries to a window in granules, most of them within
// its record: each time that is the record which the window makes when it is taken
// out, pruned, added to and written again.
func TestGranulesInTheirRecord(t *testing.T) {
	t.Parallel()
	compared := 0
	for _, c := range []struct {
		name    string
		entries int
		at      func(i int, width int64) int64 // time of an entry
		keep    func(width int64) int64        // for how long; nil: for ever
	}{
		{"one granule after the other, none goes", 400, func(i int, w int64) int64 { return int64(i) * w }, nil},
		{"the first of many granules go", 600, func(i int, w int64) int64 { return int64(i) * w / 3 }, func(w int64) int64 { return 50 * w }},
		{"a granule that is there, and others go before", 1000, func(i int, w int64) int64 { return int64(i) * w / 16 }, func(w int64) int64 { return 3*w + w/3 }},
		{"late entries", 600, func(i int, w int64) int64 { return int64(i)*w/2 - int64(i%5)*2*w }, func(w int64) int64 { return 40 * w }},
		{"one granule alone", 20_000, func(i int, w int64) int64 { return int64(i) % w }, nil},
		{"far apart, only the last one stays", 100, func(i int, w int64) int64 { return int64(i) * 200 * w }, func(w int64) int64 { return 300 * w }},
	} {
		// A time within a granule takes one byte, or six as in a window of a week.
		for _, width := range []int64{64, 1 << 43} {
			for _, columns := range [][]Column{{{Func: "count", All: true}}, {{Func: "count"}}, {{Func: "sum"}, {Func: "share"}, {Func: "min"}}} {
				g := newGranular(width, columns)
				for i := range c.entries {
					e, keepAfter := g.entry(c.at(i, width), i%3 > 0, i), int64(0)
					if c.keep != nil {
						keepAfter = e.At - c.keep(width)
					}
					g.table.Add(g.key, e, keepAfter)
					g.want.prune(keepAfter)
					g.want.add(e)
					if got, want := g.record(), g.want.append(nil); !bytes.Equal(got, want) {
						t.Fatalf("%s, %d, %v: after entry %d the record is\n%x\nand not\n%x", c.name, width, columns, i, got, want)
					}
					compared++
				}
			}
		}
	}
	if compared == 0 {
		t.Error("nothing was compared")
	}
}

// granular is a table with one window in granules, and that window taken out.
type granular struct {
	key   uint64
	table *Table
	want  coarse
	begin int64
}

func newGranular(width int64, columns []Column) *granular {
	g := &granular{key: 7 << 60, table: NewTable(width*granules, columns), begin: 1 << 60}
	g.want = coarse{layout: &g.table.layout, width: g.table.coarse.width, offset: g.table.coarse.offset}
	g.want.clear()
	for i := range MaxExact + 1 {
		g.table.Add(g.key, g.entry(0, true, i), 0)
		g.want.add(g.entry(0, true, i))
	}
	return g
}

func (g *granular) entry(at int64, counted bool, i int) Entry {
	e := Entry{At: g.begin + at, Values: make([]Value, len(g.table.layout.columns))}
	for j := range e.Values {
		e.Values[j] = Value{Counted: counted, Total: true, Minor: int64(i % 7), Currency: "USD"}
	}
	return e
}

// record is what the table has of the window, without its key.
func (g *granular) record() []byte {
	h, _ := g.table.find(g.key)
	return g.table.arena.at(h)[keyBytes:]
}
