package decide_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/makegood/makegood/remediator/decide"
)

// A window that begins empty on a log that has events lacks those that came before, and
// moves no money that these could have kept; not for longer than they would count.
func TestNewWindowsPayNothingThatEarlierEventsCouldHaveKept(t *testing.T) {
	t.Parallel()
	const day = 24 * time.Hour
	firsts, thirds := fmt.Sprintf(moneyByWindow, "30d", "count() == 1"), fmt.Sprintf(moneyByWindow, "30d", "count() >= 3")
	longer := strings.NewReplacer("30d", "31d")
	other := strings.NewReplacer("rule: r\n", "rule: other\n", "com.example.bad", "com.example.other")
	for _, c := range []struct {
		what          string
		before, after []string // rules in force one after the other, before two events and after them
		events        int      // after
		gap           time.Duration
		pays          int
	}{
		{"the window is edited", []string{firsts}, []string{longer.Replace(firsts)}, 1, time.Hour, 0},
		{"it would be enough whatever came before", []string{thirds}, []string{longer.Replace(thirds)}, 3, time.Hour, 1},
		{"what lies between is not enough", []string{other.Replace(firsts)}, []string{fmt.Sprintf(moneyByWindow, "30d", "count() < 3 || count() > 5")}, 2, time.Hour, 0},
		{"it is not one of them", []string{other.Replace(firsts)}, []string{fmt.Sprintf(moneyByWindow, "30d", "count() != 4")}, 2, time.Hour, 0},
		{"two ways that both go up", []string{other.Replace(firsts)}, []string{fmt.Sprintf(moneyByWindow, "30d", "count() >= 2 || count() >= 5")}, 2, time.Hour, 1},
		{"the rule is new", []string{other.Replace(firsts)}, []string{firsts}, 1, time.Hour, 0},
		{"the rule was away", []string{firsts}, []string{other.Replace(firsts), firsts}, 1, time.Hour, 0},
		{"all that came before is too old", []string{firsts}, []string{longer.Replace(firsts)}, 2, 40 * day, 2},
		{"something else is edited", []string{thirds}, []string{strings.Replace(thirds, "why: w", "why: x", 1)}, 1, time.Hour, 1},
	} {
		s := newScene(t, c.before[0])
		for range 2 {
			s.send(time.Hour, `"key":"k"`)
		}
		before := s.count(decide.KindRemedy)
		for _, rules := range c.after {
			s.activate(rules)
		}
		for range c.events {
			s.send(c.gap, `"key":"k"`)
		}
		if got := s.count(decide.KindRemedy) - before; got != c.pays {
			t.Errorf("%s: %d remedies, want %d", c.what, got, c.pays)
		}
	}
}

// TestNewWindowsOfANewLogLackNothing: no event can have come before the first rules.
func TestNewWindowsOfANewLogLackNothing(t *testing.T) {
	t.Parallel()
	s := newScene(t, fmt.Sprintf(moneyByWindow, "30d", "count() == 1"))
	s.activate(fmt.Sprintf(moneyByWindow, "31d", "count() == 1"))
	if fired := kind(s.send(time.Hour, `"key":"k"`), decide.KindRemedy); len(fired) != 1 {
		t.Errorf("the first event of a log made %d remedies", len(fired))
	}
}
