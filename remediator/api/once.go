package api

import (
	"bytes"
	"container/list"
	"crypto/sha256"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/makegood/makegood/remediator/access"
	"github.com/makegood/makegood/remediator/people"
	"github.com/makegood/makegood/remediator/problem"
)

const (
	// rememberedFor is how long an answer is given again under its key.
	rememberedFor = 24 * time.Hour
	// maxRemembered and maxRememberedBytes bound the answers that are kept; the oldest go.
	maxRemembered      = 4096
	maxRememberedBytes = 32 << 20
	// maxOnce bounds a body that is compared with an earlier one: none is larger that an
	// operation takes which keeps its answers here.
	maxOnce = maxRules
)

// answers are those of operations that are no commands: nothing of them is in the log,
// so that this node remembers for a while what it answered under which key.
type answers struct {
	mu    sync.Mutex
	now   func() time.Time
	known map[string]*list.Element
	order *list.List // of *remembered, the oldest first
	bytes int
}

// remembered is an answer, or the wait for one.
type remembered struct {
	id      string
	request [sha256.Size]byte
	at      time.Time
	done    chan struct{} // closed when there is an answer, or none is kept
	answer  *recorded     // nil: it is not kept
}

func newAnswers(now func() time.Time) *answers {
	return &answers{now: now, known: map[string]*list.Element{}, order: list.New()}
}

// begin returns what is remembered under an id, and whether the caller is the first and
// has to answer.
func (a *answers) begin(id string, request [sha256.Size]byte) (r *remembered, first bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for e := a.order.Front(); e != nil && a.now().Sub(e.Value.(*remembered).at) >= rememberedFor; e = a.order.Front() {
		a.drop(e)
	}
	if e := a.known[id]; e != nil {
		return e.Value.(*remembered), false
	}
	r = &remembered{id: id, request: request, at: a.now(), done: make(chan struct{})}
	a.known[id] = a.order.PushBack(r)
	return r, true
}

// end keeps an answer, or forgets that there was a question when it is none to keep.
func (a *answers) end(r *remembered, answer *recorded) {
	a.mu.Lock()
	defer a.mu.Unlock()
	e := a.known[r.id]
	kept := e != nil && e.Value.(*remembered) == r // it was not dropped meanwhile, for want of room
	switch r.answer = answer; {
	case kept && answer != nil:
		a.bytes += answer.body.Len()
	case kept:
		a.drop(e)
	}
	close(r.done)
	for e := a.order.Front(); e != nil && (a.order.Len() > maxRemembered || a.bytes > maxRememberedBytes); e = a.order.Front() {
		a.drop(e)
	}
}

// drop forgets an answer.
func (a *answers) drop(e *list.Element) {
	r := a.order.Remove(e).(*remembered)
	delete(a.known, r.id)
	if r.answer != nil {
		a.bytes -= r.answer.body.Len()
	}
}

// once gives the same answer again to the same request under the same key. What failed
// for reasons of the moment is tried anew.
func (h handler) once(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		p := access.From(r.Context())
		if r.Header.Get("Idempotency-Key") == "" {
			next(w, r)
			return
		}
		id, ok := commandID(w, r, p)
		if !ok {
			return
		}
		body, ok := readBody(w, r, maxOnce)
		if !ok {
			return
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		request := sha256.Sum256(append([]byte(r.Method+" "+r.URL.RequestURI()+"\n"), body...))
		if kept, first := h.answers.begin(id, request); first {
			h.answerFirst(w, r, kept, next)
		} else {
			h.answerAgain(w, r, kept, request, next)
		}
	}
}

// answerFirst answers a request, and keeps the answer.
func (h handler) answerFirst(w http.ResponseWriter, r *http.Request, kept *remembered, next http.HandlerFunc) {
	var answer *recorded
	defer func() { h.answers.end(kept, answer) }() // also when the handler panics
	written := newRecorded(w)
	next(written, r)
	written.send(w)
	if written.status < http.StatusInternalServerError && written.status != http.StatusTooManyRequests && r.Context().Err() == nil {
		answer = written
	}
}

// answerAgain gives the answer that is kept, once there is one.
func (h handler) answerAgain(w http.ResponseWriter, r *http.Request, kept *remembered, request [sha256.Size]byte, next http.HandlerFunc) {
	if kept.request != request {
		problem.Write(w, http.StatusUnprocessableEntity, "idempotency-key", people.ErrReused.Error())
		return
	}
	select {
	case <-kept.done:
	case <-r.Context().Done():
		return
	}
	if kept.answer == nil {
		next(w, r)
		return
	}
	kept.answer.send(w)
}

// recorded is an answer that is written down before it is sent.
type recorded struct {
	under  http.ResponseWriter
	header http.Header
	status int
	body   bytes.Buffer
}

func newRecorded(under http.ResponseWriter) *recorded {
	return &recorded{under: under, header: http.Header{}, status: http.StatusOK}
}

// Header implements http.ResponseWriter.
func (r *recorded) Header() http.Header { return r.header }

// WriteHeader implements http.ResponseWriter.
func (r *recorded) WriteHeader(status int) { r.status = status }

// Write implements http.ResponseWriter.
func (r *recorded) Write(b []byte) (int, error) { return r.body.Write(b) }

// Unwrap lets http.ResponseController find the connection.
func (r *recorded) Unwrap() http.ResponseWriter { return r.under }

// send writes the answer.
func (r *recorded) send(w http.ResponseWriter) {
	for name, values := range r.header {
		w.Header()[name] = values
	}
	w.WriteHeader(r.status)
	_, _ = w.Write(r.body.Bytes()) // an error here means that nobody reads the answer any more
}
