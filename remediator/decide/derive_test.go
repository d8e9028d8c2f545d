package decide_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/input"
)

func inputOf(t *testing.T, id string, at int64, c decide.CommandBody) input.Input {
	t.Helper()
	return input.Input{ID: id, Kind: input.Command, At: at, Body: encode(t, c)}
}

// origin is a remedy as the API reads it from the ledger, with the steps that
// are to be done or undone.
func origin(r decide.RemedyFact, steps ...string) *decide.Origin {
	o := &decide.Origin{Rule: r.Rule, Account: r.Account, Customer: r.Customer, Subject: r.Subject, Charged: r.Charged}
	for _, s := range r.Steps {
		for _, name := range steps {
			if s.Name == name {
				o.Steps = append(o.Steps, s)
			}
		}
	}
	return o
}

func retries(c decide.CommandBody, r decide.RemedyFact, steps ...string) decide.CommandBody {
	c.Command, c.Remedy, c.Of, c.Reason = decide.CommandRetry, r.Remedy, origin(r, steps...), "the card works again"
	return c
}

func reverses(c decide.CommandBody, r decide.RemedyFact, steps ...string) decide.CommandBody {
	c = retries(c, r, steps...)
	c.Command, c.Reason = decide.CommandReverse, "it was a prank"
	return c
}

// job is the newest job.
func (s *scene) job() decide.Job {
	s.t.Helper()
	if len(s.jobs) == 0 {
		s.t.Fatal("there is no job")
	}
	return s.jobs[len(s.jobs)-1]
}

// failing makes a remedy of rule r, and has it fail.
func failing(t *testing.T, limits string) (*scene, decide.RemedyFact) {
	t.Helper()
	s := newScene(t, set(refundRule("r", "because", "live", limits)))
	r := s.sends(1, decide.Act, "")
	s.settle(s.job(), decide.Failed)
	return s, r
}

func TestRetryOfWhatFailed(t *testing.T) {
	t.Parallel()
	s, r := failing(t, "")
	a, facts := s.done(0, retries(operator("bob"), r, "refund"))
	again := wantDecision(t, facts, decide.Act, "")
	if again.Rule != decide.RuleRetry || again.Of != r.Remedy || again.RequestedBy != "bob" || again.Account != r.Account || again.Customer != r.Customer ||
		again.Remedy == r.Remedy || again.Steps[0].Action == r.Steps[0].Action || again.Steps[0].Of != uuid.Nil {
		t.Errorf("the remedy is %+v", again)
	}
	if job := s.job(); a.Status != "acting" || a.Remedy != again.Remedy || job.Action != again.Steps[0].Action || job.Rule != "r" {
		t.Errorf("the answer is %+v, the job %+v", a, s.job())
	}
	if b := s.refused("asked for before", retries(operator("cem"), r, "refund")); b.Remedy != a.Remedy {
		t.Errorf("the second answer is %+v", b)
	}
	s.settle(s.job(), decide.Succeeded)
	s.refused("asked for before", retries(operator("cem"), r, "refund"))
	// The payment counts as refunded.
	wantDecision(t, s.send(0, `"bad":true,"order":9,"payment":"pi_1","paid":"5.00 USD"`), decide.Hold, decide.ReasonRefunded)
}

