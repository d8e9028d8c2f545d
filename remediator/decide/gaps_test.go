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
	"github.com/makegood/makegood/remediator/missing"
)

// anyRules are rules that no event of these tests concerns.
const anyRules = "rules:\n  - {rule: r, owner: o, why: w, event: com.example.other, do: [{andon: {pull: a/b, level: yellow, reason: x}}]}\n"

// numbered folds the event of a client with a number, after a while.
func (s *scene) numbered(after time.Duration, client uuid.UUID, number int) []decide.Fact {
	s.t.Helper()
	s.at += int64(after)
	body := fmt.Sprintf(`{"specversion":"1.0","id":"e-%d","source":"checkout","type":"com.example.cart"}`, number)
	return s.apply(input.Input{ID: fmt.Sprintf("event/%s.%d", client, number), Kind: input.Event, At: s.at, Body: []byte(body)})
}

// said writes the facts about gaps, and how the clients stand that changed.
func (s *scene) gapsSaid(facts []decide.Fact) string {
	s.t.Helper()
	var lines []string
	for _, f := range kind(facts, decide.KindGap) {
		var g decide.GapFact
		if err := json.Unmarshal(f.Body, &g); err != nil {
			s.t.Fatal(err)
		}
		line := fmt.Sprintf("%s %s %d-%d: %d at %s since %s", g.Status, g.Service, g.First, g.Last, g.Events, clockOf(f.At), g.Since[11:16])
		if g.Refused > 0 {
			line += fmt.Sprintf(", %d refused", g.Refused)
		}
		lines = append(lines, line)
	}
	for _, g := range s.last.Gaps {
		lines = append(lines, fmt.Sprintf("now %d", g.Missing))
	}
	return strings.Join(lines, "; ")
}

func clockOf(at int64) string { return time.Unix(0, at).UTC().Format("15:04") }

// TestAGapIsSaidAndClosed goes through the life of a gap: what is passed over is
// missing after ten minutes, in parts it comes late and is refused, and the same event
// again is a repeat.
func TestAGapIsSaidAndClosed(t *testing.T) {
	t.Parallel()
	s, c := newScene(t, anyRules), emitterID(1)
	for _, step := range []struct {
		after  time.Duration
		number int // 0: a tick; below 0: it is refused
		want   string
	}{
		{time.Minute, 1, ""},
		{0, 6, ""},
		{0, 3, ""},
		{9*time.Minute + 59*time.Second, 7, ""},
		{time.Second, 0, "missing checkout 2-2: 1 at 00:11 since 00:01; missing checkout 4-5: 2 at 00:11 since 00:01; now 3"},
		{time.Minute, 5, "now 2"},
		{0, 5, ""},
		{0, -4, "closed checkout 4-5: 1 at 00:12 since 00:01, 1 refused; now 1"},
		{0, -8, ""},
		{time.Hour, 2, "closed checkout 2-2: 1 at 01:12 since 00:01; now 0"},
		{time.Hour, 9, ""},
	} {
		var facts []decide.Fact
		switch {
		case step.number > 0:
			facts = s.numbered(step.after, c, step.number)
		case step.number < 0:
			s.at += int64(step.after)
			facts = s.apply(input.SkippedInputs(c, []uint64{uint64(-step.number)}, s.at)[0])
		default:
			s.at += int64(step.after)
			if due, any := s.fold.Due(); !any || due > s.at {
				t.Errorf("the fold asks for no tick at %s", clockOf(s.at))
			}
			facts = s.apply(input.Input{Kind: input.Tick, At: s.at})
		}
		if got := s.gapsSaid(facts); got != step.want {
			t.Errorf("number %d at %s: %q, want %q", step.number, clockOf(s.at), got, step.want)
		}
	}
	if n := s.fold.Clients(); n != 1 {
		t.Errorf("%d clients are known", n)
	}
	if sealed := kind(s.facts, decide.KindGap); len(sealed) != 4 || sealed[0].Remedy != uuid.Nil || sealed[0].Rule != "" {
		t.Errorf("sealed are %+v", sealed)
	}
}

