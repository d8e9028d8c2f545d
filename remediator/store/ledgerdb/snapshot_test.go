package ledgerdb

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"reflect"
	"testing"

	"github.com/makegood/makegood/remediator/decide"
)

// snapshot is the output of a snapshot of a state.
func (w *world) snapshot(state string) *decide.Output {
	to := w.next()
	sum := sha256.Sum256([]byte(state))
	s := &decide.Snapshot{Position: to, Skip: 3, State: []byte(state), Digest: hex.EncodeToString(sum[:])}
	s.Position.Record-- // it may lie inside a record
	return &decide.Output{Snapshot: s, Items: []decide.Item{
		w.fact(decide.KindSnapshot, decide.Fact{}, decide.SnapshotFact{Through: to.Ordinal, Digest: s.Digest, Bytes: len(state)}),
	}}
}

func TestNewestSnapshotComesBack(t *testing.T) { engines(t, testNewestSnapshotComesBack) }

func testNewestSnapshotComesBack(t *testing.T) {
	w := newWorld(t)
	if s, err := w.db.Snapshot(t.Context()); err != nil || s != nil {
		t.Errorf("Snapshot of a new ledger = %v, %v; want none", s, err)
	}
	var last *decide.Snapshot
	for n := range 5 {
		out := w.snapshot(fmt.Sprint("state ", n))
		last = out.Snapshot
		w.commit(out)
	}
	w.commit(w.refund("after"))
	d := openAt(t, copyFiles(t, w.path()))
	got, err := d.Snapshot(t.Context())
	if err != nil || !reflect.DeepEqual(got, last) {
		t.Errorf("Snapshot = %+v, %v; want %+v", got, err, last)
	}
	var kept int
	if err := d.db.Read.QueryRow(`SELECT COUNT(*) FROM snapshot`).Scan(&kept); err != nil || kept != 1+keptSnapshots {
		t.Errorf("%d snapshots are kept, %v; want %d and the first of the day", kept, err, keptSnapshots)
	}
}

func TestChangedSnapshotIsRefused(t *testing.T) { engines(t, testChangedSnapshotIsRefused) }

func testChangedSnapshotIsRefused(t *testing.T) {
	forged := sha256.Sum256([]byte("forged"))
	for _, change := range []string{
		`UPDATE snapshot SET state = CAST('forged' AS BLOB)`,
		`UPDATE snapshot SET digest = '` + hex.EncodeToString(forged[:]) + `', state = CAST('forged' AS BLOB)`,
		`UPDATE snapshot SET ordinal = ordinal + 1`,
		`UPDATE snapshot SET sealed = 0`,
		`UPDATE snapshot SET sealed = 99`,
		`UPDATE ledger SET body = CAST(replace(body, '5', '6') AS BLOB) WHERE kind = 'snapshot'`,
	} {
		w := newWorld(t)
		w.commit(w.snapshot("state 5"))
		w.change(change)
		if s, err := w.db.Snapshot(t.Context()); err == nil {
			t.Errorf("%s: came back as %+v", change, s)
		}
	}
}