func TestRetryGoesThroughTheLimits(t *testing.T) {
	t.Parallel()
	s, r := failing(t, "")
	s.send(0, numbered(2, "996.00 USD"))
	a, facts := s.done(0, retries(operator("bob"), r, "refund"))
	s.wantHeld(a, facts, decide.ReasonBudget)
	s.refused("who asked", approves("bob", a.Remedy))
	s.refused("who activated", approves("ann", a.Remedy))
	s.done(0, approves("cem", a.Remedy))
	s.sends(3, decide.Hold, decide.ReasonBudget) // it was charged all the same

	s, r = failing(t, "      per_customer: {remedies: 1, within: 1d}\n")
	s.done(0, retries(operator("bob"), r, "refund"))
	s.sends(2, decide.Hold, decide.ReasonPerCustomer) // the retry counts for the rule

	s, r = failing(t, "")
	s.send(0, `"bad":true,"order":9,"payment":"pi_1","paid":"5.00 USD"`)
	a, facts = s.done(0, retries(operator("bob"), r, "refund"))
	s.wantHeld(a, facts, decide.ReasonRefunded)

	s, r = failing(t, "")
	s.done(0, pauses(operator("ann"), decide.TargetRule("r")))
	a, facts = s.done(0, retries(operator("bob"), r, "refund"))
	s.wantHeld(a, facts, decide.ReasonPaused)

	s, r = failing(t, "      over: suppress\n")
	s.send(0, numbered(2, "1000.00 USD"))
	if a, facts = s.done(0, retries(operator("bob"), r, "refund")); a.Status != decide.Suppress {
		t.Errorf("the answer is %+v, the facts %s", a, kinds(facts))
	}
	s.at += 2 * 24 * 3600e9 // suppressed it took no key
	if a, _ = s.done(0, retries(operator("bob"), r, "refund")); a.Status != "acting" {
		t.Errorf("the answer is %+v", a)
	}
}

// A retry of a retry is decided as the first one: within the limits of the rule that the
// first remedy came from, and it counts for them.
func TestRetryOfARetry(t *testing.T) {
	t.Parallel()
	s, r := failing(t, "      per_customer: {remedies: 1, within: 1d}\n")
	for range 3 {
		_, facts := s.done(0, retries(operator("bob"), r, "refund"))
		r = wantDecision(t, facts, decide.Act, "")
		if r.Rule != decide.RuleRetry || r.Charged != "r" {
			t.Errorf("the remedy is of rule %s and counts for %q", r.Rule, r.Charged)
		}
		s.settle(s.job(), decide.Failed)
	}
	_, facts := s.done(0, retries(operator("bob"), r, "refund"))
	wantDecision(t, facts, decide.Act, "")
	s.sends(2, decide.Hold, decide.ReasonPerCustomer)
}

// Without its rule in force there is no limit: another person looks.
func TestRetryWithoutItsRuleIsHeld(t *testing.T) {
	t.Parallel()
	for _, rules := range []string{set(refundRule("else", "because", "live", "")), set(refundRule("r", "because", "shadow", ""))} {
		s, r := failing(t, "")
		s.activate(rules)
		a, facts := s.done(0, retries(operator("bob"), r, "refund"))
		s.wantHeld(a, facts, decide.ReasonApprove)
		s.done(0, approves("cem", a.Remedy))
		s.settle(s.job(), decide.Failed)
		// So is the retry of a retry.
		var again decide.RemedyFact
		if err := json.Unmarshal(facts[0].Body, &again); err != nil {
			t.Fatal(err)
		}
		b, facts := s.done(0, retries(operator("bob"), again, "refund"))
		s.wantHeld(b, facts, decide.ReasonApprove)
	}
}

// Credit has no payment that would show that it was given: the keys alone keep it
// from being given twice.
func TestRetryOfOneActionAndOfAll(t *testing.T) {
	t.Parallel()
	two := `      - credit: {customer: "${{ event.customer }}", amount: 1.00 USD, name: first, expires: 30d}
      - credit: {customer: "${{ event.customer }}", amount: 2.00 USD, name: second}
        after: none
`
	failed := func() (*scene, decide.RemedyFact) {
		s := newScene(t, steps("", two))
		r := wantDecision(t, s.send(0, order), decide.Act, "")
		s.settle(s.jobs[0], decide.Failed)
		s.settle(s.jobs[1], decide.Failed)
		return s, r
	}
	alone := func(r decide.RemedyFact, name string, steps ...string) decide.CommandBody {
		c := retries(operator("bob"), r, steps...)
		for _, s := range r.Steps {
			if s.Name == name {
				c.Action = s.Action
			}
		}
		return c
	}
	s, r := failed()
	_, facts := s.done(0, retries(operator("bob"), r, "first", "second"))
	again := wantDecision(t, facts, decide.Act, "")
	if len(again.Steps) != 2 || again.Steps[0].ExpiresS != 30*24*3600 || again.Steps[0].Customer != "c-1" {
		t.Errorf("the steps are %+v", again.Steps)
	}
	s.refused("asked for before", alone(r, "first", "first"))
	s.refused("asked for before", alone(r, "second", "first", "second"))

	s, r = failed()
	_, facts = s.done(0, alone(r, "second", "first", "second"))
	if again := wantDecision(t, facts, decide.Act, ""); len(again.Steps) != 1 || again.Steps[0].Name != "second" {
		t.Errorf("the steps are %+v", again.Steps)
	}
	s.refused("asked for before", retries(operator("bob"), r, "first", "second"))
	s.refused("asked for before", alone(r, "second", "second"))
	s.done(0, alone(r, "first", "first"))
	s.refused("nothing of this remedy", alone(r, "first", "second"))
	if len(s.jobs) != 4 {
		t.Errorf("%d jobs, want 4", len(s.jobs))
	}
}

