package web

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/makegood/makegood/remediator/access"
)

// line is a connection to somebody who listens. One that is stuck takes nothing after its
// first words: a write waits until its deadline.
type line struct {
	*httptest.ResponseRecorder
	stuck bool

	mu       sync.Mutex
	deadline time.Time
	taken    []string
}

func (l *line) Write(words []byte) (int, error) {
	l.mu.Lock()
	wait, stuck := time.Until(l.deadline), l.stuck && len(l.taken) > 0
	if !stuck {
		l.taken = append(l.taken, string(words))
	}
	l.mu.Unlock()
	if stuck {
		<-time.After(wait)
		return 0, os.ErrDeadlineExceeded
	}
	return len(words), nil
}

// SetWriteDeadline is what http.ResponseController looks for.
func (l *line) SetWriteDeadline(at time.Time) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.deadline = at
	return nil
}

// words counts those that somebody was told.
func (l *line) words() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Count(strings.Join(l.taken, ""), "event: "+TopicCords+"\n")
}

// TestStuckReader holds that somebody who does not read is dropped when a word took too
// long, keeps nothing waiting for them meanwhile, however much changes, and that others
// are told at once.
func TestStuckReader(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := &Console{cfg: Config{Guard: access.New(access.Config{Open: true}), Logger: slog.New(slog.DiscardHandler)}, live: newLive()}
		ctx, leave := context.WithCancel(t.Context())
		defer leave()
		listen := func(stuck bool) (*line, <-chan struct{}) {
			l, ended := &line{ResponseRecorder: httptest.NewRecorder(), stuck: stuck}, make(chan struct{})
			r := httptest.NewRequestWithContext(ctx, http.MethodGet, c.live.address(), nil)
			go func() {
				defer close(ended)
				c.stream(l, r)
			}()
			synctest.Wait()
			return l, ended
		}
		stuck, dropped := listen(true)
		reading, ended := listen(false)
		began := time.Now()
		const changes = 1000
		for range changes {
			c.Changed(TopicCords)
			synctest.Wait()
		}
		if got := reading.words(); got != 1 {
			t.Errorf("who reads was told %d times at once, want once", got)
		}
		time.Sleep(liveEvery) // of the bubble
		synctest.Wait()
		if got := reading.words(); got != 2 {
			t.Errorf("who reads was told %d times in %s, want twice", got, liveEvery)
		}
		if n := len(c.live.changes); n != 1 {
			t.Errorf("%d things are kept of %d changes", n, changes)
		}
		<-dropped
		if took := time.Since(began); took != writeWithin || stuck.words() != 0 {
			t.Errorf("who does not read was dropped after %s and %d words, want %s", took, stuck.words(), writeWithin)
		}
		if c.live.readers != 1 {
			t.Errorf("%d listen, want one", c.live.readers)
		}
		leave()
		<-ended
	})
}
