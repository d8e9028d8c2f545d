// Package api is the service's HTTP face for programs: the routes, and what they
// answer about remedies, cords, credit and the service itself.
//
// Reads answer JSON, errors problem+json (RFC 9457). Emitting needs the role of an
// emitter, asking gates any token, reading any role but that one; commands are
// answered by what the fold made of them. Health, the checkpoint and the
// tiles of the ledger's tree are public, its entries are for auditors.
// Package remediator wires it; this file is the only one that knows the router.
package api

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/gorilla/mux"

	"github.com/makegood/makegood/remediator/access"
	"github.com/makegood/makegood/remediator/adoption"
	"github.com/makegood/makegood/remediator/andon"
	"github.com/makegood/makegood/remediator/cord"
	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/history"
	"github.com/makegood/makegood/remediator/integrity"
	"github.com/makegood/makegood/remediator/learn"
	"github.com/makegood/makegood/remediator/ledger"
	"github.com/makegood/makegood/remediator/problem"
	"github.com/makegood/makegood/remediator/rehearse"
	"github.com/makegood/makegood/remediator/rule"
	"github.com/makegood/makegood/remediator/rule/lint"
	"github.com/makegood/makegood/remediator/store/views"
)

// Ledger is what the API reads of the ledger's store. Implementations are safe
// for concurrent use.
type Ledger interface {
	Totals(ctx context.Context) (views.Totals, error)
	Remedies(ctx context.Context, f views.Filter) ([]views.Remedy, error)
	// Payouts lists what moves money, and sums up all that the filter chooses.
	Payouts(ctx context.Context, f views.PayoutFilter) ([]views.Payout, []views.PayoutSum, error)
	FiredRules(ctx context.Context, since time.Time) ([]views.Fired, error)
	// Remedy returns nil when there is none.
	Remedy(ctx context.Context, id uuid.UUID) (*views.Remedy, error)
	History(ctx context.Context, remedy uuid.UUID) ([]ledger.Entry, error)
	// Erased returns the sequences of those entries of a remedy that nobody can read
	// any more.
	Erased(ctx context.Context, entries []ledger.Entry) (map[uint64]bool, error)
	// Evidence opens the evidence of a remedy, and counts what nobody can read any more.
	Evidence(ctx context.Context, remedy uuid.UUID) (contents []ledger.Content, erased int, err error)
	Cords(ctx context.Context) ([]cord.State, error)
	andon.Store
	Position(ctx context.Context) (decide.Position, error)
	Unsettled(ctx context.Context) (int, error)
	Deliveries(ctx context.Context, f views.DeliveryFilter) ([]views.Delivery, error)
	// DisabledEndpoints returns the receivers of webhooks that are told nothing,
	// with the reason; Enable has one told again.
	DisabledEndpoints(ctx context.Context) (map[string]string, error)
	Enable(ctx context.Context, endpoint string) error
	// Checkpoint returns nil before the first.
	Checkpoint(ctx context.Context) ([]byte, error)
	// Tile returns nil when the newest checkpoint does not cover it.
	Tile(ctx context.Context, t ledger.TileRef) ([]byte, error)
	// Receipt returns nil when nothing is sealed about the remedy.
	Receipt(ctx context.Context, remedy uuid.UUID) (*ledger.Receipt, error)
	// Answer returns what a command came to, nil while it has no answer.
	Answer(ctx context.Context, id string) (*decide.Answer, error)
	Holds(ctx context.Context) ([]views.Hold, error)
	Brakes(ctx context.Context) ([]views.Brake, error)
	Tokens(ctx context.Context) ([]decide.Token, error)
	// Bulk returns what a rule makes good afterwards, nil when there is none.
	Bulk(ctx context.Context, id uuid.UUID) (*decide.Bulk, error)
	// Reconciliations and Differences list what was compared with providers.
	Reconciliations(ctx context.Context, before uint64, limit int) ([]decide.ReconciliationFact, error)
	Differences(ctx context.Context, f views.DifferenceFilter) ([]views.Difference, error)
	// Gaps lists the clients of the SDK of which events are missing, Hearing what was heard.
	Gaps(ctx context.Context) ([]views.Gap, error)
	Hearing(ctx context.Context) (views.Hearing, error)
	learn.Ledger
	// LegalHolds lists the customers whose data may not be erased.
	LegalHolds(ctx context.Context) ([]views.LegalHold, error)
	// Nodes lists the nodes on a database.
	Nodes(ctx context.Context) ([]views.Node, error)
	// Proposal returns the rule set that waits for another person, nil when none does.
	Proposal(ctx context.Context) (*decide.Proposal, error)
	// RuleFiles returns the files of a rule set that was ever in force, none of another.
	RuleFiles(ctx context.Context, digest string) ([]rule.File, error)
	// Key returns the public key of the checkpoints.
	Key(ctx context.Context) (string, error)
}

