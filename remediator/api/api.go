// Package api is the service's HTTP face for programs: the routes, and what they
// answer about remedies, cords, credit and the service itself.
//
// Reads answer JSON, errors problem+json (RFC 9457). Emitting needs the role of an
// emitter, asking gates any token, reading any role but that one; commands are
// answered by what the fold made of them. Health and the checkpoint are public.
// Package remediator wires it; this file is the only one that knows the router.
package api

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"time"

	"github.com/google/uuid"
	"github.com/gorilla/mux"

	"github.com/makegood/makegood/remediator/access"
	"github.com/makegood/makegood/remediator/andon"
	"github.com/makegood/makegood/remediator/cord"
	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/history"
	"github.com/makegood/makegood/remediator/ledger"
	"github.com/makegood/makegood/remediator/problem"
	"github.com/makegood/makegood/remediator/rehearse"
	"github.com/makegood/makegood/remediator/rule"
	"github.com/makegood/makegood/remediator/store/views"
)

// Ledger is what the API reads of the ledger's store. Implementations are safe
// for concurrent use.
type Ledger interface {
	Totals(ctx context.Context) (views.Totals, error)
	Remedies(ctx context.Context, f views.Filter) ([]views.Remedy, error)
	// Remedy returns nil when there is none.
	Remedy(ctx context.Context, id uuid.UUID) (*views.Remedy, error)
	History(ctx context.Context, remedy uuid.UUID) ([]ledger.Entry, error)
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
	// Answer returns what a command came to, nil while it has no answer.
	Answer(ctx context.Context, id string) (*decide.Answer, error)
	Holds(ctx context.Context) ([]views.Hold, error)
	Brakes(ctx context.Context) ([]views.Brake, error)
	Tokens(ctx context.Context) ([]decide.Token, error)
	// Bulk returns what a rule makes good afterwards, nil when there is none.
	Bulk(ctx context.Context, id uuid.UUID) (*decide.Bulk, error)
	// Proposal returns the rule set that waits for another person, nil when none does.
	Proposal(ctx context.Context) (*decide.Proposal, error)
}

// Config of the API.
type Config struct {
	Events          http.Handler // answers /v1/events
	Stream, Gates   http.Handler // answer /v1/andon/stream and /v1/andon/gates
	Balance, Redeem http.Handler // answer below /v1/credits/{customer}; the customer is a path value
	Receive         http.Handler // answers /v1/webhooks/{source}; the source is a path value, its signature its token
	Webhooks        Webhooks     // nil: no endpoint is configured
	Ledger          Ledger
	Ready           func() error // why the service is not ready; nil when it is
	// Guard tells who makes a request. Required.
	Guard *access.Guard
	// Desk takes commands. Without one they are refused: the ledger is read from
	// files.
	Desk Desk
	// History reads the log. Required with a Desk; without one nothing is explained.
	History History
	// InForce returns the rules in force. Required.
	InForce func() InForce
	// CheckRules says why rule files cannot be put in force; *rule.Problems when
	// they have errors. Required with a Desk.
	CheckRules func(ctx context.Context, files []rule.File) error
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
}

type handler struct{ Config }

// New returns the API.
func New(cfg Config) http.Handler {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	// A page in somebody's browser must not be able to spend credit or to emit.
	return http.NewCrossOriginProtection().Handler(handler{cfg}.router())
}

func (h handler) router() *mux.Router {
	r := mux.NewRouter()
	r.HandleFunc("/livez", h.live).Methods(http.MethodGet)
	r.HandleFunc("/readyz", h.readiness).Methods(http.MethodGet)
	r.HandleFunc("/healthz", h.readiness).Methods(http.MethodGet)
	r.HandleFunc("/checkpoint", h.checkpoint).Methods(http.MethodGet)
	r.Handle("/v1/events", h.emits(h.Events))
	h.routeReads(r)
	if h.Desk != nil {
		h.routeCommands(r)
	}
	r.NotFoundHandler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		problem.Write(w, http.StatusNotFound, "not-found", "there is no "+r.URL.Path)
	})
	r.MethodNotAllowedHandler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		problem.Write(w, http.StatusMethodNotAllowed, "method", r.Method+" is not for "+r.URL.Path)
	})
	r.Use(pathValues)
	return r
}

