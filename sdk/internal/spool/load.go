package spool

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

const (
	maxSegment = 1 << 30 // a larger file was not written by a spool
	keptBad    = 4       // damaged segments, for whoever wants to look
)

// load finds the segments of the folder and what waits in them. damage tells of
// those that are not what they were; a segment that cannot be read stays as it is.
func (s *Spool) load() (damage []error, err error) {
	found, err := s.list()
	if err != nil {
		return nil, err
	}
	for i, g := range found {
		err := g.scan(i == len(found)-1)
		if err != nil {
			damage = append(damage, err)
		}
		if d := (*Damage)(nil); err != nil && !errors.As(err, &d) {
			continue
		}
		s.used += g.size + g.marked
		s.segments = append(s.segments, g)
		s.waiting += g.unread
		s.dropIfDone(g)
	}
	return damage, nil
}

// list returns the segments by their age, and removes what crashes left behind:
// marks without a segment, and more damaged segments than are kept.
func (s *Spool) list() (found []*segment, err error) {
	entries, err := os.ReadDir(s.folder)
	if err != nil {
		return nil, err
	}
	var bad, marks []string
	for _, entry := range entries { // in the order of their names, and so of their numbers
		name, kind, _ := strings.Cut(entry.Name(), ".")
		number, err := strconv.ParseUint(name, 16, 64)
		if err != nil || len(name) != 16 {
			continue
		}
		s.number = max(s.number, number) // also of what is no file: a name that is taken
		if !entry.Type().IsRegular() {
			continue
		}
		switch path := filepath.Join(s.folder, name); kind {
		case "spool":
			found = append(found, &segment{folder: s.folder, number: number})
		case "done":
			marks = append(marks, path)
		case "bad":
			bad = append(bad, path)
		}
	}
	for _, path := range marks {
		if _, err := os.Lstat(path + ".spool"); errors.Is(err, fs.ErrNotExist) {
			_ = os.Remove(path + ".done")
		}
	}
	for ; len(bad) > keptBad; bad = bad[1:] {
		_ = os.Remove(bad[0] + ".bad")
	}
	return found, nil
}

// scan reads a segment that another process wrote, and cuts off what that one did
// not write to its end, which only the newest can have.
func (g *segment) scan(newest bool) error {
	file, err := os.Open(g.path(".spool"))
	if err != nil {
		return &Unreadable{Err: err}
	}
	defer func() { _ = file.Close() }()
	info, err := file.Stat()
	if err != nil {
		return &Unreadable{Err: err}
	}
	if g.size = info.Size(); g.size > maxSegment {
		return &Unreadable{Err: fmt.Errorf("%s has %d bytes, which no segment has", g.path(".spool"), g.size)}
	}
	marks, err := os.ReadFile(g.path(".done"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return &Unreadable{Err: err}
	}
	g.done = decodeMarks(marks, g.number)
	g.marked = int64(len(marks)) / markSize * markSize
	damage, err := g.count(&reader{file: file, size: g.size})
	if err != nil {
		return &Unreadable{Err: err}
	}
	switch {
	case damage.Bytes == 0:
		return nil
	case newest && damage.At+damage.Bytes == g.size:
		damage.Torn = true
		g.size = damage.At
		_ = os.Truncate(g.path(".spool"), g.size) // what stays is no record
	default:
		g.damaged = true
	}
	return damage
}

// count counts the events of a segment and says what of it is damaged.
func (g *segment) count(r *reader) (*Damage, error) {
	damage := &Damage{File: g.path(".spool")}
	skip := func(at, n int64) {
		if damage.Bytes == 0 {
			damage.At = at
		}
		damage.Bytes += n
	}
	start := make([]byte, min(r.size, int64(len(magic))))
	if err := r.fill(start, 0); err != nil && !errors.Is(err, errDamaged) {
		return nil, err
	}
	if bytes.Equal(start, []byte(magic)) {
		g.cursor.at = int64(len(magic))
	} else if r.size > 0 {
		skip(0, int64(len(start))) // the records may be whole nevertheless
		g.cursor.at = int64(len(start))
	}
	for c := g.cursor; ; {
		at := c.at
		skipped, err := c.step(r)
		if skipped > 0 {
			skip(at, skipped)
		}
		if errors.Is(err, io.EOF) {
			return damage, nil
		} else if err != nil {
			return nil, err
		}
		missing := g.done.missing(span{r.record.first, c.end})
		g.events += len(r.record.events)
		g.answered += len(r.record.events) - missing
		g.unread += missing
	}
}
