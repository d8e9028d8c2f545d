package api

import (
	"net/http"
	"time"
)

// Evidence is the answer of GET /v1/remedies/{remedy}/evidence: what is sealed under
// the key of a remedy's customer.
type Evidence struct {
	Contents []Content `json:"contents"` // in the order in which they were sealed
	Erased   int       `json:"erased"`   // contents of which the key was destroyed
}

// Content is evidence that was opened.
type Content struct {
	Kind     string    `json:"kind"`     // event, note, values, mail and others
	Sequence uint64    `json:"sequence"` // of the entry that ends it
	At       time.Time `json:"at"`
	Text     string    `json:"text"`
}

func (h handler) evidence(w http.ResponseWriter, r *http.Request) {
	found, ok := h.foundRemedy(w, r)
	if !ok {
		return
	}
	contents, erased, err := h.Ledger.Evidence(r.Context(), found.Remedy)
	answer := Evidence{Contents: []Content{}, Erased: erased}
	for _, c := range contents {
		answer.Contents = append(answer.Contents, Content{Kind: c.Kind, Sequence: c.Sequence, At: c.At, Text: string(c.Plain)})
	}
	h.answer(w, r, answer, err)
}
