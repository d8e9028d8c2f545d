// Package sse reads server-sent events, the text/event-stream of the HTML
// standard, from a server that is not trusted to end its lines. It is for the
// SDK's gates, which listen to the service.
//
// A stream is lines that end in LF, CR or CRLF. A line is "field: value" or,
// with nothing before the colon, a comment. An empty line ends an event; one
// without data, and one that the stream's end cuts off, is dropped.
package sse

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"strconv"
	"time"
)

// ErrTooLarge says that an event or a line is longer than the reader's limit.
var ErrTooLarge = errors.New("event is too large")

// keptBuffer is the largest buffer that is used again for the next event, so
// that one large event does not hold memory for as long as the stream lasts.
const keptBuffer = 64 << 10

// Event is one event of a stream.
type Event struct {
	ID   string // the latest id of the stream up to here; empty when there was none
	Name string // what the server calls it; empty when it does not say
	Data []byte // its lines joined by LF; valid until the next call of Next
}

// Reader reads the events of one stream. It is not safe for concurrent use.
type Reader struct {
	source *bufio.Reader
	limit  int

	line   []byte
	data   []byte
	name   string
	id     string
	retry  time.Duration
	size   int  // bytes in the lines of the event so far
	lines  int  // lines of data so far
	skipLF bool // the last line ended in CR: an LF that follows belongs to it
	begun  bool // the first line was read
}

// NewReader makes a reader of a stream in which no event, and no comment, takes
// more than limit bytes without its line ends.
func NewReader(source io.Reader, limit int) *Reader {
	return &Reader{source: bufio.NewReader(source), limit: limit}
}

// Retry is how long the server asked to wait before connecting again; 0 when it
// did not ask.
func (r *Reader) Retry() time.Duration { return r.retry }

// Next waits for the next event. The error is io.EOF when the stream has ended,
// ErrTooLarge, or what reading gave; after an error the reader is of no use.
func (r *Reader) Next() (Event, error) {
	if cap(r.data) > keptBuffer || cap(r.line) > keptBuffer {
		r.data, r.line = nil, nil
	}
	r.clear()
	for {
		if err := r.readLine(); err != nil {
			return Event{}, err
		}
		if len(r.line) == 0 {
			if r.lines > 0 {
				return Event{ID: r.id, Name: r.name, Data: r.data}, nil
			}
			r.clear()
			continue
		}
		if err := r.field(); err != nil {
			return Event{}, err
		}
	}
}

// clear begins a new event.
func (r *Reader) clear() { r.data, r.name, r.size, r.lines = r.data[:0], "", 0, 0 }

// readLine reads one line without its end. It never looks past a CR, because the
// server may not send the next byte for a long time.
func (r *Reader) readLine() error {
	r.line = r.line[:0]
	for {
		c, err := r.source.ReadByte()
		if err != nil {
			return err
		}
		skip := r.skipLF && c == '\n'
		r.skipLF = false
		switch {
		case skip:
		case c == '\n' || c == '\r':
			r.skipLF = c == '\r'
			if !r.begun {
				r.begun = true
				r.line = bytes.TrimPrefix(r.line, []byte("\xef\xbb\xbf")) // a byte order mark may come first
			}
			return nil
		case len(r.line) == r.limit:
			return ErrTooLarge
		default:
			r.line = append(r.line, c)
		}
	}
}

// field adds the current line to the event.
func (r *Reader) field() error {
	name, value, _ := bytes.Cut(r.line, []byte(":"))
	if len(name) == 0 {
		return nil // a comment
	}
	if r.size += len(r.line); r.size > r.limit {
		return ErrTooLarge
	}
	value = bytes.TrimPrefix(value, []byte(" "))
	switch string(name) {
	case "data":
		if r.lines++; r.lines > 1 {
			r.data = append(r.data, '\n')
		}
		r.data = append(r.data, value...)
	case "event":
		r.name = string(value)
	case "id":
		if !bytes.Contains(value, []byte{0}) {
			r.id = string(value)
		}
	case "retry":
		if ms, err := strconv.ParseUint(string(value), 10, 31); err == nil {
			r.retry = time.Duration(ms) * time.Millisecond
		}
	}
	return nil
}
