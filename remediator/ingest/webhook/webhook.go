// Package webhook is the door for webhooks of other systems: an HTTP handler that
// verifies a message by the Standard Webhooks specification and makes one event of
// it, which rules then judge like any other.
//
// A message is {"type":"invoice.paid","timestamp":"2026-01-05T10:00:00Z","data":{…}}.
// The event has its type, the source "webhook/<source>", the webhook-id as id, the
// timestamp as time (that of the header when the body has none), its data, and as
// customer the text that the field named in the file of webhooks holds.
//
// # Answers
//
// 202 means that the event is durable. The id of the input comes from source and
// webhook-id, so a message that is sent or played again is stored again, folded
// once, and answered with 202 again; in which order messages come does not matter.
// Everything else is problem+json (RFC 9457), and means that nothing is known to
// be accepted; after 429 and 503 the sender tries again by itself.
package webhook

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"
	"time"

	"github.com/makegood/makegood/remediator/event"
	"github.com/makegood/makegood/remediator/input"
	"github.com/makegood/makegood/remediator/log"
	"github.com/makegood/makegood/remediator/problem"
	"github.com/makegood/makegood/remediator/webhooks"
	"github.com/makegood/makegood/remediator/webhooks/signature"
)

// MaxBody bounds the body of a message in bytes.
const MaxBody = 64 << 10

// Types of problems.
const (
	ProblemSource      = "urn:makegood:problem:unknown-source"  // 404
	ProblemMethod      = "urn:makegood:problem:method"          // 405
	ProblemTooLarge    = "urn:makegood:problem:too-large"       // 413
	ProblemMediaType   = "urn:makegood:problem:media-type"      // 415: not JSON
	ProblemBody        = "urn:makegood:problem:unreadable-body" // 400: the body was cut off
	ProblemHeader      = "urn:makegood:problem:webhook-header"  // 400: unsigned, or an illegal header
	ProblemSignature   = "urn:makegood:problem:signature"       // 401: signed by nobody whom the source knows
	ProblemTimestamp   = "urn:makegood:problem:timestamp"       // 400: stale, or from the future
	ProblemMalformed   = "urn:makegood:problem:malformed"       // 400: no message
	ProblemBusy        = "urn:makegood:problem:busy"            // 429
	ProblemUnavailable = "urn:makegood:problem:unavailable"     // 503: the log does not take events
)

// Appender stores inputs. Append returns nil once they are durable. After
// log.ErrBusy nothing was stored, after another error nobody knows.
type Appender interface {
	Append(ctx context.Context, inputs []input.Input) error
}

// Config of a Handler.
type Config struct {
	// Log stores what is accepted. Required.
	Log     Appender
	Sources []webhooks.Source
	// EventClock stamps inputs with the time of their events; otherwise the log
	// stamps them.
	EventClock bool
	// Now is the clock that timestamps are held against. Defaults to time.Now.
	Now func() time.Time
}

// Handler takes webhooks in. It is safe for concurrent use.
type Handler struct {
	cfg     Config
	sources map[string]webhooks.Source
}

// New returns a handler for the sources. It panics without a log.
func New(cfg Config) *Handler {
	if cfg.Log == nil {
		panic("webhook: no log")
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	h := &Handler{cfg: cfg, sources: map[string]webhooks.Source{}}
	for _, s := range cfg.Sources {
		h.sources[s.Name] = s
	}
	return h
}

// ServeHTTP answers one message. The path value "source" names who sends it.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if p := h.take(w, r); p != nil {
		problem.Send(w, p.Status, p)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusAccepted)
	_, _ = io.WriteString(w, "{\"accepted\":1}\n") // a sender that went away sends the same again
}

// take reads, verifies and appends a message.
func (h *Handler) take(w http.ResponseWriter, r *http.Request) *problem.Problem {
	source, known := h.sources[r.PathValue("source")]
	mediaType, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	switch {
	case r.Method != http.MethodPost:
		w.Header().Set("Allow", http.MethodPost)
		return refusal(http.StatusMethodNotAllowed, ProblemMethod, "send webhooks with POST")
	case !known:
		return refusal(http.StatusNotFound, ProblemSource, "no source of webhooks has this name: name it in the file of webhooks")
	case err != nil || mediaType != "application/json":
		return refusal(http.StatusUnsupportedMediaType, ProblemMediaType, "send the message as Content-Type: application/json")
	}
	body, p := read(w, r)
	if p != nil {
		return p
	}
	// The bytes are verified before anything in them is looked at.
	verified, err := signature.Verify(source.Secrets, r.Header, body, h.cfg.Now())
	if err != nil {
		return unverified(err)
	}
	in, err := h.input(source, verified, body)
	if err != nil {
		return refusal(http.StatusBadRequest, ProblemMalformed, "the body is no message: "+err.Error())
	}
	if err := h.cfg.Log.Append(r.Context(), []input.Input{in}); err != nil {
		return unstored(err)
	}
	return nil
}

