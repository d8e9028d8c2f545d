package decide

import (
	"bytes"
	"strconv"
	"strings"
	"testing"
)

// TestTableIsEncodedAsAMap: nobody who reads a state sees which of its maps are tables.
func TestTableIsEncodedAsAMap(t *testing.T) {
	t.Parallel()
	mode, err := stateMode()
	if err != nil {
		t.Fatal(err)
	}
	type value struct {
		At   int64    `cbor:"1,keyasint"`
		Text []string `cbor:"2,keyasint,omitempty"`
	}
	for _, entries := range []int{-1, 0, 1, 23, 24, 255, 256, 65_535, 65_536} {
		var plain map[key]*value
		if entries >= 0 {
			plain = map[key]*value{}
		}
		for n := range max(entries, 0) {
			name := strconv.Itoa(n*7919) + strings.Repeat("x", n*31%300) // of all lengths that are written differently
			plain[key(name)] = &value{At: int64(n), Text: strings.Split(name, "9")}
		}
		want, err := mode.Marshal(plain)
		if err != nil {
			t.Fatal(err)
		}
		got, err := mode.Marshal(table[key, *value](plain))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("a table of %d entries has other bytes than the map", entries)
		}
		var back table[key, *value]
		if err := decodeState(got, &back); err != nil || len(back) != len(plain) {
			t.Errorf("of %d entries %d are read again (%v)", entries, len(back), err)
		}
	}
}
