package publish_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/makegood/makegood/remediator/ledger"
	"github.com/makegood/makegood/remediator/publish"
)

// source is a ledger whose newest checkpoint a test sets.
type source struct {
	mu   sync.Mutex
	note []byte
}

func (s *source) Checkpoint(ctx context.Context) ([]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.note, nil
}

func (s *source) set(note []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.note = note
}

// memory keeps checkpoints, or does not.
type memory struct {
	mu   sync.Mutex
	got  []string
	down bool
}

func (m *memory) Name() string { return "memory" }
func (m *memory) Keep(_ context.Context, checkpoint []byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.down {
		return errors.New("it is down")
	}
	m.got = append(m.got, string(checkpoint))
	return nil
}

func (m *memory) set(down bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.down = down
}

// Every checkpoint that stands at a tick is kept once; a keeper that was down is
// told the newest, and nobody waits for it; the last one is kept at the end.
func TestPublish(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var logged bytes.Buffer
		s, up, down := &source{}, &memory{}, &memory{down: true}
		p := publish.New(publish.Config{Ledger: s, Keepers: []publish.Keeper{up, down}, Logger: slog.New(slog.NewTextHandler(&logged, nil))})
		ctx, stop := context.WithCancel(t.Context())
		var running sync.WaitGroup
		running.Go(func() { p.Run(ctx) })
		step := func(note string) {
			s.set([]byte(note))
			time.Sleep(10 * time.Second)
			synctest.Wait()
		}
		time.Sleep(time.Second) // off the ticks
		step("a")
		step("a")
		step("b")
		down.set(false)
		step("c")
		stop()
		running.Wait()
		s.set([]byte("d"))
		p.Now(t.Context())
		if want := []string{"a", "b", "c", "d"}; !slices.Equal(up.got, want) {
			t.Errorf("kept %q, want %q", up.got, want)
		}
		if want := []string{"c", "d"}; !slices.Equal(down.got, want) {
			t.Errorf("the one that was down kept %q, want %q", down.got, want)
		}
		if text := logged.String(); strings.Count(text, "keep checkpoint") != 1 || strings.Count(text, "kept again") != 1 {
			t.Errorf("the operator was told:\n%s", text)
		}
	})
}

// hanging never answers.
type hanging struct{}

func (hanging) Name() string { return "hanging" }
func (hanging) Keep(ctx context.Context, _ []byte) error {
	<-ctx.Done()
	return ctx.Err()
}

// The last checkpoint is kept although the time for stopping is over, and who does
// not answer then holds nobody for long, and is named.
func TestLastCheckpoint(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var logged bytes.Buffer
		s, up := &source{note: []byte("a")}, &memory{}
		p := publish.New(publish.Config{Ledger: s, Keepers: []publish.Keeper{hanging{}, up}, Logger: slog.New(slog.NewTextHandler(&logged, nil))})
		over, cancel := context.WithCancel(t.Context())
		cancel()
		begun := time.Now()
		p.Now(over)
		if took := time.Since(begun); !slices.Equal(up.got, []string{"a"}) || took > 10*time.Second {
			t.Errorf("kept %q after %s", up.got, took)
		}
		if text := logged.String(); strings.Count(text, "keep checkpoint") != 1 || !strings.Contains(text, "keeper=hanging") {
			t.Errorf("the operator was told:\n%s", text)
		}
	})
}

// signed returns checkpoints as a ledger signs them.
func signed(t *testing.T, n int) (notes [][]byte) {
	t.Helper()
	private, _, err := ledger.NewKey(bytes.NewReader(make([]byte, 64)), ledger.Origin("x"))
	if err != nil {
		t.Fatal(err)
	}
	signer, err := note.NewSigner(private)
	if err != nil {
		t.Fatal(err)
	}
	for size := range n {
		signed, err := ledger.Sign(ledger.Checkpoint{Origin: signer.Name(), Size: uint64(size)}, signer)
		if err != nil {
			t.Fatal(err)
		}
		notes = append(notes, signed)
	}
	return notes
}

