package api

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"

	"github.com/makegood/makegood/remediator/problem"
	"github.com/makegood/makegood/remediator/store/views"
)

// Webhooks is the connector that tells other systems, as the API sees it.
type Webhooks interface {
	// Endpoints returns the addresses of all endpoints by their names.
	Endpoints() map[string]string
	// Ping sends a signed message that means nothing and returns the status of
	// the answer.
	Ping(ctx context.Context, endpoint string) (int, error)
}

// Deliveries is the answer of GET /v1/webhooks.
type Deliveries struct {
	Endpoints  []Endpoint       `json:"endpoints"`      // by name
	Deliveries []views.Delivery `json:"deliveries"`     // those of the newest remedies first
	Next       string           `json:"next,omitempty"` // value of "after" that goes on
}

// Endpoint is a receiver of webhooks as it stands.
type Endpoint struct {
	Name     string `json:"name"`
	URL      string `json:"url,omitempty"`      // empty when the service was not asked
	Disabled string `json:"disabled,omitempty"` // why it is told nothing
}

// Pinged is the answer of POST /v1/webhooks/{endpoint}/test.
type Pinged struct {
	Status int `json:"status"` // what the receiver answered
}

// webhooks lists endpoints and deliveries.
func (h handler) webhooks(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	f := views.DeliveryFilter{Endpoint: q.Get("endpoint"), Status: q.Get("status")}
	f.Limit = views.PageOf
	if !limit(w, q, &f.Limit) {
		return
	}
	if text := q.Get("after"); text != "" {
		if n, err := fmt.Sscanf(text, "%d.%d", &f.After.Sequence, &f.After.Place); n != 2 || err != nil {
			problem.Write(w, http.StatusBadRequest, "parameter", fmt.Sprintf("after %.80q is no cursor: take it from \"next\" of the page before", text))
			return
		}
	}
	disabled, err := h.Ledger.DisabledEndpoints(r.Context())
	answer := Deliveries{Endpoints: []Endpoint{}}
	if err == nil {
		answer.Deliveries, err = h.Ledger.Deliveries(r.Context(), f)
	}
	if n := len(answer.Deliveries); n == f.Limit {
		answer.Next = fmt.Sprintf("%d.%d", answer.Deliveries[n-1].Sequence, answer.Deliveries[n-1].Place)
	}
	addresses := map[string]string{}
	if h.Webhooks != nil {
		maps.Copy(addresses, h.Webhooks.Endpoints())
	}
	for name := range disabled {
		addresses[name] += "" // also those that the file no longer names
	}
	for _, name := range slices.Sorted(maps.Keys(addresses)) {
		if f.Endpoint == "" || f.Endpoint == name {
			answer.Endpoints = append(answer.Endpoints, Endpoint{Name: name, URL: addresses[name], Disabled: disabled[name]})
		}
	}
	h.answer(w, r, answer, err)
}

// enableWebhook tells an endpoint again that asked for no more.
func (h handler) enableWebhook(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("endpoint")
	if h.knownEndpoint(w, name) {
		h.answer(w, r, Endpoint{Name: name, URL: h.Webhooks.Endpoints()[name]}, h.Ledger.Enable(r.Context(), name))
	}
}

// testWebhook pings an endpoint.
func (h handler) testWebhook(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("endpoint")
	if !h.knownEndpoint(w, name) {
		return
	}
	status, err := h.Webhooks.Ping(r.Context(), name)
	if err != nil {
		problem.Write(w, http.StatusBadGateway, "endpoint", err.Error())
		return
	}
	h.answer(w, r, Pinged{Status: status}, nil)
}

// knownEndpoint answers when there is no such endpoint.
func (h handler) knownEndpoint(w http.ResponseWriter, name string) bool {
	if h.Webhooks != nil {
		if _, ok := h.Webhooks.Endpoints()[name]; ok {
			return true
		}
	}
	problem.Write(w, http.StatusNotFound, "not-found", "the file of webhooks has no endpoint of this name")
	return false
}
