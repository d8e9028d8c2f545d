package decide_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/input"
)

// numbered is an order of its own payment.
func numbered(n int, paid string) string {
	return fmt.Sprintf(`"bad":true,"order":%d,"payment":"pi_%d","paid":%q`, n, n, paid)
}

func TestLimitsHold(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, limits, data, reason string }{
		{"per remedy", "      per_remedy: 4.99 USD\n", numbered(1, "5.00 USD"), decide.ReasonPerRemedy},
		{"currency of per remedy", "      per_remedy: 4.99 USD\n", numbered(1, "5.00 EUR"), decide.ReasonCurrency},
		{"currency of the budget", "", numbered(1, "5 JPY"), decide.ReasonCurrency},
		{"budget", "", numbered(1, "1000.01 USD"), decide.ReasonBudget},
		{"per customer amount", "      per_customer: {amount: 4.99 USD, within: 1d}\n", numbered(1, "5.00 USD"), decide.ReasonPerCustomer},
		{"approval", "      approve_above: 4.99 USD\n", numbered(1, "5.00 USD"), decide.ReasonApprove},
		{"money that is none", "", numbered(1, "5.001 USD"), decide.ReasonError},
		{"no payment", "", `"bad":true,"order":1,"paid":"5.00 USD"`, decide.ReasonError},
	} {
		s := newScene(t, set(refundRule("r", "because", "live", c.limits)))
		wantDecision(t, s.send(0, c.data), decide.Hold, c.reason)
		if len(s.jobs) != 0 {
			t.Errorf("%s: a held remedy acted", c.name)
		}
	}
}

func TestAtTheLimitActs(t *testing.T) {
	t.Parallel()
	limits := "      per_remedy: 5.00 USD\n      per_customer: {remedies: 1, amount: 5.00 USD, within: 1d}\n      approve_above: 5.00 USD\n"
	s := newScene(t, set(refundRule("r", "because", "live", limits)))
	wantDecision(t, s.send(0, numbered(1, "5.00 USD")), decide.Act, "")
	wantDecision(t, s.send(0, numbered(2, "5.00 USD")), decide.Hold, decide.ReasonPerCustomer)
	wantDecision(t, s.sendID(0, "other", `"customer":"c-2",`, numbered(3, "5.00 USD")), decide.Act, "")
	wantDecision(t, s.sendID(0, "none", "", numbered(4, "5.00 USD")), decide.Hold, decide.ReasonNoCustomer)
}

func TestBudgetComesBack(t *testing.T) {
	t.Parallel()
	s := newScene(t, set(refundRule("r", "because", "live", "")))
	wantDecision(t, s.send(0, numbered(1, "1000.00 USD")), decide.Act, "")
	wantDecision(t, s.send(24*time.Hour, numbered(2, "0.01 USD")), decide.Hold, decide.ReasonBudget)
	// The granule of a day is 22.5 minutes: one more and the first no longer counts.
	wantDecision(t, s.send(23*time.Minute, numbered(3, "1000.00 USD")), decide.Act, "")
}

func TestFailureReleasesBudget(t *testing.T) {
	t.Parallel()
	s := newScene(t, set(refundRule("r", "because", "live", "")))
	wantDecision(t, s.send(0, numbered(1, "1000.00 USD")), decide.Act, "")
	facts := s.settle(s.jobs[0], decide.Failed)
	if end := one[decide.EndFact](t, facts, decide.KindEnd); end.Status != decide.Failed {
		t.Errorf("the remedy ended as %q", end.Status)
	}
	wantDecision(t, s.send(0, numbered(2, "1000.00 USD")), decide.Act, "")
	// The payment of the failed refund is free again as well.
	wantDecision(t, s.send(25*time.Hour, `"bad":true,"order":9,"payment":"pi_1","paid":"1.00 USD"`), decide.Act, "")
}

func TestEditDoesNotRefillBudget(t *testing.T) {
	t.Parallel()
	s := newScene(t, set(refundRule("r", "because", "live", "")))
	wantDecision(t, s.send(0, numbered(1, "1000.00 USD")), decide.Act, "")
	s.activate(set(refundRule("r", "edited", "live", "")))
	wantDecision(t, s.send(0, numbered(2, "1.00 USD")), decide.Hold, decide.ReasonBudget)
}

