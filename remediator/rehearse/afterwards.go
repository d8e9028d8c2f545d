package rehearse

import (
	"encoding/json"
	"fmt"
	"maps"
	"runtime"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/input"
	"github.com/makegood/makegood/remediator/match"
	"github.com/makegood/makegood/remediator/rule"
)

// Afterwards lists what one rule of a set would have made good in a period, for the
// customers that wanted names, in order: what it would have done and what it would
// have held. What its limits would have suppressed is not due, and counted by the reason.
// A log that no longer has
// the events of the period, or those with which the windows of the rule begin, is a
// ColdError.
func Afterwards(set *rule.Set, name string, past Past, wanted func(customer string) bool) ([]decide.MadeGood, []decide.BulkCount, error) {
	matcher := onlyRule{match.New(set), name}
	r := &rehearsal{}
	// The facts are encoded, with the evidence beside them, as for a ledger.
	if err := r.begin(set, past.lateness(), decide.Config{NewMatcher: func(*rule.Set) match.Matcher { return matcher }}); err != nil {
		return nil, nil, err
	}
	made := &afterwards{rule: name, past: past, wanted: wanted, list: []decide.MadeGood{}, suppressed: map[string]int{}}
	fold := func(inputs []input.Input, judged []decide.Judged) error {
		out, err := r.fold.ApplyJudged(inputs, judged)
		if err != nil {
			return err
		}
		return made.add(out)
	}
	events := &reading{past: past, matchers: []match.Matcher{matcher}, warming: past.warmingOf(set.Rule(name))}
	for c, err := range events.chunks(runtime.GOMAXPROCS(0)) {
		if err != nil {
			return nil, nil, err
		}
		if err := fold(c.events, c.judged[0]); err != nil {
			return nil, nil, err
		}
	}
	if past.File == nil && events.cold() {
		return nil, nil, ColdError{Rule: name, Begins: time.Unix(0, events.first).UTC(), Needs: events.warming}
	}
	if past.Until != 0 {
		if err := fold([]input.Input{{Kind: input.Tick, At: past.Until - 1}}, make([]decide.Judged, 1)); err != nil {
			return nil, nil, err
		}
	}
	return made.list, made.counts(), nil
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

// made is what a rule made for the customers that are meant.
type afterwards struct {
	rule       string
	past       Past
	wanted     func(customer string) bool
	list       []decide.MadeGood
	suppressed map[string]int // by the reason
}

// counts lists what was suppressed, in the order of the reasons.
func (m *afterwards) counts() []decide.BulkCount {
	var counts []decide.BulkCount
	for _, reason := range slices.Sorted(maps.Keys(m.suppressed)) {
		counts = append(counts, decide.BulkCount{Reason: reason, Remedies: m.suppressed[reason]})
	}
	return counts
}

// add adds what one call of the fold made, each with the event and the texts that were
// sealed beside it.
func (m *afterwards) add(out *decide.Output) error {
	place := map[uuid.UUID]int{}
	for _, item := range out.Items {
		switch f, e := item.Fact, item.Evidence; {
		case f != nil && f.Kind == decide.KindRemedy && f.Rule == m.rule && m.past.has(f.At):
			var remedy decide.RemedyFact
			if err := json.Unmarshal(f.Body, &remedy); err != nil {
				return fmt.Errorf("decode remedy: %w", err)
			}
			if !m.wanted(remedy.Customer) {
				continue
			}
			if remedy.Decision == decide.Suppress {
				m.suppressed[remedy.Reason]++
				continue
			}
			place[remedy.Remedy] = len(m.list)
			m.list = append(m.list, decide.MadeGood{Key: remedy.Key, Customer: remedy.Customer, Subject: remedy.Subject, Source: remedy.Source,
				Event: remedy.Event, EventAt: remedy.EventAt, Aggregates: remedy.Aggregates, Steps: remedy.Steps})
		case e != nil:
			i, listed := place[e.Remedy]
			if listed && e.Kind == decide.EvidenceEvent {
				m.list[i].Body = e.Plain
			}
			if listed && e.Kind == decide.EvidenceValues {
				m.list[i].Values = e.Plain
			}
		}
	}
	return nil
}
