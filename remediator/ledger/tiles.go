package ledger

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/mod/sumdb/tlog"
)

// EntryTiles is the level of tiles that hold entries in the place of hashes.
const EntryTiles = -1

// TileRef names a tile as clients of C2SP tlog-tiles ask for it.
type TileRef struct {
	Level int // EntryTiles for a bundle of entries
	Index uint64
	Width int // how many hashes or entries: TileWidth, or fewer of a partial tile
}

// Covered reports whether a tree of the given size has all that the tile names.
// A wider tile than was asked for serves too: what it begins with never changes.
func (t TileRef) Covered(size uint64) bool {
	n := size >> (tileHeight * max(t.Level, 0))
	return t.Index <= n/TileWidth && t.Index*TileWidth+uint64(t.Width) <= n
}

// ParseTile reads what stands after /tile/ in a path: LEVEL/INDEX or entries/INDEX,
// with .p/WIDTH for a partial tile. There is one way to write each tile; any other
// is an error.
func ParseTile(path string) (TileRef, error) {
	// The paths of package tlog have the height of the tiles besides, and another
	// word for entries.
	const height = "tile/8/"
	text := height + path
	if rest, ok := strings.CutPrefix(path, "entries/"); ok {
		text = height + "data/" + rest
	} else if strings.HasPrefix(path, "data/") {
		return TileRef{}, errors.New("it is no path of a tile")
	}
	t, err := tlog.ParseTilePath(text)
	if err != nil || t.L >= 64 {
		return TileRef{}, errors.New("it is no path of a tile")
	}
	return TileRef{Level: t.L, Index: uint64(t.N), Width: t.W}, nil
}

// AppendBundle appends an entry to the bytes of a bundle: its length in two bytes,
// the greater first, then its bytes.
func AppendBundle(bundle []byte, e Entry) ([]byte, error) {
	encoded := e.Encode()
	if len(encoded) > MaxEntry {
		return nil, fmt.Errorf("bundle entry %d: %d bytes, at most %d are allowed", e.Seq, len(encoded), MaxEntry)
	}
	return append(binary.BigEndian.AppendUint16(bundle, uint16(len(encoded))), encoded...), nil
}

// StoredTiles are the tiles of a tree, for proofs.
type StoredTiles interface {
	// ReadTiles returns the hashes of tiles, whose widths are not said, as they were
	// stored last, in the order of the tiles. One that is not stored is an error. What
	// a proof needs is asked for at once.
	ReadTiles(tiles []TileRef) ([][]byte, error)
}

// treeHashes hands out the hashes of a tree from its tiles, to make proofs. Each
// tile is read once.
type treeHashes struct {
	tiles StoredTiles
	read  map[TileRef][]byte
}

func newTreeHashes(tiles StoredTiles) *treeHashes {
	return &treeHashes{tiles: tiles, read: map[TileRef][]byte{}}
}

// ReadHashes implements tlog.HashReader.
func (h *treeHashes) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	if err := h.readTiles(indexes); err != nil {
		return nil, err
	}
	hashes := make([]tlog.Hash, len(indexes))
	for i, index := range indexes {
		t := tlog.TileForIndex(tileHeight, index)
		ref := tileRef(t)
		hash, err := tlog.HashFromTile(t, h.read[ref], index)
		if err != nil {
			return nil, fmt.Errorf("read tile (%d, %d): %w", ref.Level, ref.Index, err)
		}
		hashes[i] = hash
	}
	return hashes, nil
}

// tileRef names a tile whatever its width.
func tileRef(t tlog.Tile) TileRef { return TileRef{Level: t.L, Index: uint64(t.N)} }

// readTiles reads the tiles of hashes that were not read yet.
func (h *treeHashes) readTiles(indexes []int64) error {
	var missing []TileRef
	for _, index := range indexes {
		ref := tileRef(tlog.TileForIndex(tileHeight, index))
		if _, ok := h.read[ref]; !ok && !slices.Contains(missing, ref) {
			missing = append(missing, ref)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	found, err := h.tiles.ReadTiles(missing)
	if err != nil {
		return fmt.Errorf("read tiles: %w", err)
	}
	for i, ref := range missing {
		h.read[ref] = found[i]
	}
	return nil
}

// RootAt returns the root that a tree had when it had the given size, from the
// tiles of the tree as it is.
func RootAt(size uint64, tiles StoredTiles) ([32]byte, error) {
	if size == 0 {
		return (&edge{}).root(), nil
	}
	if size > maxSize {
		return [32]byte{}, fmt.Errorf("compute root of %d entries: too many", size)
	}
	root, err := tlog.TreeHash(int64(size), newTreeHashes(tiles))
	if err != nil {
		return [32]byte{}, fmt.Errorf("compute root of %d entries: %w", size, err)
	}
	return root, nil
}
