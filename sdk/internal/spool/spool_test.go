package spool

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

var client = [16]byte{1, 2, 3}

// open opens a folder and fails on any damage.
func open(t testing.TB, folder string, limit int64) *Spool {
	t.Helper()
	s, damage, err := Open(folder, Options{Client: client, Limit: limit})
	if err != nil || len(damage) > 0 {
		t.Fatalf("open: %v, %v", err, damage)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// events are n texts that say their sequence numbers.
func events(first uint64, n, size int) [][]byte {
	all := make([][]byte, n)
	for i := range all {
		text := fmt.Sprintf(`{"n":%d,"pad":"`, first+uint64(i))
		all[i] = []byte(text + strings.Repeat("x", max(0, size-len(text)-2)) + `"}`)
	}
	return all
}

// fill appends n events, each in a record of its own.
func fill(t testing.TB, s *Spool, first uint64, n, size int) {
	t.Helper()
	for i := range uint64(n) {
		if err := s.Append(first+i, events(first+i, 1, size)); err != nil {
			t.Fatal(err)
		}
	}
}

// drain reads everything, checks that each event is what its number says, and
// returns the numbers. answer says which of them are answered for.
func drain(t testing.TB, s *Spool, answer func(n uint64) bool) (numbers []uint64) {
	t.Helper()
	for {
		var texts [][]byte
		b, err := s.Next(1<<18, func(e []byte) { texts = append(texts, bytes.Clone(e)) })
		if errors.Is(err, io.EOF) {
			return numbers
		}
		if err != nil {
			t.Fatal(err)
		}
		if len(texts) != b.Count || b.Count == 0 {
			t.Fatalf("%d events came, the batch says %d", len(texts), b.Count)
		}
		for i, text := range texts {
			var e struct{ N uint64 }
			if err := json.Unmarshal(text, &e); err != nil || e.N != b.First+uint64(i) || b.Client != client {
				t.Fatalf("event %d of a batch from %d of client %v: %.50s %v", i, b.First, b.Client, text, err)
			}
			numbers = append(numbers, e.N)
			if answer(e.N) {
				if err := s.Answered(b, i, i+1); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
}

func all(uint64) bool  { return true }
func none(uint64) bool { return false }

// files lists a folder without the lock.
func files(t testing.TB, folder string) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if e.Name() != "lock" {
			names = append(names, e.Name())
		}
	}
	return names
}

func TestWhatWasNotAnsweredComesAgain(t *testing.T) {
	t.Parallel()
	folder := filepath.Join(t.TempDir(), "a", "spool")
	s := open(t, folder, 64<<20)
	for first := uint64(1); first <= 50; first += 10 {
		if err := s.Append(first, events(first, 10, 100)); err != nil {
			t.Fatal(err)
		}
	}
	if got := drain(t, s, func(n uint64) bool { return n%3 != 0 }); len(got) != 50 {
		t.Fatalf("read %v", got)
	}
	if s.Waiting() != 16 {
		t.Errorf("%d events wait, want 16", s.Waiting())
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(t, folder, 64<<20)
	fill(t, s, 100, 2, 100)
	if s.Waiting() != 18 {
		t.Errorf("%d events wait, want 18", s.Waiting())
	}
	want := "[3 6 9 12 15 18 21 24 27 30 33 36 39 42 45 48 100 101]"
	if got := drain(t, s, all); fmt.Sprint(got) != want {
		t.Errorf("read %v, want %s", got, want)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if left := files(t, folder); len(left) > 0 {
		t.Errorf("everything was answered for, but %v are left", left)
	}
}

// TestAnAnswerCountsOnce answers for events twice, also when their segment is gone.
func TestAnAnswerCountsOnce(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir(), 64<<20)
	fill(t, s, 1, 10, 100)
	b, err := s.Next(1<<18, func([]byte) {})
	if err != nil || b.Count != 10 {
		t.Fatalf("%+v, %v", b, err)
	}
	answer := func(i, j, waiting int) {
		t.Helper()
		if err := s.Answered(b, i, j); err != nil || s.Waiting() != waiting {
			t.Errorf("%v, %d wait, want %d", err, s.Waiting(), waiting)
		}
	}
	answer(2, 5, 7)
	answer(2, 5, 7)
	answer(0, 4, 5)
	s.mu.Lock()
	s.seal()
	s.mu.Unlock()
	answer(5, 10, 0)
	answer(0, 10, 0)
	if s.used != 0 || len(s.segments) != 0 {
		t.Errorf("%d bytes in %d segments", s.used, len(s.segments))
	}
}

// TestAWriteThatFails closes the file of a segment below the spool. The record is
// not counted, and the next one goes to another file.
func TestAWriteThatFails(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	s := open(t, folder, 64<<20)
	fill(t, s, 1, 3, 100)
	if err := s.active.write.Close(); err != nil {
		t.Fatal(err)
	}
	if err := s.Append(4, events(4, 1, 100)); !errors.Is(err, os.ErrClosed) || !strings.Contains(err.Error(), folder) {
		t.Errorf("got %v", err)
	}
	fill(t, s, 5, 3, 100)
	if s.Waiting() != 6 {
		t.Errorf("%d events wait", s.Waiting())
	}
	if got := drain(t, s, none); fmt.Sprint(got) != "[1 2 3 5 6 7]" {
		t.Errorf("read %v", got)
	}
}

// TestBatchesGrowAndEnd reads small records as one batch, up to a gap in the
// numbers and up to the room.
func TestBatchesGrowAndEnd(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir(), 64<<20)
	fill(t, s, 1, 10, 1000)
	fill(t, s, 20, 10, 1000)
	var got []string
	for {
		b, err := s.Next(4000, func([]byte) {})
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, fmt.Sprintf("%d+%d", b.First, b.Count))
	}
	if want := "1+4 5+4 9+2 20+4 24+4 28+2"; strings.Join(got, " ") != want {
		t.Errorf("got %v, want %s", got, want)
	}
	if b, err := s.Next(1, func([]byte) {}); !errors.Is(err, io.EOF) {
		t.Errorf("something came twice: %v, %v", b, err)
	}
	fill(t, s, 30, 1, 1000)
	if b, err := s.Next(1, func([]byte) {}); err != nil || b.First != 30 {
		t.Errorf("what does not fit does not come: %v, %v", b, err)
	}
}

// TestTheLimitHolds fills a spool, makes room by answers and fills it again.
func TestTheLimitHolds(t *testing.T) {
	t.Parallel()
	const limit = 8 << 20
	folder := t.TempDir()
	s := open(t, folder, limit)
	next, answered := uint64(1), 0
	for range 3 {
		var err error
		for err == nil {
			if err = s.Append(next, events(next, 10, 10_000)); err == nil {
				next += 10
			}
		}
		if !errors.Is(err, ErrFull) {
			t.Fatal(err)
		}
		size := int64(0)
		for _, name := range files(t, folder) {
			info, err := os.Stat(filepath.Join(folder, name))
			if err != nil {
				t.Fatal(err)
			}
			size += info.Size()
		}
		if size > limit || size < limit-(1<<20) {
			t.Errorf("the files have %d bytes", size)
		}
		answered += len(drain(t, s, all))
	}
	if answered != int(next-1) || s.Waiting() != 0 {
		t.Errorf("%d of %d came, %d wait", answered, next-1, s.Waiting())
	}
}

func TestAFolderHasOneUser(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	s := open(t, folder, 8<<20)
	if _, _, err := Open(folder, Options{Limit: 8 << 20}); !errors.Is(err, ErrLocked) || !strings.Contains(err.Error(), folder) {
		t.Errorf("got %v", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	open(t, folder, 8<<20)
	if err := s.Append(1, events(1, 1, 10)); !errors.Is(err, ErrClosed) {
		t.Errorf("append after close: %v", err)
	}
	if _, err := s.Next(1, func([]byte) {}); !errors.Is(err, ErrClosed) {
		t.Errorf("next after close: %v", err)
	}
}

// TestAFolderThatCannotBe has a file where the folder would be.
func TestAFolderThatCannotBe(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, sync := range []bool{false, true} {
		_, _, err := Open(filepath.Join(file, "spool"), Options{Limit: 8 << 20, Sync: sync})
		if err == nil || !strings.Contains(err.Error(), file) {
			t.Errorf("got %v", err)
		}
	}
}

// TestAForeignFileIsLeftAlone opens a folder with what no spool wrote.
func TestAForeignFileIsLeftAlone(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	for _, name := range []string{"notes.txt", "1.spool", "000000000000000g.spool", "0000000000000001.tmp"} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(folder, "0000000000000002.spool"), 0o700); err != nil {
		t.Fatal(err)
	}
	s := open(t, folder, 8<<20)
	fill(t, s, 1, 1, 10)
	if got := drain(t, s, all); len(got) != 1 {
		t.Errorf("read %v", got)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if left := files(t, folder); len(left) != 5 {
		t.Errorf("left %v", left)
	}
}

// TestAHugeFileIsLeftAlone has a file of the right name that is too large to be
// a segment. It neither counts nor stops anything.
func TestAHugeFileIsLeftAlone(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	huge := filepath.Join(folder, "0000000000000003.spool")
	if err := errors.Join(os.WriteFile(huge, []byte(magic), 0o600), os.Truncate(huge, maxSegment+1)); err != nil {
		t.Fatal(err)
	}
	s, damage, err := Open(folder, Options{Client: client, Limit: 8 << 20})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	var unreadable *Unreadable
	if len(damage) != 1 || !errors.As(damage[0], &unreadable) || !strings.Contains(damage[0].Error(), huge) {
		t.Errorf("damage %v", damage)
	}
	fill(t, s, 1, 10, 10)
	if got := drain(t, s, all); len(got) != 10 {
		t.Errorf("read %v", got)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if left := files(t, folder); fmt.Sprint(left) != "[0000000000000003.spool]" {
		t.Errorf("left %v", left)
	}
}

// TestTheFormatStays reads what the first version wrote, and writes the same.
func TestTheFormatStays(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(filepath.Join("testdata", "first.spool"))
	if err != nil {
		t.Fatal(err)
	}
	want := appendRecord([]byte(magic), record{client: client, first: 7, events: events(7, 2, 0)})
	want = appendRecord(want, record{client: client, first: 9, events: events(9, 1, 40)})
	if !bytes.Equal(text, want) {
		t.Errorf("records are written as %x, the first version wrote %x", want, text)
	}
	folder := t.TempDir()
	g := segment{folder: folder, number: 1}
	if err := errors.Join(os.WriteFile(g.path(".spool"), text, 0o600), os.WriteFile(g.path(".done"), appendMark(nil, 1, span{7, 8}), 0o600)); err != nil {
		t.Fatal(err)
	}
	if got := drain(t, open(t, folder, 8<<20), all); fmt.Sprint(got) != "[8 9]" {
		t.Errorf("read %v", got)
	}
}

func TestSyncedRecordsAreThere(t *testing.T) {
	t.Parallel()
	folder := filepath.Join(t.TempDir(), "one", "two", "spool")
	s, damage, err := Open(folder, Options{Client: client, Limit: 16 << 20, Sync: true})
	if err != nil || damage != nil {
		t.Fatal(err, damage)
	}
	for first := uint64(1); first <= 600; first += 100 { // two segments
		if err := s.Append(first, events(first, 100, 10_000)); err != nil {
			t.Fatal(err)
		}
	}
	if got := drain(t, s, none); len(got) != 600 {
		t.Errorf("read %d", len(got))
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if got := drain(t, open(t, folder, 16<<20), all); len(got) != 600 {
		t.Errorf("read %d after a restart", len(got))
	}
}

func TestDeadLettersAreReadable(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	s := open(t, folder, 8<<20)
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.FixedZone("", 3600))
	const want = `{"time":"2026-03-01T11:00:00Z","reason":"bad \"type\"","event":{"id":"1"}}`
	for range 2 {
		if err := s.Dead(at, `bad "type"`, []byte("{\"id\":\n\"1\"}")); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(filepath.Join(folder, deadName))
	if err != nil || string(text) != want+"\n"+want+"\n" {
		t.Errorf("%s %v", text, err)
	}
	if err := s.Dead(at, "", []byte("{")); err == nil {
		t.Error("what is not JSON was written")
	}
	large := []byte(`"` + strings.Repeat("x", 1<<20) + `"`)
	for range 20 {
		if err := s.Dead(at, "large", large); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{deadName, olderDead} {
		if info, err := os.Stat(filepath.Join(folder, name)); err != nil || info.Size() > maxDead || info.Size() < 1<<20 {
			t.Errorf("%s: %v, %v", name, info, err)
		}
	}
}

// TestADeadLetterOfAnySize has one that is larger than the file may become, as the
// first of all and behind another one.
func TestADeadLetterOfAnySize(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	s := open(t, folder, 8<<20)
	huge := []byte(`"` + strings.Repeat("x", maxDead) + `"`)
	for _, name := range []string{deadName, olderDead} {
		if err := s.Dead(time.Now(), "huge", huge); err != nil {
			t.Fatal(err)
		}
		if info, err := os.Stat(filepath.Join(folder, name)); err != nil || info.Size() <= maxDead {
			t.Errorf("%s: %v, %v", name, info, err)
		}
	}
}
