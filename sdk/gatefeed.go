package makegood

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"mime"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/makegood/makegood/sdk/internal/sse"
)

const (
	longestGatePause = 10 * time.Second // between tries, Retry-After included: gates may be stale
	firstWordWithin  = 10 * time.Second // of a stream; a proxy that gathers answers never lets it through
	silenceAllowed   = 30 * time.Second // in a stream that speaks every 10 s
	pollEvery        = 10 * time.Second
	pollTimeout      = 10 * time.Second
	firstStreamless  = 30 * time.Second // how long to poll before streaming is tried again
	longestPolling   = 8 * time.Minute  // the same, after it was in vain several times
	maxStreamEvent   = 1 << 20          // the service sends no larger one
)

// What ends a stream besides the network.
var (
	errSilent    = errors.New("the stream was silent for too long: does a proxy gather it?")
	errBadID     = errors.New("an event has no id that can be sent back")
	errOtherBoot = errors.New("the stream goes on from another start of the service")
	errManyCords = fmt.Errorf("there are more than %d cords", maxCords)
)

// feed keeps gates fresh on one goroutine: a stream of changes, or questions
// every ten seconds where streaming does not work.
type feed struct {
	gates    *gates
	endpoint *endpoint
	health   *health

	run     context.Context // cancelled by end
	cancel  context.CancelFunc
	begun   bool          // guarded by gates.mu
	ended   chan struct{} // closed when the goroutine has ended
	heard   chan struct{} // closed at the first word of the service
	hearing sync.Once

	id         string        // <boot>.<n> of what the gates know; empty: nothing yet
	retry      time.Duration // what the service asked for between two streams
	polling    time.Time     // until then streaming is not tried
	streamless time.Duration // how long polling lasts the next time
}

func newFeed(s *gates, e *endpoint, logger *slog.Logger) *feed {
	f := &feed{
		gates:    s,
		endpoint: e,
		health: &health{
			logger: logger,
			fails:  "makegood: the service is not heard: gates answer what they know, then by their modes",
			works:  "makegood: the service is heard again: gates are fresh",
		},
		ended:      make(chan struct{}),
		heard:      make(chan struct{}),
		streamless: firstStreamless,
	}
	f.run, f.cancel = context.WithCancel(context.Background())
	return f
}

// begin starts the goroutine and reports whether it was not running yet. The
// caller holds gates.mu.
func (f *feed) begin() bool {
	if f.begun {
		return false
	}
	f.begun = true
	go f.loop()
	return true
}

// ready says that the service was heard.
func (f *feed) ready() { f.hearing.Do(func() { close(f.heard) }) }

// end stops the goroutine and waits for it until patience ends, because a
// transport of the application may not listen to its context.
func (f *feed) end(patience <-chan time.Time) {
	f.cancel()
	f.gates.mu.Lock()
	begun := f.begun
	f.gates.mu.Unlock()
	if !begun {
		return
	}
	select {
	case <-f.ended:
	case <-patience:
	}
}

// turn is what became of one stream or one question.
type turn struct {
	said       bool // the service vouched for what is known
	answered   bool // there was an answer, or none in time, but no connection was refused
	status     int
	retryAfter time.Duration
	trouble    string // why it ended
}

// loop listens until it is told to end.
func (f *feed) loop() {
	defer close(f.ended)
	for try := 0; f.run.Err() == nil; try++ {
		t := f.listen()
		switch {
		case f.run.Err() != nil:
			return
		case t.said && f.isPolling():
			try = -1
			f.sleep(pollEvery)
			continue
		case t.said:
			try = 0 // a connection that worked is tried again soon
			f.gates.silent(t.trouble)
		case t.status == http.StatusUnauthorized:
			f.endpoint.rereadToken()
			fallthrough
		default:
			f.gates.silent(t.trouble)
			f.health.bad(t.trouble)
		}
		f.sleep(f.pause(try, t.retryAfter))
	}
}

func (f *feed) isPolling() bool { return time.Now().Before(f.polling) }

// listen takes one turn. A stream that said nothing where a question is answered
// at once means that streaming does not work here.
func (f *feed) listen() turn {
	if f.isPolling() {
		return f.poll()
	}
	t := f.stream()
	switch {
	case t.said:
		f.streamless = firstStreamless
		return t
	case !t.answered || f.run.Err() != nil:
		return t
	}
	switch t.status {
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusTooManyRequests, http.StatusServiceUnavailable:
		return t // a question would be answered likewise
	}
	asked := f.poll()
	if asked.said {
		f.polling = time.Now().Add(f.streamless)
		f.streamless = min(2*f.streamless, longestPolling)
		return asked
	}
	return t
}

// pause is a random time below a limit that doubles with each try (full jitter),
// after what the service asked for.
func (f *feed) pause(try int, asked time.Duration) time.Duration {
	first := min(max(f.retry, firstPause), longestGatePause)
	limit := min(first<<min(try, 16), longestGatePause)
	return min(asked+rand.N(limit), longestGatePause)
}

func (f *feed) sleep(d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-f.run.Done():
	}
}

