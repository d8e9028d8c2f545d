package act

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Backoff says how long to wait before an action is tried again.
type Backoff struct {
	// Base is the longest wait after the first attempt; it doubles with each one.
	// Defaults to 500 ms.
	Base time.Duration
	// Most is the longest wait. Defaults to 30 minutes.
	Most time.Duration
}

// maxRetryAfter bounds how long a provider can send an action away.
const maxRetryAfter = 6 * time.Hour

// delay is a random part of the wait due after an attempt ("full jitter"): many
// actions that failed at once spread out. A provider's Retry-After is waited out
// first and never shortened by chance.
func (b Backoff) delay(attempt int, retryAfter time.Duration, random func(int64) int64) time.Duration {
	wait := b.Base
	for range attempt - 1 {
		if wait *= 2; wait >= b.Most {
			wait = b.Most
			break
		}
	}
	return min(retryAfter, maxRetryAfter) + time.Duration(random(int64(wait)+1))
}

// scheduled is a wait of a schedule and up to a tenth of it by chance, or what the
// receiver asks for when that is longer.
func scheduled(wait, retryAfter time.Duration, random func(int64) int64) time.Duration {
	return max(wait, min(retryAfter, maxRetryAfter)) + time.Duration(random(int64(wait/10)+1))
}

// RetryAfter reads how long an answer asks to wait, in seconds or until a date; 0
// when it does not. How long is waited at the most is the worker's to bound.
func RetryAfter(header http.Header, now time.Time) time.Duration {
	text := strings.TrimSpace(header.Get("Retry-After"))
	if seconds, err := strconv.ParseInt(text, 10, 32); err == nil && seconds > 0 {
		return time.Duration(seconds) * time.Second
	}
	if at, err := http.ParseTime(text); err == nil {
		return max(at.Sub(now), 0)
	}
	return 0
}
