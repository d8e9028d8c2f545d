package people

import (
	"fmt"

	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/money"
)

// MaxName is the most bytes that what somebody else named has: as much as a fact holds.
const MaxName = 512

// Request is a refund that a person asks for.
type Request struct {
	Payment   string `json:"payment"`
	Amount    any    `json:"amount"`
	Customer  string `json:"customer"`
	Reason    string `json:"reason"`
	Reference string `json:"reference"`
}

// Command returns the command that asks for it. The amount is written as in events:
// "2.99 USD", or an object with amount and currency. An error is for whoever asks.
func (r Request) Command() (decide.CommandBody, error) {
	c := decide.CommandBody{Command: decide.CommandRequest, Payment: r.Payment, Customer: r.Customer, Reason: r.Reason, Reference: r.Reference}
	for _, named := range []struct{ name, text string }{{"payment", r.Payment}, {"customer", r.Customer}, {"reference", r.Reference}} {
		if len(named.text) > MaxName { // the fold would cut it off, and mean another one
			return c, fmt.Errorf("%s: it has %d bytes, and at most %d are sealed", named.name, len(named.text), MaxName)
		}
	}
	if r.Amount != nil {
		amount, err := money.FromJSON(r.Amount)
		if err != nil {
			return c, fmt.Errorf("amount: %w", err)
		}
		c.Amount = &amount
	}
	return c, nil
}
