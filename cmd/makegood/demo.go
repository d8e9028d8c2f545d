package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/makegood/makegood/examples/flights"
	"github.com/makegood/makegood/remediator"
	"github.com/makegood/makegood/remediator/ledger"
	"github.com/makegood/makegood/remediator/money"
	"github.com/makegood/makegood/remediator/rehearse"
	"github.com/makegood/makegood/remediator/rule"
	"github.com/makegood/makegood/remediator/sandbox"
	"github.com/makegood/makegood/remediator/serving"
	"github.com/makegood/makegood/sdk"
)

type demoCommand struct {
	DataDir string `type:"path" help:"Folder to keep everything in, so that another run goes on. Without it a temporary one."`
	Listen  string `default:"127.0.0.1:0" help:"Address of the service, on this machine only: it asks for no token."`
	Keep    bool   `help:"Leave the service running at the end."`
	Output  string `enum:"table,json" default:"table" help:"table or json."`
}

// demoSummary is what the demo prints at the end.
type demoSummary struct {
	Events   int               `json:"events"`
	Remedies map[string]int    `json:"remedies"`
	Refunded map[string]string `json:"refunded"`
	Credited map[string]string `json:"credited"`
	Pulls    int               `json:"pulls"`
	Cords    int               `json:"cords"`
	Provider demoProvider      `json:"provider"`
	Ledger   demoLedger        `json:"ledger"`
	Seconds  float64           `json:"seconds"`
}

type demoProvider struct {
	Refunds    int               `json:"refunds"`
	Total      map[string]string `json:"total"`
	Duplicates int               `json:"duplicates"`
}

type demoLedger struct {
	Size       uint64 `json:"size"`
	Verified   bool   `json:"verified"`
	Checkpoint string `json:"-"` // root of the tree, for people
}

// demo is the running parts: a provider, a service, and the way to end them.
type demo struct {
	dir      string
	provider *sandbox.Sandbox
	service  *remediator.Service
	url      string
	stop     func() error
}

// Run runs provider, service and airline, and says what came of it.
func (c *demoCommand) Run(p *program) error {
	began := time.Now()
	dir, remove, err := c.folder()
	if err != nil {
		return err
	}
	defer remove()
	playing, fail := context.WithCancelCause(p.ctx)
	defer fail(nil)
	d, err := startDemo(playing, fail, dir, c.Listen)
	if err != nil {
		return err
	}
	summary, err := d.play(playing, p)
	if err != nil {
		stopped := d.stop()
		if p.ctx.Err() == nil && stopped != nil && playing.Err() != nil {
			return stopped // why the service or the provider ended, and with it all else
		}
		return errors.Join(c.interrupted(p, err), stopped)
	}
	summary.Seconds = time.Since(began).Round(time.Millisecond).Seconds()
	agreed := summary.agrees()
	if c.Output == "json" {
		err = printJSON(p.stdout, summary)
	} else {
		err = summary.print(p.stdout)
	}
	if err == nil && c.Keep && p.ctx.Err() == nil {
		c.keep(p, d)
	}
	if err := errors.Join(err, d.stop()); err != nil {
		return err
	}
	if !agreed {
		fmt.Fprintln(p.stderr, "makegood: provider and ledger do not agree, or the ledger does not verify")
		return errChecked
	}
	return nil
}

// folder returns the folder to work in, and how to take it away.
func (c *demoCommand) folder() (dir string, remove func(), err error) {
	if c.DataDir != "" {
		return c.DataDir, func() {}, nil
	}
	dir, err = os.MkdirTemp("", "makegood-demo-")
	if err != nil {
		return "", nil, fmt.Errorf("make temporary folder: %w", err)
	}
	return dir, func() { os.RemoveAll(dir) }, nil
}

// interrupted says what an interrupted run leaves behind.
func (c *demoCommand) interrupted(p *program, err error) error {
	if p.ctx.Err() == nil {
		return err
	}
	if c.DataDir != "" {
		fmt.Fprintf(p.stderr, "\ninterrupted; nothing is lost. Run the same command again to go on in %s\n", c.DataDir)
	} else {
		fmt.Fprintln(p.stderr, "\ninterrupted; with --data-dir another run goes on where this one ended")
	}
	return errChecked
}

