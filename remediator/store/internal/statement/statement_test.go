package statement_test

import (
	"context"
	"errors"
	"path/filepath"
	"testing"

	"github.com/makegood/makegood/remediator/store/internal/sqlite"
	"github.com/makegood/makegood/remediator/store/internal/statement"
)

func open(t *testing.T) (*sqlite.DB, *statement.Cache) {
	t.Helper()
	kind := sqlite.Kind{Name: "test.db", ID: 1, Version: 1, Schema: "CREATE TABLE pair (a INTEGER PRIMARY KEY, b TEXT NOT NULL)"}
	db, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "test.db"), kind)
	if err != nil {
		t.Fatal(err)
	}
	cache := statement.NewCache(db.Write)
	t.Cleanup(func() {
		if err := errors.Join(cache.Close(), db.Close()); err != nil {
			t.Error(err)
		}
	})
	return db, cache
}

func count(t *testing.T, db *sqlite.DB) int {
	t.Helper()
	var n int
	if err := db.Read.QueryRow("SELECT COUNT(*) FROM pair WHERE b = 'b' || a").Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

func TestInsertAnyNumberOfRows(t *testing.T) {
	t.Parallel()
	db, cache := open(t)
	next := 0
	for _, rows := range []int{0, 1, 15, 16, 17, 50, 3, 85, 150} { // each text is prepared in one, then reused
		tx, err := cache.Begin(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		var values []any
		for range rows {
			next++
			values = append(values, next, "b"+string(rune('0'+next%10)))
		}
		if err := tx.Insert("INSERT INTO pair (a, b)", "ON CONFLICT (a) DO NOTHING", 2, values); err != nil {
			t.Fatal(err)
		}
		if _, err := tx.Exec("UPDATE pair SET b = 'b' || a WHERE b <> ?", ""); err != nil {
			t.Fatal(err)
		}
		if err := tx.Commit(); err != nil {
			t.Fatal(err)
		}
		tx.Rollback() // after a commit it does nothing
		if n := count(t, db); n != next {
			t.Errorf("after %d more there are %d rows, want %d", rows, n, next)
		}
	}
}

func TestRollbackLeavesNothing(t *testing.T) {
	t.Parallel()
	db, cache := open(t)
	for range 2 {
		tx, err := cache.Begin(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if changed, err := tx.Exec("INSERT INTO pair (a, b) VALUES (?, ?)", 1, "b1"); err != nil || changed != 1 {
			t.Fatalf("changed %d, %v", changed, err)
		}
		if _, err := tx.Exec("INSERT INTO nowhere VALUES (1)"); err == nil {
			t.Error("a statement without a table was run")
		}
		tx.Rollback()
		if n := count(t, db); n != 0 {
			t.Errorf("%d rows after the rollback", n)
		}
	}
}

// TestContextEndsOnlyWhatHasNotBegun holds that a transaction under way is not
// cut off between its statements and its commit.
func TestContextEndsOnlyWhatHasNotBegun(t *testing.T) {
	t.Parallel()
	db, cache := open(t)
	ctx, cancel := context.WithCancel(t.Context())
	tx, err := cache.Begin(ctx)
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	if _, err := tx.Exec("INSERT INTO pair (a, b) VALUES (?, ?)", 1, "b1"); err != nil {
		t.Fatal(err)
	}
	if err := tx.Commit(); err != nil {
		t.Fatal(err)
	}
	if n := count(t, db); n != 1 {
		t.Errorf("%d rows, want 1", n)
	}
	if _, err := cache.Begin(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("begin with a context that is over: %v", err)
	}
}
