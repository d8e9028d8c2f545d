package main

import (
	"bufio"
	"context"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"
)

const reloadRule = `rules:
  - rule: call
    owner: o
    why: w
    event: com.example.bad
    do:
      - andon: {pull: "line/a", level: yellow, reason: look}
    mode: live
`

// TestServeReadsRulesAgain changes the rules of a running service: a change is
// put in force, a mistake is printed and keeps the rules in force, and a hang-up
// asks at once.
func TestServeReadsRulesAgain(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write := func(text string) {
		if err := os.WriteFile(filepath.Join(dir, "call.yaml"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(reloadRule)
	ctx, cancel := context.WithCancel(t.Context())
	r, w := io.Pipe()
	done := make(chan int, 1)
	go func() {
		done <- run(ctx, []string{"serve", "--data-dir", t.TempDir(), "--rules", dir, "--listen", "127.0.0.1:0", "--no-sign-in"}, strings.NewReader(""), io.Discard, w)
		w.Close()
	}()
	said := make(chan string, 100)
	go func() {
		for lines := bufio.NewScanner(r); lines.Scan(); {
			said <- lines.Text()
		}
		close(said)
	}()
	await := func(text string) {
		t.Helper()
		limit := time.After(30 * time.Second)
		for {
			select {
			case line, open := <-said:
				if strings.Contains(line, text) {
					return
				}
				if !open {
					t.Fatalf("the service ended and never said %q", text)
				}
			case <-limit:
				t.Fatalf("the service never said %q", text)
			}
		}
	}
	await("makegood listens on")
	write(strings.Replace(reloadRule, "look", "look at it", 1))
	await("new rules are in force")
	write(strings.Replace(reloadRule, "yellow", "orange", 1))
	await("call.yaml:7:40: error: level:")
	await("the rules in force stay")
	write(strings.Replace(reloadRule, "look", "look at it", 1))
	if runtime.GOOS != "windows" { // where nobody hangs up
		self, err := os.FindProcess(os.Getpid())
		if err == nil {
			err = self.Signal(syscall.SIGHUP)
		}
		if err != nil {
			t.Fatal(err)
		}
		await("the rules are in force as they are")
	}
	if err := os.Remove(filepath.Join(dir, "call.yaml")); err != nil {
		t.Fatal(err)
	}
	await("holds no rule file")
	cancel()
	if code := <-done; code != exitOK {
		t.Errorf("exit code %d", code)
	}
}
