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

const oneRefund = `      - refund: {payment: "${{ data.payment }}", amount: "${{ data.paid }}"}
`

// steps is a rule with other steps than one refund.
func steps(limits, list string) string {
	return set(strings.Replace(refundRule("r", "because", "live", limits), oneRefund, list, 1))
}

const twoPayments = `"bad":true,"order":1,"payment":"pi_1","other":"pi_2","paid":"5.00 USD"`

// parallel refunds two payments at once.
const parallel = `      - refund: {payment: "${{ data.payment }}", amount: "${{ data.paid }}"}
      - refund: {payment: "${{ data.other }}", amount: "${{ data.paid }}"}
        name: second
        after: none
`

// A step may wait for one that is written below it.
func TestStepWaitsForALaterOne(t *testing.T) {
	t.Parallel()
	list := `      - refund: {payment: "${{ data.payment }}", amount: "${{ data.paid }}"}
        after: andon
      - andon: {pull: "product/x", level: yellow, reason: bad}
        after: none
`
	s := newScene(t, steps("", list))
	wantDecision(t, s.send(0, order), decide.Act, "")
	if len(s.jobs) != 1 {
		t.Fatalf("%d refunds after the pull that they wait for, want 1", len(s.jobs))
	}
	one[decide.EndFact](t, s.settle(s.jobs[0], decide.Succeeded), decide.KindEnd)

	s = newScene(t, steps("", strings.Replace(parallel, `"${{ data.paid }}"}
`, `"${{ data.paid }}"}
        after: second
`, 1)))
	wantDecision(t, s.send(0, twoPayments), decide.Act, "")
	if end := one[decide.EndFact](t, s.settle(s.jobs[0], decide.Failed), decide.KindEnd); end.Status != decide.Failed {
		t.Errorf("it ended as %q", end.Status)
	}
}

// Two steps of one remedy that the provider blocks give back what they reserved
// once: a payment never has less than nothing refunded.
func TestTwoBlockedStepsReleaseOnce(t *testing.T) {
	t.Parallel()
	s := newScene(t, steps("", parallel))
	remedy := wantDecision(t, s.send(0, twoPayments), decide.Act, "")
	if len(s.jobs) != 2 {
		t.Fatalf("%d refunds, want 2", len(s.jobs))
	}
	s.settle(s.jobs[0], decide.Blocked)
	s.settle(s.jobs[1], decide.Blocked)
	for _, payment := range []string{"stripe:pi_1", "stripe:pi_2"} {
		if net, err := refundedOn(s.memory, payment, 1000); err != nil || len(net) != 0 {
			t.Errorf("after both were blocked, %v is refunded on %s (%v)", net, payment, err)
		}
	}
	s.answer("approve", remedy.Remedy, "bob", "approver")
	if len(s.jobs) != 4 {
		t.Fatalf("%d jobs after the approval, want 4", len(s.jobs))
	}
	// Both payments count as refunded again, so nobody else refunds them.
	wantDecision(t, s.send(0, strings.Replace(twoPayments, `"order":1`, `"order":2`, 1)), decide.Hold, decide.ReasonRefunded)
}

// What was denied stays denied, also when a step that ran beside the held one
// turns out to be blocked too.
func TestDeniedRemedyIsNotHeldAgain(t *testing.T) {
	t.Parallel()
	s := newScene(t, steps("", parallel))
	remedy := wantDecision(t, s.send(0, twoPayments), decide.Act, "")
	s.settle(s.jobs[0], decide.Blocked)
	s.answer("deny", remedy.Remedy, "bob", "approver")
	if end := one[decide.EndFact](t, s.settle(s.jobs[1], decide.Blocked), decide.KindEnd); end.Status != decide.Denied {
		t.Errorf("it ended as %q", end.Status)
	}
	for _, payment := range []string{"stripe:pi_1", "stripe:pi_2"} {
		if net, err := refundedOn(s.memory, payment, 1000); err != nil || len(net) != 0 {
			t.Errorf("after the denial, %v is refunded on %s (%v)", net, payment, err)
		}
	}
	// The budget is whole again too.
	wantDecision(t, s.send(0, strings.NewReplacer(`"order":1`, `"order":3`, "5.00 USD", "500.00 USD").Replace(twoPayments)), decide.Act, "")
}

// Who approves a remedy approves all of its steps, those that wait for others too.
func TestApprovalCoversLaterSteps(t *testing.T) {
	t.Parallel()
	s := newScene(t, steps("      approve_above: 1.00 USD\n", strings.Replace(parallel, "        after: none\n", "", 1)))
	held := wantDecision(t, s.send(0, twoPayments), decide.Hold, decide.ReasonApprove)
	s.answer("approve", held.Remedy, "bob", "approver")
	s.settle(s.jobs[0], decide.Succeeded)
	if len(s.jobs) != 2 || !s.jobs[0].Approved || !s.jobs[1].Approved {
		t.Fatalf("the jobs of an approved remedy are %+v", s.jobs)
	}
	// Blocked before all, approved for both payments: the same.
	s = newScene(t, steps("", strings.Replace(parallel, "        after: none\n", "", 1)))
	acting := wantDecision(t, s.send(0, twoPayments), decide.Act, "")
	s.settle(s.jobs[0], decide.Blocked)
	s.answer("approve", acting.Remedy, "bob", "approver")
	s.settle(s.jobs[1], decide.Succeeded)
	if len(s.jobs) != 3 || s.jobs[0].Approved || !s.jobs[1].Approved || !s.jobs[2].Approved {
		t.Fatalf("the jobs of a remedy approved late are %+v", s.jobs)
	}
}

