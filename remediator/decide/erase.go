package decide

import (
	"fmt"
	"time"

	"github.com/google/uuid"
)

// maxLegalHolds bounds the customers whose data is under legal hold at once: a
// court asks for some, and the state holds them all.
const maxLegalHolds = 10_000

// legalHold is why the data of a customer is not erased.
type legalHold struct {
	By string `cbor:"1,keyasint"`
	At int64  `cbor:"2,keyasint"`
}

// TargetCustomer is how an answer names a customer whose data a command is about.
func TargetCustomer(customer string) string { return "customer:" + customer }

// foldErase has the evidence key of a customer destroyed: what was sealed under it
// is unreadable from then on, and the ledger stays as it was. What comes after is
// sealed under another key.
func (f *Fold) foldErase(c CommandBody) (refused string, err error) {
	f.answer.Target = TargetCustomer(c.Customer)
	if c.Customer == "" {
		return "no customer is named", nil
	}
	if h := f.state.LegalHolds[c.Customer]; h != nil {
		return fmt.Sprintf("the customer's data is under legal hold, by %s since %s; lift that first", h.By, time.Unix(0, h.At).UTC().Format(time.RFC3339)), nil
	}
	if open := f.openOf(c.Customer); open != uuid.Nil {
		// A message that is still to be sent could not be written any more.
		return fmt.Sprintf("remedy %s of the customer has not ended; let it end, or deny it, first", open), nil
	}
	f.sayOfCustomer(c)
	return "", f.add(KindErasure, Fact{}, ErasureFact{Customer: c.Customer, By: c.By})
}

// openOf returns a remedy of a customer that has not ended, the one with the least
// id; uuid.Nil when there is none.
func (f *Fold) openOf(customer string) (least uuid.UUID) {
	for id, r := range f.state.Open {
		if r.Customer == customer && (least == uuid.Nil || string(id[:]) < string(least[:])) {
			least = id
		}
	}
	return least
}

// sayOfCustomer seals why a command about a customer's data was given. It is evidence
// about nobody: the reason for an erasure outlives it.
func (f *Fold) sayOfCustomer(c CommandBody) { f.say(uuid.Nil, "", "", EvidenceNote, c.Reason) }

// foldHold puts the data of a customer under legal hold, or lifts that.
func (f *Fold) foldHold(c CommandBody) (refused string, err error) {
	f.answer.Target = TargetCustomer(c.Customer)
	held := f.state.LegalHolds[c.Customer]
	switch {
	case c.Customer == "":
		return "no customer is named", nil
	case c.Reason == "":
		return "say why", nil
	case c.Command == CommandUnhold && held == nil:
		return "the customer's data is under no legal hold", nil
	case c.Command == CommandHold && held != nil:
		return fmt.Sprintf("the customer's data is under legal hold already, by %s", held.By), nil
	case c.Command == CommandHold && len(f.state.LegalHolds) >= maxLegalHolds:
		return fmt.Sprintf("the data of %d customers is under legal hold; lift one first", maxLegalHolds), nil
	case c.Command == CommandHold:
		f.state.LegalHolds[c.Customer] = &legalHold{By: c.By, At: f.at}
	default:
		delete(f.state.LegalHolds, c.Customer)
	}
	f.sayOfCustomer(c)
	return "", f.add(KindLegalHold, Fact{}, LegalHoldFact{Customer: c.Customer, Held: c.Command == CommandHold, By: c.By})
}
