package decide

import (
	"cmp"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/makegood/makegood/remediator/input"
	"github.com/makegood/makegood/remediator/money"
)

// foldOutcome settles what an attempt of an action came to. An outcome of an
// action that was settled before changes nothing: it is an answer that came
// twice.
func (f *Fold) foldOutcome(in input.Input) error {
	var o OutcomeBody
	if err := decodeBody(in, &o); err != nil {
		return err
	}
	f.out.Attempts = append(f.out.Attempts, Attempt{Action: o.Action, Number: o.Attempt})
	r := f.state.Open[o.Remedy]
	if r == nil {
		return nil
	}
	s := r.step(o.Action)
	if s == nil || s.Status != stepRunning {
		return nil
	}
	return f.settleOutcome(r, s, o)
}

// settleOutcome settles a step that runs.
func (f *Fold) settleOutcome(r *openRemedy, s *openStep, o OutcomeBody) error {
	o.Name, o.Status, o.Code, o.Ref, o.SeenAt = s.Name, clip(o.Status), clip(o.Code), clip(o.Ref), clip(o.SeenAt)
	if o.Amount != nil {
		o.Amount.Currency = clip(o.Amount.Currency)
	}
	if err := f.add(KindAction, Fact{Remedy: r.Remedy, Action: s.Action, Rule: r.Rule}, o.ActionFact); err != nil {
		return err
	}
	s.Last = o.Status
	f.addSent(r, s, o.Sent)
	switch {
	case o.Status == Skipped:
		f.settle(r, s, &money.Money{Currency: s.Amount.Currency})
		s.Status = stepDone
	case o.Status == Succeeded || o.Status == Pending:
		f.settle(r, s, o.Amount)
		s.Status = stepDone
		if err := cmp.Or(f.keepRefund(r, s, o), f.undone(s, o.Ref)); err != nil {
			return err
		}
	case o.Status == Failed || o.Status == Blocked && r.Ending != "": // nobody is asked about a remedy that was given up
		f.reserve(s, -1)
		s.Status = stepFailed
	case o.Status == Blocked:
		f.block(r, s)
	default:
		return nil
	}
	f.out.Settled = append(f.out.Settled, s.Action)
	return f.advance(r)
}

// settle replaces what was reserved by what was really paid. An amount that
// nobody can have paid leaves it as it is.
func (f *Fold) settle(r *openRemedy, s *openStep, real *money.Money) {
	if real == nil || real.Currency != s.Amount.Currency || real.Minor == s.Amount.Minor || real.Minor < 0 || real.Minor > maxAmount {
		return
	}
	less := s.Amount.Minor - real.Minor
	if s.Undoes == uuid.Nil {
		f.refundStep(s, -less)
	}
	r.release(f, r.place(s.Action), less)
	s.Amount.Minor = real.Minor
}

// block holds a remedy on whose payment the provider has a refund of somebody
// else: a person decides whether another one is due. Until then its limits stay
// reserved, and its steps that did not run no longer count as refunded.
func (f *Fold) block(r *openRemedy, s *openStep) {
	f.reserve(s, -1)
	for i := range r.Steps {
		// When it is held already, those that wait have given theirs back before.
		if other := &r.Steps[i]; other.Status == stepWaiting && r.Held == "" {
			f.reserve(other, -1)
		}
	}
	s.Status = stepWaiting
	f.holdAlone(r, ReasonRefunded)
}

// clip bounds a text that came from outside, so that what is sealed of it fits
// an entry.
func clip(text string) string { return clipTo(text, maxText) }

func clipTo(text string, most int) string {
	n := min(len(text), most)
	for n < len(text) && n > 0 && !utf8.RuneStart(text[n]) {
		n--
	}
	return text[:n]
}
