package decide

import (
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
	r := f.state.Open[o.Remedy]
	if r == nil {
		return nil
	}
	s := r.step(o.Action)
	if s == nil || s.Status != stepRunning {
		return nil
	}
	o.Name = s.Name
	if err := f.add(KindAction, Fact{Remedy: r.Remedy, Action: s.Action, Rule: r.Rule}, o.ActionFact); err != nil {
		return err
	}
	switch o.Status {
	case Succeeded, Pending:
		f.settle(r, s, o.Amount)
		s.Status = stepDone
	case Failed:
		f.payment(s, -s.Amount.Minor)
		s.Status = stepFailed
	case Blocked:
		f.out.Settled = append(f.out.Settled, s.Action)
		f.block(r, s)
		return nil
	default:
		return nil
	}
	f.out.Settled = append(f.out.Settled, s.Action)
	return f.advance(r)
}

// settle replaces what was reserved by what was really paid.
func (f *Fold) settle(r *openRemedy, s *openStep, real *money.Money) {
	if real == nil || real.Currency != s.Amount.Currency || real.Minor == s.Amount.Minor {
		return
	}
	less := s.Amount.Minor - real.Minor
	f.payment(s, -less)
	r.release(f, money.Money{Minor: less, Currency: s.Amount.Currency})
	s.Amount.Minor = real.Minor
}

// block holds a remedy on whose payment the provider has a refund of somebody
// else: a person decides whether another one is due. Until then its limits stay
// reserved, and its steps that did not run no longer count as refunded.
func (f *Fold) block(r *openRemedy, s *openStep) {
	f.payment(s, -s.Amount.Minor)
	s.Status = stepWaiting
	for i := range r.Steps {
		if other := &r.Steps[i]; other != s && other.Status == stepWaiting {
			f.payment(other, -other.Amount.Minor)
		}
	}
	r.Held, r.By, r.Deadline = ReasonRefunded, nil, f.at+holdExpires
	f.schedule(r)
}
