// Package lognats is the log in a stream of NATS JetStream: what several servers of
// a cluster keep together. It implements log.Log and passes the suite of package
// logtest. A record is a message, its sequence is the stream's, and its time is the
// clock of the server that led the stream. The time may go back where another server
// leads; the fold takes the later.
package lognats

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/makegood/makegood/remediator/input"
	"github.com/makegood/makegood/remediator/log"
	"github.com/makegood/makegood/remediator/store/internal/elapsed"
)

const (
	// poll is how often Wait looks for records, whatever is announced.
	poll = 500 * time.Millisecond
	// appendTimeout bounds an append. It is longer than a cluster takes to elect who
	// leads a stream.
	appendTimeout = 20 * time.Second
	// ackTimeout is how long the answer to a record that was sent is waited for.
	ackTimeout = 5 * time.Second
	// askTimeout bounds a question.
	askTimeout = 5 * time.Second
	// openTimeout is how long a cluster that is just starting is waited for.
	openTimeout = 30 * time.Second
	// againAfter is how long it is waited before something is tried again that was not
	// done because nobody was there to do it.
	againAfter = 100 * time.Millisecond
	// silence is how long a server may answer nothing before another is gone to: it may
	// be cut off from the cluster. An election takes less.
	silence = 12 * time.Second
	// pingEvery is how often a server that says nothing is asked whether it lives.
	pingEvery = 5 * time.Second
)

// Options of a log.
type Options struct {
	// MayBegin says why a stream that is not there is not to be made, nil when it is.
	// Without it none is made.
	MayBegin func() error
	// Elapsed is the time that passed since some moment in the past, whatever a
	// wall clock was set to. The servers' clocks are held against it. Defaults to
	// the machine's.
	Elapsed func() time.Duration
	// Logger is told when the connection is lost and found. Defaults to telling nobody.
	Logger *slog.Logger
}

// Log is an open log.
type Log struct {
	address  address
	readOnly bool
	elapsed  func() time.Duration
	logger   *slog.Logger
	conn     *nats.Conn
	js       jetstream.JetStream
	stream   jetstream.Stream
	created  time.Time // of the stream
	replicas int       // of the stream
	bell     log.Bell  // rung by every append that is heard of

	last     atomic.Uint64 // sequence that is known to be stored
	broken   atomic.Pointer[error]
	answered atomic.Int64 // when a server answered last, by elapsed
	waiting  atomic.Int64 // since when appends are not acknowledged, by elapsed; 0: they are
	session  atomic.Pointer[session]

	beginning sync.Mutex // held by the append that begins the log
	clock     clock
}

var _ log.Log = (*Log)(nil)

// Open opens the log at an address, such as nats://a:4222,b:4222,c:4222. Settings
// stand behind a question mark:
//
//	stream=NAME      of the log, by default makegood
//	replicas=N       that the stream has at least, by default 3
//	credentials=FILE of NATS, with which to connect
//	ca=FILE          of certificates that servers may show
//	cert=FILE, key=FILE to show to servers
//
// It waits for a cluster that is just starting.
func Open(ctx context.Context, at string, o Options) (*Log, error) {
	l, _, err := open(ctx, at, o, false)
	return l, err
}

// OpenReadOnly opens an existing log to read only.
func OpenReadOnly(ctx context.Context, at string) (*Log, error) {
	l, _, err := open(ctx, at, Options{}, true)
	return l, err
}

// Migrate makes the stream of a log when there is none and mayBegin allows it, and
// checks it. It returns the versions before and after.
func Migrate(ctx context.Context, at string, mayBegin func() error) (from, to int, err error) {
	l, made, err := open(ctx, at, Options{MayBegin: mayBegin}, false)
	if err != nil {
		return 0, 0, err
	}
	if !made {
		from = version
	}
	return from, version, l.Close()
}

func open(ctx context.Context, at string, o Options, readOnly bool) (l *Log, made bool, err error) {
	l = &Log{readOnly: readOnly, elapsed: o.Elapsed, logger: o.Logger}
	if l.elapsed == nil {
		l.elapsed = elapsed.Machine
	}
	if l.logger == nil {
		l.logger = slog.New(slog.DiscardHandler)
	}
	if l.address, err = parse(at); err != nil {
		return nil, false, fmt.Errorf("open log: %w", err)
	}
	if err := l.connect(); err != nil {
		return nil, false, fmt.Errorf("open log: %w", err)
	}
	if made, err = l.begin(ctx, o.MayBegin); err != nil {
		return nil, false, errors.Join(fmt.Errorf("open log: %w", err), l.Close())
	}
	return l, made, nil
}

