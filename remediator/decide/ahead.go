package decide

import (
	"maps"

	"github.com/google/uuid"

	"github.com/makegood/makegood/remediator/money"
)

// Ahead is a Memory that also knows an output which is on its way into another: so
// inputs are folded while what came of those before them is being committed. It asks
// the other for what came before that output and for nothing later, so that it makes no
// difference when the output arrives there. It is not safe for concurrent use.
type Ahead struct {
	stored Memory
	first  uint64  // ordinal that the output begins with
	out    *Output // on its way; nil for none
	ram    *RAM    // of out, once it was asked for
}

// NewAhead returns a Memory that knows what is stored.
func NewAhead(stored Memory) *Ahead { return &Ahead{stored: stored} }

// Send says that an output is on its way, which begins behind an ordinal. What was on
// its way before has arrived.
func (a *Ahead) Send(after uint64, out *Output) {
	a.first, a.out, a.ram = after+1, out, nil
}

// Arrived says that nothing is on its way any more.
func (a *Ahead) Arrived() { a.out, a.ram = nil, nil }

// onWay returns the output that is on its way, as a memory.
func (a *Ahead) onWay() *RAM {
	if a.ram == nil {
		a.ram = NewMemory()
		a.ram.Commit(a.out)
	}
	return a.ram
}

// Taken implements Memory.
func (a *Ahead) Taken(ids []uuid.UUID, shadow bool, before uint64) (map[uuid.UUID]bool, error) {
	if a.out == nil {
		return a.stored.Taken(ids, shadow, before)
	}
	taken, err := a.stored.Taken(ids, shadow, min(before, a.first))
	if err != nil {
		return nil, err
	}
	late, err := a.onWay().Taken(ids, shadow, before)
	maps.Copy(late, taken)
	return late, err
}

// Refunded implements Memory.
func (a *Ahead) Refunded(payments []string, before uint64) (map[string][]money.Money, error) {
	if a.out == nil {
		return a.stored.Refunded(payments, before)
	}
	stored, err := a.stored.Refunded(payments, min(before, a.first))
	if err != nil {
		return nil, err
	}
	refunded := map[string][]money.Money{}
	for _, payment := range payments {
		late := a.onWay().payments[payment]
		entries := late[:len(late):len(late)]
		for _, m := range stored[payment] {
			entries = append(entries, PaymentEntry{Amount: m})
		}
		if sums := net(entries, before); len(sums) > 0 {
			refunded[payment] = sums
		}
	}
	return refunded, nil
}

// Refund implements Memory.
func (a *Ahead) Refund(name string, before uint64) (*Refund, error) {
	if a.out == nil {
		return a.stored.Refund(name, before)
	}
	if late, err := a.onWay().Refund(name, before); late != nil || err != nil {
		return late, err
	}
	return a.stored.Refund(name, min(before, a.first))
}
