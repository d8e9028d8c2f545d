package ledgerdb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/makegood/makegood/remediator/act/credit"
	"github.com/makegood/makegood/remediator/money"
	"github.com/makegood/makegood/remediator/store/internal/statement"
)

// Reverse implements credit.Books.
func (d *DB) Reverse(ctx context.Context, r credit.Reversal) error {
	tx, err := d.statements.Begin(ctx)
	if err != nil {
		return fmt.Errorf("reverse credit: %w", err)
	}
	defer tx.Rollback()
	if err := d.reverse(tx, r); err != nil {
		return fmt.Errorf("reverse credit of action %s: %w", r.Of, err)
	}
	return tx.Commit()
}

func (d *DB) reverse(tx *statement.Tx, r credit.Reversal) error {
	var customer string
	var whole, left money.Money
	err := tx.QueryRow(`SELECT customer, minor, currency FROM credit_lot WHERE lot = ?`, []any{r.Of.String()}, &customer, &whole.Minor, &whole.Currency)
	if errors.Is(err, sql.ErrNoRows) {
		return credit.ErrUnknown
	}
	if err != nil {
		return err
	}
	txn, account := "reverse:"+r.Action.String(), customerAccount(customer)
	if err := d.db.exclude(tx, account); err != nil {
		return err
	}
	var done int
	if err := tx.QueryRow(`SELECT COUNT(*) FROM credit_entry WHERE lot = ? AND account = ? AND txn = ?`, []any{r.Of.String(), account, txn}, &done); err != nil {
		return err
	}
	if done > 0 {
		return nil
	}
	if err := tx.QueryRow(`SELECT SUM(minor) FROM credit_entry WHERE lot = ? AND account = ?`, []any{r.Of.String(), account}, &left.Minor); err != nil {
		return err
	}
	if left.Minor != whole.Minor {
		return credit.ErrSpent
	}
	return post(tx, txn, account, accountGoodwill, r.Of, whole, r.At)
}
