package crash

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/makegood/makegood/remediator"
	"github.com/makegood/makegood/remediator/rule"
	"github.com/makegood/makegood/remediator/sandbox"
	"github.com/makegood/makegood/sdk"
)

// TestMain runs the tests, or a role when this process is a child of one.
func TestMain(m *testing.M) {
	role, config, isChild := strings.Cut(os.Getenv(roleVariable), " ")
	if !isChild {
		os.Exit(m.Run())
	}
	roles := map[string]func(config []byte) error{
		"sandbox": runSandbox, "emitter": runEmitter, "service": runService, "zombie": runZombie, "told": runTold,
	}
	if err := roles[role]([]byte(config)); err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", role, err)
		os.Exit(1)
	}
}

// sandboxConfig of the provider.
type sandboxConfig struct {
	Listen string
	Seed   uint64
	Quiet  bool // it has no faults, and its network is late only when it is told to
	Bad    bool // three of ten calls go wrong
}

// runSandbox is a provider that misbehaves in every way that it knows, and whose
// network delivers some calls late. The odds let most calls go well, because who
// fails often waits long before the next attempt; the long runs have the time.
func runSandbox(config []byte) error {
	var c sandboxConfig
	if err := json.Unmarshal(config, &c); err != nil {
		return err
	}
	s, err := sandbox.Open(sandbox.Config{})
	if err != nil {
		return err
	}
	if c.Quiet {
		return serve(c.Listen, newLateNetwork(s, nil))
	}
	odds := map[sandbox.Fault]float64{
		sandbox.RateLimit: 0.005, sandbox.InUse: 0.005, sandbox.Unavailable: 0.01, sandbox.Cut: 0.01,
		sandbox.ServerError: 0.01, sandbox.Lost: 0.02, sandbox.Slow: 0.05,
	}
	if c.Bad {
		odds = map[sandbox.Fault]float64{
			sandbox.RateLimit: 0.03, sandbox.InUse: 0.03, sandbox.Unavailable: 0.04, sandbox.Cut: 0.04, sandbox.ServerError: 0.04,
			sandbox.Lost: 0.04, sandbox.Slow: 0.03, sandbox.Delayed: 0.03, sandbox.Pending: 0.02,
		}
	}
	err = s.SetFaults(sandbox.Plan{Seed: c.Seed, SlowMS: 400, RetryAfterS: 1, PendingS: 1, Odds: odds})
	if err != nil {
		return err
	}
	return serve(c.Listen, newLateNetwork(s, rand.New(rand.NewPCG(c.Seed, 1))))
}

// serviceConfig of the service.
type serviceConfig struct {
	DataDir  string
	Database string // empty: files of the folder
	Key      string // file of the ledger's key; empty: in the folder
	Node     string
	Listen   string
	Provider string
	Hook     string // secret of what the provider says; empty: it says nothing
	Rules    string // file below testdata/rules; empty: the rules in force stay
	Telling  remediator.Telling
	DieAt    string // step at which it kills itself; empty: none
	DieNth   int    // the how many-th time, from 1
	Armed    bool   // it counts from when it is told so, on stdin, and says "armed"
	Hold     bool   // nothing is decided while it counts
}

// home is where such a service keeps what it knows.
func (c serviceConfig) home() home { return home{c.DataDir, c.Database} }

// config of the service, but for where it dies.
func (c serviceConfig) config(logs io.Writer) (remediator.Config, error) {
	cfg := remediator.Config{
		DataDir: c.DataDir, Database: c.Database, LedgerKeyFile: c.Key, Node: c.Node, Author: "crash harness", Provider: c.Provider, Telling: c.Telling,
		Matchers: 2, FoldAhead: 1, Logger: slog.New(slog.NewTextHandler(logs, nil)),
	}
	if c.Hook != "" {
		cfg.ProviderHooks = []string{c.Hook}
	}
	if c.Rules == "" {
		return cfg, nil
	}
	text, err := os.ReadFile(filepath.Join("testdata", "rules", c.Rules))
	cfg.Rules = []rule.File{{Path: c.Rules, Text: string(text)}}
	return cfg, err
}

