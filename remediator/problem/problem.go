// Package problem answers errors over HTTP as RFC 9457 has them, for every part of
// the service that speaks HTTP: application/problem+json with a type that programs
// tell apart and a detail that people read.
package problem

import (
	"encoding/json"
	"net/http"
)

// Prefix begins the types of the service's problems.
const Prefix = "urn:makegood:problem:"

// Problem is an error. A part that says more embeds it.
type Problem struct {
	Type   string `json:"type"` // a URN that begins with Prefix
	Title  string `json:"title"`
	Status int    `json:"status"` // of HTTP
	Detail string `json:"detail"`
}

// New returns a problem of a type, whose title is that of its status.
func New(status int, problemType, detail string) Problem {
	return Problem{Type: problemType, Title: http.StatusText(status), Status: status, Detail: detail}
}

// Write answers with a problem of the type that the name makes.
func Write(w http.ResponseWriter, status int, name, detail string) {
	Send(w, status, New(status, Prefix+name, detail))
}

// Send answers with a problem that may have members of its own. Who is told that it
// goes better later is told when, unless the header says so already.
func Send(w http.ResponseWriter, status int, body any) {
	header := w.Header()
	if (status == http.StatusTooManyRequests || status == http.StatusServiceUnavailable) && header.Get("Retry-After") == "" {
		header.Set("Retry-After", "1")
	}
	header.Set("Content-Type", "application/problem+json")
	header.Set("Cache-Control", "no-store") // what is wrong now may be right in a moment
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // an error here means that nobody reads the answer any more
}
