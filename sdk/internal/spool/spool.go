// Package spool keeps on disk what an application's client accepted and the
// service has not answered for. It is for the SDK's client alone, which appends
// what it accepts, reads it back to send it, and says what was answered for.
//
// A folder belongs to one process at a time, which holds the lock of the file
// named lock. What is in it:
//
//	%016x.spool       a segment of records, four MiB and seldom more
//	%016x.done        what of the segment of this number was answered for
//	%016x.bad         a damaged segment whose good records were all answered for
//	dead.jsonl        events that the service refused, for people to read
//	dead.older.jsonl  those before them
//
// A segment begins with the eight bytes MGSPOOL1. A record has a head of 16 bytes
// and a payload; all numbers are little-endian:
//
//	ff 4d 47 fe   marker
//	uint32        length of the payload
//	uint32        CRC-32C of the payload
//	uint32        CRC-32C of the twelve bytes before
//	[16]byte      id of the client
//	uint64        sequence number of the first event
//	uint32        number of events
//	uint32 …      length of each event
//	…             the events, CloudEvents as JSON
//
// All records of a segment are of one client and their sequence numbers grow.
// Segments are read oldest first. A segment whose events were all answered for is
// removed. What was cut off by a crash is cut away when the folder is opened; what
// is damaged otherwise is skipped and reported, and the records behind it are kept.
//
// A mark that something was answered for may get lost in a crash. Its events are
// then sent again under the same client and sequence numbers, by which the service
// drops them.
package spool

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
)

// Errors of a spool.
var (
	ErrFull   = errors.New("spool is full")
	ErrLocked = errors.New("another client uses this folder: give each its own")
	ErrClosed = errors.New("spool is closed")
)

// Options say how a folder is used.
type Options struct {
	Client [16]byte // whose events are appended
	Limit  int64    // bytes of all segments and marks together
	Sync   bool     // what is appended survives a power loss

	create func(path string) (output, error) // for tests; nil for files
}

// output is a file to which records are appended.
type output interface {
	io.WriterAt
	Sync() error
	Truncate(size int64) error
	Close() error
}

func createFile(path string) (output, error) {
	return os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
}

// Spool is an open folder. It is safe for concurrent use.
type Spool struct {
	folder  string
	options Options
	lock    *os.File
	deadMu  sync.Mutex // held while a dead letter is written

	appending sync.Mutex // held by Append, which may wait for the disk; taken before mu
	text      []byte     // of the record that is being appended

	mu       sync.Mutex
	closed   bool
	segments []*segment // oldest first
	active   *segment   // the last one, while records are appended to it
	number   uint64     // of the segment made last
	used     int64      // bytes
	waiting  int        // events that were not answered for
	reader   reader     // of the segment that is being read
	reading  *segment   // nil when none is
}

// Damage says that a segment has bytes that are no record. The error is about one
// segment, the others are as they were.
type Damage struct {
	File  string
	At    int64 // where the first of them are
	Bytes int64
	Torn  bool // they were the end of the newest segment: a crash cut a record off
	Lost  int  // events that were counted and cannot be read any more
}

func (d *Damage) Error() string {
	switch {
	case d.Lost > 0:
		return fmt.Sprintf("read %s: %d events are lost: the file was changed or damaged since it was opened", d.File, d.Lost)
	case d.Torn:
		return fmt.Sprintf("read %s: cut off %d bytes at %d of a record that was not written to its end", d.File, d.Bytes, d.At)
	}
	return fmt.Sprintf("read %s: %d bytes from %d on are damaged; what else is in it is sent", d.File, d.Bytes, d.At)
}

// Unreadable says that the disk did not give a segment back. It stays where it is
// for the next process that opens the folder.
type Unreadable struct {
	Events int // that are left out
	Err    error
}

func (u *Unreadable) Error() string { return fmt.Sprintf("leave out %d events: %v", u.Events, u.Err) }
func (u *Unreadable) Unwrap() error { return u.Err }

