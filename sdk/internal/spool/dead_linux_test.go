package spool

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// limitedFiles gives a process of this program the folder of a spool, and tells it
// to limit the size of its files, as a disk that is nearly full does.
const limitedFiles = "MAKEGOOD_TEST_LIMITED_FOLDER"

// TestADeadLetterThatDoesNotFit holds that no half line stays, which would spoil the
// next letter: neither behind others nor as the first of a new file.
func TestADeadLetterThatDoesNotFit(t *testing.T) {
	if folder := os.Getenv(limitedFiles); folder != "" {
		writeLimited(t, filepath.Join(folder, "behind"), `"x"`)
		writeLimited(t, filepath.Join(folder, "first"), `"`+strings.Repeat("x", maxDead)+`"`)
		return
	}
	t.Parallel()
	folder := t.TempDir()
	cmd := exec.Command(os.Args[0], "-test.run=^TestADeadLetterThatDoesNotFit$", "-test.v")
	cmd.Env = append(os.Environ(), limitedFiles+"="+folder)
	if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), "--- PASS: TestADeadLetterThatDoesNotFit") {
		t.Errorf("%v: %s", err, out)
	}
	for name, want := range map[string][]string{"behind": {"before", "after"}, "first": {"after"}} {
		text, err := os.ReadFile(filepath.Join(folder, name, deadName))
		if err != nil {
			t.Fatal(err)
		}
		var reasons []string
		for _, line := range bytes.Split(bytes.TrimSuffix(text, []byte("\n")), []byte("\n")) {
			var letter deadLetter
			if err := json.Unmarshal(line, &letter); err != nil {
				t.Errorf("%s: %v: %.100q", name, err, line)
			}
			reasons = append(reasons, letter.Reason)
		}
		if !slices.Equal(reasons, want) {
			t.Errorf("%s: got %q, want %q", name, reasons, want)
		}
	}
}

// writeLimited writes a letter, one that does not fit and a third.
func writeLimited(t *testing.T, folder, first string) {
	t.Helper()
	signal.Ignore(syscall.SIGXFSZ) // a write above the limit is an error instead
	s := open(t, folder, 8<<20)
	if err := s.Dead(time.Now(), "before", []byte(first)); err != nil {
		t.Fatal(err)
	}
	var before syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &before); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: 1000, Max: before.Max}); err != nil {
		t.Fatal(err)
	}
	err := s.Dead(time.Now(), "too long", []byte(`"`+strings.Repeat("x", 2000)+`"`))
	if again := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &before); again != nil {
		t.Fatal(again)
	}
	if !errors.Is(err, syscall.EFBIG) {
		t.Errorf("got %v", err)
	}
	if err := s.Dead(time.Now(), "after", []byte(`"x"`)); err != nil {
		t.Fatal(err)
	}
}
