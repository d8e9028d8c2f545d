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

// unlessRule credits an order that is not delivered in time.
func unlessRule(unless, extra string) string {
	return set(fmt.Sprintf(`  - rule: undelivered
    owner: shop
    why: because
    event: com.example.shipped
    unless: {event: com.example.delivered, by: data.order, %s}
    once_per: data.order
    do:
      - credit: {customer: "${{ event.customer }}", amount: "${{ data.owed }}"}
    limits:
      budget: {amount: 20.00 USD, within: 30d}
%s    account: "1"
    mode: live
`, unless, extra))
}

const (
	shipped   = "com.example.shipped"
	delivered = "com.example.delivered"
	hour      = time.Hour
	days2     = 48 * hour
)

// emit folds an event of a type after a while; behind is how much older it is.
func (s *scene) emit(after time.Duration, eventType string, behind time.Duration, data string) []decide.Fact {
	s.t.Helper()
	s.n++
	s.at += int64(after)
	body := fmt.Sprintf(`{"specversion":"1.0","id":"ev-%d","source":"/test","type":%q,"customer":"c-1","time":%q,"data":{%s}}`,
		s.n, eventType, time.Unix(0, s.at-int64(behind)).UTC().Format(time.RFC3339Nano), data)
	return s.apply(input.Input{ID: fmt.Sprintf("in-%d", s.n), Kind: input.Event, At: s.at, Body: []byte(body)})
}

const seven = `"order":7,"owed":"5.00 USD"`

// wantNone holds that nothing was decided.
func wantNone(t *testing.T, facts []decide.Fact) {
	t.Helper()
	for _, f := range facts {
		if f.Kind != decide.KindProgress && f.Kind != decide.KindSnapshot {
			t.Errorf("there is a fact: %s %s", f.Kind, f.Body)
		}
	}
}

func TestAbsenceFiresAtDeadlineAndLateness(t *testing.T) {
	t.Parallel()
	s := newScene(t, unlessRule("within: 48h", ""))
	s.tick(minute)
	at := s.at
	wantNone(t, s.emit(0, shipped, 0, seven))
	ordinal := s.fold.Position().Ordinal
	s.tick(minute) // seals progress, so that nothing else is due
	if due, any := s.fold.Due(); !any || due > at+int64(days2+hour) {
		t.Errorf("the next timer is due at %d (%t)", due, any)
	}
	wantNone(t, s.tick(days2+hour-minute-1))
	facts := s.tick(1)
	r := wantDecision(t, facts, decide.Act, "")
	for _, f := range facts {
		if f.Kind == decide.KindRemedy && f.At != at+int64(days2+hour) {
			t.Errorf("it is stamped %d, want the deadline %d", f.At, at+int64(days2+hour))
		}
	}
	if r.Opened == nil || r.Opened.Ordinal != ordinal || r.Opened.Deadline != time.Unix(0, at+int64(days2)).UTC().Format(time.RFC3339Nano) || r.Opened.Digest != r.Digest ||
		r.Event != "ev-2" || r.Customer != "c-1" || r.Steps[0].Amount.String() != "5.00 USD" || r.Key != "1:7" {
		t.Errorf("the remedy is %+v, opened %+v", r, r.Opened)
	}
	if len(s.jobs) != 1 {
		t.Errorf("%d credits, want 1", len(s.jobs))
	}
	wantNone(t, s.tick(30*24*hour))
}

// After days of downtime the deadline is still the time of the decision: what
// comes next finds it decided, and the budget as it was then.
func TestAbsenceFiresAfterDowntime(t *testing.T) {
	t.Parallel()
	s := newScene(t, unlessRule("within: 48h", ""))
	at := s.at
	s.emit(0, shipped, 0, seven)
	s.emit(time.Second, shipped, 0, `"order":8,"owed":"18.00 USD"`)
	facts := s.emit(9*24*hour, delivered, 0, `"order":7`)
	var got []string
	for _, f := range facts {
		if f.Kind == decide.KindRemedy {
			got = append(got, fmt.Sprint(time.Duration(f.At-at)))
		}
	}
	if fmt.Sprint(got) != "[49h0m0s 49h0m1s]" {
		t.Errorf("remedies are stamped %v, want 49h0m0s and 49h0m1s after the start", got)
	}
	if len(s.jobs) != 1 { // the second is above the budget
		t.Errorf("%d credits, want 1", len(s.jobs))
	}
}

