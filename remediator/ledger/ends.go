package ledger

import (
	"encoding/json"

	"github.com/google/uuid"

	"github.com/makegood/makegood/remediator/decide"
)

// checkOrigin holds that what is retried or reversed was decided, and that a step
// undoes one that was carried out and takes back no more than that moved.
func (c *contentCheck) checkOrigin(seq uint64, body remedyBody) {
	if body.Of != uuid.Nil && c.remedies[body.Of] == nil {
		c.find(seq, "it is made from remedy %s, which was not decided", body.Of)
	}
	for _, s := range body.Steps {
		if s.Of == uuid.Nil {
			continue
		}
		of := c.steps[s.Of]
		switch {
		case of == nil || !of.paid:
			c.find(seq, "action %s undoes action %s, which was not carried out", s.Action, s.Of)
		case of.amount == nil || s.Amount == nil || s.Amount.Currency != of.amount.Currency || s.Amount.Minor > of.amount.Minor:
			c.find(seq, "action %s undoes %s of action %s, which moved %s", s.Action, amountText(s.Amount), s.Of, amountText(of.amount))
		}
	}
}

// undo holds that an action is undone once.
func (c *contentCheck) undo(e Entry, s *stepState) {
	of := c.steps[s.undoes]
	if of == nil {
		return // said of the decision
	}
	if of.undone {
		c.find(e.Seq, "action %s was undone before", s.undoes)
	}
	of.undone, of.remedy.undone = true, true
}

// addEnd holds that a remedy ends once, is done only when nobody is waited for,
// and is reversed only when something of it was undone.
func (c *contentCheck) addEnd(e Entry) error {
	var body decide.EndFact
	if err := json.Unmarshal(e.Body, &body); err != nil {
		return err
	}
	r := c.remedies[e.Remedy]
	switch {
	case r == nil: // said of the reference
	case body.Status == decide.Reversed && !(r.ended && r.undone):
		c.find(e.Seq, "remedy %s is reversed, and nothing of it was undone", e.Remedy)
	case body.Status == decide.Reversed:
	case r.ended && r.fell && (body.Status == decide.Failed || body.Status == decide.FailedAfterArrival):
		r.fell = false
	case body.Status == decide.FailedAfterArrival:
		c.find(e.Seq, "remedy %s failed after its money had arrived, and no refund of it was seen to", e.Remedy)
	case r.ended:
		c.find(e.Seq, "remedy %s ended before", e.Remedy)
	case body.Status == decide.Done && r.waiting:
		c.find(e.Seq, "remedy %s is done while it waits for a person", e.Remedy)
	default:
		r.ended = true
	}
	return nil
}
