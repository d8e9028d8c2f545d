//go:build go1.25

package makegood_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/makegood/makegood/sdk"
)

// TestHeardTurns follows a connection from its beginning to the client's end.
func TestHeardTurns(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		svc := newAndon()
		svc.down()
		c, gate := asking(t, svc)
		turns := 0
		turn := func(do func(), want string) {
			t.Helper()
			_, turned := c.Heard()
			do()
			synctest.Wait()
			select {
			case <-turned:
				turns++
			default:
				t.Errorf("turn %d is not told", turns)
			}
			if trouble, again := c.Heard(); !strings.Contains(trouble, want) || want == "" && trouble != "" || again == turned {
				t.Errorf("turn %d: trouble %q, want %q", turns, trouble, want)
			}
		}
		trouble, turned := c.Heard()
		time.Sleep(time.Minute) // many tries
		if again, same := c.Heard(); trouble == "" || again == "" || same != turned {
			t.Errorf("trouble %q, then %q", trouble, again)
		}
		turn(func() { svc.answer(nil); time.Sleep(time.Minute) }, "")
		_, turned = c.Heard()
		svc.set("line", "red")
		time.Sleep(time.Hour) // heartbeats
		if trouble, same := c.Heard(); trouble != "" || same != turned || !gate.Closed() {
			t.Errorf("trouble %q while the service is heard", trouble)
		}
		turn(svc.down, "ended the stream")
		turn(func() { svc.answer(nil); time.Sleep(time.Minute) }, "")
		turn(func() { _ = c.Close() }, "closed")
		if turns != 4 {
			t.Errorf("%d turns", turns)
		}
	})
}

func TestHeardWithoutService(t *testing.T) {
	t.Parallel()
	var none *makegood.Client
	if trouble, turned := none.Heard(); trouble == "" || turned != nil {
		t.Errorf("got %q", trouble)
	}
	c := newClient(t, makegood.URL(""))
	if trouble, turned := c.Heard(); !strings.Contains(trouble, "disabled") || turned == nil {
		t.Errorf("got %q", trouble)
	}
}

// TestUnkeptGates tells the gates that the service cannot reach from others.
func TestUnkeptGates(t *testing.T) {
	t.Parallel()
	c := newClient(t, makegood.URL(""))
	var none *makegood.Client
	for _, u := range []struct {
		gate *makegood.Gate
		want bool
	}{
		{c.Gate("product/TABLE-7", makegood.FailOpen), false}, {c.Gate("no path", makegood.FailOpen), true},
		{none.Gate("product/TABLE-7", makegood.FailOpen), true}, {nil, true},
	} {
		if s := u.gate.State(); s.Unkept != u.want {
			t.Errorf("got %+v", s)
		}
	}
}
