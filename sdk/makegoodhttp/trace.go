package makegoodhttp

import (
	"context"
	"net/http"
)

type traceKey struct{}

// withTrace keeps the W3C traceparent of a request in its context.
func withTrace(r *http.Request) *http.Request {
	parent := r.Header.Get("Traceparent")
	if parent == "" {
		return r
	}
	return r.WithContext(context.WithValue(r.Context(), traceKey{}, parent))
}

// TraceParent returns the traceparent of the request that a context belongs to. A
// client is given it when it is made, unless a tracing library has its own:
//
//	makegood.New("shop", makegood.TraceParent(makegoodhttp.TraceParent))
func TraceParent(ctx context.Context) string {
	parent, _ := ctx.Value(traceKey{}).(string)
	return parent
}