// stream listens to one stream until it ends.
func (f *feed) stream() (t turn) {
	defer func() {
		if p := recover(); p != nil { // of an application's transport
			t.trouble = fmt.Sprintf("listen: panic: %v", p)
		}
	}()
	ctx, cancel := context.WithCancelCause(f.run)
	defer cancel(nil)
	watch := time.AfterFunc(firstWordWithin, func() { cancel(errSilent) })
	defer watch.Stop()
	header := http.Header{"Accept": {"text/event-stream"}, "Cache-Control": {"no-cache"}}
	if f.id != "" {
		header.Set("Last-Event-ID", f.id)
	}
	res, err := f.endpoint.get(ctx, f.endpoint.listening, f.endpoint.stream, header)
	if err != nil {
		return turn{answered: context.Cause(ctx) == errSilent, trouble: reason(ctx, err)}
	}
	defer func() { _ = res.Body.Close() }()
	t = answered(res)
	if res.StatusCode != http.StatusOK {
		return t
	}
	if kind := res.Header.Get("Content-Type"); !isEventStream(kind) {
		t.trouble = fmt.Sprintf("the answer is %s and not a stream: is this the address of a Makegood service?", quote(kind))
		return t
	}
	events := sse.NewReader(&watched{res.Body, watch}, maxStreamEvent)
	for {
		event, err := events.Next()
		f.retry = events.Retry()
		if err != nil {
			t.trouble = reason(ctx, err)
			return t
		}
		if err := f.take(event); err != nil {
			f.id = "" // what came before is not enough to go on from: ask for a snapshot
			return turn{trouble: err.Error()}
		}
		if f.id != "" && !t.said {
			t.said = true
			f.health.good()
		}
	}
}

// take applies one event. An event of a kind that is not known, as a heartbeat,
// says only that the service is there.
func (f *feed) take(event sse.Event) error {
	switch event.Name {
	case "snapshot":
		all, err := decodeCords(event.Data)
		if err != nil {
			return err
		}
		if !isSegment(event.ID) {
			return errBadID
		}
		f.id = event.ID
		f.gates.replace(all)
	case "cord":
		c, err := decodeCord(event.Data)
		if err != nil {
			return err
		}
		if !isSegment(event.ID) {
			return errBadID
		}
		if f.id == "" || boot(event.ID) != boot(f.id) {
			return errOtherBoot
		}
		f.id = event.ID
		if !f.gates.change(c) {
			return errManyCords
		}
	default:
		if f.id != "" { // without a snapshot there is nothing to vouch for
			f.gates.heard()
		}
	}
	return nil
}

// poll asks for all cords once.
func (f *feed) poll() (t turn) {
	defer func() {
		if p := recover(); p != nil {
			t.trouble = fmt.Sprintf("ask: panic: %v", p)
		}
	}()
	ctx, cancel := context.WithTimeout(f.run, pollTimeout)
	defer cancel()
	header := http.Header{"Accept": {"application/json"}}
	if f.id != "" {
		header.Set("If-None-Match", `"`+f.id+`"`)
	}
	res, err := f.endpoint.get(ctx, f.endpoint.client, f.endpoint.gates, header)
	if err != nil {
		return turn{trouble: reason(ctx, err)}
	}
	defer func() { _ = res.Body.Close() }()
	t = answered(res)
	switch {
	case res.StatusCode == http.StatusNotModified && f.id != "":
		f.gates.heard()
	case res.StatusCode == http.StatusOK:
		text, err := io.ReadAll(io.LimitReader(res.Body, maxResponse))
		if err != nil {
			t.trouble = reason(ctx, err)
			return t
		}
		all, err := decodeCords(text)
		if err != nil {
			t.trouble = err.Error()
			return t
		}
		f.id = tagged(res.Header.Get("ETag"))
		f.gates.replace(all)
	default:
		return t
	}
	t.said = true
	f.health.good()
	return t
}

// answered is a turn with an answer that has not been read.
func answered(res *http.Response) turn {
	return turn{
		answered:   true,
		status:     res.StatusCode,
		retryAfter: retryAfter(res.Header.Get("Retry-After"), time.Now()),
		trouble:    explain(res.StatusCode),
	}
}

// reason says why a request ended: the cause of ctx's end goes before what
// reading made of it.
func reason(ctx context.Context, err error) string {
	if cause := context.Cause(ctx); cause != nil {
		err = cause
	}
	if err == io.EOF {
		return "the service ended the stream"
	}
	return err.Error()
}

// boot is the part of an id that names a start of the service.
func boot(id string) string {
	name, _, _ := strings.Cut(id, ".")
	return name
}

// tagged is the id in an ETag, which a proxy that compresses makes a weak one. An
// ETag that could not be sent back is none.
func tagged(etag string) string {
	id := strings.Trim(strings.TrimPrefix(etag, "W/"), `"`)
	if !isSegment(id) {
		return ""
	}
	return id
}

// isEventStream reports whether a content type is that of server-sent events.
func isEventStream(contentType string) bool {
	kind, _, err := mime.ParseMediaType(contentType)
	return err == nil && kind == "text/event-stream"
}

// watched winds up a watch with each byte that comes.
type watched struct {
	io.Reader
	watch *time.Timer
}

// Read implements io.Reader.
func (w *watched) Read(p []byte) (int, error) {
	n, err := w.Reader.Read(p)
	if n > 0 {
		w.watch.Reset(silenceAllowed)
	}
	return n, err
}
