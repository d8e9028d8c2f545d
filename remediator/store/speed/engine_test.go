package speed

import (
	"context"
	"database/sql"
	"path/filepath"
	"testing"

	"github.com/makegood/makegood/remediator/log"
	"github.com/makegood/makegood/remediator/store/internal/postgres"
	"github.com/makegood/makegood/remediator/store/internal/sqlite"
	"github.com/makegood/makegood/remediator/store/ledgerdb"
	"github.com/makegood/makegood/remediator/store/logdb"
	"github.com/makegood/makegood/remediator/store/logpg"
	"github.com/makegood/makegood/remediator/store/postgrestest"
)

// engine is a kind of database.
type engine struct {
	name       string
	bytes      string // its type of bytes that are stored as they are
	text       string // its type of texts that are compared byte by byte
	indexes    string // query for the statements that make the indexes of a table, but for its keys
	place      func(t *testing.T) string
	openLog    func(ctx context.Context, place string) (closingLog, error)
	openLedger func(ctx context.Context, place string, o ledgerdb.Options) (*ledgerdb.DB, error)
	// plain connects to a database of the same kind, and as durable, where the floors
	// lie; and to the ledger, to read its rows.
	plain func(t *testing.T, place string) (floors, ledger *sql.DB)
}

type closingLog interface {
	log.Log
	Close() error
}

// Files of a place on SQLite.
const (
	logFile    = "log.db"
	ledgerFile = "ledger.db"
	floorFile  = "floor.db"
)

var engines = []engine{
	{
		name: "sqlite", bytes: "BLOB", text: "TEXT",
		indexes: `SELECT sql FROM sqlite_master WHERE type = 'index' AND tbl_name = ? AND sql IS NOT NULL`,
		place:   func(t *testing.T) string { return t.TempDir() },
		openLog: func(ctx context.Context, place string) (closingLog, error) {
			return logdb.Open(ctx, filepath.Join(place, logFile), logdb.Options{})
		},
		openLedger: func(ctx context.Context, place string, o ledgerdb.Options) (*ledgerdb.DB, error) {
			return ledgerdb.Open(ctx, filepath.Join(place, ledgerFile), o)
		},
		plain: func(t *testing.T, place string) (floors, ledger *sql.DB) {
			t.Helper()
			db, err := sqlite.Open(t.Context(), filepath.Join(place, floorFile), sqlite.Kind{Name: floorFile, ID: 1, Version: 1})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { db.Close() })
			beside, err := sql.Open("sqlite", "file:"+filepath.ToSlash(filepath.Join(place, ledgerFile))+"?mode=ro")
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { beside.Close() })
			return db.Write, beside
		},
	},
	{
		name: "postgres", bytes: "BYTEA", text: `TEXT COLLATE "C"`,
		indexes: `SELECT indexdef FROM pg_indexes WHERE schemaname = current_schema() AND tablename = ?
			AND indexname NOT LIKE '%\_pkey' AND indexname NOT LIKE '%\_key'`,
		place: func(t *testing.T) string { return postgrestest.New(t) },
		openLog: func(ctx context.Context, place string) (closingLog, error) {
			return logpg.Open(ctx, place, logpg.Options{})
		},
		openLedger: func(ctx context.Context, place string, o ledgerdb.Options) (*ledgerdb.DB, error) {
			db, err := ledgerdb.Connect(ctx, place, o)
			if err == nil {
				_, err = db.TryAcquire(ctx)
			}
			return db, err
		},
		plain: func(t *testing.T, place string) (floors, ledger *sql.DB) {
			t.Helper()
			server, err := postgres.Parse(place)
			if err != nil {
				t.Fatal(err)
			}
			db := server.Pool(1, postgres.Writing)
			t.Cleanup(func() { db.Close() })
			return db, db
		},
	},
}
