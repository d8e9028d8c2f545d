package ledger

import (
	"encoding/json"
	"slices"

	"github.com/google/uuid"

	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/money"
)

// bulkState is what must be remembered of what a rule makes good afterwards.
type bulkState struct {
	sealed   bool // its own entry came
	by       string
	approved []string
	need     int
	remedies int
	money    map[string]int64 // minor units, by currency
}

func (c *contentCheck) bulk(id uuid.UUID) *bulkState {
	b := c.bulks[id]
	if b == nil {
		b = &bulkState{money: map[string]int64{}}
		c.bulks[id] = b
	}
	return b
}

// addToBulk counts a remedy for its bulk, which is sealed after it.
func (c *contentCheck) addToBulk(e Entry, body remedyBody) {
	b := c.bulk(body.Bulk)
	if b.sealed || body.Decision != decide.Hold {
		c.find(e.Seq, "it is one of bulk %s, but it is not held, or comes after the bulk", body.Bulk)
	}
	b.remedies++
	for _, s := range body.Steps {
		if s.Amount != nil {
			b.money[s.Amount.Currency] += s.Amount.Minor
		}
	}
}

// addBulk holds that a bulk is what its remedies add up to, and that other people
// than who asked for it approve it, each once.
func (c *contentCheck) addBulk(e Entry) error {
	var body decide.BulkFact
	if err := json.Unmarshal(e.Body, &body); err != nil {
		return err
	}
	b := c.bulk(body.Bulk)
	switch {
	case body.Answer == "" && b.sealed:
		c.find(e.Seq, "bulk %s was asked for before", body.Bulk)
	case body.Answer == "":
		b.sealed, b.by, b.need = true, body.By, body.Need
		if body.Remedies != b.remedies || !sameMoney(body.Money, b.money) {
			c.find(e.Seq, "bulk %s says %d remedies, its remedies are %d, or their money is other", body.Bulk, body.Remedies, b.remedies)
		}
	case !b.sealed:
		c.find(e.Seq, "it answers bulk %s, which nobody asked for", body.Bulk)
	case body.Answer == decide.BulkAbove:
		b.approved = nil // they did not know
	case body.Answer != "approve":
	case decide.Same(body.By, b.by) || slices.ContainsFunc(b.approved, func(by string) bool { return decide.Same(by, body.By) }):
		c.find(e.Seq, "bulk %s is approved by who asked for it, or twice by one person", body.Bulk)
	default:
		b.approved = append(b.approved, body.By)
	}
	return nil
}

func sameMoney(sealed []money.Money, sums map[string]int64) bool {
	for _, m := range sealed {
		if sums[m.Currency] != m.Minor {
			return false
		}
	}
	return len(sealed) == len(sums)
}

// checkBulk holds that a remedy of a bulk is let act with the bulk and not before.
func (c *contentCheck) checkBulk(e Entry, r *remedyState) {
	if b := c.bulks[r.bulk]; b != nil && len(b.approved) < max(b.need, 1) {
		c.find(e.Seq, "remedy %s is approved, but its bulk %s is not", e.Remedy, r.bulk)
	}
}
