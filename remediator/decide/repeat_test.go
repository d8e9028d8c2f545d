package decide_test

import (
	"encoding/json"
	"fmt"
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
