package api

import (
	"net/http"

	"github.com/makegood/makegood/remediator/store/views"
)

// Today is the answer of GET /v1/today: how things stand, and what the last day was
// like. Of each list the first are here; the routes that have all of them say the rest.
type Today struct {
	views.Today
	Counts TodayCounts `json:"counts"`
}

// TodayCounts are the lengths of the whole lists, and what they come to.
type TodayCounts struct {
	Pulls    int `json:"pulls"` // GET /v1/andon lists them, and the others
	Holds    int `json:"holds"` // GET /v1/holds
	Held     int `json:"held"`  // remedies that wait for a person
	Brakes   int `json:"brakes"`
	Failures int `json:"failures"` // rules, by how their remedies ended
	Failed   int `json:"failed"`   // remedies that ended badly
}

// today answers GET /v1/today.
func (h handler) today(w http.ResponseWriter, r *http.Request) {
	t, err := h.Today(r.Context())
	answer := Today{t, TodayCounts{Pulls: len(t.Pulls), Holds: len(t.Holds), Brakes: len(t.Brakes), Failures: len(t.Failures)}}
	for _, waiting := range t.Holds {
		answer.Counts.Held += waiting.Remedies
	}
	for _, failed := range t.Failures {
		answer.Counts.Failed += failed.Remedies
	}
	answer.Pulls, answer.Holds, answer.Brakes, answer.Failures = first(t.Pulls), first(t.Holds), first(t.Brakes), first(t.Failures)
	h.answer(w, r, answer, err)
}

// first is what one answer has of a list.
func first[T any](list []T) []T { return list[:min(len(list), views.PageOf)] }