// What is held after days of downtime waits for people from then on: nobody could
// have answered before.
func TestAbsenceHeldAfterDowntime(t *testing.T) {
	t.Parallel()
	s := newScene(t, unlessRule("within: 48h", ""))
	s.emit(0, shipped, 0, `"order":7,"owed":"50.00 USD"`)
	r := wantDecision(t, s.tick(20*24*hour), decide.Hold, decide.ReasonBudget)
	s.tick(7*24*hour - 1)
	if ended := s.count(decide.KindEnd); ended != 0 {
		t.Fatal("it expired before anybody could have looked for a week")
	}
	s.answer(decide.CommandApprove, r.Remedy, "bob", decide.RoleApprover)
	if len(s.jobs) != 1 {
		t.Errorf("%d credits, want 1", len(s.jobs))
	}
	s.emit(0, shipped, 0, `"order":8,"owed":"50.00 USD"`)
	s.tick(15 * 24 * hour)
	if s.tick(7 * 24 * hour); s.count(decide.KindEnd) != 1 {
		t.Errorf("%d remedies ended, want the one that nobody answered", s.count(decide.KindEnd))
	}
}

func TestCounterparts(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		play  func(s *scene)
		fires bool
	}{
		"none":                      {func(*scene) {}, true},
		"in time":                   {func(s *scene) { s.emit(days2-minute, delivered, 0, seven) }, false},
		"at the deadline":           {func(s *scene) { s.emit(days2, delivered, 0, seven) }, false},
		"after the deadline":        {func(s *scene) { s.emit(days2+1, delivered, 0, seven) }, true},
		"late, of time":             {func(s *scene) { s.emit(days2+hour-1, delivered, hour-1, seven) }, false},
		"very late, of time":        {func(s *scene) { s.emit(days2+hour-1, delivered, 30*hour, seven) }, false},
		"as it fires, of time":      {func(s *scene) { s.emit(days2+hour, delivered, hour, seven) }, true}, // it comes behind the firing
		"late, after the deadline":  {func(s *scene) { s.emit(days2+hour-1, delivered, hour-2, seven) }, true},
		"of another order":          {func(s *scene) { s.emit(hour, delivered, 0, `"order":8`) }, true},
		"without an order":          {func(s *scene) { s.emit(hour, delivered, 0, `"x":8`) }, true},
		"of an hour before":         {func(s *scene) { s.emit(minute, delivered, hour+minute, seven) }, false},
		"of more than an hour":      {func(s *scene) { s.emit(minute, delivered, hour+minute+1, seven) }, true},
		"ahead of its time":         {func(s *scene) { s.emit(days2-minute, delivered, -10*hour, seven) }, false}, // counts a minute ahead at most
		"after another opened":      {func(s *scene) { s.emit(hour, shipped, 0, seven); s.emit(days2-hour, delivered, 0, seven) }, false},
		"after what opened again":   {func(s *scene) { s.emit(hour, shipped, 0, seven); s.emit(days2-hour+1, delivered, 0, seven) }, true},
		"before what arrived later": {func(s *scene) { s.emit(hour, delivered, 0, seven); s.emit(minute, shipped, 2*minute, seven) }, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newScene(t, unlessRule("within: 48h", ""))
			s.emit(0, shipped, 0, seven)
			c.play(s)
			s.tick(5 * 24 * hour)
			if fired := s.count(decide.KindRemedy); fired != map[bool]int{true: 1, false: 0}[c.fires] {
				t.Errorf("it made %d remedies", fired)
			}
		})
	}
}

func (s *scene) count(kind string) int {
	n := 0
	for _, f := range s.facts {
		if f.Kind == kind {
			n++
		}
	}
	return n
}

