package rehearse

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"runtime"
	"sync"
	"time"

	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/input"
	"github.com/makegood/makegood/remediator/match"
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
	// Begins is when the log or the file begins, if that is later than the period does or than
	// the windows of the rules need, and a log lost what was before: it did not count.
	Begins string `json:"begins,omitempty"`
	// Disorder says that the events of a file do not come in the order of time; nil when they do.
	Disorder *Disorder `json:"disorder,omitempty"`
	// Outside says when the events of a file are of which none is of the period; nil when one is.
	Outside *Outside `json:"outside,omitempty"`
	// Against is what other rules would have done; nil when none were asked for.
	Against *Difference `json:"against,omitempty"`

	// Rejections says why, of the first of those that were rejected.
	Rejections []Rejection `json:"-"`

	ofFile bool // Begins is when a file does, and not a log
}

// RuleSummary is what one rule would have done. All but Held and Suppressed is about
// remedies that it would have acted on.
type RuleSummary struct {
	Rule          string            `json:"rule"`
	Remedies      int               `json:"remedies"`
	Customers     int               `json:"customers"` // distinct ones
	Actions       Actions           `json:"actions"`
	Money         map[string]string `json:"money"`                    // refunds and credits by currency, decimal text
	Cords         int               `json:"cords"`                    // distinct ones pulled
	Held          int               `json:"held,omitempty"`           // remedies that would have waited for a person
	HeldFor       map[string]int    `json:"held_for,omitempty"`       // the same, by reason
	Suppressed    int               `json:"suppressed,omitempty"`     // remedies that over: suppress would have dropped
	SuppressedFor map[string]int    `json:"suppressed_for,omitempty"` // the same, by reason
	Open          int               `json:"open,omitempty"`           // events that still wait for a counterpart at the end
	Storm         *StormSummary     `json:"storm,omitempty"`          // nil: there was none

	// Events that came to nothing: on which a part of the rule was an error, by the part
	// (if, by, having, unless, until, forgotten, full); which had no once_per key; and which
	// came later than the lateness, where the rule looks at the time of events.
	Errors map[string]int `json:"errors,omitempty"`
	NoKey  int            `json:"no_key,omitempty"`
	Late   int            `json:"late,omitempty"`
}

// StormSummary is the storm that stopped a rule. Nobody releases the cord that the rule
// pulled then: of all that it makes later, nothing is acted on.
type StormSummary struct {
	At   string `json:"at"`   // RFC 3339; before the period when the storm came while windows warmed
	Held int    `json:"held"` // remedies of the period from then on, for whatever reason
}

// DaySummary is what one rule would have done on one day.
type DaySummary struct {
	Day       string            `json:"day"` // in UTC, like 2026-11-01
	Rule      string            `json:"rule"`
	Remedies  int               `json:"remedies"`
	Customers int               `json:"customers"` // distinct ones on this day
	Money     map[string]string `json:"money"`
	Held      int               `json:"held,omitempty"`
}

// Disorder is how far a file is from the order of time. A file's own time is the clock:
// what comes behind an event that is later by more than the lateness came too late.
type Disorder struct {
	Events int    `json:"events"` // that did
	Line   int    `json:"line"`   // of the first of them
	Behind int    `json:"behind"` // the line of the event that was later than it
	At     string `json:"at"`     // when that happened, in RFC 3339
}

// Outside is when the events of a file are.
type Outside struct {
	First string `json:"first"`
	Last  string `json:"last,omitempty"` // empty: the period ended before the file did
}

// Actions counts steps by kind.
type Actions struct {
	Refund  int `json:"refund"`
	Credit  int `json:"credit"`
	Andon   int `json:"andon"`
	Notify  int `json:"notify,omitempty"`
	Webhook int `json:"webhook,omitempty"`
	COE     int `json:"coe,omitempty"`
}

// Rejection is an event that is none.
type Rejection struct {
	Event  int // its number in the order read, from 1
	Line   int // of its file, 0 when there is none
	Reason string
}

// maxRejections bounds the rejections that are explained.
const maxRejections = 10

// errNoEvents refuses a file of something else: that rules do nothing of it says nothing
// about them.
var errNoEvents = errors.New("no line is an event")

// Backtest folds the events of a file in their order, the clock being the events' own
// time, and sums up what the rules of set decided.
func Backtest(set *rule.Set, file io.Reader) (*Report, error) {
	return Compare(set, nil, Past{File: file})
}

