package decide_test

import (
	"strings"
	"testing"
	"time"

	"github.com/makegood/makegood/remediator/decide"
)

func ofCustomer(command, customer, reason string) decide.CommandBody {
	c := operator("ola")
	c.Command, c.Customer, c.Reason = command, customer, reason
	return c
}

// What is kept of a customer is erased unless it is held or something about them is
// still to be done, and every answer is sealed.
func TestErasure(t *testing.T) {
	t.Parallel()
	s := newScene(t, set(refundRule("r", "because", "live", "")))
	erase := ofCustomer(decide.CommandErase, "c-1", "ticket 7")
	s.sendID(0, "1", `"customer":"c-1",`, `"bad":true,"order":"1","payment":"pi_1","paid":"5.00 USD"`)
	job := s.job()
	s.refused("remedy "+job.Remedy.String()+" of the customer has not ended", erase)
	if _, facts := s.done(0, ofCustomer(decide.CommandErase, "c-2", "")); len(facts) != 1 || facts[0].Kind != decide.KindErasure {
		t.Errorf("another customer's: %s", kinds(facts))
	}
	s.settle(job, decide.Succeeded)
	s.refused("say why", ofCustomer(decide.CommandHold, "c-1", ""))
	s.refused("under no legal hold", ofCustomer(decide.CommandUnhold, "c-1", "over"))
	if _, facts := s.done(0, ofCustomer(decide.CommandHold, "c-1", "a court asked")); !strings.Contains(string(facts[len(facts)-1].Body), `"held":true,"by":"ola"`) {
		t.Errorf("held: %s", facts[len(facts)-1].Body)
	}
	s.refused("already", ofCustomer(decide.CommandHold, "c-1", "another court"))
	a := s.refused("under legal hold, by ola since", erase)
	if a.Target != "customer:c-1" {
		t.Errorf("the answer is about %q", a.Target)
	}
	s.done(time.Hour, ofCustomer(decide.CommandUnhold, "c-1", "over"))
	_, facts := s.done(0, erase)
	if last := facts[len(facts)-1]; last.Kind != decide.KindErasure || string(last.Body) != `{"customer":"c-1","by":"ola"}` {
		t.Errorf("erased: %s %s", last.Kind, last.Body)
	}
	// The reason outlives the erasure: it is under nobody's key.
	if notes := s.evidenceOf(decide.EvidenceNote); len(notes) != 3 || notes[2].Customer != "" || string(notes[2].Plain) != "ticket 7" {
		t.Errorf("noted %+v", notes)
	}
	for _, nobody := range []string{decide.CommandErase, decide.CommandHold, decide.CommandUnhold} {
		s.refused("no customer is named", ofCustomer(nobody, "", "x"))
	}
}

// A hold is part of the state, and is found in what is restored from it.
func TestHoldsSurviveASnapshot(t *testing.T) {
	t.Parallel()
	s := newScene(t, set(refundRule("r", "because", "live", "")))
	s.done(0, ofCustomer(decide.CommandHold, "c-1", "a court asked"))
	encoded, _, err := s.fold.State()
	if err != nil {
		t.Fatal(err)
	}
	restored, err := decide.Restore(decide.Config{Memory: decide.NewMemory()}, encoded)
	if err != nil {
		t.Fatal(err)
	}
	s.fold = restored
	s.refused("under legal hold", ofCustomer(decide.CommandErase, "c-1", ""))
	again, _, err := restored.State()
	if err != nil || len(again) == 0 {
		t.Fatal(err)
	}
}