func (c *demoCommand) keep(p *program, d *demo) {
	fmt.Fprintf(p.stderr, `
The service goes on at %s. Try, in another terminal:

  %[3]s andon list --url %[1]s
  %[3]s remedies list --url %[1]s
  %[3]s status --url %[1]s
  %[3]s audit verify --data-dir %[2]s

Ctrl-C ends it.
`, d.url, d.dir, ourselves())
	<-p.ctx.Done()
}

// startDemo starts provider and service on loopback. fail hears when one of them
// ends by itself, because its disk is full for example.
func startDemo(ctx context.Context, fail context.CancelCauseFunc, dir, listen string) (*demo, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make data folder: %w", err)
	}
	files, err := demoRules()
	if err != nil {
		return nil, err
	}
	provider, err := sandbox.Open(sandbox.Config{File: filepath.Join(dir, "sandbox.jsonl")})
	if err != nil {
		return nil, err
	}
	providerAt, stopProvider, err := background(ctx, fail, "127.0.0.1:0", func() (http.Handler, error) { return provider, nil })
	if err != nil {
		return nil, errors.Join(err, provider.Close())
	}
	d := &demo{dir: dir, provider: provider}
	at, stopService, err := background(ctx, fail, listen, func() (http.Handler, error) {
		d.service, err = remediator.New(remediator.Config{
			DataDir: dir, Rules: files, Author: "makegood demo", Provider: "http://" + providerAt, EventClock: true,
			// What goes well shows in the bar; why something waits must not be hidden.
			Logger: slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn})),
		})
		return d.service, err
	})
	if err != nil {
		return nil, errors.Join(err, stopProvider(), provider.Close())
	}
	d.url = "http://" + at
	d.stop = func() error {
		return errors.Join(stopService(), d.service.Close(), stopProvider(), provider.Close())
	}
	return d, nil
}

func demoRules() ([]rule.File, error) {
	files, err := readFilesFrom(flights.Rules(), ".", isRuleFolderFile)
	rules, _ := rehearse.Split(files)
	return rules, err
}

// play emits the flights and waits until everything that follows is done.
func (d *demo) play(ctx context.Context, p *program) (*demoSummary, error) {
	client, err := makegood.New("airline", makegood.URL(d.url), makegood.Source(flights.Source), makegood.MaxInFlight(1),
		makegood.Logger(slog.New(slog.DiscardHandler))) // a service that goes on first is busy, which is nothing to warn of
	if err != nil {
		return nil, err
	}
	// At the end nothing is left to send, and after an interrupt nothing is waited for.
	defer func() { _, _ = client.Shutdown(ctx) }()
	bar := newProgress(p.stderr, "flights", 0)
	sent := 0
	err = flights.Emit(ctx, client, func(n, total int) {
		bar.total, sent = total, n
		bar.set(n)
	})
	if err != nil {
		bar.done()
		return nil, err
	}
	bar.what = "waiting for the last refunds"
	if err := d.service.WaitIdle(ctx); err != nil {
		bar.done()
		return nil, err
	}
	bar.done()
	return d.summarise(ctx, sent)
}

// summarise asks the ledger and the provider, each for itself.
func (d *demo) summarise(ctx context.Context, events int) (*demoSummary, error) {
	totals, err := d.service.Totals(ctx)
	if err != nil {
		return nil, err
	}
	report, err := d.service.Verify(ctx, ledger.Options{})
	if err != nil {
		return nil, err
	}
	refunds := d.provider.Summary()
	s := &demoSummary{
		Events: events, Remedies: totals.Remedies, Refunded: amounts(totals.Refunded), Credited: amounts(totals.Credited),
		Pulls: totals.Pulls, Cords: totals.Cords,
		Provider: demoProvider{Refunds: refunds.Refunds, Total: amounts(refunds.Totals), Duplicates: refunds.Duplicates},
	}
	s.Ledger.Size, s.Ledger.Verified, s.Ledger.Checkpoint = report.Size, report.Verified, report.Root
	return s, nil
}

