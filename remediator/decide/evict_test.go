package decide_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/makegood/makegood/remediator/decide"
)

// TestWindowsAreBounded feeds more keys than the windows of a rule may have, and
// more entries than they may hold: what goes is counted in progress facts, and
// the keys fed last still count.
func TestWindowsAreBounded(t *testing.T) {
	t.Parallel()
	const rules = `rules:
  - rule: r
    owner: o
    why: w
    event: com.example.bad
    window: {by: data.key, within: 64h}
    having: count() >= 2
    do: [{andon: {pull: a/b, level: yellow, reason: twice}}]
`
	for _, c := range []struct {
		name        string
		keys, bytes int
	}{{"keys", 32, 1 << 30}, {"bytes", 1 << 24, 32 * 17}} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := newScene(t, rules)
			s.fold.BoundWindows(c.keys, c.bytes)
			for key := range 100 {
				if fired := kind(s.send(time.Second, fmt.Sprintf(`"key":%d`, key)), decide.KindRemedy); len(fired) > 0 {
					t.Fatalf("key %d fired at its first event", key)
				}
			}
			if fired := kind(s.send(time.Second, `"key":99`), decide.KindRemedy); len(fired) != 1 {
				t.Error("the window that was fed last is gone")
			}
			if fired := kind(s.send(time.Second, `"key":0`), decide.KindRemedy); len(fired) != 0 {
				t.Error("the window that was fed first is still there")
			}
			s.send(time.Hour, `"key":101`)
			var lost uint64
			for _, f := range kind(s.facts, decide.KindProgress) {
				var p decide.ProgressFact
				if err := json.Unmarshal(f.Body, &p); err != nil {
					t.Fatal(err)
				}
				for _, l := range p.WindowsLost {
					if l.Rule != "r" || l.Parts != 0 {
						t.Errorf("lost is %+v", l)
					}
					lost += l.Windows
				}
			}
			if lost < 68 || lost > 72 {
				t.Errorf("%d windows are counted as lost, want the 68 that did not fit, or a few more", lost)
			}
		})
	}
}

// What is evicted makes room, and pays nobody: having must hold whatever a window
// may have lost. It does for a count that is enough as it is.
func TestEvictionPaysNothing(t *testing.T) {
	t.Parallel()
	for having, fires := range map[string]int{
		"count() <= 1": 8, "count() == 1": 8, "distinct(data.key) < 2": 8, "share(data.n > 1) < 0.5": 8, "max(data.n) < 2": 8, "sum(data.n) < 2.0": 8, "count() >= 2": 1,
	} {
		s := newScene(t, fmt.Sprintf(`rules:
  - rule: r
    owner: o
    why: w
    event: com.example.bad
    window: {by: data.key, within: 64h}
    having: %s
    once_per: event.id
    do: [{credit: {customer: c, amount: 1.00 USD}}]
    limits: {budget: {amount: 1000.00 USD, within: 1d}}
    account: "1"
    mode: live
`, having))
		s.fold.BoundWindows(8, 1<<30)
		for key := range 8 {
			s.send(time.Second, fmt.Sprintf(`"key":%d,"n":1`, key))
		}
		s.send(time.Second, `"key":8,"n":1`) // evicts the first, and nobody knows that it is not 8 itself
		s.send(time.Second, `"key":0,"n":1`)
		s.restore()
		s.fold.BoundWindows(8, 1<<30)
		if s.send(time.Second, `"key":0,"n":1`); s.count(decide.KindRemedy) != fires {
			t.Errorf("%s: %d remedies, want %d", having, s.count(decide.KindRemedy), fires)
		}
		s.send(200*time.Hour, `"key":9,"n":1`)
		if s.send(time.Hour, `"key":10,"n":1`); s.count(decide.KindRemedy) != fires+map[int]int{8: 2}[fires] {
			t.Errorf("%s: when all of it is old, there are %d remedies", having, s.count(decide.KindRemedy))
		}
	}
}

// moneyByWindow is a rule that pays by what one window holds, at each event anew.
const moneyByWindow = `rules:
  - rule: r
    owner: o
    why: w
    event: com.example.bad
    window: {by: data.key, within: %s}
    having: %s
    once_per: event.id
    do: [{credit: {customer: c, amount: 1.00 USD}}]
    limits: {budget: {amount: 1000.00 USD, within: 1d}}
    account: "1"
    mode: live
`

// A window of more parts than it may have loses the oldest, which an event that comes late
// may still ask about: it moves no money that they could have kept.
func TestPartsThatWentPayNothing(t *testing.T) {
	t.Parallel()
	for having, fires := range map[string]int{
		"count() <= 30": 0, "sum(data.n) < 50.0": 0, "distinct(event.id) < 30": 0, "count() >= 20": 1,
	} {
		s := newScene(t, fmt.Sprintf(moneyByWindow, "10s", having))
		const parts = 4400
		for i := range parts {
			s.send(160*time.Millisecond, fmt.Sprintf(`"key":"k","n":%d`, 1+i%2))
		}
		before := s.count(decide.KindRemedy)
		s.restore()
		const behind = 4070 * 160 * time.Millisecond // its window had some sixty events, and has half of them
		s.emit(0, "com.example.bad", behind, `"key":"k","n":3`)
		if got := s.count(decide.KindRemedy) - before; got != fires {
			t.Errorf("%s: an event %s late made %d remedies, want %d", having, behind, got, fires)
		}
	}
}

