package ledger

import (
	"encoding/json"
	"slices"

	"github.com/google/uuid"

	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/input"
	"github.com/makegood/makegood/remediator/missing"
)

// gapCheck is the events of clients that are said to be missing, in ranges that lie
// apart.
type gapCheck map[uuid.UUID][]input.Range

// addGap holds that events are said to be missing once, that what is closed was
// missing, and that all of a closed gap came or was refused.
func (c *contentCheck) addGap(e Entry) error {
	var body decide.GapFact
	if err := json.Unmarshal(e.Body, &body); err != nil {
		return err
	}
	r := input.Range{First: body.First, Last: body.Last}
	if r.First < 1 || r.Last < r.First || r.Last > input.MaxNumber {
		c.find(e.Seq, "it is about the events %d to %d, which no client has", r.First, r.Last)
		return nil
	}
	size, told := r.Last-r.First+1, c.gaps[body.Client]
	within := slices.IndexFunc(told, func(t input.Range) bool { return t.First <= r.First && r.Last <= t.Last })
	touched := slices.ContainsFunc(told, func(t input.Range) bool { return t.First <= r.Last && r.First <= t.Last })
	agrees := body.Events == size
	switch body.Status {
	case missing.Missing:
		if touched {
			c.find(e.Seq, "events %d to %d of client %s, or some of them, were missing before", r.First, r.Last, body.Client)
			return nil
		}
		c.gaps[body.Client] = append(told, r)
	case missing.Closed, missing.Forgotten:
		agrees = body.Events+body.Refused == size
		if body.Status == missing.Forgotten {
			agrees = body.Events >= 1 && body.Events <= size // the others came
		}
		switch {
		case within >= 0:
			c.gaps[body.Client] = slices.Replace(told, within, within+1, cut(told[within], r)...)
		case touched || body.Status == missing.Closed: // what is forgotten need not have been told
			c.find(e.Seq, "events %d to %d of client %s, or some of them, were not missing", r.First, r.Last, body.Client)
		}
	default:
		c.find(e.Seq, "it says that events are %q", body.Status)
	}
	if !agrees {
		c.find(e.Seq, "of %d events it counts %d, and %d refused", size, body.Events, body.Refused)
	}
	return nil
}

// cut returns what is left of a range without a part of it.
func cut(whole, part input.Range) []input.Range {
	var left []input.Range
	if whole.First < part.First {
		left = append(left, input.Range{First: whole.First, Last: part.First - 1})
	}
	if part.Last < whole.Last {
		left = append(left, input.Range{First: part.Last + 1, Last: whole.Last})
	}
	return left
}
