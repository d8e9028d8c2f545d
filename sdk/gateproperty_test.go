//go:build go1.25

package makegood_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/makegood/makegood/sdk"
)

// TestGatesFollowAnyHistory pulls and releases cords, cuts streams, and takes the
// service down and up again in any order, restarts included. Gates must agree
// with a naive look at the cords whenever the service has been there for long
// enough, and none may open while it is away.
func TestGatesFollowAnyHistory(t *testing.T) {
	t.Parallel()
	for seed := range uint64(40) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := &history{T: t, rand: rand.New(rand.NewPCG(seed, 1)), svc: newAndon(), red: map[string]bool{}}
				c := newClient(t, makegood.Handler(h.svc), makegood.GateFile(filepath.Join(t.TempDir(), "gates")))
				defer c.Close()
				for i := range 60 {
					path := []string{"a", "b"}[i%2] + strings.Repeat("/x", i%4) + fmt.Sprint("/", i%5)
					h.gates = append(h.gates, c.Gate(path, makegood.Mode(i%3), makegood.MaxStale(time.Duration(30+i)*time.Second)))
				}
				for range 80 {
					h.step()
					h.check()
				}
				if h.agreed < 20 || h.sticky < 5 {
					t.Errorf("looked %d times at all gates and %d times at closed ones: too little", h.agreed, h.sticky)
				}
			})
		})
	}
}

// history is what happened to a service.
type history struct {
	*testing.T
	rand   *rand.Rand
	svc    *andon
	red    map[string]bool // as it is
	gates  []*makegood.Gate
	closed []*makegood.Gate // when the service went away
	away   bool
	back   time.Time // when it came back

	agreed, sticky int // how often what was checked
}

// step lets one thing happen, and some time pass.
func (h *history) step() {
	cord := []string{"a", "b", "a/x", "b/x", "a/x/x", "b/x/x/x", "a/0", "b/x/1", "a/x/x/2"}[h.rand.IntN(9)]
	switch h.rand.IntN(10) {
	case 0:
		h.svc.answer(nil) // cut off, or back
		h.returned()
	case 1:
		h.svc.down()
		if !h.away {
			h.closed = nil
			for _, g := range h.gates {
				if g.Closed() && g.State().Freshness == "known" {
					h.closed = append(h.closed, g)
				}
			}
		}
		h.away = true
	case 2:
		clear(h.red)
		levels := map[string]string{}
		for range h.rand.IntN(3) {
			levels[cord], h.red[cord] = "red", true
		}
		h.svc.restart(maps.Clone(levels))
		h.returned()
	default:
		level := []string{"red", "yellow", "open"}[h.rand.IntN(3)]
		h.red[cord] = level == "red"
		h.svc.set(cord, level)
	}
	pass(time.Duration(h.rand.Int64N(int64(20 * time.Second))))
}

func (h *history) returned() { h.away, h.back = false, time.Now() }

// check compares gates with what a person would say.
func (h *history) check() {
	if h.away {
		for _, g := range h.closed {
			h.sticky++
			if !g.Closed() {
				h.Errorf("a lost connection opened a gate: %s", g.State())
			}
		}
		return
	}
	if time.Since(h.back) < 10*time.Second { // the longest pause
		return
	}
	h.agreed++
	for _, g := range h.gates {
		path, want := g.State().Path, false
		for cord, red := range h.red {
			want = want || red && strings.HasPrefix(path+"/", cord+"/")
		}
		if g.Closed() != want {
			h.Errorf("want closed %v: %s", want, g.State())
		}
	}
}
