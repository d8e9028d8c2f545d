package ledger_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/transparency-dev/merkle/proof"
	"github.com/transparency-dev/merkle/rfc6962"
	"golang.org/x/mod/sumdb/tlog"
	"pgregory.net/rapid"

	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/ledger"
)

// entriesOf returns the entries of a remedy as a store would read them.
func (m *memory) entriesOf(t testing.TB, remedy uuid.UUID) (entries []ledger.Entry) {
	t.Helper()
	for _, row := range m.rows {
		if row.Remedy != remedy.String() {
			continue
		}
		e := ledger.Entry{Seq: uint64(row.Seq), Fact: decide.Fact{
			Kind: row.Kind, At: row.At, Ordinal: uint64(row.Ordinal), Version: int(row.Version), Remedy: remedy, Rule: row.Rule, Body: row.Body,
		}}
		if row.Action != "" {
			e.Action = uuid.MustParse(row.Action)
		}
		entries = append(entries, e)
	}
	return entries
}

// remediesOf lists the remedies of a ledger, each once.
func (m *memory) remediesOf() (remedies []uuid.UUID) {
	seen := map[string]bool{}
	for _, row := range m.rows {
		if row.Remedy != "" && !seen[row.Remedy] {
			seen[row.Remedy] = true
			remedies = append(remedies, uuid.MustParse(row.Remedy))
		}
	}
	return remedies
}

