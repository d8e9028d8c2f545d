package api

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"strconv"

	"github.com/google/uuid"

	"github.com/makegood/makegood/remediator/access"
	"github.com/makegood/makegood/remediator/coe"
	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/learn"
	"github.com/makegood/makegood/remediator/problem"
	"github.com/makegood/makegood/remediator/store/views"
)

// maxCOE bounds a body with the text of a COE: as JSON writes it at the worst.
const maxCOE = 6*decide.MaxCOEText + maxCommand

// COEs is the answer of GET /v1/coes, the one opened last first.
type COEs struct {
	COEs []views.COE `json:"coes"`
	Next string      `json:"next,omitempty"` // value of "after" that goes on
}

// COE is the answer of GET /v1/coes/{coe}: how it stands and what it says.
type COE struct {
	views.COE
	Revisions []decide.COEText `json:"revisions"` // without their texts
	Document  learn.Text       `json:"document"`  // the revision asked for, or the draft
}

// COECheck is what keeps a text from being published.
type COECheck struct {
	Findings []coe.Finding `json:"findings"`
	Blocked  bool          `json:"blocked"`
	TreeSize uint64        `json:"tree_size"` // of the ledger at which it was checked
}

// COEDiff is the answer of GET /v1/coes/{coe}/diff.
type COEDiff struct {
	Diff string `json:"diff"` // unified
}

func (h handler) coes(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	f := views.COEFilter{Status: q.Get("status"), About: q.Get("about")}
	if !limit(w, q, &f.Limit) {
		return
	}
	f.Limit = cmp.Or(f.Limit, 100)
	if !sequence(w, q, cursorName(q), &f.Before) {
		return
	}
	found, err := h.Ledger.COEs(r.Context(), f)
	answer := COEs{COEs: found}
	if len(found) == f.Limit {
		answer.Next = strconv.FormatUint(found[len(found)-1].Sequence, 10)
	}
	h.answer(w, r, answer, err)
}

// ofCOE writes an answer about a COE, or why there is none.
func (h handler) ofCOE(w http.ResponseWriter, r *http.Request, value any, err error) {
	var wrong learn.AskError
	switch {
	case errors.Is(err, learn.ErrNone):
		problem.Write(w, http.StatusNotFound, "not-found", "there is no such COE, or no such revision of it")
	case errors.Is(err, learn.ErrBusy):
		problem.Write(w, http.StatusTooManyRequests, "busy", err.Error())
	case errors.As(err, &wrong):
		problem.Write(w, http.StatusUnprocessableEntity, "coe", wrong.Error())
	default:
		h.answer(w, r, value, err)
	}
}

// askedCOE reads which COE is asked for, and which of its revisions by the parameters of
// these names; 0 is the newest.
func askedCOE(w http.ResponseWriter, r *http.Request, names ...string) (id uuid.UUID, revisions []int, ok bool) {
	if id, ok = pathID(w, r, "coe", "id of a COE"); !ok {
		return id, nil, false
	}
	for _, name := range names {
		text := r.URL.Query().Get(name)
		n, err := strconv.Atoi(cmp.Or(text, "0"))
		if err != nil || n < 0 {
			problem.Write(w, http.StatusBadRequest, "parameter", fmt.Sprintf("%s: %.80q is no number of a revision", name, text))
			return id, nil, false
		}
		revisions = append(revisions, n)
	}
	return id, revisions, true
}

func (h handler) coe(w http.ResponseWriter, r *http.Request) {
	id, revisions, ok := askedCOE(w, r, "revision")
	if !ok {
		return
	}
	var answer COE
	text, err := h.Shelf.Text(r.Context(), id, revisions[0])
	if err == nil {
		answer.Document = *text
		answer.Revisions, err = h.Ledger.COETexts(r.Context(), id, 0)
	}
	if err == nil {
		var c *views.COE
		if c, err = h.Ledger.COE(r.Context(), id); c != nil {
			answer.COE = *c
		}
	}
	h.ofCOE(w, r, answer, err)
}

// coeDiff compares two revisions: by default the newest with the one before it.
func (h handler) coeDiff(w http.ResponseWriter, r *http.Request) {
	id, revisions, ok := askedCOE(w, r, "from", "to")
	if !ok {
		return
	}
	from, to := revisions[0], revisions[1]
	if !r.URL.Query().Has("from") {
		newest, err := h.Shelf.Text(r.Context(), id, to)
		if err != nil {
			h.ofCOE(w, r, nil, err)
			return
		}
		from = max(newest.Revision-1, 0)
	}
	diff, err := h.Shelf.Diff(r.Context(), id, from, to)
	h.ofCOE(w, r, COEDiff{diff}, err)
}

// coePage shows a COE as a page that prints well.
func (h handler) coePage(w http.ResponseWriter, r *http.Request) {
	id, revisions, ok := askedCOE(w, r, "revision")
	if !ok {
		return
	}
	text, err := h.Shelf.Text(r.Context(), id, revisions[0])
	page := ""
	if err == nil {
		page, err = h.Shelf.Page(r.Context(), text.Text)
	}
	if err != nil {
		h.ofCOE(w, r, nil, err)
		return
	}
	w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Cache-Control", "no-store")
	h.send(w, r, "text/html; charset=utf-8", []byte(page))
}

