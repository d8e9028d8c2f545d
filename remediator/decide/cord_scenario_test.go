package decide_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/makegood/makegood/remediator/cord"
	"github.com/makegood/makegood/remediator/decide"
)

// stopRule pulls product/SKU when a defect is seen twice within an hour.
func stopRule(name, extra, andon string) string {
	return fmt.Sprintf(`  - rule: %s
    owner: shop
    why: because
    event: com.example.bad
    if: data.kind == %q
    window: {by: data.sku, within: 1h}
    having: count() >= 2
%s    do:
      - andon: {pull: "product/${{ data.sku }}", reason: "${{ count() }} of them", %s}
    mode: live
`, name, name, extra, andon)
}

func defect(rule, sku string) string { return fmt.Sprintf(`"kind":%q,"sku":%q`, rule, sku) }

// fires has the rule see its defect twice.
func (s *scene) fires(rule string) []decide.Fact {
	s.t.Helper()
	s.send(0, defect(rule, "T"))
	return s.send(0, defect(rule, "T"))
}

const table = "product/T"

const minute = time.Minute

// calls has somebody call for help, to be answered within a time.
func (s *scene) calls(c decide.CommandBody, within time.Duration) {
	s.t.Helper()
	c = pulls(c, table, cord.Yellow)
	c.Terms = cord.Terms{AnswerWithin: within}
	s.done(0, c)
}

func TestUnansweredCallTurnsRed(t *testing.T) {
	t.Parallel()
	t.Run("at its deadline exactly, once", func(t *testing.T) {
		t.Parallel()
		s := newScene(t, set(stopRule("r", "", "level: red")))
		s.calls(agent("ann"), 15*minute)
		deadline := s.at + int64(15*minute)
		if due, any := s.fold.Due(); !any || due > deadline {
			t.Errorf("the next timer is due at %d (%t)", due, any)
		}
		s.tick(15*minute - 1)
		s.wantLevel(table, cord.Yellow)
		facts := s.tick(1)
		pull := one[decide.PullFact](t, facts, decide.KindPull)
		if !pull.Opened || pull.Level != cord.Red || pull.Cause != decide.CauseUnanswered || pull.Evidence != 1 {
			t.Errorf("the pull is %+v", pull)
		}
		c, _ := s.fold.Cord(table)
		if c.Since != deadline || c.By != "ann" || c.Pull != pull.Pull {
			t.Errorf("the cord is %+v", c)
		}
		wantBrakes(t, s, "+cord:product/T pull/"+c.Pull.String())
		if count(s.tick(24*time.Hour), decide.KindPull) != 0 {
			t.Error("it turned red twice")
		}
		s.refused("who pulled a red cord", releases(operator("ann"), table))
	})
	t.Run("stamped with the deadline when the log was idle", func(t *testing.T) {
		t.Parallel()
		s := newScene(t, set(stopRule("r", "", "level: red")))
		s.calls(agent("ann"), 15*minute)
		deadline := s.at + int64(15*minute)
		for _, f := range s.send(5*time.Hour, `"kind":"none"`) {
			if f.Kind == decide.KindPull && f.At != deadline {
				t.Errorf("the pull is of %d, want %d", f.At, deadline)
			}
		}
		s.wantLevel(table, cord.Red)
	})
	t.Run("of a rule", func(t *testing.T) {
		t.Parallel()
		s := newScene(t, set(stopRule("r", "", "level: yellow, answer_within: 5m")))
		if pull := one[decide.PullFact](t, s.fires("r"), decide.KindPull); pull.AnswerBy != "2001-01-01T00:05:00Z" {
			t.Errorf("the pull is %+v", pull)
		}
		s.tick(5 * minute)
		s.wantLevel(table, cord.Red)
		s.done(0, releases(operator("ann"), table))
	})
}

