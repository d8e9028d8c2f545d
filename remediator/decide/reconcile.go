package decide

import (
	"cmp"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/makegood/makegood/remediator/money"
)

// Classes of what a comparison of the ledger with a provider finds. All but the
// first are differences.
const (
	ClassMatched   = "matched"
	ClassMissing   = "missing-at-provider" // the ledger says that it was taken on, the provider has none
	ClassUnknown   = "missing-in-ledger"   // the provider has one that nothing of ours made
	ClassAmount    = "amount"
	ClassCurrency  = "currency"
	ClassStatus    = "status"    // they disagree on what became of it
	ClassDuplicate = "duplicate" // one action has another refund already
	ClassLate      = "late"      // both have it, and learnt of it more than a day apart
)

// Classes lists the classes in the order in which they are counted.
func Classes() []string {
	return []string{ClassMatched, ClassMissing, ClassUnknown, ClassAmount, ClassCurrency, ClassStatus, ClassDuplicate, ClassLate}
}

const (
	// MaxDifferences is how many differences one comparison opens at most: with all
	// their texts they are one record of the log. The rest is counted.
	MaxDifferences = 300
	// maxOpenDifferences bounds what is in the state.
	maxOpenDifferences = 5_000
	// scopeDifference is the scope of the keys by which closed differences stay closed.
	scopeDifference = "makegood.difference"
)

// Difference is one thing on which the ledger and a provider do not agree.
type Difference struct {
	ID           uuid.UUID    `json:"id"` // the same in every comparison that finds it
	Class        string       `json:"class"`
	Connector    string       `json:"connector"`
	Ref          string       `json:"ref,omitempty"` // the provider's id of the refund
	Payment      string       `json:"payment,omitempty"`
	Action       uuid.UUID    `json:"action,omitzero"`
	Remedy       uuid.UUID    `json:"remedy,omitzero"`
	Rule         string       `json:"rule,omitempty"`
	Ours         *money.Money `json:"ours,omitempty"`
	Theirs       *money.Money `json:"theirs,omitempty"`
	OurStatus    string       `json:"our_status,omitempty"`
	TheirStatus  string       `json:"their_status,omitempty"`
	OurTime      string       `json:"our_time,omitempty"`   // RFC 3339, log time
	ProviderTime string       `json:"their_time,omitempty"` // RFC 3339, by the provider's clock
	Owner        string       `json:"owner,omitempty"`      // who looks into it
}

// DifferenceID derives the id of a difference from what it is about: the provider's
// refund, or the action when the provider has none.
func DifferenceID(connector, class, what string) uuid.UUID {
	return derive(scopeID(scopeDifference), connector+"\n"+class+"\n"+what)
}

// Reconciliation is a comparison of the ledger with a provider for a period. The
// person says the connector, the period and an owner; the rest is what was found,
// which the API stamps.
type Reconciliation struct {
	Connector string `json:"connector"`
	From      string `json:"from"` // RFC 3339
	To        string `json:"to"`   // RFC 3339; not in the period
	Owner     string `json:"owner,omitempty"`

	Listing     string       `json:"listing,omitempty"` // SHA-256 of the provider's listing, in hex
	Refunds     int          `json:"refunds,omitempty"` // in the listing
	Counts      []ClassCount `json:"counts,omitempty"`
	Sums        []BookSum    `json:"sums,omitempty"`
	Differences []Difference `json:"differences,omitempty"` // at most MaxDifferences
	LeftOut     int          `json:"left_out,omitempty"`    // differences beyond these
}

// ClassCount is how many refunds are of a class.
type ClassCount struct {
	Class string `json:"class"`
	Count int    `json:"count"`
}

// BookSum is what was refunded in the period and did not fail, in minor units.
type BookSum struct {
	Currency string `json:"currency"`
	Ours     int64  `json:"ours"`
	Theirs   int64  `json:"theirs"`
}

// ReconciliationFact says what a comparison found.
type ReconciliationFact struct {
	Connector string       `json:"connector"`
	From      string       `json:"from"`
	To        string       `json:"to"`
	By        string       `json:"by"`
	Listing   string       `json:"listing"`
	Refunds   int          `json:"refunds"`
	Counts    []ClassCount `json:"counts"`
	Sums      []BookSum    `json:"sums,omitempty"`
	Opened    int          `json:"opened"`         // differences that are new
	Again     int          `json:"again"`          // that were open already
	Closed    int          `json:"closed"`         // that somebody closed before
	LeftOut   int          `json:"left_out"`       // that were counted and not opened
	Open      int          `json:"open"`           // at this provider after it
	Seq       uint64       `json:"seq,omitempty"`  // of the entry; only where it is read
	Time      string       `json:"time,omitempty"` // of the entry; only where it is read
}

