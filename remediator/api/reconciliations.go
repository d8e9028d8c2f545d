package api

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/makegood/makegood/remediator/access"
	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/problem"
	"github.com/makegood/makegood/remediator/store/views"
)

// Books compares the ledger with a provider, as the API sees it.
type Books interface {
	// Compare compares for a period. What is wrong with the question, or why the
	// provider cannot be asked, is a BooksError.
	Compare(ctx context.Context, ask decide.Reconciliation) (*decide.Reconciliation, error)
	// Running says how many refunds a comparison under way has listed, and whether
	// there is one.
	Running() (listed int64, running bool)
}

// BooksError is why nothing was compared, for who asked.
type BooksError string

func (e BooksError) Error() string { return string(e) }

// Reconciliations is the answer of GET /v1/reconciliations.
type Reconciliations struct {
	Reconciliations []decide.ReconciliationFact `json:"reconciliations"`           // the newest first
	Differences     []views.Difference          `json:"differences"`               // the oldest first
	Next            string                      `json:"next,omitempty"`            // value of "after" with which the comparisons go on
	NextDifference  string                      `json:"next_difference,omitempty"` // value of "after_difference" with which the differences do
	Listed          *int64                      `json:"listed,omitempty"`          // by the comparison under way: refunds read so far
}

// allDifferences asks for differences whatever their status.
const allDifferences = "all"

// reconciliations lists comparisons and the differences with a status, open by
// default; all chooses all.
func (h handler) reconciliations(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	f := views.DifferenceFilter{Connector: q.Get("provider"), Status: cmp.Or(q.Get("status"), decide.DifferenceOpen)}
	if f.Status == allDifferences {
		f.Status = ""
	}
	if !limit(w, q, &f.Limit) {
		return
	}
	f.Limit = cmp.Or(f.Limit, 1000)
	var before uint64
	if !sequence(w, q, "after", &before) || !sequence(w, q, "after_difference", &f.After) {
		return
	}
	var answer Reconciliations
	var err error
	answer.Reconciliations, err = h.Ledger.Reconciliations(r.Context(), before, f.Limit)
	if err == nil {
		answer.Differences, err = h.Ledger.Differences(r.Context(), f)
	}
	if n := len(answer.Reconciliations); n == f.Limit {
		answer.Next = strconv.FormatUint(answer.Reconciliations[n-1].Seq, 10)
	}
	if n := len(answer.Differences); n == f.Limit {
		answer.NextDifference = strconv.FormatUint(answer.Differences[n-1].Sequence, 10)
	}
	if h.Books != nil {
		if listed, running := h.Books.Running(); running {
			answer.Listed = &listed
		}
	}
	h.answer(w, r, answer, err)
}

// reconcile answers POST /v1/reconciliations: the ledger is compared with a provider
// for a period, and what differs is opened.
func (h handler) reconcile(w http.ResponseWriter, r *http.Request) {
	var body reconcileBody
	if !decodeStrict(w, r, maxCommand, &body) {
		return
	}
	_ = http.NewResponseController(w).SetWriteDeadline(time.Time{}) // the provider's list may be long
	p := access.From(r.Context())
	id, ok := commandID(w, r, p)
	if !ok {
		return
	}
	ask := decide.Reconciliation{Connector: cmp.Or(body.Provider, "stripe"), Owner: body.Owner,
		From: body.From.UTC().Format(time.RFC3339), To: body.To.UTC().Format(time.RFC3339)}
	c := decide.CommandBody{Command: decide.CommandReconcile, Reason: body.Reason, Reconcile: &ask}
	may := decide.MayGive(p.Roles, c.Command) == ""
	answer, err := h.Desk.Stamped(r.Context(), p, id, c, func(c *decide.CommandBody) error {
		if !may { // the fold refuses it, and no provider is asked for that
			return nil
		}
		if h.Books == nil {
			return BooksError("the service has no provider of refunds")
		}
		found, err := h.Books.Compare(r.Context(), ask)
		c.Reconcile = found
		return err
	})
	var wrong BooksError
	if errors.As(err, &wrong) {
		problem.Write(w, http.StatusUnprocessableEntity, "books", wrong.Error())
		return
	}
	h.answered(w, r, id, answer, err)
}

// closeDifference answers POST /v1/reconciliations/differences/{difference}/close.
func (h handler) closeDifference(w http.ResponseWriter, r *http.Request) {
	var body reasonBody
	if id, ok := pathID(w, r, "difference", "id of a difference"); ok && decodeStrict(w, r, maxCommand, &body) {
		h.give(w, r, decide.CommandBody{Command: decide.CommandClose, Difference: id, Reason: body.Reason})
	}
}