// What came before the event counts when it is no more than the lateness older.
func TestCounterpartBefore(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		before, behind time.Duration // of the counterpart's arrival before the event's, and of the event
		fires          bool
	}{
		{0, 0, false}, {hour, 0, false}, {hour + 1, 0, true}, {2 * hour, hour, false}, {2*hour + 1, hour, true}, {minute, minute, false},
	} {
		s := newScene(t, unlessRule("within: 48h", ""))
		s.tick(5 * hour)
		s.emit(0, delivered, 0, seven)
		s.emit(c.before, shipped, c.behind, seven)
		s.tick(5 * 24 * hour)
		if fired := s.count(decide.KindRemedy); fired != map[bool]int{true: 1, false: 0}[c.fires] {
			t.Errorf("a counterpart %v before an event %v behind: %d remedies", c.before, c.behind, fired)
		}
	}
}

func TestWhatDoesNotWait(t *testing.T) {
	t.Parallel()
	t.Run("a late event", func(t *testing.T) {
		t.Parallel()
		s := newScene(t, unlessRule("within: 48h", ""))
		one[decide.LateFact](t, s.emit(5*hour, shipped, hour+1, seven), decide.KindLate)
	})
	t.Run("without a key", func(t *testing.T) {
		t.Parallel()
		s := newScene(t, strings.Replace(unlessRule("within: 48h", ""), "once_per: data.order", "once_per: data.parcel", 1))
		one[decide.NoKeyFact](t, s.emit(0, shipped, 0, seven), decide.KindNoKey)
		s.tick(5 * 24 * hour)
		if n := s.count(decide.KindRemedy); n != 0 {
			t.Errorf("%d remedies", n)
		}
	})
	t.Run("without what it has in common", func(t *testing.T) {
		t.Parallel()
		s := newScene(t, unlessRule("within: 48h", ""))
		if e := one[decide.ErrorFact](t, s.emit(0, shipped, 0, `"x":7`), decide.KindError); e.Code != "by" {
			t.Errorf("the error is of %q", e.Code)
		}
	})
	t.Run("a sample", func(t *testing.T) {
		t.Parallel()
		s := newScene(t, unlessRule("within: 48h", ""))
		body := fmt.Appendf(nil, `{"specversion":"1.0","id":"x","source":"/test","type":%q,"sampledrate":10,"customer":"c","data":{%s}}`, shipped, seven)
		s.apply(input.Input{ID: "sample", Kind: input.Event, At: s.at, Body: body})
		s.tick(5 * 24 * hour)
		if n := s.count(decide.KindRemedy); n != 0 {
			t.Errorf("%d remedies of an event that stands for others", n)
		}
	})
}

func TestUntil(t *testing.T) {
	t.Parallel()
	until := func(s *scene, after time.Duration) string {
		return seven + fmt.Sprintf(`,"promised":%q`, time.Unix(0, s.at+int64(after)).UTC().Format(time.RFC3339Nano))
	}
	for _, promised := range []time.Duration{72 * hour, hour, 0, -30 * minute, -100 * hour} {
		s := newScene(t, unlessRule("until: timestamp(data.promised)", ""))
		at := s.at
		s.emit(0, shipped, 0, until(s, promised))
		s.tick(minute)
		s.tick(5 * 24 * hour)
		for _, f := range s.facts {
			if want := at + int64(max(promised+hour, 0)); f.Kind == decide.KindRemedy && f.At != want {
				t.Errorf("promised %v: decided %v after the event, want %v", promised, time.Duration(f.At-at), time.Duration(want-at))
			}
		}
		if n := s.count(decide.KindRemedy); n != 1 {
			t.Errorf("promised %v: %d remedies, want 1", promised, n)
		}
	}
	for _, data := range []string{seven, seven + `,"promised":"soon"`, seven + `,"promised":"9999-01-01T00:00:00Z"`, seven + `,"promised":"2003-01-01T00:00:00Z"`} {
		s := newScene(t, unlessRule("until: timestamp(data.promised)", ""))
		if e := one[decide.ErrorFact](t, s.emit(0, shipped, 0, data), decide.KindError); e.Code != "until" {
			t.Errorf("%s: the error is of %q", data, e.Code)
		}
	}
}

