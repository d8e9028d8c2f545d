package ledgerdb

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/ledger"
	"github.com/makegood/makegood/remediator/store/internal/statement"
	"github.com/makegood/makegood/remediator/store/views"
)

// change is everything that a commit writes. It is made before the transaction
// begins, which is then nothing but writing.
type change struct {
	from, to    ledger.Applied
	appliedNote []byte
	out         *decide.Output
	entries     []ledger.Entry
	leaves      [][32]byte
	tiles       []ledger.Tile
	root        [32]byte
	checkpoint  []byte              // nil when no entry is added
	keys        map[string][32]byte // of customers without one so far
}

// Commit moves the ledger from one position to the next: it seals the facts and
// writes all that follows from them, in one transaction or not at all. When the
// ledger is not at from, or another handle has taken it over, it is ErrFenced.
// After any other error the caller reads Position before it goes on: the
// transaction may have been committed.
func (d *DB) Commit(ctx context.Context, from, to decide.Position, out *decide.Output) error {
	d.committing.Lock()
	defer d.committing.Unlock()
	if d.tip == nil {
		var err error
		if d.tip, err = d.readTip(ctx); err != nil {
			return err
		}
	}
	if d.tip.applied.Position != from {
		return fmt.Errorf("commit from input %d: %w: it is at input %d", from.Ordinal, ErrFenced, d.tip.applied.Ordinal)
	}
	c, err := d.prepare(ctx, d.tip, to, out)
	if err != nil {
		return err
	}
	before := d.tip
	d.tip = nil // until it is known what the transaction came to
	if err := d.write(ctx, c); err != nil {
		return err
	}
	d.tip = before.grow(c.to, c.tiles)
	return nil
}

// prepare computes what is to be written.
func (d *DB) prepare(ctx context.Context, at *tip, to decide.Position, out *decide.Output) (*change, error) {
	c := &change{from: at.applied, out: out}
	keys, err := d.customerKeys(ctx, out.Items)
	if err != nil {
		return nil, err
	}
	c.keys = keys.fresh
	if c.entries, err = ledger.Entries(c.from.Size, out.Items, keys.of); err != nil {
		return nil, fmt.Errorf("seal facts: %w", err)
	}
	c.to = ledger.Applied{Position: to, Size: c.from.Size + uint64(len(c.entries))}
	if c.appliedNote, err = ledger.SignApplied(c.to, d.signer); err != nil {
		return nil, err
	}
	if len(c.entries) == 0 {
		return c, nil
	}
	c.leaves = make([][32]byte, len(c.entries))
	for i, e := range c.entries {
		c.leaves[i] = ledger.LeafHash(e.Encode())
	}
	if c.tiles, c.root, err = ledger.Append(c.from.Size, at, c.leaves); err != nil {
		return nil, err
	}
	c.checkpoint, err = ledger.Sign(ledger.Checkpoint{Origin: ledger.Origin(to.LogID), Size: c.to.Size, Root: c.root}, d.signer)
	return c, err
}

// write writes the change. The fence comes first: it takes the write lock and
// changes no row for a handle that was taken over.
func (d *DB) write(ctx context.Context, c *change) error {
	tx, err := d.statements.Begin(ctx)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	moved, err := d.move(tx, c)
	if err != nil {
		return fmt.Errorf("move applied position: %w", err)
	}
	if !moved {
		return fmt.Errorf("commit from input %d: %w", c.from.Ordinal, ErrFenced)
	}
	for _, step := range []struct {
		name string
		run  func(*statement.Tx, *change) error
	}{
		{"store entries", writeEntries}, {"store tree", writeTree}, {"store evidence keys", writeCustomerKeys},
		{"store once_per keys", writeKeys}, {"store payments", writePayments}, {"store actions", d.writeOutbox},
		{"store snapshot", writeSnapshot},
		{"store brakes", writeBrakes}, {"store tokens", writeTokens},
	} {
		if err := step.run(tx, c); err != nil {
			return fmt.Errorf("%s: %w", step.name, err)
		}
	}
	if err := views.Apply(tx, c.entries, c.out); err != nil {
		return err
	}
	return tx.Commit()
}

// move is the fence: the guarded statement that moves the applied position. It
// reports whether the ledger was where the change begins and is still ours.
func (d *DB) move(tx *statement.Tx, c *change) (bool, error) {
	to := []any{c.to.LogID, int64(c.to.Record), int64(c.to.Ordinal), c.to.At, c.to.Digest[:], int64(c.to.Version), int64(c.to.Size), c.appliedNote}
	if c.from.Position == (decide.Position{}) {
		rows, err := tx.Exec(`INSERT INTO applied (id, log_id, record, ordinal, at, digest, version, size, note)
			SELECT 1, ?, ?, ?, ?, ?, ?, ?, ? FROM lease WHERE epoch = ? AND NOT EXISTS (SELECT 1 FROM applied)`, append(to, d.epoch)...)
		return rows == 1, err
	}
	rows, err := tx.Exec(`UPDATE applied SET log_id = ?, record = ?, ordinal = ?, at = ?, digest = ?, version = ?, size = ?, note = ?
		WHERE ordinal = ? AND digest = ? AND EXISTS (SELECT 1 FROM lease WHERE epoch = ?)`,
		append(to, int64(c.from.Ordinal), c.from.Digest[:], d.epoch)...)
	return rows == 1, err
}

