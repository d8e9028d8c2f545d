package decide

import (
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/makegood/makegood/remediator/event"
	"github.com/makegood/makegood/remediator/match"
	"github.com/makegood/makegood/remediator/rule"
	"github.com/makegood/makegood/remediator/window"
)

const (
	// maxSkew is how far ahead of log time an event's own time may lie in a window.
	maxSkew = int64(time.Minute)
	// maxAge is the age above which a remedy of a rule without a window is held.
	maxAge = int64(30 * 24 * time.Hour)

	// maxText bounds the texts of keys and steps, maxSteps the steps of a remedy.
	// With all of them, and an event's id, source, subject and customer, at the
	// bound and every byte escaped, a decision still fits an entry.
	maxText  = 512
	maxSteps = 8

	// maxAmount bounds the amount of a step in minor units, so that no sum of
	// amounts overflows. Beyond it no JSON number is exact.
	maxAmount = int64(1) << 53
)

// fate is what became of an event for one rule. The highest of all rules is
// what became of the event.
type fate int

const (
	fateNoMatch fate = iota
	fateJudged
	fateError
	fateNoKey
	fateLate
	fateRemedy
)

// foldEvent drops a repeated event and lets every rule that it hit decide.
func (f *Fold) foldEvent(j *judged) error {
	c := &f.state.Counts
	c.Received++
	if j.err != nil {
		c.Errors++
		return nil
	}
	f.events.forget(f.at - f.eventMemory())
	key := f.hash.event(j.result.Source, j.result.ID)
	if f.events.has(key) {
		c.Duplicates++
		return nil
	}
	became := fateNoMatch
	for _, e := range j.result.Errors {
		became = max(became, fateError)
		if err := f.ruleError(e.Rule, j.result.Event, "if"); err != nil {
			return err
		}
	}
	if len(j.result.Hits) > 0 {
		f.events.add(key, f.at)
	}
	for i := range j.result.Hits {
		fate, err := f.judge(&j.result.Hits[i], j.result.Event)
		if err != nil {
			return err
		}
		became = max(became, fate)
	}
	c.count(became)
	return nil
}

func (c *Counts) count(became fate) {
	switch became {
	case fateNoMatch:
		c.NoMatch++
	case fateJudged:
		c.Judged++
	case fateError:
		c.Errors++
	case fateNoKey:
		c.NoKey++
	case fateLate:
		c.Late++
	case fateRemedy:
		c.Remedies++
	}
}

// eventMemory is for how long events that touched state are remembered: as long
// as input ids, or as the longest window that a repeat could enter.
func (f *Fold) eventMemory() int64 {
	longest := inputMemory
	for _, r := range f.rules {
		if r.Window != nil {
			longest = max(longest, int64(r.Window.Within)+f.state.Lateness)
		}
	}
	return longest
}

func (f *Fold) ruleError(r *rule.Rule, ev *event.Event, code string) error {
	f.state.RuleErrors[r.Name]++
	if f.state.RuleErrors[r.Name] > 1 {
		return nil
	}
	return f.add(KindError, Fact{Rule: r.Name}, ErrorFact{Source: ev.Source, Event: ev.ID, Code: code})
}

// candidate is a hit that fired: it will be a remedy unless its key is taken.
type candidate struct {
	hit        *match.Hit
	event      *event.Event
	eventAt    int64
	aggregates []any
	live       bool
	remedy     uuid.UUID

	charged   string        // the rule whose limits count it
	reverses  uuid.UUID     // the remedy that is reversed when this one is done
	requester string        // the person who asked for it; empty when an event did
	of        uuid.UUID     // the remedy that it retries or reverses
	actions   []rule.Action // when no rule says them
	undoes    []uuid.UUID   // what each of the actions undoes
	bulk      uuid.UUID     // that holds it with others
	seen      []Aggregate   // what a rehearsal saw, when there are no aggregates
}

// stoppedBy is the rule whose pause or red cord stops the candidate.
func (c *candidate) stoppedBy() string {
	if c.reverses != uuid.Nil {
		return c.hit.Rule.Name // what a stopped rule gave may be taken back
	}
	return c.charged
}

// judge takes one hit to its decision, if it comes to one, and to the cords under watch.
func (f *Fold) judge(hit *match.Hit, ev *event.Event) (fate, error) {
	c := candidate{hit: hit, event: ev, eventAt: ev.Time, live: f.live(hit.Rule, ev.Customer), charged: hit.Rule.Name}
	if c.eventAt == 0 {
		c.eventAt = f.at
	}
	became, err := f.judgeKey(&c)
	if err != nil || became == fateLate || became == fateError {
		return became, err
	}
	return became, f.recur(&c)
}

