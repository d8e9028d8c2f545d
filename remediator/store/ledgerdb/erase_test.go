package ledgerdb

import (
	"bytes"
	"database/sql"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/ledger"
)

func TestErasureDestroysTheKey(t *testing.T) { engines(t, testErasureDestroysTheKey) }

// An erasure destroys the key that there was, and what comes after it, in the same
// commit or a later one, is under another.
func testErasureDestroysTheKey(t *testing.T) {
	w := newWorld(t)
	w.commit(w.refund("one"))
	key := w.keyOf("c-one")
	if files := w.files(); len(files) > 0 && !holdKey(t, files, key) {
		t.Fatal("the key is not in the files: nothing would be checked")
	}
	w.db.newKey = randomKey // as outside of tests
	out := w.outcome("one", decide.Succeeded, true)
	to := w.next()
	evidence := func(text string) decide.Item {
		return decide.Item{Evidence: &decide.Evidence{Customer: "c-one", Remedy: id("one"), Kind: "event", At: to.At, Ordinal: to.Ordinal, Plain: []byte(text)}}
	}
	out.Items = append(out.Items, evidence("before"), w.fact(decide.KindErasure, decide.Fact{}, decide.ErasureFact{Customer: "c-one", By: "ann"}), evidence("after"))
	w.commit(out)
	if again := w.keyOf("c-one"); again == key || again == [32]byte{} {
		t.Error("what came after the erasure has the key of before, or none")
	}
	if files := w.files(); len(files) > 0 && holdKey(t, files, key) {
		t.Error("the destroyed key is still in the files")
	}
	// Nothing takes the place of a key after which nothing comes.
	for _, name := range []string{"two", "three", "four"} {
		w.commit(w.refund(name))
	}
	key = w.keyOf("c-three")
	w.commit(&decide.Output{Items: []decide.Item{w.fact(decide.KindErasure, decide.Fact{}, decide.ErasureFact{Customer: "c-three", By: "ann"})}})
	if left := w.keyOf("c-three"); left != [32]byte{} {
		t.Error("the key of an erased customer is there")
	}
	if files := w.files(); len(files) > 0 && holdKey(t, files, key) {
		t.Error("the destroyed key is still in the files, where nothing took its place")
	}
	contents, erased, err := w.db.Evidence(t.Context(), id("one"))
	if err != nil || erased != 2 || len(contents) != 1 || string(contents[0].Plain) != "after" {
		t.Errorf("opened %+v, %d erased, %v", contents, erased, err)
	}
	entries, err := w.db.History(t.Context(), id("one"))
	if err != nil {
		t.Fatal(err)
	}
	gone, err := w.db.Erased(t.Context(), entries)
	if err != nil || len(gone) != 2 {
		t.Errorf("erased are %v, %v", gone, err)
	}
	mustVerify(t, w.db)
}

// keyOf returns the key of a customer.
func (w *world) keyOf(customer string) [32]byte {
	w.t.Helper()
	keys, err := w.db.CustomerKeys(w.t.Context(), []string{customer})
	if err != nil {
		w.t.Fatal(err)
	}
	return keys[customer]
}

// files are those of the ledger; none on a server.
func (w *world) files() []string {
	w.t.Helper()
	found, err := filepath.Glob(w.path() + "*")
	if err != nil {
		w.t.Fatal(err)
	}
	return found
}

func holdKey(t *testing.T, files []string, key [32]byte) bool {
	t.Helper()
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(text, key[:]) {
			return true
		}
	}
	return false
}

// On a server a commit does not wait until the table of keys is vacuumed, which somebody
// may hold up for as long as they like.
func TestCommitsDoNotWaitForTheVacuum(t *testing.T) {
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.commit(w.refund("one"))
		db, err := sql.Open("postgres", w.path())
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		tx, err := db.Begin()
		if err != nil {
			t.Fatal(err)
		}
		defer tx.Rollback()
		if _, err := tx.Exec(`LOCK TABLE customer_key IN SHARE UPDATE EXCLUSIVE MODE`); err != nil { // as an ANALYZE has it
			t.Fatal(err)
		}
		waiting := func() (n int) {
			t.Helper()
			if err := tx.QueryRow(`SELECT COUNT(*) FROM pg_locks WHERE relation = 'customer_key'::regclass AND NOT granted`).Scan(&n); err != nil {
				t.Fatal(err)
			}
			return n
		}
		w.commit(&decide.Output{Items: []decide.Item{w.fact(decide.KindErasure, decide.Fact{}, decide.ErasureFact{Customer: "c-one", By: "ann"})}})
		for limit := time.After(20 * time.Second); waiting() == 0; { // it never does after a commit that waited itself
			select {
			case <-limit:
				t.Fatal("the table of keys is not about to be vacuumed")
			case <-time.After(time.Millisecond):
			}
		}
		w.commit(w.refund("two"))
		if err := tx.Rollback(); err != nil {
			t.Fatal(err)
		}
	})
}

// A key that was made in the commit in which it was erased is never stored.
func TestKeysErasedInTheirOwnCommit(t *testing.T) {
	t.Parallel()
	made := byte(0)
	keys := &customerKeys{stored: map[string][32]byte{}, fresh: map[string][32]byte{}, erased: map[string]bool{}, make: func(string) [32]byte {
		made++
		return [32]byte{made}
	}}
	var _ ledger.Keys = keys
	first, _ := keys.Of("c")
	keys.Erase("c")
	second, _ := keys.Of("c")
	if first == second || len(keys.fresh) != 1 || keys.fresh["c"] != second || !keys.erased["c"] {
		t.Errorf("%x, then %x; to be stored %x", first, second, keys.fresh)
	}
}
