package ledgerdb

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/ledger"
	"github.com/makegood/makegood/remediator/store/internal/statement"
	"github.com/makegood/makegood/remediator/store/views"
)

// Change is everything that a commit writes. It is made before the transaction
// begins, which is then nothing but writing.
type Change struct {
	base        *tip // the end of the ledger that it was made for
	end         *tip // what that is then
	from, to    ledger.Applied
	appliedNote []byte
	out         *decide.Output
	entries     []ledger.Entry
	decisions   map[uint64]*decide.RemedyFact // of entries, by sequence
	leaves      [][32]byte
	tiles       []ledger.Tile
	root        [32]byte
	checkpoint  []byte // nil when no entry is added
	keys        *customerKeys
}

// Commit moves the ledger from one position to the next: it seals the facts and
// writes all that follows from them, in one transaction or not at all. It is Prepare
// and Write.
func (d *DB) Commit(ctx context.Context, from, to decide.Position, out *decide.Output) error {
	c, err := d.Prepare(ctx, nil, from, to, out)
	if err != nil {
		return err
	}
	return d.Write(ctx, c)
}

// Prepare seals the facts of a commit and makes all that it writes, and changes
// nothing. The change that after is, nil for none, may be on its way into the tables
// meanwhile: what is prepared comes behind it. When the ledger is not at from, it is
// ErrFenced. It never goes back, to an earlier input or an older version.
func (d *DB) Prepare(ctx context.Context, after *Change, from, to decide.Position, out *decide.Output) (*Change, error) {
	base, err := d.endAfter(ctx, after)
	if err != nil {
		return nil, err
	}
	if base.applied.Position != from {
		return nil, fmt.Errorf("commit from input %d: %w: it is at input %d", from.Ordinal, ErrFenced, base.applied.Ordinal)
	}
	if to.Ordinal < from.Ordinal || to.Version < from.Version {
		return nil, fmt.Errorf("commit from input %d of version %d: it would go back to input %d of version %d", from.Ordinal, from.Version, to.Ordinal, to.Version)
	}
	var keys *customerKeys
	if after != nil {
		keys = after.keys
	}
	return d.prepare(ctx, base, keys, to, out)
}

// endAfter returns the end of the ledger once a change is written, nil for none.
func (d *DB) endAfter(ctx context.Context, after *Change) (*tip, error) {
	if after != nil {
		return after.end, nil
	}
	d.committing.Lock()
	defer d.committing.Unlock()
	return d.knownTip(ctx)
}

// knownTip returns the end of the ledger, and reads it when it is not known. It is
// called while committing is held.
func (d *DB) knownTip(ctx context.Context) (_ *tip, err error) {
	if d.tip == nil {
		d.tip, err = d.readTip(ctx)
	}
	return d.tip, err
}

// Write writes a change, in one transaction or not at all. When the ledger does not
// end as the change was made for, or another handle has taken it over, it is
// ErrFenced. After any other error the transaction may have been committed, or be
// about to: the caller acquires the lease anew and reads Position before it goes on.
func (d *DB) Write(ctx context.Context, c *Change) error {
	d.committing.Lock()
	defer d.committing.Unlock()
	at, err := d.knownTip(ctx)
	if err != nil {
		return err
	}
	if !at.same(c.base) { // what another has sealed of the same inputs is under keys of its own
		return fmt.Errorf("commit from input %d: %w: it is at input %d", c.from.Ordinal, ErrFenced, at.applied.Ordinal)
	}
	d.tip = nil // until it is known what the transaction came to
	if err := d.write(ctx, c); err != nil {
		return err
	}
	d.tip = c.end
	d.news.tell(Committed)
	if d.unscrubbed = d.unscrubbed || len(c.keys.erased) > 0; d.unscrubbed {
		d.unscrubbed = d.db.scrub(ctx) != nil // a reader is in the way, or it is under way: again after the next commit
	}
	return nil
}

// prepare computes what is to be written behind an end of the ledger. The keys that
// the change before has made or erased may not be in the tables yet; nil for none.
func (d *DB) prepare(ctx context.Context, at *tip, before *customerKeys, to decide.Position, out *decide.Output) (*Change, error) {
	c := &Change{base: at, from: at.applied, out: out}
	keys, err := d.customerKeys(ctx, out.Items)
	if err != nil {
		return nil, err
	}
	keys.follow(before)
	c.keys = keys
	if c.entries, err = ledger.Entries(c.from.Size, out.Items, keys); err != nil {
		return nil, fmt.Errorf("seal facts: %w", err)
	}
	if c.decisions, err = views.Decisions(c.entries, out.Items); err != nil {
		return nil, err
	}
	c.to = ledger.Applied{Position: to, Size: c.from.Size + uint64(len(c.entries))}
	if c.appliedNote, err = ledger.SignApplied(c.to, d.signer); err != nil {
		return nil, err
	}
	if len(c.entries) > 0 {
		c.leaves = make([][32]byte, len(c.entries))
		for i, e := range c.entries {
			c.leaves[i] = ledger.LeafHash(e.Encode())
		}
		if c.tiles, c.root, err = ledger.Append(c.from.Size, at, c.leaves); err != nil {
			return nil, err
		}
		if c.checkpoint, err = ledger.Sign(ledger.Checkpoint{Origin: d.signer.Name(), Size: c.to.Size, Root: c.root}, d.signer); err != nil {
			return nil, err
		}
	}
	c.end = at.grow(c.to, c.tiles)
	return c, nil
}

