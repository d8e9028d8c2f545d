// Package cord says what an andon cord is: a path, a level, and what may happen
// to it. Anybody who sees a defect pulls; yellow calls for help, red stops what
// lies at the path and below it. Package decide drives it; the API, the views
// and the command line show it. It is pure.
//
// The levels follow the line of a Toyota plant: a pull is a call, the line runs
// on to a fixed position, and stops there unless somebody has answered.
package cord

import (
	"fmt"
	"iter"
	"regexp"
	"strings"
)

// maxPath bounds a path in bytes.
const maxPath = 512

var segment = regexp.MustCompile(`^[A-Za-z0-9._-]{1,64}$`)

// IsSegment reports whether a text can be one segment of a path.
func IsSegment(text string) bool { return segment.MatchString(text) && text != "." && text != ".." }

// CheckPath reports why a text is no path of a cord: segments of A-Z a-z 0-9 . _ -
// with at most 64 characters each, joined by slashes, 512 bytes in all.
func CheckPath(path string) error {
	if len(path) > maxPath {
		return fmt.Errorf("%.80q… has more than %d bytes", path, maxPath)
	}
	for part := range strings.SplitSeq(path, "/") {
		if !IsSegment(part) {
			return fmt.Errorf("%.80q has a segment that is not A-Z a-z 0-9 . _ - of at most 64", path)
		}
	}
	return nil
}

// Segments is how many segments a path has.
func Segments(path string) int { return strings.Count(path, "/") + 1 }

// Upward yields a path, then every path above it: a/b/c, a/b, a.
func Upward(path string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for yield(path) {
			i := strings.LastIndexByte(path, '/')
			if i < 0 {
				return
			}
			path = path[:i]
		}
	}
}
