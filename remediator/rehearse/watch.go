package rehearse

import (
	"cmp"
	"errors"
	"fmt"
	"time"

	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/event"
	"github.com/makegood/makegood/remediator/input"
	"github.com/makegood/makegood/remediator/match"
	"github.com/makegood/makegood/remediator/rule"
	"github.com/makegood/makegood/remediator/rule/expression"
)

// watcher is a matcher that keeps how each rule judged the last event. What the
// fold asks for later, when it knows the windows, it keeps as well.
type watcher struct {
	match.Matcher
	set    *rule.Set
	heard  string // the type of the last event
	idle   bool   // nothing is kept for now
	only   string // of this rule alone; empty: of all
	judged []*judgement
}

// judgement is how one rule judged one event of its type, or of its counterpart's.
type judgement struct {
	rule       *rule.Rule
	event      [2]string // its source and id
	ends       bool      // the type is one of unless
	sampled    bool      // it stands for others that were not sent
	evaluation *rule.Evaluation
	filter     *rule.Filter     // its if
	conditions []rule.Condition // of its if
	hit        *match.Hit       // nil when its if does not hold
	end        *match.End       // the same, of unless
	asked      bool             // the window took the event
	having     []rule.Condition
	holds      bool  // having, all of it
	valueless  error // why having, all of it, has no value
	actions    error // why its steps could not be computed
	aggregates []any // that they were computed with
}

// Match implements match.Matcher.
func (w *watcher) Match(raw []byte, at int64) (match.Result, error) {
	w.heard, w.judged = "", nil
	result, err := w.Matcher.Match(raw, at)
	if err != nil || w.idle {
		return result, err
	}
	ev, err := event.Decode(raw)
	if err != nil {
		return result, err
	}
	values := rule.NewValues(&ev, at)
	w.heard = ev.Type
	for _, c := range w.set.Clauses(ev.Type) {
		if w.only != "" && c.Rule.Name != w.only {
			continue
		}
		r := c.Rule
		evaluation := r.Evaluate(values)
		j := &judgement{rule: r, event: [2]string{ev.Source, ev.ID}, ends: c.Ends, sampled: ev.SampledRate > 1,
			evaluation: evaluation, filter: c.Filter, conditions: evaluation.Conditions(c.Filter)}
		w.judged = append(w.judged, j)
		for i := range result.Ends {
			if e := &result.Ends[i]; e.Rule == r && c.Ends {
				j.end = e
			}
		}
		for i := range result.Hits {
			if c.Ends {
				break
			}
			if h := &result.Hits[i]; h.Rule == r {
				j.hit = h
				h.Rest = watchedRest{Rest: h.Rest, judgement: j}
			}
		}
		if j.end != nil || j.hit != nil {
			spare(j.conditions)
		}
	}
	return result, nil
}

// watchedRest keeps what is asked of a hit.
type watchedRest struct {
	match.Rest
	judgement *judgement
}

// Having implements match.Rest.
func (r watchedRest) Having(aggregates []any) (bool, error) {
	j := r.judgement
	j.asked, j.having = true, j.evaluation.HavingConditions(aggregates)
	j.holds, j.valueless = r.Rest.Having(aggregates)
	if j.holds {
		spare(j.having)
	}
	return j.holds, j.valueless
}

// spare gives the conditions of what the matcher found to hold that verdict. One that costs
// too much by itself has no value, but the matcher does not ask it where another decides.
func spare(conditions []rule.Condition) {
	for i := range conditions {
		if c := &conditions[i]; c.Err != nil {
			c.Value, c.Err = true, nil
		}
	}
}

// Actions implements match.Rest.
func (r watchedRest) Actions(aggregates []any) ([]rule.Action, error) {
	actions, err := r.Rest.Actions(aggregates)
	r.judgement.actions, r.judgement.aggregates = err, aggregates
	return actions, err
}

// watched is a rehearsal in which each event is looked at by itself.
type watched struct {
	*rehearsal
	watcher *watcher
	met     []decide.Met // by the last event
}

