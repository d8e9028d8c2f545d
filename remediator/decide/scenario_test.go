package decide_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/input"
	"github.com/makegood/makegood/remediator/rule"
)

// scene folds a small log by hand.
type scene struct {
	t      *testing.T
	fold   *decide.Fold
	memory *decide.RAM
	n      int
	at     int64
	jobs   []decide.Job
	facts  []decide.Fact
	last   *decide.Output // of the newest input

	evidence []decide.Evidence
}

func newScene(t *testing.T, rules string) *scene {
	t.Helper()
	s := &scene{t: t, memory: decide.NewMemory(), at: start}
	s.fold = decide.New(decide.Config{Memory: s.memory})
	s.apply(genesis(t))
	s.activate(rules)
	return s
}

func (s *scene) apply(in input.Input) []decide.Fact {
	s.t.Helper()
	out, err := s.fold.Apply([]input.Input{in})
	if err != nil {
		s.t.Fatal(err)
	}
	s.memory.Commit(out)
	s.last = out
	s.jobs = append(s.jobs, out.Outbox...)
	var facts []decide.Fact
	for _, item := range out.Items {
		if item.Fact != nil {
			facts = append(facts, *item.Fact)
		} else {
			s.evidence = append(s.evidence, *item.Evidence)
		}
	}
	s.facts = append(s.facts, facts...)
	return facts
}

func (s *scene) activate(rules string) {
	s.t.Helper()
	s.n++
	in := activation(s.t, fmt.Sprintf("activate-%d", s.n), []rule.File{{Path: "r.yaml", Text: rules}})
	in.At = s.at
	for _, f := range s.apply(in) {
		if f.Kind == decide.KindRefusal {
			s.t.Fatalf("the rules were refused: %s\n%s", f.Body, rules)
		}
	}
}

// send folds an event whose data is given as JSON members, after a while.
func (s *scene) send(after time.Duration, data string) []decide.Fact {
	s.t.Helper()
	s.n++
	return s.sendID(after, fmt.Sprintf("ev-%d", s.n), `"customer":"c-1",`, data)
}

func (s *scene) sendID(after time.Duration, id, attributes, data string) []decide.Fact {
	s.t.Helper()
	s.n++
	s.at += int64(after)
	body := fmt.Sprintf(`{"specversion":"1.0","id":%q,"source":"/test","type":"com.example.bad",%s"time":%q,"data":{%s}}`,
		id, attributes, time.Unix(0, s.at).UTC().Format(time.RFC3339Nano), data)
	return s.apply(input.Input{ID: fmt.Sprintf("in-%d", s.n), Kind: input.Event, At: s.at, Body: []byte(body)})
}

func (s *scene) answer(command string, remedy uuid.UUID, by string, roles ...string) []decide.Fact {
	s.t.Helper()
	s.n++
	return s.apply(input.Input{ID: fmt.Sprintf("cmd-%d", s.n), Kind: input.Command, At: s.at,
		Body: encode(s.t, decide.CommandBody{Command: command, Remedy: remedy, By: by, Roles: roles})})
}

func (s *scene) settle(job decide.Job, status string) []decide.Fact {
	s.t.Helper()
	s.n++
	o := decide.OutcomeBody{Action: job.Action, Remedy: job.Remedy}
	o.Status, o.Attempt = status, 1
	return s.apply(input.Input{ID: fmt.Sprintf("out-%d", s.n), Kind: input.Outcome, At: s.at, Body: encode(s.t, o)})
}

// one returns the only fact of a kind and decodes its body.
func one[T any](t *testing.T, facts []decide.Fact, kind string) T {
	t.Helper()
	var body T
	found := 0
	for _, f := range facts {
		if f.Kind == kind {
			found++
			if err := json.Unmarshal(f.Body, &body); err != nil {
				t.Fatal(err)
			}
		}
	}
	if found != 1 {
		t.Fatalf("%d facts %q, want 1: %s", found, kind, kinds(facts))
	}
	return body
}

func kinds(facts []decide.Fact) string {
	var names []string
	for _, f := range facts {
		names = append(names, f.Kind+" "+string(f.Body))
	}
	return strings.Join(names, "\n")
}

func refundRule(name, why, mode, extra string) string {
	return fmt.Sprintf(`  - rule: %s
    owner: shop
    why: %s
    event: com.example.bad
    if: data.bad
    once_per: data.order
    do:
      - refund: {payment: "${{ data.payment }}", amount: "${{ data.paid }}"}
    limits:
      budget: {amount: 1000.00 USD, within: 1d}
%s    account: "1"
    mode: %s
`, name, why, extra, mode)
}

func set(rules ...string) string { return "rules:\n" + strings.Join(rules, "\n") }

const order = `"bad":true,"order":77,"payment":"pi_1","paid":"5.00 USD"`

func decision(t *testing.T, facts []decide.Fact) (string, string) {
	t.Helper()
	r := one[decide.RemedyFact](t, facts, decide.KindRemedy)
	return r.Decision, r.Reason
}

func wantDecision(t *testing.T, facts []decide.Fact, decision, reason string) decide.RemedyFact {
	t.Helper()
	r := one[decide.RemedyFact](t, facts, decide.KindRemedy)
	if r.Decision != decision || r.Reason != reason {
		t.Fatalf("decision is %q for %q, want %q for %q", r.Decision, r.Reason, decision, reason)
	}
	return r
}

// The next tests hold that no edit of the rules pays a key twice.

func TestEditingWhyPaysNothingTwice(t *testing.T) {
	t.Parallel()
	s := newScene(t, set(refundRule("r", "because", "live", "")))
	wantDecision(t, s.send(0, order), decide.Act, "")
	s.activate(set(refundRule("r", "for another reason", "live", "")))
	one[decide.DuplicateFact](t, s.send(time.Hour, order), decide.KindDuplicate)
}