// What moves no money is repeated as often as somebody asks, each under its own key.
func TestRetryOfWhatMovesNoMoney(t *testing.T) {
	t.Parallel()
	s, r := failing(t, "")
	tell := decide.Step{Action: uuid.UUID{7}, Name: "tell", Kind: "notify", Connector: "notify", After: "refund"}
	r.Steps = append(r.Steps, tell)
	actions := map[uuid.UUID]bool{}
	for range 3 {
		_, facts := s.done(0, retries(operator("bob"), r, "tell"))
		again := wantDecision(t, facts, decide.Act, "")
		if again.Steps[0].After != "" {
			t.Errorf("it waits for %q, which is not there", again.Steps[0].After)
		}
		actions[s.job().Action] = true
	}
	if len(actions) != 3 {
		t.Errorf("%d actions, want 3", len(actions))
	}
	_, facts := s.done(0, retries(operator("bob"), r, "refund", "tell"))
	if again := wantDecision(t, facts, decide.Act, ""); again.Steps[1].After != "refund" {
		t.Errorf("the steps are %+v", again.Steps)
	}
	s.refused("asked for before", retries(operator("bob"), r, "refund", "tell"))
	// One that pulls is done at once, and says so.
	r.Steps = []decide.Step{{Action: uuid.UUID{8}, Name: "andon", Kind: "andon", Cord: table, Level: "red"}}
	if a, _ := s.done(0, retries(operator("bob"), r, "andon")); a.Status != decide.Done {
		t.Errorf("the answer is %+v", a)
	}
	s.wantLevel(table, "red")
	if b := s.last.Brakes; len(b) != 1 || b[0].By == "bob" {
		t.Errorf("the brakes are %+v", b)
	}
}

func TestRetryOfWhatNobodyKnows(t *testing.T) {
	t.Parallel()
	s := newScene(t, set(refundRule("r", "because", "live", "      approve_above: 100.00 USD\n")))
	r := s.sends(1, decide.Act, "")
	c := retries(operator("bob"), r)
	s.refused("none of its actions", c) // it was not even tried
	for _, status := range []string{decide.Unknown, decide.Retrying} {
		s.settle(s.jobs[0], status)
		a, facts := s.done(0, c)
		if f := one[decide.RetryFact](t, facts, decide.KindRetry); f.By != "bob" || a.Status != "acting" || len(s.said("note")) != 1 {
			t.Errorf("the retry is %+v, the answer %+v", f, a)
		}
		if s.job() != s.jobs[0] && s.job().Action != s.jobs[0].Action || len(s.last.Settled) != 1 || len(s.last.Outbox) != 1 {
			t.Errorf("the job is %+v, settled %v", s.job(), s.last.Settled)
		}
	}
	other := c
	other.Action = uuid.UUID{3}
	s.refused("none of its actions", other)
	s.settle(s.jobs[0], decide.Succeeded)
	c.Of = nil
	s.refused("nothing of this remedy", c)
	s.refused("nothing of this remedy", decide.CommandBody{Command: decide.CommandRetry, By: "bob", Roles: c.Roles})
	held := s.sends(2000, decide.Act, "")
	s.settle(s.job(), decide.Blocked)
	s.refused("approve or deny", retries(operator("bob"), held))
}