// write writes the change. The fence comes first: it takes the write lock, in
// PostgreSQL that of the applied row, and changes no row for a handle that was
// taken over.
func (d *DB) write(ctx context.Context, c *Change) error {
	tx, err := d.commits.Begin(ctx)
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
		run  func(*statement.Tx, *Change) error
	}{
		{"store entries", writeEntries}, {"store tree", writeTree}, {"store evidence keys", writeCustomerKeys},
		{"store once_per keys", writeKeys}, {"store payments", writePayments}, {"store refunds", writeRefunds}, {"store actions", d.writeOutbox}, {"store credit", d.writeGiven},
		{"store snapshot", writeSnapshot},
		{"store brakes", d.writeBrakes}, {"store tokens", writeTokens},
	} {
		if err := step.run(tx, c); err != nil {
			return fmt.Errorf("%s: %w", step.name, err)
		}
	}
	if err := views.Apply(tx, c.entries, c.decisions, c.out); err != nil {
		return err
	}
	return tx.Commit()
}

// move is the fence: the guarded statement that moves the applied position. It
// reports whether the ledger was where the change begins and is still ours.
func (d *DB) move(tx *statement.Tx, c *Change) (bool, error) {
	to := []any{c.to.LogID, int64(c.to.Record), int64(c.to.Ordinal), c.to.At, c.to.Digest[:], int64(c.to.Version), int64(c.to.Size), c.appliedNote}
	if c.from.Position == (decide.Position{}) {
		rows, err := tx.Exec(`INSERT INTO applied (id, log_id, record, ordinal, at, digest, version, size, note)
			SELECT 1, ?, ?, ?, ?, ?, ?, ?, ? FROM lease WHERE `+d.db.ours+` AND NOT EXISTS (SELECT 1 FROM applied)
			ON CONFLICT (id) DO NOTHING`, append(to, d.epoch)...)
		return rows == 1, err
	}
	rows, err := tx.Exec(`UPDATE applied SET log_id = ?, record = ?, ordinal = ?, at = ?, digest = ?, version = ?, size = ?, note = ?
		WHERE ordinal = ? AND digest = ? AND EXISTS (SELECT 1 FROM lease WHERE `+d.db.ours+`)`,
		append(to, int64(c.from.Ordinal), c.from.Digest[:], d.epoch)...)
	return rows == 1, err
}

func writeEntries(tx *statement.Tx, c *Change) error {
	const columns = 10
	values := make([]any, 0, len(c.entries)*columns)
	for i, e := range c.entries {
		values = append(values, int64(e.Seq), e.Kind, e.At, int64(e.Ordinal), int64(e.Version),
			statement.ID(e.Remedy), statement.ID(e.Action), e.Rule, []byte(e.Body), c.leaves[i][:])
	}
	return tx.Insert(`INSERT INTO ledger (seq, kind, at, ordinal, version, remedy, action, rule, body, leaf)`, "", columns, values)
}

func writeTree(tx *statement.Tx, c *Change) error {
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

// writeCustomerKeys destroys the keys that were erased and stores those that are new,
// which may be of the same customers.
func writeCustomerKeys(tx *statement.Tx, c *Change) error {
	for customer := range c.keys.erased {
		if _, err := tx.Exec(`DELETE FROM customer_key WHERE customer = ?`, customer); err != nil {
			return err
		}
	}
	const columns = 2
	var values []any
	for customer, key := range c.keys.fresh {
		values = append(values, customer, key[:])
	}
	return tx.Insert(`INSERT INTO customer_key (customer, key)`, "", columns, values)
}

// writeKeys stores the keys taken. A key that is there already was taken by an
// earlier input, which keeps it.
func writeKeys(tx *statement.Tx, c *Change) error {
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

func writePayments(tx *statement.Tx, c *Change) error {
	const columns = 5
	var values []any
	for _, p := range c.out.Payments {
		values = append(values, p.Payment, p.Action.String(), p.Amount.Minor, p.Amount.Currency, int64(p.Ordinal))
	}
	return tx.Insert(`INSERT INTO payment (payment, action, minor, currency, ordinal)`, "", columns, values)
}

// writeRefunds stores what is known of refunds now. What was learnt of one from a
// single input is one state, the last.
func writeRefunds(tx *statement.Tx, c *Change) error {
	const columns = 3
	type place struct {
		name    string
		ordinal uint64
	}
	last := map[place]int{}
	for i, r := range c.out.Refunds {
		last[place{r.Name, r.Ordinal}] = i
	}
	var values []any
	for i, r := range c.out.Refunds {
		if last[place{r.Name, r.Ordinal}] != i {
			continue
		}
		state, err := json.Marshal(r)
		if err != nil {
			return err
		}
		values = append(values, r.Name, int64(r.Ordinal), state)
	}
	return tx.Insert(`INSERT INTO refund (name, ordinal, state)`, "", columns, values)
}

// keptSnapshots is how many of the newest snapshots stay in any case. Of those before,
// the first of each day of log time stays, for reproducing what came after it, until
// the log has forgotten what came next.
const (
	keptSnapshots = 3
	snapshotDay   = int64(24 * time.Hour)
)

func writeSnapshot(tx *statement.Tx, c *Change) error {
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
	_, err = tx.Exec(`DELETE FROM snapshot WHERE ordinal NOT IN (SELECT ordinal FROM snapshot ORDER BY ordinal DESC LIMIT ?)
		AND ordinal NOT IN (SELECT MIN(ordinal) FROM snapshot GROUP BY at / ?)`, keptSnapshots, snapshotDay)
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