func writeEntries(tx *statement.Tx, c *change) error {
	const columns = 10
	values := make([]any, 0, len(c.entries)*columns)
	for i, e := range c.entries {
		values = append(values, int64(e.Seq), e.Kind, e.At, int64(e.Ordinal), int64(e.Version),
			statement.ID(e.Remedy), statement.ID(e.Action), e.Rule, []byte(e.Body), c.leaves[i][:])
	}
	return tx.Insert(`INSERT INTO ledger (seq, kind, at, ordinal, version, remedy, action, rule, body, leaf)`, "", columns, values)
}

func writeTree(tx *statement.Tx, c *change) error {
	if len(c.entries) == 0 {
		return nil
	}
	for _, t := range c.tiles {
		if _, err := tx.Exec(`INSERT INTO tile (level, idx, width, hashes) VALUES (?, ?, ?, ?)
			ON CONFLICT (level, idx) DO UPDATE SET width = excluded.width, hashes = excluded.hashes`,
			int64(t.Level), int64(t.Index), int64(t.Width), t.Hashes); err != nil {
			return err
		}
	}
	_, err := tx.Exec(`INSERT INTO checkpoint (id, size, root, note) VALUES (1, ?, ?, ?)
		ON CONFLICT (id) DO UPDATE SET size = excluded.size, root = excluded.root, note = excluded.note`,
		int64(c.to.Size), c.root[:], c.checkpoint)
	return err
}

func writeCustomerKeys(tx *statement.Tx, c *change) error {
	for customer, key := range c.keys {
		if _, err := tx.Exec(`INSERT INTO customer_key (customer, key) VALUES (?, ?)`, customer, key[:]); err != nil {
			return err
		}
	}
	return nil
}

// writeKeys stores the keys taken. A key that is there already was taken by an
// earlier input, which keeps it.
func writeKeys(tx *statement.Tx, c *change) error {
	const columns = 3
	var live, shadow []any
	for _, k := range c.out.Keys {
		table := &live
		if k.Shadow {
			table = &shadow
		}
		*table = append(*table, k.Remedy[:], k.Scope, int64(k.Ordinal))
	}
	const keep = "ON CONFLICT (id) DO NOTHING"
	if err := tx.Insert(`INSERT INTO once_key (id, scope, ordinal)`, keep, columns, live); err != nil {
		return err
	}
	return tx.Insert(`INSERT INTO shadow_key (id, scope, ordinal)`, keep, columns, shadow)
}

func writePayments(tx *statement.Tx, c *change) error {
	const columns = 5
	var values []any
	for _, p := range c.out.Payments {
		values = append(values, p.Payment, p.Action.String(), p.Amount.Minor, p.Amount.Currency, int64(p.Ordinal))
	}
	return tx.Insert(`INSERT INTO payment (payment, action, minor, currency, ordinal)`, "", columns, values)
}

// keptSnapshots is how many snapshots stay, for reproducing what came after them.
const keptSnapshots = 3

func writeSnapshot(tx *statement.Tx, c *change) error {
	s := c.out.Snapshot
	if s == nil {
		return nil
	}
	sealed, err := sealOf(s, c.entries)
	if err != nil {
		return err
	}
	p := s.Position
	if _, err := tx.Exec(`INSERT INTO snapshot (ordinal, log_id, record, skip, at, inputs, version, sealed, digest, state) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		int64(p.Ordinal), p.LogID, int64(p.Record), int64(s.Skip), p.At, p.Digest[:], int64(p.Version), int64(sealed), s.Digest, s.State); err != nil {
		return err
	}
	_, err = tx.Exec(`DELETE FROM snapshot WHERE ordinal NOT IN (SELECT ordinal FROM snapshot ORDER BY ordinal DESC LIMIT ?)`, keptSnapshots)
	return err
}

// sealOf returns the sequence of the entry that seals a snapshot.
func sealOf(s *decide.Snapshot, entries []ledger.Entry) (uint64, error) {
	for _, e := range entries {
		if e.Kind == decide.KindSnapshot && seals(e, s) == nil {
			return e.Seq, nil
		}
	}
	return 0, fmt.Errorf("no fact seals the snapshot of input %d", s.Position.Ordinal)
}

// seals reports why an entry does not seal a snapshot.
func seals(e ledger.Entry, s *decide.Snapshot) error {
	var f decide.SnapshotFact
	if err := json.Unmarshal(e.Body, &f); err != nil {
		return fmt.Errorf("read entry %d: %w", e.Seq, err)
	}
	if e.Kind != decide.KindSnapshot || f.Through != s.Position.Ordinal || f.Digest != s.Digest {
		return fmt.Errorf("entry %d seals another snapshot", e.Seq)
	}
	return nil
}
