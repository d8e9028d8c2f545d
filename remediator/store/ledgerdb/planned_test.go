package ledgerdb

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/makegood/makegood/remediator/ledger"
	"github.com/makegood/makegood/remediator/store/views"
)

// ledgerTile is the first tile of hashes.
var ledgerTile = ledger.TileRef{Width: 1}

func (w *world) checkKept(ctx context.Context) error {
	note, err := w.db.Checkpoint(ctx)
	if err != nil {
		return err
	}
	return w.db.CheckKept(ctx, note)
}

func (w *world) erased(ctx context.Context) error {
	entries, err := w.db.History(ctx, id("1"))
	if err != nil {
		return err
	}
	return second(w.db.Erased(ctx, entries))
}

// payouts asks with each filter that pages and the API have.
func (w *world) payouts(ctx context.Context) error {
	for _, f := range []views.PayoutFilter{
		{}, {After: 1 << 40}, {Kind: "credit"}, {Rule: "late"}, {Account: "4711"}, {Rule: "late", Account: "4711"}, {Status: "failed"}, {Rule: "late", Status: "failed"},
		{Customer: "c-1"}, {Customer: "c-1", Rule: "late"}, {Payment: "pay-1"}, {Remedy: id("1")}, {Customer: "c-1", Payment: "pay-1", Remedy: id("1"), Status: "failed"},
	} {
		if _, _, err := w.db.Payouts(ctx, f); err != nil {
			return err
		}
		f.Since, f.Until = time.Unix(3, 0), time.Unix(40, 0)
		if _, _, err := w.db.Payouts(ctx, f); err != nil {
			return err
		}
	}
	return nil
}

// remedies asks with each filter that pages and the API have.
func (w *world) remedies(ctx context.Context) error {
	for _, f := range []views.Filter{
		{}, {Before: 7}, {Rule: "late"}, {Status: "done"}, {Status: views.StatusHeld}, {Rule: "late", Status: views.StatusHeld, WithActions: true}, {Customer: "c-1", WithActions: true},
		{Customer: "c-1", Status: views.StatusHeld}, {Bulk: uuid.UUID{1}},
	} {
		if _, err := w.db.Remedies(ctx, f); err != nil {
			return err
		}
	}
	return nil
}

// source reads the ledger as it lies in its tables.
func (w *world) source(ctx context.Context) error {
	src, release, err := w.db.Source(ctx)
	if err != nil {
		return err
	}
	defer release()
	if _, err := src.Entries(ctx, 3, 10); err != nil {
		return err
	}
	if _, err := src.Cords(ctx, 1, 10, 10); err != nil {
		return err
	}
	if _, err := src.Tiles(ctx, 0, -1, 10); err != nil {
		return err
	}
	if _, err := src.Checkpoints(ctx); err != nil {
		return err
	}
	return second(src.Applied(ctx))
}
