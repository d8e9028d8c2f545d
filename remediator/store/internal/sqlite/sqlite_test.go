package sqlite

import (
	"bytes"
	"database/sql"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

var kind = Kind{Name: "test.db", ID: 0x74657374, Version: 2, Schema: "CREATE TABLE thing (id INTEGER PRIMARY KEY, name TEXT NOT NULL)"}

func TestOpenMakesAndReopens(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "a folder?with %41 odd & name", "test.db")
	if err := os.Mkdir(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	db, err := Open(t.Context(), path, kind)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.Write.Exec("INSERT INTO thing(name) VALUES ('one')"); err != nil {
		t.Fatal(err)
	}
	for pragma, want := range map[string]string{"journal_mode": "wal", "synchronous": "2", "busy_timeout": "10000"} {
		var got string
		if err := db.Write.QueryRow("PRAGMA " + pragma).Scan(&got); err != nil || got != want {
			t.Errorf("%s = %q, %v; want %q", pragma, got, err, want)
		}
	}
	if _, err := db.Read.Exec("INSERT INTO thing(name) VALUES ('two')"); err == nil {
		t.Error("a connection that reads has written")
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	for name, open := range map[string]func() (*DB, error){
		"open":           func() (*DB, error) { return Open(t.Context(), path, kind) },
		"open read-only": func() (*DB, error) { return OpenReadOnly(t.Context(), path, kind) },
	} {
		db, err := open()
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		var n int
		if err := db.Read.QueryRow("SELECT COUNT(*) FROM thing").Scan(&n); err != nil || n != 1 {
			t.Errorf("%s: %d rows, %v; want 1", name, n, err)
		}
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v; want one that only the owner may read", info.Mode(), err)
	}
}

func TestOpenRefusesOtherFilesUntouched(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	foreign := filepath.Join(dir, "foreign.db")
	db, err := sql.Open("sqlite", foreign)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.Exec("CREATE TABLE theirs (x TEXT)"); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	text := filepath.Join(dir, "text.db")
	if err := os.WriteFile(text, bytes.Repeat([]byte("not a database "), 200), 0o600); err != nil {
		t.Fatal(err)
	}
	newer := filepath.Join(dir, "newer.db")
	next := kind
	next.Version++
	made, err := Open(t.Context(), newer, next)
	if err != nil {
		t.Fatal(err)
	}
	if err := made.Close(); err != nil {
		t.Fatal(err)
	}
	older := filepath.Join(dir, "older.db")
	last := kind
	last.Version--
	if made, err = Open(t.Context(), older, last); err != nil {
		t.Fatal(err)
	}
	if err := made.Close(); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		foreign: "want a test.db",
		text:    "not a database",
		newer:   "made by another version of the program: its tables are of version 3, and this program has those of version 2",
		older:   "made by another version of the program: its tables are of version 1, and this program has those of version 2",
	} {
		before, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := Open(t.Context(), path, kind); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("open %s: %v, want %q", path, err, want)
		}
		if _, err := OpenReadOnly(t.Context(), path, kind); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("open %s read-only: %v, want %q", path, err, want)
		}
		after, err := os.ReadFile(path)
		if err != nil || !bytes.Equal(before, after) {
			t.Errorf("%s was changed (%v)", path, err)
		}
	}
	if _, err := OpenReadOnly(t.Context(), filepath.Join(dir, "none.db"), kind); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("read-only without a file: %v", err)
	}
}

func TestOldLibraryIsRefused(t *testing.T) {
	t.Parallel()
	for version, ok := range map[string]bool{
		"3.51.3": true, "3.51.4": true, "3.52.0": true, "4.0.0": true,
		"3.51.2": false, "3.50.9": false, "2.60.1": false, "three": false,
	} {
		if err := checkVersion(version); (err == nil) != ok {
			t.Errorf("SQLite %s: %v, want accepted %v", version, err, ok)
		}
	}
}

// TestLibcIsTheDriversOwn holds that the C library beneath the driver is the
// version that the driver was generated with: with another one it can corrupt
// memory, and a plain update of all modules would choose another one.
func TestLibcIsTheDriversOwn(t *testing.T) {
	t.Parallel()
	out, err := exec.Command("go", "list", "-m", "-json", "modernc.org/sqlite", "modernc.org/libc").Output()
	if err != nil {
		t.Fatalf("list modules: %v", err)
	}
	type module struct {
		Path, Version, GoMod string
		Replace              *struct{ Path string }
	}
	selected := map[string]module{}
	for dec := json.NewDecoder(bytes.NewReader(out)); dec.More(); {
		var m module
		if err := dec.Decode(&m); err != nil {
			t.Fatal(err)
		}
		if m.Replace != nil {
			t.Errorf("%s is replaced by %s", m.Path, m.Replace.Path)
		}
		selected[m.Path] = m
	}
	out, err = exec.Command("go", "mod", "edit", "-json", selected["modernc.org/sqlite"].GoMod).Output()
	if err != nil {
		t.Fatalf("read the driver's go.mod: %v", err)
	}
	var driver struct{ Require []module }
	if err := json.Unmarshal(out, &driver); err != nil {
		t.Fatal(err)
	}
	for _, want := range driver.Require {
		if want.Path == "modernc.org/libc" {
			if got := selected[want.Path].Version; got != want.Version {
				t.Errorf("modernc.org/libc is %s, the driver needs exactly %s: go get modernc.org/libc@%s", got, want.Version, want.Version)
			}
			return
		}
	}
	t.Error("the driver requires no modernc.org/libc: nothing was checked")
}

