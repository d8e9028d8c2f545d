package decide_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/makegood/makegood/remediator/decide"
)

// What a coarse window leaves out at its edge may let `having` hold: a rule that
// pays then waits, and one that does not pay fires.
func TestCoarseEdgePaysNothing(t *testing.T) {
	t.Parallel()
	const text = `rules:
  - rule: r
    owner: o
    why: w
    event: com.example.bad
    if: data.bad
    window: {within: 64h, after: keep}
    having: count() > 60 && avg(data.x) < 2.0
    once_per: data.order
    do:
      - DO
    limits: {budget: {amount: 1000.00 USD, within: 1d}}
    account: a
    mode: live
`
	pays := `refund: {payment: "${{ data.payment }}", amount: 1.00 USD}`
	pulls := `andon: {pull: a/b, level: yellow, reason: low}`
	for _, c := range []struct {
		name, do string
		after    time.Duration // from the first events to the last one
		want     int
	}{
		{"a rule that pays, with the first events at the edge", pays, 64*time.Hour + 15*time.Minute, 0},
		{"a rule that pulls", pulls, 64*time.Hour + 15*time.Minute, 1},
		{"a rule that pays, with the first events gone", pays, 65 * time.Hour, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := newScene(t, strings.Replace(text, "DO", c.do, 1))
			event := func(order, x int) string {
				return fmt.Sprintf(`"bad":true,"order":%d,"payment":"pi_%d","x":%d`, order, order, x)
			}
			s.send(0, event(0, 1)) // aligns what follows
			s.at = (s.at/int64(time.Hour)+1)*int64(time.Hour) + int64(30*time.Minute)
			for i := range 5 {
				s.send(0, event(1+i, 1000)) // in the middle of a granule
			}
			for i := range 70 {
				s.send(time.Hour/2, event(10+i, 1))
			}
			fired := len(kind(s.send(c.after-35*time.Hour, event(100, 1)), decide.KindRemedy))
			if fired != c.want {
				t.Errorf("%d remedies, want %d", fired, c.want)
			}
		})
	}
}

// kind picks the facts of a kind.
func kind(facts []decide.Fact, name string) []decide.Fact {
	var found []decide.Fact
	for _, f := range facts {
		if f.Kind == name {
			found = append(found, f)
		}
	}
	return found
}
