package lognats

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/makegood/makegood/remediator/log"
)

// Append implements log.Log. The record that begins a log is refused when another
// came first. What was sent and not answered in time may be stored, also later: the
// fold drops inputs that it has seen.
func (l *Log) Append(ctx context.Context, blob []byte) (uint64, error) {
	if l.readOnly {
		return 0, log.ErrReadOnly
	}
	var options []jetstream.PublishOpt
	if l.last.Load() == 0 {
		l.beginning.Lock()
		defer l.beginning.Unlock()
		if l.last.Load() == 0 { // by now
			options = append(options, jetstream.WithExpectLastSequence(0))
		}
	}
	limit, cancel := context.WithTimeout(ctx, appendTimeout)
	defer cancel()
	for {
		seq, sent, err := l.tryAppend(limit, blob, options)
		if err == nil || sent || !passing(err) {
			return seq, l.explain(ctx, err)
		}
		if waitErr := wait(limit, againAfter); waitErr != nil {
			return 0, l.explain(ctx, err)
		}
	}
}

// tryAppend sends a record once and waits for the answer. It returns whether anybody
// may have got it.
func (l *Log) tryAppend(ctx context.Context, blob []byte, options []jetstream.PublishOpt) (seq uint64, sent bool, err error) {
	if err := l.checkClock(ctx); err != nil {
		return 0, false, err
	}
	before := l.last.Load()
	ctx, cancel := l.within(ctx, ackTimeout)
	defer cancel()
	options = append(options, jetstream.WithExpectStream(l.address.stream), jetstream.WithRetryAttempts(0))
	ack, err := l.js.Publish(ctx, l.address.records(), blob, options...)
	if err != nil {
		if sent = !unsent(err); sent && passing(err) {
			l.unacked()
		}
		return 0, sent, err
	}
	l.heard()
	l.waiting.Store(0)
	if ack.Sequence <= before {
		return 0, true, l.breaks(fmt.Errorf("stream %s lost its end: record %d was stored, and a new one became %d", l.address.stream, before, ack.Sequence))
	}
	l.stored(ack.Sequence)
	l.bell.Ring()
	_ = l.conn.Publish(l.address.appended(), nil) // a hint: who does not hear of it looks
	return ack.Sequence, true, nil
}

// explain is the error of an append.
func (l *Log) explain(ctx context.Context, err error) error {
	var refused *jetstream.APIError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &refused) && refused.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequence:
		return fmt.Errorf("append record: another has begun the log in stream %s", l.address.stream)
	}
	return l.failed(ctx, "append record", err)
}

// clockChecked is how often the clock of the server that leads is looked at.
const clockChecked = time.Second

// clock is what a server's clock said when it was looked at.
type clock struct {
	mu     sync.Mutex
	known  bool
	at     time.Time
	passed time.Duration
}

// ConfirmClock accepts the servers' clock as the next append finds it, after
// log.ErrClockJump.
func (l *Log) ConfirmClock() {
	l.clock.mu.Lock()
	defer l.clock.mu.Unlock()
	l.clock.known = false
}

// checkClock refuses to append while the clock that stamps records is far ahead of
// what it said before and the time that passed.
func (l *Log) checkClock(ctx context.Context) error {
	l.clock.mu.Lock()
	defer l.clock.mu.Unlock()
	passed := l.elapsed() - l.clock.passed
	if l.clock.known && passed < clockChecked {
		return nil
	}
	info, err := l.info(ctx)
	if err != nil {
		return err
	}
	if l.clock.known && info.TimeStamp.Sub(l.clock.at) > passed+log.MaxJump {
		return fmt.Errorf("%w: that of the NATS server is more than %v ahead of the time that passed; set it right, or confirm it with: makegood clock confirm", log.ErrClockJump, log.MaxJump)
	}
	l.clock.known, l.clock.at, l.clock.passed = true, info.TimeStamp, l.elapsed()
	return nil
}
