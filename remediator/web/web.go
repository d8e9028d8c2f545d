// Package web is the service's face for people: the console, pages that a server
// renders and a browser shows.
//
// A page is one file of Go, one template and one line in the table of pages.go: it
// loads a value, mostly from what the API serves too, and its template shows it.
// What people do is a form that posts and is answered by 303; commands.go has the
// table. Every page can be read without JavaScript; with it, what changes is
// fetched again when the service says so (live.go). Nothing comes from elsewhere,
// and no page has a script or a style of its own, so that the policy on contents
// forbids them all.
package web

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/makegood/makegood/remediator/access"
	"github.com/makegood/makegood/remediator/adoption"
	"github.com/makegood/makegood/remediator/andon"
	"github.com/makegood/makegood/remediator/cord"
	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/history"
	"github.com/makegood/makegood/remediator/integrity"
	"github.com/makegood/makegood/remediator/learn"
	"github.com/makegood/makegood/remediator/ledger"
	"github.com/makegood/makegood/remediator/openid"
	"github.com/makegood/makegood/remediator/rehearse"
	"github.com/makegood/makegood/remediator/rule"
	"github.com/makegood/makegood/remediator/rule/lint"
	"github.com/makegood/makegood/remediator/store/views"
)

// Desk takes commands. Package people implements it.
type Desk interface {
	Give(ctx context.Context, p access.Principal, id string, c decide.CommandBody) (*decide.Answer, error)
	Stamped(ctx context.Context, p access.Principal, id string, c decide.CommandBody, stamp func(*decide.CommandBody) error) (*decide.Answer, error)
	Activate(ctx context.Context, p access.Principal, id string, a decide.ActivateBody) (*decide.Answer, error)
}

// Ledger is what pages read of the ledger's store, as the API does. It is safe for
// concurrent use.
type Ledger interface {
	// Payouts lists what moves money, and sums up all that the filter chooses.
	Payouts(ctx context.Context, f views.PayoutFilter) ([]views.Payout, []views.PayoutSum, error)
	Remedies(ctx context.Context, f views.Filter) ([]views.Remedy, error)
	// Remedy returns nil when there is none.
	Remedy(ctx context.Context, id uuid.UUID) (*views.Remedy, error)
	History(ctx context.Context, remedy uuid.UUID) ([]ledger.Entry, error)
	// Decisions returns of each of some remedies its decisions and approvals.
	Decisions(ctx context.Context, remedies []uuid.UUID) (map[uuid.UUID][]ledger.Entry, error)
	// Erased returns the sequences of those entries that nobody can read any more.
	Erased(ctx context.Context, entries []ledger.Entry) (map[uint64]bool, error)
	// Evidence opens the evidence of a remedy, and counts what nobody can read any more.
	Evidence(ctx context.Context, remedy uuid.UUID) (contents []ledger.Content, erased int, err error)
	// RuleFiles returns the files of a rule set that was ever in force, by its digest.
	RuleFiles(ctx context.Context, digest string) ([]rule.File, error)
	// Receipt returns nil when nothing is sealed about the remedy.
	Receipt(ctx context.Context, remedy uuid.UUID) (*ledger.Receipt, error)
	// Key returns the public key of the checkpoints.
	Key(ctx context.Context) (string, error)
	andon.Store
	// Cords lists all that were ever pulled, as the fold left them.
	Cords(ctx context.Context) ([]cord.State, error)
	// Brakes lists what is stopped.
	Brakes(ctx context.Context) ([]views.Brake, error)
	// Holds counts what waits for a person, by rule and reason.
	Holds(ctx context.Context) ([]views.Hold, error)
	// Proposal returns the rule set that waits for another person, nil when none does.
	Proposal(ctx context.Context) (*decide.Proposal, error)
	// FiredRules lists what rules decided since a day.
	FiredRules(ctx context.Context, since time.Time) ([]views.Fired, error)
	learn.Ledger
	// Reconciliations and Differences list what was compared with providers.
	Reconciliations(ctx context.Context, before uint64, limit int) ([]decide.ReconciliationFact, error)
	Differences(ctx context.Context, f views.DifferenceFilter) ([]views.Difference, error)
}

