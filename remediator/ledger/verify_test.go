package ledger_test

import (
	"bytes"
	"context"
	"encoding/json"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"
	"golang.org/x/mod/sumdb/note"

	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/ledger"
)

func verify(t testing.TB, src ledger.Source, opts ledger.Options) ledger.Report {
	t.Helper()
	report, err := ledger.Verify(context.Background(), src, opts)
	if err != nil {
		t.Fatal(err)
	}
	return report
}

func text(t testing.TB, report ledger.Report) string {
	t.Helper()
	var b strings.Builder
	if err := report.WriteText(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestVerifyFindsNothingInAnUntouchedLedger(t *testing.T) {
	t.Parallel()
	for seed := range uint64(10) {
		s := newSealed(t, seed, 1+int(seed)*4, 40)
		for i, m := range s.past {
			if i%8 != 0 {
				continue
			}
			report := verify(t, m, ledger.Options{})
			if !report.Verified || report.Pinned || report.Size != uint64(len(m.rows)) {
				t.Fatalf("seed %d, %d entries:\n%s", seed, len(m.rows), text(t, report))
			}
		}
		var older [][]byte
		for _, m := range s.past {
			older = append(older, m.checkpoint[0].Note)
		}
		report := verify(t, s.last(), ledger.Options{Key: s.public, Checkpoints: older})
		if !report.Verified || !report.Pinned {
			t.Fatalf("seed %d, pinned:\n%s", seed, text(t, report))
		}
		if total := report.Total(); len(s.past) > 10 && (total.Received == 0 || total.Remedies == 0 || len(report.Periods) < 2) {
			t.Fatalf("seed %d: nothing was counted:\n%s", seed, text(t, report))
		}
	}
	if report := verify(t, &memory{}, ledger.Options{}); !report.Verified || report.Size != 0 {
		t.Errorf("an empty ledger: %s", text(t, report))
	}
	s := newSealed(t, 1, 1, 20)
	older := [][]byte{s.last().checkpoint[0].Note}
	for _, opts := range []ledger.Options{{Checkpoints: older}, {Key: s.public}, {Key: s.public, Checkpoints: older}} {
		if report := verify(t, &memory{}, opts); report.Verified || !report.Pinned {
			t.Errorf("a ledger that was emptied, pinned by %d checkpoints and key %q: %s", len(opts.Checkpoints), opts.Key, text(t, report))
		}
	}
}

// TestLyingStores shows what verification says of whole ledgers that were made up.
func TestLyingStores(t *testing.T) {
	t.Parallel()
	s := newSealed(t, 1, 40, 60)
	last, middle := s.last(), s.past[len(s.past)/2]
	size := len(last.rows)
	if size < 1000 || len(middle.rows) < 300 {
		t.Fatalf("the ledger has %d and %d entries: too few for this test", size, len(middle.rows))
	}
	otherSigner, otherKey := newSigner(t, 99, ledger.Origin(testLog))

	// fork rewrites every entry from at on and seals that anew.
	fork := func(at int) *memory {
		m := &memory{tiles: tileMap{}, applied: last.applied}
		var entries []ledger.Entry
		for _, r := range last.rows {
			e := entryOf(t, r)
			if e.Seq >= uint64(at) && e.Kind == "remedy" {
				e.Body = bytes.Replace(e.Body, []byte(`"account":"ops:late"`), []byte(`"account":"ops:mine"`), 1)
			}
			entries = append(entries, e)
		}
		m.seal(t, entries, s.signer)
		return m
	}
	swapped := func() *memory {
		m := &memory{tiles: tileMap{}}
		for _, c := range newHistory(t, 1, testLog, otherKey).commits(40, 60) {
			m.commit(t, c, otherSigner)
		}
		return m
	}()

	older := ledger.Options{Checkpoints: [][]byte{s.past[3].checkpoint[0].Note, middle.checkpoint[0].Note}}
	newest := ledger.Options{Checkpoints: [][]byte{last.checkpoint[0].Note}}
	for _, c := range []struct {
		name string
		src  *memory
		opts ledger.Options
		want string // in the text; empty: verified
	}{
		{"the past, alone", middle, ledger.Options{}, ""},
		{"a truncated tail with the newest checkpoint", middle, newest, "its end was cut off"},
		{"a forked tail, alone", fork(len(s.past[3].rows) + 100), ledger.Options{}, ""},
		{"a forked tail with an older checkpoint", fork(len(s.past[3].rows) + 100), older, "not a continuation of the checkpoint given (number 2): it was changed between entries"},
		{"a fork after the older checkpoint", fork(len(middle.rows)), older, ""},
		{"another key, alone", swapped, ledger.Options{}, ""},
		{"another key with the pinned key", swapped, ledger.Options{Key: s.public}, "not the pinned one"},
		{"another key with an older checkpoint", swapped, older, "given: the checkpoint given (number 1): open checkpoint"},
		{"the right key and another pinned", last, ledger.Options{Key: otherKey}, "not the pinned one"},
		{"a replayed checkpoint", func() *memory { m := s.last(); m.checkpoint = middle.checkpoint; return m }(), ledger.Options{}, "checkpoint: it was made of"},
		{"a replayed position", func() *memory { m := s.last(); m.applied = middle.applied; return m }(), ledger.Options{}, "checkpoint: it was made of"},
		{"a checkpoint of another log", last, ledger.Options{Checkpoints: [][]byte{elsewhere(t)}}, "given: the checkpoint given"},
		{"not a checkpoint", last, ledger.Options{Checkpoints: [][]byte{[]byte("x")}}, "given: the checkpoint given"},
		{"an altered entry, sealed up to the root", rewriteWithoutKey(t, last, 500), ledger.Options{}, "rewritten together between entries 0 and"},
		{"the same with older checkpoints", rewriteWithoutKey(t, last, 500), ledger.Options{Checkpoints: [][]byte{s.past[3].checkpoint[0].Note}}, "rewritten together between entries"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			report := verify(t, c.src, c.opts)
			got := text(t, report)
			if report.Verified != (c.want == "") || !strings.Contains(got, c.want) {
				t.Errorf("got %s\nwant %q in it", got, c.want)
			}
			if report.Verified && report.Pinned == strings.Contains(got, "self-consistent only") {
				t.Errorf("pinned is %v, the text says\n%s", report.Pinned, got)
			}
		})
	}
}

func elsewhere(t *testing.T) []byte {
	signer, _ := newSigner(t, 5, "makegood/elsewhere")
	signed, err := ledger.Sign(ledger.Checkpoint{Origin: "makegood/elsewhere", Size: 5}, signer)
	if err != nil {
		t.Fatal(err)
	}
	return signed
}

// rewriteWithoutKey changes one entry and every hash above it, and keeps the
// checkpoint, which cannot be signed.
func rewriteWithoutKey(t *testing.T, m *memory, at int) *memory {
	c := &memory{tiles: tileMap{}, checkpoint: m.checkpoint, applied: m.applied}
	var leaves [][32]byte
	for i, r := range m.rows {
		if i == at {
			r.At++
		}
		leaf := ledger.LeafHash(entryOf(t, r).Encode())
		r.Leaf = leaf[:]
		c.rows, leaves = append(c.rows, r), append(leaves, leaf)
	}
	tiles, _, err := ledger.Append(0, nil, leaves)
	if err != nil {
		t.Fatal(err)
	}
	c.tiles.save(tiles)
	return c
}

// TestVerifyNamesWhatWasChanged changes one thing at a time in every way that
// keeps as many witnesses as possible in agreement.
func TestVerifyNamesWhatWasChanged(t *testing.T) {
	t.Parallel()
	s := newSealed(t, 2, 25, 50)
	size := len(s.last().rows)
	reseal := func(r *ledger.Row, t *testing.T) {
		leaf := ledger.LeafHash(entryOf(t, *r).Encode())
		r.Leaf = leaf[:]
	}
	rng := rand.New(rand.NewPCG(7, 7))
	for range 6 {
		at := rng.IntN(size)
		tile := [2]uint64{0, uint64(at / 256)}
		for name, c := range map[string]struct {
			change func(m *memory, t *testing.T)
			first  int  // sequence that must be named first; -1: none may be
			tile   bool // the tile of level 0 must be named
		}{
			"an entry":              {func(m *memory, _ *testing.T) { m.rows[at].Ordinal++ }, at, false},
			"an entry and its leaf": {func(m *memory, t *testing.T) { m.rows[at].At--; reseal(&m.rows[at], t) }, at, false},
			"a leaf":                {func(m *memory, _ *testing.T) { m.rows[at].Leaf[3] ^= 1 }, at, false},
			"a hash in a tile":      {func(m *memory, _ *testing.T) { m.tiles[tile][at%256*32] ^= 1 }, -1, true},
			"a tile missing":        {func(m *memory, _ *testing.T) { delete(m.tiles, tile) }, -1, true},
			"a tile cut":            {func(m *memory, _ *testing.T) { m.tiles[tile] = m.tiles[tile][32:] }, -1, true},
			"deleted":               {func(m *memory, _ *testing.T) { m.rows = slices.Delete(m.rows, at, at+1) }, at, false},
			"deleted and closed up": {func(m *memory, t *testing.T) { m.rows = renumber(slices.Delete(m.rows, at, at+1)) }, at, false},
			"inserted":              {func(m *memory, t *testing.T) { m.rows = renumber(slices.Insert(m.rows, at, m.rows[0])) }, at, false},
			"deleted and sealed up": {func(m *memory, t *testing.T) { m.rows = resealAll(t, renumber(slices.Delete(m.rows, at, at+1))) }, at, false},
			"inserted and sealed":   {func(m *memory, t *testing.T) { m.rows = resealAll(t, renumber(slices.Insert(m.rows, at, m.rows[0]))) }, at, false},
			"added at the end":      {func(m *memory, t *testing.T) { m.rows = renumber(append(m.rows, m.rows[at])) }, size, false},
			"a row and a tile apart": {func(m *memory, t *testing.T) {
				m.rows[at].At--
				reseal(&m.rows[at], t)
				m.tiles[[2]uint64{0, uint64((at/256 + 1) % (size / 256))}][9] ^= 1
			}, at, false},
			"an entry and its tile": {func(m *memory, t *testing.T) {
				m.rows[at].At--
				reseal(&m.rows[at], t)
				copy(m.tiles[tile][at%256*32:], m.rows[at].Leaf)
			}, at / 256 * 256, false},
		} {
			if name == "an entry and its tile" && at >= size/256*256 {
				continue // the last tile has no stored hash above it
			}
			m := s.last()
			c.change(m, t)
			report := verify(t, m, ledger.Options{})
			first, found := report.First()
			if report.Verified || found != (c.first >= 0) || found && first != int64(c.first) {
				t.Errorf("%s, entry %d of %d: named %d (%v), want %d\n%s", name, at, size, first, found, c.first, text(t, report))
			}
			if c.tile && !strings.Contains(text(t, report), "tile (level 0, index "+string(rune('0'+at/256))) {
				t.Errorf("%s, entry %d of %d: its tile is not named\n%s", name, at, size, text(t, report))
			}
		}
	}
}

// TestVerifyNamesWhatWasChangedInALargeTree changes tiles of the levels above,
// and entries together with some of the hashes above them.
func TestVerifyNamesWhatWasChangedInALargeTree(t *testing.T) {
	t.Parallel()
	const size, at = 66_100, 40_007
	signer, public := newSigner(t, 1, ledger.Origin(testLog))
	h := newHistory(t, 1, testLog, public)
	for len(h.out.Items) < size {
		h.add(decide.KindSnapshot, decide.Fact{}, decide.SnapshotFact{})
	}
	whole := &memory{tiles: tileMap{}}
	whole.commit(t, commit{h.out, h.pos}, signer)
	if report := verify(t, whole, ledger.Options{}); !report.Verified || report.Size != size {
		t.Fatal(text(t, report))
	}
	id := func(level, index uint64) [2]uint64 { return [2]uint64{level, index} }
	// up rewrites entry at with its leaf and the hashes above it, up to a level.
	up := func(m *memory, level int) {
		m.rows[at].At--
		hash := ledger.LeafHash(entryOf(t, m.rows[at]).Encode())
		m.rows[at].Leaf = slices.Clone(hash[:])
		for l, index := 0, uint64(at); l <= level; l, index = l+1, index/256 {
			tile := m.tiles[id(uint64(l), index/256)]
			copy(tile[index%256*32:], hash[:])
			hash = subtreeRoot(tile)
		}
	}
	for _, c := range []struct {
		name   string
		change func(m *memory)
		want   []string
	}{
		{"a hash of level 1", func(m *memory) { m.tiles[id(1, 0)][77] ^= 1 }, []string{"tile (level 1, index 0)"}},
		{"the last tile of level 1", func(m *memory) { m.tiles[id(1, 1)][0] ^= 1 }, []string{"tile (level 1, index 1)"}},
		{"the tile of level 2", func(m *memory) { m.tiles[id(2, 0)][0] ^= 1 }, []string{"tile (level 2, index 0)"}},
		{"the last tile of level 0", func(m *memory) { m.tiles[id(0, size/256)][0] ^= 1 }, []string{"tile (level 0, index 258)"}},
		{"a tile of level 1 missing", func(m *memory) { delete(m.tiles, id(1, 1)) }, []string{"tile (level 1, index 1): it is missing"}},
		{"a tile added", func(m *memory) { m.tiles[id(3, 0)] = make([]byte, 32) }, []string{"tile (level 3, index 0): it was added"}},
		{"an entry and a tile of level 1", func(m *memory) { m.tiles[id(1, 1)][0] ^= 1; up(m, -1) }, []string{"entry 40007:", "tile (level 1, index 1)"}},
		{"an entry with its tile", func(m *memory) { up(m, 0) }, []string{"entry 39936: it, or one up to 40191,"}},
		{"an entry with two tiles", func(m *memory) { up(m, 1) }, []string{"tile (level 1, index 0): it does not come to the hash above it"}},
		{"an entry with all tiles", func(m *memory) { up(m, 2) }, []string{"rewritten together between entries 0 and 66099"}},
		{"a hundred thousand rows away", func(m *memory) { m.rows[size-1].Seq += 100_000 }, []string{"entry 66099: it is missing", "entry 166099: it was added"}},
		{"two groups and their tiles gone", func(m *memory) {
			m.rows = slices.Delete(m.rows, 512, 1024)
			delete(m.tiles, id(0, 2))
			delete(m.tiles, id(0, 3))
		}, []string{"entry 512: the entries 512 to 1023 are missing, and their tiles"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := whole.clone()
			c.change(m)
			report := verify(t, m, ledger.Options{})
			if report.Verified || len(report.Findings) != len(c.want) || report.More > 0 {
				t.Errorf("got %d findings, want %d\n%s", len(report.Findings), len(c.want), text(t, report))
			}
			for _, want := range c.want {
				if !strings.Contains(text(t, report), want) {
					t.Errorf("%q is not in\n%s", want, text(t, report))
				}
			}
		})
	}
}

// subtreeRoot is the root over a full tile, computed by appending its hashes.
func subtreeRoot(hashes []byte) [32]byte {
	var leaves [][32]byte
	for ; len(hashes) > 0; hashes = hashes[32:] {
		leaves = append(leaves, [32]byte(hashes))
	}
	_, root, err := ledger.Append(0, nil, leaves)
	if err != nil {
		panic(err) // only for a tree that is too large
	}
	return root
}

func renumber(rows []ledger.Row) []ledger.Row {
	rows = slices.Clone(rows)
	for i := range rows {
		rows[i].Seq = int64(i)
	}
	return rows
}

func resealAll(t *testing.T, rows []ledger.Row) []ledger.Row {
	for i := range rows {
		leaf := ledger.LeafHash(entryOf(t, rows[i]).Encode())
		rows[i].Leaf = leaf[:]
	}
	return rows
}

func entryOf(t testing.TB, r ledger.Row) ledger.Entry {
	t.Helper()
	id := func(text string) uuid.UUID {
		if text == "" {
			return uuid.Nil
		}
		return uuid.MustParse(text)
	}
	return ledger.Entry{Seq: uint64(r.Seq), Fact: decide.Fact{
		Kind: r.Kind, At: r.At, Ordinal: uint64(r.Ordinal), Version: int(r.Version),
		Remedy: id(r.Remedy), Action: id(r.Action), Rule: r.Rule, Body: r.Body,
	}}
}

func TestReportAsJSON(t *testing.T) {
	t.Parallel()
	m := newSealed(t, 3, 10, 40).last()
	m.rows[5].Rule = "another"
	report := verify(t, m, ledger.Options{})
	var b bytes.Buffer
	if err := report.WriteJSON(&b); err != nil {
		t.Fatal(err)
	}
	var got struct {
		Verified *bool
		Pinned   *bool
		Findings []struct {
			Place    string
			Sequence *int64
			Problem  string
		}
	}
	if err := json.Unmarshal(b.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	if got.Verified == nil || *got.Verified || got.Pinned == nil || *got.Pinned || len(got.Findings) != 1 ||
		got.Findings[0].Place != "entry" || got.Findings[0].Sequence == nil || *got.Findings[0].Sequence != 5 {
		t.Errorf("got %s", b.Bytes())
	}
}

// TestOwnNotesHoldOneSignature changes the signed rows in ways that a reader of
// notes passes over: no other key signs them, and a signature has one encoding.
func TestOwnNotesHoldOneSignature(t *testing.T) {
	t.Parallel()
	s := newSealed(t, 1, 3, 20)
	stranger, _ := newSigner(t, 7, "stranger")
	line := func(signed []byte) []byte { return signed[bytes.LastIndex(signed, []byte("\n— "))+1:] }
	for name, change := range map[string]func(signed []byte) []byte{
		"a signature of a stranger": func(signed []byte) []byte {
			n, err := note.Sign(&note.Note{Text: string(signed[:bytes.Index(signed, []byte("\n\n"))+1])}, stranger)
			if err != nil {
				t.Fatal(err)
			}
			return append(bytes.Clone(signed), line(n)...)
		},
		"its signature twice": func(signed []byte) []byte { return append(bytes.Clone(signed), line(signed)...) },
		"bits that its encoding leaves over": func(signed []byte) []byte {
			changed := bytes.Clone(signed)
			changed[bytes.LastIndexByte(changed, '=')-1]++ // 68 bytes leave two bits of the last letter
			return changed
		},
	} {
		m := s.last()
		m.checkpoint[0].Note = change(m.checkpoint[0].Note)
		if report := verify(t, m, ledger.Options{Key: s.public}); report.Verified || report.Findings[0].Place != ledger.PlaceCheckpoint {
			t.Errorf("%s: in the checkpoint's note\n%s", name, text(t, report))
		}
		m = s.last()
		m.applied[0].Note = change(m.applied[0].Note)
		if report := verify(t, m, ledger.Options{Key: s.public}); report.Verified || report.Findings[0].Place != ledger.PlaceApplied {
			t.Errorf("%s: in the applied position's note\n%s", name, text(t, report))
		}
		// A witness may sign a checkpoint too before it is kept elsewhere.
		if given := s.last().checkpoint[0].Note; name == "a signature of a stranger" {
			if report := verify(t, s.last(), ledger.Options{Checkpoints: [][]byte{change(given)}}); !report.Verified {
				t.Errorf("a checkpoint given with %s:\n%s", name, text(t, report))
			}
		}
	}
}
