// Package makegoodhttp tells Makegood what customers experience of an HTTP server,
// and stops handlers whose gate is closed.
//
//	tell := makegoodhttp.Middleware(mg, "com.example.shop.http", makegoodhttp.Customer(customerOf))
//	http.ListenAndServe(":8080", tell(mux))
//
// Two types of events are emitted, named after the prefix: PREFIX.failed for an
// answer of 500 or above and for a handler that panics, and PREFIX.slow for an
// answer that took two seconds or longer, see [SlowAfter]. Their data:
//
//	method       GET
//	route        /orders/{order}, the template and never the path, see [Route]
//	status       500; 0 when the handler panicked before it answered
//	duration_ms  how long the handler took
//	outcome      error, panic or slow
//	gave_up      true when the client had gone before the end
package makegoodhttp

import (
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/makegood/makegood/sdk"
	"github.com/makegood/makegood/sdk/internal/call"
)

// Option changes what a middleware does.
type Option func(*middleware)

// middleware is what Middleware makes of its options.
type middleware struct {
	client    *makegood.Client
	prefix    string
	slowAfter time.Duration
	customer  func(*http.Request) string
	route     func(*http.Request) string
	more      func(*http.Request) []makegood.Attr
	wildcards []string
}

// SlowAfter is how long a handler may take before its answer is slow. Defaults to
// two seconds; 0 means that none is.
func SlowAfter(d time.Duration) Option { return func(m *middleware) { m.slowAfter = d } }

// Customer finds the pseudonymous id of who made a request, for instance in its
// context. It is asked only for requests that are told of, after the handler, with
// the request that the middleware got: whoever puts the customer into the context
// belongs outside of it.
func Customer(f func(*http.Request) string) Option { return func(m *middleware) { m.customer = f } }

// Route finds the template of a request's route. Defaults to the pattern of
// http.ServeMux, which notes it in the request that it gets: between this middleware
// and the mux nothing may replace the request, as Request.WithContext does. With gorilla/mux, where the middleware is given to Router.Use:
//
//	makegoodhttp.Route(func(r *http.Request) string {
//		template, _ := mux.CurrentRoute(r).GetPathTemplate()
//		return template
//	})
//
// A request without a route is told of as "unknown": its path may name a customer.
func Route(f func(*http.Request) string) Option { return func(m *middleware) { m.route = f } }

// Attributes adds attributes to every event, under other keys than those above: an
// event with two fields of one key is refused.
func Attributes(f func(*http.Request) []makegood.Attr) Option {
	return func(m *middleware) { m.more = f }
}

// PathValues adds the values of wildcards in the pattern of http.ServeMux as
// attributes, under the wildcards' names; those that the pattern has not are left out.
// It is for what names no person, like {sku}. Wildcards named like the fields above
// need Attributes and another key.
func PathValues(wildcards ...string) Option {
	return func(m *middleware) { m.wildcards = append(m.wildcards, wildcards...) }
}

// Middleware returns what wraps a handler. prefix begins the types of the events
// and names your domain, like "com.example.shop.http". A nil client tells nothing.
func Middleware(client *makegood.Client, prefix string, opts ...Option) func(http.Handler) http.Handler {
	m := &middleware{client: client, prefix: strings.TrimSuffix(prefix, "."), slowAfter: 2 * time.Second, route: pattern}
	for _, opt := range opts {
		if opt != nil {
			opt(m)
		}
	}
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { m.serve(w, withTrace(r), next) })
	}
}

// pattern is the template of http.ServeMux, without its method and host.
func pattern(r *http.Request) string {
	if i := strings.IndexByte(r.Pattern, '/'); i >= 0 {
		return r.Pattern[i:]
	}
	return ""
}

func (m *middleware) serve(w http.ResponseWriter, r *http.Request, next http.Handler) {
	watched := &writer{ResponseWriter: w}
	began := time.Now()
	defer func() {
		took := time.Since(began)
		p := recover()
		switch aborted, _ := p.(error); {
		case p != nil && !errors.Is(aborted, http.ErrAbortHandler): // which is how a handler hangs up on purpose
			m.tell(r, watched, "failed", "panic", took)
		case p == nil && watched.status >= http.StatusInternalServerError:
			m.tell(r, watched, "failed", "error", took)
		case p == nil && m.slowAfter > 0 && took >= m.slowAfter && !watched.lasts():
			m.tell(r, watched, "slow", "slow", took)
		}
		if p != nil {
			panic(p)
		}
	}()
	next.ServeHTTP(watched, r)
}

// tell emits one event. A function of the application that panics costs its
// attribute, not the request.
func (m *middleware) tell(r *http.Request, w *writer, kind, outcome string, took time.Duration) {
	route := call.Ask(func() string { return m.route(r) })
	if route == "" {
		route = "unknown"
	}
	attrs := []makegood.Attr{
		makegood.String("method", r.Method), makegood.String("route", route), makegood.Int("status", w.status),
	}
	customer := call.Ask(func() string { return m.customer(r) })
	attrs = append(attrs, call.Attrs(r.Context(), took, outcome, customer)...)
	for _, name := range m.wildcards {
		if value := r.PathValue(name); value != "" {
			attrs = append(attrs, makegood.String(name, value))
		}
	}
	m.client.Emit(r.Context(), m.prefix+"."+kind, append(attrs, call.Ask(func() []makegood.Attr { return m.more(r) })...)...)
}

// StopWhenClosed returns what wraps a handler behind a gate: while the gate is
// closed, otherwise answers instead, or 503 when that is nil.
func StopWhenClosed(gate *makegood.Gate, otherwise http.Handler) func(http.Handler) http.Handler {
	if otherwise == nil {
		otherwise = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", "60")
			http.Error(w, "not available at the moment", http.StatusServiceUnavailable)
		})
	}
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if gate.Closed() {
				otherwise.ServeHTTP(w, r)
				return
			}
			next.ServeHTTP(w, r)
		})
	}
}
