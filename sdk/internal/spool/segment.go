package spool

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

const segmentSize = 4 << 20 // what can be removed at a time

// segment is a file of records and what was answered for.
type segment struct {
	folder string
	number uint64
	write  output // while records are appended
	size   int64  // bytes that count: whatever lies behind is no record

	events   int // in whole records
	answered int // of them
	unread   int // of them: neither answered for when the folder was opened nor read since
	cursor   cursor
	from     uint64 // sequence number from which to read on
	ended    bool   // nothing more is read
	damaged  bool
	removed  bool

	done   spans
	marks  *os.File // nil until the first mark
	marked int64    // bytes
}

// cursor goes from record to record. The first record says whose segment it is;
// records of another client, or with sequence numbers that were there before, are
// taken for damage.
type cursor struct {
	at     int64 // where the next record is looked for
	begun  bool
	client [16]byte
	end    uint64 // behind the last sequence number
}

// step reads the next record and says how many bytes before it are damaged.
func (c *cursor) step(r *reader) (skipped int64, err error) {
	for from := c.at; ; {
		start, next, err := r.find(c.at)
		if err != nil && !errors.Is(err, io.EOF) {
			return 0, err
		}
		c.at = next
		if err != nil {
			return start - from, err
		}
		if c.begun && (r.record.client != c.client || r.record.first < c.end) {
			continue
		}
		c.begun, c.client = true, r.record.client
		c.end = r.record.first + uint64(len(r.record.events))
		return start - from, nil
	}
}

// take reads the next events that were not answered for, see Spool.Next.
func (g *segment) take(r *reader, room int, add func([]byte)) (b Batch, err error) {
	for {
		ahead := g.cursor
		if _, err = ahead.step(r); err != nil {
			if b.Count == 0 && errors.Is(err, io.EOF) {
				g.cursor = ahead
			}
			return b, err
		}
		first := r.record.first
		run := g.done.next(span{max(first, g.from), ahead.end})
		if run.from < run.to {
			events := r.record.events[run.from-first : run.to-first]
			size := 0
			for _, e := range events {
				size += len(e)
			}
			if b.Count > 0 && (run.from != b.First+uint64(b.Count) || size > room) {
				return b, nil
			}
			if b.Count == 0 {
				b = Batch{Client: ahead.client, First: run.from, segment: g}
			}
			for _, e := range events {
				add(e)
			}
			room -= size
			b.Count += len(events)
			g.unread -= len(events)
			g.from = run.to
		}
		if run.to == ahead.end { // otherwise something follows that was answered for
			g.cursor = ahead
		} else if b.Count > 0 {
			return b, nil
		}
	}
}

// note writes a mark and returns how many bytes that took.
func (g *segment) note(run span) (grown int64, err error) {
	if g.marks == nil {
		if g.marks, err = os.OpenFile(g.path(".done"), os.O_CREATE|os.O_RDWR, 0o600); err != nil {
			return 0, err
		}
	}
	if _, err := g.marks.WriteAt(appendMark(nil, g.number, run), g.marked); err != nil {
		return 0, err
	}
	g.marked += markSize
	return markSize, nil
}

func (g *segment) closeMarks() {
	if g.marks != nil {
		_ = g.marks.Close()
		g.marks = nil
	}
}

func (g *segment) path(kind string) string {
	return filepath.Join(g.folder, fmt.Sprintf("%016x%s", g.number, kind))
}

// remove removes the files of a segment in which nothing waits. The marks go last:
// as long as the other file is there, it must not count as waiting. A damaged one
// is kept under another name.
func (g *segment) remove() {
	g.closeMarks()
	var err error
	if g.damaged {
		err = os.Rename(g.path(".spool"), g.path(".bad"))
	} else {
		err = os.Remove(g.path(".spool"))
	}
	if err == nil || errors.Is(err, os.ErrNotExist) {
		_ = os.Remove(g.path(".done"))
	}
}
