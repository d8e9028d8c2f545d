package access_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/makegood/makegood/remediator/access"
)

// TestOnThisMachine holds by which names a service without tokens may be asked.
func TestOnThisMachine(t *testing.T) {
	t.Parallel()
	guarded := access.OnThisMachine(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	for host, want := range map[string]int{
		"127.0.0.1:8080": 200, "127.0.0.1": 200, "[::1]:8080": 200, "[::1]": 200, "localhost:8080": 200, "LocalHost": 200, "localhost.:80": 200,
		"makegood.localhost:8080": 200, "elsewhere.example:8080": 421, "elsewhere.example": 421, "127.0.0.1.elsewhere.example:8080": 421,
		"notlocalhost": 421, "localhost.example": 421, "": 421, ":8080": 421,
	} {
		r := httptest.NewRequest(http.MethodPost, "/v1/pause", nil)
		r.Host = host
		w := httptest.NewRecorder()
		guarded.ServeHTTP(w, r)
		if w.Code != want {
			t.Errorf("asked as %q it answers %d, want %d", host, w.Code, want)
		}
	}
	r := httptest.NewRequest(http.MethodPost, "http://makegood/v1/pause", nil)
	w := httptest.NewRecorder()
	if access.FromOwner(guarded).ServeHTTP(w, r); w.Code != http.StatusOK {
		t.Errorf("its owner, at a socket, is answered %d", w.Code)
	}
}
