package ledger

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"sync"

	"github.com/google/uuid"

	"github.com/makegood/makegood/remediator/decide"
)

// page is how many rows are read at once: at most 64 MiB of bodies, mostly half a
// MiB. A server answers few large questions sooner than many small ones. Three are in
// memory: one is read, one is hashed, one is gone through.
const page = 1024

// tree grows a tree and keeps its tiles above level 0.
type tree struct {
	edge  edge
	upper map[tileID][]byte
	whole bool // no hash is missing so far; once one is, the tree stays as it is
}

type tileID struct{ level, index uint64 }

func newTree() *tree { return &tree{upper: map[tileID][]byte{}, whole: true} }

func (t *tree) add(level int, hash [32]byte) {
	t.edge.add(level, hash, func(tile Tile) {
		if tile.Level > 0 {
			t.upper[tileID{uint64(tile.Level), tile.Index}] = tile.Hashes
		}
	})
}

// tile returns the hashes of a tile above level 0, nil when there is none.
func (t *tree) tile(id tileID) []byte {
	if hashes, ok := t.upper[id]; ok {
		return hashes
	}
	if id.level < uint64(len(t.edge.levels)) && id.index == t.edge.size>>(tileHeight*(id.level+1)) {
		return t.edge.levels[id.level]
	}
	return nil
}

// tiles is what is stored above level 0, and what the stored tiles of level 0
// come to.
type tiles struct {
	upper   map[tileID][]byte
	roots   map[uint64][32]byte // of the full tiles of level 0 as stored, by index
	ragged  []byte              // the last tile of level 0 as stored, when it is not full
	entries map[uint64][32]byte // what the entries of a full group come to, where they differ from their tile
	named   map[tileID]bool     // tiles that are not usable
}

// diff is an entry whose leaf is not what its tile holds.
type diff struct {
	seq     uint64
	missing bool
}

// group is the entries below one tile of level 0.
type group struct {
	index   uint64
	leaves  [TileWidth][32]byte // computed from the columns
	columns [TileWidth][32]byte // what the leaf columns say
	have    [TileWidth]bool
}

// scan reads the entries and, beside them, the tiles, both in order.
func (v *verifier) scan(ctx context.Context) error {
	v.entries, v.stored = newTree(), newTree()
	v.tiles = &tiles{upper: map[tileID][]byte{}, roots: map[uint64][32]byte{}, entries: map[uint64][32]byte{}, named: map[tileID]bool{}}
	v.noteRoots()          // somebody may have signed the empty tree
	var reading sync.Mutex // the source is not asked two things at once
	read := newAhead(func(last *Row) ([]Row, error) {
		after := int64(math.MinInt64)
		if last != nil {
			after = last.Seq
		}
		reading.Lock()
		defer reading.Unlock()
		return v.src.Entries(ctx, after, page)
	})
	defer read.close()
	rows := newAhead(func(last *hashedRow) ([]hashedRow, error) {
		var before *Row
		if last != nil {
			before = &last.Row
		}
		rows, err := read.page(before)
		return hashRows(rows), err
	})
	defer rows.close() // first: it waits for what read brings
	tileRows := &pager[TileRow]{read: func(last *TileRow) ([]TileRow, error) {
		reading.Lock()
		defer reading.Unlock()
		if last == nil {
			return v.src.Tiles(ctx, math.MinInt64, math.MinInt64, page)
		}
		return v.src.Tiles(ctx, last.Level, last.Index, page)
	}}
	if err := v.scanGroups(rows, tileRows); err != nil {
		return err
	}
	for {
		row, err := tileRows.next()
		if err != nil {
			return fmt.Errorf("read tiles: %w", err)
		}
		if row == nil {
			break
		}
		if v.usable(row) {
			v.tiles.upper[tileID{uint64(row.Level), uint64(row.Index)}] = row.Hashes
		}
	}
	if v.entries.whole {
		root := v.entries.edge.root()
		v.report.Root = encodeHash(root[:])
	}
	return nil
}

