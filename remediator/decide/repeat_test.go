package decide_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/input"
)

// An event that comes twice is counted twice where what was remembered of it went for want
// of room, inside of the lateness. That moves no money that it could have moved alone.
func TestForgottenRepeatsPayNothing(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		having  string
		between int // events until it comes again, of 20 that are remembered
		pays    int
	}{{"count() >= 2", 5, 0}, {"count() >= 2", 30, 0}, {"sum(data.n) > 1.0", 30, 0}, {"distinct(event.id) >= 2", 30, 0}} {
		s := newScene(t, fmt.Sprintf(moneyByWindow, "4d", c.having))
		s.fold.BoundEvents(20)
		at := s.at
		same := func() {
			s.n++
			s.apply(input.Input{ID: fmt.Sprintf("in-%d", s.n), Kind: input.Event, At: s.at, Body: fmt.Appendf(nil,
				`{"specversion":"1.0","id":"same","source":"/test","type":"com.example.bad","time":%q,"data":{"key":"k","n":1}}`,
				time.Unix(0, at).UTC().Format(time.RFC3339Nano))})
		}
		same()
		for n := range c.between {
			s.send(time.Second*10, fmt.Sprintf(`"key":"x-%d","n":0`, n))
		}
		before := s.count(decide.KindRemedy)
		same()
		if got := s.count(decide.KindRemedy) - before; got != c.pays {
			t.Errorf("%s, %d events between: %d remedies, want %d", c.having, c.between, got, c.pays)
		}
		s.send(time.Hour, `"key":"z","n":0`)
		forgotten := uint64(0)
		for _, f := range kind(s.facts, decide.KindProgress) {
			var p decide.ProgressFact
			if err := json.Unmarshal(f.Body, &p); err != nil {
				t.Fatal(err)
			}
			forgotten += p.EventsForgotten
		}
		if want := uint64(max(c.between+2-20, 0)); forgotten != want {
			t.Errorf("%d events between: %d are said to be forgotten, want %d", c.between, forgotten, want)
		}
	}
}

// again sends an event of an id at a time of its own, 0: it has none.
func (s *scene) again(id, data string, at int64) (remedies int) {
	s.t.Helper()
	s.n++
	own := ""
	if at != 0 {
		own = fmt.Sprintf(`"time":%q,`, time.Unix(0, at).UTC().Format(time.RFC3339Nano))
	}
	return len(kind(s.apply(input.Input{ID: fmt.Sprintf("in-%d", s.n), Kind: input.Event, At: s.at, Body: fmt.Appendf(nil,
		`{"specversion":"1.0","id":%q,"source":"/test","type":"com.example.bad",%s"data":{%s}}`, id, own, data)}), decide.KindRemedy))
}

// restore goes on with what the fold is encoded as.
func (s *scene) restore() {
	s.t.Helper()
	encoded, _, err := s.fold.State()
	if err != nil {
		s.t.Fatal(err)
	}
	if s.fold, err = decide.Restore(decide.Config{Memory: s.memory}, encoded); err != nil {
		s.t.Fatal(err)
	}
}

// What may be counted twice in the window of one key keeps no other one from paying; of more
// keys than are remembered it keeps all.
func TestDoubtsAreByKey(t *testing.T) {
	t.Parallel()
	s := newScene(t, fmt.Sprintf(moneyByWindow, "4d", "count() >= 3"))
	s.fold.BoundEvents(20)
	for n := range 40 {
		s.send(10*time.Second, fmt.Sprintf(`"key":"x-%d"`, n))
	}
	for range 3 {
		s.again("late", `"key":"z"`, s.at-int64(5*time.Minute))
		for n := range 20 {
			s.send(10*time.Second, fmt.Sprintf(`"key":"x-%d"`, n))
		}
	}
	before := s.count(decide.KindRemedy)
	for range 5 {
		s.send(time.Hour, `"key":"k"`)
		s.send(time.Second, `"key":"z"`)
	}
	if got := s.count(decide.KindRemedy) - before; got != 3 {
		t.Errorf("five events of a key that nobody doubts, and of one that is doubted, made %d remedies, want 3", got)
	}
	s.send(5*24*time.Hour, `"key":"z"`)
	s.send(time.Second, `"key":"z"`)
	if got := len(kind(s.send(time.Second, `"key":"z"`), decide.KindRemedy)); got != 1 {
		t.Errorf("the doubt lasts longer than the event counts")
	}
}

// TestDoubtsAreBounded holds that more keys than are remembered are all doubted.
func TestDoubtsAreBounded(t *testing.T) {
	t.Parallel()
	if got := decide.Doubted(decide.MaxDoubts, 7); got != 0 {
		t.Errorf("a key that nobody doubts is doubted up to %d", got)
	}
	if got, err := decide.DoubtedAfterRestore(7); err != nil || got != 7 {
		t.Errorf("restored without the keys, another one is doubted up to %d (%v), want 7", got, err)
	}
	if got := decide.Doubted(decide.MaxDoubts+1, 7); got != 7 {
		t.Errorf("beside more doubted keys than are remembered, one is doubted up to %d, want 7", got)
	}
}