func TestRenamingInScopePaysNothingTwice(t *testing.T) {
	t.Parallel()
	s := newScene(t, set(refundRule("old", "because", "live", "")))
	wantDecision(t, s.send(0, order), decide.Act, "")
	renamed := strings.Replace(refundRule("new", "because", "live", ""), "once_per: data.order", "once_per: {key: data.order, scope: old}", 1)
	s.activate(set(renamed))
	one[decide.DuplicateFact](t, s.send(time.Hour, order), decide.KindDuplicate)
}

func TestReorderingStepsKeepsActionIDs(t *testing.T) {
	t.Parallel()
	both := func(first, second string) string {
		return strings.Replace(refundRule("r", "because", "live", ""), `      - refund: {payment: "${{ data.payment }}", amount: "${{ data.paid }}"}
`, first+second, 1)
	}
	refund := `      - refund: {payment: "${{ data.payment }}", amount: "${{ data.paid }}"}
`
	credit := `      - credit: {customer: "${{ event.customer }}", amount: 1.00 USD}
`
	ids := func(rules string) map[string]uuid.UUID {
		s := newScene(t, rules)
		out := map[string]uuid.UUID{}
		for _, step := range wantDecision(t, s.send(0, order), decide.Act, "").Steps {
			out[step.Name] = step.Action
		}
		return out
	}
	a, b := ids(set(both(refund, credit))), ids(set(both(credit, refund)))
	if len(a) != 2 || a["refund"] != b["refund"] || a["credit"] != b["credit"] {
		t.Errorf("action ids depend on the order of steps: %v, %v", a, b)
	}
}

func TestShadowThenLivePaysOnce(t *testing.T) {
	t.Parallel()
	s := newScene(t, set(refundRule("r", "because", "shadow", "")))
	if r := wantDecision(t, s.send(0, order), decide.Act, ""); r.Mode != "shadow" {
		t.Fatalf("mode is %q", r.Mode)
	}
	if len(s.jobs) != 0 {
		t.Fatal("a rule in shadow acted")
	}
	one[decide.DuplicateFact](t, s.send(time.Minute, order), decide.KindDuplicate)
	s.activate(set(refundRule("r", "because", "live", "")))
	if r := wantDecision(t, s.send(time.Minute, order), decide.Act, ""); r.Mode != "live" {
		t.Fatalf("mode is %q", r.Mode)
	}
	one[decide.DuplicateFact](t, s.send(time.Minute, order), decide.KindDuplicate)
	s.activate(set(refundRule("r", "because", "shadow", "")))
	one[decide.DuplicateFact](t, s.send(time.Minute, order), decide.KindDuplicate)
	if len(s.jobs) != 1 {
		t.Errorf("%d refunds, want 1", len(s.jobs))
	}
}

func TestTwoRulesOnOnePayment(t *testing.T) {
	t.Parallel()
	s := newScene(t, set(refundRule("a", "because", "live", ""), refundRule("b", "because", "live", "")))
	facts := s.send(0, order)
	decisions := map[string]string{}
	for _, f := range facts {
		if f.Kind == decide.KindRemedy {
			var r decide.RemedyFact
			if err := json.Unmarshal(f.Body, &r); err != nil {
				t.Fatal(err)
			}
			decisions[r.Rule] = r.Decision + " " + r.Reason
		}
	}
	if decisions["a"] != "act " || decisions["b"] != "hold already refunded" {
		t.Errorf("decisions are %v", decisions)
	}
	if len(s.jobs) != 1 {
		t.Errorf("%d refunds, want 1", len(s.jobs))
	}
}

// Two held remedies on one payment: the second approval is refused once, so
// that the approver learns of the first.
func TestApprovingTwoOnOnePayment(t *testing.T) {
	t.Parallel()
	above := "      approve_above: 1.00 USD\n"
	s := newScene(t, set(refundRule("a", "because", "live", above)))
	first := wantDecision(t, s.send(0, order), decide.Hold, decide.ReasonApprove)
	second := wantDecision(t, s.send(0, strings.Replace(order, "77", "78", 1)), decide.Hold, decide.ReasonApprove)
	s.answer("approve", first.Remedy, "bob", "approver")
	refusal := one[decide.RefusalFact](t, s.answer("approve", second.Remedy, "bob", "approver"), decide.KindRefusal)
	if !strings.Contains(refusal.Reason, "refunded since") || len(s.jobs) != 1 {
		t.Errorf("refused for %q, %d refunds", refusal.Reason, len(s.jobs))
	}
	s.answer("approve", second.Remedy, "bob", "approver")
	if len(s.jobs) != 2 || !s.jobs[1].Approved {
		t.Errorf("%d refunds after the second approval, want 2", len(s.jobs))
	}
}

func TestSameKeyInEveryForm(t *testing.T) {
	t.Parallel()
	s := newScene(t, set(refundRule("r", "because", "live", "")))
	wantDecision(t, s.send(0, order), decide.Act, "")
	for _, form := range []string{"77.0", `"77"`, "7.7e1"} {
		one[decide.DuplicateFact](t, s.send(time.Minute, strings.Replace(order, `"order":77`, `"order":`+form, 1)), decide.KindDuplicate)
	}
	for _, none := range []string{`"order":null`, `"order":""`, `"other":1`} {
		one[decide.NoKeyFact](t, s.send(time.Minute, strings.Replace(order, `"order":77`, none, 1)), decide.KindNoKey)
	}
	if len(s.jobs) != 1 {
		t.Errorf("%d refunds, want 1", len(s.jobs))
	}
}
