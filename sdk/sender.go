package makegood

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

const (
	firstPause   = 100 * time.Millisecond // upper end of the first pause between tries
	longestPause = 30 * time.Second       // how late a client may notice that the service is back
	lastPause    = time.Second            // the same while Shutdown runs, Retry-After included
)

// sender posts what the queue holds until the service has answered for it.
type sender struct {
	client   string // a UUID; its events are numbered from 1
	queue    *queue
	spooler  *spooler // nil when nothing is kept on disk
	drops    *drops
	endpoint *endpoint
	health   *health

	run     context.Context // cancelled when time is up
	stop    context.CancelFunc
	closing chan struct{} // closed when Shutdown begins: it only tells, it carries nothing
	once    sync.Once
	running atomic.Int32
	ended   chan struct{} // closed when the last worker has ended
}

func newSender(q *queue, d *drops, e *endpoint, logger *slog.Logger) *sender {
	s := &sender{
		client: string(appendID(nil, time.Now())), queue: q, drops: d, endpoint: e,
		health: &health{
			logger: logger,
			fails:  "makegood: events wait: the service does not take them",
			works:  "makegood: the service takes events again",
		},
		closing: make(chan struct{}),
		ended:   make(chan struct{}),
	}
	s.run, s.stop = context.WithCancel(context.Background())
	return s
}

// start begins with n requests in flight at most.
func (s *sender) start(n int) {
	s.running.Store(int32(n))
	for range n {
		go (&worker{sender: s, closing: s.closing}).loop()
	}
}

// hurry ends all pauses: the application wants to end.
func (s *sender) hurry() { s.once.Do(func() { close(s.closing) }) }

// worker sends one request at a time.
type worker struct {
	*sender
	closing <-chan struct{} // nil once seen
	timer   *time.Timer
	reads   *buffer // what was read from disk; nil until something was
	zipper  *gzip.Writer
	zipped  bytes.Buffer
}

// loop sends buffers in order until the queue is closed and empty.
func (w *worker) loop() {
	w.timer = time.NewTimer(time.Hour)
	defer w.timer.Stop()
	defer func() {
		w.queue.signal() // the other worker may be asleep
		if w.running.Add(-1) == 0 {
			close(w.ended)
		}
	}()
	for w.run.Err() == nil {
		b, wait, more := w.next(time.Now())
		switch {
		case b != nil:
			w.deliver(b)
		case !more:
			return
		default:
			w.idle(wait)
		}
	}
}

// next takes the oldest events: those on disk come before those in memory.
func (w *worker) next(now time.Time) (b *buffer, wait time.Duration, more bool) {
	if w.spooler != nil && w.queue.onDisk() {
		if w.reads == nil {
			w.reads = newBuffer()
		}
		if w.spooler.read(w.reads) {
			return w.reads, 0, true
		}
	}
	return w.queue.next(now)
}

// idle waits for something to look at.
func (w *worker) idle(wait time.Duration) {
	var due <-chan time.Time
	if wait > 0 {
		w.timer.Reset(wait)
		due = w.timer.C
	}
	select {
	case <-due:
	case <-w.queue.wake:
	case <-w.run.Done():
	}
}

// deliver sends every event of a buffer, in order.
func (w *worker) deliver(b *buffer) {
	for i := 0; i < b.len(); i += w.queue.maxEvents {
		if !w.deliverRun(b, i, min(i+w.queue.maxEvents, b.len())) {
			return // out of time; what is left is abandoned
		}
	}
	w.queue.release(b)
}

// batchName names a request by the client and the number of its first event, the
// i-th of a buffer, so that the service knows every event by a name that is the same
// on every try and in every run, and sees which numbers never came.
func (s *sender) batchName(b *buffer, i int) string {
	client := s.client
	if b.client != "" {
		client = b.client
	}
	return string(strconv.AppendUint(append([]byte(client), '.'), b.first+uint64(i), 10))
}

