package ledgerdb

import (
	"context"

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

// Bulk returns what a rule makes good afterwards as it stands, nil when there is none.
func (d *DB) Bulk(ctx context.Context, id uuid.UUID) (*decide.Bulk, error) {
	return views.Bulk(ctx, d.db.Read, id)
}