// credited makes a remedy of a refund and a credit, both done.
func credited(t *testing.T) (*scene, decide.RemedyFact) {
	t.Helper()
	list := oneRefund + `      - credit: {customer: "${{ event.customer }}", amount: 1.00 USD}
`
	s := newScene(t, steps("      per_customer: {remedies: 1, within: 30d}\n", list))
	r := wantDecision(t, s.send(0, order), decide.Act, "")
	s.settle(s.job(), decide.Pending)
	s.settle(s.job(), decide.Succeeded)
	return s, r
}

func TestReversal(t *testing.T) {
	t.Parallel()
	s, r := credited(t)
	c := reverses(agent("bob"), r, "refund", "credit")
	silent := c
	silent.Reason = ""
	s.refused("say why", silent)
	s.refused("nothing of this remedy", reverses(agent("bob"), r))
	a, facts := s.done(0, c)
	s.wantHeld(a, facts, decide.ReasonApprove)
	undo := wantDecision(t, facts, decide.Hold, decide.ReasonApprove)
	if undo.Rule != decide.RuleReverse || undo.Of != r.Remedy || len(undo.Steps) != 2 || undo.Account != r.Account {
		t.Errorf("the reversal is %+v", undo)
	}
	for i, step := range undo.Steps {
		of := r.Steps[i]
		if step.Kind != decide.KindOfReverse || step.Name != "reverse-"+of.Name || step.Of != of.Action || step.Connector != of.Connector ||
			*step.Amount != *of.Amount || step.Payment != of.Payment || step.Customer != of.Customer || step.After != "" {
			t.Errorf("the step is %+v, of %+v", step, of)
		}
	}
	s.refused("asked for before", c)
	s.refused("who asked", approves("bob", a.Remedy))
	before := len(s.jobs)
	s.done(0, approves("cem", a.Remedy)) // at once: that it was refunded is the point
	if len(s.jobs) != before+2 || s.job().Kind != decide.KindOfReverse {
		t.Fatalf("the jobs are %+v", s.jobs[before:])
	}
	if facts := s.settle(s.jobs[before], decide.Succeeded); count(facts, decide.KindEnd) != 0 {
		t.Errorf("half undone it ended: %s", kinds(facts))
	}
	facts = s.settle(s.jobs[before+1], decide.Succeeded)
	ends := map[uuid.UUID]string{}
	for _, f := range facts {
		if f.Kind == decide.KindEnd {
			var end decide.EndFact
			if err := json.Unmarshal(f.Body, &end); err != nil {
				t.Fatal(err)
			}
			ends[f.Remedy] += end.Status + " of " + f.Rule
		}
	}
	if len(ends) != 2 || ends[a.Remedy] != "done of "+decide.RuleReverse || ends[r.Remedy] != "reversed of r" {
		t.Errorf("the ends are %v", ends)
	}
	if net, err := refundedOn(s.memory, "stripe:pi_1", 1000); err != nil || len(net) != 0 {
		t.Errorf("after the reversal %v is refunded (%v)", net, err)
	}
	s.refused("asked for before", c)
	// The limits are as they were: the customer had their one remedy.
	wantDecision(t, s.send(0, strings.Replace(order, "77", "78", 1)), decide.Hold, decide.ReasonPerCustomer)
}

