package makegood

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

// queue holds what was accepted and not yet answered for, in a bounded number
// of buffers. Callers append to the current buffer; senders take the oldest one.
type queue struct {
	full       atomic.Bool   // no buffer was free at the last try: do not even encode
	wake       chan struct{} // tells one sender to look again; capacity 1
	spool      *shelf        // what is on disk; nil when nothing ever is
	maxEvents  int           // in one request
	maxBuffers int
	flushEvery time.Duration

	mu      sync.Mutex
	current *buffer   // being filled; nil when none is
	ready   []*buffer // filled, oldest first
	sending []*buffer // taken by senders
	free    []*buffer // used last, taken first: its pages are warm
	made    int
	closed  bool
	waiters []waiter
	tally   tally
}

// tally counts events; only the queue touches it. The event accepted last has
// the number accepted: sequence numbers count from 1.
type tally struct{ accepted, delivered, rejected, lost int64 }

// waiter is told when every event up to a number has been answered for.
type waiter struct {
	number uint64
	done   chan error // capacity 1, sent once
}

func newQueue(l limits) *queue {
	return &queue{
		wake:       make(chan struct{}, 1),
		maxEvents:  l.maxBatch,
		maxBuffers: l.memory / bufferSize,
		flushEvery: l.flushEvery,
	}
}

// add appends one encoded event, or refuses it. Where events are accepted on disk
// it waits for that.
func (q *queue) add(ctx context.Context, event []byte, now time.Time) error {
	q.mu.Lock()
	if q.closed {
		q.mu.Unlock()
		return ErrClosed
	}
	if q.current == nil || !q.current.fits(len(event)) {
		if q.current != nil {
			q.ready = append(q.ready, q.current)
		}
		if q.current = q.takeFree(); q.current == nil {
			q.full.Store(true)
			q.mu.Unlock()
			q.signal()
			return ErrFull
		}
	}
	q.current.add(event, now)
	q.tally.accepted++
	n := q.current.len()
	var g *group
	if q.spool != nil {
		g = q.spool.join(q.current)
	}
	q.mu.Unlock()
	if n == 1 || n == q.maxEvents { // a clock starts, also after a full buffer, or a request is full
		q.signal()
	}
	if g != nil {
		return g.wait(ctx)
	}
	return nil
}

// takeFree returns an empty buffer, or nil when all are in use.
func (q *queue) takeFree() *buffer {
	var b *buffer
	switch n := len(q.free); {
	case n > 0:
		b, q.free = q.free[n-1], q.free[:n-1]
	case q.made < q.maxBuffers:
		q.made++
		b = newBuffer()
	default:
		return nil
	}
	b.reset(uint64(q.tally.accepted) + 1)
	return b
}

// signal makes a sender, and the spooler, look at the queue again. It never
// blocks: a token that already waits says the same.
func (q *queue) signal() {
	nudge(q.wake)
	if q.spool != nil {
		nudge(q.spool.wake)
	}
}

func nudge(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// next gives a sender the oldest buffer that is due. Without one it says how
// long to wait for the current buffer (0: until woken), or, after close, that
// nothing will come any more. What is to be had from the disk comes from there.
func (q *queue) next(now time.Time) (b *buffer, wait time.Duration, more bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	switch {
	case q.spool != nil && !q.spool.passes(q, now):
		return nil, 0, true
	case len(q.ready) > 0:
		b = q.ready[0]
		q.ready = append(q.ready[:0], q.ready[1:]...)
	case q.current != nil && q.current.len() > 0:
		if wait = q.untilDue(now); wait > 0 {
			return nil, wait, true
		}
		b, q.current = q.current, nil
	default:
		return nil, 0, !q.closed
	}
	q.sending = append(q.sending, b)
	if len(q.ready) > 0 {
		q.signal() // another sender may be idle
	}
	return b, 0, true
}

// untilDue is how long the current buffer may still gather events. It gathers
// while the senders are busy too, so a long outage fills whole buffers.
func (q *queue) untilDue(now time.Time) time.Duration {
	if q.closed || q.current.len() >= q.maxEvents || q.current.group != nil {
		return 0
	}
	for _, w := range q.waiters {
		if w.number >= q.current.first {
			return 0
		}
	}
	return q.flushEvery - now.Sub(q.current.began)
}

// settle counts the answer for some events of a buffer. It reports false when the
// buffer was abandoned before, and its events are lost or on disk already.
func (q *queue) settle(b *buffer, delivered, rejected int) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if b.abandoned {
		return false
	}
	b.open -= delivered + rejected
	q.tally.delivered += int64(delivered)
	q.tally.rejected += int64(rejected)
	if b.stored {
		q.spool.stored -= int64(delivered + rejected)
	}
	return true
}