// The counterpart may be an event of the rule's own type: each ends the one
// before it and waits for the next.
func TestHeartbeat(t *testing.T) {
	t.Parallel()
	rules := set(`  - rule: silent
    owner: shop
    why: because
    event: com.example.beat
    unless: {event: com.example.beat, by: data.host, within: 5m}
    do: [{andon: {pull: "host/${{ data.host }}", level: yellow, reason: silent}}]
    mode: live
`)
	s := newScene(t, rules)
	beat := func(after, behind time.Duration) { s.emit(after, "com.example.beat", behind, `"host":"a"`) }
	beat(0, 0)
	for range 90 {
		beat(4*minute, 0)
	}
	beat(6*minute, 2*minute+1) // of within five minutes
	if n := s.count(decide.KindRemedy); n != 0 {
		t.Fatalf("%d remedies while it beats", n)
	}
	s.tick(5 * hour)
	if n := s.count(decide.KindRemedy); n != 1 {
		t.Errorf("%d remedies of silence, want 1", n)
	}
	s.wantLevel("host/a", cord.Yellow)
	s.tick(24 * hour)
	if n := s.count(decide.KindRemedy); n != 1 {
		t.Errorf("%d remedies of one silence, want 1", n)
	}
}

// What people change while an event waits.
func TestEditsWhileWaiting(t *testing.T) {
	t.Parallel()
	const unless = "within: 48h"
	rules := unlessRule(unless, "")
	for name, c := range map[string]struct {
		edited           string
		decision, reason string // none when what waited is dropped
	}{
		"why and limits":     {strings.NewReplacer("why: because", "why: else", "20.00 USD", "4.00 USD").Replace(rules), decide.Hold, decide.ReasonBudget},
		"the steps":          {strings.Replace(rules, `"${{ data.owed }}"`, "1.00 USD", 1), decide.Hold, decide.ReasonEdited},
		"the key":            {strings.Replace(rules, "once_per: data.order", "once_per: [data.order, data.owed]", 1), decide.Hold, decide.ReasonEdited},
		"a let":              {strings.Replace(rules, "    do:", "    let: {x: data.y}\n    do:", 1), decide.Hold, decide.ReasonEdited},
		"only the style":     {strings.Replace(rules, "once_per: data.order", "once_per: \"data.order\" # the order", 1), decide.Act, ""},
		"to shadow":          {strings.Replace(rules, "mode: live", "mode: shadow", 1), decide.Act, ""},
		"how long":           {strings.Replace(rules, "48h", "47h", 1), "", ""},
		"the counterpart":    {strings.Replace(rules, "com.example.delivered", "com.example.*", 1), "", ""},
		"which events count": {strings.Replace(rules, "    once_per", "    if: data.order > 0\n    once_per", 1), "", ""},
		"another name":       {strings.Replace(strings.Replace(rules, "rule: undelivered", "rule: other", 1), "once_per: data.order", "once_per: {key: data.order, scope: undelivered}", 1), "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newScene(t, rules)
			digest := s.fold.Rules().Rules[0].Digest
			s.emit(0, shipped, 0, seven)
			s.tick(hour)
			s.activate(c.edited)
			if c.decision == "" {
				if d := one[decide.DroppedFact](t, s.facts, decide.KindDropped); d.Events != 1 {
					t.Errorf("%d events were dropped, want 1", d.Events)
				}
				wantNone(t, s.tick(5*24*hour))
				return
			}
			if n := s.count(decide.KindDropped); n != 0 {
				t.Errorf("%d facts of what was dropped", n)
			}
			r := wantDecision(t, s.tick(5*24*hour), c.decision, c.reason)
			if r.Opened.Digest != digest || r.Digest != s.fold.Rules().Rules[0].Digest || r.Steps[0].Amount.String() != "5.00 USD" {
				t.Errorf("the remedy is %+v, opened %+v", r, r.Opened)
			}
			if r.Mode == "shadow" && len(s.jobs) > 0 {
				t.Error("a rule in shadow acted")
			}
		})
	}
}

