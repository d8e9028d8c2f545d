package rehearse

import (
	"encoding/json"
	"fmt"
	"runtime"
	"time"

	"github.com/google/uuid"

	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/input"
	"github.com/makegood/makegood/remediator/match"
	"github.com/makegood/makegood/remediator/rule"
)

// Afterwards lists what one rule of a set would have made good in a period, for the
// customers that wanted names, in order: what it would have done and what it would
// have held. What its limits would have suppressed is not due. A log that no longer has
// the events of the period, or those with which the windows of the rule begin, is a
// ColdError.
func Afterwards(set *rule.Set, name string, past Past, wanted func(customer string) bool) ([]decide.MadeGood, error) {
	matcher := onlyRule{match.New(set), name}
	r := &rehearsal{}
	// The facts are encoded, with the evidence beside them, as for a ledger.
	if err := r.begin(set, past.lateness(), decide.Config{NewMatcher: func(*rule.Set) match.Matcher { return matcher }}); err != nil {
		return nil, err
	}
	list := []decide.MadeGood{}
	fold := func(inputs []input.Input, judged []decide.Judged) error {
		out, err := r.fold.ApplyJudged(inputs, judged)
		if err != nil {
			return err
		}
		list, err = appendMade(list, out, name, past, wanted)
		return err
	}
	events := &reading{past: past, matchers: []match.Matcher{matcher}, warming: past.warmingOf(set.Rule(name))}
	for c, err := range events.chunks(runtime.GOMAXPROCS(0)) {
		if err != nil {
			return nil, err
		}
		if err := fold(c.events, c.judged[0]); err != nil {
			return nil, err
		}
	}
	if past.File == nil && events.cold() {
		return nil, ColdError{Rule: name, Begins: time.Unix(0, events.first).UTC(), Needs: events.warming}
	}
	if past.Until != 0 {
		if err := fold([]input.Input{{Kind: input.Tick, At: past.Until - 1}}, make([]decide.Judged, 1)); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// ColdError says that a log no longer has events that a rule needs to count right in a
// period: what it would have made good cannot be known.
type ColdError struct {
	Rule   string
	Begins time.Time     // when the log begins now
	Needs  time.Duration // how long before a period its events are needed
}

func (e ColdError) Error() string {
	if e.Needs == 0 {
		return fmt.Sprintf("the log begins at %[1]s, and lost what was before: ask from %[1]s on", e.Begins.Format(time.RFC3339Nano))
	}
	return fmt.Sprintf("the log begins at %s, and rule %.80s needs events of %s before the period: ask from %s on",
		e.Begins.Format(time.RFC3339Nano), e.Rule, e.Needs, e.Begins.Add(e.Needs).Format(time.RFC3339Nano))
}

// onlyRule judges by one rule of a set: what the others pay takes none of its
// payments.
type onlyRule struct {
	match.Matcher
	name string
}

// Match implements match.Matcher.
func (m onlyRule) Match(body []byte, at int64) (match.Result, error) {
	result, err := m.Matcher.Match(body, at)
	all := result.Hits
	result.Hits, result.Errors = nil, nil
	for _, h := range all {
		if h.Rule.Name == m.name {
			result.Hits = append(result.Hits, h)
		}
	}
	return result, err
}

// appendMade adds what a rule made in one call of the fold, each with the event and
// the texts that were sealed beside it.
func appendMade(list []decide.MadeGood, out *decide.Output, name string, past Past, wanted func(string) bool) ([]decide.MadeGood, error) {
	place := map[uuid.UUID]int{}
	for _, item := range out.Items {
		switch f, e := item.Fact, item.Evidence; {
		case f != nil && f.Kind == decide.KindRemedy && f.Rule == name && past.has(f.At):
			var remedy decide.RemedyFact
			if err := json.Unmarshal(f.Body, &remedy); err != nil {
				return nil, fmt.Errorf("decode remedy: %w", err)
			}
			if remedy.Decision == decide.Suppress || !wanted(remedy.Customer) {
				continue
			}
			place[remedy.Remedy] = len(list)
			list = append(list, decide.MadeGood{Key: remedy.Key, Customer: remedy.Customer, Subject: remedy.Subject, Source: remedy.Source,
				Event: remedy.Event, EventAt: remedy.EventAt, Aggregates: remedy.Aggregates, Steps: remedy.Steps})
		case e != nil:
			i, listed := place[e.Remedy]
			if listed && e.Kind == decide.EvidenceEvent {
				list[i].Body = e.Plain
			}
			if listed && e.Kind == decide.EvidenceValues {
				list[i].Values = e.Plain
			}
		}
	}
	return list, nil
}
