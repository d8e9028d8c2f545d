package spool

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
)

// cachedFile is a file of a machine that may lose power: what is written to it is
// on disk when Sync has returned, and before that only if the machine likes to.
type cachedFile struct {
	*os.File
	random *rand.Rand
	cache  map[int64][]byte
	syncs  *int
}

func (f *cachedFile) WriteAt(text []byte, at int64) (int, error) {
	if f.random.IntN(4) == 0 { // the machine writes back a part of it early
		if n, err := f.File.WriteAt(text[:f.random.IntN(len(text)+1)], at); err != nil {
			return n, err
		}
	}
	f.cache[at] = append([]byte(nil), text...)
	return len(text), nil
}

func (f *cachedFile) Sync() error {
	*f.syncs++
	for at, text := range f.cache {
		if _, err := f.File.WriteAt(text, at); err != nil {
			return err
		}
	}
	clear(f.cache)
	return f.File.Sync()
}

// TestAPowerLoss turns the power off after each record that Append took, and in
// the middle of the next one. Whoever opens the folder then finds all that was taken.
func TestAPowerLoss(t *testing.T) {
	t.Parallel()
	random, syncs, checked := rand.New(rand.NewPCG(3, 3)), 0, 0
	create := func(path string) (output, error) {
		file, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
		if err != nil {
			return nil, err
		}
		return &cachedFile{file, random, map[int64][]byte{}, &syncs}, nil
	}
	folder := t.TempDir()
	s, damage, err := Open(folder, Options{Client: client, Limit: 32 << 20, Sync: true, create: create})
	if err != nil || damage != nil {
		t.Fatal(err, damage)
	}
	defer s.Close()
	for first := uint64(1); first <= 300; first += 10 { // two segments
		if err := s.Append(first, events(first, 10, 15_000)); err != nil {
			t.Fatal(err)
		}
		torn := appendRecord(nil, record{client: client, first: first + 10, events: events(first+10, 2, 100)})
		if got := drain(t, openCopy(t, folder, torn[:random.IntN(len(torn))]), none); len(got) != int(first)+9 {
			t.Fatalf("%d events of %d are left after a power loss", len(got), first+9)
		}
		checked++
	}
	if checked != 30 || syncs < checked+2 {
		t.Errorf("%d losses, %d syncs", checked, syncs)
	}
}

// openCopy opens a copy of a folder whose newest segment has more at its end.
func openCopy(t *testing.T, folder string, more []byte) *Spool {
	t.Helper()
	copied := t.TempDir()
	names, err := filepath.Glob(filepath.Join(folder, "*.spool"))
	if err != nil || len(names) == 0 {
		t.Fatalf("no segment: %v", err)
	}
	for i, name := range names {
		text, err := os.ReadFile(name)
		if err == nil && i == len(names)-1 {
			text = append(text, more...)
		}
		if err == nil {
			err = os.WriteFile(filepath.Join(copied, filepath.Base(name)), text, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	s, damage, err := Open(copied, Options{Client: client, Limit: 32 << 20})
	if err != nil || len(damage) > 1 || len(damage) == 1 && !damage[0].(*Damage).Torn {
		t.Fatal(err, damage)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}
