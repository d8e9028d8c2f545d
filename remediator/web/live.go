package web

import (
	"crypto/rand"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/makegood/makegood/remediator/access"
)

// The topics of which a page is told that they changed.
const (
	TopicRemedies  = "remedies"
	TopicCords     = "cords" // and brakes
	TopicApprovals = "approvals"
	TopicLedger    = "ledger"
	TopicCOEs      = "coes"
)

const (
	// liveEvery is the least time between two words to one page.
	liveEvery = 500 * time.Millisecond
	// beatEvery lets a browser tell a quiet stream from a lost one.
	beatEvery = 15 * time.Second
	// writeWithin is how long one word may take; a slower reader is dropped and comes back.
	writeWithin = 10 * time.Second
	// maxReaders bounds the pages that listen at a time, and maxReadersEach those of one
	// person, so that nobody takes the places of all.
	maxReaders     = 4096
	maxReadersEach = 256
)

// live tells open pages what changed. They fetch it themselves, so that nothing
// waits for a slow one but the names of some topics.
type live struct {
	name string // of this one: what others count means nothing here

	mu      sync.Mutex
	count   uint64            // of changes
	changes map[string]uint64 // the last of each topic
	wake    chan struct{}     // closed at the next change
	readers int
	each    map[string]int                 // readers of each person
	servers map[*http.Server]chan struct{} // closed when the server shuts down
}

func newLive() *live {
	return &live{name: rand.Text(), changes: map[string]uint64{}, wake: make(chan struct{}), each: map[string]int{}, servers: map[*http.Server]chan struct{}{}}
}

func (l *live) changed(topics ...string) {
	if len(topics) == 0 {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.count++
	for _, topic := range topics {
		l.changes[topic] = l.count
	}
	close(l.wake)
	l.wake = make(chan struct{})
}

// allTopics in a fixed order.
func allTopics() []string {
	return []string{TopicRemedies, TopicCords, TopicApprovals, TopicLedger, TopicCOEs}
}

// address is where a page listens that is made from now on: what changes before it
// does is told as soon as it does.
func (l *live) address() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return "/live?" + url.Values{"since": {strconv.FormatUint(l.count, 10)}, "of": {l.name}}.Encode()
}

// begin returns how many changes a reader has seen, and the topics that it must be told
// of all the same: all of them when what it has seen is another process's.
func (l *live) begin(r *http.Request) (seen uint64, topics []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	asked := r.URL.Query()
	since, err := strconv.ParseUint(asked.Get("since"), 10, 64)
	if err != nil || asked.Get("of") != l.name {
		return l.count, allTopics()
	}
	return min(since, l.count), nil
}

// news returns the topics that changed since what a reader has seen, in a fixed
// order, how many changes that makes, and what is closed at the next change.
func (l *live) news(seen uint64) (topics []string, now uint64, wake <-chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, topic := range allTopics() {
		if l.changes[topic] > seen {
			topics = append(topics, topic)
		}
	}
	return topics, l.count, l.wake
}

// join counts a reader in and returns what is closed when its server shuts down,
// which waits for its requests to end.
func (l *live) join(r *http.Request, who string) (leaving <-chan struct{}, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.readers >= maxReaders || l.each[who] >= maxReadersEach {
		return nil, false
	}
	l.readers++
	l.each[who]++
	server, ok := r.Context().Value(http.ServerContextKey).(*http.Server)
	if !ok {
		return nil, true
	}
	shut, known := l.servers[server]
	if !known {
		shut = make(chan struct{})
		l.servers[server] = shut
		server.RegisterOnShutdown(sync.OnceFunc(func() { close(shut) }))
	}
	return shut, true
}

func (l *live) leave(who string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.readers--
	if l.each[who]--; l.each[who] == 0 {
		delete(l.each, who)
	}
}

// trigger is what has htmx fetch the content of a page again: a word of one of its
// topics.
func trigger(topics []string) string {
	if len(topics) == 0 {
		return ""
	}
	return "sse:" + strings.Join(topics, ", sse:")
}

// stream answers GET /live with server-sent events: for each topic that changed one
// event of its name, twice a second at most. The first are of what changed while the
// page was made and loaded, or since the stream was lost. It ends when the reader goes, does not
// read, or is nobody any more, and when its server shuts down.
func (c *Console) stream(w http.ResponseWriter, r *http.Request) {
	p, err := c.cfg.Guard.Principal(r)
	switch {
	case errors.Is(err, access.ErrMissing), errors.Is(err, access.ErrUnknown), err == nil && !mayRead(p, nil):
		w.WriteHeader(http.StatusNoContent) // a browser does not ask again then
		return
	case err != nil: // it may be known again in a moment
		c.cfg.Logger.ErrorContext(r.Context(), "tell a page what changes", slog.Any("error", err))
		http.Error(w, "nobody knows at the moment who you are", http.StatusServiceUnavailable)
		return
	}
	w.Header().Set("Content-Type", "text/event-stream")
	if r.Method == http.MethodHead { // nothing would tell that its reader is gone
		return
	}
	leaving, ok := c.live.join(r, p.Name)
	if !ok {
		http.Error(w, "too many pages are open", http.StatusServiceUnavailable)
		return
	}
	defer c.live.leave(p.Name)
	control := http.NewResponseController(w)
	_ = control.SetReadDeadline(time.Time{})                     // the limit is one for requests, and this one lasts
	defer func() { _ = control.SetWriteDeadline(time.Time{}) }() // the connection may serve other requests
	say := func(text string) bool {
		if err := control.SetWriteDeadline(time.Now().Add(writeWithin)); err != nil && !errors.Is(err, http.ErrNotSupported) {
			return false
		}
		if _, err := w.Write([]byte(text)); err != nil {
			return false
		}
		return control.Flush() == nil
	}
	seen, missed := c.live.begin(r)
	w.Header().Set("X-Accel-Buffering", "no") // a proxy must not gather what is urgent
	if !say("retry: 2000\n\n" + words(missed)) {
		return
	}
	beat := time.NewTicker(beatEvery)
	defer beat.Stop()
	for {
		tokens := c.cfg.Guard.Changed()
		if _, err := c.cfg.Guard.Principal(r); errors.Is(err, access.ErrUnknown) || errors.Is(err, access.ErrMissing) {
			return
		}
		topics, now, wake := c.live.news(seen)
		seen = now
		if len(topics) > 0 && !say(words(topics)) {
			return
		}
		var rest <-chan time.Time // before the next word
		if len(topics) > 0 {
			wake, rest = nil, time.After(liveEvery)
		}
		select {
		case <-wake:
		case <-rest:
		case <-tokens:
		case <-beat.C:
			if !say(": here\n\n") {
				return
			}
		case <-r.Context().Done():
			return
		case <-leaving:
			return
		}
	}
}

// words are the events that name topics.
func words(topics []string) string {
	var text strings.Builder
	for _, topic := range topics {
		text.WriteString("event: " + topic + "\ndata: changed\n\n")
	}
	return text.String()
}
