package decide

import "github.com/makegood/makegood/remediator/money"

// desk is memory that is used again for each decision: most are made, sealed or told,
// and forgotten.
type desk struct {
	candidate candidate
	verdict   verdict
	fact      RemedyFact
	ended     openRemedy // that ends at once
	charges   []charge   // of such a one
	amounts   []money.Money
}

// verdictOf returns the verdict on a candidate, at its begin.
func (d *desk) verdictOf(f *Fold, c *candidate) *verdict {
	v := &d.verdict
	*v = verdict{fold: f, c: c, need: 1, totals: v.totals[:0], checks: v.checks[:0], checked: v.checked[:0], counted: v.counted[:0]}
	return v
}

// remedyOf returns a remedy to be filled in, which is kept unless it ends at once.
func (d *desk) remedyOf(endsAtOnce bool) *openRemedy {
	if endsAtOnce {
		return &d.ended
	}
	return &openRemedy{}
}
