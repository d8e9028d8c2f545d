package api

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/makegood/makegood/remediator/access"
	"github.com/makegood/makegood/remediator/cord"
	"github.com/makegood/makegood/remediator/problem"
	"github.com/makegood/makegood/remediator/store/views"
)

// Status is the answer of GET /v1/status.
type Status struct {
	Ready     bool         `json:"ready"`
	Why       string       `json:"why,omitempty"` // it is not ready
	LogID     string       `json:"log_id"`
	Ordinal   uint64       `json:"ordinal"`   // inputs decided
	LogTime   time.Time    `json:"log_time"`  // of the last of them
	Unsettled int          `json:"unsettled"` // actions without a final outcome
	Totals    views.Totals `json:"totals"`
}

// Remedies is the answer of GET /v1/remedies, newest first.
type Remedies struct {
	Remedies []views.Remedy `json:"remedies"`
	Next     string         `json:"next,omitempty"` // value of "before" that goes on
}

// Remedy is the answer of GET /v1/remedies/{id}: the remedy as it stands, and
// the facts about it in the order in which they were sealed.
type Remedy struct {
	views.Remedy
	Facts []Fact `json:"facts"`
}

// Fact is a sealed fact.
type Fact struct {
	Sequence uint64          `json:"sequence"`
	Kind     string          `json:"kind"`
	At       time.Time       `json:"at"`
	Body     json.RawMessage `json:"body"`
}

// Cords is the answer of GET /v1/andon.
type Cords struct {
	Cords []Cord `json:"cords"`
}

// Cord is an andon cord as it stands: by itself, and, in Standing, with what lies
// above it.
type Cord struct {
	cord.State
	SinceTime time.Time     `json:"since_time"`
	Standing  cord.Standing `json:"standing"`
}

const (
	maxRemedies = 1000 // on one page
	maxPaths    = 100  // that one question may name
)

func (h handler) live(w http.ResponseWriter, r *http.Request) {
	h.answer(w, r, map[string]bool{"live": true}, nil)
}

func (h handler) readiness(w http.ResponseWriter, r *http.Request) {
	if err := h.Ready(); err != nil {
		problem.Write(w, http.StatusServiceUnavailable, "not-ready", err.Error())
		return
	}
	h.answer(w, r, map[string]bool{"ready": true}, nil)
}

func (h handler) checkpoint(w http.ResponseWriter, r *http.Request) {
	note, err := h.Ledger.Checkpoint(r.Context())
	switch {
	case err != nil:
		h.answer(w, r, nil, fmt.Errorf("read checkpoint: %w", err))
	case note == nil:
		problem.Write(w, http.StatusNotFound, "not-found", "nothing was sealed yet")
	default:
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		_, _ = w.Write(note) // an error here means that nobody reads the answer any more
	}
}

func (h handler) status(w http.ResponseWriter, r *http.Request) {
	s := Status{Ready: true}
	if err := h.Ready(); err != nil {
		s.Ready, s.Why = false, err.Error()
	}
	at, err := h.Ledger.Position(r.Context())
	if err == nil {
		s.LogID, s.Ordinal, s.LogTime = at.LogID, at.Ordinal, time.Unix(0, at.At).UTC()
		s.Unsettled, err = h.Ledger.Unsettled(r.Context())
	}
	if err == nil {
		s.Totals, err = h.Ledger.Totals(r.Context())
	}
	h.answer(w, r, s, err)
}

// limit reads how many are asked for, or answers why it is no limit.
func limit(w http.ResponseWriter, q url.Values, into *int) bool {
	text := q.Get("limit")
	if text == "" {
		return true
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > maxRemedies {
		problem.Write(w, http.StatusBadRequest, "parameter", fmt.Sprintf("limit %q is no number from 1 to %d", text, maxRemedies))
		return false
	}
	*into = n
	return true
}

func (h handler) remedies(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	f := views.Filter{Rule: q.Get("rule"), Status: q.Get("status"), Customer: q.Get("customer"), Limit: 100}
	if !limit(w, q, &f.Limit) {
		return
	}
	if text := q.Get("bulk"); text != "" {
		var ok bool
		if f.Bulk, ok = bulkID(w, text); !ok {
			return
		}
	}
	if text := q.Get("before"); text != "" {
		n, err := strconv.ParseUint(text, 10, 63)
		if err != nil {
			problem.Write(w, http.StatusBadRequest, "parameter", fmt.Sprintf("before %q is no sequence: take it from \"next\" of the page before", text))
			return
		}
		f.Before = n
	}
	list, err := h.Ledger.Remedies(r.Context(), f)
	page := Remedies{Remedies: list}
	if list == nil {
		page.Remedies = []views.Remedy{}
	}
	if len(list) == f.Limit {
		page.Next = strconv.FormatUint(list[len(list)-1].Sequence, 10)
	}
	h.answer(w, r, page, err)
}

// foundRemedy returns the remedy that a path names, or answers why there is none.
func (h handler) foundRemedy(w http.ResponseWriter, r *http.Request) (found *views.Remedy, ok bool) {
	id, ok := remedyID(w, r)
	if !ok {
		return nil, false
	}
	found, err := h.Ledger.Remedy(r.Context(), id)
	switch {
	case err != nil:
		h.answer(w, r, nil, err)
	case found == nil:
		problem.Write(w, http.StatusNotFound, "not-found", "no remedy has this id")
	}
	return found, err == nil && found != nil
}

func (h handler) remedy(w http.ResponseWriter, r *http.Request) {
	found, ok := h.foundRemedy(w, r)
	if !ok {
		return
	}
	entries, err := h.Ledger.History(r.Context(), found.Remedy)
	answer := Remedy{Remedy: *found, Facts: []Fact{}}
	for _, e := range entries {
		answer.Facts = append(answer.Facts, Fact{Sequence: e.Seq, Kind: e.Kind, At: time.Unix(0, e.At).UTC(), Body: e.Body})
	}
	h.answer(w, r, answer, err)
}

// Holds is the answer of GET /v1/holds.
type Holds struct {
	Holds []views.Hold `json:"holds"`
}

func (h handler) holds(w http.ResponseWriter, r *http.Request) {
	holds, err := h.Ledger.Holds(r.Context())
	h.answer(w, r, Holds{holds}, err)
}

// Brakes is the answer of GET /v1/brakes.
type Brakes struct {
	Brakes []views.Brake `json:"brakes"`
}

func (h handler) brakes(w http.ResponseWriter, r *http.Request) {
	brakes, err := h.Ledger.Brakes(r.Context())
	h.answer(w, r, Brakes{brakes}, err)
}

// whoami answers GET /v1/whoami: in whose name the request comes.
func (h handler) whoami(w http.ResponseWriter, r *http.Request) {
	h.answer(w, r, access.From(r.Context()), nil)
}
