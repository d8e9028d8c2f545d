//go:build !linux && !darwin

package logdb

import "time"

// machineElapsed is the time since the program started.
func machineElapsed() time.Duration { return time.Since(started) }

var started = time.Now()