func (h handler) routeReads(r *mux.Router) {
	for path, handler := range map[string]http.HandlerFunc{
		"/v1/status": h.status, "/v1/remedies": h.remedies, "/v1/remedies/{remedy}": h.remedy, "/v1/holds": h.holds, "/v1/bulks/{bulk}": h.bulk,
		"/v1/andon": h.cords, "/v1/brakes": h.brakes, "/v1/rules": h.rules, "/v1/commands": h.command, "/v1/webhooks": h.webhooks,
	} {
		r.Handle(path, h.reads(handler)).Methods(http.MethodGet)
	}
	if h.History != nil {
		// It shows what events say, more than a remedy does.
		r.Handle("/v1/remedies/{remedy}/explanation", h.allow(h.explain, decide.RoleAuthor, decide.RoleApprover, decide.RoleAuditor, decide.RoleOperator)).
			Methods(http.MethodGet)
	}
	r.Handle("/v1/webhooks/{endpoint}/enable", h.allow(h.enableWebhook, decide.RoleOperator)).Methods(http.MethodPost)
	r.Handle("/v1/webhooks/{endpoint}/test", h.allow(h.testWebhook, decide.RoleOperator)).Methods(http.MethodPost)
	r.Handle("/v1/webhooks/{source}", h.Receive)
	r.Handle("/v1/whoami", h.allow(h.whoami)).Methods(http.MethodGet)
	r.Handle("/v1/andon/stream", h.allow(h.lasting(h.Stream))).Methods(http.MethodGet)
	r.Handle("/v1/andon/gates", h.allow(h.Gates.ServeHTTP)).Methods(http.MethodGet)
	r.Handle("/v1/tokens", h.allow(h.tokens, decide.RoleAdmin)).Methods(http.MethodGet)
	r.Handle("/v1/credits/{customer}", h.allow(h.Balance.ServeHTTP, decide.RoleAdmin)).Methods(http.MethodGet)
	r.Handle("/v1/credits/{customer}/redeem", h.allow(h.Redeem.ServeHTTP, decide.RoleAdmin)).Methods(http.MethodPost)
}

// routeCommands routes what people say. Whether they may, the fold decides, so
// that a refusal is sealed too; mere emitters do not get that far.
func (h handler) routeCommands(r *mux.Router) {
	for path, handler := range map[string]http.HandlerFunc{
		"/v1/remedies/{remedy}/approve": h.onRemedy(decide.CommandApprove),
		"/v1/remedies/{remedy}/deny":    h.onRemedy(decide.CommandDeny),
		"/v1/remedies/{remedy}/retry":   h.onSteps(decide.CommandRetry),
		"/v1/remedies/{remedy}/reverse": h.onSteps(decide.CommandReverse),
		"/v1/refunds":                   h.request,
		"/v1/andon/pull":                h.onCord(decide.CommandPull),
		"/v1/andon/acknowledge":         h.onCord(decide.CommandAcknowledge),
		"/v1/andon/release":             h.onCord(decide.CommandRelease),
		"/v1/pause":                     h.onTarget(decide.CommandPause),
		"/v1/resume":                    h.onTarget(decide.CommandResume),
		"/v1/tokens":                    h.makeToken,
		"/v1/tokens/{token}/revoke":     h.revokeToken,
		"/v1/rules/activate":            h.activate,
		"/v1/rules/approve":             h.answerProposal(true),
		"/v1/rules/deny":                h.answerProposal(false),
		"/v1/rules/{rule}/apply":        h.apply,
		"/v1/bulks/{bulk}/approve":      h.onBulk(decide.CommandApprove),
		"/v1/bulks/{bulk}/deny":         h.onBulk(decide.CommandDeny),
	} {
		r.Handle(path, h.reads(handler)).Methods(http.MethodPost)
	}
}

// pathValues hands the router's variables to handlers that know no router.
func pathValues(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for name, value := range mux.Vars(r) {
			r.SetPathValue(name, value)
		}
		next.ServeHTTP(w, r)
	})
}

// answer writes a value, or says that it could not be had.
func (h handler) answer(w http.ResponseWriter, r *http.Request, value any, err error) {
	if err != nil {
		h.Logger.ErrorContext(r.Context(), "answer request", slog.String("path", r.URL.Path), slog.Any("error", err))
		problem.Write(w, http.StatusServiceUnavailable, "unavailable", "the ledger cannot be read; try again")
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(value) // an error here means that nobody reads the answer any more
}
