// Command pipeline is a deployment that stops by itself: it asks the gate
// pipeline/prod before each stage and while a stage bakes. See README.md.
package main

import (
	"context"
	_ "embed"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/makegood/makegood/remediator"
	"github.com/makegood/makegood/remediator/rule"
	"github.com/makegood/makegood/sdk"
)

//go:embed rules/failing-checks.yaml
var failingChecks string

// Exit codes, those of `makegood andon gate`.
const (
	done    = 0 // the release is everywhere
	broken  = 1 // something is wrong with the pipeline itself
	stopped = 3
	unknown = 4 // nobody knows, and the mode of the gate says that this means stop
)

// pipeline brings one release to one stage after the other.
type pipeline struct {
	url, failing     string
	mode             makegood.Mode
	hear, bake, wait time.Duration
	out              io.Writer
}

func main() {
	p := pipeline{out: os.Stdout}
	flag.StringVar(&p.url, "url", os.Getenv("MAKEGOOD_URL"), "address of the service; without one the pipeline starts its own")
	flag.TextVar(&p.mode, "mode", makegood.FailClosed, "what counts when nobody can be asked: last-known, fail-open or fail-closed")
	flag.StringVar(&p.failing, "failing", "canary", "stage after which checks fail")
	flag.DurationVar(&p.hear, "hear", 5*time.Second, "how long to wait for the service before the first stage")
	flag.DurationVar(&p.bake, "bake", 2*time.Second, "how long to watch a stage before the next")
	flag.DurationVar(&p.wait, "wait", time.Hour, "how long to wait for a release of the cord; 0 stops at once")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code, err := p.run(ctx)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "pipeline:", err)
	}
	os.Exit(code)
}

// run deploys to every stage that the gate lets through.
func (p *pipeline) run(ctx context.Context) (code int, err error) {
	quiet := slog.New(slog.DiscardHandler)
	if p.url == "" {
		service, wrong := remediator.Start(context.WithoutCancel(ctx), remediator.Config{ // it outlives Ctrl-C by what is left to tell
			Rules: []rule.File{{Path: "failing-checks.yaml", Text: failingChecks}}, Logger: quiet}, "127.0.0.1:0")
		if wrong != nil {
			return broken, wrong
		}
		defer func() { err = errors.Join(err, service.Close()) }()
		p.url = service.URL
	}
	mg, err := makegood.New("pipeline", makegood.URL(p.url), makegood.Logger(quiet))
	if err != nil {
		return broken, err
	}
	defer mg.Close()
	gate := mg.Gate("pipeline/prod", p.mode)
	limit, cancel := context.WithTimeout(ctx, p.hear)
	defer cancel()
	_ = mg.WaitReady(limit)                // whoever is not heard is asked all the same: the mode says what that means
	failed := map[string]int{p.failing: 3} // of 20 checks
	for _, stage := range []string{"canary", "europe", "america"} {
		if code := p.pass(ctx, gate, stage); code != done {
			return code, nil
		}
		fmt.Fprintf(p.out, "%-8s release 42 is deployed\n", stage)
		mg.Emit(ctx, "com.example.release.checked", makegood.Subject("release/42"), makegood.String("release", "42"),
			makegood.String("stage", stage), makegood.Int("checks", 20), makegood.Int("failed", failed[stage]))
		await(ctx, gate, true, p.bake) // no longer than until it is stopped
	}
	return p.pass(ctx, gate, "the end"), nil // red in the last stage is red
}

// pass asks the gate before a stage, and returns done when it may begin. While the
// cord is red it waits for its release.
func (p *pipeline) pass(ctx context.Context, gate *makegood.Gate, stage string) (code int) {
	red := func(s makegood.GateState) bool { return s.Closed && s.Level == "red" }
	if s := gate.State(); red(s) {
		fmt.Fprintf(p.out, "%-8s STOPPED: %s\n", stage, s)
		fmt.Fprintf(p.out, "%-8s release it: curl %s/v1/andon/release -d '{\"cord\":%q,\"cause\":\"…\",\"fix\":\"…\"}'\n", "", p.url, s.Cord)
		await(ctx, gate, false, p.wait)
	}
	switch s := gate.State(); {
	case ctx.Err() != nil || red(s):
		return stopped
	case s.Closed:
		fmt.Fprintf(p.out, "%-8s UNKNOWN, and %s means stop: %s\n", stage, s.Mode, s.Problem)
		return unknown
	case s.Freshness != "known":
		fmt.Fprintf(p.out, "%-8s unknown, and %s means go on: %s\n", stage, s.Mode, s.Problem)
	}
	return done
}

// await waits until the gate is closed, or open, no longer than that.
func await(ctx context.Context, gate *makegood.Gate, closed bool, within time.Duration) {
	limit, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	_ = gate.Await(limit, closed)
}
