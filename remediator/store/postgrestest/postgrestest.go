// Package postgrestest gives tests a PostgreSQL to work on: the one that
// MAKEGOOD_TEST_POSTGRES names, else one on this machine's usual port, else a
// cluster of its own that ends with the test process. Each test has a schema for
// itself. It is for tests alone.
package postgrestest

import (
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/lib/pq"
)

// Variable names the environment variable that names a database for tests, as
// a URL. Schemas are made and dropped in it.
const Variable = "MAKEGOOD_TEST_POSTGRES"

// usual is the server that a development machine has.
const usual = "postgres://postgres@127.0.0.1:5432/postgres?sslmode=disable&connect_timeout=2"

// ownDatabase is the database that is used on the usual server and in a cluster
// of our own.
const ownDatabase = "makegood_test"

// server finds the database once for all tests of a process.
var server = sync.OnceValues(func() (*url.URL, error) { return find(os.Getenv(Variable)) })

// made counts the schemas of this process.
var made atomic.Int64

// New makes an empty schema and returns how to connect to it. After the test the
// schema is dropped, and what is still connected to it is cut off.
func New(t testing.TB) string {
	t.Helper()
	at, err := server()
	if err != nil {
		t.Fatal(err)
	}
	name := fmt.Sprintf("t%d_%d", os.Getpid(), made.Add(1))
	if err := execute(at, `CREATE SCHEMA `+pq.QuoteIdentifier(name)); err != nil {
		t.Fatalf("make schema: %v", err)
	}
	t.Cleanup(func() {
		if err := drop(at, name); err != nil {
			t.Errorf("drop schema: %v", err)
		}
	})
	return schemaAt(at, name)
}

// Kept makes an empty schema with a name, in the place of one that an earlier run left,
// and leaves it for later ones: for what takes long to fill.
func Kept(t testing.TB, name string) string {
	t.Helper()
	at, err := server()
	if err != nil {
		t.Fatal(err)
	}
	if err := drop(at, "kept_"+name); err != nil {
		t.Fatalf("drop schema: %v", err)
	}
	if err := execute(at, `CREATE SCHEMA `+pq.QuoteIdentifier("kept_"+name)); err != nil {
		t.Fatalf("make schema: %v", err)
	}
	return schemaAt(at, "kept_"+name)
}

// There reports whether what Kept made in an earlier run is still there.
func There(t testing.TB, dsn string) bool {
	t.Helper()
	at, err := url.Parse(dsn)
	return err == nil && execute(at, `SELECT 1 FROM remedy LIMIT 1`) == nil
}

// schemaAt is how to connect to a schema.
func schemaAt(at *url.URL, name string) string {
	own := *at
	query := own.Query()
	query.Set("search_path", name)
	query.Set("application_name", name)
	own.RawQuery = query.Encode()
	return own.String()
}

// drop drops a schema. Connections of the test carry its name, so that one that
// the test left open, with its locks, does not stop the dropping.
func drop(at *url.URL, name string) error {
	return execute(at,
		`SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE application_name = '`+name+`' AND pid <> pg_backend_pid()`,
		`DROP SCHEMA IF EXISTS `+pq.QuoteIdentifier(name)+` CASCADE`)
}

// find returns a database that tests may make schemas in.
func find(named string) (*url.URL, error) {
	if named != "" {
		at, err := url.Parse(named)
		if err != nil || at.Host == "" {
			return nil, fmt.Errorf("%s is no URL like postgres://user@host/database?sslmode=disable", Variable)
		}
		return at, execute(at, `SELECT 1`)
	}
	at, err := url.Parse(usual)
	if err != nil {
		return nil, err
	}
	if err := execute(at, `SELECT 1`); err == nil {
		return withDatabase(at)
	}
	if kept, err = startCluster(); err != nil {
		return nil, fmt.Errorf("find a PostgreSQL for tests: %w; install one (Debian: apt-get install postgresql), or name a database in %s", err, Variable)
	}
	return withDatabase(kept.address)
}

// kept is the cluster of this process. It ends with its input, which would be closed as soon
// as nothing held it any more.
var kept *Cluster

// withDatabase makes the tests' database on a server, unless it is there.
func withDatabase(at *url.URL) (*url.URL, error) {
	err := execute(at, `CREATE DATABASE `+ownDatabase+` TEMPLATE template0 ENCODING 'UTF8'`)
	var refused *pq.Error
	if errors.As(err, &refused) && (refused.Code == "42P04" || refused.Code == "23505") {
		err = nil // it exists, or another test process is making it
	}
	own := *at
	own.Path = "/" + ownDatabase
	return &own, err
}

// execute runs statements on a connection of their own.
func execute(at *url.URL, statements ...string) error {
	db, err := sql.Open("postgres", at.String())
	if err != nil {
		return err
	}
	defer db.Close()
	db.SetMaxOpenConns(1)
	for _, statement := range statements {
		if _, err := db.Exec(statement); err != nil {
			return err
		}
	}
	return nil
}
