package decide

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/google/uuid"

	"github.com/makegood/makegood/remediator/money"
)

// bulkApprovals is how many people let a bulk act. Neither asked for it, nor put
// its rule in force.
const bulkApprovals = 2

// Statuses of a bulk.
const (
	BulkHeld     = "held"
	BulkApproved = "approved"
)

// BulkAbove is the answer to an approval of a bulk of which more goes above limits than
// was shown: it is shown anew, and nobody has approved it.
const BulkAbove = "above"

// Bulk is what a rule makes good afterwards, held under one approval. It ends as
// BulkApproved, Denied or Expired.
type Bulk struct {
	Bulk      uuid.UUID     `json:"bulk"`
	Rule      string        `json:"rule"`
	Digest    string        `json:"digest"` // of the rule's text
	Since     string        `json:"since"`
	Until     string        `json:"until"`
	Customers string        `json:"customers,omitempty"` // SHA-256 of the list of customers; empty: everybody
	By        string        `json:"by"`                  // who asked for it
	At        int64         `json:"at"`
	Deadline  int64         `json:"deadline"` // when it expires
	Need      int           `json:"need"`     // approvals
	Approvals []string      `json:"approvals,omitempty"`
	Status    string        `json:"status"`
	Remedies  int           `json:"remedies"`
	Money     []money.Money `json:"money"`              // by currency, sorted
	Above     []BulkCount   `json:"above,omitempty"`    // remedies that go above a limit, by the limit
	LeftOut   []BulkCount   `json:"left_out,omitempty"` // what is not part of it, by the reason
	// Revision is 1 at first, and one more each time that it is shown anew because more of
	// it goes above limits. The state has it as openBulk.Anew.
	Revision int `json:"revision" cbor:"-"`
}

// BulkCount is how many remedies there are for one reason, and their money.
type BulkCount struct {
	Reason   string        `json:"reason"`
	Remedies int           `json:"remedies"`
	Money    []money.Money `json:"money,omitempty"`
}

// openBulk is a bulk that waits, with what the fold needs to answer it.
type openBulk struct {
	Bulk   Bulk        `cbor:"1,keyasint"`
	Author string      `cbor:"2,keyasint"`           // who put the rule in force
	Held   []uuid.UUID `cbor:"3,keyasint"`           // its remedies, in order
	Anew   int         `cbor:"4,keyasint,omitempty"` // how often it was shown anew
}

func bulkID(logID string, ordinal uint64) uuid.UUID {
	return uuid.NewSHA1(namespace, []byte("bulk:"+logID+":"+strconv.FormatUint(ordinal, 10)))
}

// abovePossible are the limits that people may go above.
var abovePossible = []string{ReasonPerRemedy, ReasonPerCustomer, ReasonBudget, ReasonCurrency}

// recount counts what would act if the bulk was approved now: one of its remedies may
// have been denied, or go above a limit that it was within. One above two limits counts
// for both. Once somebody has approved it, all was measured by the limits of then.
func (f *Fold) recount(b *openBulk) {
	b.Bulk.Remedies, b.Bulk.Money, b.Bulk.Above = 0, nil, nil
	for _, r := range f.held(b) {
		above := r.Told
		if len(b.Bulk.Approvals) > 0 {
			above = r.Above
		}
		totals := r.unspent()
		b.Bulk.Remedies++
		b.Bulk.Money = plus(b.Bulk.Money, totals)
		for _, limit := range above {
			b.Bulk.Above = counted(b.Bulk.Above, BulkCount{Reason: limit, Remedies: 1, Money: totals})
		}
	}
}

// plus adds amounts to sums, which stay sorted by currency. No sum overflows: a
// bulk has MaxMadeGood remedies of maxSteps amounts up to maxAmount.
func plus(sums, amounts []money.Money) []money.Money {
	entries := make([]PaymentEntry, 0, len(sums)+len(amounts))
	for _, m := range slices.Concat(sums, amounts) {
		entries = append(entries, PaymentEntry{Amount: m})
	}
	return net(entries, 1)
}

// counted counts more remedies for a reason. Counts stay sorted by reason.
func counted(counts []BulkCount, more BulkCount) []BulkCount {
	i, found := slices.BinarySearchFunc(counts, more.Reason, func(c BulkCount, reason string) int { return strings.Compare(c.Reason, reason) })
	if !found {
		counts = slices.Insert(counts, i, BulkCount{Reason: more.Reason})
	}
	counts[i].Remedies += more.Remedies
	counts[i].Money = plus(counts[i].Money, more.Money)
	return counts
}

