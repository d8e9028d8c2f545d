package ledger_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/makegood/makegood/remediator/ledger"
)

func TestSplitNotes(t *testing.T) {
	t.Parallel()
	signer, _ := newSigner(t, 31, ledger.Origin(testLog))
	var notes [][]byte
	for size := range uint64(5) {
		signed, err := ledger.Sign(ledger.Checkpoint{Origin: signer.Name(), Size: size, Root: testLeaf(int(size))}, signer)
		if err != nil {
			t.Fatal(err)
		}
		notes = append(notes, signed)
	}
	notes = append(notes, []byte(string(notes[0])+"— witness AAAAAAA=\n")) // a second signature
	rapid.Check(t, func(t *rapid.T) {
		var text []byte
		picked := rapid.SliceOf(rapid.SampledFrom(notes)).Draw(t, "notes")
		for _, n := range picked {
			text = append(text, strings.Repeat(rapid.SampledFrom([]string{"\n", "\r\n"}).Draw(t, "end"), rapid.IntRange(0, 3).Draw(t, "lines"))...)
			text = append(text, n...)
		}
		if rapid.Bool().Draw(t, "no last line end") {
			text = bytes.TrimSuffix(text, []byte("\n"))
		}
		got, err := ledger.SplitNotes(text)
		if err != nil || !slices.EqualFunc(got, picked, bytes.Equal) {
			t.Fatalf("%q is split into %q, %v", text, got, err)
		}
	})
	whole := slices.Concat(notes[1], notes[2])
	for cut := len(notes[1]) + 1; cut < len(whole); cut++ {
		got, err := ledger.SplitNotes(whole[:cut])
		signed := bytes.Contains(whole[len(notes[1]):cut], []byte("\n— "))
		if signed != (err == nil) || len(got) == 0 || !bytes.Equal(got[0], notes[1]) || err != nil && !strings.Contains(err.Error(), "at line 6") {
			t.Fatalf("%q is split into %q, %v", whole[:cut], got, err)
		}
	}
}

// A tree continues every older one of its own, and no other.
func TestContinues(t *testing.T) {
	t.Parallel()
	stored, other := tileMap{}, tileMap{}
	var heads []ledger.Checkpoint
	for size := uint64(0); size < 600; size += 25 {
		tiles, root, err := ledger.Append(size, stored, testLeaves(int(size) + 25)[size:])
		if err != nil {
			t.Fatal(err)
		}
		stored.save(tiles)
		heads = append(heads, ledger.Checkpoint{Origin: "makegood/a", Size: size + 25, Root: root})
	}
	changed := testLeaves(600)
	changed[300][0] ^= 1
	tiles, root, err := ledger.Append(0, nil, changed)
	if err != nil {
		t.Fatal(err)
	}
	other.save(tiles)
	fork := ledger.Checkpoint{Origin: "makegood/a", Size: 600, Root: root}
	own := heads[len(heads)-1]
	for _, older := range heads {
		if err := ledger.Continues(own, older, stored); err != nil {
			t.Errorf("of %d entries: %v", older.Size, err)
		}
		if err := ledger.Continues(fork, older, other); (err == nil) != (older.Size <= 300) {
			t.Errorf("the fork at 300 of %d entries: %v", older.Size, err)
		}
	}
	if err := ledger.Continues(heads[3], own, stored); err == nil || !strings.Contains(err.Error(), "the last 500 were lost") {
		t.Errorf("a tree whose end was lost: %v", err)
	}
	if err := ledger.Continues(own, ledger.Checkpoint{Origin: "makegood/b", Size: 1}, stored); err == nil {
		t.Error("a tree continues another ledger's")
	}
}