// A window of more events than it keeps one by one has the granule at its edge whole or not
// at all: a condition with a hole in the middle moves no money by what lies on both sides.
func TestHoleInACondition(t *testing.T) {
	t.Parallel()
	for having, fires := range map[string]int{
		"count() < 60 || count() > 100":                  0,
		"(count() - 80.0) * (count() - 80.0) > 50.0":     0,
		"count() > 100 ? true : count() < 60":            0,
		"!(count() >= 60 && count() <= 100)":             0,
		"count() != 80":                                  0,
		"count() >= 31 && count() <= 131":                1,
		"count(data.other) / count() >= 0.2":             1,
		"count(data.other) / sum(data.n) >= 0.2":         1,
		"count(data.other) / sum(data.m) > -9.0":         0, // what it is divided by may be nothing
		"!(count() < 3)":                                 1,
		"data.other ? count() >= 3 : count() >= 900":     1,
		"count() + sum(data.n) > 50.0 || count() > 900":  1,
		"count() >= 31 && (count() < 140 || data.other)": 1,
	} {
		s := newScene(t, fmt.Sprintf(moneyByWindow, "64m", "'data.go && ("+having+")'"))
		s.at += int64(time.Minute) - s.at%int64(time.Minute)
		for range 100 { // in one granule, a minute: two a second
			s.send(500*time.Millisecond, `"key":"k","n":1,"m":-1,"other":true,"go":false`)
		}
		end := s.at
		for range 30 {
			s.send(10*time.Second, `"key":"k","n":1,"m":2,"other":true,"go":false`)
		}
		// The window begins in the midst of the granule: with half of the hundred it has 81.
		facts := s.send(time.Duration(end-s.at)-25*time.Second+64*time.Minute, `"key":"k","n":1,"m":2,"other":true,"go":true`)
		if got := len(kind(facts, decide.KindRemedy)); got != fires {
			t.Errorf("%s: %d remedies of a window of 81, want %d", having, got, fires)
		}
	}
}

// An event that comes behind others may lie with a later one in the granule that its window
// leaves out: that is no window without values, of which an average is an error.
func TestAloneAtTheEdge(t *testing.T) {
	t.Parallel()
	for _, having := range []string{"avg(data.n) > 0.0", "min(data.n) > 0.0", "max(data.n) > 0.0"} {
		for _, steps := range []string{"[{credit: {customer: c, amount: 1.00 USD}}]", "[{andon: {pull: product/x, level: yellow, reason: bad}}]"} {
			s := newScene(t, strings.Replace(fmt.Sprintf(moneyByWindow, "64m", having), "[{credit: {customer: c, amount: 1.00 USD}}]", steps, 1))
			s.at += int64(time.Minute) - s.at%int64(time.Minute) + int64(30*time.Second)
			for range 80 {
				s.send(100*time.Millisecond, `"key":"k","n":1`)
			}
			s.emit(0, "com.example.bad", 20*time.Minute, `"key":"k","n":1`)
			if facts := s.emit(0, "com.example.bad", 20*time.Minute+1, `"key":"k","n":1`); count(facts, decide.KindError) != 0 {
				t.Errorf("%s, %s: it is an error", having, steps)
			}
		}
	}
	s := newScene(t, fmt.Sprintf(moneyByWindow, "64m", "avg(data.n, data.n > 1) > 0.0"))
	for range 80 {
		s.send(100*time.Millisecond, `"key":"k","n":1`)
	}
	if got := s.count(decide.KindError); got != 1 {
		t.Errorf("an average of nothing is %d errors, want one", got)
	}
}

// However many aggregates the steps call, having alone says whether money moves.
func TestManyAggregatesInSteps(t *testing.T) {
	t.Parallel()
	var calls []string
	for n := range 9 {
		calls = append(calls, fmt.Sprintf("count(data.n > %d)", n))
	}
	const pays = "do: ["
	s := newScene(t, strings.Replace(fmt.Sprintf(moneyByWindow, "64h", "count() >= 70"), pays,
		pays+`{webhook: {to: crm, data: {sum: "${{ `+strings.Join(calls, " + ")+` }}"}}}, `, 1))
	s.at = (s.at/int64(time.Hour) + 1) * int64(time.Hour)
	for n := range 80 {
		s.send(time.Second, fmt.Sprintf(`"key":"k","n":%d`, n)) // of which some leave the window
	}
	s.at += int64(10 * time.Hour)
	for n := range 80 {
		s.send(time.Second, fmt.Sprintf(`"key":"k","n":%d`, n))
	}
	before := s.count(decide.KindRemedy)
	if s.send(54*time.Hour-120*time.Second, `"key":"k","n":1`); s.count(decide.KindRemedy) != before+1 {
		t.Errorf("%d remedies, want 1", s.count(decide.KindRemedy)-before)
	}
}