// The oldest time that an event may have is older than any age.
func TestOldestEventIsHeld(t *testing.T) {
	t.Parallel()
	s := newScene(t, set(refundRule("r", "because", "live", "")))
	s.at += int64(20 * 365 * 24 * time.Hour)
	body := fmt.Sprintf(`{"specversion":"1.0","id":"old","source":"/test","type":"com.example.bad","customer":"c","time":"1680-01-01T00:00:00Z","data":{%s}}`, order)
	wantDecision(t, s.apply(input.Input{ID: "old", Kind: input.Event, At: s.at, Body: []byte(body)}), decide.Hold, decide.ReasonOld)
}

// An amount that no sum of several could hold is for a person to look at, and
// cannot be approved.
func TestHugeAmountIsHeld(t *testing.T) {
	t.Parallel()
	const most = "90071992547409.92 USD" // 2^53 cents
	s := newScene(t, steps("      approve_above: 1.00 USD\n", parallel))
	for _, paid := range []string{"92233720368547758.07 USD", strings.Replace(most, ".92", ".93", 1)} {
		r := wantDecision(t, s.send(0, strings.NewReplacer(`"order":1`, fmt.Sprintf(`"order":%q`, paid), "5.00 USD", paid).Replace(twoPayments)), decide.Hold, decide.ReasonError)
		if len(r.Steps) != 0 {
			t.Errorf("%s: the decision has %d steps", paid, len(r.Steps))
		}
	}
	wantDecision(t, s.send(0, strings.Replace(twoPayments, "5.00 USD", most, 1)), decide.Hold, decide.ReasonBudget)
}

// Texts of providers and people are bounded: what cannot be sealed would stop
// the service for ever.
func TestLongTextsAreCut(t *testing.T) {
	t.Parallel()
	s := newScene(t, set(refundRule("r", "because", "live", "      approve_above: 1.00 USD\n")))
	long := strings.Repeat("é", 40_000)
	held := wantDecision(t, s.send(0, order), decide.Hold, decide.ReasonApprove)
	facts := s.answer(long, held.Remedy, "bob", "approver")
	facts = append(facts, s.answer("approve", held.Remedy, long, "approver")...)
	o := decide.OutcomeBody{Action: s.jobs[0].Action, Remedy: held.Remedy}
	o.Status, o.Attempt, o.Code, o.Ref, o.SeenAt = decide.Retrying, 1, long, long, long
	facts = append(facts, s.apply(input.Input{ID: "out", Kind: input.Outcome, At: s.at, Body: encode(t, o)})...)
	o.Status = long
	facts = append(facts, s.apply(input.Input{ID: "odd", Kind: input.Outcome, At: s.at, Body: encode(t, o)})...)
	if len(facts) != 4 {
		t.Fatalf("%d facts, want 4", len(facts))
	}
	for _, f := range facts {
		if len(f.Body) > 16<<10 || !json.Valid(f.Body) || strings.Contains(string(f.Body), "\uFFFD") {
			t.Errorf("a fact %s has %d bytes: %.80s", f.Kind, len(f.Body), f.Body)
		}
	}
}

// The time of a limit may be made shorter and longer again: what was used within
// the longer one still counts, and what is given back is never more than that.
func TestEditedTimeOfABudget(t *testing.T) {
	t.Parallel()
	within := func(time string) string {
		return set(strings.Replace(refundRule("r", "because", "live", ""), "within: 1d", "within: "+time, 1))
	}
	s := newScene(t, within("30d"))
	wantDecision(t, s.send(0, numbered(1, "600.00 USD")), decide.Act, "")
	wantDecision(t, s.send(48*time.Hour, numbered(2, "300.00 USD")), decide.Act, "")
	s.activate(within("1h"))
	wantDecision(t, s.send(24*time.Hour, numbered(3, "50.00 USD")), decide.Act, "")
	s.activate(within("30d"))
	wantDecision(t, s.send(time.Hour, numbered(4, "50.01 USD")), decide.Hold, decide.ReasonBudget)
	wantDecision(t, s.send(0, numbered(5, "50.00 USD")), decide.Act, "")

	// A granule of thirty days is wider than a shorter limit: all of it counts.
	s = newScene(t, within("30d"))
	wantDecision(t, s.send(11*time.Hour, numbered(1, "600.00 USD")), decide.Act, "")
	s.activate(within("1h"))
	wantDecision(t, s.send(time.Minute, numbered(2, "400.01 USD")), decide.Hold, decide.ReasonBudget)

	// Used, forgotten, given back: nothing is left over.
	s = newScene(t, within("1h"))
	wantDecision(t, s.send(0, numbered(1, "1000.00 USD")), decide.Act, "")
	wantDecision(t, s.send(3*time.Hour, numbered(2, "1.00 USD")), decide.Act, "")
	s.activate(within("30d"))
	s.settle(s.jobs[0], decide.Failed)
	wantDecision(t, s.send(0, numbered(3, "999.01 USD")), decide.Hold, decide.ReasonBudget)
}