// TestAClosedHoleAsksForNoTick: a log that is idle stays so.
func TestAClosedHoleAsksForNoTick(t *testing.T) {
	t.Parallel()
	s, c := newScene(t, anyRules), emitterID(1)
	s.numbered(0, c, 2)
	s.apply(input.Input{Kind: input.Tick, At: s.at + int64(time.Minute)}) // seals the progress
	if due, any := s.fold.Due(); !any || due != s.at+missing.GapAfter {
		t.Errorf("a hole is due at %s, %v", clockOf(due), any)
	}
	s.numbered(time.Minute, c, 1)
	s.apply(input.Input{Kind: input.Tick, At: s.at + int64(time.Minute)})
	if due, any := s.fold.Due(); any {
		t.Errorf("something is due at %s", clockOf(due))
	}
}

// TestOneInputClosesAndPassesOver: how the client stands is said all the same.
func TestOneInputClosesAndPassesOver(t *testing.T) {
	t.Parallel()
	s, c := newScene(t, anyRules), emitterID(1)
	s.numbered(0, c, 2)
	s.numbered(11*time.Minute, c, 3)
	got := s.gapsSaid(s.apply(input.SkippedInputs(c, []uint64{1, 9}, s.at)[0]))
	if want := "closed checkout 1-1: 0 at 00:11 since 00:00, 1 refused; now 0"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if got, want := s.gapsSaid(s.numbered(10*time.Minute, c, 10)), "missing checkout 4-8: 5 at 00:21 since 00:11; now 5"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

// TestAGapIsForgottenAfterAMonth while its client goes on, and with a client that does
// not.
func TestAGapIsForgottenAfterAMonth(t *testing.T) {
	t.Parallel()
	s, c := newScene(t, anyRules), emitterID(1)
	s.numbered(0, c, 4)
	s.numbered(0, emitterID(2), 2)
	s.numbered(15*24*time.Hour, c, 5)
	want := "forgotten checkout 1-1: 1 at 00:00 since 00:00; forgotten checkout 1-3: 3 at 00:00 since 00:00; now 0; now 0"
	if got := s.gapsSaid(s.numbered(15*24*time.Hour+time.Second, c, 6)); got != want || s.fold.Clients() != 1 {
		t.Errorf("%q, want %q; %d clients", got, want, s.fold.Clients())
	}
	if got := s.gapsSaid(s.numbered(time.Hour, c, 2)); got != "" {
		t.Errorf("what was forgotten came: %q", got)
	}
}

// TestARehearsalMissesNothing: it sees a part of a log only.
func TestARehearsalMissesNothing(t *testing.T) {
	t.Parallel()
	fold := decide.New(decide.Config{Memory: decide.NewMemory(), Rehearsal: true})
	body := []byte(`{"specversion":"1.0","id":"e","source":"s","type":"com.example.cart"}`)
	out, err := fold.Apply([]input.Input{
		genesis(t),
		{ID: fmt.Sprintf("event/%s.5", emitterID(1)), Kind: input.Event, At: start, Body: body},
		input.SkippedInputs(emitterID(1), []uint64{7}, start)[0],
		{Kind: input.Tick, At: start + 2*missing.GapAfter},
	})
	if err != nil || fold.Clients() != 0 {
		t.Fatalf("%d clients are known: %v", fold.Clients(), err)
	}
	for _, item := range out.Items {
		if item.Fact.Kind == decide.KindGap {
			t.Errorf("it says %s", item.Fact.Body)
		}
	}
}

// TestUnreadableSkips stop the fold: a log that this program wrote has none.
func TestUnreadableSkips(t *testing.T) {
	t.Parallel()
	s := newScene(t, anyRules)
	if _, err := s.fold.Apply([]input.Input{{Kind: input.Skipped, At: s.at, Body: []byte(`{"client":"x"}`)}}); err == nil || !strings.Contains(err.Error(), "skipped") {
		t.Errorf("error %v", err)
	}
}
