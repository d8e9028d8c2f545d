package main

import (
	"time"

	"golang.org/x/sys/unix"
)

// clock reads the time that the calling thread has run. What else runs on the
// machine does not count, nor does the collecting of garbage by other threads.
// It is exact, where getrusage counts ticks of some milliseconds.
func clock() time.Duration { return readClock(unix.CLOCK_THREAD_CPUTIME_ID) }

// worked reads the time that all threads have run.
func worked() time.Duration { return readClock(unix.CLOCK_PROCESS_CPUTIME_ID) }

func readClock(clock int32) time.Duration {
	var now unix.Timespec
	if err := unix.ClockGettime(clock, &now); err != nil {
		panic(err) // the arguments are right
	}
	return time.Duration(now.Nano())
}
