package rehearse

import (
	"maps"
	"slices"
	"time"

	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/money"
	"github.com/makegood/makegood/remediator/rule"
)

// tally collects what one rule did.
type tally struct {
	remedies  int
	actions   Actions
	customers map[string]int64 // the midnight of the last day on which each was made good
	cords     map[string]bool
	money     sums
	heldFor   map[string]int
	dropped   map[string]int // by the reason
	errors    map[string]int // by the part of the rule
	noKey     int
	late      int
	byDay     map[string]*dayTally

	storm    *StormSummary // nil: there was none
	today    *dayTally     // of the last remedy
	midnight int64         // at which it began
}

type dayTally struct {
	remedies, customers, held int
	money                     sums
}

// sums are amounts, one of each currency.
type sums []money.Money

func (s *sums) add(m money.Money) error {
	for i := range *s {
		if total := &(*s)[i]; total.Currency == m.Currency {
			sum, err := total.Add(m)
			if err == nil {
				*total = sum
			}
			return err
		}
	}
	*s = append(*s, m)
	return nil
}

func (s sums) texts() map[string]string {
	texts := map[string]string{}
	for _, total := range s {
		texts[total.Currency] = total.Amount()
	}
	return texts
}

type tallies map[string]*tally

func newTallies(set *rule.Set) tallies {
	t := tallies{}
	for _, r := range set.Rules {
		t[r.Name] = &tally{customers: map[string]int64{}, cords: map[string]bool{}, heldFor: map[string]int{}, dropped: map[string]int{}, errors: map[string]int{}, byDay: map[string]*dayTally{}}
	}
	return t
}

// add counts a fact, and returns the remedy that it is, if it is one.
func (t tallies) add(f decide.Fact, body any) (*decide.RemedyFact, error) {
	switch body := body.(type) {
	case *decide.RemedyFact:
		return body, t[f.Rule].remedy(f.At, body)
	case decide.PullFact:
		t[f.Rule].cords[body.Cord] = true
		t.stopped(f, body)
	case decide.ErrorFact:
		t[f.Rule].errors[body.Code]++
	case decide.NoKeyFact:
		t[f.Rule].noKey++
	case decide.LateFact:
		t[f.Rule].late++
	}
	return nil, nil
}

// stopped notes the storm in which a rule pulled its own cord, in the period or before.
func (t tallies) stopped(f decide.Fact, body any) {
	if pull, ok := body.(decide.PullFact); ok && pull.Cause == decide.CauseStorm && t[f.Rule].storm == nil {
		t[f.Rule].storm = &StormSummary{At: stampOr(f.At)}
	}
}

func (t *tally) remedy(at int64, remedy *decide.RemedyFact) error {
	if remedy.Decision == decide.Suppress {
		t.dropped[remedy.Reason]++
		return nil
	}
	if t.today == nil || at < t.midnight || uint64(at-t.midnight) >= uint64(24*time.Hour) {
		start := time.Unix(0, at).UTC().Truncate(24 * time.Hour)
		t.today, t.midnight = t.day(start.Format(time.DateOnly)), start.UnixNano()
	}
	day := t.today
	if remedy.Decision == decide.Hold {
		t.heldFor[remedy.Reason]++
		day.held++
		if t.storm != nil {
			t.storm.Held++
		}
		return nil
	}
	t.remedies++
	day.remedies++
	if c := remedy.Customer; c != "" {
		if last, before := t.customers[c]; !before || last < t.midnight { // remedies come in the order of their times
			t.customers[c] = t.midnight
			day.customers++
		}
	}
	for _, s := range remedy.Steps {
		switch s.Kind {
		case "refund":
			t.actions.Refund++
		case "credit":
			t.actions.Credit++
		case "andon":
			t.actions.Andon++
		case "notify":
			t.actions.Notify++
		case "webhook":
			t.actions.Webhook++
		case "coe":
			t.actions.COE++
		}
		if s.Amount == nil {
			continue
		}
		if err := t.money.add(*s.Amount); err != nil {
			return err
		}
		if err := day.money.add(*s.Amount); err != nil {
			return err
		}
	}
	return nil
}

// day returns what was done on a day, which is nothing when it is new.
func (t *tally) day(name string) *dayTally {
	if t.byDay[name] == nil {
		t.byDay[name] = &dayTally{}
	}
	return t.byDay[name]
}

func (t *tally) summary(name string) RuleSummary {
	s := RuleSummary{Rule: name, Remedies: t.remedies, Customers: len(t.customers), Actions: t.actions, Money: t.money.texts(), Cords: len(t.cords), Storm: t.storm}
	for _, n := range t.heldFor {
		s.Held += n
	}
	if s.Held > 0 {
		s.HeldFor = t.heldFor
	}
	for _, n := range t.dropped {
		s.Suppressed += n
	}
	if s.Suppressed > 0 {
		s.SuppressedFor = t.dropped
	}
	if s.NoKey, s.Late = t.noKey, t.late; len(t.errors) > 0 {
		s.Errors = t.errors
	}
	return s
}

// days lists what was done by day, and of each by rule.
func (t tallies) days() []DaySummary {
	byDay := map[string][]DaySummary{}
	for _, name := range slices.Sorted(maps.Keys(t)) {
		for day, d := range t[name].byDay {
			byDay[day] = append(byDay[day], DaySummary{Day: day, Rule: name, Remedies: d.remedies, Customers: d.customers, Money: d.money.texts(), Held: d.held})
		}
	}
	days := []DaySummary{}
	for _, day := range slices.Sorted(maps.Keys(byDay)) {
		days = append(days, byDay[day]...)
	}
	return days
}