// Open opens a folder, which it makes if there is none, and counts what is in it.
// damage tells what of it is no use; err that nothing is.
func Open(folder string, options Options) (s *Spool, damage []error, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("open spool %s: %w", folder, err)
		}
	}()
	if err := makeFolder(folder, options.Sync); err != nil {
		return nil, nil, err
	}
	lock, err := lockFile(filepath.Join(folder, "lock"))
	if err != nil {
		return nil, nil, err
	}
	if options.create == nil {
		options.create = createFile
	}
	s = &Spool{folder: folder, options: options, lock: lock}
	if damage, err = s.load(); err != nil {
		return nil, nil, errors.Join(err, unlockFile(lock))
	}
	return s, damage, nil
}

// makeFolder makes a folder and those above it that are not there. With sync they
// survive a power loss, which takes a look at each one's parent.
func makeFolder(folder string, sync bool) error {
	var missing []string
	for path := filepath.Clean(folder); sync; path = filepath.Dir(path) {
		if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
			break
		}
		missing = append(missing, path)
	}
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return err
	}
	for _, path := range missing {
		if err := syncFolder(filepath.Dir(path)); err != nil {
			return err
		}
	}
	return nil
}

// Waiting is the number of events on disk that were not answered for.
func (s *Spool) Waiting() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.waiting
}

// Append writes events of the client with sequence numbers from first on, larger
// than all before. With Sync it returns once they survive a power loss. ErrFull
// says that they do not fit below the limit; after any other error nothing of them
// counts, though they may come again if the disk cannot take them back.
func (s *Spool) Append(first uint64, events [][]byte) error {
	s.appending.Lock()
	defer s.appending.Unlock()
	s.text = appendRecord(s.text[:0], record{client: s.options.Client, first: first, events: events})
	g, err := s.place(int64(len(s.text)))
	if err != nil {
		return err
	}
	_, err = g.write.WriteAt(s.text, g.size)
	if err == nil && s.options.Sync {
		err = g.write.Sync()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err == nil && g.ended {
		err = fmt.Errorf("segment %s cannot be read back", g.path(".spool"))
	}
	if err != nil { // what the disk says about this file is not relied on any more
		_ = g.write.Truncate(g.size)
		s.seal()
		return fmt.Errorf("write spool: %w", err)
	}
	g.size += int64(len(s.text))
	s.used += int64(len(s.text))
	g.events += len(events)
	g.unread += len(events)
	s.waiting += len(events)
	return nil
}

// place finds the segment for a record of a size. Only the caller of Append uses
// the active one's file.
func (s *Spool) place(size int64) (*segment, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, ErrClosed
	}
	if g := s.active; g != nil && (g.ended || g.size+size > segmentSize || s.used+size > s.options.Limit) {
		s.seal()
	}
	if s.active == nil {
		size += int64(len(magic))
	}
	if s.used+size > s.options.Limit {
		return nil, ErrFull
	}
	if s.active == nil {
		if err := s.create(); err != nil {
			return nil, fmt.Errorf("write spool: %w", err)
		}
	}
	return s.active, nil
}

// create begins a segment.
func (s *Spool) create() (err error) {
	g := &segment{folder: s.folder, number: s.number + 1, size: int64(len(magic))}
	g.write, err = s.options.create(g.path(".spool"))
	if err != nil {
		return err
	}
	s.number++
	_, err = g.write.WriteAt([]byte(magic), 0)
	if err == nil && s.options.Sync {
		err = errors.Join(g.write.Sync(), syncFolder(s.folder))
	}
	if err != nil {
		return errors.Join(err, g.write.Close(), os.Remove(g.path(".spool")))
	}
	s.segments = append(s.segments, g)
	s.active = g
	s.used += g.size
	return nil
}

// seal ends the active segment. The caller holds mu.
func (s *Spool) seal() {
	g := s.active
	s.active = nil
	_ = g.write.Close() // what matters was written, and synced if that was asked for
	g.write = nil
	s.dropIfDone(g)
}

