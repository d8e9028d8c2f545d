package views

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/store/internal/statement"
)

// answersKept is for how long of log time the answer to a command is kept: as
// long as the fold knows a repeat of it.
const answersKept = int64(7 * 24 * time.Hour)

// applyAnswers stores what commands came to.
func applyAnswers(tx *statement.Tx, answers []decide.Answer) error {
	if len(answers) == 0 {
		return nil
	}
	newest := answers[len(answers)-1].At // log time never runs back
	if _, err := tx.Exec(`DELETE FROM command WHERE at <= ?`, newest-answersKept); err != nil {
		return err
	}
	for _, a := range answers {
		text, err := json.Marshal(a)
		if err != nil {
			return err
		}
		if _, err := tx.Exec(`INSERT INTO command (id, at, answer) VALUES (?, ?, ?) ON CONFLICT (id) DO NOTHING`, a.ID, a.At, text); err != nil {
			return err
		}
	}
	return nil
}

// Answer returns what a command came to, nil while it has no answer.
func Answer(ctx context.Context, db *sql.DB, id string) (*decide.Answer, error) {
	var text []byte
	err := db.QueryRowContext(ctx, `SELECT answer FROM command WHERE id = ?`, id).Scan(&text)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read answer: %w", err)
	}
	var a decide.Answer
	if err := json.Unmarshal(text, &a); err != nil {
		return nil, fmt.Errorf("read answer: %w", err)
	}
	return &a, nil
}

// applyProposal stores the rule set that waits, or that none does.
func applyProposal(tx *statement.Tx, p *decide.Proposal) error {
	if p == nil {
		return nil
	}
	if p.Answered {
		_, err := tx.Exec(`DELETE FROM proposal WHERE id = 1`)
		return err
	}
	text, err := json.Marshal(p)
	if err != nil {
		return err
	}
	_, err = tx.Exec(`INSERT INTO proposal (id, state) VALUES (1, ?) ON CONFLICT (id) DO UPDATE SET state = excluded.state`, text)
	return err
}

// ReadProposal returns the rule set that waits for another person, nil when none does.
func ReadProposal(ctx context.Context, db *sql.DB) (*decide.Proposal, error) {
	var text []byte
	err := db.QueryRowContext(ctx, `SELECT state FROM proposal WHERE id = 1`).Scan(&text)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read proposal: %w", err)
	}
	var p decide.Proposal
	if err := json.Unmarshal(text, &p); err != nil {
		return nil, fmt.Errorf("read proposal: %w", err)
	}
	return &p, nil
}
