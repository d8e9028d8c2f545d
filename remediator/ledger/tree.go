package ledger

import (
	"crypto/sha256"
	"fmt"

	"golang.org/x/mod/sumdb/tlog"
)

const (
	// TileWidth is the number of hashes in a full tile.
	TileWidth  = 256
	tileHeight = 8
	hashSize   = 32
	// maxSize keeps every position within the signed integers of a database.
	maxSize = 1 << 62
)

// Tile is some hashes of one level of the tree, side by side.
type Tile struct {
	Level  int
	Index  uint64
	Width  int    // how many hashes, 1 to TileWidth
	Hashes []byte // Width times 32 bytes
}

// TileReader reads stored tiles.
type TileReader interface {
	// ReadTile returns the hashes of a tile as they were stored last. A tile
	// that is not stored is an error.
	ReadTile(level int, index uint64) ([]byte, error)
}

// Append extends the tree of the given size by leaves. It returns the tiles to
// store, each new or in the place of a narrower one, in order of level and
// index, and the root of the grown tree. It reads the last tile of each level
// and nothing else; r may be nil when size is 0.
func Append(size uint64, r TileReader, leaves [][32]byte) (tiles []Tile, root [32]byte, err error) {
	if size > maxSize || uint64(len(leaves)) > maxSize-size {
		return nil, root, fmt.Errorf("append %d leaves to a tree of %d: too large", len(leaves), size)
	}
	e, err := readEdge(size, r)
	if err != nil {
		return nil, root, err
	}
	var full [][]Tile // by level
	for _, leaf := range leaves {
		e.add(0, leaf, func(t Tile) {
			for len(full) <= t.Level {
				full = append(full, nil)
			}
			full[t.Level] = append(full[t.Level], t)
		})
	}
	for level, hashes := range e.levels {
		if level < len(full) {
			tiles = append(tiles, full[level]...)
		}
		before, now := size>>(tileHeight*level), e.size>>(tileHeight*level)
		if before != now && len(hashes) > 0 {
			tiles = append(tiles, Tile{level, now / TileWidth, len(hashes) / hashSize, hashes})
		}
	}
	return tiles, e.root(), nil
}

// edge is the right edge of a tree: everything that is needed to go on with it
// and to compute its root.
type edge struct {
	size   uint64
	levels [][]byte // the hashes of the last tile of each level; never a full tile
}

// readEdge reads the right edge of the stored tree of the given size.
func readEdge(size uint64, r TileReader) (*edge, error) {
	e := &edge{size: size}
	for level := 0; size>>(tileHeight*level) > 0; level++ {
		n := size >> (tileHeight * level)
		width := int(n % TileWidth)
		if width == 0 {
			e.levels = append(e.levels, nil)
			continue
		}
		hashes, err := r.ReadTile(level, n/TileWidth)
		if err != nil {
			return nil, fmt.Errorf("read tile (%d, %d): %w", level, n/TileWidth, err)
		}
		if len(hashes) != width*hashSize {
			return nil, fmt.Errorf("read tile (%d, %d): %d bytes, want %d hashes", level, n/TileWidth, len(hashes), width)
		}
		e.levels = append(e.levels, append(make([]byte, 0, TileWidth*hashSize), hashes...))
	}
	return e, nil
}

// add appends one hash at a level of tiles, a leaf at level 0, and hands over
// each tile that it fills.
func (e *edge) add(level int, hash [32]byte, full func(Tile)) {
	e.size += 1 << (tileHeight * level)
	for ; ; level++ {
		for level >= len(e.levels) {
			e.levels = append(e.levels, nil)
		}
		if e.levels[level] == nil {
			e.levels[level] = make([]byte, 0, TileWidth*hashSize)
		}
		e.levels[level] = append(e.levels[level], hash[:]...)
		if len(e.levels[level]) < TileWidth*hashSize {
			return
		}
		hashes := e.levels[level]
		e.levels[level] = nil
		hash = subtree(hashes)
		full(Tile{level, e.size>>(tileHeight*(level+1)) - 1, TileWidth, hashes})
	}
}

// root returns the root of the tree: the complete subtrees of the edge joined
// from the right, which is how RFC 6962 splits a tree that is not complete.
func (e *edge) root() [32]byte {
	if e.size == 0 {
		return sha256.Sum256(nil)
	}
	var root [32]byte
	any := false
	for _, hashes := range e.levels {
		for end := len(hashes) / hashSize; end > 0; {
			width := end & -end // the lowest bit: the rightmost complete subtree
			left := subtree(hashes[(end-width)*hashSize : end*hashSize])
			if any {
				root = tlog.NodeHash(left, root)
			} else {
				root, any = left, true
			}
			end -= width
		}
	}
	return root
}

// subtree returns the root over a power of two of hashes.
func subtree(hashes []byte) [32]byte {
	if len(hashes) == hashSize {
		return [32]byte(hashes)
	}
	half := len(hashes) / 2
	return tlog.NodeHash(subtree(hashes[:half]), subtree(hashes[half:]))
}
