//go:build !linux

package main

import "time"

var start = time.Now()

// clock reads the time that has passed: not everywhere can a thread's own be read.
func clock() time.Duration { return time.Since(start) }

// worked reads the time that has passed as well.
func worked() time.Duration { return clock() }
