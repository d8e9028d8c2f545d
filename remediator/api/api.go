// Package api is the service's HTTP face for programs: the routes, and what they
// answer about remedies, cords, credit and the service itself.
//
// Reads answer JSON, errors problem+json (RFC 9457). Emitting needs the emitter's
// token, asking gates any token, everything else under /v1 the administrator's,
// when the service has tokens; a service on loopback has none. Health and the checkpoint are public.
// Package remediator wires it; this file is the only one that knows the router.
package api

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"log/slog"
	"net/http"
	"strings"

	"github.com/google/uuid"
	"github.com/gorilla/mux"

	"github.com/makegood/makegood/remediator/andon"
	"github.com/makegood/makegood/remediator/cord"
	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/ledger"
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
	// Checkpoint returns nil before the first.
	Checkpoint(ctx context.Context) ([]byte, error)
}

// Config of the API.
type Config struct {
	Events          http.Handler // answers /v1/events
	Stream, Gates   http.Handler // answer /v1/andon/stream and /v1/andon/gates
	Balance, Redeem http.Handler // answer below /v1/credits/{customer}; the customer is a path value
	Ledger          Ledger
	Ready           func() error // why the service is not ready; nil when it is
	// AdminToken is what reads and redemptions must show as bearer token. Without
	// one everybody who can reach the service may.
	AdminToken string
	// EmitterToken is enough to ask gates.
	EmitterToken string
	Logger       *slog.Logger
}

type handler struct{ Config }

// New returns the API.
func New(cfg Config) http.Handler {
	h := handler{cfg}
	r := mux.NewRouter()
	r.HandleFunc("/livez", h.live).Methods(http.MethodGet)
	r.HandleFunc("/readyz", h.readiness).Methods(http.MethodGet)
	r.HandleFunc("/healthz", h.readiness).Methods(http.MethodGet)
	r.HandleFunc("/checkpoint", h.checkpoint).Methods(http.MethodGet)
	r.Handle("/v1/events", cfg.Events)
	r.Handle("/v1/status", h.admin(h.status)).Methods(http.MethodGet)
	r.Handle("/v1/remedies", h.admin(h.remedies)).Methods(http.MethodGet)
	r.Handle("/v1/remedies/{remedy}", h.admin(h.remedy)).Methods(http.MethodGet)
	r.Handle("/v1/andon", h.admin(h.cords)).Methods(http.MethodGet)
	r.Handle("/v1/andon/stream", h.anybody(cfg.Stream)).Methods(http.MethodGet)
	r.Handle("/v1/andon/gates", h.anybody(cfg.Gates)).Methods(http.MethodGet)
	r.Handle("/v1/credits/{customer}", h.admin(cfg.Balance.ServeHTTP)).Methods(http.MethodGet)
	r.Handle("/v1/credits/{customer}/redeem", h.admin(cfg.Redeem.ServeHTTP)).Methods(http.MethodPost)
	r.NotFoundHandler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		problem(w, http.StatusNotFound, "not-found", "there is no "+r.URL.Path)
	})
	r.MethodNotAllowedHandler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		problem(w, http.StatusMethodNotAllowed, "method", r.Method+" is not for "+r.URL.Path)
	})
	r.Use(pathValues)
	// A page in somebody's browser must not be able to spend credit or to emit.
	return http.NewCrossOriginProtection().Handler(r)
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

// admin lets only those pass who show the administrator's token.
func (h handler) admin(next http.HandlerFunc) http.Handler {
	return h.bearer(next, "show the administrator's token as bearer token", h.AdminToken)
}

// anybody lets those pass who show any token of the service.
func (h handler) anybody(next http.Handler) http.Handler {
	return h.bearer(next, "show a token of this service as bearer token", h.AdminToken, h.EmitterToken)
}

// bearer lets those pass who show one of the tokens, and everybody when the
// service has no administrator's token.
func (h handler) bearer(next http.Handler, refusal string, tokens ...string) http.Handler {
	if h.AdminToken == "" {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		shown, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		got, passes := sha256.Sum256([]byte(shown)), false
		for _, token := range tokens {
			want := sha256.Sum256([]byte(token))
			passes = passes || token != "" && subtle.ConstantTimeCompare(got[:], want[:]) == 1
		}
		if !passes {
			w.Header().Set("WWW-Authenticate", "Bearer")
			problem(w, http.StatusUnauthorized, "unauthorized", refusal)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// problem answers an error as RFC 9457 says.
func problem(w http.ResponseWriter, status int, name, detail string) {
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(status)
	// An error here means that nobody reads the answer any more.
	_ = json.NewEncoder(w).Encode(map[string]any{
		"type": "urn:makegood:problem:" + name, "title": http.StatusText(status), "status": status, "detail": detail,
	})
}

// answer writes a value, or says that it could not be had.
func (h handler) answer(w http.ResponseWriter, r *http.Request, value any, err error) {
	if err != nil {
		h.Logger.ErrorContext(r.Context(), "answer request", slog.String("path", r.URL.Path), slog.Any("error", err))
		problem(w, http.StatusServiceUnavailable, "unavailable", "the ledger cannot be read; try again")
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(value) // an error here means that nobody reads the answer any more
}
