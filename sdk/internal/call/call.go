// Package call tells of calls of an application's server or client what HTTP and
// gRPC have in common.
package call

import (
	"context"
	"errors"
	"time"

	"github.com/makegood/makegood/sdk"
)

// Attrs are the fields of a call that took a while and ended with an outcome, which
// is error, panic or slow: duration_ms, outcome, the customer where there is one, and
// gave_up where the caller had gone before the end.
func Attrs(ctx context.Context, took time.Duration, outcome, customer string) []makegood.Attr {
	attrs := []makegood.Attr{
		makegood.Float("duration_ms", float64(took.Microseconds())/1000),
		makegood.String("outcome", outcome),
		makegood.Customer(customer),
	}
	if errors.Is(ctx.Err(), context.Canceled) {
		attrs = append(attrs, makegood.Bool("gave_up", true))
	}
	return attrs
}

// Ask calls into the application. A function of it that panics, or is nil, costs its
// answer and not the call.
func Ask[T any](f func() T) (answer T) {
	defer func() { _ = recover() }()
	return f()
}