// scanGroups takes the entries and the tiles of level 0 group by group. Groups
// of which there is neither are passed over at once, however many.
func (v *verifier) scanGroups(rows *pager[hashedRow], tileRows *pager[TileRow]) error {
	next := uint64(0) // first sequence not yet accounted for
	for {
		row, err := v.peekEntry(rows)
		if err != nil {
			return err
		}
		tile, err := v.peekTile(tileRows)
		if err != nil {
			return err
		}
		if row == nil && tile == nil {
			v.missing(next, v.report.Size)
			return nil
		}
		at := uint64(math.MaxUint64)
		if row != nil {
			at = uint64(row.Seq) / TileWidth
		}
		if tile != nil {
			at = min(at, uint64(tile.Index))
		}
		v.missing(next, at*TileWidth)
		if tile != nil && uint64(tile.Index) != at {
			tile = nil
		} else if tile != nil {
			tileRows.take()
		}
		if err := v.scanGroup(at, rows, tile); err != nil {
			return err
		}
		next = min((at+1)*TileWidth, v.report.Size)
		if v.opts.Progress != nil {
			v.opts.Progress(next, v.report.Size)
		}
	}
}

// missing names groups that have neither entries nor a tile.
func (v *verifier) missing(from, to uint64) {
	if from >= to {
		return
	}
	v.entries.whole, v.stored.whole = false, false
	v.findEntry(int64(from), "the entries %d to %d are missing, and their tiles", from, to-1)
}

// peekEntry returns the next row that has a place in the tree and names those
// before it that have none.
func (v *verifier) peekEntry(rows *pager[hashedRow]) (*hashedRow, error) {
	for {
		row, err := rows.peek()
		if err != nil {
			return nil, fmt.Errorf("read entries: %w", err)
		}
		if row == nil || row.Seq >= 0 && uint64(row.Seq) < v.report.Size {
			return row, nil
		}
		v.meet(&row.Row)
		v.findEntry(row.Seq, "it was added: the ledger was sealed with %d entries", v.report.Size)
		rows.take()
	}
}

// peekTile returns the next usable tile of level 0 and names those before it
// that are not.
func (v *verifier) peekTile(rows *pager[TileRow]) (*TileRow, error) {
	for {
		row, err := rows.peek()
		if err != nil {
			return nil, fmt.Errorf("read tiles: %w", err)
		}
		if row == nil || row.Level > 0 {
			return nil, nil
		}
		if v.usable(row) {
			return row, nil
		}
		rows.take()
	}
}

// usable names a tile that has no place in the tree or another width.
func (v *verifier) usable(row *TileRow) bool {
	want := tileWidth(v.report.Size, row.Level, row.Index)
	switch {
	case row.Fault != "":
		v.findTile(row.Level, row.Index, "%s", row.Fault)
	case want == 0:
		v.findTile(row.Level, row.Index, "it was added: a tree of %d entries has no such tile", v.report.Size)
	case row.Width != want || int64(len(row.Hashes)) != want*hashSize:
		v.findTile(row.Level, row.Index, "its width is %d with %d bytes, want %d with %d", row.Width, len(row.Hashes), want, want*hashSize)
	default:
		return true
	}
	v.tiles.named[tileID{uint64(row.Level), uint64(row.Index)}] = true
	return false
}

// tileWidth returns how many hashes a tile has in a tree of a size, 0 when
// there is no such tile.
func tileWidth(size uint64, level, index int64) int64 {
	if level < 0 || level >= 8 || index < 0 {
		return 0
	}
	hashes := size >> (tileHeight * level)
	full := hashes / TileWidth
	switch {
	case uint64(index) < full:
		return TileWidth
	case uint64(index) == full:
		return int64(hashes % TileWidth)
	}
	return 0
}

// scanGroup takes the entries of one group, compares them with their tile and
// adds both to their trees.
func (v *verifier) scanGroup(index uint64, rows *pager[hashedRow], tile *TileRow) error {
	g := group{index: index}
	for {
		row, err := v.peekEntry(rows)
		if err != nil {
			return err
		}
		if row == nil || uint64(row.Seq)/TileWidth != index {
			break
		}
		v.meet(&row.Row)
		at := row.Seq % TileWidth
		g.have[at] = true
		g.leaves[at], g.columns[at] = v.scanEntry(row)
		rows.take()
	}
	width := int(min(TileWidth, v.report.Size-index*TileWidth))
	if tile == nil {
		v.stored.whole = false
		if !v.tiles.named[tileID{0, index}] {
			v.findTile(0, int64(index), "it is missing")
		}
	} else {
		v.compareGroup(&g, width, tile.Hashes)
	}
	for i := range width {
		if !g.have[i] {
			v.entries.whole = false
			v.differ(diff{seq: index*TileWidth + uint64(i), missing: true})
		}
		if v.entries.whole {
			v.entries.add(0, g.leaves[i])
			v.noteRoots()
		}
	}
	return nil
}

