package ledgerdb

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/makegood/makegood/remediator/act"
	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/ledger"
)

// addTold gives a job that tells somebody something what it tells: the values
// sealed with the decision, and what the remedy's actions came to. Every entry is
// held against its leaf, so that nobody is told what was not sealed.
func (d *DB) addTold(ctx context.Context, query queryRow, job *act.Job, decision ledger.Entry) error {
	rows, err := d.db.Read.QueryContext(ctx, `SELECT seq FROM ledger WHERE remedy = ? AND remedy <> '' AND kind IN (?, ?) ORDER BY seq`,
		job.Remedy.String(), decide.KindEvidence, decide.KindAction)
	if err != nil {
		return fmt.Errorf("read what remedy %s tells: %w", job.Remedy, err)
	}
	defer rows.Close()
	var values []decide.Fact
	for rows.Next() {
		var seq int64
		if err := rows.Scan(&seq); err != nil {
			return fmt.Errorf("read what remedy %s tells: %w", job.Remedy, err)
		}
		e, err := readSealed(query, seq)
		if err != nil {
			return err
		}
		if e.Kind == decide.KindAction {
			job.Outcomes = append(job.Outcomes, e.Fact)
			continue
		}
		var body ledger.EvidenceBody
		if err := json.Unmarshal(e.Body, &body); err != nil {
			return fmt.Errorf("read evidence of remedy %s: %w", job.Remedy, err)
		}
		if body.Kind == decide.EvidenceValues {
			values = append(values, e.Fact)
		}
	}
	if err := rows.Err(); err != nil || len(values) == 0 {
		return err
	}
	job.Values, err = d.openValues(ctx, decision, values)
	return err
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
