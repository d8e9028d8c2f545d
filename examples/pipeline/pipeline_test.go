package main

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/makegood/makegood/sdk"
)

// asProgram has the test's own program be the pipeline, so that a signal reaches
// one and its exit code is seen.
const asProgram = "PIPELINE_TEST_RUNS_MAIN"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		main()
	}
	os.Exit(m.Run())
}

func TestExitCodes(t *testing.T) {
	t.Parallel()
	const nobody = "http://127.0.0.1:1"
	for name, c := range map[string]struct {
		pipeline
		code int
		says []string
	}{
		"nothing fails": {pipeline{mode: makegood.FailClosed, failing: "none"}, done, []string{"canary   release 42 is deployed", "america  release 42 is deployed"}},
		"red":           {pipeline{mode: makegood.FailOpen, failing: "canary", bake: time.Minute}, stopped, []string{"europe   STOPPED: pipeline/prod is closed (fail open): cord pipeline/prod is red, direct"}},
		"red at the end": {pipeline{mode: makegood.LastKnown, failing: "america", bake: 3 * time.Second}, stopped, []string{
			"america  release 42 is deployed", "the end  STOPPED: pipeline/prod is closed"}},
		"unknown, fail closed": {pipeline{mode: makegood.FailClosed, url: nobody}, unknown, []string{"canary   UNKNOWN, and fail closed means stop: ", "connection refused"}},
		"unknown, fail open": {pipeline{mode: makegood.FailOpen, url: nobody}, done, []string{
			"canary   unknown, and fail open means go on: ", "america  release 42 is deployed"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var out strings.Builder
			c.hear, c.out = 30*time.Second, &out
			if c.url == nobody {
				c.hear = 100 * time.Millisecond
			}
			code, err := c.run(t.Context())
			if err != nil || code != c.code {
				t.Errorf("it ends with %d and %v, want %d", code, err, c.code)
			}
			for _, line := range c.says {
				if !strings.Contains(out.String(), line) {
					t.Errorf("it does not say %q", line)
				}
			}
			if t.Failed() {
				t.Log(out.String())
			}
		})
	}
}

// TestGoesOnAfterRelease stops after the canary, releases the cord in the way that
// the pipeline prints, and waits for the end.
func TestGoesOnAfterRelease(t *testing.T) {
	t.Parallel()
	says, out := io.Pipe()
	p := pipeline{mode: makegood.FailClosed, failing: "canary", hear: 30 * time.Second, bake: 2 * time.Second, wait: time.Minute, out: out}
	ended := make(chan int, 1)
	go func() {
		code, err := p.run(t.Context())
		if err != nil {
			t.Error(err)
		}
		out.Close()
		ended <- code
	}()
	lines, text := bufio.NewScanner(says), ""
	for lines.Scan() {
		text += lines.Text() + "\n"
		release := regexp.MustCompile(`curl (\S+) -d '(.*)'`).FindStringSubmatch(lines.Text())
		if release == nil {
			continue
		}
		answer, err := http.Post(release[1], "application/json", strings.NewReader(release[2]))
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		if answer.StatusCode != http.StatusOK {
			t.Fatalf("%s answers %s", release[0], answer.Status)
		}
	}
	if code := <-ended; code != done || !regexp.MustCompile(`(?s)canary .* STOPPED.*europe   release 42 is deployed.*america  release 42`).MatchString(text) {
		t.Errorf("it ends with %d:\n%s", code, text)
	}
}

// TestInterrupted presses Ctrl-C while the pipeline waits for a release.
func TestInterrupted(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	folder := t.TempDir()
	program := exec.CommandContext(ctx, os.Args[0], "-bake", "30s")
	program.Env = append(os.Environ(), asProgram+"=1", "TMPDIR="+folder, "MAKEGOOD_URL=")
	says, err := program.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := program.Start(); err != nil {
		t.Fatal(err)
	}
	for lines := bufio.NewScanner(says); lines.Scan(); {
		if strings.Contains(lines.Text(), "release it") {
			if err := program.Process.Signal(os.Interrupt); err != nil {
				t.Error(err)
			}
		}
	}
	err = program.Wait()
	if code := program.ProcessState.ExitCode(); code != stopped {
		t.Errorf("it ends with %d, %v", code, err)
	}
	if left, err := os.ReadDir(folder); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}
