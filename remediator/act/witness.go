package act

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"math"
	"slices"
	"time"

	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/input"
)

// Observer is a connector that can say how refunds stand at its provider, whoever
// made them. It leaves Connector, By and SeenAt to its caller; its errors are like
// those of Connector.Lookup.
type Observer interface {
	// Observe fetches one refund by the provider's id.
	Observe(ctx context.Context, ref string) (decide.SeenBody, error)
	// Made goes through the refunds that were made in a period by the provider's
	// clock, whose end is not in it. An error is the last thing that it yields.
	Made(ctx context.Context, from, to time.Time) iter.Seq2[decide.SeenBody, error]
}

// Known are the refunds as the ledger has them.
type Known interface {
	// Refund returns what was known before an ordinal, nil when nothing was.
	Refund(name string, before uint64) (*decide.Refund, error)
}

// seenAtOnce bounds the inputs of one append.
const seenAtOnce = 100

// Witness appends to the log how refunds stand at a provider. What the ledger knows
// already is not appended again; should it be all the same, it changes nothing. It is
// safe for concurrent use.
type Witness struct {
	// Name of the connector, as rules write it.
	Name     string
	Observer Observer
	Known    Known
	Log      Appender
	// EventClock says that events are the log's clock, as in Config.
	EventClock bool
	Now        func() time.Time
}

// See fetches a refund and appends how it stands. By says what made it look.
func (w *Witness) See(ctx context.Context, ref, by string) (decide.SeenBody, error) {
	seen, err := w.Observer.Observe(ctx, ref)
	if err != nil {
		return seen, fmt.Errorf("look at refund %s: %w", ref, err)
	}
	_, err = w.Note(ctx, by, []decide.SeenBody{seen})
	return seen, err
}

// Note appends those of the refunds that are news, and returns how many they are.
func (w *Witness) Note(ctx context.Context, by string, seen []decide.SeenBody) (news int, err error) {
	var inputs []input.Input
	stamp := input.StampRecord
	if w.EventClock {
		stamp = input.StampPrevious
	}
	for _, s := range seen {
		s.Connector, s.By, s.SeenAt = w.Name, by, w.Now().UTC().Format(time.RFC3339Nano)
		known, err := w.Known.Refund(decide.RefundName(w.Name, s.Ref), math.MaxInt64)
		if err != nil {
			return 0, fmt.Errorf("look what is known of refund %s: %w", s.Ref, err)
		}
		if known != nil && !decide.Ends(known.Status, s.Status) && !renames(known, s) {
			continue
		}
		body, err := json.Marshal(s)
		if err != nil {
			panic(fmt.Sprintf("encode what was seen: %v", err)) // every field is text or number
		}
		inputs = append(inputs, input.Input{Kind: input.Seen, At: stamp, Body: body})
	}
	for chunk := range slices.Chunk(inputs, seenAtOnce) {
		if err := w.Log.Append(ctx, chunk); err != nil {
			return news, fmt.Errorf("append what was seen: %w", err)
		}
		news += len(chunk)
	}
	return news, nil
}

// renames reports whether the payment of a refund has a name that is not known.
func renames(known *decide.Refund, s decide.SeenBody) bool {
	return known.Status != decide.Failed && slices.ContainsFunc(s.Payments, func(p string) bool {
		return !slices.Contains(known.Payments, decide.RefundName(s.Connector, p))
	})
}
