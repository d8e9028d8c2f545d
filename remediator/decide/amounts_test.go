package decide

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"github.com/fxamacker/cbor/v2"

	"github.com/makegood/makegood/remediator/window"
)

// TestAmountMeters holds the meters of currencies against a map of them, which is
// what an encoded state has.
func TestAmountMeters(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(11, 3))
	currencies := []string{"CHF", "EUR", "JPY", "USD"}
	empty := 0
	for range 200 {
		var got amountMeters
		want, at := map[string]*window.Meter{}, int64(0)
		for range 60 {
			at += random.Int64N(40)
			currency, amount := currencies[random.IntN(len(currencies))], random.Int64N(9)-2
			switch random.IntN(4) {
			case 0:
				got.prune(at, 128)
				for currency, m := range want {
					if m.Prune(at, 128) {
						delete(want, currency)
					}
				}
			case 1:
				if m := want[currency]; m != nil && len(m.Slots) > 0 {
					slot := m.Slots[random.IntN(len(m.Slots))].Place
					m.Change(slot, amount)
					got.change(currency, slot, amount)
				}
			default:
				if want[currency] == nil {
					want[currency] = &window.Meter{}
				}
				if p, q := want[currency].Add(at, 64, 128, amount), got.of(currency).Add(at, 64, 128, amount); p != q {
					t.Fatalf("an amount went to %v, not to %v", q, p)
				}
			}
			empty += max(0, 1-len(got))
			compareMeters(t, got, want)
		}
	}
	if empty == 0 {
		t.Error("nothing was ever pruned to the end")
	}
}

func compareMeters(t *testing.T, got amountMeters, want map[string]*window.Meter) {
	t.Helper()
	mode, err := stateMode()
	if err != nil {
		t.Fatal(err)
	}
	encoded, err := mode.Marshal(got)
	if err != nil {
		t.Fatal(err)
	}
	if plain, err := mode.Marshal(want); err != nil || !bytes.Equal(encoded, plain) {
		t.Fatalf("meters are encoded as %x, a map of them as %x: %v", encoded, plain, err)
	}
	var back amountMeters
	if err := cbor.Unmarshal(encoded, &back); err != nil {
		t.Fatal(err)
	}
	if again, err := mode.Marshal(back); err != nil || !bytes.Equal(again, encoded) {
		t.Fatalf("what was read is encoded as %x, not %x: %v", again, encoded, err)
	}
}
