// Package ingest is the door for events: an HTTP handler that judges what
// emitters send and answers once it is durable in the log.
//
// It speaks the HTTP binding of CloudEvents 1.0, so a client of any language
// works: one event in binary mode (headers ce-*) or structured mode
// (application/cloudevents+json), many in batch mode
// (application/cloudevents-batch+json), compressed with gzip or zstd or not,
// and the OPTIONS handshake of its webhooks. What an event must be, package
// event says; what lies in the log is the emitter's JSON without whitespace.
//
// # Answers
//
// 202 {"accepted":N} means that all N events are durable. 400 with a list
// "rejected" means that every event not accepted was refused for good: sending
// it again does not help. There, "accepted" events are durable. When the body
// stops being JSON, nothing of it is accepted, and the list names the one event
// at which it stopped. Every other status means that nothing is known to be
// accepted; 408, 429 and 503 ask to send the same again. All but 202 have a
// problem+json body (RFC 9457) whose type is one of the constants Problem*.
//
// # Repeats
//
// A request names itself with the header Makegood-Batch or Idempotency-Key, 1 to
// 128 visible ASCII characters that no other request of any emitter bears, such
// as a UUID. Event i of it becomes the input "event/<name>/<i>"; a request that
// is sent again under its name is stored again and folded once. Without a name
// it gets a random one, and the source and id of its events still count.
//
// The SDK numbers the events of each client from 1. Its Makegood-Batch is
// <client>.<number>, a UUID and the number of the request's first event, and event
// i becomes the input "event/<client>.<number + i>": the same one in whatever
// request it comes. Where numbers are missing the fold reports a gap, so events that
// were rejected one by one are named in an input of kind Skipped behind the good
// ones. Of a body that is not JSON nobody knows which events it held, and nothing is
// said: they are missed until they come.
//
// # Bounds
//
// Bodies, events of a request, bytes of an event and the bytes of all requests
// under way are bounded here. How long a client may take to send its headers
// and body is the server's to bound (http.Server.ReadHeaderTimeout,
// ReadTimeout): until then a request holds its share of the bytes.
package ingest

import (
	"context"
	"net/http"
	"sync"
	"sync/atomic"

	"github.com/klauspost/compress/zstd"

	"github.com/makegood/makegood/remediator/event"
	"github.com/makegood/makegood/remediator/input"
)

// Bounds of a Handler whose Config leaves them at zero.
const (
	// DefaultMaxBody bounds a body after decompression.
	DefaultMaxBody = 4 << 20
	// DefaultMaxEvents bounds the events of a request.
	DefaultMaxEvents = 1000
	// DefaultMaxInFlight bounds the bodies that are held at one time: sixteen
	// of the largest.
	DefaultMaxInFlight = 16 * DefaultMaxBody
	// MaxEventBytes is the most that Config.MaxEventBytes may allow: an event
	// and its id fit in one record of the log.
	MaxEventBytes = input.MaxRecord - 1<<10
)

// Appender stores inputs.
type Appender interface {
	// Append returns nil once all inputs are durable, in their order; it spreads
	// many over several records. After log.ErrBusy nothing was stored. After any
	// other error the inputs may or may not be stored. Handlers call it
	// concurrently.
	Append(ctx context.Context, inputs []input.Input) error
}

// Config of a Handler.
type Config struct {
	// Log stores what is accepted. Required.
	Log Appender
	// Allow says whether whoever sends a request may emit. Defaults to everybody.
	Allow func(r *http.Request) bool
	// Heard is told what a request was accepted with, and of the program that sent it, as
	// that names itself. It returns at once. Defaults to nobody.
	Heard func(agent string, heard []Heard)
	// EventClock stamps inputs with the time of their events, those without one
	// with the time of the input before; otherwise the log stamps them.
	EventClock bool
	// MaxBody is the most bytes of a body after decompression. Defaults to
	// DefaultMaxBody.
	MaxBody int
	// MaxEvents is the most events of a request. Defaults to DefaultMaxEvents.
	MaxEvents int
	// MaxEventBytes is the most bytes of one event as received. Defaults to
	// event.MaxBytes; more than MaxEventBytes counts as that.
	MaxEventBytes int
	// MaxInFlight is the most bytes of bodies that are held at one time; more
	// is answered with 429. Defaults to DefaultMaxInFlight.
	MaxInFlight int
	// RatePerMinute is how many requests a minute the webhook handshake allows
	// a sender. Defaults to any number; it is told, not enforced.
	RatePerMinute int
}

