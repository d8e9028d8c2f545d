package makegood

import (
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"
)

// Report counts what became of a client's events since it was made.
type Report struct {
	Accepted  int64 // taken by Emit or found in the spool; the sum of the next five
	Delivered int64 // taken by the service, durably
	Rejected  int64 // refused by the service, each for a fault of its own
	Lost      int64 // given up when Shutdown ran out of time, or damaged on disk
	InMemory  int64 // waiting for an answer, or for the disk
	Spooled   int64 // waiting for an answer, on disk; the next client finds them

	Recovered int64 // of those accepted: found in the spool, from clients before

	Full     int64 // never accepted: memory was full
	TooLarge int64 // never accepted: larger than 64 KiB
	Invalid  int64 // never accepted: see ErrInvalid
	Closed   int64 // never accepted: came after Shutdown

	Redacted int64 // fields that were left out or changed, see Deny and Redact
}

const (
	reportEvery = time.Second            // OnDrop is called no more often
	logEvery    = time.Minute            // without an OnDrop drops are logged no more often
	reportGrace = 100 * time.Millisecond // how long Shutdown waits for a last OnDrop
)

// drops counts refused events and tells the application, from a goroutine of
// its own: neither Emit nor a sender waits for the application's function.
type drops struct {
	full, tooLarge, invalid, closed atomic.Int64

	wake  chan struct{} // capacity 1
	stop  chan struct{} // closed by finish
	ended chan struct{} // closed when the goroutine has ended
	once  sync.Once
	every time.Duration
	asked bool // tell is the application's
	tell  func(Report, error)
	stats func() Report

	mu   sync.Mutex
	last error // what is known about the latest drop that has its own story
}

func newDrops(onDrop func(Report, error), logger *slog.Logger, stats func() Report) *drops {
	d := &drops{
		wake:  make(chan struct{}, 1),
		stop:  make(chan struct{}),
		ended: make(chan struct{}),
		every: reportEvery,
		asked: onDrop != nil,
		tell:  onDrop,
		stats: stats,
	}
	if d.tell == nil {
		d.every = logEvery
		d.tell = func(r Report, last error) {
			logger.Warn("makegood: events dropped", "last", last, "rejected", r.Rejected, "lost", r.Lost,
				"full", r.Full, "too_large", r.TooLarge, "invalid", r.Invalid, "closed", r.Closed)
		}
	}
	return d
}

// count counts one event that was not accepted.
func (d *drops) count(err error) {
	switch {
	case err == ErrFull: // plain comparison: these two come in floods
		d.full.Add(1)
	case err == ErrClosed:
		d.closed.Add(1)
	case errors.Is(err, ErrTooLarge):
		d.tooLarge.Add(1)
		d.keep(err)
	default:
		d.invalid.Add(1)
		d.keep(err)
	}
	d.signal()
}

// keep remembers err for the next report.
func (d *drops) keep(err error) {
	d.mu.Lock()
	d.last = err
	d.mu.Unlock()
}

// trouble tells the application of something that the log has already: an error
// by which no event was dropped yet.
func (d *drops) trouble(err error) {
	if d.asked {
		d.keep(err)
		d.signal()
	}
}

func (d *drops) signal() {
	select {
	case d.wake <- struct{}{}:
	default:
	}
}

// run reports until finish.
func (d *drops) run() {
	defer close(d.ended)
	pause := time.NewTimer(0)
	defer pause.Stop()
	var before Report
	for open := true; open; {
		select {
		case <-pause.C: // the first time at once
		case <-d.stop:
			open = false
		}
		if open {
			select {
			case <-d.wake:
			case <-d.stop:
				open = false
			}
		}
		before = d.report(before)
		pause.Reset(d.every)
	}
}

// report tells the application if anything was dropped since before.
func (d *drops) report(before Report) (now Report) {
	now = d.stats()
	d.mu.Lock()
	last := d.last
	d.last = nil
	d.mu.Unlock()
	if last == nil {
		switch {
		case now.Full > before.Full:
			last = ErrFull
		case now.Closed > before.Closed:
			last = ErrClosed
		default:
			return now
		}
	}
	told := make(chan struct{})
	go func() { // the function is the application's: it may panic, and end its goroutine
		defer close(told)
		defer func() { _ = recover() }()
		d.tell(now, last)
	}()
	<-told
	return now
}

// finish makes a last report and ends the goroutine, but does not wait long for
// an application's function that hangs.
func (d *drops) finish() {
	d.once.Do(func() { close(d.stop) })
	grace := time.NewTimer(reportGrace)
	defer grace.Stop()
	select {
	case <-d.ended:
	case <-grace.C:
	}
}

// counts adds what was never accepted to a report.
func (d *drops) counts(r *Report) {
	r.Full, r.TooLarge = d.full.Load(), d.tooLarge.Load()
	r.Invalid, r.Closed = d.invalid.Load(), d.closed.Load()
}
