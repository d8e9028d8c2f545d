package decide_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/input"
)

// told is a rule that refunds and then tells the customer and another system.
var told = strings.Replace(steps("", oneRefund+`      - notify: {template: sorry}
      - webhook: {to: crm, data: {order: "${{ data.order }}", who: "${{ title }}"}}
`), "    do:\n", "    let: {title: data.title, missing: data.missing}\n    do:\n", 1)

const secret = `"title":"a title nobody may read","bad":true,"order":1,"payment":"pi_1","paid":"5.00 USD"`

func (s *scene) evidenceOf(kind string) []decide.Evidence {
	var found []decide.Evidence
	for _, e := range s.evidence {
		if e.Kind == kind {
			found = append(found, e)
		}
	}
	return found
}

// What people and systems are told is fixed with the decision, as evidence; the
// facts name the template and the receiver only.
func TestValuesAreEvidence(t *testing.T) {
	t.Parallel()
	s := newScene(t, told)
	fact := wantDecision(t, s.send(0, secret), decide.Act, "")
	if a, b := fact.Steps[1], fact.Steps[2]; a.Template != "sorry" || a.Via != "mail" || a.Connector != "notify" || b.Endpoint != "crm" || b.Connector != "webhook" {
		t.Errorf("sealed as %+v %+v", a, b)
	}
	values := s.evidenceOf(decide.EvidenceValues)
	const want = `{"notify":{"let":{"title":"a title nobody may read"}},"webhook":{"data":{"order":1,"who":"a title nobody may read"}}}`
	if len(values) != 1 || string(values[0].Plain) != want || values[0].Customer != "c-1" || values[0].Remedy != fact.Remedy {
		t.Errorf("got %+v\nwant %s", values, want)
	}
	for _, step := range []string{"refund", "notify", "webhook"} {
		if s.jobs[len(s.jobs)-1].Name != step {
			t.Fatalf("job %s, want %s", s.jobs[len(s.jobs)-1].Name, step)
		}
		s.settle(s.jobs[len(s.jobs)-1], decide.Succeeded)
	}
	for _, f := range s.facts {
		if bytes.Contains(f.Body, []byte("nobody may read")) && f.Kind != decide.KindRuleText {
			t.Errorf("fact %s tells the text: %s", f.Kind, f.Body)
		}
	}
}

// A remedy without such steps has no values, and one in shadow seals none.
func TestValuesOnlyWhereSomebodyIsTold(t *testing.T) {
	t.Parallel()
	for _, rules := range []string{steps("", oneRefund), strings.Replace(told, "mode: live", "mode: shadow", 1)} {
		s := newScene(t, rules)
		s.send(0, secret)
		if values := s.evidenceOf(decide.EvidenceValues); len(values) != 0 {
			t.Errorf("got %+v for\n%s", values, rules)
		}
	}
}

func TestTellingIsHeld(t *testing.T) {
	t.Parallel()
	const mail, chat, to = "      - notify: {template: a}\n", "      - notify: {template: a, via: chat}\n", "      - notify: {template: a, to: \"${{ data.to }}\"}\n"
	for _, c := range []struct{ steps, attributes, data, decision, reason string }{
		{mail, "", "", decide.Hold, decide.ReasonNoCustomer},
		{mail, `"customer":"c-1",`, "", decide.Act, ""},
		{chat, "", "", decide.Act, ""},
		{to, "", `,"to":"a@b.example"`, decide.Act, ""},
		{to, `"customer":"c-1",`, "", decide.Hold, decide.ReasonError},
		{to, `"customer":"c-1",`, `,"to":"` + strings.Repeat("a", 600) + `"`, decide.Hold, decide.ReasonError},
		{"      - webhook: {to: crm, data: {a: \"${{ data.gone }}\"}}\n", `"customer":"c-1",`, "", decide.Hold, decide.ReasonError},
		{"      - webhook: {to: crm, data: {a: \"${{ data.long }}\"}}\n", "", `,"long":"` + strings.Repeat("a", 33<<10) + `"`, decide.Hold, decide.ReasonError},
	} {
		s := newScene(t, steps("", c.steps))
		got, reason := decision(t, s.sendID(0, "ev-1", c.attributes, order+c.data))
		if got != c.decision || reason != c.reason {
			t.Errorf("%s%s %.40s: got %s %q, want %s %q", c.steps, c.attributes, c.data, got, reason, c.decision, c.reason)
		}
	}
}

// outcomeOf settles a job with what it sent.
func (s *scene) outcomeOf(job decide.Job, status string, sent []byte) []decide.Fact {
	s.t.Helper()
	o := decide.OutcomeBody{Action: job.Action, Remedy: job.Remedy, Sent: sent}
	o.Status, o.Attempt = status, 1
	s.n++
	return s.apply(input.Input{ID: job.Action.String() + "/1", Kind: input.Outcome, At: s.at, Body: encode(s.t, o)})
}

func TestSentIsEvidence(t *testing.T) {
	t.Parallel()
	s := newScene(t, told)
	s.send(0, secret)
	s.outcomeOf(s.jobs[0], decide.Succeeded, []byte("a refund sends nothing"))
	facts := s.outcomeOf(s.jobs[1], decide.Succeeded, []byte("Dear customer"))
	if strings.Contains(kinds(facts), "Dear") {
		t.Errorf("a fact tells the mail: %s", kinds(facts))
	}
	s.outcomeOf(s.jobs[2], decide.Succeeded, bytes.Repeat([]byte("x"), decide.MaxSent+1))
	if mails, hooks := s.evidenceOf(decide.EvidenceMail), s.evidenceOf(decide.EvidenceWebhook); len(mails) != 1 ||
		string(mails[0].Plain) != "Dear customer" || mails[0].Customer != "c-1" || len(hooks) != 0 {
		t.Errorf("got %+v %+v", mails, hooks)
	}
	if end := one[decide.EndFact](t, s.facts, decide.KindEnd); end.Status != decide.Done {
		t.Errorf("ended %q", end.Status)
	}
}

// A step that need not happen is done: what waits for it goes on.
func TestSkippedStepIsDone(t *testing.T) {
	t.Parallel()
	s := newScene(t, told)
	s.send(0, secret)
	s.settle(s.jobs[0], decide.Succeeded)
	s.settle(s.jobs[1], decide.Skipped)
	if len(s.jobs) != 3 || s.jobs[2].Name != "webhook" {
		t.Fatalf("after a skipped mail the jobs are %+v", s.jobs)
	}
	if end := one[decide.EndFact](t, s.settle(s.jobs[2], decide.Skipped), decide.KindEnd); end.Status != decide.Done {
		t.Errorf("ended %q", end.Status)
	}
}

// A skipped refund pays nothing, so the payment is free for another remedy.
func TestSkippedRefundPaysNothing(t *testing.T) {
	t.Parallel()
	s := newScene(t, steps("", oneRefund))
	s.send(0, order)
	s.settle(s.jobs[0], decide.Skipped)
	refunded, err := refundedOn(s.memory, "stripe:pi_1", 1<<62)
	if err != nil || len(refunded) != 0 {
		t.Errorf("refunded %v, %v", refunded, err)
	}
}
