package api

import "net/http"

// adoption answers GET /v1/adoption.
func (h handler) adoption(w http.ResponseWriter, r *http.Request) {
	answer, err := h.Adoption(r.Context())
	h.answer(w, r, answer, err)
}
