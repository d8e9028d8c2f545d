package missing

import (
	"slices"
	"testing"

	"github.com/makegood/makegood/remediator/input"
)

// TestPartsOfAGapAddUp closes a gap of five numbers in every order, with every choice
// of those that are skipped: what the parts tell adds up to what happened.
func TestPartsOfAGapAddUp(t *testing.T) {
	t.Parallel()
	const size = 5
	runs := 0
	var try func(order []uint64)
	try = func(order []uint64) {
		if len(order) < size {
			for n := uint64(2); n < 2+size; n++ {
				if !slices.Contains(order, n) {
					try(append(slices.Clone(order), n))
				}
			}
			return
		}
		for skipped := range 1 << size {
			runs++
			closeGap(t, order, func(n uint64) bool { return skipped>>(n-2)&1 == 1 })
		}
	}
	try(nil)
	if runs != 120*32 {
		t.Errorf("%d ways were tried", runs)
	}
}

// closeGap closes the gap from 2 on in an order.
func closeGap(t *testing.T, order []uint64, skipped func(n uint64) bool) {
	t.Helper()
	b, client := New(start), clientOf(1, true)
	came(b, client, 1, start, 1)
	came(b, client, 2+uint64(len(order)), start, 2)
	b.Due(client, start+GapAfter)
	left := map[uint64]bool{}
	for _, n := range order {
		left[n] = true
	}
	for _, n := range order {
		var changes []Change
		if skipped(n) {
			changes = b.Skipped(input.SkippedBody{Client: client, Ranges: []input.Range{{First: n, Last: n}}}, Moment{At: start, Ordinal: n})
		} else {
			changes = came(b, client, n, start, n)
		}
		for _, c := range changes {
			var events, refused uint64
			for n := c.Range.First; n <= c.Range.Last && c.What == Closed; n++ {
				if delete(left, n); skipped(n) {
					refused++
				} else {
					events++
				}
			}
			if c.Events != events || c.Skipped != refused {
				t.Fatalf("in the order %v it says %+v, want %d and %d", order, c, events, refused)
			}
		}
	}
	if len(left) > 0 || b.Gap(client).Missing > 0 {
		t.Fatalf("in the order %v, %v are not closed", order, left)
	}
}
