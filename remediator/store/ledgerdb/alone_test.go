package ledgerdb

import (
	"testing"

	"github.com/makegood/makegood/remediator/store/postgrestest"
)

// A node that says nothing for too long while it is alone lets the next one go on, and
// is told so before it does anything.
func TestFrozenNodeIsNotAloneForEver(t *testing.T) {
	t.Parallel()
	dsn := postgrestest.New(t)
	var before, after error
	err := Alone(t.Context(), dsn+"&idle_in_transaction_session_timeout=50", func(held func() error) error {
		before = held()
		err := Alone(t.Context(), dsn, func(held func() error) error { return held() }) // waits for the end of the first
		if err != nil {
			t.Errorf("the next node: %v", err)
		}
		after = held()
		return after
	})
	if before != nil || after == nil || err == nil {
		t.Errorf("the first is alone: %v, and when another was since: %v, %v", before, after, err)
	}
}
