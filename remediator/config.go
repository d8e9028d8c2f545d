package remediator

import (
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"github.com/makegood/makegood/remediator/openid"
	"github.com/makegood/makegood/remediator/rule"
)

// Config of a service. The zero value of each field has the meaning that its
// comment names.
type Config struct {
	// DataDir is the folder of log.db, ledger.db and the ledger's key. It is made
	// when it does not exist. Required.
	DataDir string
	// Database is the connection string of a PostgreSQL database that holds the log
	// and the ledger instead of files: a URL or words like host=..., with sslmode.
	// The tables are made in an empty one.
	Database string
	// Log is the address of NATS servers that keep the log in a stream, beside a database
	// that keeps the ledger: nats://a:4222,b:4222,c:4222, with settings as lognats.Open
	// has them. The stream is made when it is not there and the ledger has not begun.
	// Defaults to the log in the database.
	Log string
	// LedgerKeyFile is the file of the key that signs the ledger's checkpoints. It is
	// made when the log begins; nodes on one database need the same. Defaults to
	// ledger.key in the data folder.
	LedgerKeyFile string
	// Retention is for how long the log is kept, at least a day: older records are
	// removed, but for those behind the newest stored state that is as old. There is one
	// for each day. What happened before it can be explained and reproduced no more.
	// Defaults to keeping everything.
	Retention time.Duration
	// Node is how a database's lease names this process to people. Defaults to the
	// name of the machine.
	Node string
	// Version is the version of the program, as other nodes are told it. Defaults to
	// none.
	Version string
	// Rules are the rule files to be in force. With none, the rules in force stay. On
	// a database they stay in any case, until a person activates others: files that
	// differ from them are warned of.
	Rules []rule.File
	// RuleTests reads the tests beside the rule files, and the events that they name. They
	// are shown with the rules, run against those in force. Defaults to none.
	RuleTests func() ([]rule.File, error)
	// Author is who put the rules there, as the ledger names them. Defaults to
	// "file".
	Author string
	// Provider is the base URL of the refund provider, with Stripe's wire format.
	// Without one, refunds wait in the outbox.
	Provider string
	// ProviderKey is the provider's secret key. Defaults to a key of the sandbox.
	ProviderKey string
	// ProviderHooks are the secrets that sign the provider's events, two while they
	// rotate. Without one no event is taken, and pending refunds are only looked at.
	ProviderHooks []string
	// Telling says how people and other systems are told.
	Telling Telling
	// Keep says where checkpoints of the ledger are kept besides.
	Keep Keeping
	// Token is a bearer token that may emit events and ask gates, beside those that
	// an administrator makes.
	Token string
	// AdminToken is a bearer token that may do everything. Without one, whoever can
	// reach the service and shows no token at all may do everything too: it is for
	// a service that only its owner reaches.
	AdminToken string
	// OpenToPrograms lets programs that show no token emit events and ask gates, where
	// people need one: for a service that only its own machine reaches.
	OpenToPrograms bool
	// BehindTLS says that browsers reach the service over TLS, which ends at a proxy
	// before it. Without it, people sign in on this machine alone.
	BehindTLS bool
	// OpenID has people sign in with their accounts at a provider of OpenID Connect.
	// Its clock is the service's. Defaults to tokens and links alone.
	OpenID *openid.Config
	// Requests is how many requests a second somebody may make of the API and the console,
	// twice as many at once; below 0: any number. Events are bounded otherwise. Defaults
	// to access.DefaultRequests.
	Requests int
	// LocalNames refuses requests that name the service otherwise than by an address
	// or as localhost, other than those marked by access.FromOwner. A service
	// without tokens needs it against pages in its owner's browser.
	LocalNames bool
	// EventClock makes the time of the events the clock of the log: for history
	// and demonstrations. A log is either way for ever.
	EventClock bool
	// Lateness is how late an event may enter a window, or come to one that waits for it:
	// whole seconds, a day at the most. A log has it from its beginning for ever; another one
	// is refused. Defaults to the log's own, and of a log that begins to decide.Lateness.
	Lateness *time.Duration
	// Matchers is how many goroutines match events. Defaults to the number of CPUs.
	Matchers int
	// FoldAhead is how many inputs are worth to be folded while a commit of as many is
	// under way. Fewer wait for its end: those that have come until then go with them,
	// and one commit takes them all. Defaults to 64.
	FoldAhead int
	// Logger defaults to slog.Default.
	Logger *slog.Logger
	// Now is the clock. Defaults to time.Now.
	Now func() time.Time
	// Elapsed is the time that passed since some moment, whatever Now was set to. Where
	// it is set, a log in a file is stamped by Now, and by the machine's clocks otherwise.
	Elapsed func() time.Duration
	// OnStep is called at each named step of the way of an event or a command, on the
	// goroutine that takes it. Crash tests die there. Defaults to nothing.
	OnStep func(step string)
}

// The steps of the way of an event, or of a person's command, in order, as OnStep
// names them. What act does between committed and settled it names itself.
const (
	StepAppended  = "appended"  // it is durable, who sent it has no answer yet
	StepBraked    = "braked"    // what a command stops is stopped, the fold may not know yet
	StepAcked     = "acked"     // the emitter of events has its answer
	StepFolded    = "folded"    // decided, nothing written
	StepCommitted = "committed" // the decision is sealed
	StepSettled   = "settled"   // the outcome is sealed
)

// StepLost comes at any moment, where several nodes may decide: another has the lease,
// and what is being decided here is about to be given up.
const StepLost = "lost"

// minRetention leaves time to look into what happened.
const minRetention = 24 * time.Hour

// maxLateness bounds what windows keep beyond their own length, and for how long what
// did not come is waited for behind its deadline.
const maxLateness = 24 * time.Hour

func (c Config) withDefaults() (Config, error) {
	if c.DataDir == "" {
		return c, fmt.Errorf("configure service: no data folder is named")
	}
	if c.Log != "" && c.Database == "" {
		return c, fmt.Errorf("configure service: a log on servers of its own needs a database for the ledger")
	}
	if c.Retention != 0 && c.Retention < minRetention {
		return c, fmt.Errorf("configure service: a retention of %v is less than %v", c.Retention, minRetention)
	}
	if l := c.Lateness; l != nil && (*l < 0 || *l > maxLateness || *l%time.Second != 0) {
		return c, fmt.Errorf("configure service: a lateness of %v is none: it has whole seconds, from 0s to %v", *l, maxLateness)
	}
	if err := os.MkdirAll(c.DataDir, 0o700); err != nil {
		return c, fmt.Errorf("make data folder: %w", err)
	}
	c.DataDir = filepath.Clean(c.DataDir)
	if c.Provider != "" {
		u, err := url.Parse(c.Provider)
		if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
			return c, fmt.Errorf("configure service: provider %q is no http or https URL", c.Provider)
		}
	}
	if c.Author == "" {
		c.Author = "file"
	}
	if c.ProviderKey == "" {
		c.ProviderKey = "sk_test_sandbox"
	}
	if c.Node == "" {
		c.Node, _ = os.Hostname() // it is for people only
	}
	if c.Matchers == 0 {
		c.Matchers = runtime.GOMAXPROCS(0)
	}
	if c.FoldAhead == 0 {
		c.FoldAhead = 64
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.OnStep == nil {
		c.OnStep = func(string) {}
	}
	return c, nil
}
