//go:build go1.25

package makegood_test

import (
	"context"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/makegood/makegood/sdk"
)

// TestATokenFileThatIsReplaced has files that hold no token before the right one:
// what no header can carry would keep the client from ever asking again.
func TestATokenFileThatIsReplaced(t *testing.T) {
	file := filepath.Join(t.TempDir(), "token")
	replace := func(text string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	replace("first\n")
	t.Setenv("MAKEGOOD_TOKEN", "")
	t.Setenv("MAKEGOOD_TOKEN_FILE", file)
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var signed []string // what requests came with, each once
		c := newClient(t, makegood.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			mu.Lock()
			defer mu.Unlock()
			token := r.Header.Get("Authorization")
			if !slices.Contains(signed, token) {
				signed = append(signed, token)
			}
			if token != "Bearer second" {
				w.WriteHeader(http.StatusUnauthorized)
				return
			}
			w.WriteHeader(http.StatusAccepted)
		})))
		emit(c, 1)
		for _, text := range []string{"", "two words", "two\nlines", "caf\u00e9", "\x01"} {
			replace(text)
			pass(10 * time.Minute)
		}
		if c.Stats().Delivered != 0 {
			t.Error("delivered without the right token")
		}
		replace("second\n")
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
		defer cancel()
		if err := c.Flush(ctx); err != nil || c.Stats().Delivered != 1 {
			t.Errorf("%v, %+v", err, c.Stats())
		}
		mu.Lock()
		defer mu.Unlock()
		if !slices.Equal(signed, []string{"Bearer first", "Bearer second"}) {
			t.Errorf("requests came with %q", signed)
		}
	})
}