// Config of the console. What has no default is required.
type Config struct {
	// Guard tells who makes a request.
	Guard *access.Guard
	// Desk takes what people say.
	Desk Desk
	// Ledger is read.
	Ledger Ledger
	// Explain says why a remedy was made; why it cannot, is a history.AskError.
	Explain func(ctx context.Context, remedy uuid.UUID) (*rehearse.Explanation, error)
	// Near lists for which events of a period a rule of a set did not fire by one condition
	// alone, at most so many; why it cannot, is a history.AskError.
	Near func(ctx context.Context, set *rule.Set, name string, p history.Period, most int) (*rehearse.NearMisses, error)
	// Shelf has the COEs.
	Shelf *learn.Shelf
	// Integrity tells how well the ledger can be relied on.
	Integrity *integrity.Watch
	// Adoption tells what rules cover, as the API does.
	Adoption func(ctx context.Context) (adoption.Adoption, error)
	// Today tells how things stand, as the API does.
	Today func(ctx context.Context) (views.Today, error)
	// InForce returns the rules in force.
	InForce func() decide.InForce
	// RuleTests are the tests beside this node's rule files. nil: it reads none.
	RuleTests *rehearse.Beside
	// Findings remembers what lint says of them. Defaults to one that is empty.
	Findings *lint.Memory
	// Lateness is how late an event may enter a window, as the log has it.
	Lateness time.Duration
	// Pace is how often somebody may ask. Defaults to access.RequestPace(0).
	Pace *access.Pace
	// OpenID signs people in with their accounts elsewhere. Defaults to nobody.
	OpenID *openid.Provider
	// Now is the clock. Defaults to time.Now.
	Now    func() time.Time
	Logger *slog.Logger
}

// Console is an http.Handler that answers with pages, for every path that nobody
// else answers. It is safe for concurrent use.
type Console struct {
	cfg    Config
	pages  []page
	looks  map[string]look // by the template of a page
	assets assets
	live   *live
	tries  *tries

	past pastSets
	mux  *http.ServeMux
}

// New returns the console. Its pages and templates were made with it, so that an
// error is one of the program.
func New(cfg Config) (*Console, error) {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Findings == nil {
		cfg.Findings = &lint.Memory{}
	}
	if cfg.Pace == nil {
		cfg.Pace = access.RequestPace(0)
	}
	c := &Console{cfg: cfg, live: newLive(), tries: newTries(), mux: http.NewServeMux()}
	c.pages = pages()
	var err error
	if c.assets, err = readAssets(); err != nil {
		return nil, fmt.Errorf("make console: %w", err)
	}
	if c.looks, err = c.readTemplates(); err != nil {
		return nil, fmt.Errorf("make console: %w", err)
	}
	for _, r := range c.routes() {
		c.mux.Handle(r.pattern, r.handler)
	}
	return c, nil
}

// route is what answers the requests of a pattern of net/http.
type route struct {
	pattern string
	handler http.Handler
}

// routes lists everything that the console answers.
func (c *Console) routes() []route {
	var all []route
	for _, p := range c.pages {
		all = append(all, route{"GET " + p.path, c.show(p)})
		if p.asks {
			all = append(all, route{"POST " + p.path, c.show(p)})
		}
	}
	for _, d := range commands() {
		all = append(all, route{"POST " + d.path, c.take(d)})
	}
	all = append(all, c.signInRoutes()...)
	return append(all,
		route{"GET /assets/{name}", http.HandlerFunc(c.assets.serve)},
		route{"GET /live", http.HandlerFunc(c.stream)},
		route{elsewhere, http.HandlerFunc(c.nowhere)})
}

// elsewhere is the pattern of what no other one answers.
const elsewhere = "/"

// nowhere answers a request for which there is no page, or one that is not for its
// method.
func (c *Console) nowhere(w http.ResponseWriter, r *http.Request) {
	var allowed []string
	for _, method := range []string{http.MethodGet, http.MethodPost} {
		probe := *r
		probe.Method = method
		if _, pattern := c.mux.Handler(&probe); pattern != elsewhere {
			allowed = append(allowed, method)
			if method == http.MethodGet {
				allowed = append(allowed, http.MethodHead)
			}
		}
	}
	if len(allowed) == 0 {
		c.fail(w, r, Missing("There is no page at "+r.URL.Path+"."))
		return
	}
	w.Header().Set("Allow", strings.Join(allowed, ", "))
	c.fail(w, r, &Failure{http.StatusMethodNotAllowed, "That is not for this page", r.URL.Path + " is not for " + r.Method + ", but for " + strings.Join(allowed, " and ") + "."})
}

// ServeHTTP answers a request.
func (c *Console) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c.protect(w, r)
	c.mux.ServeHTTP(w, r)
}

// Changed tells everybody who looks at a page that these topics changed.
func (c *Console) Changed(topics ...string) { c.live.changed(topics...) }