// Config of the API.
type Config struct {
	Events          http.Handler            // answers /v1/events
	Stream, Gates   http.Handler            // answer /v1/andon/stream and /v1/andon/gates
	Balance, Redeem http.Handler            // answer below /v1/credits/{customer}; the customer is a path value
	Receive         http.Handler            // answers /v1/webhooks/{source}; the source is a path value, its signature its token
	Providers       map[string]http.Handler // answer /v1/providers/{provider}/webhook, by the provider; their signatures are their tokens
	Metrics         http.Handler            // answers /metrics; nil: the ledger is read from files
	Console         http.Handler            // answers every path that the API does not know, except below /v1/; nil: there is no console
	Webhooks        Webhooks                // nil: no endpoint is configured
	Ledger          Ledger
	Ready           func() error // why the service is not ready; nil when it is
	// ConfirmClock accepts the clock as it is in somebody's name, after it jumped ahead.
	// nil: no service runs.
	ConfirmClock func(ctx context.Context, who string) error
	// Self tells of this node. nil: no service runs.
	Self func(ctx context.Context) (Self, error)
	// Guard tells who makes a request. Required.
	Guard *access.Guard
	// Today tells how things stand and what the last day was like. nil: the ledger is
	// read from files.
	Today func(ctx context.Context) (views.Today, error)
	// Adoption tells what rules cover and what is heard. Defaults to what the ledger says.
	Adoption func(ctx context.Context) (adoption.Adoption, error)
	// Integrity tells how well the ledger can be relied on. nil: the ledger is read from
	// files.
	Integrity *integrity.Watch
	Books     Books // nil: there is no provider to compare with
	// Desk takes commands. Without one they are refused: the ledger is read from
	// files.
	Desk Desk
	// History reads the log. Required with a Desk; without one nothing is explained.
	History History
	// Shelf has the COEs, of which a node reads one at a time. Defaults to one of its own.
	Shelf *learn.Shelf
	// InForce returns the rules in force. Required.
	InForce func() decide.InForce
	// Lateness is how late an event may enter a window, as the log has it.
	Lateness time.Duration
	// CheckRules says why rule files cannot be put in force; *rule.Problems when
	// they have errors. Required with a Desk.
	CheckRules func(ctx context.Context, files []rule.File) (renamed []decide.Renamed, err error)
	// Findings remembers what lint says of the rules in force. Defaults to one that is empty.
	Findings *lint.Memory
	// RuleTests are the tests beside this node's rule files. nil: it reads none.
	RuleTests *rehearse.Beside
	// Pace is how often one token may ask. Defaults to access.RequestPace(0).
	Pace *access.Pace
	// Now is the clock that tokens begin by. Defaults to time.Now.
	Now    func() time.Time
	Logger *slog.Logger
}

