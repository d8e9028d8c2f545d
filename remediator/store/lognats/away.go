package lognats

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/makegood/makegood/remediator/log"
)

// unsent reports whether an error says that nobody got what was to be sent.
func unsent(err error) bool {
	for _, one := range []error{
		nats.ErrNoResponders, jetstream.ErrNoStreamResponse, nats.ErrReconnectBufExceeded, nats.ErrConnectionReconnecting, nats.ErrDisconnected, nats.ErrNoServers,
	} {
		if errors.Is(err, one) {
			return true
		}
	}
	return false
}

// passing reports whether an error says that the cluster, or its leader, is away for
// the moment.
func passing(err error) bool {
	var refused *jetstream.APIError
	return unsent(err) || errors.Is(err, nats.ErrTimeout) || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) || errors.Is(err, log.ErrAway) ||
		errors.As(err, &refused) && refused.Code == http.StatusServiceUnavailable
}

// failed is the error of something that was tried for a caller.
func (l *Log) failed(caller context.Context, what string, err error) error {
	if caller.Err() != nil {
		return fmt.Errorf("%s: %w", what, caller.Err())
	}
	if !passing(err) {
		return fmt.Errorf("%s: %w", what, err)
	}
	l.unheard()
	return fmt.Errorf("%s: %w: %w", what, log.ErrAway, err)
}

// session is the time of one connection.
type session struct {
	context.Context
	end context.CancelFunc
}

// beginSession ends the session before: nobody answers any more what was asked in it.
func (l *Log) beginSession() {
	var s session
	s.Context, s.end = context.WithCancel(context.Background())
	if before := l.session.Swap(&s); before != nil {
		before.end()
	}
}

// within is a context of a caller for one question, which ends with the connection.
func (l *Log) within(caller context.Context, limit time.Duration) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithTimeout(caller, limit)
	stop := context.AfterFunc(l.session.Load(), cancel)
	return ctx, func() {
		stop()
		cancel()
	}
}

// heard notes that a server has answered.
func (l *Log) heard() { l.answered.Store(int64(l.elapsed())) }

// unheard goes to another server when the one that is connected has not answered for
// so long that it is probably cut off from the others.
func (l *Log) unheard() {
	last, now := l.answered.Load(), int64(l.elapsed())
	if time.Duration(now-last) < silence || !l.answered.CompareAndSwap(last, now) {
		return
	}
	l.leave()
}

// unacked notes that a record that was sent was not acknowledged. A server that is cut
// off may go on answering questions as if it led the stream.
func (l *Log) unacked() {
	now := int64(l.elapsed())
	if l.waiting.CompareAndSwap(0, now-int64(ackTimeout)) {
		return
	}
	if since := l.waiting.Load(); time.Duration(now-since) >= silence && l.waiting.CompareAndSwap(since, 0) {
		l.leave()
	}
}

// Elsewhere leaves the server that is connected for another, when what it says of the
// log is too old to be true, and waits a while until one is connected.
func (l *Log) Elsewhere(ctx context.Context) {
	limit, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	for l.leave(); !l.conn.IsConnected() && wait(limit, againAfter) == nil; {
	}
}

func (l *Log) leave() {
	l.logger.Warn("leave a server of NATS that seems to be cut off", "server", l.conn.ConnectedServerName())
	_ = l.conn.ForceReconnect() // a closed connection needs none
}

// wait waits, unless the context ends before.
func wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
