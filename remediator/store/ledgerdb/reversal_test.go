package ledgerdb

import (
	"errors"
	"testing"
	"time"

	"github.com/makegood/makegood/remediator/act/credit"
)

// Credit is taken back whole or not at all, once, and the books stay even.
func TestReversalTakesBackWhatWasNotSpent(t *testing.T) {
	engines(t, testReversalTakesBackWhatWasNotSpent)
}

func testReversalTakesBackWhatWasNotSpent(t *testing.T) {
	d := openAt(t, newPath(t))
	for _, name := range []string{"a", "b"} {
		if err := d.Grant(t.Context(), grant(name, "c", usd(500), time.Time{})); err != nil {
			t.Fatal(err)
		}
	}
	back := credit.Reversal{Action: id("back"), Of: id("a"), At: noon.Add(time.Hour)}
	for range 3 {
		if err := d.Reverse(t.Context(), back); err != nil {
			t.Fatal(err)
		}
	}
	balances(t, d, "c", noon, usd(500))
	again := back
	again.Action = id("another reversal of it")
	if err := d.Reverse(t.Context(), again); !errors.Is(err, credit.ErrSpent) {
		t.Errorf("what was taken back is taken back again: %v", err)
	}
	if _, err := d.Redeem(t.Context(), credit.Redemption{Key: "k", Customer: "c", Amount: usd(1), At: noon}); err != nil {
		t.Fatal(err)
	}
	if err := d.Reverse(t.Context(), credit.Reversal{Action: id("late"), Of: id("b"), At: noon}); !errors.Is(err, credit.ErrSpent) {
		t.Errorf("what was spent in part is taken back: %v", err)
	}
	if err := d.Reverse(t.Context(), credit.Reversal{Action: id("none"), Of: id("never given"), At: noon}); !errors.Is(err, credit.ErrUnknown) {
		t.Errorf("what was never given is taken back: %v", err)
	}
	balances(t, d, "c", noon, usd(499))
}
