package main

import (
	"bytes"
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"testing"
)

// refusals is what may be wrong with a data folder when a service is started on it,
// and what is said then. docs/running.md has the same table for people.
var refusals = []struct {
	name  string
	spoil func(t *testing.T, dir string) (mend func())
	says  string
}{
	{"the key is missing", remove("ledger.key"), `ledger.key is missing, and without it nothing can be sealed: restore it from a backup`},
	{"the log is missing", remove("log.db"), `log.db is missing or empty, but ledger.db was made from it: restore the log`},
	{"a page of the log is damaged", damagePage("log.db", "record"), `malformed .*log.db is damaged: keep it aside, .* makegood restore`},
	{"a record of the log is damaged", damageRecord, `decode record \d+: .*the log is damaged there: keep it aside, .* makegood restore`},
	{"a page of the ledger is damaged", damagePage("ledger.db", "applied"), `malformed .*ledger.db is damaged: keep it aside, .* makegood restore`},
	{"the head of the ledger is damaged", damageHead, `ledger.db is damaged: keep it aside, .* makegood restore`},
	{"the ledger is of another version", otherVersion, `ledger.db: made by another version of the program: its tables are of version 99, .* go on with the program that made it`},
	{"the folder is read-only", readOnly, `data\S*: .*; give this user the right to write there, and mount its disk to be written`},
	{"another process has it", occupy, `data folder is in use: .*data is held by process \d+; stop it, or name another folder`},
}

// TestRefusals starts a service on folders with which something is wrong. It says what
// and ends. Once that is mended another goes on from where the first one was.
func TestRefusals(t *testing.T) {
	t.Parallel()
	made := filepath.Join(t.TempDir(), "data")
	s := startService(t, made)
	s.late(t, "first", 0)
	s.settle(t, 1)
	s.stop(t)
	for _, c := range refusals {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			dir := filepath.Join(t.TempDir(), "data")
			if err := os.CopyFS(dir, os.DirFS(made)); err != nil {
				t.Fatal(err)
			}
			mend := c.spoil(t, dir)
			said, code := refusedService(t, dir)
			if code != exitFailed || !regexp.MustCompile(c.says).MatchString(said) {
				t.Errorf("exit code %d, it says: %s\nwant: %s", code, said, c.says)
			}
			mend()
			s := startService(t, dir)
			s.late(t, "second", 0)
			s.settle(t, 2)
			s.stop(t)
			verified(t, dir)
		})
	}
}

// remove takes a file away, and mends that by putting it back.
func remove(name string) func(t *testing.T, dir string) func() {
	return func(t *testing.T, dir string) func() {
		path := filepath.Join(dir, name)
		text := readFile(t, path)
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		return func() { writeFile(t, path, text) }
	}
}

// change changes the bytes of a file, and mends that by changing them back.
func change(t *testing.T, path string, how func(text []byte)) func() {
	text := readFile(t, path)
	changed := bytes.Clone(text)
	if how(changed); bytes.Equal(text, changed) {
		t.Fatal("nothing was changed")
	}
	writeFile(t, path, changed)
	return func() { writeFile(t, path, text) }
}

const pageSize = 4096

// damagePage damages the first page of a table.
func damagePage(file, table string) func(t *testing.T, dir string) func() {
	return func(t *testing.T, dir string) func() {
		path := filepath.Join(dir, file)
		db, err := sql.Open("sqlite", path)
		if err != nil {
			t.Fatal(err)
		}
		var page, size int
		err = errors.Join(db.QueryRow("SELECT rootpage FROM sqlite_schema WHERE name = ?", table).Scan(&page),
			db.QueryRow("PRAGMA page_size").Scan(&size), db.Close())
		if err != nil || page < 2 || size != pageSize {
			t.Fatal(page, size, err)
		}
		return change(t, path, func(text []byte) { flip(text[(page-1)*pageSize : page*pageSize]) })
	}
}

func flip(text []byte) {
	for i := range text {
		text[i] ^= 0x5a
	}
}

// damageRecord damages a byte in the last record, which SQLite does not notice.
func damageRecord(t *testing.T, dir string) func() {
	return change(t, filepath.Join(dir, "log.db"), func(text []byte) {
		magic := []byte{0x28, 0xb5, 0x2f, 0xfd} // of zstd; SQLite fills a page from its end
		text[pageSize+bytes.Index(text[pageSize:], magic)+20] ^= 1
	})
}

func damageHead(t *testing.T, dir string) func() {
	return change(t, filepath.Join(dir, "ledger.db"), func(text []byte) { flip(text[:100]) })
}

// otherVersion makes the ledger one of another program's.
func otherVersion(t *testing.T, dir string) func() {
	path := filepath.Join(dir, "ledger.db")
	text := readFile(t, path)
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.Exec("PRAGMA user_version = 99"); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	return func() { writeFile(t, path, text) }
}

// occupy runs a service on the folder.
func occupy(t *testing.T, dir string) func() {
	s := startService(t, dir)
	return func() { s.stop(t) }
}

func readFile(t *testing.T, path string) []byte {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func writeFile(t *testing.T, path string, text []byte) {
	t.Helper()
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
}

// withoutRight takes the right to write a folder and its files away.
func withoutRight(t *testing.T, dir string) func() {
	set := func(folder, file os.FileMode) {
		names, err := filepath.Glob(filepath.Join(dir, "*"))
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			err = errors.Join(err, os.Chmod(name, file))
		}
		if err = errors.Join(err, os.Chmod(dir, folder)); err != nil {
			t.Fatal(err)
		}
	}
	set(0o500, 0o400)
	return func() { set(0o700, 0o600) }
}
