package remediator

import (
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"github.com/makegood/makegood/remediator/rule"
)

// Config of a service. The zero value of each field has the meaning that its
// comment names.
type Config struct {
	// DataDir is the folder of log.db, ledger.db and the ledger's key. It is made
	// when it does not exist. Required.
	DataDir string
	// Rules are the rule files to be in force. With none, the rules in force stay.
	Rules []rule.File
	// Author is who put the rules there, as the ledger names them. Defaults to
	// "file".
	Author string
	// Provider is the base URL of the refund provider, with Stripe's wire format.
	// Without one, refunds wait in the outbox.
	Provider string
	// ProviderKey is the provider's secret key. Defaults to a key of the sandbox.
	ProviderKey string
	// Telling says how people and other systems are told.
	Telling Telling
	// Token is a bearer token that may emit events and ask gates, beside those that
	// an administrator makes.
	Token string
	// AdminToken is a bearer token that may do everything. Without one, whoever can
	// reach the service and shows no token at all may do everything too: it is for
	// a service that only its owner reaches.
	AdminToken string
	// LocalNames refuses requests that name the service otherwise than by an address
	// or as localhost, other than those marked by access.FromOwner. A service
	// without tokens needs it against pages in its owner's browser.
	LocalNames bool
	// EventClock makes the time of the events the clock of the log: for history
	// and demonstrations. A log is either way for ever.
	EventClock bool
	// Matchers is how many goroutines match events. Defaults to the number of CPUs.
	Matchers int
	// Logger defaults to slog.Default.
	Logger *slog.Logger
	// Now is the clock. Defaults to time.Now.
	Now func() time.Time
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

func (c Config) withDefaults() (Config, error) {
	if c.DataDir == "" {
		return c, fmt.Errorf("configure service: no data folder is named")
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
	if c.Matchers == 0 {
		c.Matchers = runtime.GOMAXPROCS(0)
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