// deliverRun sends the events from i up to j until they are answered for. All
// tries carry one name. It returns false when time is up.
func (w *worker) deliverRun(b *buffer, i, j int) bool {
	n := j - i
	batch := w.batchName(b, i)
	for try := 0; ; try++ {
		body, zipped := w.body(b, i, j)
		a, err := w.endpoint.post(w.run, batch, body, zipped)
		if w.run.Err() != nil {
			return false
		}
		if a.status == http.StatusUnsupportedMediaType && zipped {
			w.endpoint.gzip.Store(false) // a receiver that cannot unzip
			continue
		}
		v := verdict{}
		if err != nil {
			v.trouble = err.Error()
		} else {
			v = a.judge(n)
		}
		switch {
		case v.settled:
			w.health.good()
			w.settle(b, i, j, v)
			return true
		case v.divide: // nothing was taken
			half := i + n/2
			return w.deliverRun(b, i, half) && w.deliverRun(b, half, j)
		case a.status == http.StatusUnauthorized:
			w.endpoint.rereadToken()
		}
		w.health.bad(v.trouble)
		if try = w.pause(try, a.retryAfter); try < 0 {
			return false
		}
	}
}

// settle counts the events from i up to j, which were answered for.
func (w *worker) settle(b *buffer, i, j int, v verdict) {
	n := j - i
	// What comes after the end of Shutdown leaves the disk as Shutdown reported it: the
	// next client sends these again, and the service drops them.
	if !w.queue.settle(b, n-v.refused, v.refused) {
		return
	}
	if w.spooler != nil {
		for _, r := range v.named {
			w.spooler.bury(b.event(i+r.Index), r)
		}
		w.spooler.answered(b, i, j)
	}
	if v.refused > 0 {
		w.drops.keep(fmt.Errorf("makegood: %d of %d events rejected: %w", v.refused, n, v.named[0]))
		w.drops.signal()
	}
}

// body is the request's body for the events from i up to j.
func (w *worker) body(b *buffer, i, j int) (body []byte, zipped bool) {
	body = b.array(i, j)
	if !w.endpoint.gzip.Load() {
		return body, false
	}
	w.zipped.Reset()
	if w.zipper == nil {
		w.zipper, _ = gzip.NewWriterLevel(&w.zipped, gzip.BestSpeed) // fails on an unknown level only
	} else {
		w.zipper.Reset(&w.zipped)
	}
	_, _ = w.zipper.Write(body) // writing to memory does not fail
	_ = w.zipper.Close()
	return w.zipped.Bytes(), true
}

// pause waits before the next try, a random time below a limit that doubles
// (full jitter), and longer if the service asks for it. It returns the number of
// the try that failed, counted anew once Shutdown begins, and -1 when time is up.
func (w *worker) pause(try int, asked time.Duration) int {
	limit := min(firstPause<<min(try, 16), longestPause)
	if w.closing == nil {
		limit, asked = min(limit, lastPause), min(asked, lastPause)
	}
	w.timer.Reset(asked + rand.N(limit))
	select {
	case <-w.timer.C:
		return try
	case <-w.closing:
		w.closing = nil
		return 0
	case <-w.run.Done():
		return -1
	}
}

// health logs when something begins to fail and when it works again, and never
// floods a log.
type health struct {
	logger       *slog.Logger
	fails, works string // the messages

	mu     sync.Mutex
	reason string // logged last; empty when it works
	logged time.Time
}

func (h *health) bad(reason string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	now := time.Now()
	if reason == h.reason || !h.logged.IsZero() && now.Sub(h.logged) < logEvery {
		return
	}
	h.reason, h.logged = reason, now
	defer func() { _ = recover() }() // of the application's log handler
	h.logger.Warn(h.fails, "reason", reason)
}

func (h *health) good() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.reason == "" {
		return
	}
	h.reason = ""
	defer func() { _ = recover() }()
	h.logger.Info(h.works)
}
