package window

import (
	"bytes"
	"testing"
)

// sampleTable has windows of every form and column.
func sampleTable() *Table {
	var columns []Column
	for _, function := range functions {
		columns = append(columns, Column{Func: function})
	}
	table := NewTable(64_000, append(columns, Column{Func: "count", All: true}))
	for key, entries := range []int{1, 3, 64, 65, 300} {
		for i := range entries {
			e := Entry{At: int64(1_000_000 + 100*i), Values: make([]Value, len(columns)+1)}
			for j := range e.Values {
				e.Values[j] = Value{Counted: true, Num: float64(i), Hash: uint64(i+1) * 0x9e3779b97f4a7c15}
				if i%7 == 0 {
					e.Values[j] = Value{Counted: true, Minor: int64(i), Currency: "EUR", Hash: 9}
				}
			}
			table.Add(uint64(key)<<60, e, 0)
		}
	}
	return table
}

// FuzzLoad loads what is hardly an encoding: it is refused, or it is the encoding
// of the table that it gives, which can be asked and changed.
func FuzzLoad(f *testing.F) {
	whole := sampleTable().AppendTo(nil)
	f.Add(whole)
	f.Add(whole[:len(whole)-1])
	f.Add(NewTable(1, nil).AppendTo(nil))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, data []byte) {
		table, err := Load(data)
		if err != nil {
			return
		}
		if again := table.AppendTo(nil); !bytes.Equal(again, data) {
			t.Fatalf("the encoding of what was loaded is another one")
		}
		table.index.each(&table.arena, 0, 0, func(h handle) {
			for _, side := range []Side{Near, Least, Most} {
				table.Sums(table.arena.key(h), 1_001_000, side)
			}
		})
		table.Add(7, Entry{At: 1_001_000, Values: make([]Value, len(table.layout.columns))}, 0)
		table.Evict(7)
		table.Prune(1_000_500)
	})
}

// TestLoadRefusesDamage cuts an encoding at every byte: none of the parts loads.
func TestLoadRefusesDamage(t *testing.T) {
	t.Parallel()
	whole := sampleTable().AppendTo(nil)
	if _, err := Load(whole); err != nil {
		t.Fatal(err)
	}
	for n := range whole {
		if _, err := Load(whole[:n]); err == nil {
			t.Fatalf("the first %d of %d bytes load", n, len(whole))
		}
	}
	if _, err := Load(append(whole, 0)); err == nil {
		t.Error("what follows the end loads")
	}
}