func TestCallThatDoesNotTurnRed(t *testing.T) {
	t.Parallel()
	t.Run("when somebody came", func(t *testing.T) {
		t.Parallel()
		s := newScene(t, set(stopRule("r", "", "level: red")))
		s.calls(agent("ann"), 15*minute)
		_, facts := s.done(15*minute-1, acknowledges(by("dee", decide.RoleAuditor), table))
		if a := one[decide.AcknowledgeFact](t, facts, decide.KindAnswered); a.By != "dee" || a.Cord != table {
			t.Errorf("the acknowledgement is %+v", a)
		}
		s.refused("dee acknowledged it at 2001-01-01T00:14:59.999999999Z", acknowledges(operator("bob"), table))
		if facts := s.tick(time.Hour); count(facts, decide.KindPull) != 0 {
			t.Errorf("it turned red: %s", kinds(facts))
		}
		s.wantLevel(table, cord.Yellow)
	})
	t.Run("but who comes at the deadline comes too late", func(t *testing.T) {
		t.Parallel()
		s := newScene(t, set(stopRule("r", "", "level: red")))
		s.calls(agent("ann"), 15*minute)
		_, facts := s.done(15*minute, acknowledges(operator("bob"), table))
		if count(facts, decide.KindPull) != 1 || count(facts, decide.KindAnswered) != 1 {
			t.Errorf("the facts are %s", kinds(facts))
		}
		s.wantLevel(table, cord.Red)
	})
	t.Run("when it was released, and a later call has its own time", func(t *testing.T) {
		t.Parallel()
		s := newScene(t, set(stopRule("r", "", "level: red")))
		s.calls(agent("ann"), 15*minute)
		s.done(minute, releases(agent("ann"), table))
		s.calls(agent("bob"), time.Hour)
		s.tick(30 * minute)
		s.wantLevel(table, cord.Yellow)
		s.tick(30 * minute)
		s.wantLevel(table, cord.Red)
	})
	t.Run("no way round for who may not stop", func(t *testing.T) {
		t.Parallel()
		s := newScene(t, set(stopRule("r", "", "level: red")))
		c := pulls(agent("ann"), "product", cord.Yellow)
		c.Terms.AnswerWithin = 1
		s.refused("after 15m0s at the soonest", c)
		c.Terms.AnswerWithin = -1
		s.refused("the terms of the pull: answer_within", c)
		c.Terms = cord.Terms{Box: 1<<63 - 1}
		s.refused("the terms of the pull: box", c)
		s.calls(by("ann", decide.RoleAgent, decide.RoleOperator), 1)
		s.calls(agent("ann"), 1)
	})
}

func TestBoxEscalatesOnceAndOpensNothing(t *testing.T) {
	t.Parallel()
	for _, level := range []string{cord.Yellow, cord.Red} {
		s := newScene(t, set(stopRule("r", "", "level: red")))
		c := pulls(operator("ann"), table, level)
		c.Terms.Box = 4 * time.Hour
		s.done(0, c)
		if facts := s.tick(4*time.Hour - 1); count(facts, decide.KindEscalated) != 0 {
			t.Fatal("it escalated before its time")
		}
		facts := s.tick(time.Hour)
		e := one[decide.EscalationFact](t, facts, decide.KindEscalated)
		for _, f := range facts {
			if f.Kind == decide.KindEscalated && time.Unix(0, f.At).UTC().Hour() != 4 {
				t.Errorf("it escalated at %s", time.Unix(0, f.At).UTC())
			}
		}
		if e.Level != level || e.Cord != table {
			t.Errorf("the escalation is %+v", e)
		}
		s.wantLevel(table, level)
		if facts := s.tick(30 * 24 * time.Hour); count(facts, decide.KindEscalated) != 0 {
			t.Error("it escalated twice")
		}
		s.wantLevel(table, level)
		s.done(0, releases(operator("bob"), table))
		// A pull that was released in time is no more escalated.
		s.done(0, c)
		s.done(time.Hour, releases(operator("bob"), table))
		if facts := s.tick(24 * time.Hour); count(facts, decide.KindEscalated) != 0 {
			t.Error("a released cord escalated")
		}
	}
}

