package api

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/makegood/makegood/remediator/access"
	"github.com/makegood/makegood/remediator/adoption"
	"github.com/makegood/makegood/remediator/andon"
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
	Gaps      []views.Gap  `json:"gaps"` // events that clients of the SDK accepted and that did not come
	// Adoption is in short what GET /v1/adoption says.
	Adoption adoption.Short `json:"adoption"`
	Self     *Self          `json:"self,omitempty"`
	Rules    string         `json:"rules"`           // digest of those in force, empty for none
	Nodes    []views.Node   `json:"nodes,omitempty"` // on a database: all of them
}

// Remedies is the answer of GET /v1/remedies, newest first.
type Remedies struct {
	Remedies []views.Remedy `json:"remedies"`
	Next     string         `json:"next,omitempty"` // value of "after" that goes on
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
	Erased   bool            `json:"erased,omitempty"` // it is evidence, and its key was destroyed
}

// Cords is the answer of GET /v1/andon.
type Cords struct {
	Cords []Cord `json:"cords"`          // by path
	Next  string `json:"next,omitempty"` // value of "after" that goes on
}

// Cord is an andon cord as it stands: by itself, and, in Standing, with what lies
// above it.
type Cord struct {
	cord.State
	SinceTime time.Time      `json:"since_time"`
	Standing  cord.Standing  `json:"standing"`
	Release   *andon.Release `json:"release,omitempty"` // what lets go of it, for who asks; only of one that is pulled
}

const (
	maxPage  = views.MaxPage
	maxPaths = 100 // that one question may name
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
	if err == nil {
		s.Gaps, err = h.Ledger.Gaps(r.Context())
	}
	if err == nil {
		var a adoption.Adoption
		a, err = h.Adoption(r.Context())
		s.Adoption = a.Short()
	}
	if err == nil {
		s.Nodes, err = h.Ledger.Nodes(r.Context())
	}
	if err == nil && h.Self != nil {
		s.Self = &Self{}
		*s.Self, err = h.Self(r.Context())
	}
	if in := h.InForce(); in.Set != nil {
		s.Rules = in.Set.Digest
	}
	h.answer(w, r, s, err)
}

// cursorName is the name under which a cursor comes: before is the older one.
func cursorName(q url.Values) string {
	if q.Has("after") {
		return "after"
	}
	return "before"
}

func (h handler) remedies(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	f := views.Filter{Rule: q.Get("rule"), Status: q.Get("status"), Customer: q.Get("customer"), Limit: 100}
	if !limit(w, q, &f.Limit) {
		return
	}
	if text := q.Get("bulk"); text != "" {
		var ok bool
		if f.Bulk, ok = parseID(w, text, "id of a bulk"); !ok {
			return
		}
	}
	if !sequence(w, q, cursorName(q), &f.Before) {
		return
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
	id, ok := pathID(w, r, "remedy", "remedy id")
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
	var erased map[uint64]bool
	if err == nil {
		erased, err = h.Ledger.Erased(r.Context(), entries)
	}
	answer := Remedy{Remedy: *found, Facts: []Fact{}}
	for _, e := range entries {
		answer.Facts = append(answer.Facts, factOf(e, erased[e.Seq]))
	}
	h.answer(w, r, answer, err)
}

// Holds is the answer of GET /v1/holds.
type Holds struct {
	Holds []views.Hold `json:"holds"`          // the oldest first
	Next  string       `json:"next,omitempty"` // value of "after" that goes on
}

func (h handler) holds(w http.ResponseWriter, r *http.Request) {
	holds, err := h.Ledger.Holds(r.Context())
	page, next, ok := pageOf(w, r.URL.Query(), holds, func(g views.Hold) string {
		bulk := ""
		if g.Bulk != nil {
			bulk = g.Bulk.Bulk.String()
		}
		return strings.Join([]string{sortable(g.Oldest), g.Rule, g.Reason, bulk}, " ")
	})
	if ok {
		h.answer(w, r, Holds{page, next}, err)
	}
}

// sortable writes a time as a cursor has it, which is in the order of texts.
func sortable(at time.Time) string { return at.UTC().Format("2006-01-02T15:04:05.000000000Z") }

// HeldCustomers is the answer of GET /v1/customers/held.
type HeldCustomers struct {
	Customers []views.LegalHold `json:"customers"`      // the oldest hold first
	Next      string            `json:"next,omitempty"` // value of "after" that goes on
}

func (h handler) heldCustomers(w http.ResponseWriter, r *http.Request) {
	held, err := h.Ledger.LegalHolds(r.Context())
	page, next, ok := pageOf(w, r.URL.Query(), held, func(l views.LegalHold) string {
		return sortable(l.Since) + " " + l.Customer
	})
	if ok {
		h.answer(w, r, HeldCustomers{page, next}, err)
	}
}

// Brakes is the answer of GET /v1/brakes.
type Brakes struct {
	Brakes []views.Brake `json:"brakes"`         // by target
	Next   string        `json:"next,omitempty"` // value of "after" that goes on
}

func (h handler) brakes(w http.ResponseWriter, r *http.Request) {
	brakes, err := h.Ledger.Brakes(r.Context())
	page, next, ok := pageOf(w, r.URL.Query(), brakes, func(b views.Brake) string { return strings.Join([]string{b.Target, sortable(b.At), b.ID}, " ") })
	if ok {
		h.answer(w, r, Brakes{page, next}, err)
	}
}

// whoami answers GET /v1/whoami: in whose name the request comes.
func (h handler) whoami(w http.ResponseWriter, r *http.Request) {
	h.answer(w, r, access.From(r.Context()), nil)
}
