package rehearse

import (
	"fmt"
	"iter"
	"runtime"
	"sync"
	"time"

	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/input"
	"github.com/makegood/makegood/remediator/rule"
)

// Report is what rules would have done over events.
type Report struct {
	Since    string        `json:"since,omitempty"` // RFC 3339; empty: from the first event on
	Until    string        `json:"until,omitempty"` // the first moment that no longer counts
	Events   int           `json:"events"`          // of the period; rejected ones included
	Rules    []RuleSummary `json:"rules"`           // every rule, sorted by name
	Days     []DaySummary  `json:"days"`            // by day and rule, days and rules without remedies left out
	Rejected int           `json:"rejected"`
	// Begins is when the log begins, if that is later than the windows of the rules
	// need: in the first days they counted less than they would have.
	Begins string `json:"begins,omitempty"`
	// Against is what other rules would have done; nil when none were asked for.
	Against *Difference `json:"against,omitempty"`

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
	Money     map[string]string `json:"money"`              // refunds and credits by currency, decimal text
	Cords     int               `json:"cords"`              // distinct ones pulled
	Held      int               `json:"held,omitempty"`     // remedies that would have waited for a person
	HeldFor   map[string]int    `json:"held_for,omitempty"` // the same, by reason
	Open      int               `json:"open,omitempty"`     // events that still wait for a counterpart at the end
}

// DaySummary is what one rule would have done on one day.
type DaySummary struct {
	Day      string            `json:"day"` // in UTC, like 2026-11-01
	Rule     string            `json:"rule"`
	Remedies int               `json:"remedies"`
	Money    map[string]string `json:"money"`
	Held     int               `json:"held,omitempty"`
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

// maxRejections bounds the rejections that are explained.
const maxRejections = 10

// Backtest folds events in their order, the clock being the events' own time,
// and sums up what the rules of set decided. line, which may be nil, is set by
// events to the line of its file on which each event stands.
func Backtest(set *rule.Set, events iter.Seq2[[]byte, error], line *int) (*Report, error) {
	if line == nil {
		line = new(int)
	}
	var rejected Rejected
	report, err := Compare(set, nil, Past{Inputs: EventInputs(events, line, &rejected)})
	if err != nil {
		return nil, err
	}
	report.Reject(rejected)
	return report, nil
}

// Reject adds what was rejected before it could be folded.
func (b *Report) Reject(r Rejected) {
	b.Events, b.Rejected, b.Rejections = b.Events+r.Count, r.Count, r.First
}

// Compare sums up what the rules of set would have decided in a period, and, unless
// against is nil, which remedies only they make or only those of against.
func Compare(set, against *rule.Set, past Past) (*Report, error) {
	sides := []*side{newSide(set)}
	report := &Report{Since: stampOr(past.Since), Until: stampOr(past.Until), Rules: []RuleSummary{}, Days: []DaySummary{}}
	warming := Warming(set)
	if against != nil {
		sides, warming = append(sides, newSide(against)), Warming(set, against)
	}
	var first int64
	for inputs, err := range batches(past.events(warming, &first)) {
		if err != nil {
			return nil, err
		}
		for _, in := range inputs {
			if past.has(in.At) {
				report.Events++
			}
		}
		if err := foldSides(sides, inputs, past); err != nil {
			return nil, err
		}
	}
	if past.Until != 0 {
		// Whatever is due in the period fires, though no event comes after it.
		if err := foldSides(sides, []input.Input{{Kind: input.Tick, At: past.Until - 1}}, past); err != nil {
			return nil, err
		}
	}
	if past.Since != 0 && warming > 0 && first > past.Since-int64(warming) {
		report.Begins = stampOr(first)
	}
	open := map[string]int{}
	for _, w := range sides[0].fold.fold.Waiting() {
		open[w.Rule]++
	}
	for _, r := range set.Rules {
		summary := sides[0].tallies[r.Name].summary(r.Name)
		summary.Open = open[r.Name]
		report.Rules = append(report.Rules, summary)
	}
	report.Days = sides[0].tallies.days()
	if against != nil {
		report.Against = difference(against, sides[0].made, sides[1].made)
	}
	return report, nil
}

func stampOr(at int64) string {
	if at == 0 {
		return ""
	}
	return time.Unix(0, at).UTC().Format(time.RFC3339Nano)
}

// side is one rule set of a comparison.
type side struct {
	set     *rule.Set
	fold    *rehearsal
	tallies tallies
	made    map[string]Made // by remedy; nil when nothing is compared
}

func newSide(set *rule.Set) *side {
	return &side{set: set, tallies: newTallies(set), made: map[string]Made{}}
}

// foldSides has every side fold the same events, each on a core of its own.
func foldSides(sides []*side, inputs []input.Input, past Past) error {
	errs := make([]error, len(sides))
	var wait sync.WaitGroup
	for i, s := range sides {
		wait.Go(func() { errs[i] = s.apply(inputs, past, max(runtime.GOMAXPROCS(0)/len(sides), 1), len(sides) > 1) })
	}
	wait.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

func (s *side) apply(inputs []input.Input, past Past, matchers int, compared bool) (err error) {
	if s.fold == nil {
		if s.fold, err = begin(s.set.Files, matchers, nil); err != nil {
			return err
		}
	}
	facts, err := s.fold.apply(inputs)
	if err != nil {
		return err
	}
	for _, f := range facts {
		if !past.has(f.At) {
			continue
		}
		if err := s.add(f, compared); err != nil {
			return fmt.Errorf("sum up rule %s: %w", f.Rule, err)
		}
	}
	return nil
}

// add counts a fact of the period.
func (s *side) add(f found, compared bool) error {
	remedy, err := s.tallies.add(f)
	if err != nil || remedy == nil || !compared || remedy.Decision == decide.Suppress {
		return err
	}
	s.made[remedy.Remedy.String()] = madeOf(f.At, remedy)
	return nil
}