func read(w http.ResponseWriter, r *http.Request) ([]byte, *problem.Problem) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, MaxBody))
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return nil, refusal(http.StatusRequestEntityTooLarge, ProblemTooLarge, fmt.Sprintf("the body has more than %d bytes: send an id that can be looked up", MaxBody))
	case err != nil:
		return nil, refusal(http.StatusBadRequest, ProblemBody, "the body cannot be read to its end")
	}
	return body, nil
}

// unverified says why a message was not believed.
func unverified(err error) *problem.Problem {
	switch {
	case errors.Is(err, signature.ErrHeader):
		return refusal(http.StatusBadRequest, ProblemHeader, err.Error())
	case errors.Is(err, signature.ErrTimestamp):
		return refusal(http.StatusBadRequest, ProblemTimestamp, err.Error()+"; check the clocks of both sides")
	}
	return refusal(http.StatusUnauthorized, ProblemSignature, "no signature fits a secret of this source")
}

func unstored(err error) *problem.Problem {
	if errors.Is(err, log.ErrBusy) {
		return refusal(http.StatusTooManyRequests, ProblemBusy, "too many events wait to be stored: send the same again in a second")
	}
	return refusal(http.StatusServiceUnavailable, ProblemUnavailable, "the event cannot be stored at the moment: send the same again")
}

// message is a body as the specification suggests it.
type message struct {
	Type      string          `json:"type"`
	Timestamp string          `json:"timestamp"`
	Data      json.RawMessage `json:"data"`
}

// structured is the event in structured mode.
type structured struct {
	SpecVersion     string          `json:"specversion"`
	ID              string          `json:"id"`
	Source          string          `json:"source"`
	Type            string          `json:"type"`
	Time            string          `json:"time"`
	Customer        string          `json:"customer,omitempty"`
	DataContentType string          `json:"datacontenttype,omitempty"`
	Data            json.RawMessage `json:"data,omitempty"`
}

// input makes the one event of a message.
func (h *Handler) input(source webhooks.Source, verified signature.Message, body []byte) (input.Input, error) {
	var m message
	if err := strictly(body, &m); err != nil {
		return input.Input{}, err
	}
	e := structured{
		SpecVersion: "1.0", ID: verified.ID, Source: "webhook/" + source.Name, Type: m.Type,
		Time: verified.At.Format(time.RFC3339), Data: m.Data,
	}
	if m.Timestamp != "" {
		at, err := time.Parse(time.RFC3339, m.Timestamp)
		if err != nil {
			return input.Input{}, errors.New("its timestamp is not RFC 3339, like 2026-01-05T10:00:00Z")
		}
		e.Time = at.UTC().Format(time.RFC3339Nano)
	}
	if m.Data != nil {
		e.DataContentType = "application/json"
	}
	if source.Customer != "" {
		e.Customer = customer(m.Data, source.Customer)
	}
	var raw bytes.Buffer
	enc := json.NewEncoder(&raw)
	enc.SetEscapeHTML(false) // the data stays as it was sent, but for spaces
	if err := enc.Encode(e); err != nil {
		return input.Input{}, err
	}
	stored := bytes.TrimSuffix(raw.Bytes(), []byte("\n"))
	head, err := event.Check(stored, event.MaxBytes+MaxBody)
	if err != nil {
		return input.Input{}, err
	}
	in := input.Input{ID: "webhook/" + source.Name + "/" + verified.ID, Kind: input.Event, At: input.StampRecord, Body: stored}
	if h.cfg.EventClock {
		in.At = head.Time
	}
	return in, nil
}

// strictly decodes a body that must be one JSON object in which no name is
// repeated at any depth: two readers could understand it differently.
func strictly(body []byte, m *message) error {
	if _, err := event.DecodeData(body); err != nil {
		return err
	}
	if text := strings.TrimLeft(string(body), " \t\r\n"); !strings.HasPrefix(text, "{") {
		return errors.New("it is no object")
	}
	var fields map[string]json.RawMessage // by exact name: struct fields would match any case
	if err := json.Unmarshal(body, &fields); err != nil {
		return err
	}
	for name, into := range map[string]any{"type": &m.Type, "timestamp": &m.Timestamp, "data": &m.Data} {
		if fields[name] == nil {
			continue
		}
		if err := json.Unmarshal(fields[name], into); err != nil {
			return fmt.Errorf("its %s is not a text", name)
		}
	}
	return nil
}

// customer finds the text under a name of the data; "" when there is none.
func customer(data json.RawMessage, name string) string {
	var fields map[string]json.RawMessage
	var text string
	if json.Unmarshal(data, &fields) != nil || json.Unmarshal(fields[name], &text) != nil {
		return ""
	}
	return text
}

func refusal(status int, kind, detail string) *problem.Problem {
	p := problem.New(status, kind, detail)
	return &p
}