func amounts(minor map[string]int64) map[string]string {
	out := map[string]string{}
	for currency, n := range minor {
		out[currency] = money.Money{Minor: n, Currency: currency}.Amount()
	}
	return out
}

// agrees reports whether the provider refunded what the ledger says, to the cent.
func (s *demoSummary) agrees() bool {
	if s.Provider.Duplicates > 0 || !s.Ledger.Verified || len(s.Provider.Total) != len(s.Refunded) {
		return false
	}
	for currency, amount := range s.Refunded {
		if s.Provider.Total[currency] != amount {
			return false
		}
	}
	return true
}

func (s *demoSummary) print(w io.Writer) error {
	fmt.Fprintf(w, "\n%d flights of 1 and 2 January 2001 arrived. Nobody had to complain:\n\n", s.Events)
	rows := [][]string{}
	for _, name := range sortedKeys(s.Remedies) {
		rows = append(rows, []string{"  " + name, fmt.Sprint(s.Remedies[name])})
	}
	if err := printTable(w, []string{"  rule", "remedies"}, rows); err != nil {
		return err
	}
	check := "and the provider agrees to the cent"
	if !s.agrees() {
		check = "BUT THE PROVIDER AND THE LEDGER DO NOT AGREE"
	}
	verified := "verified"
	if !s.Ledger.Verified {
		verified = "NOT VERIFIED"
	}
	_, err := fmt.Fprintf(w, `
  refunded   %s, %s
  credited   %s
  andon      %d cords pulled red, so that nobody sells what is broken
  ledger     %d entries, %s
  checkpoint %s
  provider   %d refunds, %d of them twice
  took       %.1f s

What next: '%s demo --keep' leaves the service running; README.md has the tour.
`, sums(s.Refunded), check, sums(s.Credited), s.Cords, s.Ledger.Size, verified, s.Ledger.Checkpoint,
		s.Provider.Refunds, s.Provider.Duplicates, s.Seconds, ourselves())
	return err
}

// ourselves is how this program is called: who tries it first has not installed it.
func ourselves() string {
	if _, err := exec.LookPath("makegood"); err != nil {
		return "go run ./cmd/makegood"
	}
	return "makegood"
}

func sums(amounts map[string]string) string {
	var texts []string
	for _, currency := range sortedKeys(amounts) {
		texts = append(texts, amounts[currency]+" "+currency)
	}
	if texts == nil {
		return "nothing"
	}
	return strings.Join(texts, " and ")
}

// background serves a handler on an address of its own and, when it is a
// service, runs it. stop ends both; fail hears when they end by an error.
func background(ctx context.Context, fail context.CancelCauseFunc, listen string, open func() (http.Handler, error)) (address string, stop func() error, err error) {
	listener, err := net.Listen("tcp", listen)
	if err != nil {
		return "", nil, fmt.Errorf("listen: %w", err)
	}
	if !serving.Loopback(listener.Addr()) {
		return "", nil, errors.Join(listener.Close(), fmt.Errorf(
			"listen on %s: the demo asks for no token, so it is for this machine only: give --listen an address like 127.0.0.1:8080", listen))
	}
	handler, err := open()
	if err != nil {
		return "", nil, errors.Join(err, listener.Close())
	}
	work := func(ctx context.Context) error {
		<-ctx.Done()
		return nil
	}
	if service, ok := handler.(interface{ Run(context.Context) error }); ok {
		work = service.Run
	}
	// An interrupt ends the airline first; the rest is ended by stop.
	running, cancel := context.WithCancel(context.WithoutCancel(ctx))
	done := make(chan error, 1)
	go func() {
		err := serving.Serve(running, listener, handler, work)
		if err != nil {
			fail(err)
		}
		done <- err
	}()
	return listener.Addr().String(), func() error {
		cancel()
		return <-done
	}, nil
}
