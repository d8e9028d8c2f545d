package decide_test

import (
	"fmt"
	"strings"

	"github.com/google/uuid"

	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/input"
	"github.com/makegood/makegood/remediator/money"
)

// seen is how a refund stands at the provider: one of ours, in whatever order its
// statuses are seen, or one that somebody made by hand.
func (w *world) seen() decide.SeenBody {
	b := decide.SeenBody{Connector: "stripe", By: "webhook", Status: []string{decide.Pending, decide.Succeeded, decide.Failed}[w.random.IntN(3)]}
	if len(w.refunds) == 0 || w.random.IntN(3) == 0 {
		n := w.random.IntN(40)
		b.Ref, b.Payments = fmt.Sprintf("re-by-hand-%d", n), []string{fmt.Sprintf("pi_%d", n), fmt.Sprintf("ch_%d", n)}
		b.Amount = money.Money{Minor: int64(100 + n), Currency: "USD"}
		return b
	}
	job := w.refunds[w.random.IntN(len(w.refunds))]
	b.Ref, b.Action, b.Remedy, b.Amount = "re-"+job.Action.String(), job.Action, job.Remedy, w.decided[job.Action]
	for _, s := range w.live[job.Remedy].Steps {
		if s.Action == job.Action {
			b.Payments = []string{s.Payment, "ch_of_" + s.Payment}
		}
	}
	return b
}

// compareBooks has an auditor compare the ledger with the provider, which finds two
// differences, one of them again each time, and two people close one.
func (w *world) compareBooks() {
	n := len(w.inputs)
	give := func(c decide.CommandBody) {
		w.push(input.Input{ID: fmt.Sprintf("in-%d", len(w.inputs)), Kind: input.Command, At: w.now, Body: encode(w.t, c)})
	}
	differs := func(what string) decide.Difference {
		return decide.Difference{ID: decide.DifferenceID("stripe", decide.ClassUnknown, what), Class: decide.ClassUnknown, Connector: "stripe", Ref: what,
			Theirs: &money.Money{Minor: 100, Currency: "USD"}}
	}
	each, fresh := differs("re-each"), differs(fmt.Sprint("re-", n))
	give(decide.CommandBody{Command: decide.CommandReconcile, By: "ada", Roles: []string{decide.RoleAuditor}, Reason: "nightly", Reconcile: &decide.Reconciliation{
		Connector: "stripe", From: "2001-01-01T00:00:00Z", To: "2001-01-02T00:00:00Z", Listing: strings.Repeat("ab", 32), Refunds: n,
		Counts: []decide.ClassCount{{Class: decide.ClassUnknown, Count: 2}}, Sums: []decide.BookSum{{Currency: "USD", Theirs: 200}},
		Differences: []decide.Difference{each, fresh},
	}})
	for _, who := range []string{"ada", "bob"} { // who opened it may not close it
		give(decide.CommandBody{Command: decide.CommandClose, By: who, Roles: []string{decide.RoleOperator}, Difference: fresh.ID, Reason: "by hand"})
	}
	give(decide.CommandBody{Command: decide.CommandClose, By: "bob", Roles: []string{decide.RoleOperator}, Difference: uuid.Nil, Reason: "none"})
}