func TestSuppressTakesNoKey(t *testing.T) {
	t.Parallel()
	s := newScene(t, set(refundRule("r", "because", "live", "      over: suppress\n")))
	wantDecision(t, s.send(0, numbered(1, "1000.00 USD")), decide.Act, "")
	wantDecision(t, s.send(0, numbered(2, "1.00 USD")), decide.Suppress, decide.ReasonBudget)
	wantDecision(t, s.send(25*time.Hour, numbered(2, "1.00 USD")), decide.Act, "")
}

func TestStormPullsTheRulesOwnCord(t *testing.T) {
	t.Parallel()
	storm := strings.Replace(refundRule("r", "because", "live", ""), "    account:", "    storm: {remedies: 2, within: 10m}\n    account:", 1)
	s := newScene(t, set(storm))
	wantDecision(t, s.send(0, numbered(1, "1.00 USD")), decide.Act, "")
	wantDecision(t, s.send(0, numbered(2, "1.00 USD")), decide.Act, "")
	facts := s.send(0, numbered(3, "1.00 USD"))
	wantDecision(t, facts, decide.Hold, decide.ReasonStorm)
	if pull := one[decide.PullFact](t, facts, decide.KindPull); pull.Cord != "rule/r" || pull.Level != "red" || !pull.Opened {
		t.Errorf("the storm pulled %+v", pull)
	}
	// The cord stays red when the storm is over: a person releases it.
	wantDecision(t, s.send(time.Hour, numbered(4, "1.00 USD")), decide.Hold, decide.ReasonStorm)
}

func TestApproval(t *testing.T) {
	t.Parallel()
	above := "      approve_above: 1.00 USD\n"
	s := newScene(t, set(refundRule("r", "because", "live", above)))
	held := wantDecision(t, s.send(0, numbered(1, "10.01 USD")), decide.Hold, decide.ReasonApprove)
	if held.Approvals != 2 {
		t.Errorf("%d approvals needed above ten times the amount, want 2", held.Approvals)
	}
	for _, c := range []struct{ by, role, want string }{
		{"bob", "agent", "only an approver"},
		{"ann", "approver", "who activated the rule"},
	} {
		if r := one[decide.RefusalFact](t, s.answer("approve", held.Remedy, c.by, c.role), decide.KindRefusal); !strings.Contains(r.Reason, c.want) {
			t.Errorf("%s as %s: refused for %q", c.by, c.role, r.Reason)
		}
	}
	one[decide.ApprovalFact](t, s.answer("approve", held.Remedy, "bob", "approver"), decide.KindApproval)
	one[decide.RefusalFact](t, s.answer("approve", held.Remedy, "bob", "approver"), decide.KindRefusal)
	if len(s.jobs) != 0 {
		t.Fatal("one of two approvals was enough")
	}
	if a := one[decide.ApprovalFact](t, s.answer("approve", held.Remedy, "cem", "approver"), decide.KindApproval); a.Have != 2 || a.Need != 2 {
		t.Errorf("the last approval is %+v", a)
	}
	if len(s.jobs) != 1 {
		t.Errorf("%d refunds, want 1", len(s.jobs))
	}
	one[decide.RefusalFact](t, s.answer("deny", held.Remedy, "cem", "approver"), decide.KindRefusal)
}

func TestHoldExpires(t *testing.T) {
	t.Parallel()
	s := newScene(t, set(refundRule("r", "because", "live", "      approve_above: 1.00 USD\n")))
	held := wantDecision(t, s.send(0, numbered(1, "1000.00 USD")), decide.Hold, decide.ReasonApprove)
	s.at += int64(7 * 24 * time.Hour)
	facts := s.apply(input.Input{Kind: input.Tick, At: s.at})
	if end := one[decide.EndFact](t, facts, decide.KindEnd); end.Status != decide.Expired {
		t.Errorf("it ended as %q", end.Status)
	}
	one[decide.RefusalFact](t, s.answer("approve", held.Remedy, "bob", "approver"), decide.KindRefusal)
	// The key stays taken, the reserved budget is free.
	one[decide.DuplicateFact](t, s.send(0, numbered(1, "1000.00 USD")), decide.KindDuplicate)
	wantDecision(t, s.send(0, numbered(2, "1.00 USD")), decide.Act, "")
}

func TestDenialEndsIt(t *testing.T) {
	t.Parallel()
	s := newScene(t, set(refundRule("r", "because", "live", "      approve_above: 1.00 USD\n")))
	held := wantDecision(t, s.send(0, numbered(1, "1000.00 USD")), decide.Hold, decide.ReasonApprove)
	if end := one[decide.EndFact](t, s.answer("deny", held.Remedy, "ann", "approver"), decide.KindEnd); end.Status != decide.Denied {
		t.Errorf("it ended as %q", end.Status)
	}
	one[decide.DuplicateFact](t, s.send(0, numbered(1, "1000.00 USD")), decide.KindDuplicate)
}

