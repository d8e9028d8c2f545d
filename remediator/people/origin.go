package people

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/google/uuid"

	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/ledger"
	"github.com/makegood/makegood/remediator/rule"
	"github.com/makegood/makegood/remediator/store/views"
)

// Sealed is what is read of the ledger's store to find the origin of a command.
type Sealed interface {
	// Remedy returns nil when there is none.
	Remedy(ctx context.Context, id uuid.UUID) (*views.Remedy, error)
	History(ctx context.Context, remedy uuid.UUID) ([]ledger.Entry, error)
}

// Origin finds in the ledger what a retry or a reversal is made from: of a remedy
// that has ended, the steps that are to be done again or undone. It is nil when
// there are none, or the remedy has not ended; then the fold says so. What a person
// turned down, or nobody agreed to, was not tried at all: somebody asks for it anew.
func Origin(ctx context.Context, sealed Sealed, command string, remedy, action uuid.UUID) (*decide.Origin, error) {
	found, err := sealed.Remedy(ctx, remedy)
	if err != nil || found == nil || found.Ended == nil {
		return nil, err
	}
	if !tried(command, found) {
		return nil, nil
	}
	fact, seq, err := decided(ctx, sealed, remedy)
	if err != nil || fact == nil {
		return nil, err
	}
	of := &decide.Origin{Rule: fact.Rule, Account: fact.Account, Customer: fact.Customer, Subject: fact.Subject, Sequence: seq, Charged: fact.Charged}
	if of.Reverses, err = reversedBy(ctx, sealed, fact); err != nil {
		return nil, err
	}
	for _, s := range fact.Steps {
		if action != uuid.Nil && s.Action != action {
			continue
		}
		if a := actionOf(found, s.Action); a != nil && wanted(command, a, action != uuid.Nil) {
			if s.Amount = a.Amount; command == decide.CommandRetry || a.Amount != nil {
				of.Steps = append(of.Steps, s)
			}
		}
	}
	return of, nil
}

// decided returns the last live decision of a remedy and its sequence, nil when it has none.
func decided(ctx context.Context, sealed Sealed, remedy uuid.UUID) (*decide.RemedyFact, uint64, error) {
	entries, err := sealed.History(ctx, remedy)
	if err != nil {
		return nil, 0, err
	}
	for _, e := range slices.Backward(entries) {
		if e.Kind != decide.KindRemedy {
			continue
		}
		var fact decide.RemedyFact
		if err := json.Unmarshal(e.Body, &fact); err != nil {
			return nil, 0, fmt.Errorf("read the decision of remedy %s: %w", remedy, err)
		}
		if fact.Mode == string(rule.Live) {
			return &fact, e.Seq, nil
		}
	}
	return nil, 0, nil
}

// reversedBy returns the remedy that a reversal takes back, also where it is tried again, and
// again; nil of anything else.
func reversedBy(ctx context.Context, sealed Sealed, fact *decide.RemedyFact) (_ uuid.UUID, err error) {
	for fact != nil && fact.Rule == decide.RuleRetry {
		if fact, _, err = decided(ctx, sealed, fact.Of); err != nil {
			return uuid.Nil, err
		}
	}
	if fact == nil || fact.Rule != decide.RuleReverse {
		return uuid.Nil, nil
	}
	return fact.Of, nil
}

// Open reports whether a retry or a reversal of a remedy finds something to do: of one
// that has ended what Origin chooses, else what waits for another attempt.
func Open(command string, r *views.Remedy) bool {
	return slices.ContainsFunc(r.Actions, func(a views.Action) bool {
		if r.Ended == nil {
			return command == decide.CommandRetry && r.Status == views.StatusActing && (a.Status == decide.Unknown || a.Status == decide.Retrying)
		}
		return tried(command, r) && wanted(command, &a, false)
	})
}

// tried reports whether a remedy that has ended was begun at all, as a retry asks for.
func tried(command string, r *views.Remedy) bool {
	return command != decide.CommandRetry || r.Status != decide.Denied && r.Status != decide.Expired
}

func actionOf(r *views.Remedy, id uuid.UUID) *views.Action {
	for i := range r.Actions {
		if r.Actions[i].Action == id {
			return &r.Actions[i]
		}
	}
	return nil
}

// wanted reports whether a step is to be done again, or undone. What paid is never
// done again; what only tells is told again when somebody names it.
func wanted(command string, a *views.Action, named bool) bool {
	if command == decide.CommandReverse {
		return a.Kind == rule.Credit && a.Status == decide.Succeeded || a.Kind == rule.Refund && a.Status == decide.Pending
	}
	if named && (a.Kind == rule.Notify || a.Kind == rule.Webhook) {
		return true
	}
	return a.Status == decide.Failed || a.Status == views.StatusSkipped && a.Kind != rule.Andon && a.Kind != rule.COE
}
