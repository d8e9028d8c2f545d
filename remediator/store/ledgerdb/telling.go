package ledgerdb

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/google/uuid"

	"github.com/makegood/makegood/remediator/act"
	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/ledger"
)

// maxRetries bounds how often what is told was retried before.
const maxRetries = 64

// addTold gives a job that tells somebody something what it tells: the values
// sealed with the decision, and what the remedy's actions came to. A retry tells
// what the remedy was to tell that it is made from. Every entry is held against
// its leaf, so that nobody is told what was not sealed.
func (d *DB) addTold(ctx context.Context, query queryRow, job *act.Job, decision ledger.Entry) error {
	from := decision
	for range maxRetries {
		values, outcomes, err := d.told(ctx, query, from)
		if err != nil {
			return err
		}
		job.Outcomes = append(outcomes, job.Outcomes...)
		if len(values) > 0 {
			job.Values, err = d.openValues(ctx, decision, values)
			return err
		}
		if from.Rule != decide.RuleRetry {
			return nil
		}
		if from, err = retried(query, from); err != nil {
			return err
		}
		job.Retried = append(job.Retried, from.Encode())
	}
	return nil
}

// told reads the values sealed with a decision, and what its actions came to.
func (d *DB) told(ctx context.Context, query queryRow, decision ledger.Entry) (values, outcomes []decide.Fact, err error) {
	rows, err := d.db.Read.QueryContext(ctx, `SELECT seq FROM ledger WHERE remedy = ? AND remedy <> '' AND kind IN (?, ?) ORDER BY seq`,
		decision.Remedy.String(), decide.KindEvidence, decide.KindAction)
	if err != nil {
		return nil, nil, fmt.Errorf("read what remedy %s tells: %w", decision.Remedy, err)
	}
	defer rows.Close()
	for rows.Next() {
		var seq int64
		if err := rows.Scan(&seq); err != nil {
			return nil, nil, fmt.Errorf("read what remedy %s tells: %w", decision.Remedy, err)
		}
		e, err := readSealed(query, seq)
		if err != nil {
			return nil, nil, err
		}
		if e.Kind == decide.KindAction {
			outcomes = append(outcomes, e.Fact)
			continue
		}
		var body ledger.EvidenceBody
		if err := json.Unmarshal(e.Body, &body); err != nil {
			return nil, nil, fmt.Errorf("read evidence of remedy %s: %w", decision.Remedy, err)
		}
		if body.Kind == decide.EvidenceValues {
			values = append(values, e.Fact)
		}
	}
	return values, outcomes, rows.Err()
}

// retried reads the decision that a retry is made from. No decision about a
// remedy comes after the one that acted.
func retried(query queryRow, retry ledger.Entry) (ledger.Entry, error) {
	var body struct {
		Of uuid.UUID `json:"of"`
	}
	if err := json.Unmarshal(retry.Body, &body); err != nil {
		return retry, fmt.Errorf("read retry %s: %w", retry.Remedy, err)
	}
	var seq int64
	if err := query(`SELECT COALESCE(MAX(seq), -1) FROM ledger WHERE remedy = ? AND remedy <> '' AND kind = ?`, []any{body.Of.String(), decide.KindRemedy}, &seq); err != nil {
		return retry, fmt.Errorf("find remedy %s: %w", body.Of, err)
	}
	return readSealed(query, seq)
}

// openValues decrypts values. They are nil when their key was destroyed.
func (d *DB) openValues(ctx context.Context, decision ledger.Entry, values []decide.Fact) ([]byte, error) {
	keys, err := d.keysFor(ctx, []ledger.Entry{decision})
	if err != nil {
		return nil, err
	}
	var body ledger.EvidenceBody
	if err := json.Unmarshal(values[0].Body, &body); err != nil {
		return nil, fmt.Errorf("read evidence of remedy %s: %w", decision.Remedy, err)
	}
	key, kept := keys[body.Key]
	if !kept {
		return nil, nil
	}
	_, plain, err := ledger.OpenEvidence(key, values)
	return plain, err
}
