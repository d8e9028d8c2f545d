package decide

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"github.com/fxamacker/cbor/v2"

	"github.com/makegood/makegood/remediator/window"
)

// amountMeters are what a limit has used of each currency, in their order. Most have
// one, and there is one for each customer: maps would take several times the room. An
// encoded state has them as a map from currencies.
type amountMeters []amountMeter

type amountMeter struct {
	currency string
	window.Meter
}

// find returns the place of a currency, and whether anything was used of it.
func (a amountMeters) find(currency string) (int, bool) {
	return slices.BinarySearchFunc(a, currency, func(m amountMeter, currency string) int { return cmp.Compare(m.currency, currency) })
}

// in returns what was used of a currency, nil when nothing was. It is good until
// another currency is used.
func (a amountMeters) in(currency string) *window.Meter {
	if at, found := a.find(currency); found {
		return &a[at].Meter
	}
	return nil
}

// of is in, with what is new.
func (a *amountMeters) of(currency string) *window.Meter {
	at, found := a.find(currency)
	if !found {
		*a = slices.Insert(*a, at, amountMeter{currency: currency})
	}
	return &(*a)[at].Meter
}

// change adds an amount to a granule of a currency, if it still counts.
func (a amountMeters) change(currency string, slot window.Place, amount int64) {
	if m := a.in(currency); m != nil {
		m.Change(slot, amount)
	}
}

// prune drops what no longer counts at a time, and the currencies of which nothing does.
func (a *amountMeters) prune(at, keep int64) {
	left := (*a)[:0]
	for _, m := range *a {
		if !m.Prune(at, keep) {
			left = append(left, m)
		}
	}
	clear((*a)[len(left):])
	*a = left
}

// meterOf returns the meter that a charge was counted in. It may be empty by now.
func (u *usage) meterOf(c charge) *window.Meter {
	if c.Amount.Currency == "" {
		return &u.Remedies
	}
	if m := u.Amounts.in(c.Amount.Currency); m != nil {
		return m
	}
	return &window.Meter{}
}

// MarshalCBOR writes a map.
func (a amountMeters) MarshalCBOR() ([]byte, error) {
	byCurrency := make(map[string]*window.Meter, len(a))
	for i := range a {
		byCurrency[a[i].currency] = &a[i].Meter
	}
	mode, err := stateMode()
	if err != nil {
		return nil, err
	}
	return mode.Marshal(byCurrency)
}

// UnmarshalCBOR reads a map.
func (a *amountMeters) UnmarshalCBOR(encoded []byte) error {
	var byCurrency map[string]window.Meter
	if err := cbor.Unmarshal(encoded, &byCurrency); err != nil {
		return fmt.Errorf("read used amounts: %w", err)
	}
	*a = nil
	for _, currency := range slices.Sorted(maps.Keys(byCurrency)) {
		*a = append(*a, amountMeter{currency, byCurrency[currency]})
	}
	return nil
}
