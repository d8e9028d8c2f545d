package decide

import (
	"slices"

	"github.com/makegood/makegood/remediator/input"
	"github.com/makegood/makegood/remediator/money"
)

// RoleApprover is the role that may approve and deny.
const RoleApprover = "approver"

// foldCommand carries a person's command out, or seals why not.
func (f *Fold) foldCommand(in input.Input) error {
	var c CommandBody
	if err := decodeBody(in, &c); err != nil {
		return err
	}
	c.Command, c.By = clip(c.Command), clip(c.By)
	r := f.state.Open[c.Remedy]
	refuse := func(reason string) error {
		refs := Fact{Remedy: c.Remedy}
		if r != nil {
			refs.Rule = r.Rule
		}
		return f.add(KindRefusal, refs, RefusalFact{Command: c.Command, By: c.By, Reason: reason})
	}
	switch {
	case c.Command != "approve" && c.Command != "deny":
		return refuse("the command is not known")
	case c.By == "":
		return refuse("nobody is named as giving it")
	case !slices.Contains(c.Roles, RoleApprover):
		return refuse("only an approver may answer a held remedy")
	case r == nil:
		return refuse("no open remedy has this id")
	case r.Held == "":
		return refuse("the remedy is not waiting for an answer")
	case c.Command == "deny":
		return f.deny(r, c)
	case c.By == r.Author:
		return refuse("who activated the rule may not approve its remedies")
	case slices.Contains(r.By, c.By):
		return refuse("the same person approved it before; another one is needed")
	case len(r.Steps) == 0:
		return refuse("its steps could not be computed, so there is nothing to carry out; deny it and make it good by hand")
	}
	return f.approve(r, c)
}

func (f *Fold) deny(r *openRemedy, c CommandBody) error {
	if err := f.add(KindApproval, Fact{Remedy: r.Remedy, Rule: r.Rule}, ApprovalFact{Answer: "deny", By: c.By, Have: len(r.By), Need: r.Need}); err != nil {
		return err
	}
	return f.giveUp(r, Denied, f.at)
}

// approve counts an approval, and lets the remedy act when it was the last one needed.
func (f *Fold) approve(r *openRemedy, c CommandBody) error {
	if r.Held != ReasonRefunded {
		refunded, err := f.anyRefunded(r)
		if err != nil {
			return err
		}
		if refunded {
			// The approver decided without knowing this; they may approve again.
			r.Held, r.By = ReasonRefunded, nil
			return f.add(KindRefusal, Fact{Remedy: r.Remedy, Rule: r.Rule}, RefusalFact{Command: c.Command, By: c.By,
				Reason: "the payment was refunded since it was held; approve again if it is to be refunded all the same"})
		}
	}
	r.By = append(r.By, c.By)
	fact := ApprovalFact{Answer: "approve", By: c.By, Have: len(r.By), Need: r.Need}
	if slices.Contains([]string{ReasonPerRemedy, ReasonPerCustomer, ReasonBudget, ReasonCurrency}, r.Held) {
		fact.Above = r.Held
	}
	if err := f.add(KindApproval, Fact{Remedy: r.Remedy, Rule: r.Rule}, fact); err != nil {
		return err
	}
	if len(r.By) < r.Need {
		return nil
	}
	r.Held = ""
	if len(r.Charges) == 0 {
		r.Charges = f.charge(r.Rule, r.Customer, true, r.unspent(), *r.Limits)
	}
	f.reservePayments(r)
	return f.advance(r)
}

func (f *Fold) anyRefunded(r *openRemedy) (bool, error) {
	for _, s := range r.Steps {
		if s.Payment == "" || s.Status == stepDone {
			continue
		}
		refunded, err := f.refunded(s.Payment)
		if err != nil || len(refunded) > 0 {
			return len(refunded) > 0, err
		}
	}
	return false, nil
}

// unspent sums the amounts of the steps not done up by currency.
func (r *openRemedy) unspent() []money.Money {
	var entries []PaymentEntry
	for _, s := range r.Steps {
		if s.Status != stepDone && s.Amount.Currency != "" {
			entries = append(entries, PaymentEntry{Amount: s.Amount})
		}
	}
	return net(entries, 1)
}
