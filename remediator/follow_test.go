package remediator

import (
	"context"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"

	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/store/ledgerdb"
)

// newerLedger is a ledger that a newer program decides, and counts how often it is
// asked where it is.
type newerLedger struct {
	decide.Memory
	asked, wanted int
}

func (l *newerLedger) Position(context.Context) (decide.Position, error) {
	l.asked++
	return decide.Position{Ordinal: 1, Version: decide.Version + 1}, nil
}

func (l *newerLedger) TryAcquire(context.Context) (*ledgerdb.Lease, error) {
	l.wanted++
	return nil, nil
}

func (*newerLedger) LostClaims(context.Context, map[uuid.UUID]int) ([]uuid.UUID, error) {
	return nil, nil
}
func (*newerLedger) Brake(context.Context, string, string, string, time.Time) error { return nil }
func (*newerLedger) News(ledgerdb.News) <-chan struct{}                             { return nil }
func (*newerLedger) SnapshotBefore(context.Context, uint64) (*decide.Snapshot, error) {
	return nil, nil
}
func (*newerLedger) Write(context.Context, *ledgerdb.Change) error { return nil }
func (*newerLedger) Prepare(context.Context, *ledgerdb.Change, decide.Position, decide.Position, *decide.Output) (*ledgerdb.Change, error) {
	return nil, nil
}

// TestOutdatedLooksNowAndThen holds that a node which may not decide asks where the
// ledger is at its pace, and never for the lease.
func TestOutdatedLooksNowAndThen(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := &newerLedger{}
		d := &decider{store: store, shared: true, version: decide.Version, logger: slog.New(slog.DiscardHandler), tell: func(*decide.Output) {}, note: func(error) {}}
		ctx, cancel := context.WithTimeout(t.Context(), 10*leaseAskedEvery+time.Millisecond)
		defer cancel()
		if err := d.lead(ctx); err == nil {
			t.Error("it leads")
		}
		if store.wanted > 0 || store.asked < 10 || store.asked > 15 || !d.outdated() {
			t.Errorf("in ten turns it asked %d times where the ledger is, and %d times for the lease", store.asked, store.wanted)
		}
	})
}
