package problem_test

import (
	"net/http/httptest"
	"testing"

	"github.com/makegood/makegood/remediator/problem"
)

func TestWrite(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		status            int
		asked, retryAfter string
	}{{400, "", ""}, {409, "", ""}, {429, "", "1"}, {503, "", "1"}, {503, "7", "7"}} {
		w := httptest.NewRecorder()
		if c.asked != "" {
			w.Header().Set("Retry-After", c.asked)
		}
		problem.Write(w, c.status, "some-name", "what is wrong")
		if w.Code != c.status || w.Header().Get("Content-Type") != "application/problem+json" || w.Header().Get("Retry-After") != c.retryAfter {
			t.Errorf("%d: got %d with %v", c.status, w.Code, w.Header())
		}
	}
	w := httptest.NewRecorder()
	problem.Write(w, 404, "not-found", "there is no /x")
	const want = `{"type":"urn:makegood:problem:not-found","title":"Not Found","status":404,"detail":"there is no /x"}` + "\n"
	if w.Body.String() != want {
		t.Errorf("got %s", w.Body)
	}
}
