package ledgerdb

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/makegood/makegood/remediator/cord"
	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/store/views"
)

// Remedies lists remedies, the newest first, without their actions.
func (d *DB) Remedies(ctx context.Context, f views.Filter) ([]views.Remedy, error) {
	return views.Remedies(ctx, d.db.Read, f)
}

// Remedy returns a remedy with its actions, nil when there is none.
func (d *DB) Remedy(ctx context.Context, id uuid.UUID) (*views.Remedy, error) {
	return views.RemedyByID(ctx, d.db.Read, id)
}

// Cords lists all cords that were ever pulled, by path.
func (d *DB) Cords(ctx context.Context) ([]cord.State, error) {
	return views.Cords(ctx, d.db.Read)
}

// Cord returns a cord as the fold left it, nil when it was never pulled.
func (d *DB) Cord(ctx context.Context, path string) (*cord.State, error) {
	return views.Cord(ctx, d.db.Read, path)
}

// Gaps lists the clients of the SDK of which events are missing.
func (d *DB) Gaps(ctx context.Context) ([]views.Gap, error) {
	return views.Gaps(ctx, d.db.Read)
}

// LegalHolds lists the customers whose data may not be erased.
func (d *DB) LegalHolds(ctx context.Context) ([]views.LegalHold, error) {
	return views.LegalHolds(ctx, d.db.Read)
}

// Totals sums up what was done.
func (d *DB) Totals(ctx context.Context) (views.Totals, error) {
	return views.ReadTotals(ctx, d.db.Read)
}

// Answer implements people.Store.
func (d *DB) Answer(ctx context.Context, id string) (*decide.Answer, error) {
	return views.Answer(ctx, d.db.Read, id)
}

// Proposal returns the rule set that waits for another person, nil when none does.
func (d *DB) Proposal(ctx context.Context) (*decide.Proposal, error) {
	return views.ReadProposal(ctx, d.db.Read)
}

// Holds counts what waits for a person, by rule and reason.
func (d *DB) Holds(ctx context.Context) ([]views.Hold, error) {
	return views.Holds(ctx, d.db.Read)
}

// Pending lists up to limit references of refunds of a connector that its provider
// has not finished, after one of them in their order.
func (d *DB) Pending(ctx context.Context, connector, after string, limit int) ([]string, error) {
	return views.Pending(ctx, d.db.Read, connector, after, limit)
}

// Refunds lists the refunds of a connector that were taken on in a period, and those
// decided in it that were attempted and not taken on.
func (d *DB) Refunds(ctx context.Context, connector string, from, to time.Time) ([]views.Refund, error) {
	return views.Refunds(ctx, d.db.Read, connector, from, to)
}

// Payouts lists what moves money, the newest first, and sums up all of it.
func (d *DB) Payouts(ctx context.Context, f views.PayoutFilter) ([]views.Payout, []views.PayoutSum, error) {
	tx, err := d.db.Read.BeginTx(ctx, d.db.moment)
	if err != nil {
		return nil, nil, fmt.Errorf("read payouts: %w", err)
	}
	defer tx.Rollback() // it only reads
	return views.Payouts(ctx, tx, f)
}

// FiredRules lists what rules decided since a day.
func (d *DB) FiredRules(ctx context.Context, since time.Time) ([]views.Fired, error) {
	return views.FiredRules(ctx, d.db.Read, since)
}

// Reconciliations lists the comparisons with providers, the newest first, of those below
// a sequence unless it is 0.
func (d *DB) Reconciliations(ctx context.Context, before uint64, limit int) ([]decide.ReconciliationFact, error) {
	return views.Reconciliations(ctx, d.db.Read, before, limit)
}

// Differences lists differences between the ledger and providers, the oldest first.
func (d *DB) Differences(ctx context.Context, f views.DifferenceFilter) ([]views.Difference, error) {
	return views.Differences(ctx, d.db.Read, f)
}

// Bulk returns what a rule makes good afterwards as it stands, nil when there is none.
func (d *DB) Bulk(ctx context.Context, id uuid.UUID) (*decide.Bulk, error) {
	return views.Bulk(ctx, d.db.Read, id)
}

// Today returns how things stand and what was done from the hour of since to until,
// both in log time. How far the log is decided is not known here.
func (d *DB) Today(ctx context.Context, since, until time.Time) (views.Today, error) {
	t, err := views.ReadToday(ctx, d.db.Read, since, until)
	if err == nil {
		t.Brakes, err = d.Brakes(ctx)
	}
	if err == nil {
		t.Unsettled, err = d.Unsettled(ctx)
	}
	return t, err
}

// COEs lists COEs, the one opened last first.
func (d *DB) COEs(ctx context.Context, f views.COEFilter) ([]views.COE, error) {
	return views.COEs(ctx, d.db.Read, f)
}

// COE returns a COE, nil when there is none.
func (d *DB) COE(ctx context.Context, id uuid.UUID) (*views.COE, error) {
	return views.COEByID(ctx, d.db.Read, id)
}

// COETexts lists the revisions of a COE; only one of them, with its text, when it is
// named.
func (d *DB) COETexts(ctx context.Context, id uuid.UUID, revision int) ([]decide.COEText, error) {
	return views.COETexts(ctx, d.db.Read, id, revision)
}
