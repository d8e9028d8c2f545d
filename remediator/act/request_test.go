package act

import (
	"encoding/json"
	"reflect"
	"testing"

	"github.com/google/uuid"

	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/ledger"
	"github.com/makegood/makegood/remediator/money"
)

// id makes an id from a name.
func id(name string) uuid.UUID { return uuid.NewSHA1(uuid.Nil, []byte(name)) }

// sealedDecision is the entry of a remedy whose actions are named after it.
func sealedDecision(t *testing.T, fact decide.RemedyFact, remedy string) []byte {
	t.Helper()
	fact.Remedy, fact.Mode, fact.Decision = id(remedy), "live", decide.Act
	for i, s := range fact.Steps {
		fact.Steps[i].Action, fact.Steps[i].Connector = id(remedy+"/"+s.Name), s.Kind
	}
	body, err := json.Marshal(fact)
	if err != nil {
		t.Fatal(err)
	}
	return ledger.Entry{Fact: decide.Fact{Kind: decide.KindRemedy, Version: decide.Version, Remedy: fact.Remedy, Rule: fact.Rule, Body: body}}.Encode()
}

func outcomeOf(t *testing.T, action, status string) decide.Fact {
	t.Helper()
	body, err := json.Marshal(decide.ActionFact{Attempt: 1, Status: status})
	if err != nil {
		t.Fatal(err)
	}
	return decide.Fact{Kind: decide.KindAction, Action: id(action), Body: body}
}

// A retry, also of a retry, tells what the first try would have told: the rule that
// fired, and what every other step came to, by its last try.
func TestRetryTellsLikeTheFirstTry(t *testing.T) {
	t.Parallel()
	five := money.Money{Minor: 500, Currency: "USD"}
	credit, crm, mail := decide.Step{Name: "credit", Kind: "credit", Amount: &five}, decide.Step{Name: "crm", Kind: "webhook"}, decide.Step{Name: "mail", Kind: "notify"}
	pay := decide.Step{Name: "pay", Kind: "refund", Amount: &five}
	first := sealedDecision(t, decide.RemedyFact{Rule: "late", Steps: []decide.Step{pay, credit, crm, mail}}, "a")
	second := sealedDecision(t, decide.RemedyFact{Rule: decide.RuleRetry, Of: id("a"), Steps: []decide.Step{credit, crm, mail}}, "b")
	third := sealedDecision(t, decide.RemedyFact{Rule: decide.RuleRetry, Of: id("b"), Steps: []decide.Step{crm, mail}}, "c")
	job := Job{
		Action: id("c/mail"), Remedy: id("c"), Connector: "notify", Entry: third, Retried: [][]byte{second, first}, Values: []byte(`{"mail":{}}`),
		Outcomes: []decide.Fact{
			outcomeOf(t, "a/pay", decide.Succeeded), outcomeOf(t, "a/credit", decide.Failed), outcomeOf(t, "a/mail", decide.Skipped),
			outcomeOf(t, "b/credit", decide.Succeeded), outcomeOf(t, "b/crm", decide.Failed), outcomeOf(t, "b/mail", decide.Skipped),
			outcomeOf(t, "c/crm", decide.Succeeded),
		},
	}
	r, err := request(job)
	want := []StepResult{
		{Name: "pay", Kind: "refund", Status: decide.Succeeded, Amount: &five},
		{Name: "credit", Kind: "credit", Status: decide.Succeeded, Amount: &five},
		{Name: "crm", Kind: "webhook", Status: decide.Succeeded},
	}
	if err != nil || r.Rule != "late" || r.Remedy != id("c") || !reflect.DeepEqual(r.Results, want) {
		t.Errorf("rule %s, remedy %s, steps %+v, %v; want %+v", r.Rule, r.Remedy, r.Results, err, want)
	}
	job.Retried = [][]byte{first, second}
	if r, err := request(job); err == nil {
		t.Errorf("a decision that it is not made from is believed: %+v", r)
	}
}