// Handler takes events in. It is safe for concurrent use.
type Handler struct {
	cfg      Config
	gzips    sync.Pool
	unzstd   *zstd.Decoder
	inFlight atomic.Int64 // bytes
	stats    struct{ requests, accepted, rejected, refused, bytes atomic.Uint64 }
}

// New returns a handler. It panics without a log.
func New(cfg Config) *Handler {
	if cfg.Log == nil {
		panic("ingest: no log")
	}
	for value, fallback := range map[*int]int{
		&cfg.MaxBody: DefaultMaxBody, &cfg.MaxEvents: DefaultMaxEvents,
		&cfg.MaxEventBytes: event.MaxBytes, &cfg.MaxInFlight: DefaultMaxInFlight,
	} {
		if *value <= 0 {
			*value = fallback
		}
	}
	cfg.MaxEventBytes = min(cfg.MaxEventBytes, MaxEventBytes)
	return &Handler{cfg: cfg, unzstd: newZstdDecoder(cfg.MaxBody)}
}

// Stats counts what a handler has done.
type Stats struct {
	Requests uint64 // POST requests answered
	Refused  uint64 // those answered with neither 202 nor a list of rejected events
	Accepted uint64 // events that are durable, repeats included
	Rejected uint64 // events refused, one by one
	Bytes    uint64 // of bodies read, after decompression
}

// Stats returns the counts so far.
func (h *Handler) Stats() Stats {
	return Stats{
		Requests: h.stats.requests.Load(), Refused: h.stats.refused.Load(),
		Accepted: h.stats.accepted.Load(), Rejected: h.stats.rejected.Load(),
		Bytes: h.stats.bytes.Load(),
	}
}

// ServeHTTP answers one request, whatever its path.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch r.Method {
	case http.MethodPost:
		h.stats.requests.Add(1)
		if p := h.take(w, r); p != nil {
			if p.Accepted == nil {
				h.stats.refused.Add(1)
			}
			p.write(w)
		}
	case http.MethodOptions:
		h.handshake(w, r)
	default:
		w.Header().Set("Allow", allowed)
		refusal(http.StatusMethodNotAllowed, ProblemMethod, "send events with POST").write(w)
	}
}

// take reads, judges and appends the events of a request. It has answered when
// it returns nil.
func (h *Handler) take(w http.ResponseWriter, r *http.Request) *refused {
	if p := h.authorize(w, r); p != nil {
		return p
	}
	name, p := batchName(r.Header)
	if p != nil {
		return p
	}
	read, p := h.modeOf(w, r.Header)
	if p != nil {
		return p
	}
	body, release, p := h.body(w, r)
	if p != nil {
		return p
	}
	defer release()
	h.stats.bytes.Add(uint64(len(body)))

	found := newBatch(h.cfg, r.Header, name)
	if p := read(found, r.Header, body); p != nil {
		return p
	}
	if inputs := found.stored(); len(inputs) > 0 {
		if err := h.cfg.Log.Append(r.Context(), inputs); err != nil {
			return unstored(err)
		}
	}
	h.stats.accepted.Add(uint64(len(found.inputs)))
	if len(found.heard) > 0 {
		h.cfg.Heard(r.Header.Get("User-Agent"), found.heard)
	}
	h.stats.rejected.Add(uint64(len(found.rejected)))
	if len(found.rejected) > 0 {
		return found.problem()
	}
	accept(w, len(found.inputs))
	return nil
}
