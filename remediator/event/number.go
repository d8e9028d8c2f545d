package event

import (
	"bytes"
	"math"
	"strconv"
)

// maxExact is the largest integer up to which a float64 holds every integer.
const maxExact = 1 << 53

// floatOf returns the float64 of a number and whether it holds the number as
// DecodeData wants it held.
func floatOf(text []byte) (float64, bool) {
	if f, ok := shortFloat(text); ok {
		return f, true
	}
	f, err := strconv.ParseFloat(string(text), 64)
	return f, err == nil && (math.Abs(f) < maxExact || bytes.ContainsAny(text, ".eE") || exact(text))
}

// powers are those of ten that a short number may be divided by.
var powers = [...]float64{1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18}

// shortFloat reads a number without an exponent whose digits make an integer of
// at most 2^53. That integer and the power of ten by which its decimals divide
// it are float64s, so their quotient is rounded once, as strconv rounds.
func shortFloat(text []byte) (float64, bool) {
	digits := text
	if digits[0] == '-' {
		digits = digits[1:]
	}
	if len(digits) >= len(powers) {
		return 0, false // it may not fit into 64 bits
	}
	integer, decimals := uint64(0), 0
	for i, c := range digits {
		switch {
		case c-'0' <= 9:
			integer = 10*integer + uint64(c-'0')
		case c == '.':
			decimals = len(digits) - i - 1
		default:
			return 0, false
		}
	}
	if integer > maxExact {
		return 0, false
	}
	f := float64(integer) / powers[decimals]
	if len(digits) < len(text) {
		f = -f
	}
	return f, true
}

// exact says whether an integer lies within ±2^53; rounding to a float64 would
// bring 2^53+1 back into it.
func exact(text []byte) bool {
	n, err := strconv.ParseInt(string(text), 10, 64)
	return err == nil && n >= -maxExact && n <= maxExact
}