// release takes back a buffer whose events have all been answered for.
func (q *queue) release(b *buffer) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if b.abandoned {
		return
	}
	for i, s := range q.sending {
		if s == b {
			q.sending = append(q.sending[:i], q.sending[i+1:]...)
			break
		}
	}
	if !b.stored { // otherwise it is the sender's own
		q.free = append(q.free, b)
		q.full.Store(false)
	}
	if q.spool != nil {
		nudge(q.spool.wake) // a full spool may have room again
	}
	q.tellWaiters()
}

// held calls f for each buffer with events.
func (q *queue) held(f func(*buffer)) {
	for _, list := range [...][]*buffer{q.sending, q.ready} {
		for _, b := range list {
			f(b)
		}
	}
	if q.current != nil {
		f(q.current)
	}
}

// tellWaiters releases those whose buffers are all gone.
func (q *queue) tellWaiters() {
	oldest := uint64(1<<64 - 1)
	q.held(func(b *buffer) {
		switch {
		case b.client != "":
			oldest = 0
		case b.len() > 0:
			oldest = min(oldest, b.first)
		}
	})
	if q.spool != nil {
		oldest = min(oldest, q.spool.oldest())
	}
	kept := q.waiters[:0]
	for _, w := range q.waiters {
		if w.number < oldest {
			w.done <- nil
		} else {
			kept = append(kept, w)
		}
	}
	clear(q.waiters[len(kept):])
	q.waiters = kept
}

// flush waits until all that was accepted before it has been answered for.
func (q *queue) flush(ctx context.Context) error {
	q.mu.Lock()
	w := waiter{number: uint64(q.tally.accepted), done: make(chan error, 1)}
	q.waiters = append(q.waiters, w)
	q.tellWaiters()
	q.mu.Unlock()
	q.signal()
	select {
	case err := <-w.done:
		return err
	case <-ctx.Done():
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	select {
	case err := <-w.done: // answered meanwhile
		return err
	default:
	}
	for i := range q.waiters {
		if q.waiters[i].done == w.done {
			q.waiters = append(q.waiters[:i], q.waiters[i+1:]...)
			break
		}
	}
	return ctx.Err()
}

// close refuses all further events; those accepted are due at once.
func (q *queue) close() {
	q.mu.Lock()
	q.closed = true
	q.mu.Unlock()
	q.signal()
}

func (q *queue) isClosed() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.closed
}

// abandon counts everything still held, and not on disk, as lost and lets go of it.
func (q *queue) abandon() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.held(func(b *buffer) {
		if !b.stored {
			q.tally.lost += int64(b.open)
		}
		b.abandoned = true
	})
	if q.spool != nil {
		q.spool.abandon(q)
	}
	q.current, q.ready, q.sending, q.free = nil, nil, nil, nil
	q.full.Store(false)
	for _, w := range q.waiters {
		w.done <- ErrClosed
	}
	q.waiters = nil
}

// counts adds what the queue knows to a report.
func (q *queue) counts(r *Report) {
	q.mu.Lock()
	defer q.mu.Unlock()
	r.Accepted, r.Delivered = q.tally.accepted, q.tally.delivered
	r.Rejected, r.Lost = q.tally.rejected, q.tally.lost
	q.held(func(b *buffer) {
		if !b.stored {
			r.InMemory += int64(b.open)
		}
	})
	if q.spool != nil {
		r.Spooled, r.Recovered = q.spool.stored, q.spool.recovered
		r.Accepted += r.Recovered
	}
}
