package remediator

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
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

// TestLatenessIsOfTheLog holds that a log keeps the lateness that it began with: it is
// read where none is asked for, and another one is refused.
func TestLatenessIsOfTheLog(t *testing.T) { engines(t, testLatenessIsOfTheLog) }

func testLatenessIsOfTheLog(t *testing.T) {
	dsn, key, dir := database(t), filepath.Join(t.TempDir(), "ledger.key"), t.TempDir()
	asked := func(d time.Duration) *time.Duration { return &d }
	for _, c := range []struct {
		lateness *time.Duration
		has      time.Duration // 0: it does not start
	}{
		{asked(-time.Second), 0}, {asked(24*time.Hour + time.Second), 0}, {asked(1500 * time.Millisecond), 0},
		{asked(2 * time.Hour), 2 * time.Hour}, {nil, 2 * time.Hour}, {asked(time.Hour), 0}, {asked(2 * time.Hour), 2 * time.Hour},
	} {
		if dsn != "" {
			dir = t.TempDir() // another node joins
		}
		s, err := New(Config{DataDir: dir, Database: dsn, LedgerKeyFile: key, Lateness: c.lateness})
		switch {
		case c.has == 0 && err == nil:
			t.Errorf("a lateness of %v is taken", *c.lateness)
		case c.has == 0 && !strings.Contains(err.Error(), c.lateness.String()):
			t.Errorf("a lateness of %v is refused with %v", *c.lateness, err)
		case c.has != 0 && err != nil:
			t.Fatal(err)
		case c.has != 0 && s.lateness != c.has:
			t.Errorf("asked for %v, it has %v, want %v", c.lateness, s.lateness, c.has)
		}
		if s != nil {
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		}
	}
}
