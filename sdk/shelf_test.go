package makegood

import (
	"context"
	"testing"
	"time"
)

// TestWhatIsOnDiskGoesFirst holds that a sender gets nothing from memory while events
// that were accepted earlier lie on disk, however the disk does, and that it gets it
// afterwards where the disk does not take it.
func TestWhatIsOnDiskGoesFirst(t *testing.T) {
	t.Parallel()
	for name, state := range map[string]shelfState{"working": working, "failing": failing, "full": full} {
		for _, closed := range []bool{false, true} {
			now := time.Unix(1e9, 0)
			q := newQueue(limits{maxBatch: 1, memory: bufferSize, flushEvery: time.Second})
			q.spool = &shelf{wake: make(chan struct{}, 1), state: state, retry: now.Add(time.Minute), unread: 1}
			if err := q.add(context.Background(), []byte(`{}`), now); err != nil {
				t.Fatal(err)
			}
			q.closed = closed
			if b, _, more := q.next(now); b != nil || !more {
				t.Errorf("%s, closed %v: before what is on disk a sender gets %v, and more to come is %v", name, closed, b, more)
			}
			q.spool.unread = 0
			if b, _, _ := q.next(now); (b != nil) != (state != working) {
				t.Errorf("%s, closed %v: after what is on disk a sender gets %v", name, closed, b)
			}
		}
	}
}