// TestOpenReadOnlyWithoutAnIndex reads a file in a folder where SQLite cannot keep
// an index beside it. A directory of the index's name stands for a folder without
// the right to write, which would not stop root.
func TestOpenReadOnlyWithoutAnIndex(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "test.db")
	db, err := Open(t.Context(), path, kind)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.Write.Exec("INSERT INTO thing(name) VALUES ('one')"); err != nil {
		t.Fatal(err)
	}
	// What waits in a log of writes is not left out: it is read, or nothing is.
	waiting := copyWithoutIndex(t, path)
	if _, err := os.Stat(waiting + "-wal"); err != nil {
		t.Fatal("no log of writes was copied: ", err)
	}
	if read, err := OpenReadOnly(t.Context(), waiting, kind); err == nil {
		wantThings(t, read, 1)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	read, err := OpenReadOnly(t.Context(), copyWithoutIndex(t, path), kind)
	if err != nil {
		t.Fatal(err)
	}
	wantThings(t, read, 1)
}

// copyWithoutIndex copies a file and its log of writes to where no index can be.
func copyWithoutIndex(t *testing.T, path string) string {
	t.Helper()
	to := filepath.Join(t.TempDir(), "test.db")
	for _, ending := range []string{"", "-wal"} {
		content, err := os.ReadFile(path + ending)
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err := errors.Join(err, os.WriteFile(to+ending, content, 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(to+"-shm", 0o700); err != nil {
		t.Fatal(err)
	}
	return to
}

// wantThings counts the things, and closes the file.
func wantThings(t *testing.T, db *DB, want int) {
	t.Helper()
	var n int
	if err := db.Read.QueryRow("SELECT COUNT(*) FROM thing").Scan(&n); err != nil || n != want {
		t.Errorf("%d rows, %v; want %d", n, err, want)
	}
	if err := db.Close(); err != nil {
		t.Error(err)
	}
}

// TestOpenBringsUp holds that older tables are brought up by who may write, whole or
// not at all, and refused by who only reads.
func TestOpenBringsUp(t *testing.T) {
	path := filepath.Join(t.TempDir(), "older.db")
	close := func(db *DB, err error) {
		t.Helper()
		if err == nil {
			err = db.Close()
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	close(Open(t.Context(), path, kind))
	next := kind
	next.Steps = []string{"ALTER TABLE thing ADD COLUMN size INTEGER NOT NULL DEFAULT 3; INSERT INTO thing (name) VALUES ('made')", "CREATE TABLE other (id INTEGER PRIMARY KEY)"}
	if _, err := OpenReadOnly(t.Context(), path, next); !errors.Is(err, ErrVersion) || !strings.Contains(err.Error(), "version 2, and this program has those of version 4; start the service") {
		t.Errorf("open older tables to read: %v", err)
	}
	broken := next
	broken.Steps = []string{next.Steps[0], "CREATE TABLE thing (id INTEGER PRIMARY KEY)"}
	if _, err := Open(t.Context(), path, broken); err == nil || !strings.Contains(err.Error(), "bring tables up to version 4") {
		t.Errorf("a step that fails: %v", err)
	}
	for range 2 { // the second time there is nothing to do
		db, err := Open(t.Context(), path, next)
		if err != nil {
			t.Fatal(err)
		}
		var size, things, version int
		if err := db.Read.QueryRow("SELECT MAX(size), COUNT(*), (SELECT COUNT(*) FROM other) FROM thing").Scan(&size, &things, new(int)); err != nil || size != 3 || things != 1 {
			t.Errorf("%d things of size %d, %v", things, size, err)
		}
		if err := db.Read.QueryRow("PRAGMA user_version").Scan(&version); err != nil || version != 4 {
			t.Errorf("version %d, %v", version, err)
		}
		close(db, nil)
	}
	if _, err := Open(t.Context(), path, kind); !errors.Is(err, ErrVersion) {
		t.Errorf("newer tables: %v", err)
	}
	made := filepath.Join(t.TempDir(), "made.db")
	close(Open(t.Context(), made, next))
	close(OpenReadOnly(t.Context(), made, next))
}
