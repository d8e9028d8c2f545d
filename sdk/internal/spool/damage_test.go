package spool

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// written is the bytes of a segment and where its records are.
type written struct {
	text    []byte
	records []piece
}

type piece struct {
	start, end int
	events     span
}

// write makes a segment of records with random sizes.
func write(random *rand.Rand, records int) (w written) {
	w.text = []byte(magic)
	next := uint64(1 + random.IntN(1000))
	for range records {
		next += uint64(random.IntN(2) * random.IntN(5)) // now and then a gap
		n := 1 + random.IntN(4)
		p := piece{start: len(w.text), events: span{next, next + uint64(n)}}
		w.text = appendRecord(w.text, record{client: client, first: next, events: events(next, n, random.IntN(80))})
		p.end = len(w.text)
		w.records = append(w.records, p)
		next = p.events.to
	}
	return w
}

// whole lists the numbers of the records that changes at some places leave alone.
func (w written) whole(damaged ...int) (numbers []uint64) {
	for _, p := range w.records {
		if slices.ContainsFunc(damaged, func(at int) bool { return at >= p.start && at < p.end }) {
			continue
		}
		for n := p.events.from; n < p.events.to; n++ {
			numbers = append(numbers, n)
		}
	}
	return numbers
}

// reopen opens a folder with one segment and reads what it gives; drain fails on
// an event that is not what its number says.
func reopen(t *testing.T, folder string, text, marks []byte) (numbers []uint64, damage []error) {
	t.Helper()
	g := segment{folder: folder, number: 7}
	if err := os.WriteFile(g.path(".spool"), text, 0o600); err != nil {
		t.Fatal(err)
	}
	if marks != nil {
		if err := os.WriteFile(g.path(".done"), marks, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s, damage, err := Open(folder, Options{Client: client, Limit: 8 << 20})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	waiting := s.Waiting()
	if numbers = drain(t, s, none); len(numbers) != waiting {
		t.Fatalf("%d events wait, %d came", waiting, len(numbers))
	}
	return numbers, damage
}

// TestCutAnywhere cuts a segment off at every byte: what was written before the
// cut is kept, and the next start finds nothing wrong any more.
func TestCutAnywhere(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 1))
	folder, w := t.TempDir(), write(random, 6)
	for cut := range len(w.text) + 1 {
		var gone []int
		for at := cut; at < len(w.text); at++ {
			gone = append(gone, at)
		}
		want := w.whole(gone...)
		got, damage := reopen(t, folder, w.text[:cut], nil)
		if !slices.Equal(got, want) {
			t.Fatalf("cut at %d: got %v, want %v", cut, got, want)
		}
		clean := cut == 0 || cut == len(magic) || slices.ContainsFunc(w.records, func(p piece) bool { return p.end == cut })
		if (len(damage) == 0) != clean {
			t.Fatalf("cut at %d: damage %v", cut, damage)
		}
		if d := (*Damage)(nil); !clean && (!errors.As(damage[0], &d) || !d.Torn || d.At+d.Bytes != int64(cut)) {
			t.Fatalf("cut at %d: damage %v", cut, damage)
		}
		if len(want) > 0 {
			rest, err := os.ReadFile((&segment{folder: folder, number: 7}).path(".spool"))
			if err != nil {
				t.Fatal(err)
			}
			if got, damage := reopen(t, folder, rest, nil); !slices.Equal(got, want) || len(damage) > 0 {
				t.Fatalf("cut at %d, opened again: got %v, %v", cut, got, damage)
			}
		}
	}
}

// TestAFlippedBitAnywhere flips one bit of every byte: all other records are kept.
func TestAFlippedBitAnywhere(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(2, 2))
	w := write(random, 6)
	for at := range w.text {
		folder, text := t.TempDir(), bytes.Clone(w.text)
		text[at] ^= 1 << random.IntN(8)
		got, damage := reopen(t, folder, text, nil)
		if want := w.whole(at); !slices.Equal(got, want) {
			t.Fatalf("byte %d: got %v, want %v", at, got, want)
		}
		if len(damage) != 1 {
			t.Fatalf("byte %d: damage %v", at, damage)
		}
	}
}

// TestManyFlippedBits damages several places of a larger segment at once, and puts
// bytes in and takes some out: never a panic, never a wrong event, and with bits
// alone never less than the whole records.
func TestManyFlippedBits(t *testing.T) {
	t.Parallel()
	rounds := 300
	if testing.Short() {
		rounds = 60
	}
	checked := 0
	for seed := range uint64(rounds) {
		random := rand.New(rand.NewPCG(seed, 3))
		w := write(random, 1+random.IntN(40))
		text := bytes.Clone(w.text)
		var places []int
		for range random.IntN(6) {
			at := random.IntN(len(text))
			places = append(places, at)
			text[at] ^= byte(1 + random.IntN(255))
		}
		want := w.whole(places...)
		if got, _ := reopen(t, t.TempDir(), text, nil); !slices.Equal(got, want) {
			t.Fatalf("seed %d: got %v, want %v", seed, got, want)
		}
		at := random.IntN(len(text))
		if random.IntN(2) == 0 {
			text = slices.Insert(text, at, events(9, 1, 20)[0]...)
		} else {
			text = slices.Delete(text, at, min(at+random.IntN(30), len(text)))
		}
		got, _ := reopen(t, t.TempDir(), text, nil)
		for _, p := range w.records {
			if p.end <= at && slices.Contains(want, p.events.from) && !slices.Contains(got, p.events.from) {
				t.Fatalf("seed %d: %d, which lies before %d, is gone", seed, p.events.from, at)
			}
		}
		checked += len(want)
	}
	if checked == 0 {
		t.Fatal("nothing was whole: nothing was checked")
	}
}

