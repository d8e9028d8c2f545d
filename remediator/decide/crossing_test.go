package decide_test

import (
	"testing"
	"time"

	"github.com/makegood/makegood/remediator/decide"
)

// seenHeldFor says for what whoever approves saw the remedy held.
func seenHeldFor(reason string, c decide.CommandBody) decide.CommandBody {
	c.HeldFor = reason
	return c
}

// seenRevision says which revision of a bulk whoever approves saw.
func seenRevision(revision int, c decide.CommandBody) decide.CommandBody {
	c.Revision = revision
	return c
}

// An approval that was on its way when another one was refused is of somebody who does not
// know the figures: it goes above no limit, and is told to look.
func TestApprovalsThatCross(t *testing.T) {
	t.Parallel()
	s := newScene(t, set(refundRule("r", "because", "live", "")))
	s.done(0, pauses(operator("oli"), decide.TargetRule("r")))
	first := wantDecision(t, s.send(0, numbered(1, "600.00 USD")), decide.Hold, decide.ReasonPaused)
	second := wantDecision(t, s.send(0, numbered(2, "600.00 USD")), decide.Hold, decide.ReasonPaused)
	s.done(0, seenHeldFor(decide.ReasonPaused, approves("bob", first.Remedy)))
	s.refused("of the 1000.00 USD of budget 600.00 USD are used", seenHeldFor(decide.ReasonPaused, approves("bob", second.Remedy)))
	for range 2 {
		s.refused("it is held for budget now, which you have not seen: look at it and approve it again", seenHeldFor(decide.ReasonPaused, approves("cem", second.Remedy)))
		if got := one[decide.RefusalFact](t, s.facts[len(s.facts)-1:], decide.KindRefusal); got.Held != "" {
			t.Errorf("by that it is held for %q anew", got.Held)
		}
	}
	s.refused("who activated the rule", seenHeldFor(decide.ReasonPaused, approves("ann", second.Remedy))) // looking again would not help
	_, facts := s.done(0, seenHeldFor(decide.ReasonBudget, approves("cem", second.Remedy)))
	if got := one[decide.ApprovalFact](t, facts, decide.KindApproval); got.Above != decide.ReasonBudget {
		t.Errorf("it was approved above %q, want the budget", got.Above)
	}
}

// The first approval of two stays when the second one is of somebody who has to look first.
func TestCrossingLeavesApprovals(t *testing.T) {
	t.Parallel()
	s := newScene(t, set(refundRule("r", "because", "live", "      approve_above: 50.00 USD\n")))
	held := wantDecision(t, s.send(0, numbered(1, "900.00 USD")), decide.Hold, decide.ReasonApprove)
	s.done(0, seenHeldFor(decide.ReasonApprove, approves("bob", held.Remedy)))
	s.refused("it is held for approve_above now", seenHeldFor(decide.ReasonBudget, approves("cem", held.Remedy)))
	s.done(0, seenHeldFor(decide.ReasonApprove, approves("cem", held.Remedy)))
	if len(s.jobs) != 1 {
		t.Errorf("%d jobs came of two approvals", len(s.jobs))
	}
	again := wantDecision(t, s.send(48*time.Hour, numbered(2, "900.00 USD")), decide.Hold, decide.ReasonApprove)
	s.done(0, seenHeldFor("nothing", denies("cem", again.Remedy))) // whoever denies pays nothing
}

// Two people answer for the sums of a bulk that they were shown: an approval of those
// before counts neither as the first nor as the second of the new ones.
func TestBulkApprovalsThatCross(t *testing.T) {
	t.Parallel()
	s, b := openBulk(t, "")
	if b.Revision != 1 {
		t.Errorf("a bulk begins at revision %d", b.Revision)
	}
	a, _ := s.done(0, seenRevision(1, approvesBulk("cem", b.Bulk)))
	if a.Bulk.Revision != 1 {
		t.Errorf("an approval brings it to revision %d", a.Bulk.Revision)
	}
	wantDecision(t, s.send(25*time.Hour, numbered(9, "992.00 USD")), decide.Act, "")
	if a, _ = s.give(0, seenRevision(1, approvesBulk("dee", b.Bulk))); a.Bulk == nil || a.Bulk.Revision != 2 {
		t.Fatalf("it is not shown anew: %+v", a)
	}
	const look = "it is at revision 2 now, and you have seen revision 1: look at that first"
	s.refused(look, seenRevision(1, approvesBulk("cem", b.Bulk)))
	s.done(0, seenRevision(2, approvesBulk("dee", b.Bulk)))
	s.refused(look, seenRevision(1, approvesBulk("cem", b.Bulk)))
	s.refused("the same person", seenRevision(1, approvesBulk("dee", b.Bulk)))
	s.restore()
	if a, _ = s.done(0, seenRevision(2, approvesBulk("cem", b.Bulk))); a.Status != decide.BulkApproved || a.Bulk.Revision != 2 {
		t.Errorf("approved by two who saw it, it is %+v", a.Bulk)
	}

	s, b = openBulk(t, "")
	s.done(0, seenRevision(7, deniesBulk("cem", b.Bulk))) // whoever denies pays nothing
}
