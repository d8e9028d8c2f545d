package decide

import (
	"cmp"
	"errors"
	"maps"
	"slices"

	"github.com/google/uuid"

	"github.com/makegood/makegood/remediator/event"
	"github.com/makegood/makegood/remediator/match"
	"github.com/makegood/makegood/remediator/rule"
)

// waits returns what a rule with unless knows, made when it is new.
func (f *Fold) waits(r *rule.Rule) *waiting {
	w := f.state.Waiting[r.Name]
	if w == nil {
		w = newWaiting(r.Unless.Digest)
		f.state.Waiting[r.Name] = w
	}
	w.room = f.maxPasts
	return w
}

func (f *Fold) waitKey(by string) key {
	hash := f.hash.long("unless", by)
	return key(hash[:])
}

// counterpart takes an event that a rule waits for.
func (f *Fold) counterpart(end match.End, j *Judged) (fate, error) {
	r, ev := end.Rule, j.Result.Event
	if end.NoBy != "" {
		return fateError, f.ruleError(r, ev, "by")
	}
	both := slices.ContainsFunc(j.Result.Hits, func(h match.Hit) bool { return h.Rule == r })
	at := min(f.timeOf(ev), f.at+maxSkew)
	ended := f.waits(r).came(f.waitKey(end.By), at, f.at, f.state.Lateness, both)
	switch {
	case ended != nil:
		f.met(r, ended, at)
	case f.late(at) && !both:
		return fateLate, f.addLate(r, ev, at)
	}
	return fateJudged, nil
}

// wait has an event wait for its counterpart, unless that came already or
// another event with the same key waits. The earlier of two waits, whichever
// arrives first.
func (f *Fold) wait(hit *match.Hit, ev *event.Event) (fate, error) {
	r, lateness := hit.Rule, f.state.Lateness
	if hit.NoBy != "" {
		return fateError, f.ruleError(r, ev, "by")
	}
	at := min(f.timeOf(ev), f.at+maxSkew)
	if f.late(at) {
		return fateLate, f.addLate(r, ev, at)
	}
	deadline := at + int64(r.Unless.Within)
	if r.Unless.Until != nil {
		if deadline = hit.Until; hit.NoUntil != "" || deadline > at+int64(rule.MaxWait) {
			return fateError, f.ruleError(r, ev, "until")
		}
	}
	w, name := f.waits(r), f.waitKey(hit.By)
	settled, came, unsure := w.settled(name, at, deadline, lateness)
	before := w.Open[name]
	switch {
	case settled, before != nil && before.At <= at:
		if came != 0 && hit.NoKey == "" && !(ev.SampledRate > 1 && r.MovesMoney()) {
			f.met(r, &opening{At: at, Deadline: deadline, Source: ev.Source, Event: ev.ID, Customer: ev.Customer, Key: hit.Key}, came)
		}
		return fateJudged, nil
	case len(r.OncePer) > 0 && !keyed(hit):
		return fateNoKey, f.add(KindNoKey, Fact{Rule: r.Name}, NoKeyFact{Source: ev.Source, Event: ev.ID, Reason: hit.NoKey})
	case ev.SampledRate > 1 && r.MovesMoney():
		// Its counterpart may be among the events that were never sent.
		return fateJudged, nil
	case unsure:
		return fateError, f.ruleError(r, ev, "forgotten")
	case before == nil && len(w.Open) >= f.maxOpenings:
		return fateError, f.ruleError(r, ev, "full")
	}
	o := f.opening(hit, ev)
	// An event is never judged by less than its lateness, so what came in time is known.
	o.At, o.Deadline, o.Due = at, deadline, max(deadline+lateness, f.at)
	w.Open[name] = o
	f.setTimer(timer{deadline: o.Due, rule: r.Name, key: string(name), of: timerAbsence})
	return fateJudged, nil
}

// opening keeps of an event what its remedy will need.
func (f *Fold) opening(hit *match.Hit, ev *event.Event) *opening {
	actions, err := hit.Rest.Actions(nil)
	if err != nil || unfit(actions) {
		actions = nil
	}
	return &opening{
		Ordinal: f.state.Position.Ordinal, Source: ev.Source, Event: ev.ID, Subject: ev.Subject, Customer: ev.Customer,
		Key: hit.Key, Actions: actions, Digest: hit.Rule.Digest, Promise: hit.Rule.Unless.Promise,
	}
}