// leftOutText says what was left out of a bulk, and why.
func leftOutText(b Bulk) string {
	switch {
	case len(b.LeftOut) > 0:
	case b.Customers != "":
		return ": the rule made no remedy for the customers named then"
	default:
		return ": the rule made no remedy then"
	}
	var texts []string
	for _, c := range b.LeftOut {
		texts = append(texts, fmt.Sprintf("%d for %s", c.Remedies, c.Reason))
	}
	return ": left out are " + strings.Join(texts, ", ")
}

// openBulk seals a bulk after its remedies, and waits for people.
func (f *Fold) openBulk(b *openBulk) error {
	f.state.Bulks[b.Bulk.Bulk] = b
	f.scheduleBulk(b)
	f.recount(b)
	f.showBulk(b)
	return f.add(KindBulk, Fact{Rule: b.Bulk.Rule}, BulkFact{
		Bulk: b.Bulk.Bulk, By: b.Bulk.By, Need: b.Bulk.Need, Digest: b.Bulk.Digest, Since: b.Bulk.Since, Until: b.Bulk.Until, Customers: b.Bulk.Customers,
		Remedies: b.Bulk.Remedies, Money: b.Bulk.Money, Above: b.Bulk.Above, LeftOut: b.Bulk.LeftOut,
	})
}

// showBulk gives out how a bulk stands. The answer to who asked has the same.
func (f *Fold) showBulk(b *openBulk) {
	now := b.shown()
	f.out.Bulks = append(f.out.Bulks, now)
	if f.answer.Command != "" {
		f.answer.Bulk, f.answer.Status = &now, now.Status
	}
}

// shown is a bulk as it stands, which later approvals leave as it is.
func (b *openBulk) shown() Bulk {
	now := b.Bulk
	now.Approvals, now.Revision = slices.Clone(now.Approvals), b.Anew+1
	return now
}

// MayApproveBulk says why somebody with the role may not approve a bulk; empty when they
// may. author put its rule in force.
func MayApproveBulk(by string, b *Bulk, author string) (refused string) {
	if Same(by, b.By) {
		return ownBulk
	}
	return MayApprove(by, "", author, b.Approvals)
}

// foldBulkAnswer takes a person's answer to a whole bulk.
func (f *Fold) foldBulkAnswer(c CommandBody) (refused string, err error) {
	b := f.state.Bulks[c.Bulk]
	switch {
	case b == nil:
		return "no bulk with this id waits for an answer", nil
	case c.Command == CommandDeny:
		f.say(uuid.Nil, b.Bulk.Rule, "", EvidenceNote, c.Reason)
		return "", f.endBulk(b, Denied, c.By, f.at)
	case MayApproveBulk(c.By, &b.Bulk, b.Author) != "":
		return MayApproveBulk(c.By, &b.Bulk, b.Author), nil
	case Same(c.By, f.editorOf(b.Bulk.Rule)):
		return ownRule, nil
	case c.Revision != 0 && c.Revision != b.Anew+1:
		return otherRevision(b.Anew+1, c.Revision), nil
	}
	if refused, err := f.reserveBulk(b); refused != "" || err != nil {
		return refused, err
	}
	f.say(uuid.Nil, b.Bulk.Rule, "", EvidenceNote, c.Reason)
	standing, without := Standing(b.Bulk.Approvals, f.editorOf(b.Bulk.Rule))
	b.Bulk.Approvals = append(standing, c.By)
	f.recount(b)
	if len(b.Bulk.Approvals) < b.Bulk.Need {
		f.showBulk(b)
		return "", f.addBulkAnswer(b, "approve", c.By, f.at, without...)
	}
	b.Bulk.Status = BulkApproved
	f.showBulk(b)
	if err := f.addBulkAnswer(b, "approve", c.By, f.at, without...); err != nil {
		return "", err
	}
	return "", f.releaseBulk(b, c.By)
}

// addBulkAnswer seals what became of a bulk.
func (f *Fold) addBulkAnswer(b *openBulk, answer, by string, at int64, without ...string) error {
	return f.addAt(at, KindBulk, Fact{Rule: b.Bulk.Rule}, BulkFact{
		Bulk: b.Bulk.Bulk, By: by, Answer: answer, Have: len(b.Bulk.Approvals), Need: b.Bulk.Need, Without: without,
	})
}

