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

func (p *place) OpenReadOnly(t *testing.T) (log.Log, error) {
	t.Helper()
	l, err := logdb.OpenReadOnly(t.Context(), p.path)
	if err != nil {
		return nil, err // not a log that is nil
	}
	t.Cleanup(func() { l.Close() })
	return l, nil
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
	c.move(log.MaxJump, 0)
	add(nil)
	c.move(log.MaxJump+time.Second, 0)
	add(log.ErrClockJump)
	c.move(time.Hour, time.Hour) // time alone confirms nothing
	add(log.ErrClockJump)
	c.move(-time.Minute, 0) // set right again
	add(nil)
	c.move(24*time.Hour, time.Second)
	add(log.ErrClockJump)
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

func TestForget(t *testing.T) {
	t.Parallel()
	const month = 30 * 24 * time.Hour
	path := filepath.Join(t.TempDir(), "log.db")
	c := &clock{wall: time.Unix(1_000_000, 0)}
	l, err := logdb.Open(t.Context(), path, c.options())
	if err != nil {
		t.Fatal(err)
	}
	const old = 450 // more than two transactions remove
	add := func() {
		t.Helper()
		if _, err := l.Append(t.Context(), []byte("x")); err != nil {
			t.Fatal(err)
		}
	}
	for range old {
		add()
	}
	c.move(month, month)
	for range 3 {
		add()
	}
	for _, s := range []struct {
		through, gone uint64
		first         uint64
	}{
		{0, 0, 1},
		{10, 10, 11},     // what is behind is still needed
		{1000, 440, 451}, // what is not a month old stays
		{1000, 0, 451},
	} {
		gone, err := l.Forget(t.Context(), s.through, month)
		if err != nil || gone != s.gone {
			t.Errorf("forget through %d: %d records, %v; want %d", s.through, gone, err, s.gone)
		}
		records, err := l.Read(t.Context(), 0, 1)
		if err != nil || len(records) != 1 || records[0].Seq != s.first {
			t.Errorf("after forgetting through %d the log begins with %v, %v; want %d", s.through, records, err, s.first)
		}
	}
	c.move(2*month, 2*month)
	if gone, err := l.Forget(t.Context(), 1000, month); err != nil || gone != 2 {
		t.Errorf("%d records, %v; want all but the last", gone, err)
	}
	if seq, err := l.Append(t.Context(), []byte("next")); err != nil || seq != old+4 {
		t.Errorf("sequence %d, %v; want %d", seq, err, old+4)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
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
