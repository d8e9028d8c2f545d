package andon

import (
	"bytes"
	"errors"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/makegood/makegood/remediator/problem"
)

const (
	// heartbeatEvery lets those who listen tell a quiet line from a lost one.
	heartbeatEvery = 10 * time.Second
	// writeWithin is how long a write may take: who does not read for so long is
	// dropped, comes back, and begins with a snapshot.
	writeWithin = 10 * time.Second
)

var (
	errSlow     = errors.New("the reader is too far behind")
	errStarting = errors.New("the service does not know at the moment which cords are pulled")
	errFull     = errors.New("no more streams can be opened; ask for the gates from time to time instead")
)

// Stream answers GET /v1/andon/stream with server-sent events: a snapshot, or
// what changed since Last-Event-ID, then each change as it comes and a heartbeat
// every ten seconds. It ends when the reader goes, when the reader does not read,
// when its server shuts down and when Run ends.
func (h *Hub) Stream() http.Handler { return http.HandlerFunc(h.stream) }

func (h *Hub) stream(w http.ResponseWriter, r *http.Request) {
	at, first, err := h.subscribe(r.Header.Get("Last-Event-ID"))
	if err != nil {
		problem.Write(w, http.StatusServiceUnavailable, "unavailable", err.Error())
		return
	}
	defer h.unsubscribe()
	defer h.cfg.Listens(r, true)()
	out := output{w, http.NewResponseController(w)}
	defer out.release()
	// The server's limit on reading is one for requests, and this one lasts.
	_ = out.control.SetReadDeadline(time.Time{}) // where there is none, nothing ends the request
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Accel-Buffering", "no") // a proxy must not gather what is urgent
	if out.write([]byte(opening), first) != nil {
		return
	}
	leaving := h.leaving(r)
	beat := time.NewTicker(heartbeatEvery)
	defer beat.Stop()
	for {
		news, changed, err := h.since(&at)
		if err != nil || len(news) > 0 && out.write(news...) != nil {
			return
		}
		select {
		case <-changed:
		case <-beat.C:
			if h.isCurrent() && out.write(h.heartbeat()) != nil {
				return
			}
		case <-r.Context().Done():
			return
		case <-leaving:
			return
		case <-h.ended:
			return
		}
	}
}

// subscribe counts a stream in and returns where it is and what it says first.
func (h *Hub) subscribe(lastID string) (at uint64, first []byte, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if err := h.ready(); err != nil {
		return 0, nil, err
	}
	if h.streams >= maxStreams {
		return 0, nil, errFull
	}
	h.streams++
	if n, ok := changeOf(lastID, h.boot); ok && n <= h.n && h.n-n <= keptChanges {
		return n, h.heartbeat(), nil
	}
	return h.n, h.everything(), nil
}

func (h *Hub) unsubscribe() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.streams--
}

// since returns the changes after a stream's place, moves it there, and returns
// what is closed at the next change.
func (h *Hub) since(at *uint64) (news [][]byte, changed <-chan struct{}, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.n-*at > keptChanges {
		return nil, nil, errSlow
	}
	for *at < h.n {
		*at++
		news = append(news, h.kept[*at%keptChanges])
	}
	return news, h.changed, nil
}

// ready says why nobody can be served. The caller holds mu.
func (h *Hub) ready() error {
	select {
	case <-h.ended:
		return errStarting
	default:
	}
	if !h.current {
		return errStarting
	}
	return nil
}

func (h *Hub) isCurrent() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.current
}

// everything is the whole picture as events, made once for all who ask. The
// caller holds mu.
func (h *Hub) everything() []byte {
	if h.whole == nil {
		h.whole = h.picture.events(position(h.boot, h.n), h.boot+".part")
	}
	return h.whole
}

func (h *Hub) heartbeat() []byte {
	return event("", eventHeartbeat, heartbeat{At: h.cfg.Now().UTC()})
}

// leaving returns what is closed when the server of a request shuts down, which
// waits for its requests to end. Nil, which is never closed, when it has no server.
func (h *Hub) leaving(r *http.Request) <-chan struct{} {
	server, ok := r.Context().Value(http.ServerContextKey).(*http.Server)
	if !ok {
		return nil
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	leaving, known := h.servers[server]
	if !known {
		leaving = make(chan struct{})
		h.servers[server] = leaving
		server.RegisterOnShutdown(sync.OnceFunc(func() { close(leaving) }))
	}
	return leaving
}

// output writes to a reader who may be slow.
type output struct {
	w       http.ResponseWriter
	control *http.ResponseController
}

// write writes and sends on at once. A reader that takes too long is an error.
func (o output) write(parts ...[]byte) error {
	if err := o.control.SetWriteDeadline(time.Now().Add(writeWithin)); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return err
	}
	for _, part := range parts {
		if _, err := o.w.Write(part); err != nil {
			return err
		}
	}
	return o.control.Flush()
}

// release takes the limit off the connection, which may serve other requests.
func (o output) release() { _ = o.control.SetWriteDeadline(time.Time{}) } // as it was where there was none

// Gates answers GET /v1/andon/gates with the snapshot, under an ETag that changes
// with it: for those who ask from time to time.
func (h *Hub) Gates() http.Handler { return http.HandlerFunc(h.gates) }

func (h *Hub) gates(w http.ResponseWriter, r *http.Request) {
	text, id, err := h.listed()
	if err != nil {
		problem.Write(w, http.StatusServiceUnavailable, "unavailable", err.Error())
		return
	}
	h.cfg.Listens(r, false)()
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-cache") // ask each time whether it changed
	w.Header().Set("ETag", strconv.Quote(id))
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(text))
}

// listed is the whole picture as JSON, made once for all who ask, and the id of
// its last change.
func (h *Hub) listed() (text []byte, id string, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if err := h.ready(); err != nil {
		return nil, "", err
	}
	if h.list == nil {
		h.list = append(encode(h.picture.snapshot()), '\n')
	}
	return h.list, position(h.boot, h.n), nil
}
