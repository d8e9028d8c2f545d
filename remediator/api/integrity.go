package api

import (
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/google/uuid"

	"github.com/makegood/makegood/remediator/access"
	"github.com/makegood/makegood/remediator/integrity"
	"github.com/makegood/makegood/remediator/ledger"
	"github.com/makegood/makegood/remediator/problem"
)

// verifyBody is what was kept elsewhere, to verify the ledger against.
type verifyBody struct {
	Key         string `json:"key"`         // public key of the ledger
	Checkpoints string `json:"checkpoints"` // signed notes, one after another
}

// maxVerify bounds a body with checkpoints.
const maxVerify = 1 << 20

// integrity answers GET /v1/integrity.
func (h handler) integrity(w http.ResponseWriter, r *http.Request) {
	state, err := h.Integrity.State(r.Context())
	h.answer(w, r, state, err)
}

// verify answers POST /v1/integrity/verify: the whole ledger is verified in the
// background, once for all who ask.
func (h handler) verify(w http.ResponseWriter, r *http.Request) {
	var body verifyBody
	if !decodeStrict(w, r, maxVerify, &body) {
		return
	}
	err := h.Integrity.Verify(access.From(r.Context()).Name, body.Key, body.Checkpoints)
	var wrong integrity.AskError
	switch {
	case errors.As(err, &wrong):
		problem.Write(w, http.StatusBadRequest, "parameter", wrong.Error())
	case errors.Is(err, integrity.ErrRunning):
		problem.Write(w, http.StatusConflict, "running", err.Error())
	default:
		h.answer(w, r, h.Integrity.Verification(), err)
	}
}

// proof answers GET /v1/remedies/{remedy}/verification: what is sealed about the remedy
// is checked against the newest checkpoint now.
func (h handler) proof(w http.ResponseWriter, r *http.Request) {
	found, ok := h.foundRemedy(w, r)
	if !ok {
		return
	}
	proof, err := integrity.Prove(r.Context(), h.Ledger, found.Remedy, h.Now())
	h.answer(w, r, proof, err)
}

// SealedFact is the answer of GET /v1/facts/{sequence}: an entry of the ledger as it
// lies in its table.
type SealedFact struct {
	Fact
	Ordinal uint64    `json:"ordinal"` // of the input that it came from
	Remedy  uuid.UUID `json:"remedy,omitzero"`
	Leaf    string    `json:"leaf"` // hash of the entry in the tree
}

func (h handler) fact(w http.ResponseWriter, r *http.Request) {
	seq, err := strconv.ParseInt(r.PathValue("sequence"), 10, 64)
	if err != nil || seq < 0 {
		problem.Write(w, http.StatusBadRequest, "parameter", fmt.Sprintf("%.80q is no sequence of an entry", r.PathValue("sequence")))
		return
	}
	src, release, err := h.Ledger.Source(r.Context())
	if err != nil {
		h.answer(w, r, nil, err)
		return
	}
	defer release()
	rows, err := src.Entries(r.Context(), seq-1, 1)
	if err == nil && (len(rows) == 0 || rows[0].Seq != seq) {
		problem.Write(w, http.StatusNotFound, "not-found", fmt.Sprintf("the ledger has no entry %d yet", seq))
		return
	}
	if err != nil {
		h.answer(w, r, nil, err)
		return
	}
	entry, err := rows[0].Entry()
	if err != nil {
		h.answer(w, r, nil, err)
		return
	}
	erased, err := h.Ledger.Erased(r.Context(), []ledger.Entry{entry})
	h.answer(w, r, SealedFact{Fact: factOf(entry, erased[entry.Seq]), Ordinal: entry.Ordinal, Remedy: entry.Remedy, Leaf: hex.EncodeToString(rows[0].Leaf)}, err)
}

// factOf is an entry as it is answered.
func factOf(e ledger.Entry, erased bool) Fact {
	return Fact{Sequence: e.Seq, Kind: e.Kind, At: time.Unix(0, e.At).UTC(), Body: e.Body, Erased: erased}
}
