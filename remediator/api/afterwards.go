package api

import (
	"errors"
	"net/http"
	"time"

	"github.com/google/uuid"

	"github.com/makegood/makegood/remediator/access"
	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/history"
	"github.com/makegood/makegood/remediator/people"
	"github.com/makegood/makegood/remediator/problem"
)

// maxCustomers bounds the body of an apply: a list of customers.
const maxCustomers = 4 << 20

// apply answers POST /v1/rules/{rule}/apply: what the rule would have made good in a
// period is held under one approval. What that is, the log says and nobody else. With
// dry_run nothing is appended, and the answer is what it would be.
func (h handler) apply(w http.ResponseWriter, r *http.Request) {
	var body applyBody
	if !decodeStrict(w, r, maxCustomers, &body) {
		return
	}
	_ = http.NewResponseController(w).SetWriteDeadline(time.Time{}) // the log may be long; where it cannot be lifted, the caller asks again
	if body.Since.IsZero() || body.Until.IsZero() || body.Customers != nil && len(body.Customers) == 0 {
		problem.Write(w, http.StatusBadRequest, "body", "since, until: write both, in RFC 3339; customers: leave it out for everybody, or name one")
		return
	}
	p, ask := access.From(r.Context()), history.Ask{Rule: r.PathValue("rule"), Since: body.Since, Until: body.Until, Customers: body.Customers}
	said := ask.Apply()
	c := decide.CommandBody{Command: decide.CommandApply, Target: decide.TargetRule(ask.Rule), Reason: body.Reason, Apply: &said}
	may := decide.MayGive(p.Roles, c.Command) == ""
	find := func() ([]decide.Apply, error) {
		if !may { // the fold refuses it, and no log is read for that
			return said.Split(nil)
		}
		return h.History.Afterwards(r.Context(), h.InForce().Set, ask)
	}
	if body.DryRun {
		h.tryApply(w, r, p, c, find)
		return
	}
	id, ok := commandID(w, r, p)
	if !ok {
		return
	}
	answer, err := h.Desk.Apply(r.Context(), p, id, c, find)
	if !askRefused(w, err) {
		h.answered(w, r, id, answer, err)
	}
}

// tryApply answers a dry run.
func (h handler) tryApply(w http.ResponseWriter, r *http.Request, p access.Principal, c decide.CommandBody, find func() ([]decide.Apply, error)) {
	parts, err := find()
	var answer *decide.Answer
	if err == nil {
		answer, err = h.History.Try(r.Context(), people.Commands(p, c, parts))
	}
	switch {
	case askRefused(w, err):
	case err != nil:
		h.answer(w, r, nil, err)
	default:
		if answer.Bulk != nil {
			answer.Bulk.Bulk = uuid.Nil // there is none
		}
		h.answered(w, r, "", answer, nil)
	}
}

// askRefused answers what is wrong with a question about the past, if that is it.
func askRefused(w http.ResponseWriter, err error) bool {
	var wrong history.AskError
	switch {
	case errors.As(err, &wrong):
		problem.Write(w, http.StatusUnprocessableEntity, "ask", wrong.Error())
	case errors.Is(err, history.ErrBusy):
		problem.Write(w, http.StatusTooManyRequests, "busy", err.Error())
	default:
		return false
	}
	return true
}

// explain answers GET /v1/remedies/{remedy}/explanation: why the remedy was made, by
// the rules and the windows of then.
func (h handler) explain(w http.ResponseWriter, r *http.Request) {
	found, ok := h.foundRemedy(w, r)
	if !ok {
		return
	}
	_ = http.NewResponseController(w).SetWriteDeadline(time.Time{}) // as in apply
	explanation, err := h.History.Explain(r.Context(), found.Remedy)
	if !askRefused(w, err) {
		h.answer(w, r, explanation, err)
	}
}

// bulk answers GET /v1/bulks/{bulk}.
func (h handler) bulk(w http.ResponseWriter, r *http.Request) {
	id, ok := pathID(w, r, "bulk", "id of a bulk")
	if !ok {
		return
	}
	found, err := h.Ledger.Bulk(r.Context(), id)
	if err == nil && found == nil {
		problem.Write(w, http.StatusNotFound, "not-found", "no bulk has this id")
		return
	}
	h.answer(w, r, found, err)
}

// approveBulk answers POST /v1/bulks/{bulk}/approve.
func (h handler) approveBulk(w http.ResponseWriter, r *http.Request) {
	var body approveBulkBody
	if id, ok := pathID(w, r, "bulk", "id of a bulk"); ok && decodeStrict(w, r, maxCommand, &body) {
		h.give(w, r, decide.CommandBody{Command: decide.CommandApprove, Bulk: id, Reason: body.Reason, Revision: body.Revision})
	}
}

// denyBulk answers POST /v1/bulks/{bulk}/deny.
func (h handler) denyBulk(w http.ResponseWriter, r *http.Request) {
	var body reasonBody
	if id, ok := pathID(w, r, "bulk", "id of a bulk"); ok && decodeStrict(w, r, maxCommand, &body) {
		h.give(w, r, decide.CommandBody{Command: decide.CommandDeny, Bulk: id, Reason: body.Reason})
	}
}