func TestForeignRefundBlocks(t *testing.T) {
	t.Parallel()
	s := newScene(t, set(refundRule("r", "because", "live", "")))
	remedy := wantDecision(t, s.send(0, numbered(1, "5.00 USD")), decide.Act, "")
	s.settle(s.jobs[0], decide.Blocked)
	s.answer("approve", remedy.Remedy, "bob", "approver")
	if len(s.jobs) != 2 || !s.jobs[1].Approved || s.jobs[1].Action != s.jobs[0].Action {
		t.Fatalf("after the approval the jobs are %+v", s.jobs)
	}
	if end := one[decide.EndFact](t, s.settle(s.jobs[1], decide.Succeeded), decide.KindEnd); end.Status != decide.Done {
		t.Errorf("it ended as %q", end.Status)
	}
}

func TestOldEventIsHeld(t *testing.T) {
	t.Parallel()
	s := newScene(t, set(refundRule("r", "because", "live", "")))
	s.at += int64(31 * 24 * time.Hour)
	body := fmt.Sprintf(`{"specversion":"1.0","id":"old","source":"/test","type":"com.example.bad","customer":"c","time":"2001-01-01T00:00:00Z","data":{%s}}`, order)
	facts := s.apply(input.Input{ID: "old", Kind: input.Event, At: s.at, Body: []byte(body)})
	wantDecision(t, facts, decide.Hold, decide.ReasonOld)
}

func TestRepeatedEvents(t *testing.T) {
	t.Parallel()
	s := newScene(t, set(refundRule("r", "because", "live", "")))
	good := strings.Replace(order, "true", "false", 1)
	if facts := s.sendID(0, "same", `"customer":"c",`, good); len(facts) != 0 {
		t.Fatalf("an event that matched nothing left %s", kinds(facts))
	}
	// It touched no state, so the same id with another body is judged.
	wantDecision(t, s.sendID(0, "same", `"customer":"c",`, order), decide.Act, "")
	if facts := s.sendID(0, "same", `"customer":"c",`, numbered(5, "1.00 USD")); len(facts) != 0 {
		t.Fatalf("a repeated event left %s", kinds(facts))
	}
	s.at += int64(2 * time.Minute)
	progress := one[decide.ProgressFact](t, s.apply(input.Input{Kind: input.Tick, At: s.at}), decide.KindProgress)
	want := decide.Counts{Received: 3, Duplicates: 1, NoMatch: 1, Remedies: 1}
	if progress.Counts != want {
		t.Errorf("progress counts %+v, want %+v", progress.Counts, want)
	}
}

// What is too large to be sealed is held, and stops nothing.
func TestDecisionTooLargeIsHeld(t *testing.T) {
	t.Parallel()
	block := "account: |\n" + strings.Repeat("      "+strings.Repeat("x", 10_000)+"\n", 7)
	s := newScene(t, set(strings.Replace(refundRule("r", "because", "live", ""), `account: "1"`, block, 1)))
	facts := s.send(0, order)
	wantDecision(t, facts, decide.Hold, decide.ReasonError)
	for _, f := range facts {
		if len(f.Body) > 60<<10 {
			t.Errorf("a fact %s has %d bytes", f.Kind, len(f.Body))
		}
	}
	if len(s.jobs) != 0 {
		t.Error("what cannot be sealed was carried out")
	}
}

// A set of many rules is sealed in facts that fit.
func TestManyRulesAreSealedInParts(t *testing.T) {
	t.Parallel()
	var rules []string
	for i := range 120 {
		rules = append(rules, refundRule(fmt.Sprintf("rule-%03d", i), "because", "shadow", ""))
	}
	s := newScene(t, set(rules...))
	named, parts := 0, 0
	for _, f := range s.facts {
		if f.Kind == decide.KindRules {
			var r decide.RulesFact
			if err := json.Unmarshal(f.Body, &r); err != nil {
				t.Fatal(err)
			}
			parts++
			named += len(r.Rules)
			if r.Part != parts || r.Parts != 3 || len(f.Body) > 60<<10 {
				t.Errorf("part %d of %d in place %d, %d bytes", r.Part, r.Parts, parts, len(f.Body))
			}
		}
	}
	if named != 120 {
		t.Errorf("%d rules are named, want 120", named)
	}
}
