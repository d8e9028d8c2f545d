package views

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"time"

	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/ledger"
	"github.com/makegood/makegood/remediator/store/internal/statement"
)

// Difference is a difference between the ledger and a provider as it stands.
type Difference struct {
	decide.Difference
	Sequence uint64     `json:"sequence"` // of the fact that opened it
	Status   string     `json:"status"`   // open or closed
	Opened   time.Time  `json:"opened"`
	OpenedBy string     `json:"opened_by"`
	Closed   *time.Time `json:"closed,omitempty"`
	ClosedBy string     `json:"closed_by,omitempty"`
}

// DifferenceFilter chooses differences; what is empty chooses all.
type DifferenceFilter struct {
	Connector, Status string
	After             uint64 // the sequence of one above which the list goes on; 0 begins with the oldest
	Limit             int
}

func applyReconciliation(tx *statement.Tx, e ledger.Entry) error {
	var f decide.ReconciliationFact
	if err := json.Unmarshal(e.Body, &f); err != nil {
		return err
	}
	_, err := tx.Exec(`INSERT INTO reconciliation (seq, at, connector, fact) VALUES (?, ?, ?, ?)`, int64(e.Seq), e.At, f.Connector, []byte(e.Body))
	return err
}

func applyDifference(tx *statement.Tx, e ledger.Entry) error {
	var f decide.DifferenceFact
	if err := json.Unmarshal(e.Body, &f); err != nil {
		return err
	}
	var err error
	if f.Status == decide.DifferenceClosed {
		_, err = tx.Exec(`UPDATE difference SET status = ?, closed_at = ?, closed_by = ? WHERE difference = ?`, f.Status, e.At, f.By, f.ID.String())
	} else {
		_, err = tx.Exec(`INSERT INTO difference (difference, seq, connector, status, opened_at, opened_by, closed_at, closed_by, fact) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
			f.ID.String(), int64(e.Seq), f.Connector, f.Status, e.At, f.By, int64(0), "", []byte(e.Body))
	}
	return err
}

// Reconciliations lists the comparisons with providers, the newest first, of those below
// a sequence unless it is 0.
func Reconciliations(ctx context.Context, db *sql.DB, before uint64, limit int) ([]decide.ReconciliationFact, error) {
	n := narrowing{where: "seq >= 0"}
	if before != 0 {
		n.by("seq < ?", int64(before))
	}
	result, err := db.QueryContext(ctx, `SELECT seq, at, fact FROM reconciliation WHERE `+n.where+` ORDER BY seq DESC LIMIT ?`, append(n.args, limit)...)
	if err != nil {
		return nil, fmt.Errorf("read reconciliations: %w", err)
	}
	defer result.Close()
	found := []decide.ReconciliationFact{}
	for result.Next() {
		var f decide.ReconciliationFact
		var seq, at int64
		var text []byte
		if err := result.Scan(&seq, &at, &text); err != nil {
			return nil, fmt.Errorf("read reconciliation: %w", err)
		}
		if err := json.Unmarshal(text, &f); err != nil {
			return nil, fmt.Errorf("read reconciliation: %w", err)
		}
		f.Seq, f.Time = uint64(seq), time.Unix(0, at).UTC().Format(time.RFC3339)
		found = append(found, f)
	}
	return found, result.Err()
}

// Differences lists differences in the order in which they were opened.
func Differences(ctx context.Context, db *sql.DB, f DifferenceFilter) ([]Difference, error) {
	n := narrowing{where: "seq >= 0"}
	n.text("connector", f.Connector)
	n.text("status", f.Status)
	if f.After != 0 {
		n.by("seq > ?", int64(f.After))
	}
	result, err := db.QueryContext(ctx, `SELECT seq, status, opened_at, opened_by, closed_at, closed_by, fact FROM difference WHERE `+n.where+
		` ORDER BY seq LIMIT ?`, append(n.args, f.Limit)...)
	if err != nil {
		return nil, fmt.Errorf("read differences: %w", err)
	}
	defer result.Close()
	found := []Difference{}
	for result.Next() {
		var d Difference
		var fact decide.DifferenceFact
		var seq, opened, closed int64
		var text []byte
		if err := result.Scan(&seq, &d.Status, &opened, &d.OpenedBy, &closed, &d.ClosedBy, &text); err != nil {
			return nil, fmt.Errorf("read difference: %w", err)
		}
		if err := json.Unmarshal(text, &fact); err != nil {
			return nil, fmt.Errorf("read difference: %w", err)
		}
		d.Difference, d.Sequence, d.Opened, d.Closed = fact.Difference, uint64(seq), time.Unix(0, opened).UTC(), when(closed)
		found = append(found, d)
	}
	return found, result.Err()
}
