package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/makegood/makegood/remediator/store/ledgerdb"
)

// database names a PostgreSQL database, and where its log is when it is elsewhere.
type database struct {
	Database     string `env:"MAKEGOOD_DATABASE" placeholder:"URL" help:"PostgreSQL database of the log and the ledger, instead of files: postgres://user@host/name?sslmode=verify-full."`
	DatabaseFile string `env:"MAKEGOOD_DATABASE_FILE" type:"path" help:"File with what --database would say, such as one with a password in it; it counts before --database."`
	Log          string `env:"MAKEGOOD_LOG" placeholder:"URL" help:"NATS servers that keep the log in a stream, beside a database that keeps the ledger: nats://a:4222,b:4222,c:4222. Settings stand behind a ?: stream, replicas, credentials, ca, cert, key."`
	LogFile      string `env:"MAKEGOOD_LOG_FILE" type:"path" help:"File with what --log would say, such as one with a password in it; it counts before --log."`
}

// dsn is the connection string, empty when no database is named.
func (d database) dsn() (string, error) { return inFile("database", d.DatabaseFile, d.Database) }

// servers is the address of the log's servers, empty when none are named and the log
// is where the ledger is.
func (d database) servers() (string, error) {
	servers, err := inFile("log", d.LogFile, d.Log)
	if err == nil && servers != "" && !d.named() {
		return "", usageError("--log is for nodes that share a database: say which with --database or --database-file")
	}
	return servers, err
}

// inFile is what a file says where one is named, else a text.
func inFile(what, file, text string) (string, error) {
	if file == "" {
		return text, nil
	}
	read, err := os.ReadFile(file)
	if err != nil {
		return "", fmt.Errorf("read %s: %w", what, err)
	}
	if text = strings.TrimSpace(string(read)); text == "" {
		return "", fmt.Errorf("read %s: %s is empty", what, file)
	}
	return text, nil
}

// named reports whether a database is named.
func (d database) named() bool { return d.Database != "" || d.DatabaseFile != "" }

// storage is where a log and a ledger lie: in a data folder, or in the database when
// one is named.
type storage struct {
	dir string
	database
}

// String is how the storage is called to people.
func (p storage) String() string {
	if p.named() {
		return "the database"
	}
	return p.dir
}

// check refuses a storage that is none.
func (p storage) check() error {
	if p.dir == "" && !p.named() {
		return usageError("say where the ledger lies: --data-dir or --database")
	}
	return nil
}

// openLedger opens the ledger of a storage to read only, also beside the service that
// writes it.
func (p storage) openLedger(ctx context.Context) (*ledgerdb.DB, error) {
	if !p.named() {
		return ledgerdb.OpenReadOnly(ctx, filepath.Join(p.dir, "ledger.db"))
	}
	dsn, err := p.dsn()
	if err != nil {
		return nil, err
	}
	return ledgerdb.ConnectReadOnly(ctx, dsn)
}
