package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/makegood/makegood/remediator"
	"github.com/makegood/makegood/remediator/rule"
)

// Time limits of the HTTP server: a slow or silent client must not hold it.
const (
	readHeaderTimeout = 5 * time.Second
	readTimeout       = 60 * time.Second
	writeTimeout      = 60 * time.Second
	idleTimeout       = 2 * time.Minute
	maxHeader         = 64 << 10
	shutdownTimeout   = 20 * time.Second
)

type serveCommand struct {
	DataDir     string `required:"" env:"MAKEGOOD_DATA_DIR" help:"Folder of the log and the ledger; made when it is new."`
	Rules       string `env:"MAKEGOOD_RULES" help:"Folder of rule files, read again when one changes and on SIGHUP. Without it the rules in force stay."`
	Listen      string `env:"MAKEGOOD_LISTEN" default:"127.0.0.1:8080" help:"Address to listen on."`
	Provider    string `env:"MAKEGOOD_PROVIDER" help:"Base URL of the refund provider (Stripe's wire format). Without it refunds wait."`
	ProviderKey string `env:"MAKEGOOD_PROVIDER_KEY_FILE" help:"File with the provider's secret key." type:"path" name:"provider-key-file"`
	Clock       string `enum:"log,events" default:"log" help:"log: the machine's clock. events: the events' own time, for history."`
	telling
}

// Run serves until it is told to stop.
func (c *serveCommand) Run(p *program) error {
	logger := slog.New(slog.NewTextHandler(p.stderr, nil))
	config := remediator.Config{DataDir: c.DataDir, Provider: c.Provider, EventClock: c.Clock == "events", Logger: logger}
	var err error
	if config.Telling, err = c.telling.config(); err != nil {
		return err
	}
	if c.ProviderKey != "" {
		key, err := os.ReadFile(c.ProviderKey)
		if err != nil {
			return fmt.Errorf("read provider key: %w", err)
		}
		if config.ProviderKey = strings.TrimSpace(string(key)); config.ProviderKey == "" {
			return fmt.Errorf("read provider key: %s is empty", c.ProviderKey)
		}
	}
	if c.Rules != "" {
		files, err := readRules(c.Rules)
		if err != nil {
			return err
		}
		if err := checkRules(p, c.Rules, files); err != nil {
			return err
		}
		config.Rules, config.Author = files, "files in "+c.Rules
	}
	listener, err := net.Listen("tcp", c.Listen)
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	if config.LocalNames = loopback(listener.Addr()); !config.LocalNames {
		if err := c.tokens(p, &config); err != nil {
			return errors.Join(err, listener.Close())
		}
	}
	service, err := remediator.New(config)
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	fmt.Fprintf(p.stderr, "makegood listens on http://%s, data in %s\n", listener.Addr(), c.DataDir)
	work := service.Run
	if c.Rules != "" {
		work = func(ctx context.Context) error {
			watching, stop := context.WithCancel(ctx)
			defer stop()
			go watchRules(watching, p, c.Rules, config.Rules, service, logger)
			return service.Run(ctx)
		}
	}
	owner := []net.Listener{}
	if socket, err := listenOwner(c.DataDir); err != nil {
		logger.Warn("commands need --url, since --data-dir does not reach this service", slog.Any("error", err))
	} else {
		owner = append(owner, socket)
	}
	return errors.Join(serve(p.ctx, listener, byConnection(service), work, owner...), service.Close())
}

// checkRules refuses bad rules by the paths that lead to them: the service knows
// rule files by their paths below their folder, which are the same everywhere.
func checkRules(p *program, dir string, files []rule.File) error {
	named := slices.Clone(files)
	for i := range named {
		named[i].Path = path.Join(filepath.ToSlash(dir), named[i].Path)
	}
	if _, problems := rule.Check(named); problems.Failed() {
		printProblems(p.stderr, problems)
		return errChecked
	}
	return nil
}

// tokens sets the tokens of a service that others than this machine can reach,
// and prints those that are new.
func (c *serveCommand) tokens(p *program, config *remediator.Config) error {
	for _, t := range []struct {
		name, variable string
		into           *string
	}{
		{remediator.EmitterToken, "MAKEGOOD_TOKEN", &config.Token},
		{remediator.AdminToken, "MAKEGOOD_ADMIN_TOKEN", &config.AdminToken},
	} {
		token, minted, err := remediator.Token(c.DataDir, t.name)
		if err != nil {
			return err
		}
		*t.into = token
		if minted {
			fmt.Fprintf(p.stderr, "The %s token; it is shown once:\n\n    %s=%s\n\n", t.name, t.variable, token)
		}
	}
	return nil
}

func loopback(address net.Addr) bool {
	tcp, ok := address.(*net.TCPAddr)
	return ok && tcp.IP.IsLoopback()
}

// serve answers HTTP, on more listeners too, and runs work beside it, until the
// context ends or the work fails. First no more requests are taken, then the work
// is ended.
func serve(ctx context.Context, listener net.Listener, handler http.Handler, work func(context.Context) error, more ...net.Listener) error {
	server := &http.Server{
		Handler: handler, ReadHeaderTimeout: readHeaderTimeout, ReadTimeout: readTimeout,
		WriteTimeout: writeTimeout, IdleTimeout: idleTimeout, MaxHeaderBytes: maxHeader,
	}
	var unused connections
	server.ConnState = unused.observe
	workCtx, stopWork := context.WithCancel(context.WithoutCancel(ctx))
	defer stopWork()
	worked, served := make(chan error, 1), make(chan error, 1+len(more))
	go func() { worked <- work(workCtx) }()
	for _, l := range append(more, listener) {
		go func() { served <- server.Serve(l) }()
	}
	var err error
	running := true
	select {
	case <-ctx.Done():
	case err = <-worked:
		running = false
	case err = <-served:
	}
	limit, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTimeout)
	defer cancel()
	unused.end()
	err = errors.Join(err, server.Shutdown(limit))
	stopWork()
	if running {
		err = errors.Join(err, <-worked)
	}
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}
