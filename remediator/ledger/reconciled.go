package ledger

import (
	"encoding/json"
	"slices"

	"github.com/google/uuid"

	"github.com/makegood/makegood/remediator/decide"
)

// reconcileCheck follows comparisons with providers, and what differed.
type reconcileCheck struct {
	open   map[uuid.UUID]decide.DifferenceFact // by id; By is who opened it
	closed map[uuid.UUID]bool
	last   decide.ReconciliationFact // whose differences are expected
	seq    uint64                    // of its entry
	of     uint64                    // its ordinal
	opened int                       // of them, so far
}

func newReconcileCheck() reconcileCheck {
	return reconcileCheck{open: map[uuid.UUID]decide.DifferenceFact{}, closed: map[uuid.UUID]bool{}}
}

// addReconciliation holds that the counts of a comparison add up: what is of a class of
// difference was opened, is open or closed already, or was left out.
func (c *contentCheck) addReconciliation(e Entry) error {
	var body decide.ReconciliationFact
	if err := json.Unmarshal(e.Body, &body); err != nil {
		return err
	}
	differ, seen := 0, map[string]bool{}
	for _, n := range body.Counts {
		if n.Count < 0 || seen[n.Class] || !slices.Contains(decide.Classes(), n.Class) {
			c.find(e.Seq, "it counts %d of class %q, which is no count of it", n.Count, n.Class)
			return nil
		}
		if seen[n.Class] = true; n.Class != decide.ClassMatched {
			differ += n.Count
		}
	}
	if told := body.Opened + body.Again + body.Closed + body.LeftOut; told != differ {
		c.find(e.Seq, "it counts %d differences by their class, and %d by what became of them", differ, told)
	}
	r := &c.reconciled
	r.last, r.seq, r.of, r.opened = body, e.Seq, e.Ordinal, 0
	return nil
}

// addDifference holds that a difference is opened by the comparison that found it, once,
// and closed by another person than who opened it.
func (c *contentCheck) addDifference(e Entry) error {
	var body decide.DifferenceFact
	if err := json.Unmarshal(e.Body, &body); err != nil {
		return err
	}
	r := &c.reconciled
	before, open := r.open[body.ID]
	switch {
	case body.Status == decide.DifferenceOpen && (open || r.closed[body.ID]):
		c.find(e.Seq, "difference %s was opened before", body.ID)
	case body.Status == decide.DifferenceOpen && (r.of != e.Ordinal || r.last.By != body.By || r.last.Connector != body.Connector):
		c.find(e.Seq, "difference %s was opened by no comparison with %s by %s", body.ID, body.Connector, body.By)
	case body.Status == decide.DifferenceOpen:
		r.opened++
		r.open[body.ID] = body
		return nil
	case !open:
		c.find(e.Seq, "difference %s was closed, and was not open", body.ID)
	case decide.Same(before.By, body.By):
		c.find(e.Seq, "difference %s was opened by %s and closed by %s, one person", body.ID, before.By, body.By)
	case before.Class != body.Class || before.Connector != body.Connector:
		c.find(e.Seq, "difference %s was %s at %s, and closed as %s at %s", body.ID, before.Class, before.Connector, body.Class, body.Connector)
	}
	delete(r.open, body.ID)
	r.closed[body.ID] = true
	return nil
}

// checkReconciled holds, once all entries of a comparison were read, that as many
// differences were opened and are open as it says.
func (c *contentCheck) checkReconciled() {
	r := &c.reconciled
	if r.of == 0 {
		return
	}
	open := 0
	for _, d := range r.open {
		if d.Connector == r.last.Connector {
			open++
		}
	}
	if r.opened != r.last.Opened || open != r.last.Open {
		c.find(r.seq, "it says that %d differences were opened and %d are open, there are %d and %d", r.last.Opened, r.last.Open, r.opened, open)
	}
	r.of = 0
}
