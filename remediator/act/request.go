package act

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/ledger"
)

// request builds what to ask the provider from the sealed decision. The row of
// the outbox only names it: whoever changes a row moves no money.
func request(job Job) (Request, error) {
	entry, err := ledger.DecodeEntry(job.Entry)
	if err != nil {
		return Request{}, fmt.Errorf("read the sealed decision: %w", err)
	}
	if entry.Kind != decide.KindRemedy || entry.Remedy != job.Remedy {
		return Request{}, fmt.Errorf("read the sealed decision: entry %d is a %q of remedy %s", entry.Seq, entry.Kind, entry.Remedy)
	}
	var fact decide.RemedyFact
	if err := json.Unmarshal(entry.Body, &fact); err != nil {
		return Request{}, fmt.Errorf("read the sealed decision: %w", err)
	}
	for _, step := range fact.Steps {
		if step.Action == job.Action {
			return stepRequest(job, fact, step)
		}
	}
	return Request{}, fmt.Errorf("read the sealed decision: entry %d has no such action", entry.Seq)
}

func stepRequest(job Job, fact decide.RemedyFact, step decide.Step) (Request, error) {
	switch {
	case fact.Remedy != job.Remedy || fact.Mode != "live" || fact.Decision == decide.Suppress:
		return Request{}, errors.New("read the sealed decision: it pays nothing")
	case step.Connector != job.Connector:
		return Request{}, fmt.Errorf("read the sealed decision: its connector is %q", step.Connector)
	case step.Amount == nil || step.Amount.Minor <= 0:
		return Request{}, errors.New("read the sealed decision: it has no amount above zero")
	}
	customer := step.Customer
	if customer == "" {
		customer = fact.Customer
	}
	return Request{
		Action: step.Action, Remedy: fact.Remedy, Kind: step.Kind, Payment: step.Payment, Customer: customer,
		Amount: *step.Amount, Expires: time.Duration(step.ExpiresS) * time.Second,
	}, nil
}