// openingOf returns the event that a timer is for, nil when none waits.
func (f *Fold) openingOf(t timer) *opening {
	if w := f.state.Waiting[t.rule]; w != nil {
		return w.Open[key(t.key)]
	}
	return nil
}

// absent decides about an event whose counterpart did not come, at the time of
// the timer: limits, pauses and storms are those of that time, and of the rule in
// force. What is held waits for people from now on.
func (f *Fold) absent(t timer) error {
	now := f.at
	f.at = t.deadline
	defer func() { f.at = now }()
	o, r := f.openingOf(t), f.rules[t.rule]
	w := f.waits(r)
	delete(w.Open, key(t.key))
	w.ended(key(t.key), span{From: o.At, To: t.deadline})
	c := candidate{
		hit:     &match.Hit{Rule: r, Key: o.Key, Rest: promised(o.Actions)},
		event:   &event.Event{ID: o.Event, Source: o.Source, Subject: o.Subject, Customer: o.Customer},
		eventAt: o.At, live: f.live(r, o.Customer), charged: r.Name, known: now,
		opened: &Opened{Ordinal: o.Ordinal, Deadline: stamp(o.Deadline), Digest: o.Digest, edited: o.Promise != r.Unless.Promise},
	}
	if _, err := f.judgeTaken(&c, o.Ordinal); err != nil {
		return err
	}
	return f.recur(&c)
}

// promised are the steps of an event that waited. It implements match.Rest.
type promised []rule.Action

func (p promised) Having([]any) (bool, error) { return true, nil }

func (p promised) Actions([]any) ([]rule.Action, error) {
	if p == nil {
		return nil, errors.New("the steps could not be computed when the event came")
	}
	return p, nil
}

// dueKeys adds the once_per keys of the events of which a timer fires until a
// time. It looks at the timer at i of the heap and at those below it.
func (f *Fold) dueKeys(ids []uuid.UUID, i int, until int64) []uuid.UUID {
	if i >= len(f.timers) || f.timers[i].deadline > until {
		return ids
	}
	if t := f.timers[i]; t.of == timerAbsence && !f.stale(t) {
		if o, r := f.openingOf(t), f.rules[t.rule]; o.Key != "" {
			ids = append(ids, f.remedyID(r, o.Key))
		}
	}
	return f.dueKeys(f.dueKeys(ids, 2*i+1, until), 2*i+2, until)
}

// changeWaiting takes up the rules with unless that are in force from now on, in place of
// those before.
func (f *Fold) changeWaiting(before map[string]*rule.Rule) error {
	if err := f.dropWaiting(); err != nil {
		return err
	}
	if f.state.Silent {
		return nil // no counterpart can have come yet
	}
	for name, r := range f.rules {
		if r.Unless == nil {
			continue
		}
		if old := before[name]; old == nil || old.Unless == nil || old.Unless.Digest != r.Unless.Digest {
			// Nobody looked for the counterparts that came before: what they may be the
			// counterparts of does not wait, and pays nothing.
			f.waits(r).Blind = f.at + maxSkew
		}
	}
	return nil
}

// dropWaiting ends what waits by what is no longer in force: nobody looks for
// its counterparts any more.
func (f *Fold) dropWaiting() error {
	for _, name := range slices.Sorted(maps.Keys(f.state.Waiting)) {
		w := f.state.Waiting[name]
		if r := f.rules[name]; r != nil && r.Unless != nil && r.Unless.Digest == w.Digest {
			continue
		}
		delete(f.state.Waiting, name)
		if len(w.Open) == 0 {
			continue
		}
		if err := f.add(KindDropped, Fact{Rule: name}, DroppedFact{Events: len(w.Open)}); err != nil {
			return err
		}
	}
	return nil
}

// Waits is an event that waits for its counterpart.
type Waits struct {
	Rule          string
	Source, Event string // its source and id
	Deadline      int64  // up to which the counterpart comes in time, by its own time
	Due           int64  // log time at which the rule fires unless it came
}

// Waiting returns the events that wait, by when they are due.
func (f *Fold) Waiting() []Waits {
	var all []Waits
	for name, w := range f.state.Waiting {
		for _, o := range w.Open {
			all = append(all, Waits{Rule: name, Source: o.Source, Event: o.Event, Deadline: o.Deadline, Due: o.Due})
		}
	}
	slices.SortFunc(all, func(a, b Waits) int {
		return cmp.Or(cmp.Compare(a.Due, b.Due), cmp.Compare(a.Rule, b.Rule), cmp.Compare(a.Source, b.Source), cmp.Compare(a.Event, b.Event))
	})
	return all
}