func beginWatched(set *rule.Set, lateness time.Duration) (*watched, error) {
	return watch(set, match.New(set), lateness)
}

// watch is beginWatched with the matcher of the set, which takes longer to make than most
// tests to run.
func watch(set *rule.Set, matcher match.Matcher, lateness time.Duration) (*watched, error) {
	w := &watched{rehearsal: &rehearsal{}, watcher: &watcher{Matcher: matcher, set: set}}
	return w, w.begin(set, lateness, decide.Config{
		NewMatcher: func(*rule.Set) match.Matcher { return w.watcher },
		Observe:    w.keep, Met: func(m decide.Met) { w.met = append(w.met, m) },
	})
}

// of has the watcher judge by a rule set from now on.
func (w *watcher) of(set *rule.Set) match.Matcher {
	w.Matcher, w.set = match.New(set), set
	return w
}

// outcome is what became of one event.
type outcome struct {
	eventType string

	judged   []*judgement
	remedies []decide.RemedyFact
	taken    map[string]bool   // rules whose once_per key was taken before
	late     map[string]bool   // rules for whose window it was too late
	errors   map[string]string // what was an error, by rule
	met      []decide.Met      // what need not wait because its counterpart came
	waiting  []decide.Waits    // the events that wait for their counterpart after it; in a test, at its end
}

// event folds one event, or the passing of time, and looks at what waits after it.
func (w *watched) event(in input.Input) (*outcome, error) {
	o, err := w.judge(in)
	if err == nil {
		o.waiting = w.fold.Waiting()
	}
	return o, err
}

// judge is event without what waits: that may be a million events, too many to look at
// with each event of a log, or of a test.
func (w *watched) judge(in input.Input) (*outcome, error) {
	w.watcher.heard, w.watcher.judged, w.met = "", nil, nil
	facts, err := w.apply([]input.Input{in})
	if err != nil {
		return nil, err
	}
	o := &outcome{eventType: w.watcher.heard, judged: w.watcher.judged, taken: map[string]bool{}, late: map[string]bool{}, errors: map[string]string{}, met: w.met}
	for _, f := range facts {
		switch f.Kind {
		case decide.KindRemedy:
			o.remedies = append(o.remedies, *f.body.(*decide.RemedyFact))
		case decide.KindDuplicate:
			o.taken[f.Rule] = true
		case decide.KindLate:
			o.late[f.Rule] = true
		case decide.KindError:
			o.errors[f.Rule] = f.body.(decide.ErrorFact).Code
		}
	}
	return o, nil
}

// of returns how a rule judged the event, nil when the type is not one of its.
func (o *outcome) of(name string) *judgement { return o.as(name, false) }

// as returns how a rule judged the event as one of its own, or as a counterpart.
func (o *outcome) as(name string, ends bool) *judgement {
	for _, j := range o.judged {
		if j.rule.Name == name && j.ends == ends {
			return j
		}
	}
	return nil
}

// waits returns what waits for a counterpart for a rule, nil when nothing does.
func (o *outcome) waits(name string) *decide.Waits {
	for i := range o.waiting {
		if o.waiting[i].Rule == name {
			return &o.waiting[i]
		}
	}
	return nil
}

// remedy returns what a rule decided, nil when nothing.
func (o *outcome) remedy(name string) *decide.RemedyFact {
	for i := range o.remedies {
		if o.remedies[i].Rule == name {
			return &o.remedies[i]
		}
	}
	return nil
}