func TestReversalThatIsNotDone(t *testing.T) {
	t.Parallel()
	s, r := credited(t)
	a, _ := s.done(0, reverses(agent("bob"), r, "refund"))
	if d, _ := s.done(0, denies("cem", a.Remedy)); d.Status != decide.Denied {
		t.Errorf("the denial is %+v", d)
	}
	s.refused("asked for before", reverses(agent("bob"), r, "refund"))
	net, err := refundedOn(s.memory, "stripe:pi_1", 1000)
	if err != nil || len(net) != 1 || net[0] != *usd(500) {
		t.Errorf("after the denial %v is refunded (%v)", net, err)
	}

	s, r = credited(t)
	_, facts := s.done(0, reverses(agent("bob"), r, "refund"))
	undo := wantDecision(t, facts, decide.Hold, decide.ReasonApprove)
	s.done(0, approves("cem", undo.Remedy))
	facts = s.settle(s.job(), decide.Failed)
	if end := one[decide.EndFact](t, facts, decide.KindEnd); end.Status != decide.Failed {
		t.Errorf("it ended as %s", end.Status)
	}
	if net, _ := refundedOn(s.memory, "stripe:pi_1", 1000); len(net) != 1 || net[0] != *usd(500) {
		t.Errorf("after the failure %v is refunded", net)
	}
	s.refused("asked for before", reverses(agent("bob"), r, "refund"))
	// Tried again it reverses what the first one was to reverse.
	c := retries(operator("bob"), undo, "reverse-refund")
	c.Of.Reverses = r.Remedy
	a, facts = s.done(0, c)
	s.wantHeld(a, facts, decide.ReasonApprove)
	s.done(0, approves("cem", a.Remedy))
	facts = s.settle(s.job(), decide.Succeeded)
	reversed := false
	for _, f := range facts {
		reversed = reversed || f.Kind == decide.KindEnd && f.Remedy == r.Remedy && strings.Contains(string(f.Body), decide.Reversed)
	}
	if !reversed {
		t.Errorf("the facts are %s", kinds(facts))
	}
	if net, _ := refundedOn(s.memory, "stripe:pi_1", 1000); len(net) != 0 {
		t.Errorf("after the second try %v is refunded", net)
	}
}

// A reversal that was skipped reversed nothing.
func TestSkippedReversal(t *testing.T) {
	t.Parallel()
	s, r := credited(t)
	a, _ := s.done(0, reverses(agent("bob"), r, "credit"))
	s.done(0, approves("cem", a.Remedy))
	if end := one[decide.EndFact](t, s.settle(s.job(), decide.Skipped), decide.KindEnd); end.Status != decide.Done {
		t.Errorf("it ended as %s", end.Status)
	}
}

// A reversal takes back what was given while the money and the rule are stopped
// too, once another person agreed; what is still open is denied, not reversed.
func TestReversalOfWhatIsOpen(t *testing.T) {
	t.Parallel()
	s := newScene(t, set(refundRule("r", "because", "live", "")))
	r := s.sends(1, decide.Act, "")
	s.refused("has not ended", reverses(agent("bob"), r, "refund"))
	s.settle(s.job(), decide.Pending)
	s.done(0, pauses(operator("ann"), decide.TargetMoney))
	s.done(0, pauses(operator("ann"), decide.TargetRule("r")))
	s.done(0, pulls(operator("ann"), "rule/r", "red"))
	a, facts := s.done(0, reverses(agent("bob"), r, "refund"))
	s.wantHeld(a, facts, decide.ReasonApprove)
	s.done(0, approves("cem", a.Remedy))
	if job := s.job(); job.Rule != decide.RuleReverse || job.Kind != decide.KindOfReverse {
		t.Errorf("the job is %+v", job)
	}
}

// An approval after a denial, of what runs on beside what was denied.
func TestAnswersAfterTheAnswer(t *testing.T) {
	t.Parallel()
	s := newScene(t, steps("", parallel))
	r := wantDecision(t, s.send(0, twoPayments), decide.Act, "")
	s.refused("not waiting", approves("cem", r.Remedy))
	s.settle(s.jobs[0], decide.Blocked)
	if a, _ := s.done(0, denies("cem", r.Remedy)); a.Status != decide.Denied {
		t.Errorf("the denial is %+v", a)
	}
	for _, c := range []decide.CommandBody{approves("dee", r.Remedy), denies("dee", r.Remedy)} {
		if a := s.refused("not waiting", c); a.Status != decide.Denied {
			t.Errorf("the answer is %+v", a)
		}
	}
	if end := one[decide.EndFact](t, s.settle(s.jobs[1], decide.Succeeded), decide.KindEnd); end.Status != decide.Denied {
		t.Errorf("it ended as %s", end.Status)
	}
	s.refused("no open remedy", approves("dee", r.Remedy))
}
