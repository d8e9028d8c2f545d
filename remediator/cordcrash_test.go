//go:build unix

package remediator

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/makegood/makegood/remediator/andon"
	"github.com/makegood/makegood/remediator/cord"
	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/ledger"
)

// stepTold is a step besides those of the service: somebody who listens has heard.
const stepTold = "told"

const crashCord = "product/TABLE-7"

// errand is what a child does before it kills itself, and what that comes to.
type errand struct {
	Name    string
	Before  []decide.CommandBody // done and sealed
	Command decide.CommandBody   // under way
	Brakes  bool                 // the command stops at once, as the API has it
	Level   string               // in the end
	Steps   []string             // where it dies, by turns
	Passes  int64                // how often it lives through that step before
}

func pulling(by, level, reason string, terms cord.Terms) decide.CommandBody {
	return decide.CommandBody{Command: decide.CommandPull, By: by, Roles: []string{decide.RoleOperator}, Cord: crashCord, Level: level, Reason: reason, Terms: terms}
}

func releasing(by string) decide.CommandBody {
	return decide.CommandBody{Command: decide.CommandRelease, By: by, Roles: []string{decide.RoleOperator}, Cord: crashCord, Cause: "thin packaging", Fix: "thicker packaging"}
}

func errands() []errand {
	red, yellow := pulling("ada", cord.Red, "broken", cord.Terms{}), pulling("bob", cord.Yellow, "odd", cord.Terms{})
	brief := pulling("bob", cord.Yellow, "odd", cord.Terms{AnswerWithin: time.Millisecond})
	all := []string{StepAppended, StepBraked, StepFolded, StepCommitted, stepTold}
	return []errand{
		{"pull", nil, red, true, cord.Red, all, 0},
		{"pull that is refused", nil, pulling("ada", cord.Red, "", cord.Terms{}), true, cord.Open, all[:4], 0},
		{"call that becomes red", []decide.CommandBody{yellow}, red, true, cord.Red, all, 0},
		{"call that nobody answers", nil, brief, false, cord.Red, []string{StepAppended, StepFolded, StepCommitted}, 0},
		{"deadline of a call", nil, brief, false, cord.Red, []string{StepFolded, StepCommitted, stepTold}, 1},
		{"release", []decide.CommandBody{red}, releasing("cy"), false, cord.Open, []string{StepAppended, StepFolded, StepCommitted, stepTold}, 0},
		{"release that is refused", []decide.CommandBody{red}, releasing("ada"), false, cord.Red, []string{StepAppended, StepFolded, StepCommitted}, 0},
		{"pull again after a release", []decide.CommandBody{red, releasing("cy")}, red, true, cord.Red, all, 0},
	}
}

// crashVariable tells a child which errand it is on and where it dies.
const crashVariable = "MAKEGOOD_CORD_CRASH"

// child is what crashVariable holds, in JSON.
type child struct {
	Dir, Errand, Step string
}

// TestMain runs the tests, or an errand when this process is a child of one.
func TestMain(m *testing.M) {
	text := os.Getenv(crashVariable)
	if text == "" {
		os.Exit(m.Run())
	}
	fmt.Fprintln(os.Stderr, runErrand(text)) // it should have died
	os.Exit(1)
}

// TestCordsSurviveKills kills the service with SIGKILL at every step of pulling
// and releasing. The next start must come to what folding its log anew comes to:
// cords, brakes, gates and the ledger.
func TestCordsSurviveKills(t *testing.T) {
	t.Parallel()
	kills := 0
	for _, e := range errands() {
		for _, step := range e.Steps {
			kills++
			t.Run(e.Name+" "+step, func(t *testing.T) {
				t.Parallel()
				dir := t.TempDir()
				text, err := json.Marshal(child{dir, e.Name, step})
				if err != nil {
					t.Fatal(err)
				}
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				cmd := exec.CommandContext(ctx, os.Args[0])
				cmd.Env = append(os.Environ(), crashVariable+"="+string(text))
				said, err := cmd.CombinedOutput()
				var exit *exec.ExitError
				if !errors.As(err, &exit) || ctx.Err() != nil || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
					t.Fatalf("the service ends with %v, want it killed at its step: %s", err, said)
				}
				e.check(t, dir)
			})
		}
	}
	if kills < 30 {
		t.Fatalf("killed %d times: too little was checked", kills)
	}
}

