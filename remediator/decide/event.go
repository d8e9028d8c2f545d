package decide

import (
	"time"

	"github.com/google/uuid"

	"github.com/makegood/makegood/remediator/event"
	"github.com/makegood/makegood/remediator/match"
	"github.com/makegood/makegood/remediator/rule"
	"github.com/makegood/makegood/remediator/window"
)

const (
	// maxSkew is how far ahead of log time an event's own time may lie in a window.
	maxSkew = int64(Skew)
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
func (f *Fold) foldEvent(j *Judged) error {
	c := &f.state.Counts
	c.Received++
	if j.Err != nil {
		c.Errors++
		return nil
	}
	if f.cfg.Observe != nil && j.Result.Idle() {
		return nil // only a sealed count would tell a repeat from another that concerns no rule
	}
	f.events.forget(f.at - f.eventMemory)
	key := f.hash.event(j.Result.Source, j.Result.ID)
	if f.events.has(key) {
		c.Duplicates++
		return nil
	}
	became := fateNoMatch
	for _, e := range j.Result.Errors {
		became = max(became, fateError)
		code := "if"
		if e.Ends {
			code = "unless"
		}
		if err := f.ruleError(e.Rule, j.Result.Event, code); err != nil {
			return err
		}
	}
	if len(j.Result.Hits)+len(j.Result.Ends) > 0 {
		f.events.add(key, f.at)
	}
	// A counterpart ends what waits before the event, if it is one itself, waits.
	for _, end := range j.Result.Ends {
		fate, err := f.counterpart(end, j)
		if err != nil {
			return err
		}
		became = max(became, fate)
	}
	for i := range j.Result.Hits {
		fate, err := f.judge(&j.Result.Hits[i], j.Result.Event)
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

// eventMemoryOf is for how long events that touched state are remembered: as long
// as input ids, or as the longest window that a repeat could enter or wait in, which it
// may as of a minute after it came. Where
// an expression says how long an event waits, its lateness alone keeps a repeat out.
func (f *Fold) eventMemoryOf(rules []*rule.Rule) int64 {
	longest := inputMemory
	for _, r := range rules {
		if r.Window != nil {
			longest = max(longest, int64(r.Window.Within)+f.state.Lateness+maxSkew)
		}
		if r.Unless != nil {
			longest = max(longest, int64(r.Unless.Within)+f.state.Lateness)
		}
	}
	return longest
}

func (f *Fold) ruleError(r *rule.Rule, ev *event.Event, code string) error {
	f.state.RuleErrors[r.Name]++
	if f.state.RuleErrors[r.Name] > 1 && f.cfg.Observe == nil {
		return nil // the progress counts them; who observes counts for himself
	}
	return f.add(KindError, Fact{Rule: r.Name}, ErrorFact{Source: ev.Source, Event: ev.ID, Code: code})
}

// candidate is a hit that fired: it will be a remedy unless its key is taken.
type candidate struct {
	hit        *match.Hit
	event      *event.Event
	eventAt    int64
	body       []byte  // of the event; nil when it is not at hand
	opened     *Opened // how it came to wait for a counterpart; nil when it did not
	known      int64   // log time at which it is decided, where that is after the time of the decision
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
	if hit.Rule.Unless != nil {
		return f.wait(hit, ev)
	}
	c := &f.desk.candidate
	*c = candidate{hit: hit, event: ev, eventAt: f.timeOf(ev), body: f.input.Body, live: f.live(hit.Rule, ev.Customer), charged: hit.Rule.Name}
	became, err := f.judgeKey(c)
	if err != nil || became == fateLate || became == fateError {
		return became, err
	}
	return became, f.recur(c)
}

// timeOf is an event's own time, or that of its input when it has none.
func (f *Fold) timeOf(ev *event.Event) int64 {
	if ev.Time == 0 {
		return f.at
	}
	return ev.Time
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
	if len(r.OncePer) > 0 && !keyed(hit) {
		return fateNoKey, f.add(KindNoKey, Fact{Rule: r.Name}, NoKeyFact{Source: ev.Source, Event: ev.ID, Reason: hit.NoKey})
	}
	became, err := f.judgeTaken(c, f.state.Position.Ordinal)
	if r.Window != nil && r.Window.Anew && became == fateRemedy {
		f.windowsOf(r).Reset(f.hash.window(hit.By)) // a key that is missing or taken fires nothing
	}
	return became, err
}

// keyed reports whether the event of a hit has a once_per key.
func keyed(hit *match.Hit) bool {
	if len(hit.Key) > maxText {
		hit.Key, hit.NoKey = "", "too long"
	}
	return hit.Key != ""
}

// judgeTaken decides a candidate unless its key is taken. Without once_per, the
// ordinal of the event's input is its key.
func (f *Fold) judgeTaken(c *candidate, ordinal uint64) (fate, error) {
	hit, r := c.hit, c.hit.Rule
	if hit.Key == "" {
		c.remedy = unkeyedRemedyID(r.Scope, f.state.Position.LogID, ordinal)
	} else if c.remedy = f.remedyID(r, hit.Key); f.taken(c.remedy, c.live) {
		return fateJudged, f.add(KindDuplicate, Fact{Rule: r.Name, Remedy: c.remedy},
			DuplicateFact{Remedy: c.remedy, Source: c.event.Source, Event: c.event.ID, Mode: modeName(c.live), Opened: c.opened})
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

// late reports whether an event is too old for what looks at the time of events.
func (f *Fold) late(eventAt int64) bool { return eventAt < f.at-f.state.Lateness }

func (f *Fold) addLate(r *rule.Rule, ev *event.Event, eventAt int64) error {
	return f.add(KindLate, Fact{Rule: r.Name}, LateFact{Source: ev.Source, Event: ev.ID, EventAt: stamp(eventAt)})
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
	r := c.hit.Rule
	if c.hit.NoBy != "" {
		return false, fateError, f.ruleError(r, c.event, "by")
	}
	c.eventAt = min(c.eventAt, f.at+maxSkew)
	if f.late(c.eventAt) {
		return false, fateLate, f.addLate(r, c.event, c.eventAt)
	}
	w, key, side := f.windowsOf(r), f.hash.window(c.hit.By), window.Near
	f.feed(w, key, c)
	if r.MovesMoney() {
		side = window.Least
	}
	c.aggregates = aggregated(r, w.Sums(key, c.eventAt, side))
	holds, judgeErr := c.hit.Rest.Having(c.aggregates)
	if holds && judgeErr == nil && r.MovesMoney() {
		holds = f.sure(c, w, key)
	}
	switch {
	case judgeErr != nil && f.leavesOut(c):
		return false, fateJudged, nil
	case judgeErr != nil:
		return false, fateError, f.ruleError(r, c.event, "having")
	case !holds:
		return false, fateJudged, nil
	case c.event.SampledRate > 1 && r.MovesMoney():
		// A sampled event stands for others that were never seen: enough for a
		// person to look, not enough to pay.
		return false, fateJudged, nil
	}
	return true, fateRemedy, nil
}
