package rehearse

import (
	"fmt"
	"slices"

	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/event"
	"github.com/makegood/makegood/remediator/input"
	"github.com/makegood/makegood/remediator/rule"
)

// Stored says of which remedy of a ledger an explanation is, and by which rules it
// was made.
type Stored struct {
	Remedy  string `json:"remedy"`
	At      string `json:"at"`                     // when it was decided
	Ordinal uint64 `json:"ordinal"`                // of the input that decided it
	Digest  string `json:"digest"`                 // of the rule's text
	Set     string `json:"set"`                    // digest of the rules in force
	Author  string `json:"author"`                 // who had put them in force; empty when it was made afterwards
	Bulk    string `json:"bulk,omitempty"`         // in which it was made good afterwards
	By      string `json:"requested_by,omitempty"` // who asked for that
}

// Replay explains inputs of a log, as the fold met them.
type Replay struct{ watcher *watcher }

// NewReplay returns a Replay.
func NewReplay() *Replay { return &Replay{&watcher{idle: true}} }

// Config is how a fold must be made that the Replay is to explain with. Its Memory
// is the caller's to set.
func (r *Replay) Config() decide.Config {
	return decide.Config{NewMatcher: r.watcher.of}
}

// Explain folds the input of an event, for which the fold stands ready, and says why
// a rule made of it the remedy that is sealed, with the windows as they were.
func (r *Replay) Explain(fold *decide.Fold, in input.Input, sealed decide.Fact, remedy *decide.RemedyFact) (*Explanation, error) {
	ev, err := event.Decode(in.Body)
	if err != nil {
		return nil, fmt.Errorf("read event: %w", err)
	}
	r.watcher.idle = false
	w := &watched{rehearsal: &rehearsal{fold: fold}, watcher: r.watcher}
	o, err := w.event(in)
	if err != nil {
		return nil, err
	}
	set := fold.Rules()
	if set == nil || set.Rule(remedy.Rule) == nil {
		return nil, fmt.Errorf("no rule %s was in force at input %d", remedy.Rule, fold.Position().Ordinal)
	}
	// What was sealed counts; of an event that waited for another one, the fold says
	// nothing yet.
	o.remedies = append(slices.DeleteFunc(o.remedies, func(m decide.RemedyFact) bool { return m.Rule == remedy.Rule }), *remedy)
	return &Explanation{
		Event: ev.ID, Type: ev.Type, Rules: []RuleExplanation{o.explainSealed(set.Rule(remedy.Rule), ev.Type, remedy)},
		Stored: &Stored{Remedy: remedy.Remedy.String(), At: stampOr(sealed.At), Ordinal: sealed.Ordinal, Digest: remedy.Digest, Set: remedy.Set, Author: fold.Author()},
	}, nil
}

// explainSealed is explain of a rule that was in a mode for the customer of a remedy.
func (o *outcome) explainSealed(r *rule.Rule, eventType string, remedy *decide.RemedyFact) RuleExplanation {
	e := o.explain(r, eventType)
	e.Mode = remedy.Mode
	return e
}

// ExplainMade says why one rule of a set made good afterwards what is sealed, with the
// windows of a rehearsal by that rule alone, as Afterwards has them. is recognizes the
// event. It returns nil when the period has no such event.
func ExplainMade(set *rule.Set, past Past, sealed decide.Fact, remedy *decide.RemedyFact, is func(body []byte) bool) (*Explanation, error) {
	w, err := beginWatched(set, past.lateness())
	if err != nil {
		return nil, err
	}
	w.watcher.Matcher, w.watcher.only = onlyRule{w.watcher.Matcher, remedy.Rule}, remedy.Rule
	var first int64
	var whole bool
	for in, err := range past.read(past.warmingOf(set.Rule(remedy.Rule)), &first, &whole) {
		if err != nil {
			return nil, err
		}
		found := past.has(in.At) && is(in.Body)
		w.watcher.idle = !found
		o, err := w.judge(in)
		if err != nil {
			return nil, err
		}
		if !found {
			continue
		}
		ev, err := event.Decode(in.Body)
		if err != nil {
			return nil, fmt.Errorf("read event: %w", err)
		}
		o.remedies = []decide.RemedyFact{*remedy}
		return &Explanation{
			Event: ev.ID, Type: ev.Type, Rules: []RuleExplanation{o.explainSealed(set.Rule(remedy.Rule), ev.Type, remedy)},
			Stored: &Stored{Remedy: remedy.Remedy.String(), At: stampOr(sealed.At), Ordinal: sealed.Ordinal, Digest: remedy.Digest, Set: remedy.Set,
				Bulk: remedy.Bulk.String(), By: remedy.RequestedBy},
		}, nil
	}
	return nil, nil
}
