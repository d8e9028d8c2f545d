package decide_test

import (
	"testing"
	"time"

	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/input"
	"github.com/makegood/makegood/remediator/money"
)

// see folds what was seen of a refund.
func (s *scene) see(b decide.SeenBody) []decide.Fact {
	s.t.Helper()
	s.n++
	b.Connector, b.By = "stripe", "webhook"
	return s.apply(input.Input{Kind: input.Seen, At: s.at, Body: encode(s.t, b)})
}

// of is the refund of a job, as the provider has it under both names of the payment.
func (s *scene) of(job decide.Job, n string, minor int64, status string) decide.SeenBody {
	return decide.SeenBody{Ref: "re_" + n, Payments: []string{"pi_" + n, "ch_" + n}, Action: job.Action, Remedy: job.Remedy,
		Status: status, Amount: money.Money{Minor: minor, Currency: "USD"}}
}

func byHand(n, payment string, minor int64, status string) decide.SeenBody {
	return decide.SeenBody{Ref: "re_hand_" + n, Payments: []string{payment}, Status: status, Amount: money.Money{Minor: minor, Currency: "USD"}}
}

// accepted is what the worker says of a refund that the provider took on.
func (s *scene) accepted(job decide.Job, ref, status string) []decide.Fact {
	s.t.Helper()
	s.n++
	o := decide.OutcomeBody{Action: job.Action, Remedy: job.Remedy}
	o.Status, o.Attempt, o.Ref = status, 1, ref
	return s.apply(input.Input{Kind: input.Outcome, At: s.at, Body: encode(s.t, o)})
}

// refundedOn asks for one payment.
func refundedOn(m decide.Memory, payment string, before uint64) ([]money.Money, error) {
	refunded, err := m.Refunded([]string{payment}, before)
	return refunded[payment], err
}

func (s *scene) wantRefunded(payment string, minor int64) {
	s.t.Helper()
	got, err := refundedOn(s.memory, "stripe:"+payment, 1<<60)
	if err != nil {
		s.t.Fatal(err)
	}
	var sum int64
	for _, m := range got {
		sum += m.Minor
	}
	if sum != minor {
		s.t.Errorf("refunded on %s are %d, want %d", payment, sum, minor)
	}
}

const seenRules = `rules:
  - rule: bad
    owner: test
    why: It was bad.
    event: com.example.bad
    once_per: data.thing
    do: [{refund: {payment: "${{ data.payment }}", amount: "${{ data.paid }}"}}]
    limits: {per_remedy: 10.00 USD, budget: {amount: 10.00 USD, within: 1d}}
    account: "1"
    mode: live
`

func bad(thing, payment, paid string) string {
	return `"thing":"` + thing + `","payment":"` + payment + `","paid":"` + paid + `"`
}

func refunding(t *testing.T) (*scene, decide.Job) {
	t.Helper()
	s := newScene(t, seenRules)
	s.send(time.Minute, bad("1", "pi_1", "8.00 USD"))
	return s, s.job()
}

// TestArrivalOfARefund holds that one that was pending arrives once, however often
// and in whatever order it is seen.
func TestArrivalOfARefund(t *testing.T) {
	t.Parallel()
	s, job := refunding(t)
	s.accepted(job, "re_1", decide.Pending)
	if f := one[decide.SeenFact](t, s.see(s.of(job, "1", 800, decide.Succeeded)), decide.KindSeen); f.Status != decide.Succeeded || f.Foreign || f.Late {
		t.Errorf("sealed is %+v", f)
	}
	for _, again := range []string{decide.Succeeded, decide.Pending, decide.Succeeded} {
		if facts := s.see(s.of(job, "1", 800, again)); len(facts) != 0 {
			t.Errorf("%s seen again gave %s", again, kinds(facts))
		}
	}
	s.wantRefunded("pi_1", 800)
	s.wantRefunded("ch_1", 800) // the same payment by its other name
}

