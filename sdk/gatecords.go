package makegood

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
)

// Bounds on what the service says about cords. It has the same for paths.
const (
	maxPath    = 512     // bytes of a path
	maxSegment = 64      // characters of one segment
	maxCords   = 1 << 16 // cords that are not open; a snapshot of 1 MiB holds about 8,000
)

// The levels of a cord.
const (
	levelOpen   = "open"
	levelYellow = "yellow" // a call: nothing stops
	levelRed    = "red"    // gates at the path and below are closed
)

// cord is one cord as the service tells it and as it stands in a file. Pull, the
// id of the pull, is there for people who look at the file.
type cord struct {
	Cord  string    `json:"cord"`
	Level string    `json:"level"`
	Since time.Time `json:"since"`
	Pull  string    `json:"pull,omitempty"`
}

// cords are those that are not open, by path.
type cords map[string]cord

// check reports what is wrong with a cord that was read.
func (c cord) check() error {
	if err := checkPath(c.Cord); err != nil {
		return err
	}
	switch c.Level {
	case levelOpen, levelYellow, levelRed:
		return nil
	}
	return fmt.Errorf("cord %s has the level %s: want open, yellow or red", quote(c.Cord), quote(c.Level))
}

// decodeCord reads the change of one cord.
func decodeCord(text []byte) (c cord, err error) {
	if err = json.Unmarshal(text, &c); err == nil {
		err = c.check()
	}
	if err != nil {
		return cord{}, fmt.Errorf("decode cord: %w", err)
	}
	return c, nil
}

// decodeCords reads a snapshot. One without a list is no snapshot: an answer of
// somebody else must not open every gate.
func decodeCords(text []byte) (cords, error) {
	var body struct {
		Cords []cord `json:"cords"`
	}
	if err := json.Unmarshal(text, &body); err != nil {
		return nil, fmt.Errorf("decode cords: %w", err)
	}
	if body.Cords == nil {
		return nil, errors.New(`decode cords: there is no list "cords"`)
	}
	if len(body.Cords) > maxCords {
		return nil, fmt.Errorf("decode cords: there are more than %d", maxCords)
	}
	all := make(cords, len(body.Cords))
	for _, c := range body.Cords {
		if err := c.check(); err != nil {
			return nil, fmt.Errorf("decode cords: %w", err)
		}
		if c.Level != levelOpen {
			all[c.Cord] = c
		}
	}
	return all, nil
}

// worst returns the cord that decides for a path: a red one before a yellow one,
// the nearest of equals. Without any it returns an open one.
func (all cords) worst(path string) cord {
	found := cord{Level: levelOpen}
	for at := path; ; {
		switch c := all[at]; {
		case c.Level == levelRed:
			return c
		case c.Level == levelYellow && found.Level == levelOpen:
			found = c
		}
		i := strings.LastIndexByte(at, '/')
		if i < 0 {
			return found
		}
		at = at[:i]
	}
}

// isAtOrBelow reports whether a cord stops what lies at a path.
func isAtOrBelow(path, cord string) bool {
	below, ok := strings.CutPrefix(path, cord)
	return ok && (below == "" || below[0] == '/')
}

// checkPath reports why a text is no path of a cord.
func checkPath(path string) error {
	if len(path) > maxPath {
		return fmt.Errorf("path %.40q… has more than %d bytes", path, maxPath)
	}
	for _, segment := range strings.Split(path, "/") {
		if !isSegment(segment) {
			return fmt.Errorf("path %q has the segment %q: use 1 to %d of A-Z a-z 0-9 . _ - and not . or .. alone", path, segment, maxSegment)
		}
	}
	return nil
}

// isSegment reports whether a text can be one segment of a path. An id of the
// service, <boot>.<n>, looks like one too, and fits into a header.
func isSegment(text string) bool {
	if text == "" || text == "." || text == ".." || len(text) > maxSegment {
		return false
	}
	for i := range len(text) {
		switch c := text[i]; {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '.', c == '_', c == '-':
		default:
			return false
		}
	}
	return true
}
