// Package reconcile compares the refunds of a ledger with those of a provider, for
// people who answer for the money. It is pure: two lists go in, what differs comes
// out, in eight classes that package decide names.
//
// Refunds belong together by the action's id in the provider's metadata, or else by
// the provider's id. The lists reach three days beyond the period at both ends, so
// that a refund decided before midnight and made after it is no difference; what
// lies wholly outside of the period is not judged.
package reconcile

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/money"
)

const (
	// Overlap is how far the lists reach beyond the period.
	Overlap = 3 * 24 * time.Hour
	// lateAfter is how far apart ledger and provider may have learnt of a refund.
	lateAfter = 24 * time.Hour
)

// Ours is a refund as the ledger has it.
type Ours struct {
	Action  uuid.UUID
	Remedy  uuid.UUID
	Rule    string
	Owner   string // of the rule
	Payment string
	Ref     string // the provider's id, if it gave one
	Status  string // of the last attempt, or as it was seen since
	Amount  money.Money
	At      time.Time // when it was taken on, or decided while nobody has
	Taken   bool      // it was taken on
}

// Period is the time from From up to To, which is not in it.
type Period struct{ From, To time.Time }

func (p Period) has(at time.Time) bool { return !at.Before(p.From) && at.Before(p.To) }

// Compare compares what the ledger has with what a provider lists. Refunds of theirs
// without a readable time are taken to lie in the period. The result names connector
// and period, and its order depends on nothing but what was found.
func Compare(connector string, period Period, ours []Ours, theirs []decide.SeenBody) decide.Reconciliation {
	r := decide.Reconciliation{Connector: connector, From: period.From.UTC().Format(time.RFC3339), To: period.To.UTC().Format(time.RFC3339),
		Listing: Digest(theirs), Refunds: len(theirs)}
	c := comparison{connector: connector, period: period, counts: map[string]int{}, sums: map[string]*decide.BookSum{}}
	c.compare(ours, theirs)
	for _, class := range decide.Classes() {
		r.Counts = append(r.Counts, decide.ClassCount{Class: class, Count: c.counts[class]})
	}
	for _, currency := range slices.Sorted(maps.Keys(c.sums)) {
		r.Sums = append(r.Sums, *c.sums[currency])
	}
	slices.SortFunc(c.found, func(a, b decide.Difference) int {
		return cmp.Or(slices.Index(decide.Classes(), a.Class)-slices.Index(decide.Classes(), b.Class), cmp.Compare(a.Ref, b.Ref), cmp.Compare(a.Action.String(), b.Action.String()))
	})
	most := min(len(c.found), decide.MaxDifferences)
	r.Differences, r.LeftOut = c.found[:most], len(c.found)-most
	return r
}

// Digest is the SHA-256, in hex, of a provider's listing: one line of JSON for each
// refund, in order of their ids.
func Digest(theirs []decide.SeenBody) string {
	sorted := slices.SortedFunc(slices.Values(theirs), func(a, b decide.SeenBody) int { return cmp.Compare(a.Ref, b.Ref) })
	sum := sha256.New()
	for _, t := range sorted {
		t.SeenAt, t.By = "", "" // of who listed, not of what is listed
		line, err := json.Marshal(t)
		if err != nil {
			panic(fmt.Sprintf("encode listing: %v", err)) // every field is text or number
		}
		sum.Write(append(line, '\n'))
	}
	return hex.EncodeToString(sum.Sum(nil))
}

// comparison is a comparison under way.
type comparison struct {
	connector string
	period    Period
	counts    map[string]int
	sums      map[string]*decide.BookSum
	found     []decide.Difference
}

func (c *comparison) compare(ours []Ours, theirs []decide.SeenBody) {
	byAction, byRef := map[uuid.UUID]*Ours{}, map[string]*Ours{}
	for i := range ours {
		o := &ours[i]
		byAction[o.Action] = o
		if o.Ref != "" {
			byRef[o.Ref] = o
		}
		if o.claims() && c.period.has(o.At) {
			add(&c.sum(o.Amount.Currency).Ours, o.Amount.Minor)
		}
	}
	pairs := map[*Ours][]*decide.SeenBody{}
	for i := range theirs {
		t := &theirs[i]
		if t.Status != decide.Failed && c.period.has(c.created(t)) {
			add(&c.sum(t.Amount.Currency).Theirs, t.Amount.Minor)
		}
		o := byRef[t.Ref]
		if t.Action != uuid.Nil && byAction[t.Action] != nil {
			o = byAction[t.Action]
		}
		switch {
		case o != nil:
			pairs[o] = append(pairs[o], t)
		case t.Status != decide.Failed && c.period.has(c.created(t)):
			c.differ(decide.ClassUnknown, nil, t)
		}
	}
	for i := range ours {
		c.pair(&ours[i], pairs[&ours[i]])
	}
}

