// Package credit is the connector that gives store credit, and the handlers by
// which a shop reads and spends it.
//
// Credit is kept in books of our own, double-entry, so that carrying an action
// out is one transaction, unique on the action's id: it needs no look-up, and it
// may be repeated for ever. Package store/ledgerdb keeps the books; a shop spends
// from them through GET /v1/credits/{customer} and POST
// /v1/credits/{customer}/redeem.
package credit

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"

	"github.com/makegood/makegood/remediator/money"
)

// Errors of Books that a caller can do something about.
var (
	// ErrConflict says that the id was used before for something else.
	ErrConflict = errors.New("the id was used for something else")
	// ErrShort says that the customer has not enough credit.
	ErrShort = errors.New("the customer has not enough credit")
	// ErrSpent says that some of a credit was spent, so that it cannot be taken back.
	ErrSpent = errors.New("some of the credit was spent")
	// ErrStopped says that the books were restored from a backup and nobody has let
	// money go on since: they do not know what was spent after it.
	ErrStopped = errors.New("the books were restored from a backup, and money was not resumed since")
	// ErrUnknown says that no such credit was given.
	ErrUnknown = errors.New("no such credit was given")
)

// Books keep what each customer has. Implementations are safe for concurrent use,
// and each method is one transaction.
type Books interface {
	// Grant gives a customer credit. A grant that is already in the books with the
	// same customer, amount and remedy is no error and changes nothing; with other
	// ones it is ErrConflict.
	Grant(ctx context.Context, g Grant) error
	// Reverse takes back the whole of a grant by an entry against it. When some of it
	// was spent it is ErrSpent, when there was none ErrUnknown, and nothing changes.
	// The same reversal again is no error and changes nothing.
	Reverse(ctx context.Context, r Reversal) error
	// Redeem spends a customer's credit, what expires first first, and returns what
	// is left in that currency. The same key with the same customer and amount
	// spends nothing again and returns what it returned; with other ones it is
	// ErrConflict. When the customer has less than the amount that has not expired
	// at At, it is ErrShort and nothing changes.
	Redeem(ctx context.Context, r Redemption) (left money.Money, err error)
	// Balance returns what a customer can spend at a time, one amount for each
	// currency in the order of their codes; none when there is none.
	Balance(ctx context.Context, customer string, at time.Time) ([]money.Money, error)
}

// Grant is credit given by an action.
type Grant struct {
	Action   uuid.UUID
	Remedy   uuid.UUID
	Customer string
	Amount   money.Money // above zero
	At       time.Time
	Expires  time.Time // zero: never
}

// Reversal takes a grant back.
type Reversal struct {
	Action uuid.UUID // that reverses
	Of     uuid.UUID // that granted
	At     time.Time
}

// Unspent is what customers have left of a currency.
type Unspent struct {
	Amount    money.Money `json:"amount"`
	Customers int         `json:"customers"`
}

// Redemption is credit spent.
type Redemption struct {
	Key      string // the caller's Idempotency-Key; unique among all customers
	Customer string
	Amount   money.Money // above zero
	At       time.Time
}
