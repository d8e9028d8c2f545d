// Command makegood runs the remediator and everything around it: the service, the
// sandbox provider, the demonstration, and the tools for rules and audits.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"
)

// Exit codes. Scripts depend on them.
const (
	exitOK      = 0
	exitFailed  = 1 // a check failed, or the work could not be done
	exitUsage   = 2
	exitClosed  = 3 // the gate is closed
	exitUnknown = 4 // nobody could be asked: the gate answers by its mode
)

// Errors whose message was printed already.
var (
	errChecked = errors.New("check failed")
	errClosed  = errors.New("gate closed")
	errUnknown = errors.New("gate unknown")
)

// usageError is a mistake in how a command was called that its flags alone do
// not show.
type usageError string

func (e usageError) Error() string { return string(e) }

// program is what every command gets.
type program struct {
	ctx    context.Context
	stdin  io.Reader
	stdout io.Writer
	stderr io.Writer
}

type commands struct {
	Demo    demoCommand    `cmd:"" group:"Begin" help:"Run the whole system on two days of real flights, and say what it did."`
	Serve   serveCommand   `cmd:"" group:"Begin" help:"Run the service."`
	Open    openCommand    `cmd:"" group:"Begin" help:"Print an address that opens the console in a browser, signed in."`
	Sandbox sandboxCommand `cmd:"" group:"Begin" help:"Run a payment provider to try things with."`
	Send    sendCommand    `cmd:"" group:"Begin" help:"Send CloudEvents from a file to a service."`
	Migrate migrateCommand `cmd:"" group:"Begin" help:"Make the tables in a PostgreSQL database, or bring them to this program's version."`
	Clock   clockCommands  `cmd:"" group:"Begin" help:"Confirm the clock, after it jumped ahead."`
	Status  statusCommand  `cmd:"" group:"Begin" help:"Say how a service is doing."`
	Version versionCommand `cmd:"" group:"Begin" help:"Print the version."`

	Rules rulesCommands `cmd:"" group:"Rules" help:"Check, test, explain and try rules, and put them in force."`

	Remedies remediesCommands `cmd:"" group:"Remedies" help:"List remedies, and answer those that wait for a person."`
	Refunds  refundsCommands  `cmd:"" group:"Remedies" help:"Ask for refunds."`

	Pause  pauseCommand  `cmd:"" group:"Stop the line" help:"Stop all money, a rule or a connector, at once."`
	Resume resumeCommand `cmd:"" group:"Stop the line" help:"Let go on what another person paused."`
	Brakes brakesCommand `cmd:"" group:"Stop the line" help:"List what is stopped, and by whom."`
	Andon  andonCommands `cmd:"" group:"Stop the line" help:"Pull, release, ask and watch andon cords."`

	COEs coesCommands `cmd:"" name:"coes" group:"Learning" help:"Write down what happened and what is done about it, with numbers that are proven."`

	Webhooks webhooksCommands `cmd:"" group:"Telling" help:"List deliveries by webhook, repeat them, enable and test receivers."`
	Notify   notifyCommands   `cmd:"" group:"Telling" help:"Try templates of messages."`

	Tokens    tokensCommands    `cmd:"" group:"Access and proof" help:"Say who may do what: make, list and revoke tokens."`
	Sessions  sessionsCommands  `cmd:"" group:"Access and proof" help:"List who is signed in to the console, and end sessions."`
	Reconcile reconcileCommands `cmd:"" group:"Access and proof" help:"Compare the ledger with the provider's refunds, and close what differs."`
	Audit     auditCommands     `cmd:"" group:"Access and proof" help:"Verify, prove, reproduce and export the ledger."`
	Backup    backupCommands    `cmd:"" group:"Access and proof" help:"Copy a data folder or a database while services run on it, and check such a copy."`
	Restore   restoreCommand    `cmd:"" group:"Access and proof" help:"Make a data folder or a database of a backup, with all money paused."`
	Customers customersCommands `cmd:"" group:"Access and proof" help:"Erase what is kept of a customer, or hold it."`
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	// Once told to end, a second signal ends the program at once, whatever it
	// waits for: what it keeps survives that like any other crash.
	context.AfterFunc(ctx, stop)
	code := run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// run runs one command and returns the exit code.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) (code int) {
	exit := -1
	parser, err := kong.New(&commands{},
		kong.Name("makegood"),
		kong.Description("Makegood notices when a customer got a bad experience and makes it good."),
		kong.UsageOnError(),
		kong.Writers(stdout, stderr),
		kong.Exit(func(code int) { exit = code }),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true}),
	)
	if err != nil {
		fmt.Fprintln(stderr, "makegood:", err)
		return exitUsage
	}
	if len(args) == 0 {
		args = []string{"--help"}
	}
	parsed, err := parser.Parse(args)
	if exit >= 0 {
		return exit
	}
	if err != nil {
		fmt.Fprintf(stderr, "makegood: %v\nTry 'makegood --help'.\n", err)
		return exitUsage
	}
	err = parsed.Run(&program{ctx: ctx, stdin: stdin, stdout: stdout, stderr: stderr})
	var usage usageError
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &usage):
		fmt.Fprintln(stderr, "makegood:", err)
		return exitUsage
	case errors.Is(err, errChecked):
		return exitFailed
	case errors.Is(err, errClosed):
		return exitClosed
	case errors.Is(err, errUnknown):
		return exitUnknown
	case ctx.Err() != nil && errors.Is(err, context.Canceled):
		fmt.Fprintln(stderr, "makegood: interrupted")
		return exitFailed
	}
	fmt.Fprintln(stderr, "makegood:", err)
	return exitFailed
}
