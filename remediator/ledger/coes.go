package ledger

import (
	"encoding/json"
	"slices"

	"github.com/google/uuid"

	"github.com/makegood/makegood/remediator/decide"
)

// coeState is what must be remembered of a COE.
type coeState struct {
	status    string
	revision  int
	digest    string
	authors   []string
	holdUntil string
}

// coeSteps lists from which statuses a change of a COE may come. A revision may also
// take back what waits for review.
var coeSteps = map[string][]string{
	decide.COERevised:   {decide.COEDraft, decide.COEReview},
	decide.COEReview:    {decide.COEDraft},
	decide.COEPublished: {decide.COEReview},
	decide.COEEffective: {decide.COEPublished},
	decide.COEReopened:  {decide.COEPublished, decide.COEEffective, decide.COEClosed},
	decide.COEClosed:    {decide.COEDraft, decide.COEReview, decide.COEEffective},
}

// addCOE holds that a COE goes its way: opened first, its revisions counted without
// gaps, published by somebody who wrote none of them, effective in its time.
func (c *contentCheck) addCOE(e Entry) error {
	var body decide.COEFact
	if err := json.Unmarshal(e.Body, &body); err != nil {
		return err
	}
	s := c.coes[body.COE]
	switch {
	case (body.Change == decide.COEOpened) != (s == nil):
		c.find(e.Seq, "COE %s is %s, and it was opened before, or never", body.COE, body.Change)
		return nil
	case s == nil:
		c.coes[body.COE] = &coeState{status: body.Status}
		return nil
	case body.Change == decide.COEAdded:
	case !slices.Contains(coeSteps[body.Change], s.status):
		c.find(e.Seq, "COE %s is %s, and it was %s", body.COE, body.Change, s.status)
	case body.Change == decide.COERevised && body.Revision != s.revision+1:
		c.find(e.Seq, "it is revision %d of COE %s, after revision %d", body.Revision, body.COE, s.revision)
	case body.Change == decide.COEPublished && slices.Contains(s.authors, body.By):
		c.find(e.Seq, "COE %s is published by %s, who wrote it", body.COE, body.By)
	case body.Change == decide.COEPublished && body.TreeSize > e.Seq:
		c.find(e.Seq, "COE %s was checked at %d entries, which were not there yet", body.COE, body.TreeSize)
	case body.Change == decide.COEEffective && s.holdUntil != stamp(e.At):
		c.find(e.Seq, "COE %s is effective at another time than %s", body.COE, s.holdUntil)
	case body.Change != decide.COERevised && body.Digest != "" && body.Digest != s.digest:
		c.find(e.Seq, "COE %s is %s with another text than that of its last revision", body.COE, body.Change)
	}
	s.take(body)
	return nil
}

// take moves a COE on.
func (s *coeState) take(body decide.COEFact) {
	s.status = body.Status
	switch body.Change {
	case decide.COERevised:
		s.revision, s.digest = body.Revision, body.Digest
		s.authors = append(s.authors, body.By)
	case decide.COEPublished:
		s.holdUntil = body.HoldUntil
	}
}

// coeCheck is how the COEs stand, by their ids.
type coeCheck map[uuid.UUID]*coeState
