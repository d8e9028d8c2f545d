package ledgerdb

import (
	"errors"
	"testing"

	"github.com/makegood/makegood/remediator/decide"
)

// later returns evidence about a customer, one input after where the world is.
func (w *world) later(remedy, customer string) *decide.Output {
	to := w.next()
	return &decide.Output{Items: []decide.Item{
		w.fact(decide.KindAction, decide.Fact{Remedy: id(remedy), Action: id(remedy + "/refund")}, decide.ActionFact{Name: "refund", Status: decide.Retrying}),
		{Evidence: &decide.Evidence{Customer: customer, Remedy: id(remedy), Kind: "event", At: to.At, Ordinal: to.Ordinal, Plain: []byte("later")}},
	}}
}

// TestPreparedAhead makes each change while the one before it is not written, and the
// ledger is as if each had waited.
func TestPreparedAhead(t *testing.T) { engines(t, testPreparedAhead) }

func testPreparedAhead(t *testing.T) {
	w := newWorld(t)
	w.db.newKey = randomKey // the second change must find the key of the first
	var before *Change
	prepare := func(out *decide.Output) *Change {
		to := w.next()
		c, err := w.db.Prepare(t.Context(), before, w.at, to, out)
		if err != nil {
			t.Fatal(err)
		}
		w.at, before = to, c
		return c
	}
	first := prepare(w.refund("one"))
	second := prepare(w.later("one", "c-one"))
	if err := w.db.Write(t.Context(), first); err != nil {
		t.Fatal(err)
	}
	erasing := prepare(&decide.Output{Items: []decide.Item{w.fact(decide.KindErasure, decide.Fact{}, decide.ErasureFact{Customer: "c-one", By: "ann"})}})
	w.db.committing.Lock()
	w.db.tip = nil // as when the answer was lost
	w.db.committing.Unlock()
	if err := w.db.Write(t.Context(), second); err != nil {
		t.Fatal(err)
	}
	contents, erased, err := w.db.Evidence(t.Context(), id("one"))
	if err != nil || erased > 0 || len(contents) != 2 {
		t.Fatalf("opened %+v, %d erased, %v", contents, erased, err)
	}
	destroyed := w.keyOf("c-one")
	after := prepare(w.later("one", "c-one"))
	for _, c := range []*Change{erasing, after} {
		if err := w.db.Write(t.Context(), c); err != nil {
			t.Fatal(err)
		}
	}
	if now := w.keyOf("c-one"); now == destroyed || now == [32]byte{} {
		t.Error("what came after the erasure has the key of before, or none")
	}
	mustVerify(t, w.db)
}

// TestNothingBehindWhatWasNotWritten has a change whose predecessor was not written, or
// was written by another who sealed the same under other keys.
func TestNothingBehindWhatWasNotWritten(t *testing.T) {
	engines(t, testNothingBehindWhatWasNotWritten)
}

func testNothingBehindWhatWasNotWritten(t *testing.T) {
	w := newWorld(t)
	w.db.newKey = randomKey
	from, to := w.at, w.next()
	out := w.refund("one")
	first, err := w.db.Prepare(t.Context(), nil, from, to, out)
	if err != nil {
		t.Fatal(err)
	}
	w.at = to
	second, err := w.db.Prepare(t.Context(), first, to, w.next(), w.refund("two"))
	if err != nil {
		t.Fatal(err)
	}
	before := dump(t, w.db)
	if err := w.db.Write(t.Context(), second); !errors.Is(err, ErrFenced) {
		t.Errorf("behind a change that is not written: %v", err)
	}
	if dump(t, w.db) != before {
		t.Error("something was written")
	}
	if err := w.db.Commit(t.Context(), from, to, out); err != nil { // the same inputs, other keys
		t.Fatal(err)
	}
	before = dump(t, w.db)
	if err := w.db.Write(t.Context(), second); !errors.Is(err, ErrFenced) {
		t.Errorf("behind what another has sealed: %v", err)
	}
	if dump(t, w.db) != before {
		t.Error("something was written")
	}
	mustVerify(t, w.db)
}
