package decide

import (
	"maps"
	"slices"

	"github.com/google/uuid"

	"github.com/makegood/makegood/remediator/money"
)

// RAM is a Memory that lasts as long as the process: for replays, which
// begin with nothing remembered.
type RAM struct {
	live, shadow map[uuid.UUID]uint64
	payments     map[string][]PaymentEntry
	refunds      map[string][]Refund
}

// NewMemory returns an empty Memory.
func NewMemory() *RAM {
	return &RAM{live: map[uuid.UUID]uint64{}, shadow: map[uuid.UUID]uint64{}, payments: map[string][]PaymentEntry{}, refunds: map[string][]Refund{}}
}

// Commit records what an output took. Call it after each Apply.
func (m *RAM) Commit(out *Output) {
	for _, k := range out.Keys {
		table := m.live
		if k.Shadow {
			table = m.shadow
		}
		if _, taken := table[k.Remedy]; !taken {
			table[k.Remedy] = k.Ordinal
		}
	}
	for _, p := range out.Payments {
		m.payments[p.Payment] = append(m.payments[p.Payment], p)
	}
	for _, r := range out.Refunds {
		m.refunds[r.Name] = append(m.refunds[r.Name], r)
	}
}

// Taken implements Memory.
func (m *RAM) Taken(ids []uuid.UUID, shadow bool, before uint64) (map[uuid.UUID]bool, error) {
	table := m.live
	if shadow {
		table = m.shadow
	}
	taken := map[uuid.UUID]bool{}
	for _, id := range ids {
		if at, ok := table[id]; ok && at < before {
			taken[id] = true
		}
	}
	return taken, nil
}

// Refunded implements Memory.
func (m *RAM) Refunded(payments []string, before uint64) (refunded map[string][]money.Money, err error) {
	for _, payment := range payments {
		sums := net(m.payments[payment], before)
		if len(sums) == 0 {
			continue
		}
		if refunded == nil { // of most payments nothing is
			refunded = map[string][]money.Money{}
		}
		refunded[payment] = sums
	}
	return refunded, nil
}

// Refund implements Memory.
func (m *RAM) Refund(name string, before uint64) (*Refund, error) {
	for _, r := range slices.Backward(m.refunds[name]) {
		if r.Ordinal < before {
			return &r, nil
		}
	}
	return nil, nil
}

// net sums entries recorded before an ordinal up by currency, sorted, zeros left out.
func net(entries []PaymentEntry, before uint64) []money.Money {
	if len(entries) == 0 {
		return nil // of most payments
	}
	sums := map[string]int64{}
	for _, e := range entries {
		if e.Ordinal < before {
			sums[e.Amount.Currency] += e.Amount.Minor
		}
	}
	var out []money.Money
	for _, currency := range slices.Sorted(maps.Keys(sums)) {
		if sums[currency] != 0 {
			out = append(out, money.Money{Minor: sums[currency], Currency: currency})
		}
	}
	return out
}
