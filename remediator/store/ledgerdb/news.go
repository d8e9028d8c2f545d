package ledgerdb

import (
	"context"
	"database/sql"
	"fmt"
	"sync"
	"time"
)

// News is what nodes on one PostgreSQL hear of each other. It is a hint that comes
// at once or not at all: whoever waits for it looks again after a while.
type News int

// What there is news of.
const (
	Committed News = iota // the ledger has grown
	Braked                // somebody stopped something
	LeaseFree             // nobody holds the lease any more
	kindsOfNews
)

// announceTimeout bounds an announcement, which nobody misses for long.
const announceTimeout = 5 * time.Second

// newsroom passes news on.
type newsroom struct {
	write    *sql.DB // nil: nobody else is to hear
	channels [kindsOfNews]string
	stop     func() error

	mu       sync.Mutex
	heard    [kindsOfNews]chan struct{} // closed and replaced by news
	saying   [kindsOfNews]bool          // an announcement is under way
	again    [kindsOfNews]bool          // and another is wanted after it
	announce sync.WaitGroup
}

func newNewsroom() *newsroom {
	n := &newsroom{}
	for i := range n.heard {
		n.heard[i] = make(chan struct{})
	}
	return n
}

// openNews has a handle hear what other nodes announce, and announce what it does.
func openNews(ctx context.Context, e *engine) (*newsroom, error) {
	n := newNewsroom()
	if e.keep == nil {
		return n, nil
	}
	var ledger string // one set of channels for each ledger of a database
	if err := e.keep.QueryRowContext(ctx, `SELECT 'lease'::regclass::oid::TEXT`).Scan(&ledger); err != nil {
		return nil, fmt.Errorf("listen to other nodes: %w", err)
	}
	n.write = e.Write
	wake := map[string]func(){}
	for i := range n.channels {
		n.channels[i] = fmt.Sprintf("makegood_news_%d_%s", i, ledger)
		wake[n.channels[i]] = func() { n.hear(News(i)) }
	}
	n.stop = e.listen(wake)
	return n, nil
}

// News returns what is closed at the next news of a kind, from this node or another.
func (d *DB) News(of News) <-chan struct{} {
	d.news.mu.Lock()
	defer d.news.mu.Unlock()
	return d.news.heard[of]
}

func (n *newsroom) hear(of News) {
	n.mu.Lock()
	defer n.mu.Unlock()
	close(n.heard[of])
	n.heard[of] = make(chan struct{})
}

// tell passes news on to this node and to the others. It returns at once: news
// that come while others are on their way go together.
func (n *newsroom) tell(of News) {
	if n.write == nil {
		n.hear(of)
		return
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.saying[of] {
		n.again[of] = true
		return
	}
	n.saying[of] = true
	n.announce.Go(func() { n.say(of) })
}

func (n *newsroom) say(of News) {
	for more := true; more; {
		ctx, cancel := context.WithTimeout(context.Background(), announceTimeout)
		_, _ = n.write.ExecContext(ctx, `SELECT pg_notify(?, '')`, n.channels[of]) // who does not hear it looks by itself
		cancel()
		n.mu.Lock()
		more = n.again[of]
		n.again[of] = false
		n.saying[of] = more
		n.mu.Unlock()
	}
}

// close ends hearing, after what is being said. Twice does nothing.
func (n *newsroom) close() error {
	n.announce.Wait()
	if n.stop == nil {
		return nil
	}
	stop := n.stop
	n.stop = nil
	return stop()
}
