package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/makegood/makegood/remediator"
	"github.com/makegood/makegood/remediator/rule"
	"github.com/makegood/makegood/remediator/rule/expression"
	"github.com/makegood/makegood/remediator/serving"
)

type serveCommand struct {
	DataDir string `required:"" env:"MAKEGOOD_DATA_DIR" help:"Folder of the log and the ledger, or with --database of what this node keeps to itself; made when it is new."`
	database
	LedgerKey         string `env:"MAKEGOOD_LEDGER_KEY_FILE" help:"File of the key that signs the ledger, the same on all nodes of a database; made when the log begins. Defaults to ledger.key in --data-dir." type:"path" name:"ledger-key-file"`
	Node              string `env:"MAKEGOOD_NODE" help:"Name of this node among those of a database. Defaults to the machine's."`
	Rules             string `env:"MAKEGOOD_RULES" help:"Folder of rule files, read again when one changes and on SIGHUP. Without it the rules in force stay."`
	Listen            string `env:"MAKEGOOD_LISTEN" default:"127.0.0.1:8080" help:"Address to listen on."`
	SignIn            bool   `env:"MAKEGOOD_SIGN_IN" default:"true" negatable:"" help:"Ask people for tokens or sign-ins. --no-sign-in takes whoever reaches it for its owner: only for a service that nobody but this machine reaches."`
	BehindTLS         bool   `env:"MAKEGOOD_BEHIND_TLS" name:"behind-tls" help:"Browsers reach the service over TLS, through a proxy: people can sign in from elsewhere."`
	Provider          string `env:"MAKEGOOD_PROVIDER" help:"Base URL of the refund provider (Stripe's wire format). Without it refunds wait."`
	ProviderKey       string `env:"MAKEGOOD_PROVIDER_KEY_FILE" help:"File with the provider's secret key." type:"path" name:"provider-key-file"`
	ProviderHooks     string `env:"MAKEGOOD_PROVIDER_WEBHOOK_SECRET_FILE" help:"File with the secret that signs the provider's events, one a line: two while they rotate. They are sent to /v1/providers/stripe/webhook." type:"path" name:"provider-webhook-secret-file"`
	Clock             string `enum:"log,events" default:"log" help:"log: the machine's clock. events: the events' own time, for history."`
	Lateness          string `env:"MAKEGOOD_LATENESS" placeholder:"TIME" help:"How late an event may enter a window, or come to one that waits for it, up to 24h. A log keeps what it began with; one that begins has 1h without it."`
	Retention         string `env:"MAKEGOOD_RETENTION" default:"30d" placeholder:"TIME" help:"For how long the log is kept, such as 30d; 0: for ever. What happened before can be explained and reproduced no more."`
	Requests          int    `env:"MAKEGOOD_REQUESTS" default:"500" help:"Requests a second that one token may make of the API and the console, twice as many at once; -1: any number. Events are bounded by what is in flight."`
	CheckpointTo      string `env:"MAKEGOOD_CHECKPOINT_TO" type:"path" help:"File on other storage to which the ledger's checkpoints are appended. A ledger that does not continue the last one does not start."`
	CheckpointWebhook string `env:"MAKEGOOD_CHECKPOINT_WEBHOOK" placeholder:"ENDPOINT" help:"Endpoint in the file of webhooks that is told of the ledger's checkpoints."`
	accounts
	telling
}