// coeBundle packs a COE with the facts behind it and their proofs.
func (h handler) coeBundle(w http.ResponseWriter, r *http.Request) {
	id, ok := pathID(w, r, "coe", "id of a COE")
	if !ok {
		return
	}
	var packed bytes.Buffer
	if err := h.Shelf.Bundle(r.Context(), id, &packed); err != nil {
		h.ofCOE(w, r, nil, err)
		return
	}
	w.Header().Set("Content-Disposition", `attachment; filename="coe-`+id.String()+`.zip"`)
	w.Header().Set("Cache-Control", "no-store")
	h.send(w, r, "application/zip", packed.Bytes())
}

// checkCOE answers POST /v1/coes/check, which changes nothing.
func (h handler) checkCOE(w http.ResponseWriter, r *http.Request) {
	var body coeTextBody
	if !decodeStrict(w, r, maxCOE, &body) {
		return
	}
	if len(body.Text) > decide.MaxCOEText {
		problem.Write(w, http.StatusRequestEntityTooLarge, "too-large", fmt.Sprintf("the text has more than %d bytes", decide.MaxCOEText))
		return
	}
	findings, size, err := h.Shelf.CheckNow(r.Context(), body.Text)
	h.ofCOE(w, r, COECheck{Findings: findings, Blocked: coe.Blocked(findings), TreeSize: size}, err)
}

// draftCOE answers POST /v1/coes: a draft of what the ledger says about a cord, a rule
// or a remedy's rule is the first revision of a new COE.
func (h handler) draftCOE(w http.ResponseWriter, r *http.Request) {
	var body coeDraftBody
	if !decodeStrict(w, r, maxCommand, &body) {
		return
	}
	ask := coe.Ask{Cord: body.Cord, Rule: body.Rule, Title: body.Title, Since: body.Since, Until: body.Until}
	if body.Remedy != uuid.Nil {
		remedy, err := h.Ledger.Remedy(r.Context(), body.Remedy)
		switch {
		case err != nil:
			h.answer(w, r, nil, err)
			return
		case remedy == nil:
			problem.Write(w, http.StatusUnprocessableEntity, "coe", fmt.Sprintf("there is no remedy %s", body.Remedy))
			return
		}
		ask.Rule = remedy.Rule
	}
	p := access.From(r.Context())
	id, ok := commandID(w, r, p)
	if !ok {
		return
	}
	may := decide.MayGive(p.Roles, decide.CommandDraft) == ""
	c, stamp := h.Shelf.Opening(r.Context(), ask, may)
	answer, err := h.Desk.Stamped(r.Context(), p, id, c, stamp)
	h.answeredCOE(w, r, id, answer, err)
}

func (h handler) answeredCOE(w http.ResponseWriter, r *http.Request, id string, answer *decide.Answer, err error) {
	var wrong learn.AskError
	if errors.As(err, &wrong) {
		problem.Write(w, http.StatusUnprocessableEntity, "coe", wrong.Error())
		return
	}
	h.answered(w, r, id, answer, err)
}

// reviseCOE answers POST /v1/coes/{coe}/revisions: a text in the place of a revision.
func (h handler) reviseCOE(w http.ResponseWriter, r *http.Request) {
	var body coeRevisionBody
	if id, ok := pathID(w, r, "coe", "id of a COE"); ok && decodeStrict(w, r, maxCOE, &body) {
		h.give(w, r, decide.CommandBody{Command: decide.CommandRevise, Reason: body.Reason, COE: &decide.COE{ID: id, Revision: body.Revision, Text: body.Text}})
	}
}

// onCOE answers POST /v1/coes/{coe}/COMMAND for what is about a revision as it is.
func (h handler) onCOE(command string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var body coeStepBody
		if id, ok := pathID(w, r, "coe", "id of a COE"); ok && decodeStrict(w, r, maxCommand, &body) {
			h.give(w, r, decide.CommandBody{Command: command, Reason: body.Reason, COE: &decide.COE{ID: id, Revision: body.Revision}})
		}
	}
}

// publishCOE answers POST /v1/coes/{coe}/publish. The text is checked first: what
// blocks is said, and nothing is published.
func (h handler) publishCOE(w http.ResponseWriter, r *http.Request) {
	var body coePublishBody
	about, ok := pathID(w, r, "coe", "id of a COE")
	if !ok || !decodeStrict(w, r, maxCommand, &body) {
		return
	}
	p := access.From(r.Context())
	id, ok := commandID(w, r, p)
	if !ok {
		return
	}
	c := decide.CommandBody{Command: decide.CommandPublish, Reason: body.Reason, COE: &decide.COE{ID: about, Revision: body.Revision, Weeks: body.Weeks}}
	may := decide.MayGive(p.Roles, c.Command) == ""
	answer, err := h.Desk.Stamped(r.Context(), p, id, c, h.Shelf.Publishing(r.Context(), about, body.Revision, may))
	h.answeredCOE(w, r, id, answer, err)
}
