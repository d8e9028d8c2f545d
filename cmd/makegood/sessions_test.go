package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/makegood/makegood/remediator/problem"
)

// signedInService is a service whose sessions are all of ann. Each time that they were
// listed, changed may end some, and have ann sign in again.
func signedInService(t *testing.T, sessions []string, changed func(listed int, sessions []string) []string) (address string, left func() []string) {
	t.Helper()
	listed := 0
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/sessions", func(w http.ResponseWriter, r *http.Request) {
		var shown []string
		for _, s := range sessions {
			shown = append(shown, fmt.Sprintf(`{"session":%q,"name":"ann"}`, s))
		}
		fmt.Fprintf(w, `{"sessions":[{"session":"other","name":"bob"},%s]}`, strings.Join(append(shown, `{"session":"last","name":"bob"}`), ","))
		listed++
		sessions = changed(listed, sessions)
	})
	mux.HandleFunc("POST /v1/sessions/{session}/end", func(w http.ResponseWriter, r *http.Request) {
		i := slices.Index(sessions, r.PathValue("session"))
		if i < 0 {
			problem.Write(w, http.StatusNotFound, "not-found", "nobody is signed in under this name of a session")
			return
		}
		sessions = slices.Delete(sessions, i, i+1)
		fmt.Fprintf(w, `{"session":%q,"name":"ann"}`, r.PathValue("session"))
	})
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return server.URL, func() []string { return sessions }
}

// TestEndAllSessions holds that all sessions of somebody end, whichever end by themselves
// meanwhile and whoever signs in again, and that it is said when they never stop.
func TestEndAllSessions(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name           string
		changed        func(listed int, sessions []string) []string
		code           int
		stdout, stderr string
	}{
		{"one ends by itself", func(listed int, sessions []string) []string {
			return slices.DeleteFunc(sessions, func(s string) bool { return s == "a" })
		}, exitOK, "session a of ann had ended before\nsession b of ann has ended\nsession c of ann has ended\n", ""},
		{"all end by themselves", func(int, []string) []string { return nil },
			exitOK, "session a of ann had ended before\nsession b of ann had ended before\nsession c of ann had ended before\n", ""},
		{"ann signs in again", func(listed int, sessions []string) []string {
			if listed == 1 {
				return append(sessions, "d")
			}
			return sessions
		}, exitOK, "session a of ann has ended\nsession b of ann has ended\nsession c of ann has ended\nsession d of ann has ended\n", ""},
		{"ann never stops", func(listed int, sessions []string) []string { return append(sessions, fmt.Sprint("again", listed)) },
			exitFailed, "session again9 of ann has ended\n", "makegood: ann signs in again and again: revoke their token first, or take their group away at the provider\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			address, left := signedInService(t, []string{"a", "b", "c"}, c.changed)
			var stdout, stderr strings.Builder
			code := run(t.Context(), []string{"sessions", "end", "--of", "ann", "--url", address}, strings.NewReader(""), &stdout, &stderr)
			if code != c.code || !strings.HasSuffix(stdout.String(), c.stdout) || stderr.String() != c.stderr {
				t.Errorf("code %d, stdout %q, stderr %q", code, stdout.String(), stderr.String())
			}
			if code == exitOK && len(left()) != 0 {
				t.Errorf("%q are left", left())
			}
		})
	}
}
