package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// spoken is what a command printed so far.
type spoken struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (s *spoken) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.buf.Write(b)
}

// next returns what was printed since it was asked last.
func (s *spoken) next() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	defer s.buf.Reset()
	return s.buf.String()
}

const watchedTests = `tests:
  - name: it calls
    send: [{event: {type: com.example.bad}}]
    expect: [call]
`

// TestWatchRunsTestsAgain changes files under a watch: each change runs the tests
// once, errors are printed and do not end it, an interruption does.
func TestWatchRunsTestsAgain(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("call.yaml", reloadRule)
	write("call_test.yaml", watchedTests)
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		said, done := &spoken{}, make(chan int, 1)
		go func() {
			done <- run(ctx, []string{"rules", "test", "--watch", dir}, strings.NewReader(""), said, said)
		}()
		expect := func(what string, words ...string) {
			t.Helper()
			time.Sleep(3 * testPoll) // one look to see a change, one to see that it is whole
			synctest.Wait()
			got := said.next()
			for _, word := range words {
				if strings.Count(got, word) != 1 {
					t.Errorf("%s: want %q once in\n%s", what, word, got)
				}
			}
			if len(words) == 0 && got != "" {
				t.Errorf("%s: want nothing, got\n%s", what, got)
			}
		}
		expect("at the start", "1 of 1 tests passed", "waiting for a change")
		expect("without a change")
		write("call_test.yaml", strings.Replace(watchedTests, "[call]", "[]", 1))
		expect("a test that fails", "FAIL", "0 of 1 tests passed", "waiting for a change")
		write("call.yaml", strings.Replace(reloadRule, "level", "levle", 1))
		expect("a rule with a mistake", "did you mean level?", "waiting for a change")
		rename := func(from, to string) {
			t.Helper()
			if err := os.Rename(filepath.Join(dir, from), filepath.Join(dir, to)); err != nil {
				t.Fatal(err)
			}
		}
		rename("call.yaml", "call.txt")
		expect("no rule file", "holds no rule file", "waiting for a change")
		expect("still no rule file")
		rename("call.txt", "call.yaml")
		expect("the rule as it was", "did you mean level?", "waiting for a change")
		rename("call.yaml", "call.txt")
		expect("no rule file again", "holds no rule file")
		write("call.yaml", reloadRule)
		write("call_test.yaml", watchedTests)
		expect("all mended", "1 of 1 tests passed")
		cancel()
		if code := <-done; code != exitOK {
			t.Errorf("exit code %d", code)
		}
	})
}
