package remediator

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestLostLogLeavesTheKey starts a service whose log is gone and brings the log
// back: the start is refused, and the only copy of the ledger's key is untouched.
func TestLostLogLeavesTheKey(t *testing.T) {
	t.Parallel()
	dir, aside := t.TempDir(), t.TempDir()
	start := func() error {
		s, err := New(Config{DataDir: dir})
		if err != nil {
			return err
		}
		return s.Close()
	}
	if err := start(); err != nil {
		t.Fatal(err)
	}
	read := func() (keys string) {
		for _, name := range []string{keyFile, publicKeyFile(keyFile)} {
			text, err := os.ReadFile(filepath.Join(dir, name))
			if err != nil {
				t.Fatal(err)
			}
			keys += string(text)
		}
		return keys
	}
	want := read()
	logs, err := filepath.Glob(filepath.Join(dir, logFile+"*"))
	if err != nil || len(logs) == 0 {
		t.Fatalf("the log is %v, %v", logs, err)
	}
	for _, name := range logs {
		if err := os.Rename(name, filepath.Join(aside, filepath.Base(name))); err != nil {
			t.Fatal(err)
		}
	}
	if err := start(); err == nil || !strings.Contains(err.Error(), logFile) {
		t.Errorf("started without its log: %v, want an error that names %s", err, logFile)
	}
	if read() != want {
		t.Error("the keys were replaced")
	}
	for _, name := range logs {
		if err := os.Rename(filepath.Join(aside, filepath.Base(name)), name); err != nil {
			t.Fatal(err)
		}
	}
	if err := start(); err != nil {
		t.Errorf("with the log back: %v", err)
	}
}
