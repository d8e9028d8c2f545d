package makegood

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// closeTimeout is how long Close tries to deliver what is left.
const closeTimeout = 5 * time.Second

// Client emits events and keeps gates. It is safe for use by any number of
// goroutines; a nil *Client does nothing, and its gates answer by their modes.
type Client struct {
	encoder *encoder
	queue   *queue // nil in a disabled client
	drops   *drops
	sender  *sender
	spooler *spooler // nil when nothing is kept on disk
	gates   *gates

	observers []eventFunc
}

// New makes a client for the service of the given name, for example "checkout".
// It reads the environment for what the options leave open, and never connects:
// an error means that the configuration is wrong. Without an address it returns a
// disabled client, which does nothing, and says so in one log line.
func New(service string, opts ...Option) (*Client, error) {
	cfg, err := newConfig(service, opts)
	if err != nil {
		return nil, err
	}
	c := &Client{gates: newGates(cfg)}
	if !cfg.enabled() {
		cfg.logger.Info("makegood: disabled, set MAKEGOOD_URL to emit events", "service", service)
		return c, nil
	}
	c.encoder = newEncoder(cfg)
	c.observers = cfg.observers
	c.queue = newQueue(cfg.limits)
	c.drops = newDrops(cfg.onDrop, cfg.logger, c.Stats)
	endpoint := newEndpoint(cfg)
	c.sender = newSender(c.queue, c.drops, endpoint, cfg.logger)
	if cfg.spool.folder != "" {
		c.spooler = newSpooler(cfg, c.sender)
		go c.spooler.loop()
	}
	c.gates.connect(cfg, endpoint)
	c.sender.start(cfg.limits.inFlight)
	go c.drops.run()
	return c, nil
}

// Enabled reports whether the client has somewhere to send events.
func (c *Client) Enabled() bool { return c != nil && c.queue != nil }

// Emit emits one event of the given type, such as "com.example.cart.abandoned".
// It never blocks, but for [SpoolSync]; what becomes of events that cannot be
// accepted shows in Stats and OnDrop. The context is only asked for a trace, see
// [TraceParent], and handed to [OnEvent]: an event of a request that was cancelled
// is an event.
func (c *Client) Emit(ctx context.Context, typ string, attrs ...Attr) {
	_ = c.emit(ctx, typ, attrs)
}

// TryEmit emits like Emit and says whether the event was accepted: ErrFull,
// ErrTooLarge, ErrClosed or ErrInvalid if not, or [ErrUnsaved] if it was, but not as
// [SpoolSync] asks for. A disabled client returns nil.
func (c *Client) TryEmit(ctx context.Context, typ string, attrs ...Attr) error {
	return c.emit(ctx, typ, attrs)
}

// scratch is where callers encode, outside of every lock. Large ones are not
// kept, so that one large event does not hold memory for ever.
var scratch = sync.Pool{New: func() any { b := make([]byte, 0, 1024); return &b }}

const keptScratch = 16 << 10

func (c *Client) emit(ctx context.Context, typ string, attrs []Attr) error {
	if !c.Enabled() {
		return nil
	}
	if c.queue.full.Load() {
		c.drops.count(ErrFull)
		return ErrFull
	}
	now := time.Now()
	buf := scratch.Get().(*[]byte)
	event, err := c.encoder.event(ctx, (*buf)[:0], now, typ, attrs)
	if err == nil {
		err = c.queue.add(ctx, event, now)
	} else {
		err = ofType(err, typ)
	}
	if c.observers != nil && accepted(err) {
		c.observe(ctx, event, attrs)
	}
	if cap(event) <= keptScratch {
		*buf = event
		scratch.Put(buf)
	}
	return c.refused(err)
}

// refused counts an event that was not accepted.
func (c *Client) refused(err error) error {
	if !accepted(err) {
		c.drops.count(err)
	}
	return err
}

// accepted reports whether an event with this error will be sent all the same.
func accepted(err error) bool { return err == nil || errors.Is(err, ErrUnsaved) }

// Flush waits until every event accepted before the call has been delivered or
// rejected. It is for programs that cannot tell when they will run again, and for
// batch jobs that got [ErrFull] and would rather wait than drop.
func (c *Client) Flush(ctx context.Context) error {
	if !c.Enabled() {
		return nil
	}
	if ctx == nil {
		ctx = context.Background()
	}
	if err := c.queue.flush(ctx); err != nil {
		return fmt.Errorf("makegood: flush events: %w", err)
	}
	return nil
}

// Close is Shutdown with five seconds. Gates keep their last answers.
func (c *Client) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
	defer cancel()
	_, err := c.Shutdown(ctx)
	return err
}

// Shutdown refuses further events, delivers what is left until ctx ends, and
// reports what became of all events. The error is not nil if events were lost. With
// a [Spool] what could not be delivered stays on disk, and is not lost.
// It may be called more than once and while others emit.
func (c *Client) Shutdown(ctx context.Context) (Report, error) {
	if !c.Enabled() {
		return Report{}, nil
	}
	if ctx == nil {
		ctx = context.Background()
	}
	c.queue.close()
	c.sender.hurry()
	var err error
	select {
	case <-c.sender.ended:
	case <-ctx.Done():
		err = ctx.Err()
	}
	c.spooler.finish()
	if err != nil {
		c.queue.abandon()
	}
	c.sender.stop()
	c.spooler.close()
	report := c.Stats()
	if report.Lost > 0 {
		if err == nil { // an earlier call ran out of time
			err = ErrClosed
		}
		err = fmt.Errorf("makegood: deliver events: %d of %d lost at shutdown: %w", report.Lost, report.Accepted, err)
		c.drops.keep(err)
	} else {
		err = nil
	}
	c.drops.finish()
	c.gates.stop()
	c.sender.endpoint.close()
	return report, err
}

// Stats counts what became of the events so far.
func (c *Client) Stats() Report {
	var r Report
	if c.Enabled() {
		c.queue.counts(&r)
		c.drops.counts(&r)
		r.Redacted = c.encoder.privacy.redacted.Load()
	}
	return r
}
