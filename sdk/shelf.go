package makegood

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/makegood/makegood/sdk/internal/spool"
)

// shelf is what a queue knows of its events on disk. The queue's lock guards it.
type shelf struct {
	wake chan struct{} // tells the spooler to look again; capacity 1
	sync bool          // events are accepted on disk

	state shelfState
	retry time.Time // when a failing disk is tried again
	why   error     // it fails, or is full

	unread    int    // events on disk that no sender has taken
	earlier   int    // of them: those of earlier clients, which come first
	next      uint64 // number of this client's first one of them, or less
	stored    int64  // events on disk that were not answered for
	recovered int64  // of those accepted: found on disk
}

type shelfState int

const (
	opening shelfState = iota // what is on disk is not known yet
	working
	failing // senders take from memory what the disk does not
	full    // the same, until something is answered for
)

// group is who waits until the events of a buffer are on disk.
type group struct {
	done chan struct{}
	err  error // set before done is closed
}

// join returns the group that a caller of Emit waits with, nil if it need not.
func (s *shelf) join(b *buffer) *group {
	switch {
	case !s.sync:
		return nil
	case s.state == failing || s.state == full:
		g := &group{done: make(chan struct{}), err: s.why}
		close(g.done)
		return g
	case b.group == nil:
		b.group = &group{done: make(chan struct{})}
	}
	return b.group
}

// wait returns when the events are on disk, or why they are not.
func (g *group) wait(ctx context.Context) error {
	var ended <-chan struct{}
	if ctx != nil {
		ended = ctx.Done()
	}
	select {
	case <-g.done:
	case <-ended:
		select {
		case <-g.done:
		default:
			return fmt.Errorf("%w: %w", ErrUnsaved, ctx.Err())
		}
	}
	if g.err != nil {
		return fmt.Errorf("%w: %w", ErrUnsaved, g.err)
	}
	return nil
}

// tell ends the wait of a buffer's group.
func (b *buffer) tell(err error) {
	if b.group != nil {
		b.group.err = err
		close(b.group.done)
		b.group = nil
	}
}

// passes reports whether senders may take events from memory: the disk has none
// that come before, and does not take these.
func (s *shelf) passes(q *queue, now time.Time) bool {
	switch {
	case s.state == opening || s.unread > 0 || len(q.ready) > 0 && q.ready[0].saving:
		return false
	case s.state == failing:
		return q.closed || now.Before(s.retry) // then it is the spooler's turn
	case s.state == full:
		return true
	}
	return q.closed && len(q.ready) == 0 && (q.current == nil || q.current.len() == 0)
}

// oldest is a number not above those on disk of this client, 0 when there are some
// of earlier clients.
func (s *shelf) oldest() uint64 {
	switch {
	case s.earlier > 0 || s.state == opening:
		return 0
	case s.unread > 0:
		return s.next
	}
	return math.MaxUint64
}

// opened counts what was found on disk.
func (q *queue) opened(waiting int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	s := q.spool
	s.state = working
	s.unread += waiting
	s.earlier += waiting
	s.stored += int64(waiting)
	s.recovered += int64(waiting)
	q.tellWaiters()
	q.signal()
}

// unsaved gives the spooler the oldest buffer that is due. Without one it says how
// long to wait (0: until woken), or, after close, that nothing will come any more.
// The buffer stays where it is, but nobody else touches it.
func (q *queue) unsaved(now time.Time) (b *buffer, wait time.Duration, more bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	s := q.spool
	switch {
	case s.state == failing && !q.closed && now.Before(s.retry):
		return nil, s.retry.Sub(now), true
	case len(q.ready) > 0:
	case q.current != nil && q.current.len() > 0:
		if wait = q.untilDue(now); wait > 0 {
			return nil, wait, true
		}
		q.ready, q.current = append(q.ready, q.current), nil
	default:
		return nil, 0, !q.closed
	}
	b = q.ready[0]
	b.saving = true
	return b, 0, true
}

// saved counts a buffer that the spooler has written.
func (q *queue) saved(b *buffer) {
	q.mu.Lock()
	defer q.mu.Unlock()
	b.tell(nil)
	if b.abandoned {
		return
	}
	s := q.spool
	s.state, s.why = working, nil
	if s.unread == 0 {
		s.next = b.first
	}
	s.unread += b.len()
	s.stored += int64(b.len())
	q.ready = append(q.ready[:0], q.ready[1:]...)
	q.free = append(q.free, b)
	q.full.Store(false)
	q.signal()
}

// unsavable leaves a buffer, nil when there was none, in memory and tells all who
// wait.
func (q *queue) unsavable(b *buffer, err error, retry time.Time) {
	q.mu.Lock()
	defer q.mu.Unlock()
	s := q.spool
	s.state, s.retry, s.why = failing, retry, err
	if errors.Is(err, spool.ErrFull) {
		s.state = full // release tells the spooler when to try again
	}
	if b != nil {
		b.saving = false
		b.tell(err)
	}
	q.held(func(b *buffer) { b.tell(err) })
	q.tellWaiters()
	nudge(q.wake)
}

// onDisk reports whether a sender finds events on disk.
func (q *queue) onDisk() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.spool.unread > 0
}

// took counts a buffer that a sender has read from disk.
func (q *queue) took(b *buffer) {
	q.mu.Lock()
	defer q.mu.Unlock()
	s, n := q.spool, b.len()
	s.unread -= n
	if b.client != "" {
		s.earlier -= n
	} else {
		s.next = b.first + uint64(n)
	}
	q.sending = append(q.sending, b)
	if s.unread > 0 {
		q.signal() // another sender may be idle
	}
}

// leftOut counts events that cannot be read back: those that are lost for good,
// and those that the next client may find.
func (q *queue) leftOut(n int, lost bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	s := q.spool
	s.unread -= n
	s.earlier -= min(n, s.earlier)
	if lost {
		s.stored -= int64(n)
		q.tally.lost += int64(n)
	}
	q.tellWaiters()
}

// abandon tells those who wait that it is over.
func (s *shelf) abandon(q *queue) {
	q.held(func(b *buffer) { b.tell(ErrClosed) })
	s.unread, s.earlier = 0, 0
}
