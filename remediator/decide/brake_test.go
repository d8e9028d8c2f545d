package decide_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/makegood/makegood/remediator/decide"
)

// wantBrakes holds that the newest input changed these brakes: + or - and the
// target, and the id where one is named.
func wantBrakes(t *testing.T, s *scene, want ...string) {
	t.Helper()
	var got []string
	for _, b := range s.last.Brakes {
		sign := "-"
		if b.Set {
			sign = "+"
		}
		got = append(got, strings.TrimSpace(sign+b.Target+" "+b.ID))
	}
	if !slices.Equal(got, want) {
		t.Errorf("the brakes changed %q, want %q", got, want)
	}
}

func TestPauseHoldsAndAnotherPersonResumes(t *testing.T) {
	t.Parallel()
	for target, other := range map[string]string{
		decide.TargetMoney: "", decide.TargetRule("r"): decide.TargetRule("s"), decide.TargetConnector("stripe"): decide.TargetConnector("credit"),
	} {
		s := newScene(t, set(refundRule("r", "because", "live", "")))
		if other != "" {
			s.done(0, pauses(operator("ann"), other))
			s.sends(1, decide.Act, "")
		}
		a, facts := s.done(0, pauses(operator("ann"), target))
		if p := one[decide.PauseFact](t, facts, decide.KindPause); p.Target != target || p.By != "ann" || a.Target != target {
			t.Errorf("the pause is %+v, its answer %+v", p, a)
		}
		wantBrakes(t, s, "+"+target+" "+a.ID)
		if got := s.said("note"); !slices.Equal(got, []string{"the figures look odd"}) {
			t.Errorf("the evidence is %q", got)
		}
		held := s.sends(2, decide.Hold, decide.ReasonPaused)
		s.refused("who paused it", resumes(operator("ann"), target))
		if len(s.last.Brakes) != 0 {
			t.Errorf("a refused resume changes brakes: %+v", s.last.Brakes)
		}
		s.refused("only an operator", resumes(agent("bob"), target))
		b, _ := s.done(0, pauses(operator("bob"), target))
		wantBrakes(t, s, "+"+target+" "+b.ID)
		for _, paused := range []string{"ann", "bob"} {
			s.refused("who paused it", resumes(operator(paused), target))
		}
		_, facts = s.done(0, resumes(by("cem", decide.RoleApprover), target))
		if r := one[decide.ResumeFact](t, facts, decide.KindResume); !slices.Equal(r.PausedBy, []string{"ann", "bob"}) || r.By != "cem" {
			t.Errorf("the resume is %+v", r)
		}
		wantBrakes(t, s, "-"+target)
		s.refused("is not paused", resumes(operator("cem"), target))
		s.sends(3, decide.Act, "")
		// What was held in between waits for a person all the same.
		before := len(s.jobs)
		s.answer("approve", held.Remedy, "dee", "approver")
		if len(s.jobs) != before+1 {
			t.Errorf("%d jobs after the approval, want %d", len(s.jobs), before+1)
		}
	}
}

// What moves no money goes on when money is paused, and shadow is not held by it.
func TestPausedMoneyStopsMoneyAlone(t *testing.T) {
	t.Parallel()
	s := newScene(t, set(stopRule("stop", "", "level: red"), refundRule("r", "because", "shadow", "")))
	s.done(0, pauses(operator("ann"), decide.TargetMoney))
	s.fires("stop")
	s.wantLevel(table, "red")
	s.sends(1, decide.Act, "")
}

func TestTargetsOfAPause(t *testing.T) {
	t.Parallel()
	s := newScene(t, set(refundRule("r", "because", "live", "")))
	for _, target := range []string{
		"", "Money", "rule", "rule:", "connector:", "cord:product/x", "rule:a/b", "rule:A", "rule:.a", "rule:a.", "rule:a:b",
		"rule:" + strings.Repeat("a", 65), strings.Repeat("x", 100_000),
	} {
		a := s.refused("what to stop", pauses(operator("ann"), target))
		wantBrakes(t, s, strings.TrimSpace("-"+target+" "+a.ID))
		s.refused("is not paused", resumes(operator("ann"), target))
	}
	for _, target := range []string{"money", "rule:a", "rule:makegood.refund-request", "connector:stripe", "rule:" + strings.Repeat("a", 64)} {
		s.done(0, pauses(operator("ann"), target))
	}
	a := s.refused("only an operator", pauses(agent("ann"), "money"))
	wantBrakes(t, s, "-money "+a.ID)
}