// Compare sums up what the rules of set would have decided in a period, and, unless
// against is nil, which remedies only they make or only those of against. Of a file in
// which nothing is an event the report says why, beside an error.
func Compare(set, against *rule.Set, past Past) (*Report, error) {
	sets := []*rule.Set{set}
	if against != nil {
		sets = append(sets, against)
	}
	r := &reading{past: past, warming: past.warming(sets...)}
	sides := make([]*side, len(sets))
	for i, set := range sets {
		var err error
		if sides[i], err = newSide(set, past, against != nil); err != nil {
			return nil, err
		}
		r.matchers = append(r.matchers, sides[i].matcher)
	}
	report := &Report{Since: stampOr(past.Since), Until: stampOr(past.Until), Rules: []RuleSummary{}, Days: []DaySummary{}}
	for c, err := range r.chunks(runtime.GOMAXPROCS(0)) {
		if err != nil {
			return nil, err
		}
		for i := range c.events {
			if past.has(c.events[i].At) {
				report.Events++
			}
		}
		if err := foldSides(sides, c); err != nil {
			return nil, err
		}
	}
	if err := r.order(); err != nil {
		return nil, err
	}
	if end := cmp.Or(past.Until, past.End); end != 0 {
		// Whatever is due in the period fires, though no event comes after it.
		tick := &chunk{events: []input.Input{{Kind: input.Tick, At: end - 1}}, judged: make([][]decide.Judged, len(sides))}
		for i := range sides {
			tick.judged[i] = make([]decide.Judged, 1)
		}
		if err := foldSides(sides, tick); err != nil {
			return nil, err
		}
	}
	report.sum(sides, r)
	if r.rejected > 0 && r.rejected == r.events {
		return report, errNoEvents
	}
	if against != nil {
		report.Against = difference(against, sides[0].made, sides[1].made)
	}
	return report, nil
}

// sum adds what was read, and what the first side did.
func (b *Report) sum(sides []*side, r *reading) {
	if r.past.File != nil && b.Events == 0 && r.events > r.rejected {
		b.Outside = &Outside{First: stampOr(r.first)}
		if !r.over {
			b.Outside.Last = stampOr(r.at)
		}
	}
	b.Events, b.Rejected, b.Rejections, b.Disorder = b.Events+r.rejected, r.rejected, r.rejections, r.disorder
	if r.past.Since != 0 && r.cold() {
		b.Begins, b.ofFile = stampOr(r.first), r.past.File != nil
	}
	open := map[string]int{}
	for _, w := range sides[0].fold.fold.Waiting() {
		open[w.Rule]++
	}
	for _, r := range sides[0].set.Rules {
		summary := sides[0].tallies[r.Name].summary(r.Name)
		summary.Open = open[r.Name]
		b.Rules = append(b.Rules, summary)
	}
	b.Days = sides[0].tallies.days()
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
	past    Past
	matcher match.Matcher
	fold    *rehearsal
	tallies tallies
	made    map[string]Made // by remedy; nil when nothing is compared
	err     error           // the first of what could not be summed up
}

func newSide(set *rule.Set, past Past, compared bool) (*side, error) {
	s := &side{set: set, past: past, matcher: match.New(set), fold: &rehearsal{}, tallies: newTallies(set)}
	if compared {
		s.made = map[string]Made{}
	}
	return s, s.fold.begin(set, past.lateness(), decide.Config{NewMatcher: func(*rule.Set) match.Matcher { return s.matcher }, Observe: s.observe})
}

// foldSides has every side fold the same events, each on a core of its own.
func foldSides(sides []*side, c *chunk) error {
	errs := make([]error, len(sides))
	var wait sync.WaitGroup
	for i, s := range sides[1:] {
		wait.Go(func() { errs[i+1] = s.apply(c.events, c.judged[i+1]) })
	}
	errs[0] = sides[0].apply(c.events, c.judged[0])
	wait.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

func (s *side) apply(events []input.Input, judged []decide.Judged) error {
	if err := s.fold.applyJudged(events, judged); err != nil {
		return err
	}
	return s.err
}

// observe counts a fact of the period as soon as it is found.
func (s *side) observe(f decide.Fact, body any) {
	if s.err != nil {
		return
	}
	if !s.past.has(f.At) {
		s.tallies.stopped(f, body)
		return
	}
	if err := s.add(f, body); err != nil {
		s.err = fmt.Errorf("sum up rule %s: %w", f.Rule, err)
	}
}

func (s *side) add(f decide.Fact, body any) error {
	remedy, err := s.tallies.add(f, body)
	if err != nil || remedy == nil || s.made == nil || remedy.Decision == decide.Suppress {
		return err
	}
	s.made[remedy.Remedy.String()] = madeOf(f.At, remedy)
	return nil
}
