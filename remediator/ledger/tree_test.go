package ledger_test

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"testing"

	"github.com/transparency-dev/merkle/compact"
	"github.com/transparency-dev/merkle/proof"
	"github.com/transparency-dev/merkle/rfc6962"
	"golang.org/x/mod/sumdb/tlog"
	"pgregory.net/rapid"

	"github.com/makegood/makegood/remediator/ledger"
)

// tileMap keeps tiles as a store does: one for each (level, index).
type tileMap map[[2]uint64][]byte

func (m tileMap) ReadTile(level int, index uint64) ([]byte, error) {
	hashes, ok := m[[2]uint64{uint64(level), index}]
	if !ok {
		return nil, errors.New("no such tile")
	}
	return hashes, nil
}

func (m tileMap) ReadTiles(tiles []ledger.TileRef) (all [][]byte, err error) {
	for _, t := range tiles {
		hashes, err := m.ReadTile(t.Level, t.Index)
		if err != nil {
			return nil, err
		}
		all = append(all, hashes)
	}
	return all, nil
}

func (m tileMap) save(tiles []ledger.Tile) {
	for _, tile := range tiles {
		m[[2]uint64{uint64(tile.Level), tile.Index}] = bytes.Clone(tile.Hashes)
	}
}

// tlogReader serves the tiles to the proofs of package tlog.
type tlogReader struct{ tiles tileMap }

func (r tlogReader) Height() int                         { return 8 }
func (r tlogReader) SaveTiles(_ []tlog.Tile, _ [][]byte) {}
func (r tlogReader) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	data := make([][]byte, len(tiles))
	for i, tile := range tiles {
		hashes, err := r.tiles.ReadTile(tile.L, uint64(tile.N))
		if err != nil {
			return nil, err
		}
		if len(hashes) < tile.W*tlog.HashSize {
			return nil, fmt.Errorf("tile %v is too narrow", tile)
		}
		data[i] = hashes[:tile.W*tlog.HashSize]
	}
	return data, nil
}

func testLeaf(i int) [32]byte {
	return ledger.LeafHash(binary.BigEndian.AppendUint64(nil, uint64(i)))
}

func testLeaves(n int) [][32]byte {
	leaves := make([][32]byte, n)
	for i := range leaves {
		leaves[i] = testLeaf(i)
	}
	return leaves
}

// TestRFC6962Vectors holds the tree to the vectors that implementations of
// Certificate Transparency share.
func TestRFC6962Vectors(t *testing.T) {
	t.Parallel()
	inputs := []string{
		"", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f",
	}
	roots := []string{
		"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
		"6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
		"fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
		"aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
		"d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
		"4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
		"76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
		"ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
		"5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
	}
	for n, want := range roots {
		var leaves [][32]byte
		for _, in := range inputs[:n] {
			data, err := hex.DecodeString(in)
			if err != nil {
				t.Fatal(err)
			}
			leaves = append(leaves, ledger.LeafHash(data))
		}
		_, root, err := ledger.Append(0, nil, leaves)
		if err != nil {
			t.Fatal(err)
		}
		if got := hex.EncodeToString(root[:]); got != want {
			t.Errorf("root of %d: got %s, want %s", n, got, want)
		}
	}
}

// TestTreeAgainstIndependent compares roots at every size up to a bit more than
// two tiles and at sizes around the edges of larger ones with another library's.
func TestTreeAgainstIndependent(t *testing.T) {
	t.Parallel()
	const last = 66_100
	tiles, size := tileMap{}, 0
	factory := compact.RangeFactory{Hash: rfc6962.DefaultHasher.HashChildren}
	other := factory.NewEmptyRange(0)
	compared := 0
	for size < last {
		step := 1
		if size > 530 {
			step = 97
		}
		if size > 65_400 {
			step = 1
		}
		step = min(step, last-size)
		leaves := make([][32]byte, step)
		for i := range leaves {
			leaves[i] = testLeaf(size + i)
			if err := other.Append(leaves[i][:], nil); err != nil {
				t.Fatal(err)
			}
		}
		grown, root, err := ledger.Append(uint64(size), tiles, leaves)
		if err != nil {
			t.Fatal(err)
		}
		tiles.save(grown)
		size += step
		want, err := other.GetRootHash(nil)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(root[:], want) {
			t.Fatalf("root of %d: got %x, want %x", size, root, want)
		}
		compared++
	}
	if compared < 1500 {
		t.Fatalf("compared %d roots only", compared)
	}
}

// TestTileCoordinates holds the tiles to those that package tlog expects.
func TestTileCoordinates(t *testing.T) {
	t.Parallel()
	for _, c := range [][2]int{{0, 1}, {0, 256}, {1, 256}, {255, 257}, {256, 512}, {0, 700}, {300, 65_536}, {65_535, 65_537}, {65_536, 66_000}, {5, 5}} {
		tiles := tileMap{}
		before, _, err := ledger.Append(0, nil, testLeaves(c[0]))
		if err != nil {
			t.Fatal(err)
		}
		tiles.save(before)
		grown, _, err := ledger.Append(uint64(c[0]), tiles, testLeaves(c[1])[c[0]:])
		if err != nil {
			t.Fatal(err)
		}
		want := tlog.NewTiles(8, int64(c[0]), int64(c[1]))
		if len(grown) != len(want) {
			t.Fatalf("%d to %d: got %d tiles, want %d", c[0], c[1], len(grown), len(want))
		}
		for i, tile := range grown {
			got := tlog.Tile{H: 8, L: tile.Level, N: int64(tile.Index), W: tile.Width}
			if got != want[i] || len(tile.Hashes) != 32*tile.Width {
				t.Errorf("%d to %d: tile %d is %v with %d bytes, want %v", c[0], c[1], i, got, len(tile.Hashes), want[i])
			}
		}
	}
}

