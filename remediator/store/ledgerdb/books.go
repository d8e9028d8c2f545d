package ledgerdb

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/makegood/makegood/remediator/act/credit"
	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/money"
	"github.com/makegood/makegood/remediator/store/internal/statement"
)

// Accounts besides those of customers.
const (
	accountGoodwill = "goodwill" // where credit comes from
	accountRedeemed = "redeemed" // where it goes when it is spent
)

func customerAccount(customer string) string { return "customer:" + customer }

// unixNano is a time in a column, 0 for none.
func unixNano(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixNano()
}

// Grant implements credit.Books.
func (d *DB) Grant(ctx context.Context, g credit.Grant) error {
	tx, err := d.statements.Begin(ctx)
	if err != nil {
		return fmt.Errorf("grant credit: %w", err)
	}
	defer tx.Rollback()
	if err := d.grant(tx, g); err != nil {
		return err
	}
	return tx.Commit()
}

func (d *DB) grant(tx *statement.Tx, g credit.Grant) error {
	if err := d.db.exclude(tx, customerAccount(g.Customer)); err != nil {
		return fmt.Errorf("grant credit: %w", err)
	}
	granted, err := grantedBefore(tx, g)
	if err != nil || granted {
		return err
	}
	_, err = tx.Exec(`INSERT INTO credit_lot (lot, remedy, customer, minor, currency, at, expires) VALUES (?, ?, ?, ?, ?, ?, ?)`,
		g.Action.String(), g.Remedy.String(), g.Customer, g.Amount.Minor, g.Amount.Currency, unixNano(g.At), unixNano(g.Expires))
	if err == nil {
		err = post(tx, "grant:"+g.Action.String(), accountGoodwill, customerAccount(g.Customer), g.Action, g.Amount, g.At)
	}
	if err != nil {
		return fmt.Errorf("grant credit: %w", err)
	}
	return nil
}

// grantedBefore reports whether a grant is in the books already; as something
// else it is credit.ErrConflict.
func grantedBefore(tx *statement.Tx, g credit.Grant) (bool, error) {
	var remedy uuid.UUID
	var customer string
	var amount money.Money
	err := tx.QueryRow(`SELECT remedy, customer, minor, currency FROM credit_lot WHERE lot = ?`, []any{g.Action.String()},
		&remedy, &customer, &amount.Minor, &amount.Currency)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return false, nil
	case err != nil:
		return false, fmt.Errorf("grant credit: %w", err)
	case remedy != g.Remedy || customer != g.Customer || amount != g.Amount:
		return false, fmt.Errorf("grant credit: action %s: %w", g.Action, credit.ErrConflict)
	}
	return true, nil
}

// post moves an amount of a lot from one account to another: two entries that
// add up to zero.
func post(tx *statement.Tx, txn, from, to string, lot uuid.UUID, amount money.Money, at time.Time) error {
	const columns = 6
	return tx.Insert(`INSERT INTO credit_entry (txn, account, lot, minor, currency, at)`, "", columns, []any{
		txn, from, lot.String(), -amount.Minor, amount.Currency, unixNano(at),
		txn, to, lot.String(), amount.Minor, amount.Currency, unixNano(at),
	})
}

// Redeem implements credit.Books.
func (d *DB) Redeem(ctx context.Context, r credit.Redemption) (money.Money, error) {
	left, err := d.redeem(ctx, r)
	if err != nil {
		return money.Money{}, fmt.Errorf("redeem credit: %w", err)
	}
	return left, nil
}

func (d *DB) redeem(ctx context.Context, r credit.Redemption) (left money.Money, err error) {
	tx, err := d.statements.Begin(ctx)
	if err != nil {
		return left, err
	}
	defer tx.Rollback()
	for _, name := range []string{"redeem:" + r.Key, customerAccount(r.Customer)} { // all take them in this order
		if err := d.db.exclude(tx, name); err != nil {
			return left, err
		}
	}
	left.Currency = r.Amount.Currency
	var customer string
	var amount money.Money
	err = tx.QueryRow(`SELECT customer, minor, currency, left_minor FROM credit_redemption WHERE key = ?`, []any{r.Key},
		&customer, &amount.Minor, &amount.Currency, &left.Minor)
	switch {
	case err == nil && (customer != r.Customer || amount != r.Amount):
		return money.Money{}, fmt.Errorf("key %q: %w", r.Key, credit.ErrConflict)
	case err == nil:
		return left, nil
	case !errors.Is(err, sql.ErrNoRows):
		return left, err
	}
	var restored bool
	if err := tx.QueryRow(`SELECT EXISTS (SELECT 1 FROM brake WHERE target = ? AND by_whom = ?)`, []any{decide.TargetMoney, decide.Restorer}, &restored); err != nil {
		return left, err
	}
	if restored {
		return money.Money{}, credit.ErrStopped
	}
	if left.Minor, err = spend(tx, r); err != nil {
		return left, err
	}
	if _, err := tx.Exec(`INSERT INTO credit_redemption (key, customer, minor, currency, at, left_minor) VALUES (?, ?, ?, ?, ?, ?)`,
		r.Key, r.Customer, r.Amount.Minor, r.Amount.Currency, unixNano(r.At), left.Minor); err != nil {
		return left, err
	}
	return left, tx.Commit()
}

