package credit

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/makegood/makegood/remediator/act"
	"github.com/makegood/makegood/remediator/decide"
)

// Connector gives store credit. It implements act.Connector.
type Connector struct {
	books Books
	now   func() time.Time
}

// New returns a connector to the books. The clock says when a credit begins, from
// which its expiry counts.
func New(books Books, now func() time.Time) *Connector {
	return &Connector{books: books, now: now}
}

// Traits says that a grant is at once, known for ever, and of any amount.
func (c *Connector) Traits() act.Traits { return act.Traits{Partial: true} }

// Do gives the credit. The books know the action's id, so repeating it is safe,
// and an error of the books is always one to try again.
func (c *Connector) Do(ctx context.Context, r act.Request) (act.Result, error) {
	if r.Kind == decide.KindOfReverse {
		return c.reverse(ctx, r)
	}
	if r.Customer == "" {
		return act.Result{}, &act.Error{Status: decide.Failed, Code: "no_customer", Err: errors.New("grant credit: nobody is named to have it")}
	}
	now := c.now()
	grant := Grant{Action: r.Action, Remedy: r.Remedy, Customer: r.Customer, Amount: r.Amount, At: now}
	if r.Expires > 0 {
		grant.Expires = now.Add(r.Expires)
	}
	if err := c.books.Grant(ctx, grant); err != nil {
		known := &act.Error{Status: decide.Retrying, Code: "books", Err: fmt.Errorf("grant credit: %w", err)}
		if errors.Is(err, ErrConflict) {
			known.Status, known.Code = decide.Unknown, "conflict"
		}
		return act.Result{}, known
	}
	return act.Result{Status: decide.Succeeded, Ref: r.Action.String(), Amount: r.Amount}, nil
}

// reverse takes a credit back, unless some of it was spent.
func (c *Connector) reverse(ctx context.Context, r act.Request) (act.Result, error) {
	err := c.books.Reverse(ctx, Reversal{Action: r.Action, Of: r.Of, At: c.now()})
	switch {
	case errors.Is(err, ErrSpent):
		return act.Result{}, &act.Error{Status: decide.Failed, Code: "spent", Err: err}
	case errors.Is(err, ErrUnknown):
		return act.Result{}, &act.Error{Status: decide.Failed, Code: "no_such_credit", Err: err}
	case err != nil:
		return act.Result{}, &act.Error{Status: decide.Retrying, Code: "books", Err: err}
	}
	return act.Result{Status: decide.Succeeded, Ref: r.Of.String(), Amount: r.Amount}, nil
}

// Lookup is never called: the books know the action's id for ever.
func (c *Connector) Lookup(context.Context, act.Request) (act.Found, error) {
	return act.Found{}, errors.ErrUnsupported
}