// runService is the service that is killed.
func runService(encoded []byte) error {
	var c serviceConfig
	if err := json.Unmarshal(encoded, &c); err != nil {
		return err
	}
	config, err := c.config(os.Stderr)
	if err != nil {
		return err
	}
	var counts atomic.Bool
	counts.Store(!c.Armed)
	var taken atomic.Int64
	stand := newStandstill()
	config.OnStep = func(step string) {
		stand.reached(step)
		switch {
		case !counts.Load():
		case step == c.DieAt && taken.Add(1) == int64(c.DieNth):
			die()
		case c.Hold && step == remediator.StepFolded:
			select {} // the decider stands still until the process ends
		}
	}
	go stand.obey(map[string]func(){"arm": func() { counts.Store(true); fmt.Println("armed") }})
	service, err := remediator.New(config)
	if err != nil {
		return err
	}
	running, stop := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if err := service.Run(running); err != nil { // it gave up: end, and say so
			fmt.Fprintln(os.Stderr, "service:", err)
			os.Exit(1)
		}
	}()
	err = serve(c.Listen, service)
	stop()
	<-ended
	return errors.Join(err, service.Close())
}

// die ends this process as SIGKILL does, at this instruction.
func die() {
	if self, err := os.FindProcess(os.Getpid()); err == nil {
		_ = self.Kill()
	}
	select {} // the signal is on its way
}

// emitterConfig of the application.
type emitterConfig struct {
	URL  string
	Seed uint64
	Rate int // events a second
}

// emitted is what the application reports at its end.
type emitted struct {
	Events int
	Report makegood.Report
}

// runEmitter is an application that emits a workload through the SDK until its
// stdin is closed. It says "acked" when the service has taken the first event.
func runEmitter(config []byte) error {
	var c emitterConfig
	if err := json.Unmarshal(config, &c); err != nil {
		return err
	}
	client, err := makegood.New("parcels", makegood.URL(c.URL), makegood.FlushEvery(20*time.Millisecond), makegood.MaxBatch(20))
	if err != nil {
		return err
	}
	closed := make(chan struct{})
	go func() {
		defer close(closed)
		_, _ = io.Copy(io.Discard, os.Stdin)
	}()
	fmt.Println("ready")
	beat := time.NewTicker(time.Second / time.Duration(c.Rate))
	defer beat.Stop()
	n, acked := 0, false
	for open := true; open; {
		select {
		case <-closed:
			open = false
		case <-beat.C:
			if emit(client, parcelAt(c.Seed, n)) == nil {
				n++
			}
			if !acked && client.Stats().Delivered > 0 {
				acked = true
				fmt.Println("acked")
			}
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	report, err := client.Shutdown(ctx)
	if err != nil {
		return err
	}
	line, err := json.Marshal(emitted{Events: n, Report: report})
	fmt.Println("emitted", string(line))
	return err
}

func emit(client *makegood.Client, p parcel) error {
	return client.TryEmit(context.Background(), parcelType,
		makegood.ID(p.ID), makegood.Customer(p.Customer), makegood.Subject("order/"+p.Order),
		makegood.String("order", p.Order), makegood.String("payment", p.Payment), makegood.String("hub", p.Hub),
		makegood.Money("paid", fmt.Sprintf("%d.%02d USD", p.Paid/100, p.Paid%100)), makegood.Int("late_min", p.Late))
}

// serve says "ready" when it listens, and ends when it is asked to.
func serve(address string, handler http.Handler) error {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	server := &http.Server{Handler: handler, ReadHeaderTimeout: time.Second}
	asked, done := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer done()
	fmt.Println("ready")
	go func() {
		<-asked.Done()
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		_ = server.Shutdown(ctx)
	}()
	if err := server.Serve(listener); err != http.ErrServerClosed {
		return err
	}
	return nil
}