// judgeKey takes a candidate through its window and its key.
func (f *Fold) judgeKey(c *candidate) (fate, error) {
	hit, ev, r := c.hit, c.event, c.hit.Rule
	if r.Window != nil {
		fired, became, err := f.judgeWindow(c)
		if err != nil || !fired {
			return became, err
		}
	}
	c.remedy = unkeyedRemedyID(r.Scope, f.state.Position.LogID, f.state.Position.Ordinal)
	if len(r.OncePer) > 0 {
		if len(hit.Key) > maxText {
			hit.Key, hit.NoKey = "", "too long"
		}
		if hit.Key == "" {
			return fateNoKey, f.add(KindNoKey, Fact{Rule: r.Name}, NoKeyFact{Source: ev.Source, Event: ev.ID, Reason: hit.NoKey})
		}
		c.remedy = RemedyID(r.Scope, hit.Key)
		if f.taken(c.remedy, c.live) {
			return fateJudged, f.add(KindDuplicate, Fact{Rule: r.Name, Remedy: c.remedy},
				DuplicateFact{Remedy: c.remedy, Source: ev.Source, Event: ev.ID, Mode: modeName(c.live)})
		}
	}
	return fateRemedy, f.decide(c)
}

// live reports whether the rule acts for this customer.
func (f *Fold) live(r *rule.Rule, customer string) bool {
	switch {
	case f.cfg.Rehearsal || r.Mode == rule.Live:
		return true
	case r.Mode == rule.Canary:
		return f.hash.inCanary(r.Scope, customer, r.Percent)
	}
	return false
}

func modeName(live bool) string {
	if live {
		return string(rule.Live)
	}
	return string(rule.Shadow)
}

// taken reports whether a key is taken. A key taken live is taken for the shadow
// too; what the shadow took never stops a live remedy.
func (f *Fold) taken(id uuid.UUID, live bool) bool {
	return f.overlay.live[id] || !live && f.overlay.shadow[id]
}

// judgeWindow adds the event to the window of its key and judges `having`.
func (f *Fold) judgeWindow(c *candidate) (fired bool, became fate, err error) {
	r, within := c.hit.Rule, int64(c.hit.Rule.Window.Within)
	if c.hit.NoBy != "" {
		return false, fateError, f.ruleError(r, c.event, "by")
	}
	c.eventAt = min(c.eventAt, f.at+maxSkew)
	if c.eventAt < f.at-f.state.Lateness {
		return false, fateLate, f.add(KindLate, Fact{Rule: r.Name},
			LateFact{Source: c.event.Source, Event: c.event.ID, EventAt: stamp(c.eventAt)})
	}
	w := f.window(r, c.hit.By)
	w.Add(f.entry(c), within, f.at-f.state.Lateness-within)
	c.aggregates = aggregated(r, w.Sums(c.eventAt, within, len(r.Aggregates)))
	holds, judgeErr := c.hit.Rest.Having(c.aggregates)
	if holds && judgeErr == nil && w.Coarse() && r.MovesMoney() {
		// An edge that is not exact may let having hold by what it leaves out: money
		// moves only when it holds with the edge too.
		holds, judgeErr = c.hit.Rest.Having(aggregated(r, w.Most(c.eventAt, within, len(r.Aggregates))))
	}
	switch {
	case judgeErr != nil:
		return false, fateError, f.ruleError(r, c.event, "having")
	case !holds:
		return false, fateJudged, nil
	case c.event.SampledRate > 1 && r.MovesMoney():
		// A sampled event stands for others that were never seen: enough for a
		// person to look, not enough to pay.
		return false, fateJudged, nil
	}
	if r.Window.Anew {
		w.Reset()
	}
	return true, fateRemedy, nil
}

// aggregated gives the aggregates of a rule their values.
func aggregated(r *rule.Rule, sums []window.Sum) []any {
	values := make([]any, len(sums))
	for i, s := range sums {
		values[i] = s.Of(r.Aggregates[i].Func)
	}
	return values
}

// entry turns the arguments of the aggregates into what the window keeps of them.
func (f *Fold) entry(c *candidate) window.Entry {
	e := window.Entry{At: c.eventAt, Values: make([]window.Value, len(c.hit.Args))}
	for i, arg := range c.hit.Args {
		v := window.Value{Counted: arg.Counted && arg.Pass}
		switch c.hit.Rule.Aggregates[i].Func {
		case "count":
			v.Counted = arg.Pass
		case "share":
			v.Counted, v.Total = arg.Pass, true
		case "distinct":
			v.Hash = f.hash.short(arg.Text)
		default:
			v.Num, v.Minor, v.Currency = arg.Num, arg.Money.Minor, arg.Money.Currency
		}
		if !v.Counted {
			v = window.Value{Total: v.Total}
		}
		e.Values[i] = v
	}
	return e
}

// maxWindows bounds the keys of one rule. The least recently fed go first, and
// are counted.
const maxWindows = 1 << 20

// window returns the window of a rule's key, made when it is new.
func (f *Fold) window(r *rule.Rule, by string) *window.Window {
	keys := f.state.Windows[r.Name]
	if keys == nil {
		keys = map[string]*window.Window{}
		f.state.Windows[r.Name] = keys
	}
	name := windowKey(r, f.hash, by)
	w := keys[name]
	if w == nil {
		if len(keys) >= maxWindows {
			f.state.WindowsLost += evictOldest(keys)
		}
		w = &window.Window{}
		keys[name] = w
	}
	return w
}

// windowKey names a window by the digest of what decides its contents and the
// hash of its key: an edit of the window starts anew, an edit of the rest goes on.
func windowKey(r *rule.Rule, hash hashKey, by string) string {
	return fmt.Sprintf("%.16s:%x", r.Window.Digest, hash.long("window", by))
}
