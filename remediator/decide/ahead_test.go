package decide

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"testing"

	"github.com/google/uuid"

	"github.com/makegood/makegood/remediator/money"
)

// TestAheadIsNoOther asks a memory that has everything, and one of which the last
// output is on its way, before it has arrived there and after, the same questions.
func TestAheadIsNoOther(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2))
	ids, payments := make([]uuid.UUID, 9), []string{"stripe:a", "stripe:b", "stripe:a", "other:a"}
	for i := range ids {
		ids[i] = uuid.NewSHA1(uuid.NameSpaceOID, []byte{byte(i)})
	}
	whole, stored := NewMemory(), NewMemory()
	ahead := NewAhead(stored)
	ordinal, some := uint64(0), 0
	for range 80 {
		var out Output
		began := ordinal
		for range 1 + random.IntN(3) {
			ordinal++
			out.Keys = append(out.Keys, KeyTaken{Remedy: ids[random.IntN(len(ids))], Shadow: random.IntN(2) == 0, Ordinal: ordinal})
			out.Payments = append(out.Payments, PaymentEntry{Payment: payments[random.IntN(len(payments))], Ordinal: ordinal,
				Amount: money.Money{Minor: int64(random.IntN(5) - 2), Currency: []string{"USD", "EUR"}[random.IntN(2)]}})
			out.Refunds = append(out.Refunds, Refund{Name: payments[random.IntN(len(payments))], Status: fmt.Sprint(ordinal), Ordinal: ordinal})
		}
		whole.Commit(&out)
		ahead.Send(began, &out)
		for _, arrived := range []bool{false, true} {
			if arrived {
				stored.Commit(&out)
			}
			for before := max(began, 2) - 1; before <= ordinal+1; before++ {
				some += sameMemory(t, ahead, whole, ids, payments, before)
			}
		}
		if random.IntN(2) == 0 {
			ahead.Arrived()
			some += sameMemory(t, ahead, whole, ids, payments, ordinal+1)
		}
	}
	if some == 0 {
		t.Error("nothing was ever taken or refunded: nothing was checked")
	}
}

// sameMemory asks both everything, and returns how much there was.
func sameMemory(t *testing.T, got, want Memory, ids []uuid.UUID, payments []string, before uint64) (some int) {
	t.Helper()
	must := func(value any, err error) any {
		if err != nil {
			t.Fatal(err)
		}
		some += reflect.Indirect(reflect.ValueOf(value)).Len()
		return value
	}
	same := func(got, want any) {
		if (reflect.ValueOf(got).Len() > 0 || reflect.ValueOf(want).Len() > 0) && !reflect.DeepEqual(got, want) {
			t.Errorf("before %d: %v, want %v", before, got, want)
		}
	}
	for _, shadow := range []bool{false, true} {
		taken, err := got.Taken(ids, shadow, before)
		wanted, wantedErr := want.Taken(ids, shadow, before)
		same(must(taken, err), must(wanted, wantedErr))
	}
	refunded, err := got.Refunded(payments, before)
	wanted, wantedErr := want.Refunded(payments, before)
	same(must(refunded, err), must(wanted, wantedErr))
	for _, name := range payments {
		r, err := got.Refund(name, before)
		w, wantedErr := want.Refund(name, before)
		if err != nil || wantedErr != nil || !reflect.DeepEqual(r, w) {
			t.Errorf("refund %s before %d: %+v %v, want %+v %v", name, before, r, err, w, wantedErr)
		}
	}
	return some
}