// connect connects to one of the servers. What was not sent when the connection is
// lost is never sent later: who wanted it sent was told that it was not.
func (l *Log) connect() error {
	options := append(l.address.options(),
		nats.Name("makegood"), nats.ReconnectBufSize(-1), nats.MaxReconnects(-1), nats.ReconnectWait(againAfter),
		nats.Timeout(askTimeout), nats.PingInterval(pingEvery), nats.MaxPingsOutstanding(2),
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) {
			l.beginSession()
			if err != nil {
				l.logger.Warn("lose connection to NATS", "error", err)
			}
		}),
		nats.ReconnectHandler(func(c *nats.Conn) {
			l.logger.Info("connect to NATS again", "server", c.ConnectedServerName())
			l.bell.Ring()
		}),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { l.logger.Warn("hear from NATS", "error", err) }))
	l.beginSession()
	var err error
	if l.conn, err = nats.Connect(strings.Join(l.address.servers, ","), options...); err != nil {
		return err
	}
	if l.js, err = jetstream.New(l.conn, jetstream.WithDefaultTimeout(askTimeout)); err != nil {
		l.conn.Close()
		return err
	}
	// The largest record, were it not compressed, and what stands around it.
	if most, need := l.conn.MaxPayload(), int64(input.MaxRecord+8<<10); most < need {
		l.conn.Close()
		return fmt.Errorf("the server takes messages of %d bytes, and records need %d: set its max_payload", most, need)
	}
	return nil
}

// begin finds the stream, or makes it, and where it ends.
func (l *Log) begin(ctx context.Context, mayBegin func() error) (made bool, err error) {
	limit, cancel := context.WithTimeout(ctx, openTimeout)
	defer cancel()
	l.heard()
	for {
		var once bool
		once, err = l.tryBegin(limit, mayBegin)
		if made = made || once; err == nil || !passing(err) {
			break
		}
		if waitErr := wait(limit, againAfter); waitErr != nil {
			return made, l.failed(ctx, "find stream", err)
		}
	}
	if err != nil {
		return made, err
	}
	if _, err := l.conn.Subscribe(l.address.appended(), func(*nats.Msg) { l.bell.Ring() }); err != nil {
		return made, fmt.Errorf("listen for appends: %w", err)
	}
	return made, nil
}

func (l *Log) tryBegin(ctx context.Context, mayBegin func() error) (made bool, err error) {
	asking, cancel := l.within(ctx, askTimeout)
	defer cancel()
	if l.stream, made, err = l.find(asking, mayBegin); err != nil {
		return made, err
	}
	info := l.stream.CachedInfo()
	l.created, l.replicas = info.Created, info.Config.Replicas
	l.clock.known, l.clock.at, l.clock.passed = true, info.TimeStamp, l.elapsed() // for the first append
	_, err = l.Head(asking)
	return made, err
}

// Close closes the log.
func (l *Log) Close() error {
	l.conn.Close()
	l.session.Load().end()
	return nil
}

// Name is the name of the stream.
func (l *Log) Name() string { return l.address.stream }

// String is how the engine is called to people.
func (l *Log) String() string {
	return fmt.Sprintf("NATS JetStream, stream %s, replicas %d", l.address.stream, l.replicas)
}

// Wait implements log.Log.
func (l *Log) Wait(ctx context.Context, after uint64) error {
	return l.bell.Wait(ctx, after, l.Head, poll)
}

// Head implements log.Log. It never goes back: a server that has just come to lead
// may not know yet what the one before acknowledged.
func (l *Log) Head(ctx context.Context) (uint64, error) {
	if _, err := l.info(ctx); err != nil {
		return 0, err
	}
	return l.last.Load(), nil
}

// info asks who leads the stream for its state.
func (l *Log) info(ctx context.Context) (*jetstream.StreamInfo, error) {
	if err := l.broken.Load(); err != nil {
		return nil, *err
	}
	asking, cancel := l.within(ctx, askTimeout)
	defer cancel()
	info, err := l.stream.Info(asking)
	if err != nil {
		return nil, l.failed(ctx, "read state of log", err)
	}
	l.heard()
	if !info.Created.Equal(l.created) {
		return nil, l.breaks(fmt.Errorf("stream %s is another than it was: it was deleted and made again", l.address.stream))
	}
	l.stored(info.State.LastSeq)
	return info, nil
}

// stored notes that a sequence is stored.
func (l *Log) stored(seq uint64) {
	for {
		last := l.last.Load()
		if seq <= last || l.last.CompareAndSwap(last, seq) {
			return
		}
	}
}

// breaks has everything fail from now on: the log is not what it was.
func (l *Log) breaks(err error) error {
	l.broken.CompareAndSwap(nil, &err)
	return err
}
