package api_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
)

// TestHeaders holds that the answers of every route, whoever asks and whatever comes of
// it, can stand in no frame and be taken for nothing else, and that no cache keeps what
// is for one person.
func TestHeaders(t *testing.T) {
	t.Parallel()
	h := newHouse(t, nil)
	caches := map[string]string{ // what may be kept, and how
		"GET /checkpoint": "no-cache", "GET /tile/{tile:.+}": "public, max-age=3600", "GET /tile/entries/{bundle:.+}": "private, max-age=3600", "GET /v1/andon/gates": "no-cache",
	}
	check := func(route, method, path, body, who string) {
		t.Helper()
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel() // of a stream too
		req, err := http.NewRequestWithContext(ctx, method, h.url+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		if secret := h.secrets[who]; secret != "" {
			req.Header.Set("Authorization", "Bearer "+secret)
		}
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		keep := "no-store"
		if may := caches[route]; may != "" && res.StatusCode == http.StatusOK {
			keep = may
		}
		for name, want := range map[string]string{"X-Frame-Options": "DENY", "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "Cache-Control": keep} {
			if got := res.Header.Get(name); got != want {
				t.Errorf("%s by %s, answered %d: %s is %q, want %q", route, who, res.StatusCode, name, got, want)
			}
		}
		if policy := res.Header.Get("Content-Security-Policy"); !strings.Contains(policy, "default-src 'none'") || !strings.Contains(policy, "frame-ancestors 'none'") || strings.Contains(policy, "script-src 'unsafe") {
			t.Errorf("%s by %s: the policy is %q", route, who, policy)
		}
		if kind := res.Header.Get("Content-Type"); kind == "" && res.StatusCode != http.StatusNoContent && res.StatusCode != http.StatusSeeOther {
			t.Errorf("%s by %s, answered %d, does not say what it is", route, who, res.StatusCode)
		}
	}
	for route, c := range routes {
		method, _, _ := strings.Cut(route, " ")
		for _, who := range []string{"nobody", "emitter", "admin"} {
			check(route, method, c.path, c.body, who)
		}
	}
	for _, path := range []string{"/nowhere", "/v1/nowhere", "/v1/remedies/%3Cscript%3E", "/v1/status", "/tile/x"} {
		for _, method := range []string{http.MethodGet, http.MethodDelete} {
			check(method+" "+path, method, path, "", "admin")
		}
	}
}