// Run serves until it is told to stop.
func (c *serveCommand) Run(p *program) error {
	logger := slog.New(slog.NewTextHandler(p.stderr, nil))
	config := remediator.Config{
		DataDir: c.DataDir, LedgerKeyFile: c.LedgerKey, Node: c.Node, Version: programVersion(), Provider: c.Provider, EventClock: c.Clock == "events", Requests: c.Requests, Logger: logger,
	}
	config.Keep = remediator.Keeping{File: c.CheckpointTo, Endpoint: c.CheckpointWebhook}
	var err error
	if config.Database, err = c.dsn(); err != nil {
		return err
	}
	if config.Log, err = c.servers(); err != nil {
		return err
	}
	if config.Retention, err = c.retention(); err != nil {
		return err
	}
	if config.Lateness, err = c.lateness(); err != nil {
		return err
	}
	if config.Telling, err = c.telling.config(); err != nil {
		return err
	}
	if err := c.provider(&config); err != nil {
		return err
	}
	if err := c.rules(p, &config); err != nil {
		return err
	}
	listener, err := net.Listen("tcp", c.Listen)
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	first, err := c.signIns(p, listener.Addr(), &config)
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	service, err := remediator.New(config)
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	fmt.Fprintf(p.stderr, "makegood listens on http://%s, data in %s\n", listener.Addr(), storage{c.DataDir, c.database})
	if at, err := consoleAt(listener.Addr()); err == nil && first && !c.BehindTLS {
		fmt.Fprintf(p.stderr, "Open the console, signed in; it works once, for ten minutes, and makegood open prints another:\n\n    %s%s\n\n", at, service.SignInPath())
	}
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
	return errors.Join(serving.Serve(p.ctx, listener, byConnection(service), work, owner...), service.Close())
}

// rules reads the folder of rules, and lets the tests beside them be read whenever
// somebody looks at a rule.
func (c *serveCommand) rules(p *program, config *remediator.Config) error {
	if c.Rules == "" {
		return nil
	}
	files, err := readRules(c.Rules)
	if err != nil {
		return err
	}
	if err := checkRules(p, c.Rules, files); err != nil {
		return err
	}
	config.Rules, config.Author = files, "files in "+c.Rules
	config.RuleTests = func() ([]rule.File, error) {
		_, tests, err := readFolder(c.Rules)
		return tests, err
	}
	return nil
}

// retention is how long the log is kept; 0: for ever.
func (c *serveCommand) retention() (time.Duration, error) {
	if c.Retention == "0" {
		return 0, nil
	}
	d, err := expression.ParseDuration(c.Retention)
	if err != nil || d <= 0 {
		return 0, usageError(fmt.Sprintf("--retention %q is no time: write 30d, or 0 to keep it for ever", c.Retention))
	}
	return d, nil
}

// lateness is how late an event may enter a window; nil where the log says.
func (c *serveCommand) lateness() (*time.Duration, error) {
	if c.Lateness == "" {
		return nil, nil
	}
	d, err := expression.ParseDuration(c.Lateness)
	if err != nil {
		return nil, usageError(fmt.Sprintf("--lateness %q is no time: write 90m or 2h", c.Lateness))
	}
	return &d, nil
}

// provider reads the secrets that are shared with the provider of refunds.
func (c *serveCommand) provider(config *remediator.Config) error {
	for _, secret := range []struct {
		file, what string
		into       func(words []string)
	}{
		{c.ProviderKey, "provider key", func(words []string) { config.ProviderKey = strings.Join(words, " ") }},
		{c.ProviderHooks, "provider's webhook secret", func(words []string) { config.ProviderHooks = words }},
	} {
		if secret.file == "" {
			continue
		}
		text, err := os.ReadFile(secret.file)
		if err != nil {
			return fmt.Errorf("read %s: %w", secret.what, err)
		}
		words := strings.Fields(string(text))
		if len(words) == 0 {
			return fmt.Errorf("read %s: %s is empty", secret.what, secret.file)
		}
		secret.into(words)
	}
	return nil
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

// tokens sets the tokens of a service that asks for them and prints those that are
// new, as the administrator's is at the first start.
func (c *serveCommand) tokens(p *program, config *remediator.Config) (first bool, err error) {
	for _, t := range []struct {
		name, variable string
		into           *string
	}{
		{remediator.EmitterToken, "MAKEGOOD_TOKEN", &config.Token},
		{remediator.AdminToken, "MAKEGOOD_ADMIN_TOKEN", &config.AdminToken},
	} {
		token, minted, err := remediator.Token(c.DataDir, t.name)
		if err != nil {
			return false, err
		}
		*t.into = token
		first = minted
		if minted {
			fmt.Fprintf(p.stderr, "The %s token; it is shown once:\n\n    %s=%s\n\n", t.name, t.variable, token)
		}
	}
	return first, nil
}
