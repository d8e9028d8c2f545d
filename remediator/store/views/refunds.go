package views

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/ledger"
	"github.com/makegood/makegood/remediator/money"
	"github.com/makegood/makegood/remediator/store/internal/statement"
)

// applySeen takes how a refund stands at its provider into the action that made it.
// What has failed has not arrived.
func applySeen(tx *statement.Tx, e ledger.Entry) error {
	var f decide.SeenFact
	if err := json.Unmarshal(e.Body, &f); err != nil {
		return err
	}
	if e.Action == uuid.Nil {
		return nil
	}
	arrived := int64(0)
	if f.Status == decide.Succeeded {
		arrived = e.At
	}
	_, err := tx.Exec(`UPDATE action SET status = ?, code = ?, seen_at = ?, arrived_at = ? WHERE action = ?`, f.Status, f.Code, f.SeenAt, arrived, e.Action.String())
	return err
}

// applyRefunds keeps the list of refunds that are not finished.
func applyRefunds(tx *statement.Tx, refunds []decide.Refund) error {
	newest := map[string]int{}
	for i, r := range refunds {
		newest[r.Name] = i
	}
	for i, r := range refunds {
		if newest[r.Name] != i {
			continue
		}
		var err error
		if connector, ref, _ := r.Split(); r.Status == decide.Pending {
			_, err = tx.Exec(`INSERT INTO pending (name, connector, ref) VALUES (?, ?, ?) ON CONFLICT (name) DO NOTHING`, r.Name, connector, ref)
		} else {
			_, err = tx.Exec(`DELETE FROM pending WHERE name = ?`, r.Name)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// Pending lists up to limit references of refunds of a connector that are not
// finished, after one of them in their order.
func Pending(ctx context.Context, db *sql.DB, connector, after string, limit int) ([]string, error) {
	result, err := db.QueryContext(ctx, `SELECT ref FROM pending WHERE connector = ? AND ref > ? ORDER BY ref LIMIT ?`, connector, after, limit)
	if err != nil {
		return nil, fmt.Errorf("read pending refunds: %w", err)
	}
	defer result.Close()
	var refs []string
	for result.Next() {
		var ref string
		if err := result.Scan(&ref); err != nil {
			return nil, fmt.Errorf("read pending refund: %w", err)
		}
		refs = append(refs, ref)
	}
	return refs, result.Err()
}

// Refund is a refund of ours as the ledger has it, for comparing it with a provider.
type Refund struct {
	Action  uuid.UUID
	Remedy  uuid.UUID
	Rule    string
	Payment string
	Ref     string // empty when the provider gave none
	Status  string // of the last attempt, or as it was seen since
	Amount  money.Money
	Decided time.Time
	// Accepted is the log time at which the provider had taken it on; zero when it
	// has not.
	Accepted time.Time
}

// Refunds lists the refunds of a connector that were taken on in a period, and those
// decided in it that nobody took on and that were attempted. The end of the period
// is not in it.
func Refunds(ctx context.Context, db *sql.DB, connector string, from, to time.Time) ([]Refund, error) {
	const columns = `SELECT a.action, a.remedy, r.rule, a.payment, a.ref, a.status, a.minor, a.currency, r.at, a.accepted_at
		FROM action a JOIN remedy r ON r.remedy = a.remedy AND r.mode = '` + live + `' WHERE a.kind = 'refund' AND a.connector = ? `
	begin, end := from.UnixNano(), to.UnixNano()
	result, err := db.QueryContext(ctx, columns+`AND a.accepted_at >= ? AND a.accepted_at < ? AND a.accepted_at > 0
		UNION ALL `+columns+`AND a.accepted_at = 0 AND a.attempts > 0 AND r.at >= ? AND r.at < ? ORDER BY 1`,
		connector, begin, end, connector, begin, end)
	if err != nil {
		return nil, fmt.Errorf("read refunds: %w", err)
	}
	defer result.Close()
	var refunds []Refund
	for result.Next() {
		var r Refund
		var decided, accepted int64
		if err := result.Scan(&r.Action, &r.Remedy, &r.Rule, &r.Payment, &r.Ref, &r.Status, &r.Amount.Minor, &r.Amount.Currency, &decided, &accepted); err != nil {
			return nil, fmt.Errorf("read refund: %w", err)
		}
		r.Decided = time.Unix(0, decided).UTC()
		if accepted > 0 {
			r.Accepted = time.Unix(0, accepted).UTC()
		}
		refunds = append(refunds, r)
	}
	return refunds, result.Err()
}
