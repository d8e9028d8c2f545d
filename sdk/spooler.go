package makegood

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"github.com/makegood/makegood/sdk/internal/spool"
)

const (
	smallestSpool = 8 << 20 // two segments: one is written while the other is read
	largestSpool  = 1 << 40

	spoolPause   = time.Second      // before a disk that refused is tried again; it doubles
	longestSpool = 30 * time.Second // up to this
	spoolGrace   = time.Second      // how long Shutdown waits for a disk that hangs
)

// spoolConfig says where events are kept on disk.
type spoolConfig struct {
	folder string // empty for nowhere
	limit  int64
	sync   bool
}

// readSpool finds the folder where the options left it open.
func (c *config) readSpool() {
	if c.spool.folder == "" {
		c.spool.folder = os.Getenv("MAKEGOOD_SPOOL")
	}
	if path, err := filepath.Abs(c.spool.folder); err == nil && c.spool.folder != "" {
		c.spool.folder = path // the process may go elsewhere
	}
	switch {
	case !c.enabled():
		c.spool.folder = ""
	case c.spool.folder == "" && c.spool.sync:
		c.fail("SpoolSync has no folder: give one with Spool or MAKEGOOD_SPOOL")
	case c.spool.folder != "" && c.limits.memory < smallestMemory:
		c.fail("Memory is %d bytes, but with a spool it takes %d", c.limits.memory, smallestMemory)
	}
}

// smallestMemory has two buffers for reading and two for writing.
const smallestMemory = 4 * bufferSize

// spooler writes every buffer that is due to disk. Senders read from there, but
// for as long as the disk refuses.
type spooler struct {
	queue   *queue
	drops   *drops
	logger  *slog.Logger
	health  *health
	folder  string
	options spool.Options

	spool atomic.Pointer[spool.Spool] // nil until the folder could be opened
	pause time.Duration               // after the next failure
	retry time.Time                   // when the folder is tried again

	timer  *time.Timer
	events [][]byte // of the buffer that is being written
	run    context.Context
	stop   context.CancelFunc
	ended  chan struct{}
}

// newSpooler prepares the queue and the sender for a spool.
func newSpooler(c *config, sender *sender) *spooler {
	s := &spooler{
		queue: sender.queue, drops: sender.drops, logger: c.logger,
		health: &health{
			logger: c.logger,
			fails:  "makegood: the spool cannot be used: events are in memory only",
			works:  "makegood: the spool is used again",
		},
		folder: c.spool.folder,
		options: spool.Options{
			Client: uuid.MustParse(sender.client), // the client's own
			Limit:  c.spool.limit,
			Sync:   c.spool.sync,
		},
		pause: spoolPause,
		ended: make(chan struct{}),
	}
	s.run, s.stop = context.WithCancel(context.Background())
	s.queue.spool = &shelf{wake: make(chan struct{}, 1), sync: c.spool.sync}
	s.queue.maxBuffers -= c.limits.inFlight // each sender has one to read into
	sender.spooler = s
	return s
}

// loop writes until the queue is closed and empty, or the disk refuses what was
// left then.
func (s *spooler) loop() {
	defer close(s.ended)
	s.timer = time.NewTimer(time.Hour)
	defer s.timer.Stop()
	for more := true; more && s.run.Err() == nil; {
		if s.spool.Load() == nil && !time.Now().Before(s.retry) {
			if err := s.open(); err != nil {
				s.refuse(nil, err)
			}
		}
		var b *buffer
		var wait time.Duration
		if b, wait, more = s.queue.unsaved(time.Now()); b != nil {
			more = s.save(b)
		} else if more {
			s.idle(wait)
		}
	}
}

// idle waits for something to look at.
func (s *spooler) idle(wait time.Duration) {
	var due <-chan time.Time
	if wait > 0 {
		s.timer.Reset(wait)
		due = s.timer.C
	}
	select {
	case <-due:
	case <-s.queue.spool.wake:
	case <-s.run.Done():
	}
}

