package ledgerdb

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/makegood/makegood/remediator/ledger"
)

// hashBytes is the length of a hash of the tree.
const hashBytes = 32

// Tile returns a tile of the tree, or a bundle of entries, as C2SP tlog-tiles
// serves it. It is nil when the newest checkpoint does not cover all of it: what no
// checkpoint covers is not published.
func (d *DB) Tile(ctx context.Context, t ledger.TileRef) ([]byte, error) {
	if t.Level == ledger.EntryTiles {
		return d.bundle(ctx, t)
	}
	var size int64
	var hashes []byte
	// One statement, so that the tile is at least as wide as its checkpoint says.
	err := d.db.Read.QueryRowContext(ctx, `SELECT c.size, t.hashes FROM checkpoint AS c LEFT JOIN tile AS t ON t.level = ? AND t.idx = ?`,
		int64(t.Level), int64(t.Index)).Scan(&size, &hashes)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("read tile (%d, %d): %w", t.Level, t.Index, err)
	case !t.Covered(uint64(size)):
		return nil, nil
	case len(hashes) < t.Width*hashBytes:
		return nil, fmt.Errorf("read tile (%d, %d): %d bytes are stored, not %d hashes; find out with: makegood audit verify",
			t.Level, t.Index, len(hashes), t.Width)
	}
	return hashes[:t.Width*hashBytes], nil
}

// bundle returns some entries as they were sealed, each with its length before it.
func (d *DB) bundle(ctx context.Context, t ledger.TileRef) (bundle []byte, err error) {
	var size int64
	err = d.db.Read.QueryRowContext(ctx, `SELECT size FROM checkpoint`).Scan(&size)
	if errors.Is(err, sql.ErrNoRows) || err == nil && !t.Covered(uint64(size)) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read checkpoint: %w", err)
	}
	first := t.Index * ledger.TileWidth
	for seq := first; seq < first+uint64(t.Width); seq++ {
		e, _, err := readEntry(d.reads(ctx), int64(seq))
		if err != nil {
			return nil, err
		}
		if bundle, err = ledger.AppendBundle(bundle, e); err != nil {
			return nil, err
		}
	}
	return bundle, nil
}

// storedTiles reads tiles as they are stored, for proofs.
type storedTiles struct {
	ctx context.Context
	db  *DB
}

// tilesAtOnce is how many tiles one query asks for: most proofs need two or three, and a
// server answers one question sooner than three.
const tilesAtOnce = 8

// tilesQuery reads some tiles.
var tilesQuery = `SELECT level, idx, hashes FROM tile WHERE ` + strings.TrimSuffix(strings.Repeat(`(level = ? AND idx = ?) OR `, tilesAtOnce), ` OR `)

// ReadTiles implements ledger.StoredTiles.
func (s storedTiles) ReadTiles(tiles []ledger.TileRef) ([][]byte, error) {
	found := map[ledger.TileRef][]byte{}
	for some := range slices.Chunk(tiles, tilesAtOnce) {
		if err := s.read(some, found); err != nil {
			return nil, err
		}
	}
	all := make([][]byte, len(tiles))
	for i, t := range tiles {
		var ok bool
		if all[i], ok = found[t]; !ok {
			return nil, fmt.Errorf("tile (%d, %d) is not stored", t.Level, t.Index)
		}
	}
	return all, nil
}

// read reads at most tilesAtOnce tiles. The query is filled up by repeating the last.
func (s storedTiles) read(tiles []ledger.TileRef, into map[ledger.TileRef][]byte) error {
	var args []any
	for i := range tilesAtOnce {
		t := tiles[min(i, len(tiles)-1)]
		args = append(args, int64(t.Level), int64(t.Index))
	}
	rows, err := s.db.db.Read.QueryContext(s.ctx, tilesQuery, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var t ledger.TileRef
		var hashes []byte
		if err := rows.Scan(&t.Level, &t.Index, &hashes); err != nil {
			return err
		}
		into[t] = hashes
	}
	return rows.Err()
}

// Receipt proves what the ledger holds about a remedy, by the newest checkpoint. It
// is nil when that covers nothing about it.
func (d *DB) Receipt(ctx context.Context, remedy uuid.UUID) (*ledger.Receipt, error) {
	// The checkpoint first: the tree of then begins every later one.
	checkpoint, err := d.Checkpoint(ctx)
	if err != nil || checkpoint == nil {
		return nil, err
	}
	entries, err := d.History(ctx, remedy)
	if err != nil || len(entries) == 0 {
		return nil, err
	}
	return ledger.Prove(checkpoint, remedy, entries, storedTiles{ctx, d})
}

// Prove makes a receipt of entries, whatever they are about, by the newest checkpoint.
// It is nil when that covers none of them.
func (d *DB) Prove(ctx context.Context, entries []ledger.Entry) (*ledger.Receipt, error) {
	checkpoint, err := d.Checkpoint(ctx)
	if err != nil || checkpoint == nil || len(entries) == 0 {
		return nil, err
	}
	return ledger.Prove(checkpoint, uuid.Nil, entries, storedTiles{ctx, d})
}

// CheckKept reports why the ledger is not a continuation of a checkpoint of its own
// that was kept elsewhere: it lost entries, or has others.
func (d *DB) CheckKept(ctx context.Context, kept []byte) error {
	older, err := ledger.ReadCheckpoint(kept)
	if err != nil {
		return err
	}
	if older.Origin != d.signer.Name() {
		return fmt.Errorf("it is of %q, the ledger is %q", older.Origin, d.signer.Name())
	}
	// Signing is deterministic, so what this key signed is known by signing it again.
	signed, err := ledger.Sign(older, d.signer)
	if err != nil {
		return err
	}
	if !bytes.Equal(signed, kept) {
		return errors.New("it is not what this ledger's key has signed")
	}
	applied, err := d.applied(ctx, d.db.Read)
	if err != nil {
		return err
	}
	tiles := storedTiles{ctx, d}
	root, err := ledger.RootAt(applied.Size, tiles)
	if err != nil {
		return err
	}
	return ledger.Continues(ledger.Checkpoint{Origin: d.signer.Name(), Size: applied.Size, Root: root}, older, tiles)
}
