package rehearse

import (
	"encoding/json"
	"fmt"
	"iter"
	"runtime"

	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/event"
	"github.com/makegood/makegood/remediator/input"
	"github.com/makegood/makegood/remediator/money"
	"github.com/makegood/makegood/remediator/rule"
)

// Report is what rules would have done over events.
type Report struct {
	Events   int           `json:"events"` // rejected ones included
	Rules    []RuleSummary `json:"rules"`  // every rule, sorted by name
	Rejected int           `json:"rejected"`

	// Rejections says why, of the first of those that were rejected.
	Rejections []Rejection `json:"-"`
}

// RuleSummary is what one rule would have done. All but Held is about remedies
// that it would have acted on.
type RuleSummary struct {
	Rule      string            `json:"rule"`
	Remedies  int               `json:"remedies"`
	Customers int               `json:"customers"` // distinct ones
	Actions   Actions           `json:"actions"`
	Money     map[string]string `json:"money"`          // refunds and credits by currency, decimal text
	Cords     int               `json:"cords"`          // distinct ones pulled
	Held      int               `json:"held,omitempty"` // remedies that would have waited for a person
}

// Actions counts steps by kind.
type Actions struct {
	Refund  int `json:"refund"`
	Credit  int `json:"credit"`
	Andon   int `json:"andon"`
	Notify  int `json:"notify,omitempty"`
	Webhook int `json:"webhook,omitempty"`
}

// Rejection is an event that is none.
type Rejection struct {
	Event  int // its number in the order read, from 1
	Line   int // of its file, 0 when there is none
	Reason string
}

const (
	// batch is how many events are folded at once.
	batch = 2048
	// maxRejections bounds the rejections that are explained.
	maxRejections = 10
)

// Backtest folds events in their order, the clock being the events' own time,
// and sums up what the rules of set decided. line, which may be nil, is set by
// events to the line of its file on which each event stands.
func Backtest(set *rule.Set, events iter.Seq2[[]byte, error], line *int) (*Report, error) {
	if line == nil {
		line = new(int)
	}
	r, err := begin(set.Files, runtime.GOMAXPROCS(0), nil)
	if err != nil {
		return nil, err
	}
	b := &Report{Rules: []RuleSummary{}}
	tallies := newTallies(set)
	inputs := make([]input.Input, 0, batch)
	flush := func() error {
		facts, err := r.apply(inputs)
		if err != nil {
			return err
		}
		inputs = inputs[:0]
		return tallies.add(facts)
	}
	for raw, err := range events {
		if err != nil {
			return nil, err
		}
		b.Events++
		head, err := event.Check(raw, event.MaxBytes)
		if err != nil {
			b.reject(*line, err)
			continue
		}
		if inputs = append(inputs, eventInput(raw, head.Time)); len(inputs) == batch {
			if err := flush(); err != nil {
				return nil, err
			}
		}
	}
	if err := flush(); err != nil {
		return nil, err
	}
	for _, r := range set.Rules {
		b.Rules = append(b.Rules, tallies[r.Name].summary(r.Name))
	}
	return b, nil
}

func (b *Report) reject(line int, err error) {
	b.Rejected++
	if len(b.Rejections) < maxRejections {
		b.Rejections = append(b.Rejections, Rejection{Event: b.Events, Line: line, Reason: err.Error()})
	}
}

// tally collects what one rule did.
type tally struct {
	remedies, held int
	actions        Actions
	customers      map[string]bool
	cords          map[string]bool
	money          map[string]money.Money
}

type tallies map[string]*tally

func newTallies(set *rule.Set) tallies {
	t := tallies{}
	for _, r := range set.Rules {
		t[r.Name] = &tally{customers: map[string]bool{}, cords: map[string]bool{}, money: map[string]money.Money{}}
	}
	return t
}

func (t tallies) add(facts []decide.Fact) error {
	for _, f := range facts {
		switch f.Kind {
		case decide.KindRemedy:
			var remedy decide.RemedyFact
			if err := json.Unmarshal(f.Body, &remedy); err != nil {
				return fmt.Errorf("decode remedy: %w", err)
			}
			if err := t[f.Rule].remedy(&remedy); err != nil {
				return fmt.Errorf("sum up rule %s: %w", f.Rule, err)
			}
		case decide.KindPull:
			var pull decide.PullFact
			if err := json.Unmarshal(f.Body, &pull); err != nil {
				return fmt.Errorf("decode pull: %w", err)
			}
			t[f.Rule].cords[pull.Cord] = true
		}
	}
	return nil
}

func (t *tally) remedy(remedy *decide.RemedyFact) error {
	switch remedy.Decision {
	case decide.Hold:
		t.held++
		return nil
	case decide.Suppress:
		return nil
	}
	t.remedies++
	if remedy.Customer != "" {
		t.customers[remedy.Customer] = true
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
		}
		if s.Amount == nil {
			continue
		}
		total, known := t.money[s.Amount.Currency]
		if !known {
			total.Currency = s.Amount.Currency
		}
		total, err := total.Add(*s.Amount)
		if err != nil {
			return err
		}
		t.money[s.Amount.Currency] = total
	}
	return nil
}

func (t *tally) summary(name string) RuleSummary {
	s := RuleSummary{
		Rule: name, Remedies: t.remedies, Customers: len(t.customers), Actions: t.actions,
		Money: map[string]string{}, Cords: len(t.cords), Held: t.held,
	}
	for currency, total := range t.money {
		s.Money[currency] = total.Amount()
	}
	return s
}
