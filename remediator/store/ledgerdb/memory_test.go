package ledgerdb

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"testing"

	"github.com/google/uuid"

	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/money"
)

// TestMemoryAsInRAM asks the ledger and the memory of rehearsals the same
// questions about random keys and payments, at every ordinal.
func TestMemoryAsInRAM(t *testing.T) { engines(t, testMemoryAsInRAM) }

func testMemoryAsInRAM(t *testing.T) {
	w := newWorld(t)
	random := rand.New(rand.NewPCG(1, 2))
	ram := decide.NewMemory()
	ids := make([]uuid.UUID, 30)
	for i := range ids {
		ids[i] = id(fmt.Sprint("key", i))
	}
	payments := []string{"stripe:a", "stripe:b", "stripe:b'; --", "other:a"}
	for range 60 {
		var out decide.Output
		ordinal := w.next().Ordinal
		for range random.IntN(4) {
			out.Keys = append(out.Keys, decide.KeyTaken{
				Remedy: ids[random.IntN(len(ids))], Scope: "scope", Shadow: random.IntN(2) == 0, Ordinal: ordinal,
			})
			out.Payments = append(out.Payments, decide.PaymentEntry{
				Payment: payments[random.IntN(len(payments))], Action: ids[random.IntN(len(ids))], Ordinal: ordinal,
				Amount: money.Money{Minor: int64(random.IntN(7) - 3), Currency: []string{"USD", "EUR", "JPY"}[random.IntN(3)]},
			})
		}
		for range random.IntN(3) {
			out.Refunds = append(out.Refunds, decide.Refund{
				Name: payments[random.IntN(len(payments))], Status: decide.Pending, Payments: payments[:1+random.IntN(2)],
				Amount: money.Money{Minor: random.Int64N(9), Currency: "USD"}, Charges: []byte{byte(random.IntN(9))}, Ordinal: ordinal,
			})
		}
		w.commit(&out)
		ram.Commit(&out)
	}
	some := 0
	for before := uint64(0); before <= w.at.Ordinal+2; before++ {
		for _, shadow := range []bool{false, true} {
			got, err := w.db.Taken(ids, shadow, before)
			if err != nil {
				t.Fatal(err)
			}
			want, err := ram.Taken(ids, shadow, before)
			if err != nil {
				t.Fatal(err)
			}
			some += len(want)
			if !reflect.DeepEqual(got, want) {
				t.Errorf("taken before %d (shadow %v): %v, want %v", before, shadow, got, want)
			}
		}
		w.sameRefunds(ram, payments, before)
		got, err := w.db.Refunded(payments, before)
		if err != nil {
			t.Fatal(err)
		}
		want, err := ram.Refunded(payments, before)
		if err != nil {
			t.Fatal(err)
		}
		some += len(want)
		if len(got) != len(want) || len(want) > 0 && !reflect.DeepEqual(got, want) {
			t.Errorf("refunded before %d: %v, want %v", before, got, want)
		}
	}
	if some == 0 {
		t.Error("nothing was ever taken or refunded: nothing was checked")
	}
}

// sameRefunds compares what is known of refunds.
func (w *world) sameRefunds(ram *decide.RAM, names []string, before uint64) {
	for _, name := range names {
		got, err := w.db.Refund(name, before)
		if err != nil {
			w.t.Fatal(err)
		}
		want, err := ram.Refund(name, before)
		if err != nil || !reflect.DeepEqual(got, want) {
			w.t.Errorf("refund %q before %d: %+v, want %+v, %v", name, before, got, want, err)
		}
	}
}

// TestFirstTakerKeepsTheKey holds that a key stays with the input that took it
// first, in this commit or in an earlier one.
func TestFirstTakerKeepsTheKey(t *testing.T) { engines(t, testFirstTakerKeepsTheKey) }

func testFirstTakerKeepsTheKey(t *testing.T) {
	w := newWorld(t)
	w.commit(&decide.Output{Keys: []decide.KeyTaken{{Remedy: id("k"), Ordinal: 7}, {Remedy: id("k"), Ordinal: 9}}})
	w.commit(&decide.Output{Keys: []decide.KeyTaken{{Remedy: id("k"), Ordinal: 8}}})
	for before, want := range map[uint64]bool{7: false, 8: true, 9: true} {
		taken, err := w.db.Taken([]uuid.UUID{id("k")}, false, before)
		if err != nil || taken[id("k")] != want {
			t.Errorf("taken before %d: %v, %v; want %v", before, taken, err, want)
		}
	}
}

func TestTakenAnswersForAnyNumberOfIDs(t *testing.T) { engines(t, testTakenAnswersForAnyNumberOfIDs) }

func testTakenAnswersForAnyNumberOfIDs(t *testing.T) {
	w := newWorld(t)
	var out decide.Output
	var all []uuid.UUID
	for n := range 700 {
		all = append(all, id(fmt.Sprint(n)))
		if n%2 == 0 {
			out.Keys = append(out.Keys, decide.KeyTaken{Remedy: all[n], Ordinal: 1})
		}
	}
	w.commit(&out)
	for _, n := range []int{0, 1, 2, 15, 16, 17, 255, 256, 257, 600, 700} {
		taken, err := w.db.Taken(all[:n], false, 2)
		if err != nil || len(taken) != (n+1)/2 {
			t.Errorf("of %d ids %d are taken, %v; want %d", n, len(taken), err, (n+1)/2)
		}
		for i := range n {
			if taken[all[i]] != (i%2 == 0) {
				t.Errorf("id %d of %d: taken %v", i, n, taken[all[i]])
			}
		}
	}
}
