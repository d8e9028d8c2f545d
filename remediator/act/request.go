package act

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/ledger"
)

// request builds what to ask the provider from the sealed decision. The row of
// the outbox only names it: whoever changes a row moves no money.
func request(job Job) (Request, error) {
	entry, fact, err := decision(job.Entry, job.Remedy)
	if err != nil {
		return Request{}, err
	}
	for _, step := range fact.Steps {
		if step.Action == job.Action {
			r, err := stepRequest(job, fact, step)
			r.Entry, r.At = entry.Seq, time.Unix(0, entry.At).UTC()
			return r, err
		}
	}
	return Request{}, fmt.Errorf("read the sealed decision: entry %d has no such action", entry.Seq)
}

// decision reads the sealed decision of a remedy.
func decision(sealed []byte, remedy uuid.UUID) (entry ledger.Entry, fact decide.RemedyFact, err error) {
	entry, err = ledger.DecodeEntry(sealed)
	if err != nil {
		return entry, fact, fmt.Errorf("read the sealed decision: %w", err)
	}
	if entry.Kind != decide.KindRemedy || entry.Remedy != remedy {
		return entry, fact, fmt.Errorf("read the sealed decision: entry %d is a %q of remedy %s", entry.Seq, entry.Kind, entry.Remedy)
	}
	if err := json.Unmarshal(entry.Body, &fact); err != nil {
		return entry, fact, fmt.Errorf("read the sealed decision: %w", err)
	}
	return entry, fact, nil
}

func stepRequest(job Job, fact decide.RemedyFact, step decide.Step) (Request, error) {
	switch {
	case fact.Remedy != job.Remedy || fact.Mode != "live" || fact.Decision == decide.Suppress:
		return Request{}, errors.New("read the sealed decision: it pays nothing")
	case step.Connector != job.Connector:
		return Request{}, fmt.Errorf("read the sealed decision: its connector is %q", step.Connector)
	case !tells(step.Kind) && (step.Amount == nil || step.Amount.Minor <= 0):
		return Request{}, errors.New("read the sealed decision: it has no amount above zero")
	}
	customer := step.Customer
	if customer == "" && step.Kind != "credit" {
		// A credit goes to whom the rule names, or to nobody: the event's customer may
		// be somebody else.
		customer = fact.Customer
	}
	r := Request{
		Action: step.Action, Remedy: fact.Remedy, Rule: fact.Rule, Kind: step.Kind, Of: step.Of, Customer: customer,
		Subject: fact.Subject, Attempt: job.Attempt,
		Payment: step.Payment, Expires: time.Duration(step.ExpiresS) * time.Second,
		Template: step.Template, Via: step.Via, Endpoint: step.Endpoint,
	}
	if !r.tells() {
		r.Amount = *step.Amount
		return r, nil
	}
	decisions := []decide.RemedyFact{fact} // the first one last
	for _, sealed := range job.Retried {
		_, before, err := decision(sealed, decisions[len(decisions)-1].Of)
		if err != nil {
			return r, err
		}
		decisions = append(decisions, before)
	}
	slices.Reverse(decisions)
	r.Rule = decisions[0].Rule // whoever is told knows that one
	var err error
	if r.Values, err = valuesOf(job, step.Name); err == nil {
		r.Results, err = results(job, step.Name, decisions)
	}
	return r, err
}

func (r Request) tells() bool { return tells(r.Kind) }

// valuesOf finds what a step tells; nil when it was erased.
func valuesOf(job Job, step string) (json.RawMessage, error) {
	if job.Values == nil {
		return nil, nil
	}
	var all map[string]json.RawMessage
	if err := json.Unmarshal(job.Values, &all); err != nil {
		return nil, fmt.Errorf("read what is told: %w", err)
	}
	if all[step] == nil {
		return nil, fmt.Errorf("read what is told: nothing was sealed for the step %s", step)
	}
	return all[step], nil
}

// results are what the other steps of the remedy came to, by their last outcomes.
// A retry has but the steps that are tried again: the others are those of the
// remedies that it is made from, whose last try counts.
func results(job Job, step string, decisions []decide.RemedyFact) ([]StepResult, error) {
	last := map[uuid.UUID]decide.ActionFact{}
	for _, f := range job.Outcomes {
		var outcome decide.ActionFact
		if err := json.Unmarshal(f.Body, &outcome); err != nil {
			return nil, fmt.Errorf("read a sealed outcome: %w", err)
		}
		last[f.Action] = outcome
	}
	var found []StepResult
	for _, fact := range decisions {
		for _, s := range fact.Steps {
			outcome, ok := last[s.Action]
			if !ok || s.Name == step {
				continue
			}
			result := StepResult{Name: s.Name, Kind: s.Kind, Status: outcome.Status, Ref: outcome.Ref, Amount: cmp.Or(outcome.Amount, s.Amount)}
			if i := slices.IndexFunc(found, func(r StepResult) bool { return r.Name == s.Name }); i >= 0 {
				found[i] = result
			} else {
				found = append(found, result)
			}
		}
	}
	return found, nil
}