// held lists the remedies of a bulk that nobody has answered by themselves.
func (f *Fold) held(b *openBulk) []*openRemedy {
	var open []*openRemedy
	for _, id := range b.Held {
		if r := f.state.Open[id]; r != nil && r.Held == ReasonBulk {
			open = append(open, r)
		}
	}
	return open
}

// closeBulk takes a bulk away, and lists what it still held.
func (f *Fold) closeBulk(b *openBulk) []*openRemedy {
	delete(f.state.Bulks, b.Bulk.Bulk)
	return f.held(b)
}

// reserveBulk has the remedies of a bulk count from now on, as the approval of a single one
// does. When some would go above a limit of which those who approve were not told, the bulk
// is refused as a whole and shown again, and who approved it before did not know either.
// What is known to go above comes last, so that it takes no place from what is within.
func (f *Fold) reserveBulk(b *openBulk) (refused string, err error) {
	var above []BulkCount
	all := f.held(b)
	slices.SortStableFunc(all, func(a, b *openRemedy) int { return min(len(a.Told), 1) - min(len(b.Told), 1) })
	for _, r := range all {
		checks, err := f.reserveNow(r)
		if err != nil {
			return "", err
		}
		for _, limit := range reasonsOf(checks) {
			above = counted(above, BulkCount{Reason: limit, Remedies: 1, Money: r.unspent()})
			r.Told = append(r.Told, limit)
		}
	}
	if len(above) == 0 {
		return "", nil
	}
	b.Bulk.Approvals = nil
	f.recount(b)
	b.Anew++
	f.showBulk(b)
	return aboveBulkText(above), f.add(KindBulk, Fact{Rule: b.Bulk.Rule}, BulkFact{
		Bulk: b.Bulk.Bulk, Answer: BulkAbove, Need: b.Bulk.Need, Remedies: b.Bulk.Remedies, Money: b.Bulk.Money, Above: b.Bulk.Above,
	})
}

// aboveBulkText refuses the approval of a bulk with what the approvers did not know.
func aboveBulkText(above []BulkCount) string {
	var texts []string
	for _, c := range above {
		var amounts []string
		for _, m := range c.Money {
			amounts = append(amounts, m.String())
		}
		texts = append(texts, fmt.Sprintf("%d above %s with %s", c.Remedies, c.Reason, strings.Join(amounts, ", ")))
	}
	return "more of it goes above limits than was shown: " + strings.Join(texts, "; ") + "; look at it and approve it again"
}

// releaseBulk lets the remedies of an approved bulk act. One on whose payment
// something was refunded since is held by itself: nobody of those who approved
// knew.
func (f *Fold) releaseBulk(b *openBulk, by string) error {
	for _, r := range f.closeBulk(b) {
		refunded, err := f.anyRefunded(r)
		if err != nil {
			return err
		}
		fact := ApprovalFact{Answer: "approve", By: by, Have: len(b.Bulk.Approvals), Need: r.Need, Above: r.above()}
		if refunded {
			fact = ApprovalFact{Answer: "approve", By: by, Need: r.Need, Held: ReasonRefunded}
			f.holdAlone(r, ReasonRefunded)
		}
		if err := f.add(KindApproval, Fact{Remedy: r.Remedy, Rule: r.Rule}, fact); err != nil {
			return err
		}
		if refunded {
			continue
		}
		r.By = slices.Clone(b.Bulk.Approvals)
		if err := f.letAct(r); err != nil {
			return err
		}
	}
	return nil
}

// holdAlone holds a remedy for a person who looks at it by itself.
func (f *Fold) holdAlone(r *openRemedy, reason string) {
	r.Held, r.By, r.Bulk, r.Deadline = reason, nil, uuid.Nil, f.at+holdExpires
	f.schedule(r)
}

// endBulk ends a bulk that was denied or that nobody answered, and with it what is
// held under it.
func (f *Fold) endBulk(b *openBulk, status, by string, at int64) error {
	answer := map[string]string{Denied: "deny", Expired: Expired}[status]
	b.Bulk.Status = status
	f.showBulk(b)
	if err := f.addBulkAnswer(b, answer, by, at); err != nil {
		return err
	}
	for _, r := range f.closeBulk(b) {
		if err := f.giveUp(r, status, at); err != nil {
			return err
		}
	}
	return nil
}
