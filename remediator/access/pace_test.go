package access_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/makegood/makegood/remediator/access"
)

// TestPaceOfMany holds what a crowd of new callers costs when as many are remembered as may
// be: all are looked at once for each tenth that is new, whether each finds one who has
// gone or nobody has. And whoever used up their turns does not get them back by it.
func TestPaceOfMany(t *testing.T) {
	t.Parallel()
	const room, crowd = access.MaxPaced, 5 * access.MaxPaced / 10
	for name, between := range map[string]time.Duration{"one goes as another comes": time.Second / (room - 2), "all come at once": 0} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			now, p := time.Unix(1_000_000, 0), access.NewPace(1, 2)
			come := func(n int) {
				now = now.Add(between)
				if !p.Take(fmt.Sprint(n), now).May {
					t.Fatalf("caller %d has no turn", n)
				}
			}
			for n := range room - 1 {
				come(n)
			}
			for p.Take("hasty", now).May {
			}
			if got := p.Remembered(); got != room {
				t.Fatalf("%d callers are remembered, want %d", got, room)
			}
			looks := 0
			for n := range crowd {
				before := p.Remembered()
				come(room + n)
				after := p.Remembered()
				if after <= before {
					looks++
				}
				if after > room {
					t.Fatalf("%d callers are remembered", after)
				}
			}
			if looks != 5 {
				t.Errorf("of %d new callers %d had all looked at, want 5", crowd, looks)
			}
			if p.Left("hasty", now) {
				t.Error("who used up their turns has some again")
			}
		})
	}
}
