// Package elapsed tells how much time passed, whatever the wall clock was set to.
// It is for the logs, which compare the two: a clock that was set ahead must not
// be followed unasked.
package elapsed
