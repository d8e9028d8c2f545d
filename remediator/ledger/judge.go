package ledger

import (
	"bytes"
	"slices"
)

// Who is believed where entries and tiles differ: the tiles of a level (0 and
// above), or one of these.
const (
	believeEntries = -1
	believeNobody  = -2
)

// judge decides who is believed and names what differs from that.
func (v *verifier) judge() {
	believed, reference := v.believe()
	v.judgeDiffs(believed)
	for level := believed - 1; level >= 0; level-- {
		v.judgeBelow(level)
	}
	if reference != nil {
		v.judgeTiles(max(believed, 0)+1, reference)
	}
}

// believe finds who comes to a root that the checkpoint claims, beginning with
// the entries, and the tree that the tiles above must be those of.
func (v *verifier) believe() (believed int, reference *tree) {
	claimed := func(t *tree) bool { return slices.Contains(v.heads.claims, t.edge.root()) }
	switch {
	case v.entries.whole && claimed(v.entries):
		return believeEntries, v.entries
	case v.stored.whole && claimed(v.stored):
		return 0, v.stored
	}
	for level := 1; v.report.Size>>(tileHeight*level) > 0; level++ {
		if t := v.treeFrom(level); t != nil && claimed(t) {
			return level, t
		}
	}
	switch {
	case v.entries.whole:
		return believeNobody, v.entries
	case v.stored.whole:
		return believeNobody, v.stored
	}
	return believeNobody, nil
}

// treeFrom grows a tree from the stored tiles of a level, and from the last
// tiles of the levels below, which have no hash above them yet. It returns nil
// when one of them is missing.
func (v *verifier) treeFrom(level int) *tree {
	t := newTree()
	for below := range level {
		n := v.report.Size >> (tileHeight * below)
		var ragged []byte
		if n%TileWidth > 0 {
			if ragged = v.storedTile(below, n/TileWidth); ragged == nil {
				return nil
			}
		}
		t.edge.levels = append(t.edge.levels, ragged)
	}
	for i := range v.report.Size >> (tileHeight * level) {
		hashes := v.storedTile(level, i/TileWidth)
		if hashes == nil {
			return nil
		}
		at := i % TileWidth * hashSize
		t.add(level, [32]byte(hashes[at:at+hashSize]))
	}
	return t
}

// storedTile returns the hashes of a stored tile above level 0, or of the last
// one of level 0; nil when it is missing or another was asked for.
func (v *verifier) storedTile(level int, index uint64) []byte {
	if level > 0 {
		return v.tiles.upper[tileID{uint64(level), index}]
	}
	return v.tiles.ragged
}

// judgeDiffs names the entry or the tile where they differ.
func (v *verifier) judgeDiffs(believed int) {
	tiles := map[uint64]bool{}
	for i := 0; i < len(v.diffs); i++ {
		d := v.diffs[i]
		if d.missing {
			last := i
			for last+1 < len(v.diffs) && v.diffs[last+1].missing && v.diffs[last+1].seq == v.diffs[last].seq+1 {
				last++
			}
			v.nameMissing(d.seq, v.diffs[last].seq)
			i = last
			continue
		}
		index := d.seq / TileWidth
		switch v.wrong(believed, index) {
		case PlaceEntry:
			v.findEntry(int64(d.seq), "it is not the entry that was sealed: the tree holds another leaf")
		case PlaceTile:
			if !tiles[index] {
				tiles[index] = true
				v.findTile(0, int64(index), "it does not hold the leaf of entry %d", d.seq)
			}
		default:
			v.findEntry(int64(d.seq), "it differs from its tile (level 0, index %d), and which of them was changed cannot be told", index)
		}
	}
}

func (v *verifier) nameMissing(first, last uint64) {
	if first == last {
		v.findEntry(int64(first), "it is missing")
		return
	}
	v.findEntry(int64(first), "it is missing, and so are all up to %d", last)
}

// wrong says whether the entries of a group were changed or their tile. When
// neither the entries nor the tiles as a whole come to the signed root, the hash
// above the tile decides.
func (v *verifier) wrong(believed int, index uint64) (place string) {
	switch believed {
	case believeEntries:
		return PlaceTile
	case 0:
		return PlaceEntry
	}
	above, ok := v.hashAbove(0, index)
	if !ok {
		return ""
	}
	if root, ok := v.tiles.roots[index]; ok && root == above {
		return PlaceEntry
	}
	if root, ok := v.tiles.entries[index]; ok && root == above {
		return PlaceTile
	}
	return ""
}

// hashAbove returns the stored hash of a full tile.
func (v *verifier) hashAbove(level int, index uint64) (hash [32]byte, ok bool) {
	hashes := v.tiles.upper[tileID{uint64(level + 1), index / TileWidth}]
	at := int(index%TileWidth) * hashSize
	if at+hashSize > len(hashes) {
		return hash, false
	}
	return [32]byte(hashes[at : at+hashSize]), true
}

// judgeBelow names the tiles of a level that do not come to the hash above
// them, which is believed.
func (v *verifier) judgeBelow(level int) {
	named := map[uint64]bool{} // groups of which an entry is named already, or whose tile alone was changed
	for index, root := range v.tiles.entries {
		above, ok := v.hashAbove(0, index)
		named[index] = ok && root == above
	}
	for _, f := range v.findings {
		if f.Place == PlaceEntry && *f.Sequence >= 0 {
			named[uint64(*f.Sequence)/TileWidth] = true
		}
	}
	for index := range v.report.Size >> (tileHeight * (level + 1)) {
		above, ok := v.hashAbove(level, index)
		if !ok {
			continue
		}
		if level > 0 {
			if hashes := v.storedTile(level, index); hashes != nil && subtree(hashes) != above {
				v.findTile(int64(level), int64(index), "it does not come to the hash above it, which the signed root covers")
			}
			continue
		}
		if root, ok := v.tiles.roots[index]; ok && root != above && !named[index] {
			v.findEntry(int64(index*TileWidth), "it, or one up to %d, was changed together with tile (level 0, index %d)",
				index*TileWidth+TileWidth-1, index)
		}
	}
}

// judgeTiles compares the stored tiles from a level upwards with those of a tree.
func (v *verifier) judgeTiles(from int, reference *tree) {
	for level := from; v.report.Size>>(tileHeight*level) > 0; level++ {
		n := v.report.Size >> (tileHeight * level)
		for index := range (n + TileWidth - 1) / TileWidth {
			id := tileID{uint64(level), index}
			stored, ok := v.tiles.upper[id]
			switch {
			case ok && !bytes.Equal(stored, reference.tile(id)):
				v.findTile(int64(level), int64(index), "its hashes are not those of the tree")
			case !ok && !v.tiles.named[id]:
				v.findTile(int64(level), int64(index), "it is missing")
			}
		}
	}
}