// dropIfDone removes a segment in which nothing waits. The caller holds mu.
func (s *Spool) dropIfDone(g *segment) {
	if g == s.active || g.answered < g.events {
		return
	}
	for i := range s.segments {
		if s.segments[i] == g {
			s.segments = append(s.segments[:i], s.segments[i+1:]...)
			break
		}
	}
	if s.reading == g {
		s.closeReader()
	}
	g.removed = true
	s.used -= g.size + g.marked
	g.remove()
}

// Batch is a run of events that was read back.
type Batch struct {
	Client [16]byte
	First  uint64 // sequence number of the first event; the others follow on
	Count  int

	segment *segment
}

// Next reads the oldest events that were neither read yet nor answered for, as
// many as follow on one another in a segment and take up to room bytes, but those of
// one record at least. It hands each to add, which must not keep it. io.EOF says
// that none is left, a *Damage or an *Unreadable that some are left out.
func (s *Spool) Next(room int, add func(event []byte)) (Batch, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return Batch{}, ErrClosed
	}
	for {
		i := slices.IndexFunc(s.segments, func(g *segment) bool { return !g.ended })
		if i < 0 {
			return Batch{}, io.EOF
		}
		g := s.segments[i]
		b, err := s.take(g, room, add)
		if b.Count > 0 {
			return b, nil
		}
		if err = s.leave(g, err); err != nil {
			return Batch{}, err
		}
		if !g.ended { // more may be appended
			return Batch{}, io.EOF
		}
	}
}

// take reads on in a segment.
func (s *Spool) take(g *segment, room int, add func(event []byte)) (Batch, error) {
	if s.reading != g {
		s.closeReader()
		file, err := os.Open(g.path(".spool"))
		if err != nil {
			return Batch{}, err
		}
		s.reader.file, s.reading = file, g
	}
	s.reader.size = g.size
	return g.take(&s.reader, room, add)
}

func (s *Spool) closeReader() {
	if s.reading != nil {
		_ = s.reader.file.(io.Closer).Close()
		s.reader.file, s.reading = nil, nil
	}
}

// leave goes on from a segment that gives no more. What was counted but did not
// come is lost when the file is damaged, and left out when it cannot be read.
func (s *Spool) leave(g *segment, cause error) (err error) {
	missing := g.unread
	g.unread = 0
	g.ended = g != s.active || !errors.Is(cause, io.EOF) // then Append does not go on with it either
	switch {
	case !errors.Is(cause, io.EOF) && !errors.Is(cause, fs.ErrNotExist):
		err = &Unreadable{Events: missing, Err: cause}
	case missing != 0:
		g.events -= missing
		g.damaged = true
		s.waiting -= missing
		err = &Damage{File: g.path(".spool"), At: g.cursor.at, Lost: missing}
	}
	s.dropIfDone(g)
	return err
}

// Answered marks the events of a batch from the i-th up to the j-th as answered
// for. An error says that they may be sent again after a crash.
func (s *Spool) Answered(b Batch, i, j int) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return ErrClosed
	}
	g, run := b.segment, span{b.First + uint64(i), b.First + uint64(j)}
	if g.removed {
		return nil
	}
	n := g.done.add(run)
	g.answered += n
	s.waiting -= n
	if g.answered >= g.events && g != s.active {
		s.dropIfDone(g)
		return nil
	}
	grown, err := g.note(run)
	s.used += grown
	if err != nil {
		return fmt.Errorf("write spool: %w", err)
	}
	return nil
}

// Close ends the use of the folder. Segments in which nothing waits are removed.
func (s *Spool) Close() error {
	s.appending.Lock()
	defer s.appending.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil
	}
	s.closed = true
	if s.active != nil {
		s.seal()
	}
	s.closeReader()
	for _, g := range s.segments {
		g.closeMarks()
	}
	if err := unlockFile(s.lock); err != nil {
		return fmt.Errorf("close spool %s: %w", s.folder, err)
	}
	return nil
}
