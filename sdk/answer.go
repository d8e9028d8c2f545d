package makegood

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"time"
)

// maxRetryAfter is the longest silence that a service may ask for.
const maxRetryAfter = 5 * time.Minute

var tooLargeThere = rejection{Code: "too_large", Detail: "the service takes no event of this size (413)"}

// answer is what the service said to one try.
type answer struct {
	status     int
	retryAfter time.Duration
	body       []byte
}

// accepted reports whether the service took the whole batch. Other 2xx are not
// an answer that a CloudEvents receiver gives, but perhaps one of a proxy.
func (a answer) accepted() bool {
	switch a.status {
	case http.StatusOK, http.StatusCreated, http.StatusAccepted, http.StatusNoContent:
		return true
	}
	return false
}

// verdict is what an answer means for the events of a request.
type verdict struct {
	settled bool        // every event was either taken or refused for good
	refused int         // how many were refused
	named   []rejection // of them: those that the answer names, one at least
	divide  bool        // none was taken, but smaller requests may be

	trouble string // why none was taken, when the same request shall come again
}

// judge reads the answer to a request with n events.
func (a answer) judge(n int) verdict {
	switch {
	case a.accepted():
		return verdict{settled: true}
	case a.status == http.StatusRequestEntityTooLarge && n > 1:
		return verdict{divide: true}
	case a.status == http.StatusRequestEntityTooLarge:
		return verdict{settled: true, refused: 1, named: []rejection{tooLargeThere}}
	case a.status == http.StatusBadRequest:
		return a.rejections(n)
	}
	return verdict{trouble: explain(a.status)}
}

// rejection is one event that the service refused.
type rejection struct {
	Index  int    `json:"index"`
	ID     string `json:"id"`
	Code   string `json:"code"`
	Detail string `json:"detail"`
}

// Error names the event by its id, or by its place where it has none.
func (r rejection) Error() string {
	name := "id " + quote(r.ID)
	if r.ID == "" {
		name = "index " + strconv.Itoa(r.Index)
	}
	return fmt.Sprintf("event with %s: %s: %s", name, quote(r.Code), quote(r.Detail))
}

// rejections reads a 400: events that were not accepted are refused for good,
// the others were taken. Where none was accepted and not every event is named,
// the service could not tell one from the next, and dividing finds the culprit. A
// body that says nothing of the kind comes from somewhere else, such as a proxy.
func (a answer) rejections(n int) verdict {
	foreign := verdict{trouble: "400 without a list of rejected events: is this the address of a Makegood service?"}
	var body struct {
		Accepted *int        `json:"accepted"`
		Rejected []rejection `json:"rejected"`
	}
	if json.Unmarshal(a.body, &body) != nil || body.Accepted == nil || len(body.Rejected) == 0 {
		return foreign
	}
	refused := n - *body.Accepted
	if refused < len(body.Rejected) || refused > n {
		return foreign
	}
	seen := make(map[int]bool, len(body.Rejected))
	for _, r := range body.Rejected {
		if r.Index < 0 || r.Index >= n || seen[r.Index] {
			return foreign
		}
		seen[r.Index] = true
	}
	if refused == n && len(body.Rejected) < n {
		return verdict{divide: true}
	}
	return verdict{settled: true, refused: refused, named: body.Rejected}
}

// explain says what a status means for whoever reads the log.
func explain(status int) string {
	text := fmt.Sprintf("answer %d %s", status, http.StatusText(status))
	switch {
	case status == http.StatusUnauthorized || status == http.StatusForbidden:
		text += ": check MAKEGOOD_TOKEN"
	case status == http.StatusNotFound || status == http.StatusMethodNotAllowed:
		text += ": check MAKEGOOD_URL"
	case status >= 300 && status < 400:
		text += ": redirects are not followed, set MAKEGOOD_URL to the final address"
	}
	return text
}

// retryAfter reads a Retry-After header, in seconds or as a date.
func retryAfter(text string, now time.Time) time.Duration {
	var d time.Duration
	if seconds, err := strconv.ParseUint(text, 10, 31); err == nil {
		d = time.Duration(seconds) * time.Second
	} else if at, err := http.ParseTime(text); err == nil {
		d = at.Sub(now)
	}
	return min(max(d, 0), maxRetryAfter)
}
