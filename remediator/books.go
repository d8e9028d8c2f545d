package remediator

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/makegood/makegood/remediator/act"
	"github.com/makegood/makegood/remediator/api"
	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/reconcile"
	"github.com/makegood/makegood/remediator/store/ledgerdb"
)

const (
	// byReconciliation says that a refund was looked at because the books were compared.
	byReconciliation = "reconciliation"
	// maxListed bounds the refunds of one comparison, which are all in memory: compare a
	// shorter period.
	maxListed = 1_000_000
)

// books compares the ledger with the provider. It implements api.Books, and is safe
// for concurrent use.
type books struct {
	witness *act.Witness
	ledger  *ledgerdb.DB
	inForce func() decide.InForce
	busy    atomic.Bool
	listed  atomic.Int64
}

// books are those of the provider; nil without one.
func (s *Service) books() api.Books {
	if s.witness == nil {
		return nil
	}
	return &books{witness: s.witness, ledger: s.ledger, inForce: s.inForce}
}

// Running implements api.Books.
func (b *books) Running() (listed int64, running bool) { return b.listed.Load(), b.busy.Load() }

// Compare implements api.Books. What the provider says and the ledger does not know is
// appended to the log like everything that is seen of refunds.
func (b *books) Compare(ctx context.Context, ask decide.Reconciliation) (*decide.Reconciliation, error) {
	if ask.Connector != b.witness.Name {
		return nil, api.BooksError(fmt.Sprintf("there is no provider %s: name %s", ask.Connector, b.witness.Name))
	}
	from, fromErr := time.Parse(time.RFC3339, ask.From)
	to, toErr := time.Parse(time.RFC3339, ask.To)
	if fromErr != nil || toErr != nil || !from.Before(to) {
		return nil, api.BooksError("from, to: write both, in RFC 3339, and the earlier one first")
	}
	if !b.busy.CompareAndSwap(false, true) {
		return nil, api.BooksError("another comparison is under way: wait for its end")
	}
	defer b.busy.Store(false)
	theirs, err := b.list(ctx, from.Add(-reconcile.Overlap), to.Add(reconcile.Overlap))
	if err != nil {
		return nil, err
	}
	ours, err := b.ours(ctx, from.Add(-reconcile.Overlap), to.Add(reconcile.Overlap))
	if err != nil {
		return nil, err
	}
	found := reconcile.Compare(ask.Connector, reconcile.Period{From: from, To: to}, ours, theirs)
	if found.Owner = ask.Owner; ask.Owner != "" {
		for i := range found.Differences {
			found.Differences[i].Owner = ask.Owner
		}
	}
	if _, err := b.witness.Note(ctx, byReconciliation, theirs); err != nil {
		return nil, err
	}
	return &found, nil
}

// list reads the provider's refunds.
func (b *books) list(ctx context.Context, from, to time.Time) ([]decide.SeenBody, error) {
	b.listed.Store(0)
	var theirs []decide.SeenBody
	for t, err := range b.witness.Observer.Made(ctx, from, to) {
		if err != nil {
			return nil, api.BooksError("the provider's refunds could not be listed: " + err.Error())
		}
		if len(theirs) == maxListed {
			return nil, api.BooksError(fmt.Sprintf("the provider has more than %d refunds in this period: compare a shorter one", maxListed))
		}
		theirs = append(theirs, t)
		b.listed.Add(1)
	}
	return theirs, nil
}

// ours reads the ledger's refunds, with the owners of their rules.
func (b *books) ours(ctx context.Context, from, to time.Time) ([]reconcile.Ours, error) {
	owners := map[string]string{}
	if set := b.inForce().Set; set != nil {
		for _, r := range set.Rules {
			owners[r.Name] = r.Owner
		}
	}
	refunds, err := b.ledger.Refunds(ctx, b.witness.Name, from, to)
	if err != nil {
		return nil, err
	}
	ours := make([]reconcile.Ours, len(refunds))
	for i, r := range refunds {
		ours[i] = reconcile.Ours{Action: r.Action, Remedy: r.Remedy, Rule: r.Rule, Owner: owners[r.Rule], Payment: r.Payment, Ref: r.Ref,
			Status: r.Status, Amount: r.Amount, At: r.Decided}
		if !r.Accepted.IsZero() {
			ours[i].At, ours[i].Taken = r.Accepted, true
		}
	}
	return ours, nil
}
