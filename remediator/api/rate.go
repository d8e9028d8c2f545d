package api

import (
	"fmt"
	"net/http"
	"strconv"

	"github.com/makegood/makegood/remediator/problem"
)

// paced reports whether a caller may ask now, and says in the header how many requests
// are left. Who may not is answered when they may. Emitters are bounded by the bytes and
// requests in flight instead, by package ingest.
func (h handler) paced(w http.ResponseWriter, caller string) bool {
	turn := h.Pace.Take(caller, h.Now())
	header := w.Header()
	if turn.AtOnce > 0 {
		header.Set("RateLimit-Policy", fmt.Sprintf(`"token";q=%d;w=2`, turn.AtOnce))
		header.Set("RateLimit", fmt.Sprintf(`"token";r=%d;t=%d`, turn.Left, turn.Full))
	}
	if !turn.May {
		header.Set("Retry-After", strconv.Itoa(turn.Wait))
		problem.Write(w, http.StatusTooManyRequests, "too-many-requests", fmt.Sprintf("%s asks more than %d times in two seconds", caller, turn.AtOnce))
	}
	return turn.May
}