func TestRelease(t *testing.T) {
	t.Parallel()
	s := newScene(t, set(stopRule("r", "", "level: red")))
	s.refused("not pulled", releases(operator("bob"), table))
	s.done(0, pulls(operator("ann"), table, cord.Red))
	for words, c := range map[string]decide.CommandBody{
		"who pulled":       releases(operator("ann"), table),
		"only an operator": releases(by("bob", decide.RoleApprover), table),
		"the cause":        func() decide.CommandBody { c := releases(operator("bob"), table); c.Cause = ""; return c }(),
		"and the fix":      func() decide.CommandBody { c := releases(operator("bob"), table); c.Fix = ""; return c }(),
		"not pulled":       releases(operator("bob"), "product"),
	} {
		s.refused(words, c)
	}
	a, facts := s.done(time.Minute, releases(agent("bob"), table))
	r := one[decide.ReleaseFact](t, facts, decide.KindRelease)
	if r.By != "bob" || r.Level != cord.Red || r.Pull != a.Pull || r.WatchUntil != "" {
		t.Errorf("the release is %+v", r)
	}
	wantBrakes(t, s, "-cord:product/T")
	if got := append(s.said("cause"), s.said("fix")...); strings.Join(got, "|") != "a loose wire|fastened it" {
		t.Errorf("the evidence is %q", got)
	}
	s.wantLevel(table, cord.Open)
	s.refused("not pulled", releases(operator("bob"), table))
	// Who called may say that it was nothing.
	s.done(0, pulls(by("eve", decide.RoleAuditor), table, cord.Yellow))
	s.done(0, releases(by("eve", decide.RoleAuditor), table))
}

// Both who pulled and who raised a cord to red leave its release to others.
func TestRaiserMayNotReleaseEither(t *testing.T) {
	t.Parallel()
	s := newScene(t, set(stopRule("r", "", "level: red")))
	a, _ := s.done(0, pulls(agent("ann"), table, cord.Yellow))
	s.wantLevel(table, cord.Yellow)
	if len(s.last.Brakes) != 0 {
		t.Errorf("a call brakes: %+v", s.last.Brakes)
	}
	b, facts := s.done(0, pulls(operator("bob"), table, cord.Red))
	if pull := one[decide.PullFact](t, facts, decide.KindPull); !pull.Opened || pull.Evidence != 2 || pull.By != "bob" || a.Pull != b.Pull {
		t.Errorf("the rise is %+v, of %s", pull, a.Pull)
	}
	s.refused("who pulled", releases(operator("ann"), table))
	s.refused("who pulled", releases(operator("bob"), table))
	s.done(0, releases(operator("cem"), table))
}

func TestRolesOnCords(t *testing.T) {
	t.Parallel()
	s := newScene(t, set(stopRule("r", "", "level: red")))
	for _, c := range []struct {
		role, path, level, words string
	}{
		{decide.RoleAgent, "supplier", cord.Red, "two segments down"},
		{decide.RoleAgent, "supplier", cord.Yellow, ""},
		{decide.RoleAgent, "supplier/acme", cord.Red, ""},
		{decide.RoleAuthor, "supplier/acme", cord.Red, "only an operator"},
		{decide.RoleAuditor, "supplier/acme/x", cord.Yellow, ""},
		{decide.RoleEmitter, "supplier/acme", cord.Yellow, "signed in"},
		{decide.RoleOperator, "catalogue", cord.Red, ""},
		{decide.RoleAdmin, "rule", cord.Red, ""},
		{decide.RoleOperator, "supplier//acme", cord.Red, "the path of the cord"},
		{decide.RoleOperator, "", cord.Red, "the path of the cord"},
		{decide.RoleOperator, "a/../b", cord.Red, "the path of the cord"},
		{decide.RoleOperator, "supplier/acme", cord.Open, "yellow or red"},
		{decide.RoleOperator, "supplier/acme", "RED", "yellow or red"},
	} {
		command := pulls(by("ann", c.role), c.path, c.level)
		if c.words == "" {
			s.done(0, command)
			s.wantLevel(c.path, c.level)
			continue
		}
		s.refused(c.words, command)
		wantBrakes(t, s, "-cord:"+c.path+" "+s.last.Answers[0].ID) // its own early one
	}
	c := pulls(operator("ann"), table, cord.Red)
	c.Reason = ""
	s.refused("say why", c)
	s.refused("two segments down", releases(agent("bob"), "catalogue"))
	s.refused("not pulled", acknowledges(agent("bob"), table))
}

