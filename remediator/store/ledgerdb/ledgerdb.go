// Package ledgerdb keeps what was decided in a SQLite file or in PostgreSQL: the
// sealed ledger with its tree and checkpoint, the keys that remedies took, what was
// refunded on each payment, the outbox, snapshots, evidence keys, store credit, and
// the views.
//
// It is for the decider, which commits each decision in one transaction and
// remembers through it (decide.Memory), for workers, which claim actions
// (act.Outbox) and give credit (credit.Books), for the gates (andon.Store), and for
// auditors, who read the ledger as it lies in its tables (ledger.Source).
//
// Who holds the Lease commits, and nobody else. One process writes a file at a
// time; should two ever try, the one that opened it later wins. In PostgreSQL many
// nodes claim, brake and read at once. Its transactions are READ COMMITTED: the
// applied row orders the commits, and docs/decisions/0012 says what orders the rest.
//
// The statements are the same for both. What differs is in engine.go and the schemas.
package ledgerdb

import (
	"context"
	"crypto/rand"
	"database/sql"
	_ "embed" // the schema
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/google/uuid"
	"golang.org/x/mod/sumdb/note"

	"github.com/makegood/makegood/remediator/act"
	"github.com/makegood/makegood/remediator/act/credit"
	"github.com/makegood/makegood/remediator/andon"
	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/ledger"
	"github.com/makegood/makegood/remediator/store/internal/postgres"
	"github.com/makegood/makegood/remediator/store/internal/sqlite"
	"github.com/makegood/makegood/remediator/store/internal/statement"
	"github.com/makegood/makegood/remediator/store/views"
)

var (
	//go:embed schema.sqlite.sql
	schema string
	//go:embed schema.postgres.sql
	schemaOnServer string
)

var kind = sqlite.Kind{
	Name: "ledger.db", ID: 0x6d676c65, Version: 6, Schema: schema + tellingSchema + sessionSchema + views.Schema, // "mgle"
	Steps: []string{views.Sums + heardSchema + views.Lost},
}

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
	// Node is how the lease in PostgreSQL names this process to people. Defaults to
	// the name of the machine.
	Node string
	// Term is how long a lease in PostgreSQL lasts. Defaults to DefaultTerm.
	Term time.Duration
}

// DB is an open ledger. It is safe for concurrent use.
type DB struct {
	db         *engine
	statements *statement.Cache // nil when read-only
	commits    *statement.Cache // on the connection that commits; nil when read-only
	signer     note.Signer
	newKey     func(customer string) [32]byte
	holder     string // the name in the lease
	term       time.Duration
	addresses  []byte // key of the hashes of addresses
	news       *newsroom

	committing sync.Mutex
	epoch      int64 // of the lease; guarded by committing
	tip        *tip  // the end of the tree; nil: to be read again; guarded by committing
	unscrubbed bool  // keys were deleted and may still be in the files; guarded by committing

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
	db, err := openFile(ctx, path)
	if err != nil {
		return nil, err
	}
	d, err := begin(ctx, db, o)
	if err == nil {
		err = d.takeOver(ctx)
	}
	if err != nil {
		return nil, errors.Join(sqlite.Explain(path, fmt.Errorf("open ledger: %w", err)), db.Close())
	}
	d.unscrubbed = true // whoever had it may have ended between an erasure and that
	return d, nil
}

// Connect opens the ledger in PostgreSQL, and makes its tables in an empty
// database. Tables of an older version are refused: Migrate brings them up. Who
// wants to commit acquires the lease. A ledger whose end is not what was signed is
// refused.
func Connect(ctx context.Context, dsn string, o Options) (*DB, error) {
	db, err := connect(ctx, dsn, postgres.Create)
	if err != nil {
		return nil, fmt.Errorf("open ledger: %w", err)
	}
	d, err := begin(ctx, db, o)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open ledger: %w", err), db.Close())
	}
	return d, nil
}

// Migrate brings the ledger's tables in PostgreSQL to the version of this program,
// and makes them when there are none. It returns the versions before and after.
func Migrate(ctx context.Context, dsn string) (from, to int, err error) {
	server, err := postgres.Parse(dsn)
	if err == nil {
		from, err = server.Prepare(ctx, serverSchema, postgres.Migrate)
	}
	if err != nil {
		return from, from, fmt.Errorf("migrate ledger: %w", err)
	}
	return from, len(serverSchema.Steps), nil
}

