// Package window keeps what a rule has seen within a sliding time, and what a
// limit has spent within one.
//
// A Table holds the windows of all keys of one rule, without a pointer a key: an
// index of hashes over records that lie densely in arenas. The window of a key is
// exact while it holds at most MaxExact entries; the next one turns it into
// granules of a sixty-fourth of its length, aligned to the epoch. A Meter counts
// what a limit has used, in granules from its first entry on. Both round so that
// money is never paid on account of the rounding: a window in granules never
// counts an entry outside its time, a meter never forgets one inside.
//
// Everything here is a value: no clock is read, and equal calls in equal order
// leave equal contents, byte for byte in their encoding.
package window

import "time"

const (
	// MaxExact is how many entries a window holds one by one, and how many
	// distinct values one in granules.
	MaxExact = 64
	// granules is how many granules a window or a limit is divided into.
	granules = 64
	// maxGranules bounds the granules of one window; they outnumber 64 when late
	// entries are allowed for much longer than the window is. The oldest go first.
	maxGranules = 4096
)

// Value is what one entry contributes to one aggregate.
type Value struct {
	Counted  bool // it contributes at all
	Total    bool // for share: it belongs to the whole
	Num      float64
	Minor    int64
	Currency string // three capitals: the value is money; empty: it is a number
	Hash     uint64 // of the text, for distinct; never 0
}

// Entry is one input in a window.
type Entry struct {
	At     int64 // nanoseconds since the Unix epoch
	Values []Value
}

// Side says to which side what is not known exactly is rounded.
type Side int

const (
	// Near leaves out the granules at the edges of a window, which may hold
	// entries beyond it, and estimates how many values a sketch has seen.
	Near Side = iota
	// Least is what an aggregate comes to at the least, whatever of the edges lies
	// inside, and counts no value of a sketch that may be none: three standard errors
	// below the estimate. It is the largest that min may be.
	Least
	// Most is what it comes to at the most, or the least that min may be, and three
	// standard errors above the estimate.
	Most
)

// Step is the length of a granule of a window.
func Step(within time.Duration) time.Duration { return time.Duration(width(int64(within))) }

// width is the length of a granule: 64 of them cover the whole time.
func width(within int64) int64 { return max((within+granules-1)/granules, 1) }

// floor rounds t down to a multiple of width, also below zero.
func floor(t, width int64) int64 {
	r := t % width
	if r < 0 {
		r += width
	}
	return t - r
}
