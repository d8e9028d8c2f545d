package api

import (
	"net/http"
	"strconv"

	"github.com/makegood/makegood/remediator/ledger"
	"github.com/makegood/makegood/remediator/problem"
)

func (h handler) checkpoint(w http.ResponseWriter, r *http.Request) {
	note, err := h.Ledger.Checkpoint(r.Context())
	switch {
	case err != nil:
		h.answer(w, r, nil, err)
	case note == nil:
		problem.Write(w, http.StatusNotFound, "not-found", "nothing was sealed yet")
	default:
		w.Header().Set("Cache-Control", "no-cache") // the next commit replaces it
		h.send(w, r, "text/plain; charset=utf-8", note)
	}
}

const (
	// maxTileAge is how many seconds a full tile may be kept: it never changes.
	maxTileAge = 365 * 24 * 60 * 60
	// maxPartialAge is shorter, because a wider tile soon takes a partial one's place
	// and nobody asks for it again.
	maxPartialAge = 60 * 60
)

// tile answers with the tile that a path value names, below prefix. Caches that
// are public or private may keep it.
func (h handler) tile(value, prefix, caches string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		ref, err := ledger.ParseTile(prefix + r.PathValue(value))
		if err != nil {
			problem.Write(w, http.StatusNotFound, "not-found", "there is no "+r.URL.Path+": "+err.Error())
			return
		}
		data, err := h.Ledger.Tile(r.Context(), ref)
		switch {
		case err != nil:
			h.answer(w, r, nil, err)
			return
		case data == nil:
			problem.Write(w, http.StatusNotFound, "not-found", "the newest checkpoint does not cover "+r.URL.Path)
			return
		}
		keep := caches + ", max-age=" + strconv.Itoa(maxPartialAge)
		if ref.Width == ledger.TileWidth {
			keep = caches + ", max-age=" + strconv.Itoa(maxTileAge) + ", immutable"
		}
		w.Header().Set("Cache-Control", keep)
		h.send(w, r, "application/octet-stream", data)
	}
}

// receipt answers GET /v1/remedies/{remedy}/receipt, as its bytes are.
func (h handler) receipt(w http.ResponseWriter, r *http.Request) {
	id, ok := pathID(w, r, "remedy", "remedy id")
	if !ok {
		return
	}
	receipt, err := h.Ledger.Receipt(r.Context(), id)
	switch {
	case err != nil:
		h.answer(w, r, nil, err)
	case receipt == nil:
		problem.Write(w, http.StatusNotFound, "not-found", "nothing is sealed about a remedy with this id")
	default:
		w.Header().Set("Cache-Control", "no-store")
		h.send(w, r, "application/json", receipt.Encode())
	}
}