// runErrand runs a service on an errand until it kills itself.
func runErrand(text string) error {
	var c child
	if err := json.Unmarshal([]byte(text), &c); err != nil {
		return err
	}
	e := errands()[slices.IndexFunc(errands(), func(e errand) bool { return e.Name == c.Errand })]
	var armed atomic.Bool
	var passed atomic.Int64
	held := make(chan struct{})
	s, err := New(Config{DataDir: c.Dir, Logger: slog.New(slog.DiscardHandler), OnStep: func(step string) {
		switch {
		case !armed.Load():
		case step == c.Step && passed.Add(1) > e.Passes:
			killSelf()
		case step == StepFolded && c.Step == StepBraked:
			<-held // for ever: the decider is slow
		}
	}})
	if err != nil {
		return err
	}
	go s.Run(context.Background()) //nolint:errcheck // whatever it comes to, the errand does not end as it must
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	for i, command := range e.Before {
		if err := s.give(ctx, fmt.Sprint("command/before-", i), command); err != nil {
			return err
		}
		if err := s.WaitIdle(ctx); err != nil {
			return err
		}
	}
	listener, err := listen(ctx, httptest.NewServer(s).URL)
	if err != nil {
		return err
	}
	armed.Store(true)
	const id = "command/1"
	if err := s.give(ctx, id, e.Command); err != nil {
		return err
	}
	if c.Step == StepAppended {
		killSelf()
	}
	if e.Brakes {
		if err := s.ledger.Brake(ctx, decide.TargetCord(crashCord), id, e.Command.By, time.Now()); err != nil {
			return err
		}
		s.hub.Changed()
	}
	if c.Step == StepBraked {
		killSelf()
	}
	for {
		news, err := listener.Next()
		if err != nil {
			return err
		}
		if c.Step == stepTold && news.Cord != nil && news.Cord.Level == e.Level {
			killSelf()
		}
	}
}

// killSelf ends this process as SIGKILL does, at this instruction.
func killSelf() {
	_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
	select {} // the signal is on its way
}

// check starts the service again and compares what it comes to with the log.
func (e errand) check(t *testing.T, dir string) {
	t.Helper()
	s, err := New(Config{DataDir: dir, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	ctx, stop := context.WithTimeout(t.Context(), time.Minute)
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	server := httptest.NewServer(s)
	defer server.Close()
	e.await(t, ctx, s, server.URL)
	shown := httptest.NewRecorder()
	s.ServeHTTP(shown, httptest.NewRequest(http.MethodGet, "/v1/andon/gates", nil))
	stop()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	log := refoldLog(t, filepath.Join(dir, logFile))
	log.compare(t, s.ledger)
	want := andon.Snapshot{Cords: []andon.Cord{}}
	if e.Level != cord.Open {
		c := log.cord
		want.Cords = append(want.Cords, andon.Cord{Cord: c.Cord, Level: c.Level, Since: time.Unix(0, c.Since).UTC(), Pull: c.Pull})
	}
	text, err := json.Marshal(want)
	if got := strings.TrimSpace(shown.Body.String()); err != nil || got != string(text) {
		t.Errorf("gates are told %s, folding the log anew gives %s (%v)", got, text, err)
	}
	if report, err := s.Verify(t.Context(), ledger.Options{}); err != nil || !report.Verified {
		t.Errorf("the ledger does not verify: %v %v", err, report.Findings)
	}
}

// await waits until the log is decided and the cord is where it must come to.
func (e errand) await(t *testing.T, ctx context.Context, s *Service, url string) {
	t.Helper()
	listener, err := listen(ctx, url) // so that the hub has its first picture
	if err != nil {
		t.Fatal(err)
	}
	for {
		if err := s.WaitIdle(ctx); err != nil {
			t.Fatal(err)
		}
		state, err := s.ledger.Cord(ctx, crashCord)
		if err != nil {
			t.Fatal(err)
		}
		if state == nil && e.Level == cord.Open || state != nil && state.Level == e.Level {
			break
		}
		if _, err := listener.Next(); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.hub.Refresh(ctx); err != nil {
		t.Fatal(err)
	}
}