// Begun reports whether the database holds a ledger that was committed to.
func Begun(ctx context.Context, dsn string) (bool, error) {
	db, err := connect(ctx, dsn, postgres.Create)
	if err != nil {
		return false, fmt.Errorf("look for a ledger: %w", err)
	}
	var begun bool
	err = db.Read.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM applied)`).Scan(&begun)
	if err = errors.Join(err, db.Close()); err != nil {
		return false, fmt.Errorf("look for a ledger: %w", err)
	}
	return begun, nil
}

// aloneIdle is for how long a node may be alone and say nothing: longer than a cluster
// of NATS is waited for. The others do not wait for ever for one that is frozen.
const aloneIdle = 2 * time.Minute

// Alone runs what only one node on a database may do at a time, such as beginning the
// log, wherever that is. A node that takes too long is no longer alone: work asks held
// before it does what cannot be undone.
func Alone(ctx context.Context, dsn string, work func(held func() error) error) error {
	server, err := postgres.Parse(dsn)
	if err != nil {
		return err
	}
	db := server.Pool(1, postgres.Limits{Idle: aloneIdle}) // it waits for as long as the others take
	defer db.Close()
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("wait for another node: %w", err)
	}
	defer tx.Rollback()
	if _, err := tx.ExecContext(ctx, `SELECT pg_advisory_xact_lock(hashtextextended('makegood begins in ' || COALESCE(current_schema(), ''), 0))`); err != nil {
		return fmt.Errorf("wait for another node: %w", err)
	}
	held := func() error {
		if _, err := tx.ExecContext(ctx, `SELECT 1`); err != nil {
			return fmt.Errorf("be the only node for longer: %w", err)
		}
		return nil
	}
	if err := work(held); err != nil {
		return err
	}
	return tx.Commit()
}

// begin makes a handle that may write, and checks the end of the ledger.
func begin(ctx context.Context, db *engine, o Options) (*DB, error) {
	signer, err := note.NewSigner(o.Key)
	if err != nil {
		return nil, fmt.Errorf("read ledger key: %w", err)
	}
	if o.NewKey == nil {
		o.NewKey = randomKey
	}
	if o.Term == 0 {
		o.Term = DefaultTerm
	}
	d := &DB{
		db: db, statements: statement.NewCache(db.Write), signer: signer, newKey: o.NewKey, marks: map[uuid.UUID]mark{}, addresses: addressKey(o.Key),
		holder: holderName(o.Node), term: o.Term,
	}
	d.commits = d.statements
	if db.Commit != db.Write {
		d.commits = statement.NewCache(db.Commit)
	}
	if d.tip, err = d.readTip(ctx); err != nil {
		return d, err
	}
	d.news, err = openNews(ctx, db)
	return d, err
}

func randomKey(string) (key [32]byte) {
	_, _ = rand.Read(key[:]) // it never returns an error
	return key
}

// OpenReadOnly opens an existing ledger to read only, also beside the process
// that writes it. What it reads is not checked: that is ledger.Verify's part.
func OpenReadOnly(ctx context.Context, path string) (*DB, error) {
	db, err := openFileReadOnly(ctx, path)
	if err != nil {
		return nil, err
	}
	return &DB{db: db, news: newNewsroom()}, nil
}

// ConnectReadOnly opens an existing ledger in PostgreSQL to read only, like
// OpenReadOnly.
func ConnectReadOnly(ctx context.Context, dsn string) (*DB, error) {
	db, err := connect(ctx, dsn, postgres.Look)
	if err != nil {
		return nil, fmt.Errorf("open ledger: %w", err)
	}
	return &DB{db: db, news: newNewsroom()}, nil
}

// Close writes what workers said last and closes the ledger.
func (d *DB) Close() error {
	var errs []error
	if d.statements != nil {
		errs = append(errs, d.flushMarks(context.Background()), d.news.close(), ended(d.statements.Close()))
	}
	if d.commits != nil {
		errs = append(errs, ended(d.commits.Close())) // twice does nothing
	}
	return errors.Join(append(errs, ended(d.db.Close()))...)
}

// ended takes what closing says: a connection that the server has ended, such as one
// on which the former holder of a lease committed, is closed.
func ended(err error) error {
	if postgres.Passing(err) {
		return nil
	}
	return err
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
	a, err := d.applied(ctx, d.db.Read)
	return a.Position, err
}

// queries is what reads: connections, or a transaction.
type queries interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// applied reads the applied row. When the signing key is there, it is checked:
// signing is deterministic, so the same position has the same note.
func (d *DB) applied(ctx context.Context, from queries) (ledger.Applied, error) {
	var a ledger.Applied
	var digest, signed []byte
	err := from.QueryRowContext(ctx, `SELECT log_id, record, ordinal, at, digest, version, size, note FROM applied`).
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
func (d *DB) Checkpoint(ctx context.Context) ([]byte, error) { return readCheckpoint(ctx, d.db.Read) }

func readCheckpoint(ctx context.Context, from queries) ([]byte, error) {
	var signed []byte
	err := from.QueryRowContext(ctx, `SELECT note FROM checkpoint`).Scan(&signed)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return nil, fmt.Errorf("read checkpoint: %w", err)
	}
	return signed, nil
}
