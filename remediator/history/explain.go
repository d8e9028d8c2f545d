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
	"github.com/makegood/makegood/remediator/rule"
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
		return h.explainMade(ctx, *sealed, fact)
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

// explainMade says why a remedy was made afterwards: the rule is rehearsed over the
// period that somebody named, as it was when they did.
func (h *History) explainMade(ctx context.Context, sealed decide.Fact, fact *decide.RemedyFact) (*rehearse.Explanation, error) {
	bulk, err := h.ledger.Bulk(ctx, fact.Bulk)
	if err != nil {
		return nil, err
	}
	files, err := h.ledger.RuleFiles(ctx, fact.Set)
	if err != nil {
		return nil, err
	}
	set, err := rule.Load(files)
	if bulk == nil || err != nil || set.Rule(fact.Rule) == nil || set.Rule(fact.Rule).Digest != fact.Digest {
		return nil, AskError(fmt.Sprintf("%s had it made good afterwards, in bulk %s, of event %s, by a rule that this version does not read", fact.RequestedBy, fact.Bulk, fact.Event))
	}
	past, err := h.past(ctx, Period{Since: bulk.Since, Until: bulk.Until})
	if err != nil {
		return nil, err
	}
	made, err := rehearse.ExplainMade(set, past, sealed, fact, func(body []byte) bool { return isEvent(body, fact) })
	if err == nil && made == nil {
		return nil, AskError("older than retention: the log no longer has the event that it was made good for")
	}
	return made, err
}

// decision returns the last decision about a remedy that is sealed.
func (h *History) decision(ctx context.Context, remedy uuid.UUID) (*decide.Fact, *decide.RemedyFact, error) {
	entries, err := h.ledger.History(ctx, remedy)
	if err != nil {
		return nil, nil, err
	}
	erased, err := h.ledger.Erased(ctx, entries)
	if err != nil {
		return nil, nil, err
	}
	if len(erased) > 0 {
		// The log may still have the event for a while. It is not shown all the same.
		return nil, nil, AskError("the customer's data was erased: what the remedy was made from can no longer be shown")
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
	snapshot, err := begin(ctx, h.log, h.ledger, 0)
	if err != nil {
		return 0, found, err
	}
	var from decide.Snapshot // the log's beginning
	if snapshot != nil {
		from = *snapshot
	}
	n := from.Position.Ordinal
	if decided <= n {
		return 0, found, AskError(fmt.Sprintf("older than retention: it was decided at input %d, and the oldest state from which the log goes on is of input %d", decided, n))
	}
	head, err := h.log.Head(ctx)
	if err != nil {
		return 0, found, fmt.Errorf("read log: %w", err)
	}
	for in, err := range read(ctx, h.log, from.Position.Record, head, func(uint64) {}) {
		if err != nil {
			return 0, found, err
		}
		if from.Skip > 0 {
			from.Skip--
			continue
		}
		switch n++; {
		case in.Kind == input.Event && (ordinal == 0 || n == decided) && isEvent(in.Body, fact):
			ordinal, found = n, in
		}
		if n == decided {
			break
		}
	}
	if ordinal == 0 && snapshot != nil { // it waited for another one, or for a person
		return 0, found, AskError(fmt.Sprintf("older than retention: its event came before input %d, the oldest from which the log goes on", from.Position.Ordinal))
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