// claims reports whether the ledger says that the money left.
func (o *Ours) claims() bool { return o.Status == decide.Succeeded || o.Status == decide.Pending }

func (c *comparison) created(t *decide.SeenBody) time.Time {
	at, err := time.Parse(time.RFC3339, t.Created)
	if err != nil {
		return c.period.From
	}
	return at
}

func (c *comparison) sum(currency string) *decide.BookSum {
	if c.sums[currency] == nil {
		c.sums[currency] = &decide.BookSum{Currency: currency}
	}
	return c.sums[currency]
}

// add adds an amount; what a provider makes up stops at the largest number.
func add(sum *int64, minor int64) {
	if minor > 0 && *sum > math.MaxInt64-minor {
		*sum = math.MaxInt64
		return
	}
	*sum += minor
}

// pair judges a refund of ours with those of the provider that carry its mark. The
// one that the ledger names is its own, or else the first one made that did not fail;
// every other one that did not fail is a duplicate.
func (c *comparison) pair(o *Ours, theirs []*decide.SeenBody) {
	if len(theirs) == 0 {
		if o.claims() && c.period.has(o.At) {
			c.differ(decide.ClassMissing, o, nil)
		}
		return
	}
	slices.SortFunc(theirs, func(a, b *decide.SeenBody) int {
		return cmp.Or(order(a.Ref != o.Ref, b.Ref != o.Ref), order(a.Status == decide.Failed, b.Status == decide.Failed),
			c.created(a).Compare(c.created(b)), cmp.Compare(a.Ref, b.Ref))
	})
	own := theirs[0]
	if c.period.has(o.At) || c.period.has(c.created(own)) {
		if class := c.judge(o, own); class == decide.ClassMatched {
			c.counts[class]++
		} else {
			c.differ(class, o, own)
		}
	}
	for _, t := range theirs[1:] {
		if t.Status != decide.Failed && c.period.has(c.created(t)) {
			c.differ(decide.ClassDuplicate, o, t)
		}
	}
}

// order puts what is not so before what is.
func order(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	}
	return 1
}

// judge is the class of a pair, the gravest that fits.
func (c *comparison) judge(o *Ours, t *decide.SeenBody) string {
	apart := c.created(t).Sub(o.At).Abs()
	switch {
	case o.Amount.Currency != t.Amount.Currency:
		return decide.ClassCurrency
	case o.Amount.Minor != t.Amount.Minor:
		return decide.ClassAmount
	case o.Status != t.Status:
		return decide.ClassStatus
	case o.Taken && apart > lateAfter:
		return decide.ClassLate
	}
	return decide.ClassMatched
}

// differ notes a difference.
func (c *comparison) differ(class string, o *Ours, t *decide.SeenBody) {
	c.counts[class]++
	d := decide.Difference{Class: class, Connector: c.connector}
	what := ""
	if o != nil {
		amount := o.Amount
		d.Action, d.Remedy, d.Rule, d.Owner, d.Payment, d.Ref = o.Action, o.Remedy, o.Rule, o.Owner, o.Payment, o.Ref
		d.Ours, d.OurStatus, d.OurTime = &amount, o.Status, o.At.UTC().Format(time.RFC3339)
		what = o.Action.String()
	}
	if t != nil {
		amount := t.Amount
		d.Ref, d.Theirs, d.TheirStatus, d.ProviderTime = t.Ref, &amount, t.Status, t.Created
		if d.Payment == "" && len(t.Payments) > 0 {
			d.Payment = t.Payments[0]
		}
		what = t.Ref
	}
	d.ID = decide.DifferenceID(c.connector, class, what)
	c.found = append(c.found, d)
}