func TestReleaseWaitsForQuiet(t *testing.T) {
	t.Parallel()
	own := "level: red, release_when: {quiet: 1h}"
	t.Run("of its own rule", func(t *testing.T) {
		t.Parallel()
		s := newScene(t, set(stopRule("r", "", own)))
		s.fires("r")
		s.send(30*time.Minute, defect("r", "U")) // another cord's
		s.send(0, defect("r", "U"))
		s.refused("it may be released from 2001-01-01T01:00:00Z on", releases(operator("ann"), table))
		s.at += int64(10 * time.Minute)
		s.fires("r") // evidence begins the quiet anew
		s.at += int64(time.Hour - 1)
		s.refused("from 2001-01-01T01:40:00Z on", releases(operator("ann"), table))
		s.done(1, releases(operator("ann"), table))
	})
	t.Run("of another rule", func(t *testing.T) {
		t.Parallel()
		other := "level: red, release_when: {rule: other, quiet: 1h}"
		s := newScene(t, set(stopRule("r", "", other), stopRule("other", "", "level: yellow")))
		s.fires("r")
		s.done(0, releases(operator("ann"), table)) // the other one never fired
		s.fires("r")
		s.send(0, defect("other", "X"))
		s.send(0, defect("other", "X"))
		s.refused("rule other last fired at 2001-01-01T00:00:00Z", releases(operator("ann"), table))
		s.at += int64(30 * time.Minute)
		s.fires("r") // what the rule itself sees is not what is waited for
		s.done(30*time.Minute, releases(operator("ann"), table))
	})
	t.Run("of a rule that was deleted", func(t *testing.T) {
		t.Parallel()
		other := "level: red, release_when: {rule: other, quiet: 1h}"
		s := newScene(t, set(stopRule("r", "", other), stopRule("other", "", "level: yellow")))
		s.send(0, defect("other", "X"))
		s.send(0, defect("other", "X"))
		s.fires("r")
		s.activate(set(stopRule("else", "", own)))
		s.refused("rule other last fired", releases(operator("ann"), table))
		s.done(time.Hour, releases(operator("ann"), table))
	})
	t.Run("of a rule in shadow does not count", func(t *testing.T) {
		t.Parallel()
		shadow := strings.Replace(stopRule("other", "", "level: yellow"), "mode: live", "mode: shadow", 1)
		s := newScene(t, set(stopRule("r", "", "level: red, release_when: {rule: other, quiet: 1h}"), shadow))
		s.fires("r")
		s.fires("other")
		s.done(0, releases(operator("ann"), table))
	})
	t.Run("of a person's pull", func(t *testing.T) {
		t.Parallel()
		s := newScene(t, set(stopRule("r", "", own)))
		c := pulls(operator("ann"), table, cord.Red)
		c.Terms.Quiet = time.Hour
		s.done(0, c)
		s.refused("it was last pulled at 2001-01-01T00:00:00Z, and that must be 1h0m0s ago", releases(operator("bob"), table))
		s.done(time.Hour, releases(operator("bob"), table))
	})
}

// A rule may raise a person's call: then its terms count where the call had none.
func TestRuleRaisesACall(t *testing.T) {
	t.Parallel()
	s := newScene(t, set(stopRule("r", "", "level: red, box: 4h, watch: 1d, release_when: {quiet: 1h}")))
	s.done(0, pulls(agent("ann"), table, cord.Yellow))
	pull := one[decide.PullFact](t, s.fires("r"), decide.KindPull)
	if !pull.Opened || pull.Evidence != 2 || pull.BoxUntil != "2001-01-01T04:00:00Z" {
		t.Errorf("the pull is %+v", pull)
	}
	s.refused("who pulled", releases(operator("ann"), table))
	s.refused("it may be released from 2001-01-01T01:00:00Z on", releases(operator("bob"), table))
	if count(s.tick(4*time.Hour), decide.KindEscalated) != 1 {
		t.Error("its box did not escalate")
	}
	s.done(0, releases(operator("bob"), table))
	one[decide.PullFact](t, s.send(time.Hour, defect("r", "T")), decide.KindPull)
}