// History is what the API asks about the past. Package history implements it.
type History interface {
	// Afterwards lists what a rule in force would have made good, in parts; what is
	// wrong with the question is a history.AskError.
	Afterwards(ctx context.Context, inForce *rule.Set, ask history.Ask) ([]decide.Apply, error)
	// Explain says why a remedy was made; why it cannot, is a history.AskError.
	Explain(ctx context.Context, remedy uuid.UUID) (*rehearse.Explanation, error)
	// Try says what commands would come to now.
	Try(ctx context.Context, commands []decide.CommandBody) (*decide.Answer, error)
	// Near lists for which events a rule did not fire by one condition alone; what is
	// wrong with the question is a history.AskError. So it is of Backtest, which sums up
	// what rules would have done.
	Near(ctx context.Context, set *rule.Set, name string, p history.Period, most int) (*rehearse.NearMisses, error)
	Backtest(ctx context.Context, set, against *rule.Set, p history.Period) (*rehearse.Report, error)
}

type handler struct {
	Config
	answers *answers
}

// New returns the API.
func New(cfg Config) http.Handler {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Adoption == nil {
		cfg.Adoption = func(ctx context.Context) (adoption.Adoption, error) {
			return adoption.Read(ctx, cfg.Ledger, cfg.InForce().Set, cfg.Now())
		}
	}
	if cfg.Findings == nil {
		cfg.Findings = &lint.Memory{}
	}
	if cfg.Pace == nil {
		cfg.Pace = access.RequestPace(0)
	}
	if cfg.Shelf == nil {
		cfg.Shelf = learn.New(learn.Config{Ledger: cfg.Ledger, Now: cfg.Now})
	}
	// A page in somebody's browser must not be able to spend credit or to emit.
	h := handler{cfg, newAnswers(cfg.Now)}
	origin := http.NewCrossOriginProtection()
	origin.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		problem.Write(w, http.StatusForbidden, "forbidden", "the request comes from a page of another site")
	}))
	return h.protect(origin.Handler(h.router()))
}

// protect sets the headers that each answer carries, so that a browser that is led to
// one shows it in no frame, takes it for nothing else and runs nothing in it. Pages
// set their own in their place.
func (h handler) protect(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		header := w.Header()
		header.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'")
		header.Set("X-Content-Type-Options", "nosniff")
		header.Set("X-Frame-Options", "DENY")
		header.Set("Referrer-Policy", "no-referrer")
		header.Set("Cross-Origin-Resource-Policy", "same-origin")
		header.Set("Cache-Control", "no-store") // what may be kept says so itself
		if h.Guard.Secure(r) {
			header.Set("Strict-Transport-Security", "max-age=31536000")
		}
		next.ServeHTTP(w, r)
	})
}

func (h handler) router() *mux.Router {
	r := mux.NewRouter().UseEncodedPath() // a customer may have a slash in their id
	r.HandleFunc("/livez", h.live).Methods(http.MethodGet)
	r.HandleFunc("/readyz", h.readiness).Methods(http.MethodGet)
	r.HandleFunc("/healthz", h.health).Methods(http.MethodGet)
	r.HandleFunc("/v1/openapi.json", h.describe).Methods(http.MethodGet)
	h.routeTree(r)
	r.Handle("/v1/events", h.emits(h.Events))
	h.routeReads(r)
	if h.Desk != nil {
		h.routeCommands(r)
	}
	r.NotFoundHandler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if h.Console != nil && !strings.HasPrefix(r.URL.Path, "/v1/") {
			h.Console.ServeHTTP(w, r)
			return
		}
		problem.Write(w, http.StatusNotFound, "not-found", "there is no "+r.URL.Path)
	})
	r.MethodNotAllowedHandler = otherMethod(r)
	r.Use(pathValues, knownQuery())
	return r
}

