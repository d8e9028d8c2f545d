package rehearse

import (
	"encoding/json"
	"fmt"
	"runtime"

	"github.com/google/uuid"

	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/input"
	"github.com/makegood/makegood/remediator/match"
	"github.com/makegood/makegood/remediator/rule"
)

// Afterwards lists what one rule of a set would have made good in a period, for the
// customers that wanted names, in order: what it would have done and what it would
// have held. What its limits would have suppressed is not due.
func Afterwards(set *rule.Set, name string, past Past, wanted func(customer string) bool) ([]decide.MadeGood, error) {
	r, err := beginSealing(set.Files, runtime.GOMAXPROCS(0), func(set *rule.Set) match.Matcher { return onlyRule{match.New(set), name} })
	if err != nil {
		return nil, err
	}
	list := []decide.MadeGood{}
	fold := func(inputs []input.Input) error {
		out, err := r.fold.Apply(inputs)
		if err != nil {
			return err
		}
		r.memory.Commit(out)
		list, err = appendMade(list, out, name, past, wanted)
		return err
	}
	var first int64
	for inputs, err := range batches(past.events(Warming(set), &first)) {
		if err != nil {
			return nil, err
		}
		if err := fold(inputs); err != nil {
			return nil, err
		}
	}
	if past.Until != 0 {
		if err := fold([]input.Input{{Kind: input.Tick, At: past.Until - 1}}); err != nil {
			return nil, err
		}
	}
	return list, nil
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