// A counterpart that came before the rule was in force was not looked at: what it may be
// the counterpart of does not wait, and pays nothing.
func TestCounterpartBeforeTheRuleWasInForce(t *testing.T) {
	t.Parallel()
	rules := unlessRule("within: 48h", "")
	for name, before := range map[string]string{"edited": strings.Replace(rules, "48h", "47h", 1), "new": "rules: []\n"} {
		s := newScene(t, before)
		s.emit(hour, delivered, 0, seven)
		s.activate(rules)
		if e := one[decide.ErrorFact](t, s.emit(time.Second, shipped, -2*time.Second, seven), decide.KindError); e.Code != "forgotten" {
			t.Errorf("%s: the error is %+v", name, e)
		}
		wantNone(t, s.tick(5*24*hour))
		s.emit(0, shipped, 0, `"order":8,"owed":"5.00 USD"`)
		wantDecision(t, s.tick(5*24*hour), decide.Act, "")
	}
	s := newScene(t, rules) // at the beginning of a log nothing can have come before
	s.emit(time.Second, shipped, -2*time.Second, seven)
	wantDecision(t, s.tick(5*24*hour), decide.Act, "")
}

// The first rules of a service do not know either what came before them, however long ago
// that was counted.
func TestCounterpartBeforeTheFirstRules(t *testing.T) {
	t.Parallel()
	for _, wait := range []time.Duration{time.Second, 5 * time.Minute} {
		s := &scene{t: t, memory: decide.NewMemory(), at: start}
		s.fold = decide.New(decide.Config{Memory: s.memory})
		s.apply(genesis(t))
		s.emit(0, delivered, 0, seven)
		s.tick(wait)
		s.activate(unlessRule("within: 48h", ""))
		if e := one[decide.ErrorFact](t, s.emit(time.Second, shipped, wait+3*time.Second, seven), decide.KindError); e.Code != "forgotten" {
			t.Errorf("%v after the counterpart: the error is %+v", wait, e)
		}
		wantNone(t, s.tick(5*24*hour))
	}
}

// Tokens and other commands may stand before the first rules, however long: where no event
// came yet, no counterpart did.
func TestFirstRulesBehindCommands(t *testing.T) {
	t.Parallel()
	s := &scene{t: t, memory: decide.NewMemory(), at: start}
	s.fold = decide.New(decide.Config{Memory: s.memory})
	s.apply(genesis(t))
	s.done(time.Second, decide.CommandBody{Command: decide.CommandPause, By: "ann", Roles: []string{"operator"}, Target: decide.TargetMoney, Reason: "not yet"})
	s.tick(2 * hour)
	s.done(time.Second, decide.CommandBody{Command: decide.CommandResume, By: "bob", Roles: []string{"operator"}, Target: decide.TargetMoney, Reason: "now"})
	s.activate(unlessRule("within: 48h", ""))
	s.emit(time.Second, shipped, 0, seven)
	wantDecision(t, s.tick(5*24*hour), decide.Act, "")
}

// One key is paid once, though its event waits again after it fired.
func TestAbsenceTakesItsKeyOnce(t *testing.T) {
	t.Parallel()
	s := newScene(t, unlessRule("within: 48h", ""))
	s.emit(0, shipped, 0, seven)
	s.tick(3 * 24 * hour)
	s.emit(0, shipped, 0, seven)
	d := one[decide.DuplicateFact](t, s.tick(3*24*hour), decide.KindDuplicate)
	if d.Opened == nil || len(s.jobs) != 1 {
		t.Errorf("the duplicate is %+v, %d credits", d, len(s.jobs))
	}
}