// why names the first thing that kept a rule from acting, "" when it acted.
func (o *outcome) why(j *judgement) string {
	if remedy := o.remedy(j.rule.Name); remedy != nil {
		return j.whyNotAct(remedy)
	}
	for _, c := range j.conditions {
		if !c.Value {
			return failed(c)
		}
	}
	switch h := j.hit; {
	case h == nil:
		_, err := j.evaluation.Meets(j.filter)
		return together("if", err)
	case j.rule.Unless != nil:
		return o.whyWaits(j)
	case h.NoBy != "":
		return "the event belongs to no window: " + j.nameless(h.NoBy, j.rule.GroupsBy())
	case o.late[j.rule.Name]:
		return "the event came too late for the window"
	case j.rule.Window != nil && !j.asked:
		return "an event with the same source and id came before"
	}
	for _, c := range j.having {
		if !c.Value {
			return failed(c)
		}
	}
	switch {
	case j.asked && !j.holds:
		return together("having", j.valueless)
	case j.hit.NoKey != "":
		return "the event has no once_per key: " + j.nameless(j.hit.NoKey, j.rule.OncePer...)
	case o.taken[j.rule.Name]:
		return "the once_per key was taken before"
	case j.rule.Window != nil && j.rule.MovesMoney():
		return "a sampled event (sampledrate above 1) moves no money by window"
	}
	return "an event with the same source and id came before"
}

// together says how conditions fail of which each holds: they cost too much together.
func together(what string, err error) string {
	if err == nil {
		return what + " does not hold"
	}
	return what + " has no value: " + cause(err)
}

// verbs say what a decision not to act did.
var verbs = map[string]string{decide.Hold: "held", decide.Suppress: "suppressed"}

func (j *judgement) whyNotAct(remedy *decide.RemedyFact) string {
	switch {
	case remedy.Decision == decide.Act:
		return ""
	case j.actions != nil:
		return j.evaluation.Said(j.actions, j.aggregates).Error()
	}
	return verbs[remedy.Decision] + ": " + heldFor(remedy)
}

// heldFor names the reason that is sealed, with the limit that it is about, and then
// what would have held the remedy besides.
func heldFor(remedy *decide.RemedyFact) string {
	reason, also := "", ""
	for _, c := range remedy.Checks {
		switch name, text := checkText(c); {
		case !c.Held:
		case reason == "" && name == remedy.Reason:
			reason = text
		default:
			also += "; also " + text
		}
	}
	return cmp.Or(reason, remedy.Reason) + also
}

// checkText says what a check looked at, and the reason that it gives.
func checkText(c decide.Check) (reason, text string) {
	switch {
	case c.Limit != nil:
		return c.Check, fmt.Sprintf("%s of %s, %s used before", c.Check, c.Limit, c.Used)
	case c.Count != nil:
		return c.Check, fmt.Sprintf("%s of %d remedies, %d before", c.Check, c.Max, *c.Count)
	}
	return decide.ReasonCurrency, fmt.Sprintf("%s (%s names no amount in %s)", decide.ReasonCurrency, c.Check, c.Used.Currency)
}

// failed says how a condition failed and what it saw.
func failed(c rule.Condition) string {
	result := expression.Line(c.Text) + " is false"
	if c.Err != nil {
		result = expression.Line(c.Text) + " has no value: " + cause(c.Said())
	}
	if read := readText(c.Seen, c.Absent); read != "" {
		return result + "; " + read
	}
	return result
}

// nameless says which of some expressions of the rule names nothing for its event, and why.
func (j *judgement) nameless(why string, parts ...*rule.Expr) string {
	c := j.evaluation.Nameless(parts...)
	if c.Err != nil {
		return failed(c)
	}
	result := expression.Line(c.Text) + " is " + cmp.Or(nameless[why], why)
	if read := readText(c.Seen, c.Absent); read != "" && nameless[why] != "" {
		result += "; " + read
	}
	return result
}

// nameless are values that name nothing, by the reason; a null or an empty one says so itself.
var nameless = map[string]string{
	rule.KeyType:   "a boolean, a list or an object, which name nothing",
	rule.KeyNumber: "not finite, or a whole number beyond 2^53: send it as a text",
}

// cause is the innermost message of an error.
func cause(err error) string {
	for inner := errors.Unwrap(err); inner != nil; inner = errors.Unwrap(err) {
		err = inner
	}
	return err.Error()
}