// Statuses of a difference.
const (
	DifferenceOpen   = "open"
	DifferenceClosed = "closed"
)

// DifferenceFact opens a difference, or closes it. Why it was closed is evidence
// beside it.
type DifferenceFact struct {
	Difference
	Status string `json:"status"`
	By     string `json:"by"`
}

// openDifference is a difference that nobody has closed.
type openDifference struct {
	Connector string `cbor:"1,keyasint"`
	Opener    string `cbor:"2,keyasint"`
	Class     string `cbor:"3,keyasint"`
}

// foldReconcile takes what a comparison found. A difference that is open already, or
// was closed by a person, is not opened again.
func (f *Fold) foldReconcile(c CommandBody) (refused string, err error) {
	r := c.Reconcile
	if r == nil || r.Connector == "" || len(r.Connector) > maxText {
		return "name the provider to compare with", nil
	}
	f.answer.Target = TargetConnector(r.Connector)
	from, fromErr := time.Parse(time.RFC3339, r.From)
	to, toErr := time.Parse(time.RFC3339, r.To)
	switch {
	case fromErr != nil || toErr != nil || !from.Before(to):
		return "name a period: from, and a later to", nil
	case len(r.Listing) != 64 || len(r.Differences) > MaxDifferences || len(r.Sums) > maxSums || len(r.Counts) > len(Classes()):
		return "the provider's refunds were not listed", nil
	}
	fact := ReconciliationFact{Connector: r.Connector, From: r.From, To: r.To, By: c.By, Listing: r.Listing, Refunds: r.Refunds,
		Counts: r.Counts, Sums: r.Sums, LeftOut: r.LeftOut}
	var fresh []DifferenceFact
	for i := range r.Differences {
		d := r.Differences[i].bounded()
		switch {
		case f.taken(d.ID, true):
			fact.Closed++
		case f.state.Differences[d.ID] != nil:
			fact.Again++
		case len(f.state.Differences) >= maxOpenDifferences:
			fact.LeftOut++
		default:
			d.Owner = cmp.Or(d.Owner, c.By)
			f.state.Differences[d.ID] = &openDifference{Connector: d.Connector, Opener: c.By, Class: d.Class}
			fresh = append(fresh, DifferenceFact{Difference: d, Status: DifferenceOpen, By: c.By})
		}
	}
	fact.Opened = len(fresh)
	for _, d := range f.state.Differences {
		if d.Connector == r.Connector {
			fact.Open++
		}
	}
	f.answer.Reconciled = &fact
	f.say(uuid.Nil, "", "", EvidenceNote, c.Reason)
	if err := f.add(KindReconciliation, Fact{}, fact); err != nil {
		return "", err
	}
	for _, d := range fresh {
		if err := f.add(KindDifference, Fact{}, d); err != nil {
			return "", err
		}
	}
	return "", nil
}

// maxSums bounds the currencies of a comparison.
const maxSums = 200

// bounded cuts what came from a provider to what a fact holds.
func (d Difference) bounded() Difference {
	for _, text := range []*string{&d.Class, &d.Connector, &d.Ref, &d.Payment, &d.Rule, &d.OurStatus, &d.TheirStatus, &d.OurTime, &d.ProviderTime, &d.Owner} {
		*text = clip(*text)
	}
	return d
}

// foldClose closes a difference, for good. Who opened it may not: another person has
// looked into it.
func (f *Fold) foldClose(c CommandBody) (refused string, err error) {
	d := f.state.Differences[c.Difference]
	switch {
	case d == nil && f.taken(c.Difference, true):
		return "the difference was closed before", nil
	case d == nil:
		return "no open difference has this id", nil
	case Same(d.Opener, c.By):
		return ownDifference, nil
	case c.Reason == "":
		return "say what it was", nil
	}
	f.answer.Target = TargetConnector(d.Connector)
	delete(f.state.Differences, c.Difference)
	f.take(c.Difference, scopeDifference, true)
	f.say(uuid.Nil, "", "", EvidenceNote, c.Reason)
	return "", f.add(KindDifference, Fact{}, DifferenceFact{Difference: Difference{ID: c.Difference, Class: d.Class, Connector: d.Connector}, Status: DifferenceClosed, By: c.By})
}

// differences lists the ids of differences that a command is about.
func (c CommandBody) differences() []uuid.UUID {
	switch {
	case c.Command == CommandClose && c.Difference != uuid.Nil:
		return []uuid.UUID{c.Difference}
	case c.Command == CommandReconcile && c.Reconcile != nil:
		ids := make([]uuid.UUID, 0, len(c.Reconcile.Differences))
		for _, d := range c.Reconcile.Differences {
			if !slices.Contains(ids, d.ID) {
				ids = append(ids, d.ID)
			}
		}
		return ids
	}
	return nil
}
