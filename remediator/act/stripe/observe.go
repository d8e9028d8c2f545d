package stripe

import (
	"context"
	"iter"
	"time"

	"github.com/google/uuid"
	api "github.com/stripe/stripe-go/v85"

	"github.com/makegood/makegood/remediator/act"
	"github.com/makegood/makegood/remediator/decide"
)

// Observe implements act.Observer.
func (c *Connector) Observe(ctx context.Context, ref string) (decide.SeenBody, error) {
	refund, err := c.client.V1Refunds.Retrieve(ctx, ref, nil)
	if err != nil {
		return decide.SeenBody{}, missing(classify("get refund", err))
	}
	return seen(refund)
}

// Made implements act.Observer.
func (c *Connector) Made(ctx context.Context, from, to time.Time) iter.Seq2[decide.SeenBody, error] {
	return func(yield func(decide.SeenBody, error) bool) {
		params := &api.RefundListParams{CreatedRange: &api.RangeQueryParams{GreaterThanOrEqual: from.Unix(), LesserThan: to.Unix()}}
		params.Limit = api.Int64(100)
		for refund, err := range c.client.V1Refunds.List(ctx, params).All(ctx) {
			if err != nil {
				yield(decide.SeenBody{}, unanswered(classify("list refunds", err)))
				return
			}
			s, err := seen(refund)
			if !yield(s, err) || err != nil {
				return
			}
		}
	}
}

// seen is a refund as it stands. Marks that are no ids of ours are those of somebody
// else.
func seen(refund *api.Refund) (decide.SeenBody, error) {
	r, err := result(refund)
	if err != nil {
		return decide.SeenBody{}, err
	}
	s := decide.SeenBody{Ref: r.Ref, Status: r.Status, Code: r.Code, Amount: r.Amount, Created: time.Unix(refund.Created, 0).UTC().Format(time.RFC3339)}
	if refund.PaymentIntent != nil && refund.PaymentIntent.ID != "" {
		s.Payments = append(s.Payments, refund.PaymentIntent.ID)
	}
	if refund.Charge != nil && refund.Charge.ID != "" {
		s.Payments = append(s.Payments, refund.Charge.ID)
	}
	action, actionErr := uuid.Parse(refund.Metadata[metadataAction])
	remedy, remedyErr := uuid.Parse(refund.Metadata[metadataRemedy])
	if actionErr == nil && remedyErr == nil {
		s.Action, s.Remedy = action, remedy
	}
	return s, nil
}

var _ act.Observer = (*Connector)(nil)