func (h handler) routeReads(r *mux.Router) {
	for path, handler := range map[string]http.HandlerFunc{
		"/v1/status": h.status, "/v1/remedies": h.remedies, "/v1/remedies/{remedy}": h.remedy, "/v1/refunds": h.refunds, "/v1/refunds.csv": h.refunds, "/v1/holds": h.holds, "/v1/bulks/{bulk}": h.bulk,
		"/v1/andon": h.cords, "/v1/brakes": h.brakes, "/v1/rules": h.rules, "/v1/rules/{rule}": h.rule, "/v1/rule-sets/{set}": h.ruleSet, "/v1/remedies/{remedy}/verification": h.proof, "/v1/commands": h.command, "/v1/webhooks": h.webhooks,
		"/v1/reconciliations": h.reconciliations, "/v1/adoption": h.adoption, "/v1/coes": h.coes, "/v1/coes/{coe}": h.coe, "/v1/coes/{coe}/diff": h.coeDiff, "/v1/coes/{coe}/page": h.coePage, "/v1/customers/held": h.heldCustomers,
	} {
		r.Handle(path, h.reads(handler)).Methods(http.MethodGet)
	}
	if h.Today != nil {
		r.Handle("/v1/today", h.reads(h.today)).Methods(http.MethodGet)
	}
	if h.Integrity != nil {
		r.Handle("/v1/integrity", h.reads(h.integrity)).Methods(http.MethodGet)
		r.Handle("/v1/integrity/verify", h.allow(h.once(h.verify), decide.RoleAuditor, decide.RoleOperator)).Methods(http.MethodPost)
	}
	if h.Metrics != nil {
		r.Handle("/metrics", h.reads(h.Metrics.ServeHTTP)).Methods(http.MethodGet)
	}
	if h.History != nil {
		// It shows what events say, more than a remedy does.
		r.Handle("/v1/remedies/{remedy}/explanation", h.allow(h.explain, decide.EvidenceReaders()...)).Methods(http.MethodGet)
		r.Handle("/v1/rules/{rule}/near-misses", h.allow(h.near, decide.EvidenceReaders()...)).Methods(http.MethodGet)
		r.Handle("/v1/rules/explain", h.allow(h.once(h.whyNot), decide.EvidenceReaders()...)).Methods(http.MethodPost)
		r.Handle("/v1/rules/backtest", h.allow(h.once(h.backtest), decide.EvidenceReaders()...)).Methods(http.MethodPost)
	}
	r.Handle("/v1/facts/{sequence}", h.allow(h.fact, decide.RoleAuditor)).Methods(http.MethodGet)
	r.Handle("/v1/remedies/{remedy}/evidence", h.allow(h.evidence, decide.EvidenceReaders()...)).Methods(http.MethodGet)
	r.Handle("/v1/coes/check", h.reads(h.once(h.checkCOE))).Methods(http.MethodPost)
	r.Handle("/v1/coes/{coe}/bundle", h.allow(h.coeBundle, decide.RoleAuditor)).Methods(http.MethodGet)
	r.Handle("/v1/webhooks/{endpoint}/enable", h.allow(h.once(h.enableWebhook), decide.RoleOperator)).Methods(http.MethodPost)
	r.Handle("/v1/webhooks/{endpoint}/test", h.allow(h.once(h.testWebhook), decide.RoleOperator)).Methods(http.MethodPost)
	r.Handle("/v1/webhooks/{source}", h.Receive)
	for name, hook := range h.Providers {
		r.Handle("/v1/providers/"+name+"/webhook", hook)
	}
	r.Handle("/v1/sign-in-links", h.allow(h.once(h.makeLink), access.MayLink()...)).Methods(http.MethodPost)
	r.Handle("/v1/whoami", h.allow(h.whoami)).Methods(http.MethodGet)
	r.Handle("/v1/andon/stream", h.programs(h.lasting(h.Stream))).Methods(http.MethodGet)
	r.Handle("/v1/andon/gates", h.programs(h.Gates.ServeHTTP)).Methods(http.MethodGet)
	r.Handle("/v1/tokens", h.allow(h.tokens, decide.RoleAdmin)).Methods(http.MethodGet)
	r.Handle("/v1/credits/{customer}", h.allow(h.balance, decide.RoleAdmin)).Methods(http.MethodGet)
	r.Handle("/v1/credits/{customer}/redeem", h.allow(h.Redeem.ServeHTTP, decide.RoleAdmin)).Methods(http.MethodPost)
}

