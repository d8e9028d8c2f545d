package ledgerdb

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"

	"github.com/makegood/makegood/remediator/ledger"
)

type tileID struct {
	level int
	index uint64
}

// tip is the end of the committed ledger: where it is, and the last tile of each
// level, from which the tree goes on. It was checked against what is signed when
// it was read, and is kept in memory from then on, so that nobody has a change of
// the tables signed.
type tip struct {
	applied ledger.Applied
	tiles   map[tileID][]byte
}

// ReadTile implements ledger.TileReader.
func (t *tip) ReadTile(level int, index uint64) ([]byte, error) {
	hashes, ok := t.tiles[tileID{level, index}]
	if !ok {
		return nil, errors.New("it is not stored")
	}
	return hashes, nil
}

// grow returns the tip after tiles were added. Only the last tile of each level
// is kept.
func (t *tip) grow(applied ledger.Applied, tiles []ledger.Tile) *tip {
	next := &tip{applied: applied, tiles: map[tileID][]byte{}}
	last := map[int]ledger.Tile{}
	for _, tile := range tiles {
		last[tile.Level] = tile
	}
	for id, hashes := range t.tiles {
		if _, replaced := last[id.level]; !replaced {
			next.tiles[id] = hashes
		}
	}
	for _, tile := range last {
		next.tiles[tileID{tile.Level, tile.Index}] = tile.Hashes
	}
	return next
}

// same reports whether two ends are of one ledger.
func (t *tip) same(other *tip) bool {
	return t == other || t.applied == other.applied && maps.EqualFunc(t.tiles, other.tiles, bytes.Equal)
}

// readTip reads the end of the ledger and checks it: the position and the
// checkpoint are what this key has signed, and the last tiles give the root. All
// is read as of one moment: another node may commit meanwhile.
func (d *DB) readTip(ctx context.Context) (*tip, error) {
	tx, err := d.db.Read.BeginTx(ctx, d.db.moment)
	if err != nil {
		return nil, fmt.Errorf("begin to read ledger: %w", err)
	}
	defer tx.Rollback()
	applied, err := d.applied(ctx, tx)
	if err != nil {
		return nil, err
	}
	t := &tip{applied: applied, tiles: map[tileID][]byte{}}
	if applied.Size == 0 {
		return t, nil
	}
	rows, err := tx.QueryContext(ctx, `SELECT level, idx, hashes FROM tile AS t WHERE idx = (SELECT MAX(idx) FROM tile WHERE level = t.level)`)
	if err != nil {
		return nil, fmt.Errorf("read tiles: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var id tileID
		var hashes []byte
		if err := rows.Scan(&id.level, &id.index, &hashes); err != nil {
			return nil, fmt.Errorf("read tile: %w", err)
		}
		t.tiles[id] = hashes
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read tiles: %w", err)
	}
	return t, d.checkTip(ctx, tx, t)
}

// checkTip compares the end of the tree with the checkpoint.
func (d *DB) checkTip(ctx context.Context, from queries, t *tip) error {
	const hint = "find out with: makegood audit verify"
	_, root, err := ledger.Append(t.applied.Size, t, nil)
	if err != nil {
		return fmt.Errorf("%w; %s", err, hint)
	}
	want, err := ledger.Sign(ledger.Checkpoint{Origin: d.signer.Name(), Size: t.applied.Size, Root: root}, d.signer)
	if err != nil {
		return err
	}
	stored, err := readCheckpoint(ctx, from)
	if err != nil {
		return err
	}
	if !bytes.Equal(stored, want) {
		return errors.New("the end of the tree is not what the checkpoint signs; " + hint)
	}
	return nil
}
