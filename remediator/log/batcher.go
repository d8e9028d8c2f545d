package log

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/makegood/makegood/remediator/input"
)

// Bounds of a Batcher whose Options leave them at zero.
const (
	// DefaultLinger is how long a record waits for more requests. It is far
	// below what a person or a retry would notice.
	DefaultLinger = 2 * time.Millisecond
	// DefaultMaxWaiting bounds the bytes that wait to be appended: about a
	// second of appends on a slow disk, in uncompressed inputs.
	DefaultMaxWaiting = 32 << 20
)

// Errors of Append that say that nothing was stored.
var (
	// ErrBusy says that too many bytes wait already; the caller tries later.
	ErrBusy = errors.New("log is busy: too many bytes wait to be appended")
	// ErrClosed says that the batcher was closed.
	ErrClosed = errors.New("log is closed")
)

// Options of a Batcher.
type Options struct {
	Linger     time.Duration // defaults to DefaultLinger
	MaxWaiting int           // bytes; defaults to DefaultMaxWaiting
}

// Batcher merges concurrent requests into records, because one durable append
// costs nearly the same for one input as for a thousand. One append is in flight
// at a time; what arrives meanwhile goes into the next. It is safe for
// concurrent use.
type Batcher struct {
	log        Log
	linger     time.Duration
	maxWaiting int
	done       chan struct{} // closed when the last append has been answered
	wake       chan struct{} // of capacity 1: something is queued, or the batcher closes

	mu      sync.Mutex
	closing bool
	queue   []queued // in the order of arrival
	waiting int      // bytes in queue
}

// queued is one part of a request that waits for its record.
type queued struct {
	part *input.Part
	req  *request
	last bool // with it the request is stored whole
}

// request is one call of Append.
type request struct {
	answer chan error // of capacity 1
	over   bool       // guarded by Batcher.mu: nobody waits, or a part was not stored
}

// NewBatcher returns a batcher that appends to the log until it is closed.
func NewBatcher(l Log, o Options) *Batcher {
	if o.Linger == 0 {
		o.Linger = DefaultLinger
	}
	if o.MaxWaiting == 0 {
		o.MaxWaiting = DefaultMaxWaiting
	}
	b := &Batcher{
		log: l, linger: o.Linger, maxWaiting: o.MaxWaiting,
		done: make(chan struct{}), wake: make(chan struct{}, 1),
	}
	go b.run()
	return b
}

// Append stores inputs and returns nil once all of them are durable, in their
// order. Inputs that do not fit in one record are spread over several; other
// requests may come between. After ErrBusy, ErrClosed and an input too large
// nothing was stored; after any other error, that of ctx included, the inputs
// may or may not be stored, wholly or in part, and the caller sends the same
// inputs with the same ids again. The inputs are copied before Append waits.
func (b *Batcher) Append(ctx context.Context, inputs []input.Input) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	parts, err := input.Split(inputs)
	if err != nil {
		return err
	}
	if len(parts) == 0 {
		return nil
	}
	req := &request{answer: make(chan error, 1)}
	if err := b.enqueue(parts, req); err != nil {
		return err
	}
	select {
	case err := <-req.answer:
		return err
	case <-ctx.Done():
		b.mu.Lock()
		req.over = true
		b.mu.Unlock()
		return ctx.Err()
	}
}

// enqueue puts a request's parts into the queue, all or none.
func (b *Batcher) enqueue(parts []*input.Part, req *request) error {
	bytes := 0
	for _, p := range parts {
		bytes += p.Size()
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closing {
		return ErrClosed
	}
	// A request above the bound by itself passes when nothing else waits.
	if b.waiting > 0 && b.waiting+bytes > b.maxWaiting {
		return ErrBusy
	}
	b.waiting += bytes
	for i, p := range parts {
		b.queue = append(b.queue, queued{part: p, req: req, last: i == len(parts)-1})
	}
	b.signal()
	return nil
}

// signal wakes the goroutine that appends, once.
func (b *Batcher) signal() {
	select {
	case b.wake <- struct{}{}:
	default:
	}
}

// Close refuses further requests, appends what waits, and returns when all of
// it was answered. The log must stay open until then.
func (b *Batcher) Close() error {
	b.mu.Lock()
	b.closing = true
	b.signal()
	b.mu.Unlock()
	<-b.done
	return nil
}

// run appends records until the batcher is closed and its queue is empty.
func (b *Batcher) run() {
	defer close(b.done)
	merged := false // the record before held several requests
	var took time.Duration
	for {
		if !b.awaitWork() {
			return
		}
		// A caller that is alone never waits for company, and with several
		// the wait never outlasts the append that it saves.
		if merged {
			b.gather(min(b.linger, took))
		}
		record := b.take()
		if len(record) == 0 {
			continue
		}
		merged = record[0].req != record[len(record)-1].req
		began := time.Now()
		err := b.append(record)
		took = time.Since(began)
		b.answer(record, err)
	}
}

// awaitWork returns true once something is queued, false once nothing more can
// come.
func (b *Batcher) awaitWork() bool {
	for {
		b.mu.Lock()
		some, closing := len(b.queue) > 0, b.closing
		b.mu.Unlock()
		if some || closing {
			return some
		}
		<-b.wake
	}
}

// gather waits for more requests until a record is full, the time is over or
// the batcher closes.
func (b *Batcher) gather(linger time.Duration) {
	timer := time.NewTimer(linger)
	defer timer.Stop()
	for {
		b.mu.Lock()
		enough := b.closing || !input.Fits(b.waiting, 0)
		b.mu.Unlock()
		if enough {
			return
		}
		select {
		case <-b.wake:
		case <-timer.C:
			return
		}
	}
}

// take removes from the front of the queue what fits in one record, and drops
// what nobody waits for any more.
func (b *Batcher) take() []queued {
	b.mu.Lock()
	defer b.mu.Unlock()
	var record []queued
	used, n := 0, 0
	for _, q := range b.queue {
		if !q.req.over {
			if !input.Fits(used, q.part.Size()) {
				break
			}
			used += q.part.Size()
			record = append(record, q)
		}
		b.waiting -= q.part.Size()
		n++
	}
	b.queue = append(b.queue[:0], b.queue[n:]...)
	clear(b.queue[len(b.queue):min(len(b.queue)+n, cap(b.queue))])
	return record
}

// append stores one record. It is nobody's request that ends it: others wait
// for the same record.
func (b *Batcher) append(record []queued) error {
	parts := make([]*input.Part, len(record))
	for i, q := range record {
		parts[i] = q.part
	}
	blob, err := input.EncodeParts(parts)
	if err != nil {
		return err
	}
	if _, err := b.log.Append(context.Background(), blob); err != nil {
		return fmt.Errorf("append to log: %w", err)
	}
	return nil
}

// answer tells the requests of a record what came of it: all of them when it
// was not stored, those that it completes when it was.
func (b *Batcher) answer(record []queued, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, q := range record {
		if (err == nil && !q.last) || q.req.over {
			continue
		}
		q.req.over = true
		q.req.answer <- err
	}
}
