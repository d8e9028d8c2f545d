package andon

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/makegood/makegood/remediator/cord"
)

const (
	// keptChanges is how far a stream may be behind before it must begin anew, and
	// how far back one that was cut off goes on. It bounds what waits for slow
	// readers: they share these, and have no queues of their own.
	keptChanges = 1024
	// maxStreams bounds those who listen at a time. A stream takes some 20 KiB.
	maxStreams = 16 << 10
	// retryRead is how long after a failed read the store is read again.
	retryRead = time.Second
)

// Config of a hub.
type Config struct {
	Store  Store
	Logger *slog.Logger
	Now    func() time.Time // what heartbeats say
	// Listens is told of each request for the gates: of a stream when it begins, and what
	// it returns is called when the stream ends. Defaults to nobody.
	Listens func(r *http.Request, stream bool) (ended func())
}

// Hub knows which cords are not open and tells everybody who listens of each
// change. It is safe for concurrent use.
//
// It serves nothing before its first Refresh. When it cannot read the store it
// falls silent until it can: who hears nothing answers by its own mode.
type Hub struct {
	cfg  Config
	boot string        // names this start of the service
	told chan struct{} // holds one word that something may have changed

	refreshing sync.Mutex // held while the store is read and what is new is published

	mu      sync.Mutex
	current bool                // the picture is what the store has
	picture picture             // nil before the first refresh
	n       uint64              // of the last change
	kept    [keptChanges][]byte // the last changes as events: the nth at n mod keptChanges
	whole   []byte              // the picture as events; nil: not asked for since the last change
	list    []byte              // the picture as JSON; likewise
	changed chan struct{}       // closed at the next change
	streams int
	servers map[*http.Server]chan struct{} // closed when the server shuts down

	ended chan struct{} // closed when Run has ended
}

// New returns a hub. It knows nothing before its first Refresh.
func New(cfg Config) *Hub {
	var boot [8]byte
	_, _ = rand.Read(boot[:]) // it never returns an error
	if cfg.Listens == nil {
		cfg.Listens = func(*http.Request, bool) func() { return func() {} }
	}
	return &Hub{
		cfg: cfg, boot: hex.EncodeToString(boot[:]), told: make(chan struct{}, 1),
		changed: make(chan struct{}), servers: map[*http.Server]chan struct{}{}, ended: make(chan struct{}),
	}
}

// Changed says that cords or stops may have changed: after a commit, and after a
// stop that was set before its commit. It returns at once.
func (h *Hub) Changed() {
	select {
	case h.told <- struct{}{}:
	default: // somebody said so already, and the store was not read since
	}
}

// Run reads the store each time that something may have changed, until the
// context ends. Then all streams end. It is called once.
func (h *Hub) Run(ctx context.Context) {
	defer close(h.ended)
	var again <-chan time.Time
	for {
		select {
		case <-ctx.Done():
			return
		case <-h.told:
		case <-again:
		}
		again = nil
		if err := h.Refresh(ctx); err != nil && ctx.Err() == nil {
			h.cfg.Logger.ErrorContext(ctx, "tell gates what is stopped", slog.Any("error", err))
			again = time.After(retryRead)
		}
	}
}

// Refresh reads the store and publishes what is different. Run calls it; where
// others than this process write the store, whoever polls it may too.
func (h *Hub) Refresh(ctx context.Context) error {
	h.refreshing.Lock()
	defer h.refreshing.Unlock()
	fresh, opened, err := h.read(ctx)
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.current = err == nil; err != nil {
		return fmt.Errorf("read what is stopped: %w", err)
	}
	if h.picture == nil {
		h.picture = fresh
		return nil
	}
	h.publish(fresh, opened)
	return nil
}

// read returns what is not open, and what no longer is. The caller holds
// refreshing, under which alone the picture changes.
func (h *Hub) read(ctx context.Context) (fresh picture, opened []Cord, err error) {
	cords, stops, err := h.cfg.Store.Stopped(ctx)
	if err != nil {
		return nil, nil, err
	}
	fresh = picture{}
	for _, s := range Stand(cords, stops) {
		fresh[s.Cord] = cordOf(s)
	}
	for path, was := range h.picture {
		if _, still := fresh[path]; still {
			continue
		}
		s, err := h.cfg.Store.Cord(ctx, path)
		switch {
		case err != nil:
			return nil, nil, err
		case s == nil || s.Level != cord.Open: // a stop was refused; or it was pulled again, which the next refresh sees
			was.Level, was.Since = cord.Open, h.cfg.Now().UTC()
			opened = append(opened, was)
		default:
			opened = append(opened, cordOf(*s))
		}
	}
	return fresh, opened, nil
}

// publish numbers what is different and wakes everybody who listens, once.
func (h *Hub) publish(fresh picture, opened []Cord) {
	changes := opened
	for path, c := range fresh {
		if h.picture[path] != c {
			changes = append(changes, c)
		}
	}
	if len(changes) == 0 {
		return
	}
	slices.SortFunc(changes, byPath)
	for _, c := range changes {
		h.n++
		h.kept[h.n%keptChanges] = event(position(h.boot, h.n), eventCord, c)
	}
	h.picture, h.whole, h.list = fresh, nil, nil
	close(h.changed)
	h.changed = make(chan struct{})
}