// TestAnySplitGivesTheSameTree appends the same leaves in parts.
func TestAnySplitGivesTheSameTree(t *testing.T) {
	t.Parallel()
	const most = 70_000
	leaves := testLeaves(most)
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.OneOf(rapid.IntRange(0, 300), rapid.IntRange(0, 800), rapid.IntRange(0, 2000), rapid.SampledFrom([]int{65_535, 65_536, 65_537, most})).Draw(t, "size")
		whole := tileMap{}
		tiles, want, err := ledger.Append(0, nil, leaves[:n])
		if err != nil {
			t.Fatal(err)
		}
		whole.save(tiles)

		parts, size := tileMap{}, 0
		_, got, err := ledger.Append(0, nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		for size < n {
			step := rapid.OneOf(rapid.IntRange(0, 3), rapid.IntRange(0, n), rapid.SampledFrom([]int{255, 256, 257})).Draw(t, "step")
			step = min(step, n-size)
			tiles, root, err := ledger.Append(uint64(size), parts, leaves[size:size+step])
			if err != nil {
				t.Fatal(err)
			}
			parts.save(tiles)
			got, size = root, size+step
		}
		if got != want {
			t.Fatalf("root of %d: got %x in parts, %x at once", n, got, want)
		}
		if len(parts) != len(whole) {
			t.Fatalf("%d tiles in parts, %d at once", len(parts), len(whole))
		}
		for at, hashes := range whole {
			if !bytes.Equal(parts[at], hashes) {
				t.Fatalf("tile %v differs", at)
			}
		}
	})
}

// TestProofsAgainstIndependent makes inclusion and consistency proofs from the
// stored tiles and has another library check them.
func TestProofsAgainstIndependent(t *testing.T) {
	t.Parallel()
	const last = 66_000
	leaves := testLeaves(last)
	sizes := []int{1, 2, 3, 255, 256, 257, 511, 512, 1000, 65_535, 65_536, 65_537, last}
	tiles, roots, size := tileMap{}, map[int][32]byte{}, 0
	for _, n := range sizes {
		grown, root, err := ledger.Append(uint64(size), tiles, leaves[size:n])
		if err != nil {
			t.Fatal(err)
		}
		tiles.save(grown)
		roots[n], size = root, n
	}
	head := roots[last]
	reader := tlog.TileHashReader(tlog.Tree{N: last, Hash: head}, tlogReader{tiles})
	for _, n := range sizes {
		index := n - 1
		path, err := tlog.ProveRecord(last, int64(index), reader)
		if err != nil {
			t.Fatal(err)
		}
		if err := proof.VerifyInclusion(rfc6962.DefaultHasher, uint64(index), last, leaves[index][:], raw(path), head[:]); err != nil {
			t.Errorf("inclusion of %d in %d: %v", index, last, err)
		}
		wrong := testLeaf(last + 1)
		if err := proof.VerifyInclusion(rfc6962.DefaultHasher, uint64(index), last, wrong[:], raw(path), head[:]); err == nil {
			t.Errorf("inclusion of a wrong leaf at %d was accepted", index)
		}
		path2, err := tlog.ProveTree(last, int64(n), reader)
		if err != nil {
			t.Fatal(err)
		}
		older := roots[n]
		if err := proof.VerifyConsistency(rfc6962.DefaultHasher, uint64(n), last, raw(path2), older[:], head[:]); err != nil {
			t.Errorf("consistency of %d with %d: %v", n, last, err)
		}
	}
}

func raw[P ~[]tlog.Hash](path P) [][]byte {
	out := make([][]byte, len(path))
	for i, h := range path {
		out[i] = h[:]
	}
	return out
}

func TestAppendRefusesAnotherEdge(t *testing.T) {
	t.Parallel()
	tiles := tileMap{}
	grown, _, err := ledger.Append(0, nil, testLeaves(300))
	if err != nil {
		t.Fatal(err)
	}
	tiles.save(grown)
	for _, size := range []uint64{299, 301, 513, 1 << 63} {
		if _, _, err := ledger.Append(size, tiles, testLeaves(1)); err == nil {
			t.Errorf("appended to the tiles of 300 as if they were of %d", size)
		}
	}
}

func BenchmarkAppend(b *testing.B) {
	for _, batch := range []int{1, 100, 5000} {
		b.Run(fmt.Sprintf("batch=%d", batch), func(b *testing.B) {
			tiles, size := tileMap{}, uint64(0)
			leaves := testLeaves(batch)
			b.ReportAllocs()
			for b.Loop() {
				grown, _, err := ledger.Append(size, tiles, leaves)
				if err != nil {
					b.Fatal(err)
				}
				tiles.save(grown)
				size += uint64(batch)
			}
			b.ReportMetric(float64(b.N*batch)/b.Elapsed().Seconds(), "leaves/s")
		})
	}
}
