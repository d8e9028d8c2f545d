// Package statement runs transactions on a connection that writes, with each SQL
// text prepared once. It is for the packages below store: a decision is some
// thousand short statements, and parsing them again would cost more than they do.
//
// The SQL that goes through here is written for PostgreSQL as well as SQLite.
package statement

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
)

// rowsAtOnce is how many rows one INSERT may hold, so that there are few different
// texts and few statements. More save nothing: the database then spends its time on
// the rows.
var rowsAtOnce = []int{64, 16, 4, 1}

// Cache keeps prepared statements of one database. It is safe for concurrent
// use; the texts given to it must come from a fixed set.
type Cache struct {
	db       *sql.DB
	mu       sync.Mutex
	prepared map[string]*sql.Stmt
	wanted   map[string]bool // used but not prepared yet
}

// NewCache returns an empty cache.
func NewCache(db *sql.DB) *Cache {
	return &Cache{db: db, prepared: map[string]*sql.Stmt{}, wanted: map[string]bool{}}
}

// Close gives the statements back.
func (c *Cache) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	var errs []error
	for _, stmt := range c.prepared {
		errs = append(errs, stmt.Close())
	}
	clear(c.prepared)
	return errors.Join(errs...)
}

// Tx is a transaction. It is not safe for concurrent use.
type Tx struct {
	ctx   context.Context
	tx    *sql.Tx
	cache *Cache
	bound map[string]*sql.Stmt // prepared statements bound to tx
}

// Begin begins a transaction. Once it has begun the end of ctx no longer stops
// it, so that its commit is never half asked for.
func (c *Cache) Begin(ctx context.Context) (*Tx, error) {
	if err := c.prepareWanted(ctx); err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	ctx = context.WithoutCancel(ctx)
	tx, err := c.db.BeginTx(ctx, nil)
	if err != nil {
		return nil, fmt.Errorf("begin transaction: %w", err)
	}
	return &Tx{ctx: ctx, tx: tx, cache: c, bound: map[string]*sql.Stmt{}}, nil
}

// prepareWanted prepares what transactions have used. It does so between them
// because a database with one connection cannot do both at once.
func (c *Cache) prepareWanted(ctx context.Context) error {
	c.mu.Lock()
	wanted := slices.Sorted(maps.Keys(c.wanted))
	c.mu.Unlock()
	for _, query := range wanted {
		// It waits for the connection, and who has the connection may want mu.
		stmt, err := c.db.PrepareContext(ctx, query)
		if err != nil {
			return fmt.Errorf("prepare %q: %w", query, err)
		}
		if !c.keep(query, stmt) {
			_ = stmt.Close() // somebody else prepared it meanwhile
		}
	}
	return nil
}

func (c *Cache) keep(query string, stmt *sql.Stmt) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.wanted[query] {
		return false
	}
	c.prepared[query] = stmt
	delete(c.wanted, query)
	return true
}

// statement returns the statement of a text in this transaction.
func (t *Tx) statement(query string) (*sql.Stmt, error) {
	if stmt := t.bound[query]; stmt != nil {
		return stmt, nil
	}
	t.cache.mu.Lock()
	prepared := t.cache.prepared[query]
	t.cache.mu.Unlock()
	var stmt *sql.Stmt
	if prepared != nil {
		stmt = t.tx.StmtContext(t.ctx, prepared)
	} else {
		var err error
		if stmt, err = t.tx.PrepareContext(t.ctx, query); err != nil {
			return nil, fmt.Errorf("prepare %q: %w", query, err)
		}
		t.cache.mu.Lock()
		t.cache.wanted[query] = true
		t.cache.mu.Unlock()
	}
	t.bound[query] = stmt
	return stmt, nil
}

// Exec runs a statement and returns how many rows it changed.
func (t *Tx) Exec(query string, args ...any) (int64, error) {
	stmt, err := t.statement(query)
	if err != nil {
		return 0, err
	}
	result, err := stmt.ExecContext(t.ctx, args...)
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

// Insert inserts rows, several with each statement. The text ends before VALUES;
// after is what follows the values, such as an ON CONFLICT clause. Values are the
// rows one behind the other, width of them each.
func (t *Tx) Insert(text, after string, width int, values []any) error {
	_, err := t.InsertCounting(text, after, width, values)
	return err
}

// InsertCounting inserts as Insert does, and returns how many rows were inserted or
// changed.
func (t *Tx) InsertCounting(text, after string, width int, values []any) (int64, error) {
	changed := int64(0)
	for len(values) > 0 {
		rows := 1
		for _, n := range rowsAtOnce {
			if len(values) >= n*width {
				rows = n
				break
			}
		}
		n, err := t.Exec(insertText(text, after, width, rows), values[:rows*width]...)
		if err != nil {
			return changed, err
		}
		changed += n
		values = values[rows*width:]
	}
	return changed, nil
}

func insertText(text, after string, width, rows int) string {
	row := "(" + strings.TrimSuffix(strings.Repeat("?,", width), ",") + ")"
	return text + " VALUES " + row + strings.Repeat(","+row, rows-1) + " " + after
}

// Query runs a query. The rows must be closed before the next statement.
func (t *Tx) Query(query string, args ...any) (*sql.Rows, error) {
	stmt, err := t.statement(query)
	if err != nil {
		return nil, err
	}
	return stmt.QueryContext(t.ctx, args...)
}

// QueryRow scans the only row of a query; sql.ErrNoRows when there is none.
func (t *Tx) QueryRow(query string, args []any, into ...any) error {
	stmt, err := t.statement(query)
	if err != nil {
		return err
	}
	return stmt.QueryRowContext(t.ctx, args...).Scan(into...)
}

// Commit makes the transaction durable. After an error it may or may not be.
func (t *Tx) Commit() error {
	if err := t.tx.Commit(); err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	return nil
}

// Rollback gives the transaction up, unless it was committed.
func (t *Tx) Rollback() { _ = t.tx.Rollback() }
