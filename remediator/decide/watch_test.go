package decide_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/makegood/makegood/remediator/cord"
	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/input"
)

// watched is a scene whose cord was pulled by the rule and released, with a
// watch of a day.
func watched(t *testing.T, rules ...string) *scene {
	t.Helper()
	s := newScene(t, set(rules...))
	s.fires("r")
	_, facts := s.done(time.Minute, releases(operator("ann"), table))
	if r := one[decide.ReleaseFact](t, facts, decide.KindRelease); r.WatchUntil != "2001-01-02T00:01:00Z" {
		t.Fatalf("the release is %+v", r)
	}
	return s
}

// watching is a rule whose cords are watched for a day after their release.
var watching = stopRule("r", "", "level: red, watch: 1d")

func TestWatchPullsAgain(t *testing.T) {
	t.Parallel()
	t.Run("on the first recurrence, though having does not hold", func(t *testing.T) {
		t.Parallel()
		s := watched(t, watching)
		facts := s.send(time.Hour, defect("r", "T"))
		pull := one[decide.PullFact](t, facts, decide.KindPull)
		if !pull.Opened || pull.Cause != decide.CauseRecurrence || pull.Level != cord.Red || count(facts, decide.KindRemedy) != 0 {
			t.Errorf("the facts are %s", kinds(facts))
		}
		if len(s.said("event")) != 1 || len(s.said("reason")) != 1 {
			t.Errorf("the evidence is %+v", s.last.Items)
		}
		s.wantLevel(table, cord.Red)
		if c, _ := s.fold.Cord(table); c.Pulls != 2 || c.Terms.Watch != 24*time.Hour || c.Rule != "r" {
			t.Errorf("the cord is %+v", c)
		}
		// It has its terms again, so that it is watched again.
		s.done(time.Minute, releases(operator("ann"), table))
		one[decide.PullFact](t, s.send(23*time.Hour, defect("r", "T")), decide.KindPull)
	})
	t.Run("to the end of the watch and not after", func(t *testing.T) {
		t.Parallel()
		s := watched(t, watching)
		one[decide.PullFact](t, s.send(24*time.Hour, defect("r", "T")), decide.KindPull)
		s = watched(t, watching)
		if facts := s.send(24*time.Hour+1, defect("r", "T")); count(facts, decide.KindPull) != 0 {
			t.Errorf("pulled after the watch: %s", kinds(facts))
		}
		s.wantLevel(table, cord.Open)
	})
	t.Run("once when having fires anyway", func(t *testing.T) {
		t.Parallel()
		kept := stopRule("r", "    once_per: [data.sku, data.n]\n", "level: red, watch: 1d")
		s := newScene(t, set(kept))
		s.send(0, defect("r", "T")+`,"n":1`)
		s.send(0, defect("r", "T")+`,"n":2`)
		s.wantLevel(table, cord.Red)
		s.done(time.Minute, releases(operator("ann"), table))
		facts := s.send(time.Minute, defect("r", "T")+`,"n":3`)
		if pull := one[decide.PullFact](t, facts, decide.KindPull); pull.Cause != "" || !pull.Opened {
			t.Errorf("the pull is %+v", pull)
		}
	})
	t.Run("though the key is taken", func(t *testing.T) {
		t.Parallel()
		s := watched(t, stopRule("r", "    once_per: data.sku\n", "level: red, watch: 1d"))
		facts := s.send(time.Minute, defect("r", "T")) // the window goes on, so having holds
		if pull := one[decide.PullFact](t, facts, decide.KindPull); pull.Cause != decide.CauseRecurrence || count(facts, decide.KindDuplicate) != 1 {
			t.Errorf("the facts are %s", kinds(facts))
		}
	})
	t.Run("though the remedy is held", func(t *testing.T) {
		t.Parallel()
		s := watched(t, watching)
		s.done(0, pauses(operator("ann"), decide.TargetRule("r")))
		s.send(2*time.Hour, defect("r", "V")) // of another cord
		facts := s.send(0, defect("r", "V"))
		wantDecision(t, facts, decide.Hold, decide.ReasonPaused)
		s.wantLevel("product/V", cord.Open)
		one[decide.PullFact](t, s.send(0, defect("r", "T")), decide.KindPull)
	})
}

func TestWatchLeavesAlone(t *testing.T) {
	t.Parallel()
	t.Run("another thing or another rule", func(t *testing.T) {
		t.Parallel()
		s := watched(t, watching, stopRule("other", "", "level: red, watch: 1d"))
		for _, data := range []string{defect("r", "U"), defect("other", "T")} {
			if facts := s.send(time.Minute, data); count(facts, decide.KindPull) != 0 {
				t.Errorf("%s pulled: %s", data, kinds(facts))
			}
		}
	})
	t.Run("an event too late, and a repeat", func(t *testing.T) {
		t.Parallel()
		s := watched(t, watching)
		s.at += int64(3 * time.Hour)
		late := fmt.Sprintf(`{"specversion":"1.0","id":"late","source":"/test","type":"com.example.bad","time":"2001-01-01T00:30:00Z","data":{%s}}`, defect("r", "T"))
		facts := s.apply(input.Input{ID: "late", Kind: input.Event, At: s.at, Body: []byte(late)})
		if count(facts, decide.KindLate) != 1 || count(facts, decide.KindPull) != 0 {
			t.Errorf("the facts are %s", kinds(facts))
		}
		if facts := s.sendID(0, "ev-2", "", defect("r", "T")); len(facts) != 0 {
			t.Errorf("a repeated event left %s", kinds(facts))
		}
	})
	t.Run("a cord whose rule is gone, renamed or in shadow", func(t *testing.T) {
		t.Parallel()
		for _, rules := range []string{
			stopRule("other", "", "level: red"),
			strings.Replace(watching, "rule: r\n", "rule: renamed\n", 1),
			strings.Replace(watching, "mode: live", "mode: shadow", 1),
		} {
			s := watched(t, watching)
			s.activate(set(rules))
			if facts := s.send(time.Minute, defect("r", "T")); count(facts, decide.KindPull) != 0 {
				t.Errorf("it pulled: %s", kinds(facts))
			}
			s.activate(set(watching))
			one[decide.PullFact](t, s.send(time.Minute, defect("r", "T")), decide.KindPull)
		}
	})
}