// An event of a time to come counts as of now, each time that it comes.
func TestForgottenRepeatsOfATimeToCome(t *testing.T) {
	t.Parallel()
	s := newScene(t, fmt.Sprintf(moneyByWindow, "4d", "count() >= 2"))
	s.fold.BoundEvents(20)
	at := s.at + int64(50*time.Minute)
	s.again("same", `"key":"k"`, at)
	for n := range 40 {
		s.send(10*time.Second, fmt.Sprintf(`"key":"x-%d"`, n))
	}
	if got := s.again("same", `"key":"k"`, at); got != 0 {
		t.Errorf("one event that came twice made %d remedies", got)
	}
}

// An event that came before its time counts as of its time when it comes again after that,
// of which the memory of events does not tell that it came.
func TestForgottenRepeatsThatCameAheadOfTheirTime(t *testing.T) {
	t.Parallel()
	for _, restored := range []bool{false, true} {
		s := newScene(t, fmt.Sprintf(moneyByWindow, "4d", "count() >= 2"))
		s.fold.BoundEvents(20)
		at := s.at + int64(50*time.Minute)
		s.again("same", `"key":"k"`, at)
		for n := range 40 {
			s.send(10*time.Second, fmt.Sprintf(`"key":"x-%d"`, n))
		}
		s.send(time.Hour, `"key":"y"`)
		if restored {
			s.restore()
		}
		if got := s.again("same", `"key":"k"`, at); got != 0 {
			t.Errorf("restored %v: one event that came twice made %d remedies", restored, got)
		}
		s.again("one", `"key":"other"`, 0)
		if got := s.again("two", `"key":"other"`, 0); got != 1 {
			t.Errorf("restored %v: two events of another key made %d remedies", restored, got)
		}
	}
}

// A clock that is far ahead keeps no window from paying for longer than its event counts.
func TestClocksFarAheadAreDoubtedForAsLongAsTheyCount(t *testing.T) {
	t.Parallel()
	s := newScene(t, fmt.Sprintf(moneyByWindow, "1h", "count() >= 3"))
	s.fold.BoundEvents(20)
	s.again("of another century", `"key":"k"`, s.at+int64(70*365*24*time.Hour))
	for n := range 40 {
		s.send(10*time.Second, fmt.Sprintf(`"key":"x-%d"`, n))
	}
	s.send(3*time.Hour, `"key":"y"`)
	remedies := 0
	for n := range 5 {
		s.at += int64(time.Second)
		remedies += s.again(fmt.Sprint("fresh-", n), `"key":"k"`, s.at)
	}
	if remedies != 3 {
		t.Errorf("five events made %d remedies hours after one from a clock far ahead, want 3", remedies)
	}
	remedies = 0
	for n := range 5 { // of a clock that is fast, since long after the memory was full
		s.at += int64(time.Minute)
		remedies += s.again(fmt.Sprint("fast-", n), `"key":"fast"`, s.at+int64(2*time.Minute))
	}
	if remedies != 3 {
		t.Errorf("five events of a clock that is fast made %d remedies, want 3", remedies)
	}
}

// An event that came before its time counts up to a minute longer than since it came.
func TestRepeatsAreKnownAsLongAsTheyCount(t *testing.T) {
	t.Parallel()
	const within = 30 * 24 * time.Hour
	s := newScene(t, fmt.Sprintf(moneyByWindow, "30d", "count() >= 2"))
	at := s.at + int64(within+30*time.Second)
	s.again("same", `"key":"k"`, at)
	s.at += int64(within + time.Hour + 15*time.Second) // it is late from 15 seconds later on
	if got := s.again("same", `"key":"k"`, at); got != 0 {
		t.Errorf("one event that came twice made %d remedies", got)
	}
}

// A window that comes back begins empty: ids that it counts were forgotten in the meantime.
func TestWindowsThatComeBackBeginEmpty(t *testing.T) {
	t.Parallel()
	rules := fmt.Sprintf(moneyByWindow, "30d", "count() >= 2")
	for what, between := range map[string]string{
		"edited and edited back": strings.Replace(rules, "30d", "5d", 1),
		"away":                   strings.Replace(rules, "rule: r\n", "rule: other\n", 1),
	} {
		s := newScene(t, rules)
		s.again("same", `"key":"k"`, 0)
		for range 10 {
			s.send(24*time.Hour, `"key":"x"`)
		}
		if got := s.again("same", `"key":"k"`, 0); got != 0 {
			t.Fatalf("a repeat made %d remedies", got)
		}
		s.activate(between)
		s.send(time.Second, `"key":"y"`)
		s.activate(rules)
		if got := s.again("same", `"key":"k"`, 0); got != 0 {
			t.Errorf("%s: one event that came twice made %d remedies", what, got)
		}
	}
}
