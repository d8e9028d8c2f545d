package crash

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/makegood/makegood/remediator/log"
	"github.com/makegood/makegood/remediator/store/ledgerdb"
	"github.com/makegood/makegood/remediator/store/logdb"
	"github.com/makegood/makegood/remediator/store/logpg"

	_ "modernc.org/sqlite" // registers the driver
)

// Files of a data folder.
const (
	ledgerFile    = "ledger.db"
	logFile       = "log.db"
	keyFile       = "ledger.key"
	publicKeyFile = "ledger.pub"
)

// home is where a service keeps what it knows: its data folder, with log and ledger
// in it or in a database.
type home struct{ dir, database string }

// openSQL opens the ledger's tables beside the product's own code, which is on trial.
func (h home) openSQL() (*sql.DB, error) {
	if h.database == "" {
		return openSQL(filepath.Join(h.dir, ledgerFile))
	}
	return sql.Open("postgres", h.database)
}

// asLeft is the home as a dead service left it: opening a file repairs it, and that
// is for the service to do.
func (h home) asLeft(t testing.TB) home {
	if h.database == "" {
		h.dir = copyFiles(t, h.dir, ledgerFile)
	}
	return h
}

// storedLog is a log to read.
type storedLog interface {
	log.Log
	Close() error
}

func (h home) openLog(ctx context.Context) (storedLog, error) {
	if h.database == "" {
		return logdb.OpenReadOnly(ctx, filepath.Join(h.dir, logFile))
	}
	return logpg.OpenReadOnly(ctx, h.database)
}

func (h home) readLedger(ctx context.Context) (*ledgerdb.DB, error) {
	if h.database == "" {
		return ledgerdb.OpenReadOnly(ctx, filepath.Join(h.dir, ledgerFile))
	}
	return ledgerdb.ConnectReadOnly(ctx, h.database)
}

// takeLedger opens the ledger as a service does, but for the lock on the folder, to
// commit to it.
func (h home) takeLedger(ctx context.Context) (*ledgerdb.DB, error) {
	if h.database == "" {
		return openLedger(ctx, h.dir, h.dir)
	}
	key, err := os.ReadFile(filepath.Join(h.dir, keyFile))
	if err != nil {
		return nil, err
	}
	db, err := ledgerdb.Connect(ctx, h.database, ledgerdb.Options{Key: strings.TrimSpace(string(key)), Node: "zombie"})
	if err != nil {
		return nil, err
	}
	_, err = db.Acquire(ctx) // a zombie ends without giving it back
	return db, err
}

// openLedger opens the ledger of a folder as a service does, but for the lock.
func openLedger(ctx context.Context, dir, keyDir string) (*ledgerdb.DB, error) {
	key, err := os.ReadFile(filepath.Join(keyDir, keyFile))
	if err != nil {
		return nil, err
	}
	return ledgerdb.Open(ctx, filepath.Join(dir, ledgerFile), ledgerdb.Options{Key: strings.TrimSpace(string(key))})
}

// openSQL opens a file beside the product's own code, which is on trial.
func openSQL(path string) (*sql.DB, error) {
	db, err := sql.Open("sqlite", "file:"+path+"?_pragma=busy_timeout(10000)")
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	db.SetMaxOpenConns(1)
	return db, nil
}