// open opens the folder and tells of what is damaged in it.
func (s *spooler) open() error {
	opened, damage, err := spool.Open(s.folder, s.options)
	if err != nil {
		return err
	}
	switch n := len(damage); {
	case n == 1:
		s.damaged(fmt.Errorf("open spool: %w", damage[0]))
	case n > 1:
		s.damaged(fmt.Errorf("open spool: %w; and %d more segments", damage[0], n-1))
	}
	s.accept()
	s.spool.Store(opened)
	s.queue.opened(opened.Waiting())
	return nil
}

// save writes a buffer. It returns false when it makes no sense to go on.
func (s *spooler) save(b *buffer) bool {
	s.events = s.events[:0]
	for i := range b.len() {
		s.events = append(s.events, b.event(i))
	}
	var err error
	if s.spool.Load() == nil {
		err = s.open()
	}
	if err == nil {
		err = s.spool.Load().Append(b.first, s.events)
	}
	switch {
	case err == nil:
		s.accept()
		s.queue.saved(b)
		return true
	case errors.Is(err, spool.ErrFull):
		s.refuse(b, err)
		s.idle(0)
		return true
	}
	s.refuse(b, err)
	return !s.queue.isClosed()
}

// accept notes that the disk works.
func (s *spooler) accept() {
	s.pause = spoolPause
	s.health.good()
}

// refuse leaves a buffer, nil for none, in memory and tells why.
func (s *spooler) refuse(b *buffer, err error) {
	err = fmt.Errorf("keep events in folder %s: %w", s.folder, err)
	s.retry = time.Now().Add(s.pause)
	s.pause = min(2*s.pause, longestSpool)
	s.queue.unsavable(b, err, s.retry)
	s.health.bad(err.Error())
	s.drops.trouble(fmt.Errorf("makegood: %w", err))
}

// damaged tells of events that cannot be read back.
func (s *spooler) damaged(err error) {
	s.drops.trouble(fmt.Errorf("makegood: %w", err))
	defer func() { _ = recover() }() // of the application's log handler
	s.logger.Warn("makegood: part of the spool cannot be read", "reason", err)
}

// read fills a buffer with the oldest events on disk. It returns false when there
// are none.
func (s *spooler) read(b *buffer) bool {
	opened := s.spool.Load()
	for opened != nil {
		b.reset(0)
		batch, err := opened.Next(bufferSize-1, func(event []byte) { b.add(event, time.Time{}) })
		var damage *spool.Damage
		var unreadable *spool.Unreadable
		switch {
		case err == nil:
			b.first, b.stored, b.batch = batch.First, true, batch
			if batch.Client != s.options.Client {
				b.client = uuid.UUID(batch.Client).String()
			}
			s.queue.took(b)
			return true
		case errors.As(err, &damage):
			s.queue.leftOut(damage.Lost, true)
		case errors.As(err, &unreadable):
			s.queue.leftOut(unreadable.Events, false)
		default: // nothing, or the end
			return false
		}
		s.damaged(err)
	}
	return false
}

// answered marks the events from i up to j of a buffer, if it came from the disk.
func (s *spooler) answered(b *buffer, i, j int) {
	if opened := s.spool.Load(); opened != nil && b.stored {
		if err := opened.Answered(b.batch, i, j); err != nil && !errors.Is(err, spool.ErrClosed) {
			s.health.bad(err.Error())
		}
	}
}

// bury keeps an event that the service refused for people to read.
func (s *spooler) bury(event []byte, r rejection) {
	opened := s.spool.Load()
	if opened == nil {
		return
	}
	if err := opened.Dead(time.Now(), r.Code+": "+r.Detail, event); err != nil {
		s.health.bad(err.Error())
	}
}

// finish waits until what is in memory was written, but not long for a disk that
// hangs or refuses.
func (s *spooler) finish() {
	if s == nil {
		return
	}
	grace := time.NewTimer(spoolGrace)
	defer grace.Stop()
	select {
	case <-s.ended:
	case <-grace.C:
	}
	s.stop()
}

// close lets go of the folder. A disk that hangs keeps it.
func (s *spooler) close() {
	if s == nil {
		return
	}
	grace := time.NewTimer(spoolGrace)
	defer grace.Stop()
	done := make(chan struct{})
	go func() {
		defer close(done)
		<-s.ended
		if opened := s.spool.Load(); opened != nil {
			_ = opened.Close()
		}
	}()
	select {
	case <-done:
	case <-grace.C:
	}
}