// receipt proves a remedy by the newest checkpoint.
func (m *memory) receipt(t testing.TB, remedy uuid.UUID) *ledger.Receipt {
	t.Helper()
	r, err := ledger.Prove(m.checkpoint[0].Note, remedy, m.entriesOf(t, remedy), m.tiles)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// Receipts of all remedies at all sizes are read back, hold, and hold by another
// implementation that reads them as plain JSON.
func TestReceipts(t *testing.T) {
	t.Parallel()
	s := newSealed(t, 21, 12, 40)
	last, proven := s.last(), 0
	for _, past := range s.past {
		for _, remedy := range past.remediesOf() {
			// The tiles are those of the grown tree: that of then begins them.
			r, err := ledger.Prove(past.checkpoint[0].Note, remedy, last.entriesOf(t, remedy), last.tiles)
			if err != nil {
				t.Fatal(err)
			}
			decoded, err := ledger.DecodeReceipt(r.Encode())
			if err != nil {
				t.Fatal(err)
			}
			if faults := decoded.Check(s.public, remedy); len(faults) > 0 || len(r.Entries) != len(past.entriesOf(t, remedy)) {
				t.Fatalf("a receipt of %d entries, of %d: %v", len(r.Entries), len(past.entriesOf(t, remedy)), faults)
			}
			proven += checkElsewhere(t, r.Encode())
		}
	}
	if proven < 1000 {
		t.Errorf("%d entries were proven", proven)
	}
}

// checkElsewhere checks the proofs of a receipt without our program's help.
func checkElsewhere(t *testing.T, data []byte) (proven int) {
	t.Helper()
	var r struct {
		Size       uint64
		Checkpoint string
		Entries    []struct {
			Index uint64
			Entry string
			Proof [][]byte
		}
	}
	if err := json.Unmarshal(data, &r); err != nil {
		t.Fatal(err)
	}
	root, err := base64.StdEncoding.DecodeString(strings.Split(r.Checkpoint, "\n")[2])
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range r.Entries {
		leaf := rfc6962.DefaultHasher.HashLeaf([]byte(e.Entry))
		if err := proof.VerifyInclusion(rfc6962.DefaultHasher, e.Index, r.Size, leaf, e.Proof, root); err != nil {
			t.Errorf("entry %d: %v", e.Index, err)
		}
		proven++
	}
	return proven
}

// What is wrong is named: the part, and the entry where it is one's.
func TestReceiptFaultsAreNamed(t *testing.T) {
	t.Parallel()
	s := newSealed(t, 22, 6, 40)
	_, otherKey := newSigner(t, 23, ledger.Origin(testLog))
	m := s.last()
	remedies := m.remediesOf()
	long := slices.MaxFunc(remedies, func(a, b uuid.UUID) int { return len(m.entriesOf(t, a)) - len(m.entriesOf(t, b)) })
	other := remedies[0]
	if other == long {
		other = remedies[1]
	}
	foreign := m.receipt(t, other)
	for _, c := range []struct {
		name   string
		key    string
		wanted uuid.UUID
		change func(*ledger.Receipt)
		part   string
		entry  int // of the receipt that must be named; -1 for none
	}{
		{"nothing", s.public, long, func(*ledger.Receipt) {}, "", -1},
		{"an entry's bytes", s.public, long, func(r *ledger.Receipt) {
			r.Entries[1].Entry = strings.Replace(r.Entries[1].Entry, `"at":"2001`, `"at":"2002`, 1)
		}, ledger.PartEntry, 1},
		{"an entry with its leaf", s.public, long, func(r *ledger.Receipt) {
			r.Entries[1].Entry = strings.Replace(r.Entries[1].Entry, `"at":"2001`, `"at":"2002`, 1)
			r.Entries[1].Leaf = ledger.LeafHash([]byte(r.Entries[1].Entry))
		}, ledger.PartProof, 1},
		{"a leaf", s.public, long, func(r *ledger.Receipt) { r.Entries[0].Leaf[7] ^= 1 }, ledger.PartEntry, 0},
		{"a hash of a proof", s.public, long, func(r *ledger.Receipt) { r.Entries[2].Proof[1][0] ^= 1 }, ledger.PartProof, 2},
		{"a proof cut off", s.public, long, func(r *ledger.Receipt) { r.Entries[2].Proof = r.Entries[2].Proof[1:] }, ledger.PartProof, 2},
		{"another place", s.public, long, func(r *ledger.Receipt) { r.Entries[0].Index-- }, ledger.PartEntry, 0},
		{"an entry twice", s.public, long, func(r *ledger.Receipt) { r.Entries[1] = r.Entries[0] }, ledger.PartEntry, 1},
		{"an entry of another remedy", s.public, long, func(r *ledger.Receipt) { r.Entries = append(foreign.Entries[:1:1], r.Entries...) }, ledger.PartRemedy, 0},
		{"another remedy", s.public, long, func(r *ledger.Receipt) { *r = *foreign }, ledger.PartRemedy, -1},
		{"the remedy's name", s.public, uuid.Nil, func(r *ledger.Receipt) { r.Remedy = other }, ledger.PartRemedy, 0},
		{"no entries", s.public, long, func(r *ledger.Receipt) { r.Entries = nil }, ledger.PartEntry, -1},
		{"the size", s.public, long, func(r *ledger.Receipt) { r.Size++ }, ledger.PartCheckpoint, -1},
		{"the origin", s.public, long, func(r *ledger.Receipt) { r.Origin += "x" }, ledger.PartCheckpoint, -1},
		{"the signed size", s.public, long, func(r *ledger.Receipt) { r.Checkpoint = strings.Replace(r.Checkpoint, "\n", "\n1", 1) }, ledger.PartSignature, -1},
		{"the signature", s.public, long, func(r *ledger.Receipt) { r.Checkpoint = strings.Replace(r.Checkpoint, "\n— ", "\n+ ", 1) }, ledger.PartSignature, -1},
		{"a second signature", s.public, long, func(r *ledger.Receipt) { r.Checkpoint += "— witness AAAAAAA=\n" }, ledger.PartSignature, -1},
		{"an older checkpoint", s.public, long, func(r *ledger.Receipt) { r.Checkpoint = string(s.past[0].checkpoint[0].Note) }, ledger.PartCheckpoint, -1},
		{"the key's name", s.public, long, func(r *ledger.Receipt) { r.Key += "0" }, ledger.PartKey, -1},
		{"another key", otherKey, long, func(*ledger.Receipt) {}, ledger.PartKey, -1},
		{"no key", "the key", long, func(*ledger.Receipt) {}, ledger.PartKey, -1},
	} {
		r := m.receipt(t, long)
		if len(r.Entries) < 3 {
			t.Fatalf("the remedy has %d entries", len(r.Entries))
		}
		c.change(r)
		faults := r.Check(c.key, c.wanted)
		if c.part == "" {
			if len(faults) > 0 {
				t.Errorf("%s: %v", c.name, faults)
			}
			continue
		}
		if len(faults) == 0 || faults[0].Part != c.part || (faults[0].Index != nil) != (c.entry >= 0) ||
			c.entry >= 0 && *faults[0].Index != r.Entries[c.entry].Index {
			t.Errorf("%s: found %v, want %s", c.name, faults, c.part)
		}
	}
}

// A ledger that was changed gives no receipt.
func TestProveRefusesWhatWasChanged(t *testing.T) {
	t.Parallel()
	s := newSealed(t, 24, 6, 40)
	remedy := s.last().remediesOf()[3]
	for name, change := range map[string]func(m *memory, entries []ledger.Entry) []ledger.Entry{
		"an entry": func(_ *memory, entries []ledger.Entry) []ledger.Entry { entries[0].At++; return entries },
		"a tile": func(m *memory, entries []ledger.Entry) []ledger.Entry {
			m.tiles[[2]uint64{0, entries[0].Seq / 256}][3] ^= 1
			return entries
		},
		"a missing tile": func(m *memory, entries []ledger.Entry) []ledger.Entry {
			delete(m.tiles, [2]uint64{0, entries[0].Seq / 256})
			return entries
		},
		"the checkpoint": func(m *memory, entries []ledger.Entry) []ledger.Entry {
			m.checkpoint[0].Note = bytes.Replace(m.checkpoint[0].Note, []byte("\n"), []byte("\n9"), 1)
			return entries
		},
		"no note":    func(m *memory, entries []ledger.Entry) []ledger.Entry { m.checkpoint[0].Note = nil; return entries },
		"no entries": func(*memory, []ledger.Entry) []ledger.Entry { return nil },
	} {
		m := s.last()
		entries := change(m, m.entriesOf(t, remedy))
		if r, err := ledger.Prove(m.checkpoint[0].Note, remedy, entries, m.tiles); err == nil {
			t.Errorf("%s was changed, and there is a receipt: %s", name, r.Encode())
		}
	}
}

// TestEveryChangedByteOfAReceiptIsFound replaces, removes and adds bytes.
func TestEveryChangedByteOfAReceiptIsFound(t *testing.T) {
	t.Parallel()
	s := newSealed(t, 25, 6, 40)
	m := s.last()
	original := m.receipt(t, m.remediesOf()[5]).Encode()
	rng := rand.New(rand.NewPCG(1, 2))
	found := func(data []byte) bool {
		r, err := ledger.DecodeReceipt(data)
		return err != nil || len(r.Check(s.public, uuid.Nil)) > 0
	}
	if found(original) {
		t.Fatal("the receipt itself is wrong")
	}
	checked := 0
	for at := range original {
		changed := bytes.Clone(original)
		for changed[at] == original[at] {
			changed[at] = []byte{original[at] ^ 1<<rng.IntN(8), byte(rng.IntN(256)), original[rng.IntN(len(original))]}[rng.IntN(3)]
		}
		without := slices.Delete(bytes.Clone(original), at, at+1)
		with := slices.Insert(bytes.Clone(original), at, original[rng.IntN(len(original))])
		for _, data := range [][]byte{changed, without, with} {
			if checked++; !found(data) && !bytes.Equal(data, original) {
				t.Errorf("a change at byte %d is not found:\n%s", at, data)
			}
		}
	}
	if checked < 3000 {
		t.Errorf("%d changes were made", checked)
	}
}

// Whatever a receipt holds, it is written in one way and read back as it was.
func TestReceiptsAreReadBack(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		hash := rapid.Custom(func(t *rapid.T) (h tlog.Hash) {
			copy(h[:], rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(t, "hash"))
			return h
		})
		r := &ledger.Receipt{
			Format: "makegood-receipt/v1", Origin: rapid.String().Draw(t, "origin"), Key: rapid.String().Draw(t, "key"),
			Remedy: uuid.NewSHA1(uuid.Nil, rapid.SliceOf(rapid.Byte()).Draw(t, "remedy")), Size: rapid.Uint64().Draw(t, "size"),
			Checkpoint: rapid.String().Draw(t, "checkpoint"),
		}
		for range rapid.IntRange(0, 3).Draw(t, "entries") {
			r.Entries = append(r.Entries, ledger.ProvenEntry{
				Index: rapid.Uint64().Draw(t, "index"), Leaf: hash.Draw(t, "leaf"), Entry: rapid.String().Draw(t, "entry"),
				Proof: rapid.SliceOfN(hash, 0, 3).Draw(t, "proof"),
			})
		}
		data := r.Encode()
		read, err := ledger.DecodeReceipt(data)
		if err != nil || !bytes.Equal(read.Encode(), data) || !json.Valid(data) {
			t.Fatalf("%s is read as %+v, %v", data, read, err)
		}
	})
}

// FuzzReceipt holds that whatever is accepted has one encoding only, and that
// nothing is proven by a key that signed nothing.
func FuzzReceipt(f *testing.F) {
	m := newSealed(f, 26, 2, 10).last()
	f.Add(m.receipt(f, m.remediesOf()[0]).Encode())
	_, public := newSigner(f, 27, ledger.Origin(testLog))
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := ledger.DecodeReceipt(data)
		if err != nil {
			return
		}
		if !bytes.Equal(r.Encode(), data) {
			t.Errorf("%q is accepted and written as %q", data, r.Encode())
		}
		if faults := r.Check(public, uuid.Nil); len(faults) == 0 {
			t.Errorf("%s is proven by a key that signed nothing", data)
		}
	})
}
