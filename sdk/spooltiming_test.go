//go:build go1.25

package makegood_test

import (
	"context"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/makegood/makegood/sdk"
)

// TestEventsAreOnDiskWhenDue looks how long an event is in memory alone, with and
// without SpoolSync, while the service is down and when it is up.
func TestEventsAreOnDiskWhenDue(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		down := newScript(func(_ int, w http.ResponseWriter) { w.WriteHeader(http.StatusBadGateway) })
		c := newClient(t, makegood.Handler(down), makegood.Spool(t.TempDir()))
		synctest.Wait()
		emit(c, 1)
		pass(199 * time.Millisecond)
		if r := c.Stats(); r.InMemory != 1 || r.Spooled != 0 {
			t.Errorf("before it is due: %+v", r)
		}
		pass(time.Millisecond)
		if r := c.Stats(); r.InMemory != 0 || r.Spooled != 1 {
			t.Errorf("when it is due: %+v", r)
		}
		emit(c, 500)
		synctest.Wait()
		if r := c.Stats(); r.Spooled != 501 {
			t.Errorf("as soon as a request is full: %+v", r)
		}
		leave(t, c)

		up := newScript(ok)
		c = newClient(t, makegood.Handler(up), makegood.Spool(t.TempDir()))
		synctest.Wait()
		emit(c, 3)
		pass(time.Second)
		if at, events := up.seen(); len(at) != 1 || at[0] != 200*time.Millisecond || events[0] != 3 {
			t.Errorf("requests at %v with %v events", at, events)
		}

		c = newClient(t, makegood.Handler(down), makegood.Spool(t.TempDir()), makegood.SpoolSync())
		began := time.Now()
		if err := c.TryEmit(context.Background(), "com.example.x"); err != nil || c.Stats().Spooled != 1 || time.Since(began) != 0 {
			t.Errorf("synced: %v after %s, %+v", err, time.Since(began), c.Stats())
		}
		leave(t, c)
	})
}

// TestAnOutageOfHoursFits emits once a second for three hours while the service is
// down, with the least memory. Everything arrives when it is back, in few requests.
func TestAnOutageOfHoursFits(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const outage = 3 * time.Hour
		s := newScript(nil)
		s.answer = func(_ int, w http.ResponseWriter) {
			if time.Since(s.start) < outage {
				w.WriteHeader(http.StatusServiceUnavailable)
				return
			}
			w.WriteHeader(http.StatusAccepted)
		}
		c := newClient(t, makegood.Handler(s), makegood.Memory(1<<20), makegood.Spool(t.TempDir()))
		const n = int(outage / time.Second)
		for range n {
			emit(c, 1)
			pass(time.Second)
		}
		if r := c.Stats(); r.Full != 0 || r.Accepted != int64(n) || r.Spooled+r.Delivered < int64(n) {
			t.Errorf("got %+v", r)
		}
		tries, _ := s.seen()
		if err := c.Flush(context.Background()); err != nil {
			t.Fatal(err)
		}
		all, _ := s.seen()
		if r := c.Stats(); r.Delivered != int64(n) || r.Spooled != 0 || len(all)-len(tries) > n/100 {
			t.Errorf("%+v after %d requests", r, len(all)-len(tries))
		}
	})
}