// routeTree routes the ledger's tree as C2SP tlog-tiles has it: checkpoint and
// hashes for everybody, so that witnesses need no token, entries and receipts for
// auditors.
func (h handler) routeTree(r *mux.Router) {
	r.HandleFunc("/checkpoint", h.checkpoint).Methods(http.MethodGet)
	r.Handle("/tile/entries/{bundle:.+}", h.allow(h.tile("bundle", "entries/", "private"), decide.RoleAuditor)).Methods(http.MethodGet)
	r.Handle("/v1/remedies/{remedy}/receipt", h.allow(h.receipt, decide.RoleAuditor)).Methods(http.MethodGet)
	r.HandleFunc("/tile/{tile:.+}", h.tile("tile", "", "public")).Methods(http.MethodGet)
}

// routeCommands routes what people say. Whether they may, the fold decides, so
// that a refusal is sealed too; mere emitters do not get that far.
func (h handler) routeCommands(r *mux.Router) {
	for path, handler := range map[string]http.HandlerFunc{
		"/v1/remedies/{remedy}/approve":                      h.approveRemedy,
		"/v1/remedies/{remedy}/deny":                         h.denyRemedy,
		"/v1/remedies/{remedy}/retry":                        h.onSteps(decide.CommandRetry),
		"/v1/remedies/{remedy}/reverse":                      h.onSteps(decide.CommandReverse),
		"/v1/refunds":                                        h.request,
		"/v1/andon/pull":                                     h.onCord(decide.CommandPull),
		"/v1/andon/acknowledge":                              h.onCord(decide.CommandAcknowledge),
		"/v1/andon/release":                                  h.onCord(decide.CommandRelease),
		"/v1/pause":                                          h.onTarget(decide.CommandPause),
		"/v1/resume":                                         h.onTarget(decide.CommandResume),
		"/v1/customers/{customer}/erase":                     h.onCustomer(decide.CommandErase),
		"/v1/customers/{customer}/hold":                      h.onCustomer(decide.CommandHold),
		"/v1/customers/{customer}/unhold":                    h.onCustomer(decide.CommandUnhold),
		"/v1/tokens":                                         h.makeToken,
		"/v1/coes":                                           h.draftCOE,
		"/v1/coes/{coe}/revisions":                           h.reviseCOE,
		"/v1/coes/{coe}/review":                              h.onCOE(decide.CommandSubmit),
		"/v1/coes/{coe}/publish":                             h.publishCOE,
		"/v1/coes/{coe}/close":                               h.onCOE(decide.CommandShelve),
		"/v1/reconciliations":                                h.reconcile,
		"/v1/reconciliations/differences/{difference}/close": h.closeDifference,
		"/v1/tokens/{token}/revoke":                          h.revokeToken,
		"/v1/rules/activate":                                 h.activate,
		"/v1/rules/approve":                                  h.answerProposal(true),
		"/v1/rules/deny":                                     h.answerProposal(false),
		"/v1/rules/{rule}/apply":                             h.apply,
		"/v1/bulks/{bulk}/approve":                           h.approveBulk,
		"/v1/bulks/{bulk}/deny":                              h.denyBulk,
	} {
		r.Handle(path, h.reads(handler)).Methods(http.MethodPost)
	}
	r.Handle("/v1/sessions", h.allow(h.sessions, decide.RoleAdmin)).Methods(http.MethodGet)
	r.Handle("/v1/sessions/{session}/end", h.allow(h.once(h.endSession), decide.RoleAdmin)).Methods(http.MethodPost)
	r.Handle("/v1/clock/confirm", h.allow(h.once(h.confirmClock), decide.RoleOperator)).Methods(http.MethodPost)
}

