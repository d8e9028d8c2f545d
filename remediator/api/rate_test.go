package api_test

import (
	"fmt"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/makegood/makegood/remediator"
)

// TestRequestsOfAToken holds that a token asks no more often than it may, that another
// is not kept waiting by it, and that it may ask again when it was told.
func TestRequestsOfAToken(t *testing.T) {
	t.Parallel()
	var later atomic.Int64 // by how much the clock is ahead
	still := time.Now()
	h := newHouse(t, func(c *remediator.Config) {
		c.Requests = 10
		c.Now = func() time.Time { return still.Add(time.Duration(later.Load())) }
	})
	h.hire(map[string]string{"ann": "agent"})
	later.Store(int64(time.Minute)) // all of it is there again
	ask := func() *http.Response {
		t.Helper()
		return get(t, h.url+"/v1/brakes", adminSecret)
	}
	for n := range 20 {
		res := ask()
		if want := fmt.Sprintf(`"token";r=%d;t=%d`, 19-n, (n+10)/10); res.StatusCode != http.StatusOK || res.Header.Get("RateLimit") != want {
			t.Fatalf("request %d is answered %d with %s, want %s", n, res.StatusCode, res.Header.Get("RateLimit"), want)
		}
	}
	if res := ask(); res.StatusCode != http.StatusTooManyRequests || res.Header.Get("Retry-After") != "1" {
		t.Errorf("one too many is answered %d, Retry-After %s", res.StatusCode, res.Header.Get("Retry-After"))
	}
	if r := h.ask("ann", "GET", "/v1/brakes", ""); r.status != http.StatusOK {
		t.Errorf("another is answered %d", r.status)
	}
	if r := h.ask("admin", "GET", "/v1/andon/gates", ""); r.status != http.StatusOK {
		t.Errorf("gates are answered %d", r.status)
	}
	later.Add(int64(time.Second))
	for n := range 11 {
		if res := ask(); (res.StatusCode == http.StatusOK) != (n < 10) {
			t.Errorf("a second later request %d is answered %d", n, res.StatusCode)
		}
	}
}
