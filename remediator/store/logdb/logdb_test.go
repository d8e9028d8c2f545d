package logdb_test

import (
	"bytes"
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/makegood/makegood/remediator/log"
	"github.com/makegood/makegood/remediator/log/logtest"
	"github.com/makegood/makegood/remediator/store/logdb"
)

// place is a log file. A crash goes on with a copy of the files as they lie on
// the disk, which is all that a killed process leaves.
type place struct {
	path string
	open *logdb.Log
}

func (p *place) Open(t *testing.T) log.Log {
	t.Helper()
	l, err := logdb.Open(t.Context(), p.path, logdb.Options{})
	if err != nil {
		t.Fatal(err)
	}
	p.open = l
	t.Cleanup(func() { l.Close() })
	return l
}

func (p *place) Crash(t *testing.T) {
	t.Helper()
	p.path = copyFiles(t, p.path)
}

// copyFiles copies a database and its write-ahead log to another folder.
func copyFiles(t *testing.T, path string) string {
	t.Helper()
	to := filepath.Join(t.TempDir(), filepath.Base(path))
	for _, suffix := range []string{"", "-wal"} {
		bytes, err := os.ReadFile(path + suffix)
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(to+suffix, bytes, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return to
}

func (p *place) BeginLate(t *testing.T, blob []byte) func() {
	t.Helper()
	db, err := sql.Open("sqlite", p.path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	tx, err := db.Begin()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tx.Exec("INSERT INTO record(seq, at, blob) SELECT MAX(seq) + 1, MAX(at), ? FROM record", blob); err != nil {
		t.Fatal(err)
	}
	return func() {
		if err := tx.Commit(); err != nil {
			t.Error(err)
		}
	}
}

func TestConformance(t *testing.T) {
	t.Parallel()
	logtest.Run(t, func(t *testing.T) logtest.Place {
		return &place{path: filepath.Join(t.TempDir(), "log.db")}
	})
}

// TestTornTail cuts and damages the end of the write-ahead log, as a power
// failure during an append can: earlier records stay, the torn one is gone, and
// appending goes on.
func TestTornTail(t *testing.T) {
	t.Parallel()
	p := &place{path: filepath.Join(t.TempDir(), "log.db")}
	l := p.Open(t)
	for _, b := range []string{"one", "two"} {
		if _, err := l.Append(t.Context(), []byte(b)); err != nil {
			t.Fatal(err)
		}
	}
	whole := size(t, p.path+"-wal")
	if _, err := l.Append(t.Context(), bytes.Repeat([]byte("three"), 2000)); err != nil {
		t.Fatal(err)
	}
	torn := size(t, p.path+"-wal")
	if torn <= whole {
		t.Fatal("the third record was not written behind the second: nothing is torn")
	}
	for _, cut := range []int64{torn - 1, torn - 5000, whole + 100, whole + 1} {
		after := &place{path: copyFiles(t, p.path)}
		if err := os.Truncate(after.path+"-wal", cut); err != nil {
			t.Fatal(err)
		}
		l := after.Open(t)
		if _, err := l.Append(t.Context(), []byte("next")); err != nil {
			t.Fatal(err)
		}
		records, err := l.Read(t.Context(), 0, 10)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, r := range records {
			got = append(got, string(r.Blob))
		}
		if strings.Join(got, " ") != "one two next" {
			t.Errorf("cut at %d of %d: %d records %.40q, want one, two, next", cut, torn, len(got), got)
		}
	}
}

func size(t *testing.T, path string) int64 {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info.Size()
}

// clock is a wall clock and the time that passes, moved by hand.
type clock struct {
	wall   time.Time
	passed time.Duration
}

func (c *clock) options() logdb.Options {
	return logdb.Options{
		Now:     func() time.Time { return c.wall },
		Elapsed: func() time.Duration { return c.passed },
	}
}

// move sets the wall clock ahead by wall while real passes.
func (c *clock) move(wall, real time.Duration) {
	c.wall = c.wall.Add(wall)
	c.passed += real
}

func TestTimeNeverGoesBack(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "log.db")
	c := &clock{wall: time.Unix(1_000_000, 0)}
	l, err := logdb.Open(t.Context(), path, c.options())
	if err != nil {
		t.Fatal(err)
	}
	for _, by := range []time.Duration{0, time.Second, -time.Hour, time.Second, time.Hour} {
		c.move(by, time.Second)
		if by == time.Hour {
			// The clock returns to where it was; behind the log it is no jump.
			l.ConfirmClock()
		}
		if _, err := l.Append(t.Context(), []byte("x")); err != nil {
			t.Fatal(err)
		}
	}
	records, err := l.Read(t.Context(), 0, 10)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []int64{0, 1, 1, 1, 2} {
		if got := records[i].At - time.Unix(1_000_000, 0).UnixNano(); got != want*int64(time.Second) {
			t.Errorf("record %d is stamped %v after the first, want %ds", i, time.Duration(got), want)
		}
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestClockJumpIsRefused(t *testing.T) {
	t.Parallel()
	c := &clock{wall: time.Unix(1_000_000, 0)}
	path := filepath.Join(t.TempDir(), "log.db")
	l, err := logdb.Open(t.Context(), path, c.options())
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	add := func(want error) {
		t.Helper()
		if _, err := l.Append(t.Context(), []byte("x")); !errors.Is(err, want) {
			t.Fatalf("append = %v, want %v", err, want)
		}
	}
	add(nil)
	c.move(30*24*time.Hour, 30*24*time.Hour) // an idle month is no jump
	add(nil)
	c.move(logdb.MaxJump, 0)
	add(nil)
	c.move(logdb.MaxJump+time.Second, 0)
	add(logdb.ErrClockJump)
	c.move(time.Hour, time.Hour) // time alone confirms nothing
	add(logdb.ErrClockJump)
	c.move(-time.Minute, 0) // set right again
	add(nil)
	c.move(24*time.Hour, time.Second)
	add(logdb.ErrClockJump)
	if _, err := l.Append(t.Context(), nil); !strings.Contains(err.Error(), "moved by 24h0m0s while 1s passed") {
		t.Errorf("%q does not say by how much", err)
	}
	l.ConfirmClock()
	add(nil)
	c.move(24*time.Hour, time.Second)
	restarted, err := logdb.Open(t.Context(), path, c.options())
	if err != nil {
		t.Fatal(err)
	}
	defer restarted.Close()
	if _, err := restarted.Append(t.Context(), []byte("x")); err != nil {
		t.Errorf("a start explains the jump: %v", err)
	}
}

func TestReadOnly(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "log.db")
	if _, err := logdb.OpenReadOnly(t.Context(), path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("without a log: %v", err)
	}
	writer, err := logdb.Open(t.Context(), path, logdb.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer writer.Close()
	reader, err := logdb.OpenReadOnly(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	if _, err := reader.Append(t.Context(), []byte("x")); !errors.Is(err, logdb.ErrReadOnly) {
		t.Errorf("append = %v, want ErrReadOnly", err)
	}
	go writer.Append(t.Context(), []byte("seen"))
	if err := reader.Wait(t.Context(), 0); err != nil {
		t.Fatal(err)
	}
	records, err := reader.Read(t.Context(), 0, 10)
	if err != nil || len(records) != 1 || string(records[0].Blob) != "seen" {
		t.Errorf("read %v, %v; want the record of the other", records, err)
	}
}

func BenchmarkAppend(b *testing.B) {
	l, err := logdb.Open(b.Context(), filepath.Join(b.TempDir(), "log.db"), logdb.Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	blob := bytes.Repeat([]byte("0123456789abcdef"), 50<<10/16) // 500 events, compressed
	b.SetBytes(int64(len(blob)))
	for b.Loop() {
		if _, err := l.Append(b.Context(), blob); err != nil {
			b.Fatal(err)
		}
	}
}