// pathValues hands the router's variables, as they are meant, to handlers that know no
// router.
func pathValues(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for name, value := range mux.Vars(r) {
			meant, err := url.PathUnescape(value)
			if err != nil {
				problem.Write(w, http.StatusBadRequest, "parameter", fmt.Sprintf("%q in the path is not escaped as addresses are", value))
				return
			}
			r.SetPathValue(name, meant)
		}
		next.ServeHTTP(w, r)
	})
}

// otherMethod answers a request whose route is not for its method, and says for which it
// is.
func otherMethod(router *mux.Router) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var allowed []string
		for _, method := range []string{http.MethodGet, http.MethodPost} {
			probe, match := *r, mux.RouteMatch{}
			if probe.Method = method; router.Match(&probe, &match) && match.MatchErr == nil {
				allowed = append(allowed, method)
			}
		}
		w.Header().Set("Allow", strings.Join(allowed, ", "))
		problem.Write(w, http.StatusMethodNotAllowed, "method", r.Method+" is not for "+r.URL.Path+", which is for "+strings.Join(allowed, " and "))
	})
}

// knownQuery refuses a read with a parameter that its operation has not.
func knownQuery() mux.MiddlewareFunc {
	known := parameters()
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			path, err := mux.CurrentRoute(r).GetPathTemplate()
			names, ok := known[r.Method+" "+path]
			if err == nil && ok && r.URL.RawQuery != "" && !asksOnly(w, r, names) {
				return
			}
			next.ServeHTTP(w, r)
		})
	}
}

// answer writes a value, or says that it could not be had.
func (h handler) answer(w http.ResponseWriter, r *http.Request, value any, err error) {
	if err != nil {
		h.Logger.ErrorContext(r.Context(), "answer request", slog.String("path", r.URL.Path), slog.Any("error", err))
		problem.Write(w, http.StatusServiceUnavailable, "unavailable", "the ledger cannot be read; try again")
		return
	}
	var body bytes.Buffer
	enc := json.NewEncoder(&body)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(value); err != nil {
		h.answer(w, r, nil, fmt.Errorf("encode answer: %w", err))
		return
	}
	w.Header().Set("Cache-Control", "no-store")
	h.send(w, r, "application/json", body.Bytes())
}

// send writes an answer, under a tag when it is read: who has it already is told so.
func (h handler) send(w http.ResponseWriter, r *http.Request, media string, body []byte) {
	if r.Method == http.MethodGet {
		digest := sha256.Sum256(body)
		tag := `"` + base64.RawURLEncoding.EncodeToString(digest[:tagLength]) + `"`
		w.Header().Set("ETag", tag)
		if known(r.Header.Values("If-None-Match"), tag) {
			w.WriteHeader(http.StatusNotModified)
			return
		}
	}
	w.Header().Set("Content-Type", media)
	_, _ = w.Write(body) // an error here means that nobody reads the answer any more
}

// balance answers GET /v1/credits/{customer}, under a tag too.
func (h handler) balance(w http.ResponseWriter, r *http.Request) {
	answer := newRecorded(w)
	h.Balance.ServeHTTP(answer, r)
	if answer.status != http.StatusOK {
		answer.send(w)
		return
	}
	w.Header().Set("Cache-Control", "no-store")
	h.send(w, r, answer.header.Get("Content-Type"), answer.body.Bytes())
}

// tagLength is how many bytes of the digest of an answer its tag has: nobody meets
// two answers with the same.
const tagLength = 16

// known reports whether who asks has the answer with this tag.
func known(has []string, tag string) bool {
	for _, list := range has {
		for one := range strings.SplitSeq(list, ",") {
			if one = strings.TrimSpace(one); one == "*" || strings.TrimPrefix(one, "W/") == tag {
				return true
			}
		}
	}
	return false
}