func keep(t *testing.T, path string, notes ...[]byte) {
	t.Helper()
	f, err := publish.OpenFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range notes {
		if err := f.Keep(t.Context(), n); err != nil {
			t.Fatal(err)
		}
	}
	if len(notes) > 0 && !bytes.Equal(f.Last(), notes[len(notes)-1]) {
		t.Errorf("the last is %q", f.Last())
	}
}

func holds(t *testing.T, path string, notes [][]byte) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	got, err := ledger.SplitNotes(text)
	if err != nil || !slices.EqualFunc(got, notes, bytes.Equal) {
		t.Errorf("%q holds %d checkpoints, %v, want %d", text, len(got), err, len(notes))
	}
}

// A file is gone on with, and can be moved away.
func TestFile(t *testing.T) {
	t.Parallel()
	notes := signed(t, 4)
	path := filepath.Join(t.TempDir(), "kept")
	keep(t, path, notes[0], notes[1], notes[1])
	keep(t, path, notes[1], notes[2])
	holds(t, path, notes[:3])
	f, err := publish.OpenFile(path)
	if err != nil || !bytes.Equal(f.Last(), notes[2]) {
		t.Fatalf("the last is %q, %v", f.Last(), err)
	}
	if err := errors.Join(os.Rename(path, path+".old"), f.Keep(t.Context(), notes[3])); err != nil {
		t.Fatal(err)
	}
	holds(t, path, notes[3:])
}

// Wherever a write was cut off, the next start goes on after the last whole one.
func TestTornFile(t *testing.T) {
	t.Parallel()
	notes := signed(t, 3)
	path := filepath.Join(t.TempDir(), "kept")
	keep(t, path, notes[0])
	first, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	keep(t, path, notes[1])
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	cuts := 0
	for cut := len(first); cut < len(whole); cut++ {
		if err := os.WriteFile(path, whole[:cut], 0o600); err != nil {
			t.Fatal(err)
		}
		keep(t, path, notes[2])
		holds(t, path, [][]byte{notes[0], notes[2]})
		cuts++
	}
	if cuts < 100 {
		t.Errorf("%d cuts were tried", cuts)
	}
}

// Of a file of years only the end is read, wherever in a checkpoint that begins.
func TestLongFile(t *testing.T) {
	t.Parallel()
	notes := signed(t, 3)
	path := filepath.Join(t.TempDir(), "kept")
	one := append([]byte("\n"), notes[0]...)
	for more := range notes[2] {
		text := bytes.Repeat(one, (80<<10)/len(one))
		begun := append(text, "\n"+string(notes[1])+"\n"+string(notes[2][:more])...)
		if err := os.WriteFile(path, begun, 0o600); err != nil {
			t.Fatal(err)
		}
		f, err := publish.OpenFile(path)
		if err != nil || !bytes.Equal(f.Last(), notes[1]) {
			t.Fatalf("with %d bytes of the next one the last is %q, %v", more, f.Last(), err)
		}
		got, err := os.ReadFile(path)
		if want := begun[:len(begun)-more]; err != nil || !bytes.Equal(bytes.TrimSpace(got), bytes.TrimSpace(want)) {
			t.Fatalf("with %d bytes of the next one the file was changed to %d bytes, %v, want %d", more, len(got), err, len(want))
		}
	}
}

// A file of something else is left alone.
func TestOtherFile(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"a text": "root:x:0:0\n", "one line": "key", "a cut first one": string(signed(t, 1)[0][:60]),
		"much after one": string(signed(t, 1)[0]) + strings.Repeat("x\n", 4096),
	} {
		path := filepath.Join(t.TempDir(), "other")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if f, err := publish.OpenFile(path); err == nil {
			t.Errorf("%s is taken, the last is %q", name, f.Last())
		}
		if got, err := os.ReadFile(path); err != nil || string(got) != text {
			t.Errorf("%s was changed to %q, %v", name, got, err)
		}
	}
}
