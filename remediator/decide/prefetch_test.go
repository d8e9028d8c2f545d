package decide_test

import (
	"fmt"
	"testing"

	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/input"
	"github.com/makegood/makegood/remediator/money"
)

// counting counts how often it is asked.
type counting struct {
	*decide.RAM
	asked int
}

func (c *counting) Refunded(payments []string, before uint64) (map[string][]money.Money, error) {
	c.asked++
	return c.RAM.Refunded(payments, before)
}

// TestPaymentsAreAskedForAtOnce holds that a memory that is far away is not asked
// once for each remedy, and that what it says still holds the one it is about.
func TestPaymentsAreAskedForAtOnce(t *testing.T) {
	t.Parallel()
	const events = 50
	memory := &counting{RAM: decide.NewMemory()}
	s := &scene{t: t, memory: memory.RAM, at: start, fold: decide.New(decide.Config{Memory: memory})}
	s.apply(genesis(t))
	s.activate(`rules:
  - rule: late
    owner: shop
    why: It came late.
    event: late
    once_per: data.order
    do: [{refund: {payment: "${{ data.payment }}", amount: 5.00 USD}}]
    limits: {budget: {amount: 100000.00 USD, within: 1d}}
    account: "1"
    mode: live
`)
	s.see(byHand("1", "pi_7", 100, "succeeded"))
	memory.asked = 0
	inputs := make([]input.Input, events)
	for i := range inputs {
		inputs[i] = input.Input{ID: fmt.Sprint("event/", i), Kind: input.Event, At: s.at, Body: fmt.Appendf(nil,
			`{"specversion":"1.0","id":"%d","source":"/s","type":"late","customer":"c","data":{"order":"%[1]d","payment":"pi_%[1]d"}}`, i)}
	}
	out, err := s.fold.Apply(inputs)
	if err != nil {
		t.Fatal(err)
	}
	if memory.asked != 1 {
		t.Errorf("for %d remedies the memory was asked %d times, want once", events, memory.asked)
	}
	if len(out.Outbox) != events-1 {
		t.Errorf("%d refunds are to be made, want all but the one that somebody made by hand", len(out.Outbox))
	}
}
