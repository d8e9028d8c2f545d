package ledgerdb

import (
	"context"
	"database/sql"
	"fmt"
	"strings"

	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/ledger"
)

// source is the ledger in one transaction that reads.
type source struct{ tx *sql.Tx }

// Source returns the ledger as it lies in its tables now, for ledger.Verify and
// ledger.Export. It stays as it is until release is called.
func (d *DB) Source(ctx context.Context) (src ledger.Source, release func(), err error) {
	tx, err := d.db.Read.BeginTx(ctx, d.db.moment)
	if err != nil {
		return nil, nil, fmt.Errorf("begin to read ledger: %w", err)
	}
	return source{tx}, func() { _ = tx.Rollback() }, nil
}

// Entries implements ledger.Source.
func (s source) Entries(ctx context.Context, after int64, limit int) ([]ledger.Row, error) {
	return s.entries(ctx, `WHERE seq > ? ORDER BY seq LIMIT ?`, after, limit)
}

// ofCords is the condition of an index of what happened to cords alone, which has to be
// there word by word.
var ofCords = "kind IN ('" + strings.Join(decide.CordKinds(), "', '") + "')"

// Cords implements ledger.Source.
func (s source) Cords(ctx context.Context, after, before int64, limit int) ([]ledger.Row, error) {
	return s.entries(ctx, `WHERE `+ofCords+` AND seq > ? AND seq < ? ORDER BY seq LIMIT ?`, after, before, limit)
}

// entries returns the rows of the ledger that a condition selects.
func (s source) entries(ctx context.Context, where string, args ...any) ([]ledger.Row, error) {
	var rows []ledger.Row
	err := s.each(ctx, `SELECT seq, kind, at, ordinal, version, remedy, action, rule, body, leaf FROM ledger `+where,
		args, func(c *columns) {
			rows = append(rows, ledger.Row{
				Seq: c.number("seq"), Kind: c.text("kind"), At: c.number("at"), Ordinal: c.number("ordinal"), Version: c.number("version"),
				Remedy: c.text("remedy"), Action: c.text("action"), Rule: c.text("rule"), Body: c.bytes("body"), Leaf: c.bytes("leaf"), Fault: c.fault,
			})
		})
	return rows, err
}

// Tiles implements ledger.Source.
func (s source) Tiles(ctx context.Context, level, index int64, limit int) ([]ledger.TileRow, error) {
	var rows []ledger.TileRow
	err := s.each(ctx, `SELECT level, idx, width, hashes FROM tile WHERE level > ? OR (level = ? AND idx > ?) ORDER BY level, idx LIMIT ?`,
		[]any{level, level, index, limit}, func(c *columns) {
			rows = append(rows, ledger.TileRow{
				Level: c.number("level"), Index: c.number("idx"), Width: c.number("width"), Hashes: c.bytes("hashes"), Fault: c.fault,
			})
		})
	return rows, err
}

// maxHeads is how many rows are read of tables that must hold one.
const maxHeads = 10

// Checkpoints implements ledger.Source.
func (s source) Checkpoints(ctx context.Context) ([]ledger.CheckpointRow, error) {
	var rows []ledger.CheckpointRow
	err := s.each(ctx, `SELECT id, size, root, note FROM checkpoint LIMIT ?`, []any{maxHeads}, func(c *columns) {
		c.only()
		rows = append(rows, ledger.CheckpointRow{Size: c.number("size"), Root: c.bytes("root"), Note: c.bytes("note"), Fault: c.fault})
	})
	return rows, err
}

// Applied implements ledger.Source.
func (s source) Applied(ctx context.Context) ([]ledger.AppliedRow, error) {
	var rows []ledger.AppliedRow
	err := s.each(ctx, `SELECT id, log_id, record, ordinal, at, digest, version, size, note FROM applied LIMIT ?`, []any{maxHeads}, func(c *columns) {
		c.only()
		rows = append(rows, ledger.AppliedRow{
			LogID: c.text("log_id"), Record: c.number("record"), Ordinal: c.number("ordinal"), At: c.number("at"),
			Digest: c.bytes("digest"), Version: c.number("version"), Size: c.number("size"), Note: c.bytes("note"), Fault: c.fault,
		})
	})
	return rows, err
}

// each calls add for each row of a query.
func (s source) each(ctx context.Context, query string, args []any, add func(*columns)) error {
	rows, err := s.tx.QueryContext(ctx, query, args...)
	if err != nil {
		return fmt.Errorf("read ledger: %w", err)
	}
	defer rows.Close()
	names, err := rows.Columns()
	if err != nil {
		return fmt.Errorf("read ledger: %w", err)
	}
	values, into := make([]any, len(names)), make([]any, len(names))
	for i := range values {
		into[i] = &values[i]
	}
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			return fmt.Errorf("read ledger: %w", err)
		}
		add(&columns{values: values})
	}
	return rows.Err()
}

// columns hands out the columns of a row from left to right. The first that does
// not hold what it should is the row's fault.
type columns struct {
	values []any
	at     int
	fault  string
}

// only reads the id of a table that holds one row.
func (c *columns) only() {
	if id := c.number("id"); id != 1 && c.fault == "" {
		c.fault = fmt.Sprintf("its column id holds %d, not 1", id)
	}
}

func (c *columns) number(name string) int64 {
	value, _ := next[int64](c, name, "a number")
	return value
}

func (c *columns) text(name string) string {
	value, _ := next[string](c, name, "a text")
	return value
}

func (c *columns) bytes(name string) []byte {
	value, _ := next[[]byte](c, name, "bytes")
	return value
}

func next[T any](c *columns, name, want string) (T, bool) {
	value := c.values[c.at]
	c.at++
	got, ok := value.(T)
	if ok || c.fault != "" {
		return got, ok
	}
	switch value.(type) {
	case nil:
		c.fault = fmt.Sprintf("its column %s holds no value", name)
	default:
		c.fault = fmt.Sprintf("its column %s does not hold %s", name, want)
	}
	return got, false
}
