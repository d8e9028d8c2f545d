package act

import (
	"math"
	"sync"
	"time"
)

// Breaker says when a connector that fails is left alone.
type Breaker struct {
	// Failures is how many attempts in a row must fail. Defaults to 8.
	Failures int
	// Cooldown is for how long nothing is sent after that. It doubles with each
	// probe that fails too, up to sixteen times. Defaults to 2 s.
	Cooldown time.Duration
}

// maxCooldown is the longest cool-down as a multiple of the first.
const maxCooldown = 16

// breaker keeps a worker from hammering a provider that is down. After some
// failures in a row it opens; when the cool-down is over it lets one probe
// through, and closes when that one is answered.
type breaker struct {
	cfg Breaker

	mu       sync.Mutex
	failures int
	open     bool
	probing  bool
	until    time.Time
	cooldown time.Duration
}

// allowed returns how many attempts may begin now.
func (b *breaker) allowed(now time.Time) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case !b.open:
		return math.MaxInt
	case b.probing || now.Before(b.until):
		return 0
	}
	return 1
}

// begin notes that an attempt begins; on an open breaker it is the probe.
func (b *breaker) begin() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.probing = b.open
}

// answered notes that the provider gave an answer, also a refusal.
func (b *breaker) answered() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.open, b.probing, b.failures, b.cooldown = false, false, 0, 0
}

// abandoned notes that an attempt ended before the provider was asked.
func (b *breaker) abandoned() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.probing = false
}

// failed notes that the provider gave no answer. What was already under way when
// the breaker opened tells nothing new.
func (b *breaker) failed(now time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.open && !b.probing {
		return
	}
	b.failures++
	if !b.open && b.failures < b.cfg.Failures {
		return
	}
	b.cooldown = min(max(2*b.cooldown, b.cfg.Cooldown), maxCooldown*b.cfg.Cooldown)
	b.open, b.probing, b.until = true, false, now.Add(b.cooldown)
}