// TestFailedAfterArrival holds what follows when a bank sends the money back: the
// remedy has failed, its payment is as if nothing had been refunded, and its limits
// are free for others.
func TestFailedAfterArrival(t *testing.T) {
	t.Parallel()
	s, job := refunding(t)
	s.accepted(job, "re_1", decide.Succeeded)
	hold := one[decide.RemedyFact](t, s.send(time.Minute, bad("2", "pi_2", "3.00 USD")), decide.KindRemedy)
	if hold.Decision != decide.Hold || hold.Reason != decide.ReasonBudget {
		t.Fatalf("the budget is used up, decided was %s for %s", hold.Decision, hold.Reason)
	}
	facts := s.see(s.of(job, "1", 800, decide.Failed))
	if f := one[decide.SeenFact](t, facts, decide.KindSeen); !f.Late || f.Status != decide.Failed {
		t.Errorf("sealed is %+v", f)
	}
	if end := one[decide.EndFact](t, facts, decide.KindEnd); end.Status != decide.FailedAfterArrival {
		t.Errorf("it ended as %s", end.Status)
	}
	for _, again := range []string{decide.Failed, decide.Succeeded, decide.Pending} {
		if facts := s.see(s.of(job, "1", 800, again)); len(facts) != 0 {
			t.Errorf("%s seen afterwards gave %s", again, kinds(facts))
		}
	}
	s.wantRefunded("pi_1", 0)
	s.wantRefunded("ch_1", 0)
	acts := one[decide.RemedyFact](t, s.send(time.Minute, bad("3", "pi_3", "9.00 USD")), decide.KindRemedy)
	if acts.Decision != decide.Act {
		t.Errorf("the budget is free again, decided was %s for %s", acts.Decision, acts.Reason)
	}
}

// TestPendingThatFails holds the same for money that never arrived.
func TestPendingThatFails(t *testing.T) {
	t.Parallel()
	s, job := refunding(t)
	s.accepted(job, "re_1", decide.Pending)
	facts := s.see(s.of(job, "1", 800, decide.Failed))
	if f := one[decide.SeenFact](t, facts, decide.KindSeen); f.Late {
		t.Errorf("it never arrived: %+v", f)
	}
	if end := one[decide.EndFact](t, facts, decide.KindEnd); end.Status != decide.Failed {
		t.Errorf("it ended as %s", end.Status)
	}
	s.wantRefunded("pi_1", 0)
}

// TestSeenBeforeItsOutcome holds that a refund which is seen before its worker could
// say so is settled by that, once.
func TestSeenBeforeItsOutcome(t *testing.T) {
	t.Parallel()
	for _, status := range []string{decide.Pending, decide.Succeeded, decide.Failed} {
		s, job := refunding(t)
		facts := s.see(s.of(job, "1", 800, status))
		if a := one[decide.ActionFact](t, facts, decide.KindAction); a.Status != status || a.Ref != "re_1" || count(facts, decide.KindSeen) != 0 {
			t.Errorf("%s: sealed is %+v", status, a)
		}
		if len(s.last.Settled) != 1 || s.last.Settled[0] != job.Action {
			t.Errorf("%s: settled are %v", status, s.last.Settled)
		}
		if facts := s.accepted(job, "re_1", decide.Succeeded); len(facts) != 0 {
			t.Errorf("%s: the outcome after it gave %s", status, kinds(facts))
		}
		want := int64(800)
		if status == decide.Failed {
			want = 0
		}
		s.wantRefunded("pi_1", want)
		if facts := s.see(s.of(job, "1", 800, status)); len(facts) != 0 {
			t.Errorf("%s: seen again gave %s", status, kinds(facts))
		}
		s.wantRefunded("pi_1", want)
	}
}

