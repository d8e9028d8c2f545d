package makegood

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"time"
)

// Experience is something that takes a customer a while, from Start to End. A
// nil *Experience does nothing.
type Experience struct {
	client *Client
	ctx    context.Context
	typ    string
	attrs  []Attr
	began  time.Time
	ended  atomic.Bool
}

// Start begins an experience of the given type. Nothing is emitted until its End:
//
//	checkout := mg.Start(ctx, "com.example.checkout.finished", makegood.Customer("c-42"))
//	err := pay(ctx)
//	checkout.End(err)
func (c *Client) Start(ctx context.Context, typ string, attrs ...Attr) *Experience {
	if !c.Enabled() {
		return nil
	}
	return &Experience{client: c, ctx: ctx, typ: typ, attrs: slices.Clone(attrs), began: time.Now()}
}

// End emits the experience with two fields more: duration_ms since Start, and
// outcome, which is "ok", or for an error "error", "timeout" or "canceled". An
// attribute outcome among attrs says something else. Only the first End counts.
func (x *Experience) End(err error, attrs ...Attr) {
	if x == nil || x.ended.Swap(true) {
		return
	}
	all := append(slices.Grow(x.attrs, len(attrs)+2), attrs...)
	all = append(all, Float("duration_ms", float64(time.Since(x.began).Microseconds())/1000))
	if !slices.ContainsFunc(all, func(a Attr) bool { return a.key == "outcome" }) {
		all = append(all, String("outcome", outcomeOf(err)))
	}
	x.client.Emit(x.ctx, x.typ, all...)
}

func outcomeOf(err error) string {
	switch {
	case err == nil:
		return "ok"
	case errors.Is(err, context.DeadlineExceeded):
		return "timeout"
	case errors.Is(err, context.Canceled):
		return "canceled"
	}
	return "error"
}
