package ledgerdb

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"math"

	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/store/internal/sqlite"
)

// Snapshot returns the newest stored state, nil when there is none.
func (d *DB) Snapshot(ctx context.Context) (*decide.Snapshot, error) {
	return d.SnapshotBefore(ctx, math.MaxInt64)
}

// SnapshotBefore returns the newest stored state of at most an ordinal, nil when
// there is none. A state that is not the one whose digest was sealed is an error.
func (d *DB) SnapshotBefore(ctx context.Context, ordinal uint64) (*decide.Snapshot, error) {
	var s decide.Snapshot
	var inputs []byte
	var sealed int64
	p := &s.Position
	err := d.db.Read.QueryRowContext(ctx, `SELECT ordinal, log_id, record, skip, at, inputs, version, sealed, digest, state
		FROM snapshot WHERE ordinal <= ? ORDER BY ordinal DESC LIMIT 1`, int64(ordinal)).
		Scan(&p.Ordinal, &p.LogID, &p.Record, &s.Skip, &p.At, &inputs, &p.Version, &sealed, &s.Digest, &s.State)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read snapshot: %w", err)
	}
	copy(p.Digest[:], inputs)
	if sum := sha256.Sum256(s.State); hex.EncodeToString(sum[:]) != s.Digest {
		return nil, fmt.Errorf("read snapshot of input %d: its state was changed after it was sealed", p.Ordinal)
	}
	entry, err := readSealed(d.reads(ctx), sealed)
	if err == nil {
		err = seals(entry, &s)
	}
	if err != nil {
		return nil, fmt.Errorf("read snapshot of input %d: %w", p.Ordinal, err)
	}
	return &s, nil
}

// Snapshots lists the positions of the stored states, the oldest first. What they
// hold is checked by SnapshotBefore.
func (d *DB) Snapshots(ctx context.Context) (positions []decide.Position, err error) {
	rows, err := d.db.Read.QueryContext(ctx, `SELECT ordinal, log_id, record, at, version FROM snapshot ORDER BY ordinal`)
	if err != nil {
		return nil, fmt.Errorf("list snapshots: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var p decide.Position
		if err := rows.Scan(&p.Ordinal, &p.LogID, &p.Record, &p.At, &p.Version); err != nil {
			return nil, fmt.Errorf("list snapshots: %w", err)
		}
		positions = append(positions, p)
	}
	return positions, rows.Err()
}

// ForgetSnapshots removes the stored states before that of an ordinal.
func (d *DB) ForgetSnapshots(ctx context.Context, before uint64) error {
	if _, err := d.db.Write.ExecContext(ctx, `DELETE FROM snapshot WHERE ordinal < ?`, int64(before)); err != nil {
		return fmt.Errorf("forget stored states before input %d: %w", before, err)
	}
	return nil
}

// Copy writes the ledger in a SQLite file as it is now into a new file, also beside
// the process that commits to it.
func Copy(ctx context.Context, path, into string) error { return sqlite.Copy(ctx, path, into, kind) }
