package ledger_test

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"testing"

	"github.com/google/uuid"
	"golang.org/x/mod/sumdb/note"

	"github.com/makegood/makegood/remediator/ledger"
)

// memory is a ledger in memory that a test can make lie.
type memory struct {
	rows       []ledger.Row
	tiles      tileMap
	checkpoint []ledger.CheckpointRow
	applied    []ledger.AppliedRow
}

func (m *memory) Entries(_ context.Context, after int64, limit int) ([]ledger.Row, error) {
	at, _ := slices.BinarySearchFunc(m.rows, after, func(r ledger.Row, after int64) int {
		if r.Seq <= after {
			return -1
		}
		return 1
	})
	return slices.Clone(m.rows[at:min(at+limit, len(m.rows))]), nil
}

func (m *memory) Cords(context.Context, int64, int64, int) ([]ledger.Row, error) { return nil, nil }

func (m *memory) Tiles(_ context.Context, level, index int64, limit int) ([]ledger.TileRow, error) {
	keys := slices.SortedFunc(maps.Keys(m.tiles), func(a, b [2]uint64) int {
		return cmp.Or(cmp.Compare(a[0], b[0]), cmp.Compare(a[1], b[1]))
	})
	var rows []ledger.TileRow
	for _, k := range keys {
		if l, i := int64(k[0]), int64(k[1]); (l > level || l == level && i > index) && len(rows) < limit {
			rows = append(rows, ledger.TileRow{Level: l, Index: i, Width: int64(len(m.tiles[k]) / 32), Hashes: m.tiles[k]})
		}
	}
	return rows, nil
}

func (m *memory) Checkpoints(context.Context) ([]ledger.CheckpointRow, error) {
	return m.checkpoint, nil
}

func (m *memory) Applied(context.Context) ([]ledger.AppliedRow, error) { return m.applied, nil }

// commit appends one transaction as a store does.
func (m *memory) commit(t testing.TB, c commit, signer note.Signer) {
	t.Helper()
	entries, err := ledger.Entries(uint64(len(m.rows)), c.output.Items, keysOf(func(customer string) ([32]byte, error) { return testKey(customer), nil }))
	if err != nil {
		t.Fatal(err)
	}
	m.seal(t, entries, signer)
	a := ledger.Applied{Position: c.position, Size: uint64(len(m.rows))}
	signed, err := ledger.SignApplied(a, signer)
	if err != nil {
		t.Fatal(err)
	}
	m.applied = []ledger.AppliedRow{{
		LogID: a.LogID, Record: int64(a.Record), Ordinal: int64(a.Ordinal), At: a.At, Digest: a.Digest[:], Version: int64(a.Version),
		Size: int64(a.Size), Note: signed,
	}}
}

// seal adds entries, their tiles and the checkpoint.
func (m *memory) seal(t testing.TB, entries []ledger.Entry, signer note.Signer) {
	t.Helper()
	var leaves [][32]byte
	for _, e := range entries {
		leaves = append(leaves, ledger.LeafHash(e.Encode()))
	}
	tiles, root, err := ledger.Append(uint64(len(m.rows)), m.tiles, leaves)
	if err != nil {
		t.Fatal(err)
	}
	m.tiles.save(tiles)
	for i, e := range entries {
		m.rows = append(m.rows, rowOf(e, leaves[i]))
	}
	signed, err := ledger.Sign(ledger.Checkpoint{Origin: signer.Name(), Size: uint64(len(m.rows)), Root: root}, signer)
	if err != nil {
		t.Fatal(err)
	}
	m.checkpoint = []ledger.CheckpointRow{{Size: int64(len(m.rows)), Root: root[:], Note: signed}}
}

func rowOf(e ledger.Entry, leaf [32]byte) ledger.Row {
	r := ledger.Row{
		Seq: int64(e.Seq), Kind: e.Kind, At: e.At, Ordinal: int64(e.Ordinal), Version: int64(e.Version), Rule: e.Rule,
		Body: e.Body, Leaf: leaf[:],
	}
	if e.Remedy != uuid.Nil {
		r.Remedy = e.Remedy.String()
	}
	if e.Action != uuid.Nil {
		r.Action = e.Action.String()
	}
	return r
}

// clone copies the ledger so far that a test can change it.
func (m *memory) clone() *memory {
	c := &memory{rows: slices.Clone(m.rows), tiles: tileMap{}, checkpoint: slices.Clone(m.checkpoint), applied: slices.Clone(m.applied)}
	for i := range c.rows {
		c.rows[i].Body, c.rows[i].Leaf = slices.Clone(c.rows[i].Body), slices.Clone(c.rows[i].Leaf)
	}
	for k, hashes := range m.tiles {
		c.tiles[k] = slices.Clone(hashes)
	}
	return c
}

// sealed is a ledger with its past: the ledger as it was after each commit.
type sealed struct {
	signer note.Signer
	public string
	past   []*memory
}

func (s *sealed) last() *memory { return s.past[len(s.past)-1].clone() }

const testLog = "0f5c1a52-8a4e-4b6f-9b1d-0c7f5a2d9e11"

// newSealed commits a history in n transactions.
func newSealed(t testing.TB, seed uint64, n, most int) *sealed {
	t.Helper()
	s := &sealed{}
	s.signer, s.public = newSigner(t, seed, ledger.Origin(testLog))
	m := &memory{tiles: tileMap{}}
	for _, c := range newHistory(t, seed, testLog, s.public).commits(n, most) {
		m.commit(t, c, s.signer)
		s.past = append(s.past, m.clone())
	}
	return s
}

// keysOf makes the keys of customers by a function; none is erased.
type keysOf func(customer string) ([32]byte, error)

func (k keysOf) Of(customer string) ([32]byte, error) { return k(customer) }
func (keysOf) Erase(string)                           {}
