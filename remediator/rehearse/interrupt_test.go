package rehearse_test

import (
	"context"
	"errors"
	"testing"

	"github.com/makegood/makegood/remediator/rehearse"
)

// TestInterruptWithinATest checks that an interrupt ends one long test in its midst: it
// comes when the only test is about to run.
func TestInterruptWithinATest(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	ran, err := rehearse.Test(ctx, ticketSet(t), ticketTest(10_000, "expect: []"), func(string) bool {
		cancel()
		return true
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %+v, %v, want the interrupt", ran, err)
	}
}
