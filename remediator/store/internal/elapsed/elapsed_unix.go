//go:build linux || darwin

package elapsed

import (
	"time"

	"golang.org/x/sys/unix"
)

// Machine is the time since the machine started. It goes on while the
// machine sleeps, so that waking up is not taken for a clock set ahead.
func Machine() time.Duration {
	var ts unix.Timespec
	if err := unix.ClockGettime(sleeplessClock, &ts); err != nil {
		panic(err) // the clock is a constant that every such system has
	}
	return time.Duration(ts.Nano())
}
