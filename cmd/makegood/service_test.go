package main

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// pausing runs pause against a service that answers as told, the last answer again
// and again. It returns the exit code, what was
// printed, and the keys of the requests.
func pausing(t *testing.T, answers ...func(w http.ResponseWriter)) (code int, stdout, stderr string, keys []string) {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		keys = append(keys, r.Header.Get("Idempotency-Key"))
		answers[min(len(keys), len(answers))-1](w)
	}))
	defer server.Close()
	var out, problems strings.Builder
	code = run(t.Context(), []string{"pause", "--all-money", "--url", server.URL}, strings.NewReader(""), &out, &problems)
	return code, out.String(), problems.String(), keys
}

func hangUp(http.ResponseWriter) { panic(http.ErrAbortHandler) }

func answering(status int, body string) func(http.ResponseWriter) {
	return func(w http.ResponseWriter) {
		w.WriteHeader(status)
		fmt.Fprint(w, body)
	}
}

// TestCommandIsRepeatedAsItself holds that a command of which nobody knows whether
// it arrived is given again under the key of the first, and that one which was
// answered is not.
func TestCommandIsRepeatedAsItself(t *testing.T) {
	t.Parallel()
	const problem = `{"type":"urn:makegood:problem:x","detail":"not today"}`
	for _, c := range []struct {
		name           string
		answers        []func(http.ResponseWriter)
		code, requests int
		stdout, stderr string
	}{
		{"carried out", []func(http.ResponseWriter){answering(200, `{"target":"money"}`)}, exitOK, 1, "money is stopped", ""},
		{"lost once", []func(http.ResponseWriter){hangUp, answering(200, `{"target":"money"}`)}, exitOK, 2, "money is stopped", ""},
		{"unavailable for a while", []func(http.ResponseWriter){answering(503, problem), answering(503, problem), answering(200, `{}`)}, exitOK, 3, "money is stopped", ""},
		{"always lost", []func(http.ResponseWriter){hangUp}, exitFailed, tries, "", "ask service"},
		{"always unavailable", []func(http.ResponseWriter){answering(503, problem)}, exitFailed, tries, "", "503 Service Unavailable: not today"},
		{"refused", []func(http.ResponseWriter){answering(409, problem)}, exitFailed, 1, "", "makegood: money: not today\n"},
		{"no role", []func(http.ResponseWriter){answering(403, problem)}, exitFailed, 1, "", "makegood: money: not today\n"},
		{"not decided yet", []func(http.ResponseWriter){answering(202, `{"id":"command/ann/1","status":"accepted","ask":"/v1/commands?id=1"}`)}, exitOK, 1,
			"money: accepted; not decided yet, ask GET /v1/commands?id=1", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			code, stdout, stderr, keys := pausing(t, c.answers...)
			if code != c.code || !strings.Contains(stdout, c.stdout) || !strings.Contains(stderr, c.stderr) || len(keys) != c.requests {
				t.Fatalf("code %d after %d requests, stdout %q, stderr %q", code, len(keys), stdout, stderr)
			}
			for _, key := range keys {
				if key == "" || key != keys[0] {
					t.Errorf("the keys are %q, want the same each time", keys)
				}
			}
		})
	}
}

// TestOwnersSocket holds that only its owner can open the socket of a data folder,
// that it takes the place of a stale one, and that it goes away.
func TestOwnersSocket(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("Windows does not keep others from a socket, so there is none")
	}
	dir, err := os.MkdirTemp("", "s") // a test's own folder has too long a path on some systems
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	for range 2 { // the second finds what the first one left
		listener, err := listenOwner(dir)
		if err != nil {
			t.Fatal(err)
		}
		name := filepath.Join(dir, socketName)
		if info, err := os.Stat(name); err != nil || info.Mode().Perm() != 0o600 || info.Mode().Type() != os.ModeSocket {
			t.Fatalf("the socket is %v, %v", info, err)
		}
		if entries, err := os.ReadDir(dir); err != nil || len(entries) != 1 {
			t.Errorf("the folder holds %v, %v, want the socket alone", entries, err)
		}
		go func() {
			conn, err := listener.Accept()
			if err == nil {
				_, err = io.WriteString(conn, "here")
				err = errors.Join(err, conn.Close())
			}
			if err != nil {
				t.Error(err)
			}
		}()
		conn, err := net.Dial("unix", name)
		if err != nil {
			t.Fatal(err)
		}
		if text, err := io.ReadAll(conn); string(text) != "here" {
			t.Errorf("the socket says %q, %v", text, err)
		}
		if err := listener.Close(); err != nil {
			t.Error(err)
		}
		if _, err := os.Stat(name); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("after its end the socket is there: %v", err)
		}
		if err := os.WriteFile(name, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func TestSocketPathIsBounded(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), strings.Repeat("x", maxSocketPath))
	if _, err := listenOwner(dir); err == nil {
		t.Error("a path that is too long for a socket was taken")
	}
}
