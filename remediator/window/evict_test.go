package window

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"testing"
)

// TestEvict holds which windows go: a sixteenth, those whose newest entry is oldest,
// by key where they are equal.
func TestEvict(t *testing.T) {
	t.Parallel()
	table := NewTable(64_000, []Column{{Func: "count", All: true}})
	add := func(key uint64, at int64) { table.Add(key, Entry{At: at, Values: []Value{{Counted: true}}}, 0) }
	for key := range uint64(320) {
		add(key<<33, 1000+int64(key%4))
	}
	for range 100 {
		add(0, 900) // what is in granules counts from the start of the newest one
		add(4<<33, 2000)
	}
	if n, _ := table.Evict(7); n != 20 {
		t.Errorf("%d windows went, want a sixteenth of 320", n)
	}
	var left []uint64
	for key := range uint64(320) {
		if table.Has(key << 33) {
			left = append(left, key)
		}
	}
	for key := range uint64(320) {
		gone := key%4 == 0 && key != 4 && key <= 80
		if slices.Contains(left, key) == gone {
			t.Errorf("key %d: gone is %v, want %v", key, !gone, gone)
		}
	}
	few := NewTable(1, nil)
	few.Add(5, Entry{}, 0)
	if n, _ := few.Evict(1 << 63); n != 1 || few.Len() != 0 {
		t.Errorf("of one window %d went", n)
	}
	if n, _ := few.Evict(1); n != 0 {
		t.Errorf("of none %d went", n)
	}
}

// TestEvictionKeepsNoHistory evicts from a large table and from one that was loaded
// from its encoding, which lies elsewhere in memory: the same windows go. They
// are among the oldest of all.
func TestEvictionKeepsNoHistory(t *testing.T) {
	t.Parallel()
	const keys = 100_000
	random := rand.New(rand.NewPCG(1, 1))
	table := NewTable(1000, []Column{{Func: "count", All: true}})
	ages := map[uint64]int64{}
	for range keys {
		key, at := random.Uint64(), random.Int64N(1_000_000)
		ages[key] = at
		table.Add(key, Entry{At: at, Values: []Value{{Counted: true}}}, -1)
	}
	again, err := Load(table.AppendTo(nil))
	if err != nil {
		t.Fatal(err)
	}
	for range 50 {
		near := random.Uint64()
		n, _ := table.Evict(near)
		if also, _ := again.Evict(near); also != n || n == 0 || n > 4*evictAmong/16 {
			t.Fatalf("%d windows went", n)
		}
	}
	if !bytes.Equal(table.AppendTo(nil), again.AppendTo(nil)) {
		t.Error("what goes depends on where it lies")
	}
	gone, old := 0, 0
	for key, at := range ages {
		if !table.Has(key) {
			gone++
			if at < 1_000_000*int64(keys-table.Len())/keys*5/4 {
				old++
			}
		}
	}
	if gone != keys-table.Len() || old < gone*8/10 {
		t.Errorf("of %d windows that went %d were among the oldest", gone, old)
	}
}