// compareGroup compares the leaves of a group with its tile. Where only the leaf
// column agrees with the tile, the columns were changed and the entry is named
// already: it goes on with the leaf that it had, so that the rest is judged.
func (v *verifier) compareGroup(g *group, width int, hashes []byte) {
	differs, complete := false, true
	for i := range width {
		hash := [32]byte(hashes[i*hashSize : (i+1)*hashSize])
		switch {
		case !g.have[i]:
			complete = false
		case g.columns[i] == hash:
			g.leaves[i] = hash
		case g.leaves[i] != hash:
			differs = true
			v.differ(diff{seq: g.index*TileWidth + uint64(i)})
		}
		if v.stored.whole {
			v.stored.add(0, hash)
		}
	}
	if width < TileWidth {
		v.tiles.ragged = hashes
		return
	}
	v.tiles.roots[g.index] = subtree(hashes)
	if differs && complete {
		var leaves []byte
		for _, leaf := range g.leaves {
			leaves = append(leaves, leaf[:]...)
		}
		v.tiles.entries[g.index] = subtree(leaves)
	}
}

func (v *verifier) differ(d diff) {
	if len(v.diffs) >= maxKept {
		v.unlisted++
		return
	}
	v.diffs = append(v.diffs, d)
}

// noteRoots keeps the root of the entries when somebody vouches for one of
// their present number. Those who vouch are in order of size, so that many
// checkpoints cost no more than one.
func (v *verifier) noteRoots() {
	for ; v.noted < len(v.roots) && v.roots[v.noted].size <= v.entries.edge.size; v.noted++ {
		if k := &v.roots[v.noted]; k.size == v.entries.edge.size {
			root := v.entries.edge.root()
			k.got = &root
		}
	}
}

// scanEntry returns the leaf that the columns of a row have and the one that its
// leaf column says, and names the row when they differ.
func (v *verifier) scanEntry(row *hashedRow) (leaf, column [32]byte) {
	copy(column[:], row.Leaf)
	if row.problem != "" {
		v.findEntry(row.Seq, "%s", row.problem)
		return column, column
	}
	leaf = row.leaf
	if !bytes.Equal(leaf[:], row.Leaf) {
		v.findEntry(row.Seq, "its columns have the leaf %s, its leaf column says %s", encodeHash(leaf[:]), encodeHash(row.Leaf))
	} else {
		v.content.add(row.decoded)
	}
	return leaf, column
}

// entry returns the entry of a row, or why its columns are none.
func (r *Row) entry() (e Entry, problem string) {
	if r.Fault != "" {
		return Entry{}, r.Fault
	}
	ids := [2]uuid.UUID{}
	for i, text := range []string{r.Remedy, r.Action} {
		if text == "" {
			continue
		}
		id, err := uuid.Parse(text)
		if err != nil || id.String() != text || id == uuid.Nil {
			return Entry{}, fmt.Sprintf("%q is not an id of a remedy or an action", text)
		}
		ids[i] = id
	}
	if r.Ordinal < 0 || int64(int(r.Version)) != r.Version {
		return Entry{}, fmt.Sprintf("ordinal %d or version %d is out of range", r.Ordinal, r.Version)
	}
	e = Entry{Seq: uint64(r.Seq), Fact: decide.Fact{
		Kind: r.Kind, At: r.At, Ordinal: uint64(r.Ordinal), Version: int(r.Version),
		Remedy: ids[0], Action: ids[1], Rule: r.Rule, Body: r.Body,
	}}
	if err := e.Check(); err != nil {
		return Entry{}, err.Error()
	}
	return e, ""
}
