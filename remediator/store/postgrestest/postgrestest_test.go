package postgrestest

import (
	"database/sql"
	"strings"
	"testing"
)

// TestSchemaOfItsOwn holds that two tests do not see each other's tables, and
// that a test's schema goes with the test, even when it left a transaction open.
func TestSchemaOfItsOwn(t *testing.T) {
	t.Parallel()
	var dsns []string
	t.Run("tests", func(t *testing.T) {
		for range 2 {
			dsn := New(t)
			db, err := sql.Open("postgres", dsn)
			if err != nil {
				t.Fatal(err)
			}
			tx, err := db.Begin()
			if err != nil {
				t.Fatal(err)
			}
			if _, err := db.Exec(`CREATE TABLE same (id INT)`); err != nil {
				t.Fatal(err)
			}
			if _, err := tx.Exec(`LOCK TABLE same`); err != nil {
				t.Fatal(err)
			}
			dsns = append(dsns, dsn)
		}
	})
	for _, dsn := range dsns {
		db, err := sql.Open("postgres", dsn)
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		var left int
		if err := db.QueryRow(`SELECT COUNT(*) FROM pg_namespace WHERE nspname = current_setting('search_path')`).Scan(&left); err != nil || left != 0 {
			t.Errorf("%d schemas left, %v", left, err)
		}
	}
}

// TestClusterOfItsOwn starts a cluster as on a machine without a server.
func TestClusterOfItsOwn(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("it makes a cluster")
	}
	c := Own(t)
	at, err := withDatabase(c.address)
	if err != nil {
		t.Fatal(err)
	}
	if err := execute(at, `CREATE TABLE here (id INT)`, `SELECT id FROM here`); err != nil {
		t.Error(err)
	}
	for _, mode := range []string{"fast", "immediate"} {
		if err := c.Restart(mode); err != nil {
			t.Fatal(err)
		}
		if err := execute(at, `SELECT id FROM here`); err != nil {
			t.Errorf("after a restart: %v", err)
		}
	}
}

func TestWrongVariableNamesItself(t *testing.T) {
	t.Parallel()
	if _, err := find("host=somewhere"); err == nil || !strings.Contains(err.Error(), Variable) {
		t.Errorf("%v does not name %s", err, Variable)
	}
}
