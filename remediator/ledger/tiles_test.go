package ledger_test

import (
	"testing"

	"pgregory.net/rapid"

	"github.com/makegood/makegood/remediator/ledger"
)

func TestParseTile(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]ledger.TileRef{
		"0/000":                     {Level: 0, Index: 0, Width: 256},
		"1/x001/x234/067.p/255":     {Level: 1, Index: 1_234_067, Width: 255},
		"63/000.p/1":                {Level: 63, Index: 0, Width: 1},
		"entries/x012/345":          {Level: ledger.EntryTiles, Index: 12_345, Width: 256},
		"entries/007.p/8":           {Level: ledger.EntryTiles, Index: 7, Width: 8},
		"0/x003/x777/x893/x186/000": {Level: 0, Index: 3_777_893_186_000, Width: 256},
	} {
		if got, err := ledger.ParseTile(path); err != nil || got != want {
			t.Errorf("%s is %+v, %v, want %+v", path, got, err, want)
		}
	}
	for _, path := range []string{
		"", "0", "0/", "0/0", "0/00", "0/0000", "00/000", "01/000", "-1/000", "+1/000", "64/000", "x/000", "0/1000", "0/x000/000", "0/001/000", "0/x001",
		"0/000.p", "0/000.p/", "0/000.p/0", "0/000.p/256", "0/000.p/-1", "0/000.p/01", "0/000.p/1/", "0/000/", "8/0/000", "data/000", "entries", "entries/",
		"entries/0/000", "entries/data/000", "0/../000", "0/000.P/1", "0/x999/x999/x999/x999/x999/x999/x999/999", " 0/000", "0/000 ",
	} {
		if got, err := ledger.ParseTile(path); err == nil {
			t.Errorf("%q is read as %+v", path, got)
		}
	}
}

// A tile is covered when the tree has all its hashes, which the tree itself says.
func TestCoveredTiles(t *testing.T) {
	t.Parallel()
	tiles, _, err := ledger.Append(0, nil, testLeaves(70_000))
	if err != nil {
		t.Fatal(err)
	}
	stored := tileMap{}
	stored.save(tiles)
	covered := 0
	rapid.Check(t, func(t *rapid.T) {
		ref := ledger.TileRef{
			Level: rapid.IntRange(0, 4).Draw(t, "level"), Index: uint64(rapid.IntRange(0, 300).Draw(t, "index")), Width: rapid.IntRange(1, 256).Draw(t, "width"),
		}
		hashes, _ := stored.ReadTile(ref.Level, ref.Index)
		if want := len(hashes) >= 32*ref.Width; ref.Covered(70_000) != want {
			t.Fatalf("%+v is covered: %t, its tile has %d hashes", ref, !want, len(hashes)/32)
		} else if want {
			covered++
		}
	})
	if covered == 0 {
		t.Error("no tile was covered")
	}
	for _, ref := range []ledger.TileRef{{Index: 1<<64 - 1, Width: 1}, {Level: ledger.EntryTiles, Index: 1 << 56, Width: 256}} {
		if ref.Covered(1 << 62) {
			t.Errorf("%+v is covered", ref)
		}
	}
}

// The root of any size is that which the tree had then.
func TestRootAt(t *testing.T) {
	t.Parallel()
	stored := tileMap{}
	roots := map[uint64][32]byte{}
	for size := uint64(0); size < 1500; size++ {
		tiles, root, err := ledger.Append(size, stored, [][32]byte{testLeaf(int(size))})
		if err != nil {
			t.Fatal(err)
		}
		stored.save(tiles)
		roots[size+1] = root
	}
	for size, want := range roots {
		if got, err := ledger.RootAt(size, stored); err != nil || got != want {
			t.Errorf("the root of %d entries is %x, %v, it was %x", size, got, err, want)
		}
	}
	if _, err := ledger.RootAt(1501, stored); err == nil {
		t.Error("there is a root of more than there is")
	}
	if _, empty, err := ledger.Append(0, nil, nil); err != nil {
		t.Error(err)
	} else if got, err := ledger.RootAt(0, nil); err != nil || got != empty {
		t.Errorf("the root of nothing is %x, %v", got, err)
	}
}
