package log

import (
	"context"
	"sync"
	"time"
)

// Bell is how an engine wakes those who wait for its records. The zero Bell is
// ready to use.
type Bell struct {
	mu   sync.Mutex
	next chan struct{} // closed and replaced by Ring
}

// Ring says that a record may have been appended.
func (b *Bell) Ring() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.next != nil {
		close(b.next)
	}
	b.next = make(chan struct{})
}

// Wait returns nil once the head is above after. It looks when the bell rings, and
// after each poll for what nobody rang for.
func (b *Bell) Wait(ctx context.Context, after uint64, head func(context.Context) (uint64, error), poll time.Duration) error {
	ticker := time.NewTicker(poll)
	defer ticker.Stop()
	for {
		rung := b.heard()
		last, err := head(ctx)
		if err != nil || last > after {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-rung:
		case <-ticker.C:
		}
	}
}

// heard is closed by the next Ring.
func (b *Bell) heard() <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.next == nil {
		b.next = make(chan struct{})
	}
	return b.next
}
