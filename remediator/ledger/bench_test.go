package ledger_test

import (
	"context"
	"crypto/sha256"
	"flag"
	"fmt"
	"path/filepath"
	"testing"

	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/ledger"
	"github.com/makegood/makegood/remediator/store/ledgerdb"
)

var benchEntries = flag.Int("entries", 100_000, "entries of the ledger that BenchmarkVerify verifies")

// BenchmarkVerify verifies a ledger of made-up decisions, from memory and from
// SQLite. go test -bench Verify -entries 1000000 takes a larger one.
func BenchmarkVerify(b *testing.B) {
	private, public := sqliteKey(b, 1)
	signer, _ := newSigner(b, 1, ledger.Origin(testLog))
	h := newHistory(b, 1, testLog, public)
	m := &memory{tiles: tileMap{}}
	var commits []commit
	for made := 0; made < *benchEntries; {
		c := h.commits(1, 2000)[0]
		m.commit(b, c, signer)
		commits = append(commits, c)
		made = len(m.rows)
	}
	measure := func(b *testing.B, src ledger.Source) {
		for b.Loop() {
			if report := verify(b, src, ledger.Options{}); !report.Verified {
				b.Fatal(text(b, report))
			}
		}
		b.ReportMetric(float64(b.N*len(m.rows))/b.Elapsed().Seconds(), "entries/s")
	}
	b.Run(fmt.Sprintf("memory/entries=%d", len(m.rows)), func(b *testing.B) { measure(b, m) })
	b.Run(fmt.Sprintf("sqlite/entries=%d", len(m.rows)), func(b *testing.B) {
		path := filepath.Join(b.TempDir(), "ledger.db")
		commitAll(b, path, private, commits, nil)
		db, err := ledgerdb.OpenReadOnly(context.Background(), path)
		if err != nil {
			b.Fatal(err)
		}
		defer db.Close()
		src, release, err := db.Source(context.Background())
		if err != nil {
			b.Fatal(err)
		}
		defer release()
		measure(b, src)
	})
}

// BenchmarkHashChain is what BenchmarkAppend is compared with: the least that
// any sealed list must do for a leaf.
func BenchmarkHashChain(b *testing.B) {
	var head [32]byte
	leaf := testLeaf(1)
	for b.Loop() {
		head = sha256.Sum256(append(head[:], leaf[:]...))
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "leaves/s")
}

// BenchmarkProve makes the receipt of a remedy of five entries in a tree of a
// million, and checks it. The floor is to hash one full tile; a proof needs the
// greater part of three, so that ratios to it are of any machine, however busy.
func BenchmarkProve(b *testing.B) {
	const size = 1_000_000
	signer, public := newSigner(b, 2, ledger.Origin(testLog))
	remedy := decide.RemedyID("late", "e-1")
	leaves := testLeaves(size)
	var entries []ledger.Entry
	for i := range uint64(5) {
		e := ledger.Entry{Seq: 1 + i*199_999, Fact: decide.Fact{Kind: decide.KindAction, Ordinal: i, Version: 1, Remedy: remedy, Body: []byte(`{"status":"succeeded"}`)}}
		leaves[e.Seq] = ledger.LeafHash(e.Encode())
		entries = append(entries, e)
	}
	tiles, root, err := ledger.Append(0, nil, leaves)
	if err != nil {
		b.Fatal(err)
	}
	stored := tileMap{}
	stored.save(tiles)
	checkpoint, err := ledger.Sign(ledger.Checkpoint{Origin: signer.Name(), Size: size, Root: root}, signer)
	if err != nil {
		b.Fatal(err)
	}
	var r *ledger.Receipt
	var floor float64 // ns
	perEntry := func(b *testing.B) float64 { return float64(b.Elapsed().Nanoseconds()) / float64(b.N*len(entries)) }
	b.Run("floor", func(b *testing.B) {
		for b.Loop() {
			if _, _, err := ledger.Append(0, nil, leaves[:ledger.TileWidth]); err != nil {
				b.Fatal(err)
			}
		}
		floor = float64(b.Elapsed().Nanoseconds()) / float64(b.N)
	})
	b.Run("prove", func(b *testing.B) {
		for b.Loop() {
			if r, err = ledger.Prove(checkpoint, remedy, entries, stored); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(perEntry(b), "ns/entry")
		b.ReportMetric(perEntry(b)/floor, "floors/entry")
	})
	b.Run("check", func(b *testing.B) {
		for b.Loop() {
			if faults := r.Check(public, remedy); len(faults) > 0 {
				b.Fatal(faults)
			}
		}
		b.ReportMetric(perEntry(b), "ns/entry")
		b.ReportMetric(perEntry(b)/floor, "floors/entry")
	})
}
