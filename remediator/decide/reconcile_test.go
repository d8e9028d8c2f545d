package decide_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/makegood/makegood/remediator/decide"
)

func reconciles(c decide.CommandBody, ids ...uuid.UUID) decide.CommandBody {
	c.Command = decide.CommandReconcile
	c.Reconcile = &decide.Reconciliation{Connector: "stripe", From: "2001-01-01T00:00:00Z", To: "2001-01-02T00:00:00Z", Listing: strings.Repeat("0", 64)}
	for _, id := range ids {
		c.Reconcile.Differences = append(c.Reconcile.Differences, decide.Difference{ID: id, Class: decide.ClassAmount, Connector: "stripe"})
	}
	return c
}

func closes(c decide.CommandBody, id uuid.UUID, reason string) decide.CommandBody {
	c.Command, c.Difference, c.Reason = decide.CommandClose, id, reason
	return c
}

// TestDifferencesAreClosedByAnother holds that a difference is opened once, is closed
// by another person than its opener, with a reason, and stays closed when it is found
// again, also after a restart from a snapshot.
func TestDifferencesAreClosedByAnother(t *testing.T) {
	t.Parallel()
	s := newScene(t, seenRules)
	one, two := decide.DifferenceID("stripe", "amount", "re_1"), decide.DifferenceID("stripe", "amount", "re_2")
	a, facts := s.done(time.Minute, reconciles(by("ann", decide.RoleAuditor), one, two))
	if r := a.Reconciled; r == nil || r.Opened != 2 || r.Open != 2 || count(facts, decide.KindDifference) != 2 || count(facts, decide.KindReconciliation) != 1 {
		t.Fatalf("opened were %+v, sealed is %s", a.Reconciled, kinds(facts))
	}
	s.refused("another person must", closes(by("ann", decide.RoleAuditor), one, "counted twice"))
	s.refused("say what it was", closes(operator("bob"), one, ""))
	s.refused("no open difference", closes(operator("bob"), uuid.New(), "x"))
	s.refused("only an operator, an approver or an auditor", closes(agent("cem"), one, "x"))
	s.done(time.Minute, closes(operator("bob"), one, "the bank rounds"))
	s.refused("closed before", closes(operator("dee"), one, "the bank rounds"))
	s.restore()
	a, facts = s.done(time.Minute, reconciles(operator("bob"), one, two))
	if r := a.Reconciled; r.Opened != 0 || r.Again != 1 || r.Closed != 1 || r.Open != 1 || count(facts, decide.KindDifference) != 0 {
		t.Errorf("found again were %+v, sealed is %s", r, kinds(facts))
	}
	s.refused("another person must", closes(by("ann", decide.RoleAuditor), two, "still hers"))
}

// TestBadReconciliations holds what is refused.
func TestBadReconciliations(t *testing.T) {
	t.Parallel()
	s := newScene(t, seenRules)
	for words, spoil := range map[string]func(*decide.CommandBody){
		"name the provider":                   func(c *decide.CommandBody) { c.Reconcile.Connector = "" },
		"name the provider to compare with":   func(c *decide.CommandBody) { c.Reconcile = nil },
		"name a period":                       func(c *decide.CommandBody) { c.Reconcile.To = c.Reconcile.From },
		"name a period: from, and a later to": func(c *decide.CommandBody) { c.Reconcile.From = "yesterday" },
		"the provider's refunds were not":     func(c *decide.CommandBody) { c.Reconcile.Listing = "" },
		"the provider's refunds were not liste": func(c *decide.CommandBody) {
			c.Reconcile.Differences = make([]decide.Difference, decide.MaxDifferences+1)
		},
	} {
		c := reconciles(operator("ann"))
		spoil(&c)
		s.refused(words, c)
	}
}
