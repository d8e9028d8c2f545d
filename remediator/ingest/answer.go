package ingest

import (
	"errors"
	"net/http"
	"strconv"

	"github.com/makegood/makegood/remediator/event"
	"github.com/makegood/makegood/remediator/log"
	"github.com/makegood/makegood/remediator/problem"
)

// Types of problems.
const (
	ProblemRejected     = "urn:makegood:problem:events-rejected"  // 400: some events are bad, the others accepted
	ProblemMalformed    = "urn:makegood:problem:malformed"        // 400: the body is not JSON, nothing accepted
	ProblemBody         = "urn:makegood:problem:unreadable-body"  // 400: the body was cut off or badly compressed
	ProblemBatchName    = "urn:makegood:problem:batch-name"       // 400: the request's name is unusable
	ProblemUnauthorized = "urn:makegood:problem:unauthorized"     // 401
	ProblemMethod       = "urn:makegood:problem:method"           // 405
	ProblemTimeout      = "urn:makegood:problem:timeout"          // 408
	ProblemTooLarge     = "urn:makegood:problem:too-large"        // 413: the body, or too many events
	ProblemMediaType    = "urn:makegood:problem:media-type"       // 415: neither structured, batch nor binary
	ProblemEncoding     = "urn:makegood:problem:content-encoding" // 415: neither gzip nor zstd
	ProblemBusy         = "urn:makegood:problem:busy"             // 429
	ProblemUnavailable  = "urn:makegood:problem:unavailable"      // 503: the log does not take events
)

const (
	allowed    = "POST, OPTIONS"
	acceptable = structuredType + ", " + batchType
	// maxID bounds the id of an event that an answer repeats; a longer one is
	// left out, its index names it.
	maxID = 128
)

// refused is an error, and what became of the single events.
type refused struct {
	problem.Problem
	Accepted *int        `json:"accepted,omitempty"`
	Rejected []rejection `json:"rejected,omitempty"`
}

// rejection says why one event of a request was refused.
type rejection struct {
	Index  int    `json:"index"` // its position in the request
	ID     string `json:"id,omitempty"`
	Code   string `json:"code"` // one of the codes of package event
	Detail string `json:"detail"`
}

func reject(index int, why *event.Error) rejection {
	r := rejection{Index: index, ID: why.ID, Code: why.Code, Detail: why.Message}
	if len(r.ID) > maxID {
		r.ID = ""
	}
	return r
}

func refusal(status int, kind, detail string) *refused {
	return &refused{Problem: problem.New(status, kind, detail)}
}

// malformed answers a batch that stops being JSON. Where its events begin and
// end is unknown from there on, and doubtful before, so none is accepted.
func malformed(at rejection) *refused {
	p := refusal(http.StatusBadRequest, ProblemMalformed, "the body is not JSON, no event of it was accepted: "+at.Detail)
	p.Accepted, p.Rejected = new(int), []rejection{at}
	return p
}

// unstored answers that the log has not taken the events, or may not have.
func unstored(err error) *refused {
	if errors.Is(err, log.ErrBusy) {
		return refusal(http.StatusTooManyRequests, ProblemBusy, "too many events wait to be stored: send the same again in a second")
	}
	return refusal(http.StatusServiceUnavailable, ProblemUnavailable, "the events cannot be stored at the moment: send the same again, under the same name")
}

func (p *refused) write(w http.ResponseWriter) { problem.Send(w, p.Status, p) }

func accept(w http.ResponseWriter, events int) {
	body := strconv.AppendInt([]byte(`{"accepted":`), int64(events), 10)
	body = append(body, '}', '\n')
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(http.StatusAccepted)
	_, _ = w.Write(body) // a client that went away sends the same again
}

func (h *Handler) authorize(w http.ResponseWriter, r *http.Request) *refused {
	if h.cfg.Allow == nil || h.cfg.Allow(r) {
		return nil
	}
	w.Header().Set("WWW-Authenticate", `Bearer realm="makegood"`)
	return refusal(http.StatusUnauthorized, ProblemUnauthorized, "the token of an emitter is missing or wrong: send it as Authorization: Bearer TOKEN")
}

// handshake answers a webhook sender that asks whether it may send here. It
// needs no token: it lets nobody send without one.
func (h *Handler) handshake(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Allow", allowed)
	w.Header().Set("Accept-Post", acceptable)
	if origin := r.Header.Get("WebHook-Request-Origin"); origin != "" {
		w.Header().Set("WebHook-Allowed-Origin", origin)
		rate := "*"
		if h.cfg.RatePerMinute > 0 {
			rate = strconv.Itoa(h.cfg.RatePerMinute)
		}
		w.Header().Set("WebHook-Allowed-Rate", rate)
	}
	w.WriteHeader(http.StatusOK)
}

// asEventError returns the reason in an error of package event.
func asEventError(err error) *event.Error {
	var why *event.Error
	if err != nil && !errors.As(err, &why) {
		why = &event.Error{Code: event.CodeSyntax, Message: err.Error()}
	}
	return why
}

// quote shows a header's value, shortened.
func quote(value string) string {
	const most = 64
	if len(value) > most {
		return strconv.Quote(value[:most]) + "…"
	}
	return strconv.Quote(value)
}
