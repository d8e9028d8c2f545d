package history

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/google/uuid"

	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/event"
	"github.com/makegood/makegood/remediator/input"
	"github.com/makegood/makegood/remediator/rehearse"
)

// Explain says why a remedy was made: it folds the log up to the event that made it,
// with the rules that were in force and the windows as they were. What cannot be
// explained so is an AskError.
func (h *History) Explain(ctx context.Context, remedy uuid.UUID) (*rehearse.Explanation, error) {
	if !h.busy.TryLock() {
		return nil, ErrBusy
	}
	defer h.busy.Unlock()
	sealed, fact, err := h.decision(ctx, remedy)
	if err != nil {
		return nil, err
	}
	switch {
	case fact.Bulk != uuid.Nil:
		return nil, AskError(fmt.Sprintf("%s had it made good afterwards, in bulk %s, of event %s", fact.RequestedBy, fact.Bulk, fact.Event))
	case fact.RequestedBy != "":
		return nil, AskError(fmt.Sprintf("%s asked for it, and no event made it: see makegood remedies show %s", fact.RequestedBy, remedy))
	}
	ordinal, in, err := h.find(ctx, fact, sealed.Ordinal)
	if err != nil {
		return nil, err
	}
	replay := rehearse.NewReplay()
	fold, err := h.foldAt(ctx, replay.Config(), ordinal-1)
	if err != nil {
		return nil, err
	}
	return replay.Explain(fold, in, *sealed, fact)
}

// decision returns the last decision about a remedy that is sealed.
func (h *History) decision(ctx context.Context, remedy uuid.UUID) (*decide.Fact, *decide.RemedyFact, error) {
	entries, err := h.ledger.History(ctx, remedy)
	if err != nil {
		return nil, nil, err
	}
	var sealed *decide.Fact
	for i := range entries {
		if entries[i].Kind == decide.KindRemedy {
			sealed = &entries[i].Fact
		}
	}
	if sealed == nil {
		return nil, nil, AskError("no remedy has this id")
	}
	var fact decide.RemedyFact
	if err := json.Unmarshal(sealed.Body, &fact); err != nil {
		return nil, nil, fmt.Errorf("read the decision of remedy %s: %w", remedy, err)
	}
	return sealed, &fact, nil
}

// find looks in the log for the event of a decision: the input that decided it, or
// an earlier one that had to wait for another.
func (h *History) find(ctx context.Context, fact *decide.RemedyFact, decided uint64) (ordinal uint64, found input.Input, err error) {
	n := uint64(0)
	for in, err := range h.Inputs(ctx, nil) {
		switch n++; {
		case err != nil:
			return 0, found, err
		case n == 1 && in.Kind != input.Genesis:
			return 0, found, AskError("the log no longer has its beginning, so that its inputs cannot be counted")
		case in.Kind == input.Event && (ordinal == 0 || n == decided) && isEvent(in.Body, fact):
			ordinal, found = n, in
		}
		if n == decided {
			break
		}
	}
	if ordinal == 0 {
		return 0, found, errors.New("the log does not have the event that the ledger was made from: is it another log?")
	}
	return ordinal, found, nil
}

// isEvent reports whether a body is the event of a decision.
func isEvent(body []byte, fact *decide.RemedyFact) bool {
	if !bytes.Contains(body, []byte(fact.Event)) && !bytes.Contains(body, []byte(`\`)) {
		return false // without an escape the id stands in the text as it is
	}
	ev, err := event.Decode(body)
	return err == nil && ev.ID == fact.Event && ev.Source == fact.Source
}