// TestDamagedMarks flips a bit of every byte of the marks and cuts them anywhere:
// what was not answered for always comes, and what was may come again.
func TestDamagedMarks(t *testing.T) {
	t.Parallel()
	w := write(rand.New(rand.NewPCG(4, 4)), 12)
	every := w.whole()
	var marks []byte
	answered := map[uint64]bool{}
	for i, p := range w.records {
		if i%3 > 0 {
			continue
		}
		marks = appendMark(marks, 7, p.events)
		for n := p.events.from; n < p.events.to; n++ {
			answered[n] = true
		}
	}
	check := func(what string, marks []byte, exact bool) {
		t.Helper()
		got, damage := reopen(t, t.TempDir(), w.text, marks)
		for _, n := range every {
			if came := slices.Contains(got, n); !came && !answered[n] || exact && came && answered[n] {
				t.Fatalf("%s: event %d, answered %v, came %v", what, n, answered[n], came)
			}
		}
		if len(damage) > 0 || len(got) == 0 {
			t.Fatalf("%s: %v, %v", what, got, damage)
		}
	}
	check("whole", marks, true)
	for at := range marks {
		flipped := bytes.Clone(marks)
		flipped[at] ^= 1 << (at % 8)
		check(fmt.Sprintf("flip at %d", at), flipped, false)
		check(fmt.Sprintf("cut at %d", at), marks[:at], false)
	}
}

// TestASegmentIsOfOneClient puts a record of another client, and one whose numbers
// were there before, into a segment.
func TestASegmentIsOfOneClient(t *testing.T) {
	t.Parallel()
	text := appendRecord([]byte(magic), record{client: client, first: 5, events: events(5, 2, 0)})
	text = appendRecord(text, record{client: [16]byte{9}, first: 7, events: events(7, 1, 0)})
	text = appendRecord(text, record{client: client, first: 6, events: events(6, 2, 0)})
	text = appendRecord(text, record{client: client, first: 8, events: events(8, 1, 0)})
	got, damage := reopen(t, t.TempDir(), text, nil)
	if fmt.Sprint(got) != "[5 6 8]" || len(damage) != 1 {
		t.Errorf("read %v, damage %v", got, damage)
	}
}

// TestADamagedSegmentIsKept looks that damaged files are put aside, and how many.
func TestADamagedSegmentIsKept(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	for i := range 7 {
		w := write(rand.New(rand.NewPCG(5, uint64(i))), 3)
		w.text[w.records[1].start] ^= 1
		reported := false
		g := segment{folder: folder, number: uint64(10 + i)}
		if err := os.WriteFile(g.path(".spool"), w.text, 0o600); err != nil {
			t.Fatal(err)
		}
		s, damage, err := Open(folder, Options{Client: client, Limit: 8 << 20})
		if err != nil {
			t.Fatal(err)
		}
		for _, err := range damage {
			d := (*Damage)(nil)
			reported = reported || errors.As(err, &d) && d.File == g.path(".spool") && d.At == int64(w.records[1].start) && !d.Torn
		}
		if !reported {
			t.Errorf("damage %v", damage)
		}
		drain(t, s, all)
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	open(t, folder, 8<<20)
	if bad := files(t, folder); len(bad) != keptBad || filepath.Ext(bad[0]) != ".bad" {
		t.Errorf("left %v", bad)
	}
}

// TestAFileThatChangesUnderTheSpool damages, removes and replaces a file while it
// is open.
func TestAFileThatChangesUnderTheSpool(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(path string) error{
		"damaged": func(path string) error { return flip(path, 3000) },
		"removed": os.Remove,
		"shorter": func(path string) error { return os.Truncate(path, 2500) },
		"empty":   func(path string) error { return os.Truncate(path, 0) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			folder := t.TempDir()
			s := open(t, folder, 8<<20)
			fill(t, s, 1, 10, 500)
			path := s.active.path(".spool")
			s.mu.Lock()
			s.seal()
			s.mu.Unlock()
			if err := change(path); err != nil {
				t.Fatal(err)
			}
			fill(t, s, 11, 10, 500)
			came, lost := 0, 0
			for {
				b, err := s.Next(1<<18, func([]byte) {})
				var d *Damage
				switch {
				case errors.Is(err, io.EOF):
					if came+lost != 20 || lost == 0 || s.Waiting() != came {
						t.Errorf("%d came, %d lost, %d wait", came, lost, s.Waiting())
					}
					return
				case errors.As(err, &d):
					lost += d.Lost
				case err != nil:
					t.Fatal(err)
				}
				came += b.Count
			}
		})
	}
}

func flip(path string, at int64) error {
	file, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	var b [1]byte
	_, err = file.ReadAt(b[:], at)
	b[0] ^= 1
	_, err2 := file.WriteAt(b[:], at)
	return errors.Join(err, err2, file.Close())
}

// TestATakenName has a folder where the next segment would be.
func TestATakenName(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	if err := os.Mkdir(filepath.Join(folder, "0000000000000001.spool"), 0o700); err != nil {
		t.Fatal(err)
	}
	s, damage, err := Open(folder, Options{Client: client, Limit: 1 << 20})
	if err != nil || len(damage) > 0 {
		t.Fatal(damage, err)
	}
	if err := s.Append(1, events(1, 1, 10)); err != nil {
		t.Error(err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}
