// Package ledgerdb keeps what was decided in a SQLite file: the sealed ledger with
// its tree and checkpoint, the keys that remedies took, what was refunded on each
// payment, the outbox, snapshots, evidence keys, store credit, and the views.
//
// It is for the decider, which commits each decision in one transaction and
// remembers through it (decide.Memory), for workers, which claim actions
// (act.Outbox) and give credit (credit.Books), for the gates (andon.Store), and for
// auditors, who read the ledger as it lies in its tables (ledger.Source). One
// process writes a file at a time; should two ever try, the one that opened it
// later wins and the other commits nothing.
//
// Every statement runs on PostgreSQL too; what is SQLite's own is in the schema.
package ledgerdb

import (
	"context"
	"crypto/rand"
	"database/sql"
	_ "embed" // the schema
	"errors"
	"fmt"
	"sync"

	"github.com/google/uuid"
	"golang.org/x/mod/sumdb/note"

	"github.com/makegood/makegood/remediator/act"
	"github.com/makegood/makegood/remediator/act/credit"
	"github.com/makegood/makegood/remediator/andon"
	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/ledger"
	"github.com/makegood/makegood/remediator/store/internal/sqlite"
	"github.com/makegood/makegood/remediator/store/internal/statement"
	"github.com/makegood/makegood/remediator/store/views"
)

//go:embed schema.sqlite.sql
var schema string

var kind = sqlite.Kind{Name: "ledger.db", ID: 0x6d676c65, Version: 3, Schema: schema + tellingSchema + views.Schema} // "mgle"

// ErrFenced says that another process has taken the ledger over, or that the
// ledger is not where the caller thinks. Nothing was committed.
var ErrFenced = errors.New("the ledger was taken over or has moved")

// Options of a ledger.
type Options struct {
	// Key is the private key that signs checkpoints, as ledger.NewKey makes it.
	// Required.
	Key string
	// NewKey makes the evidence key of a customer. Defaults to random bytes.
	NewKey func(customer string) [32]byte
}

// DB is an open ledger. It is safe for concurrent use.
type DB struct {
	db         *sqlite.DB
	statements *statement.Cache // nil when read-only
	signer     note.Signer
	newKey     func(customer string) [32]byte
	epoch      int64
	addresses  []byte // key of the hashes of addresses

	committing sync.Mutex
	tip        *tip // the end of the tree; nil: to be read again; guarded by committing

	marking sync.Mutex
	marks   map[uuid.UUID]mark // what workers said since the last write
}

var (
	_ decide.Memory = (*DB)(nil)
	_ act.Outbox    = (*DB)(nil)
	_ credit.Books  = (*DB)(nil)
	_ andon.Store   = (*DB)(nil)
)

// Open opens the ledger in the file, makes it when there is none, and takes it
// over: handles opened before commit nothing more, and actions that they held are
// free again. A ledger whose end is not what was signed is refused.
func Open(ctx context.Context, path string, o Options) (*DB, error) {
	signer, err := note.NewSigner(o.Key)
	if err != nil {
		return nil, fmt.Errorf("read ledger key: %w", err)
	}
	if o.NewKey == nil {
		o.NewKey = randomKey
	}
	db, err := sqlite.Open(ctx, path, kind)
	if err != nil {
		return nil, err
	}
	d := &DB{
		db: db, statements: statement.NewCache(db.Write), signer: signer, newKey: o.NewKey, marks: map[uuid.UUID]mark{}, addresses: addressKey(o.Key),
	}
	if d.tip, err = d.readTip(ctx); err == nil {
		err = d.takeOver(ctx)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open ledger: %w", err), d.Close())
	}
	return d, nil
}

func randomKey(string) (key [32]byte) {
	_, _ = rand.Read(key[:]) // it never returns an error
	return key
}

// OpenReadOnly opens an existing ledger to read only, also beside the process
// that writes it. What it reads is not checked: that is ledger.Verify's part.
func OpenReadOnly(ctx context.Context, path string) (*DB, error) {
	db, err := sqlite.OpenReadOnly(ctx, path, kind)
	if err != nil {
		return nil, err
	}
	return &DB{db: db}, nil
}

// Close writes what workers said last and closes the ledger.
func (d *DB) Close() error {
	var errs []error
	if d.statements != nil {
		errs = append(errs, d.flushMarks(context.Background()), d.statements.Close())
	}
	return errors.Join(append(errs, d.db.Close())...)
}

// takeOver raises the epoch, so that handles opened before are fenced, and frees
// the actions that their workers held: these workers are gone, and should one
// still be calling, it calls under the same idempotency key.
func (d *DB) takeOver(ctx context.Context) error {
	tx, err := d.statements.Begin(ctx)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	if _, err := tx.Exec(`UPDATE lease SET epoch = epoch + 1 WHERE id = 1`); err != nil {
		return fmt.Errorf("take ledger over: %w", err)
	}
	if err := tx.QueryRow(`SELECT epoch FROM lease WHERE id = 1`, nil, &d.epoch); err != nil {
		return fmt.Errorf("take ledger over: %w", err)
	}
	if _, err := tx.Exec(`UPDATE outbox SET state = ?, lease_until = 0 WHERE state = ? OR (state = ? AND lease_until > 0)`,
		stateDue, stateReported, stateDue); err != nil {
		return fmt.Errorf("free actions: %w", err)
	}
	return tx.Commit()
}

// Position returns how far the ledger has come, the zero Position before the
// first commit. A position that was not signed is an error.
func (d *DB) Position(ctx context.Context) (decide.Position, error) {
	a, err := d.applied(ctx)
	return a.Position, err
}

// applied reads the applied row. When the signing key is there, it is checked:
// signing is deterministic, so the same position has the same note.
func (d *DB) applied(ctx context.Context) (ledger.Applied, error) {
	var a ledger.Applied
	var digest, signed []byte
	err := d.db.Read.QueryRowContext(ctx, `SELECT log_id, record, ordinal, at, digest, version, size, note FROM applied`).
		Scan(&a.LogID, &a.Record, &a.Ordinal, &a.At, &digest, &a.Version, &a.Size, &signed)
	if errors.Is(err, sql.ErrNoRows) {
		return ledger.Applied{}, nil
	}
	if err != nil {
		return a, fmt.Errorf("read applied position: %w", err)
	}
	copy(a.Digest[:], digest)
	if d.signer == nil {
		return a, nil
	}
	want, err := ledger.SignApplied(a, d.signer)
	if err != nil {
		return a, err
	}
	if string(want) != string(signed) {
		return a, fmt.Errorf("read applied position: it is not what this ledger's key has signed; find out with: makegood audit verify")
	}
	return a, nil
}

// Checkpoint returns the newest signed checkpoint, nil before the first.
func (d *DB) Checkpoint(ctx context.Context) ([]byte, error) {
	var signed []byte
	err := d.db.Read.QueryRowContext(ctx, `SELECT note FROM checkpoint`).Scan(&signed)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return nil, fmt.Errorf("read checkpoint: %w", err)
	}
	return signed, nil
}