func TestPullsOfPeopleAndRulesAddUp(t *testing.T) {
	t.Parallel()
	s := newScene(t, set(stopRule("r", "", "level: red"), stopRule("low", "", "level: yellow, answer_within: 1m")))
	first := one[decide.PullFact](t, s.fires("r"), decide.KindPull)
	for i, add := range []func() []decide.Fact{
		func() []decide.Fact { _, facts := s.done(0, pulls(operator("ann"), table, cord.Red)); return facts },
		func() []decide.Fact { _, facts := s.done(0, pulls(agent("bob"), table, cord.Yellow)); return facts },
		func() []decide.Fact { return s.fires("low") },
		func() []decide.Fact { return s.fires("r") },
	} {
		pull := one[decide.PullFact](t, add(), decide.KindPull)
		if pull.Opened || pull.Pull != first.Pull || pull.Evidence != i+2 || pull.Level != cord.Red || pull.AnswerBy != "" {
			t.Errorf("evidence %d is %+v", i, pull)
		}
	}
	if c, _ := s.fold.Cord(table); c.Pulls != 1 || c.By != "rule r" {
		t.Errorf("the cord is %+v", c)
	}
	s.done(time.Hour, releases(operator("ann"), table)) // the rule pulled it, not ann
}

func TestStopsAboveHoldTheRule(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"rule/r", "rule"} {
		s := newScene(t, set(refundRule("r", "because", "live", ""), refundRule("s", "because", "shadow", "")))
		s.done(0, pulls(operator("ann"), path, cord.Yellow))
		s.sends(1, decide.Act, "")
		s.done(0, pulls(operator("ann"), path, cord.Red))
		s.sends(2, decide.Hold, decide.ReasonStorm)
		s.done(0, releases(operator("bob"), path))
		s.sends(3, decide.Act, "")
	}
	s := newScene(t, set(refundRule("r", "because", "live", "")))
	s.done(0, pulls(operator("ann"), "rule/rr", cord.Red))
	s.done(0, pulls(operator("ann"), "rule/r/x", cord.Red))
	s.sends(1, decide.Act, "")
}

// sends has the live rule r decide about an order.
func (s *scene) sends(n int, decision, reason string) decide.RemedyFact {
	s.t.Helper()
	var live []decide.Fact
	for _, f := range s.send(0, numbered(n, "5.00 USD")) {
		if f.Rule == "r" {
			live = append(live, f)
		}
	}
	return wantDecision(s.t, live, decision, reason)
}

// A storm raises what somebody called for, and holds until it is released, not
// until it is over.
func TestStormRaisesACall(t *testing.T) {
	t.Parallel()
	s := newScene(t, set(strings.Replace(refundRule("r", "because", "live", ""), "    account:", "    storm: {remedies: 1, within: 10m}\n    account:", 1)))
	s.done(0, pulls(operator("ann"), "rule/r", cord.Yellow))
	s.sends(1, decide.Act, "")
	s.sends(2, decide.Hold, decide.ReasonStorm)
	c, _ := s.fold.Cord("rule/r")
	if c.Level != cord.Red || c.RaisedBy != "rule r" {
		t.Errorf("the cord is %+v", c)
	}
	if b := s.last.Brakes; len(b) != 1 || b[0].By != "rule r" || b[0].Target != "cord:rule/r" || !b[0].Set {
		t.Errorf("the brakes are %+v", b)
	}
	s.refused("who pulled", releases(operator("ann"), "rule/r"))
	s.sends(3, decide.Hold, decide.ReasonStorm)
	s.done(time.Hour, releases(operator("bob"), "rule/r"))
	s.sends(4, decide.Act, "")
}
