package stripe

import (
	"context"
	"fmt"

	api "github.com/stripe/stripe-go/v85"

	"github.com/makegood/makegood/remediator/act"
	"github.com/makegood/makegood/remediator/decide"
)

// codeNotPending says that a refund is past undoing, or failed by itself.
const codeNotPending = "not_pending"

// cancel undoes a refund that has not reached the customer. Stripe cancels only
// one that waits for the customer to do something; others fail with a code.
func (c *Connector) cancel(ctx context.Context, r act.Request) (act.Result, error) {
	refund, err := c.refundOf(ctx, r)
	if err != nil {
		return act.Result{}, err
	}
	params := &api.RefundCancelParams{}
	params.SetIdempotencyKey(r.Action.String())
	refund, err = c.client.V1Refunds.Cancel(ctx, refund.ID, params)
	if err != nil {
		known := classify("cancel refund", err)
		if known.Status == decide.Failed {
			known.Code = codeNotPending
		}
		return act.Result{}, known
	}
	return undone(refund, r)
}

// cancelled says whether the refund that is to be undone is undone already, or
// can no longer be.
func (c *Connector) cancelled(ctx context.Context, r act.Request) (act.Found, error) {
	refund, err := c.refundOf(ctx, r)
	if err != nil {
		return act.Found{}, err
	}
	switch refund.Status {
	case api.RefundStatusCanceled:
		result, err := undone(refund, r)
		return act.Found{Ours: &result}, err
	case api.RefundStatusPending, api.RefundStatusRequiresAction:
		return act.Found{}, nil
	}
	return act.Found{}, &act.Error{Status: decide.Failed, Code: codeNotPending, Err: fmt.Errorf("cancel refund %s: it is %s", refund.ID, refund.Status)}
}

// refundOf finds the refund that another action made.
func (c *Connector) refundOf(ctx context.Context, r act.Request) (*api.Refund, error) {
	for refund, err := range c.refunds(ctx, r.Payment) {
		if err != nil {
			return nil, err
		}
		if refund.Metadata[metadataAction] == r.Of.String() {
			return refund, nil
		}
	}
	return nil, &act.Error{Status: decide.Failed, Code: "no_such_refund", Err: fmt.Errorf("cancel refund: the provider has none of action %s", r.Of)}
}

func undone(refund *api.Refund, r act.Request) (act.Result, error) {
	if refund.Status != api.RefundStatusCanceled {
		return act.Result{}, &act.Error{Status: decide.Unknown, Code: string(refund.Status), Err: fmt.Errorf("cancel refund %s: it is %s", refund.ID, refund.Status)}
	}
	return act.Result{Status: decide.Succeeded, Ref: refund.ID, Amount: r.Amount}, nil
}
