package ledger_test

import (
	"context"
	"crypto/sha256"
	"flag"
	"fmt"
	"path/filepath"
	"testing"

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
