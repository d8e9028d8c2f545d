//go:build !linux && !darwin

package elapsed

import "time"

// Machine is the time since the program started.
func Machine() time.Duration { return time.Since(started) }

var started = time.Now()