// TestRefundByHand holds that a remedy on a payment that somebody refunded at the
// provider is held, until that refund has failed.
func TestRefundByHand(t *testing.T) {
	t.Parallel()
	s := newScene(t, seenRules)
	if f := one[decide.SeenFact](t, s.see(byHand("1", "pi_1", 200, decide.Succeeded)), decide.KindSeen); !f.Foreign {
		t.Errorf("sealed is %+v", f)
	}
	if r := one[decide.RemedyFact](t, s.send(time.Minute, bad("1", "pi_1", "3.00 USD")), decide.KindRemedy); r.Decision != decide.Hold || r.Reason != decide.ReasonRefunded {
		t.Errorf("decided was %s for %s", r.Decision, r.Reason)
	}
	if facts := s.see(byHand("1", "pi_1", 200, decide.Pending)); len(facts) != 0 {
		t.Errorf("an older view gave %s", kinds(facts))
	}
	s.wantRefunded("pi_1", 200)
	facts := s.see(byHand("1", "pi_1", 200, decide.Failed))
	if count(facts, decide.KindSeen) != 1 || count(facts, decide.KindEnd) != 0 {
		t.Errorf("it failed: %s", kinds(facts))
	}
	s.wantRefunded("pi_1", 0)
	if r := one[decide.RemedyFact](t, s.send(time.Minute, bad("2", "pi_1", "3.00 USD")), decide.KindRemedy); r.Decision != decide.Act {
		t.Errorf("decided was %s for %s", r.Decision, r.Reason)
	}
	// One that had failed before anybody saw it counts for nothing, also when an
	// older view of it comes after.
	s.see(byHand("2", "pi_7", 200, decide.Failed))
	s.see(byHand("2", "pi_7", 200, decide.Succeeded))
	s.wantRefunded("pi_7", 0)
}

// TestCancelledRefundIsTakenBackOnce holds that a reversal and the provider's word of
// it take a refund away once, whichever comes first.
func TestCancelledRefundIsTakenBackOnce(t *testing.T) {
	t.Parallel()
	for _, seenFirst := range []bool{true, false} {
		s, job := refunding(t)
		decided := one[decide.RemedyFact](t, s.facts, decide.KindRemedy)
		s.accepted(job, "re_1", decide.Pending)
		s.see(s.of(job, "1", 800, decide.Pending)) // learns the other name
		asked, _ := s.done(time.Minute, reverses(agent("ann"), decided, decided.Steps[0].Name))
		s.done(time.Minute, approves("bob", asked.Remedy))
		reverse := s.job()
		if seenFirst {
			s.see(s.of(job, "1", 800, decide.Failed))
		}
		if facts := s.accepted(reverse, "re_1", decide.Succeeded); count(facts, decide.KindAction) != 1 {
			t.Fatalf("reversed was %s", kinds(facts))
		}
		if !seenFirst {
			if facts := s.see(s.of(job, "1", 800, decide.Failed)); len(facts) != 0 {
				t.Errorf("the word of what was known gave %s", kinds(facts))
			}
		}
		s.wantRefunded("pi_1", 0)
		s.wantRefunded("ch_1", 0)
	}
}

// TestSeenNonsense holds that what no refund can be changes nothing, and that the
// mark of another remedy's action does not settle it.
func TestSeenNonsense(t *testing.T) {
	t.Parallel()
	s, job := refunding(t)
	right := s.of(job, "1", 800, decide.Succeeded)
	for name, spoil := range map[string]func(*decide.SeenBody){
		"no reference":  func(b *decide.SeenBody) { b.Ref = "" },
		"no payment":    func(b *decide.SeenBody) { b.Payments = nil },
		"empty payment": func(b *decide.SeenBody) { b.Payments = []string{""} },
		"no status":     func(b *decide.SeenBody) { b.Status = "unknown" },
		"nothing":       func(b *decide.SeenBody) { b.Amount.Minor = 0 },
		"below zero":    func(b *decide.SeenBody) { b.Amount.Minor = -1 },
		"too much":      func(b *decide.SeenBody) { b.Amount.Minor = 1<<63 - 1 },
		"no currency":   func(b *decide.SeenBody) { b.Amount.Currency = "" },
	} {
		b := right
		spoil(&b)
		if facts := s.see(b); len(facts) != 0 {
			t.Errorf("%s: sealed was %s", name, kinds(facts))
		}
	}
	other := right
	other.Payments = []string{"pi_other"}
	if f := one[decide.SeenFact](t, s.see(other), decide.KindSeen); !f.Foreign {
		t.Errorf("a refund of another payment with our mark: %+v", f)
	}
	if len(s.last.Settled) != 0 {
		t.Error("it settled our action")
	}
}