// spend takes an amount from a customer's lots, what expires first first, and
// returns what is left.
func spend(tx *statement.Tx, r credit.Redemption) (left int64, err error) {
	rows, err := tx.Query(lotsQuery, customerAccount(r.Customer), r.Customer)
	if err != nil {
		return 0, err
	}
	lots, err := scanLots(rows, r.At)
	if err != nil {
		return 0, err
	}
	lots = slices.DeleteFunc(lots, func(l lot) bool { return l.left.Currency != r.Amount.Currency })
	for _, l := range lots {
		left += l.left.Minor
	}
	if left < r.Amount.Minor {
		return 0, fmt.Errorf("%d of %d in minor units: %w", left, r.Amount.Minor, credit.ErrShort)
	}
	due := r.Amount.Minor
	for _, l := range lots {
		take := money.Money{Minor: min(due, l.left.Minor), Currency: r.Amount.Currency}
		if take.Minor == 0 {
			break
		}
		if err := post(tx, "redeem:"+r.Key, customerAccount(r.Customer), accountRedeemed, l.id, take, r.At); err != nil {
			return 0, err
		}
		due -= take.Minor
	}
	return left - r.Amount.Minor, nil
}

// Balance implements credit.Books.
func (d *DB) Balance(ctx context.Context, customer string, at time.Time) ([]money.Money, error) {
	rows, err := d.db.Read.QueryContext(ctx, lotsQuery, customerAccount(customer), customer)
	if err != nil {
		return nil, fmt.Errorf("read credit: %w", err)
	}
	lots, err := scanLots(rows, at)
	if err != nil {
		return nil, fmt.Errorf("read credit: %w", err)
	}
	var sums []money.Money
	for _, l := range lots {
		i := slices.IndexFunc(sums, func(m money.Money) bool { return m.Currency == l.left.Currency })
		if i < 0 {
			sums = append(sums, l.left)
			continue
		}
		sums[i].Minor += l.left.Minor
	}
	slices.SortFunc(sums, func(a, b money.Money) int { return cmp.Compare(a.Currency, b.Currency) })
	return sums, nil
}

// Unspent returns what all customers have left, whether it has expired or not, by currency.
func (d *DB) Unspent(ctx context.Context) ([]credit.Unspent, error) {
	rows, err := d.db.Read.QueryContext(ctx, `SELECT currency, CAST(SUM(minor) AS BIGINT), COUNT(*) FROM
		(SELECT currency, SUM(minor) AS minor FROM credit_entry WHERE account LIKE 'customer:%' GROUP BY account, currency HAVING SUM(minor) > 0) AS had
		GROUP BY currency ORDER BY currency`)
	if err != nil {
		return nil, fmt.Errorf("add up credit: %w", err)
	}
	defer rows.Close()
	var left []credit.Unspent
	for rows.Next() {
		var u credit.Unspent
		if err := rows.Scan(&u.Amount.Currency, &u.Amount.Minor, &u.Customers); err != nil {
			return nil, fmt.Errorf("add up credit: %w", err)
		}
		left = append(left, u)
	}
	return left, rows.Err()
}

// lot is what a customer has left of one grant.
type lot struct {
	id      uuid.UUID
	left    money.Money
	at      int64
	expires int64 // 0: never
}

// lotsQuery reads the lots of a customer of which something is left.
const lotsQuery = `SELECT l.lot, l.currency, l.at, l.expires, SUM(e.minor) FROM credit_lot AS l
	JOIN credit_entry AS e ON e.lot = l.lot AND e.account = ? WHERE l.customer = ?
	GROUP BY l.lot, l.currency, l.at, l.expires HAVING SUM(e.minor) > 0`

// scanLots returns the lots that can be spent at a time, in the order in which
// they are spent.
func scanLots(rows *sql.Rows, at time.Time) ([]lot, error) {
	defer rows.Close()
	var lots []lot
	for rows.Next() {
		var l lot
		if err := rows.Scan(&l.id, &l.left.Currency, &l.at, &l.expires, &l.left.Minor); err != nil {
			return nil, err
		}
		if l.expires == 0 || at.UnixNano() < l.expires {
			lots = append(lots, l)
		}
	}
	slices.SortFunc(lots, func(a, b lot) int {
		// Subtracting one puts what never expires behind everything else.
		return cmp.Or(cmp.Compare(uint64(a.expires-1), uint64(b.expires-1)), cmp.Compare(a.at, b.at), slices.Compare(a.id[:], b.id[:]))
	})
	return lots, rows.Err()
}