// A pause stops what fires while it lasts, whenever its event came.
func TestAbsenceIsPausedWhenItFires(t *testing.T) {
	t.Parallel()
	s := newScene(t, unlessRule("within: 48h", ""))
	s.emit(0, shipped, 0, seven)
	s.done(hour, decide.CommandBody{Command: decide.CommandPause, By: "ann", Roles: []string{"operator"}, Target: decide.TargetRule("undelivered"), Reason: "look"})
	wantDecision(t, s.tick(5*24*hour), decide.Hold, decide.ReasonPaused)
}

// Steps that cannot be computed hold the remedy, as those of any other rule.
func TestAbsenceWithStepsInError(t *testing.T) {
	t.Parallel()
	s := newScene(t, unlessRule("within: 48h", ""))
	s.emit(0, shipped, 0, `"order":7`)
	wantDecision(t, s.tick(5*24*hour), decide.Hold, decide.ReasonError)
}

// More than 64 counterparts of one key are not remembered. An event that one of
// the forgotten may belong to does not wait, so nothing is paid for it.
func TestForgottenCounterpartsPayNothing(t *testing.T) {
	t.Parallel()
	s := newScene(t, unlessRule("until: timestamp(data.promised)", ""))
	s.tick(hour)
	first := s.at + int64(time.Second)
	for range 70 {
		s.emit(time.Second, delivered, 0, seven)
	}
	promised := func(after time.Duration) string {
		return seven + fmt.Sprintf(`,"promised":%q`, time.Unix(0, first+int64(after)).UTC().Format(time.RFC3339Nano))
	}
	if e := one[decide.ErrorFact](t, s.emit(0, shipped, 0, promised(2*time.Second)), decide.KindError); e.Code != "forgotten" {
		t.Errorf("the error is of %q", e.Code)
	}
	wantNone(t, s.emit(0, shipped, 0, promised(6*time.Second))) // that one is still known
	s.tick(5 * 24 * hour)
	if n := s.count(decide.KindRemedy); n != 0 {
		t.Errorf("%d remedies", n)
	}
}

// When no more events can wait, a further one does not, and the others do.
func TestWaitingIsBounded(t *testing.T) {
	t.Parallel()
	s := newScene(t, strings.Replace(unlessRule("within: 48h", ""), "20.00 USD", "500.00 USD", 1))
	s.fold.BoundWaiting(3, 100)
	numbered := func(n int) string { return fmt.Sprintf(`"order":%d,"owed":"5.00 USD"`, n) }
	for n := range 5 {
		facts := s.emit(minute, shipped, 0, numbered(n))
		if n == 3 { // the first is sealed, all are counted
			if e := one[decide.ErrorFact](t, facts, decide.KindError); e.Code != "full" {
				t.Errorf("the error is of %q", e.Code)
			}
		}
	}
	s.emit(minute, delivered, 0, numbered(1))
	wantNone(t, s.emit(minute, shipped, 0, numbered(6))) // there is room again
	s.tick(5 * 24 * hour)
	if n := s.count(decide.KindRemedy); n != 3 {
		t.Errorf("%d remedies, want those of the first, the third and the last", n)
	}
}

// A counterpart that is not remembered for want of room may be that of any event
// of the hour after it: none of these waits, so none is paid.
func TestForgettingForWantOfRoomPaysNothing(t *testing.T) {
	t.Parallel()
	s := newScene(t, unlessRule("within: 48h", ""))
	s.fold.BoundWaiting(100, 2)
	s.tick(5 * hour)
	for n := range 4 {
		s.emit(time.Second, delivered, 0, fmt.Sprintf(`"order":%d`, n))
	}
	if e := one[decide.ErrorFact](t, s.emit(hour, shipped, 0, `"order":3,"owed":"5.00 USD"`), decide.KindError); e.Code != "forgotten" {
		t.Errorf("the error is of %q", e.Code)
	}
	wantNone(t, s.emit(time.Second, shipped, 0, `"order":9,"owed":"5.00 USD"`)) // too long after the last of them
	s.tick(5 * 24 * hour)
	if n := s.count(decide.KindRemedy); n != 1 {
		t.Errorf("%d remedies, want one", n)
	}
}
