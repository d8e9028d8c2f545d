package ledger

import (
	"encoding/json"

	"github.com/google/uuid"

	"github.com/makegood/makegood/remediator/decide"
)

// addSeen holds that what was seen of a refund at its provider goes one way, from
// pending over succeeded to failed, and is about money that was paid.
func (c *contentCheck) addSeen(e Entry) error {
	var body decide.SeenFact
	if err := json.Unmarshal(e.Body, &body); err != nil {
		return err
	}
	if body.Foreign != (e.Action == uuid.Nil) {
		c.find(e.Seq, "its columns name action %s, its body says foreign: %t", e.Action, body.Foreign)
		return nil
	}
	if body.Foreign {
		return nil
	}
	s := c.steps[e.Action]
	switch {
	case s == nil || s.remedy != c.remedies[e.Remedy]:
		c.find(e.Seq, "it is about action %s, which is not a step of a live remedy %s", e.Action, e.Remedy)
		return nil
	case !s.paid:
		c.find(e.Seq, "action %s was seen at its provider, and nobody had taken it on", e.Action)
	case !decide.Ends(s.status, body.Status):
		c.find(e.Seq, "action %s was seen to be %s after it was %s", e.Action, body.Status, s.status)
	case body.Late != (s.status == decide.Succeeded):
		c.find(e.Seq, "action %s was %s before, its body says late: %t", e.Action, s.status, body.Late)
	}
	s.status = body.Status
	s.remedy.fell = s.remedy.fell || body.Status == decide.Failed
	return nil
}

// followSeen adds to the totals what was seen to arrive, or to come back.
func (x *exporter) followSeen(e Entry, s *stepState) (moved, error) {
	var body decide.SeenFact
	if err := json.Unmarshal(e.Body, &body); err != nil {
		return moved{}, err
	}
	m := moved{step: s.kind, currency: body.Amount.Currency, arrived: x.arrives(e.Action, body.Status, body.Amount.Minor)}
	return m, x.count(e.At, s.remedy.account, m)
}

// arrives is what arrived with a status of an action, below zero when the provider
// took back what it had reported as finished; nil when nothing did.
func (x *exporter) arrives(action uuid.UUID, status string, minor int64) *int64 {
	switch {
	case status == decide.Succeeded && !x.arrived[action]:
		x.arrived[action] = true
		return &minor
	case status == decide.Failed && x.arrived[action]:
		delete(x.arrived, action)
		minor = -minor
		return &minor
	}
	return nil
}
