// Package views keeps what people ask for most in tables of its own: remedies,
// their actions, cords, what became of the events. The tables are derived from
// the facts in the transaction that seals these; nothing is decided from them
// and they could be made anew from the ledger. Package ledgerdb applies and
// serves them.
package views

import (
	_ "embed" // the schema
	"encoding/json"
	"fmt"

	"github.com/google/uuid"

	"github.com/makegood/makegood/remediator/cord"
	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/ledger"
	"github.com/makegood/makegood/remediator/store/internal/statement"
)

// Schema makes the tables in an empty SQLite database.
//
//go:embed schema.sqlite.sql
var Schema string

// Statuses of a remedy besides the ends of package decide.
const (
	StatusActing     = "acting"
	StatusHeld       = "held"       // waits for a person
	StatusSuppressed = "suppressed" // decided against, for good
	StatusShadow     = "shadow"     // nothing was to happen
)

// Statuses of an action besides those of an attempt.
const (
	StatusWaiting = "waiting"      // for a person, for its turn, or for its first outcome
	StatusSkipped = decide.Skipped // also when its remedy ended without it
)

// live is the mode of a remedy that acts.
const live = "live"

// Apply takes entries that are about to be committed into the views, and what
// else came of the same inputs.
func Apply(tx *statement.Tx, entries []ledger.Entry, out *decide.Output) error {
	var fresh rows
	for _, e := range entries {
		var err error
		switch e.Kind {
		case decide.KindRemedy:
			err = fresh.addRemedy(e)
		case decide.KindApproval, decide.KindAction, decide.KindPull, decide.KindEnd, decide.KindProgress:
			// These change rows, so that those before must be in the tables.
			if err = fresh.insert(tx); err == nil {
				err = update(tx, e)
			}
		}
		if err != nil {
			return fmt.Errorf("view entry %d (%s): %w", e.Seq, e.Kind, err)
		}
	}
	if err := fresh.insert(tx); err != nil {
		return fmt.Errorf("view remedies: %w", err)
	}
	if err := applyCords(tx, out.Cords); err != nil {
		return fmt.Errorf("view cords: %w", err)
	}
	if err := applyBulks(tx, out.Bulks); err != nil {
		return fmt.Errorf("view bulks: %w", err)
	}
	if err := applyAnswers(tx, out.Answers); err != nil {
		return fmt.Errorf("view commands: %w", err)
	}
	if err := applyProposal(tx, out.Proposal); err != nil {
		return fmt.Errorf("view proposal: %w", err)
	}
	return nil
}

// rows are remedies and actions that are not in the tables yet.
type rows struct{ remedies, actions []any }

func (r *rows) addRemedy(e ledger.Entry) error {
	var f decide.RemedyFact
	if err := json.Unmarshal(e.Body, &f); err != nil {
		return err
	}
	status := map[string]string{decide.Act: StatusActing, decide.Hold: StatusHeld, decide.Suppress: StatusSuppressed}[f.Decision]
	if f.Mode != live {
		status = StatusShadow
	}
	r.remedies = append(r.remedies, f.Remedy.String(), f.Mode, int64(e.Seq), e.At, f.Rule, f.Decision, f.Reason, status,
		f.Customer, f.Subject, f.Account, f.Source, f.Event, int64(0), statement.ID(f.Bulk))
	if f.Mode != live || f.Decision == decide.Suppress {
		return nil
	}
	for place, s := range f.Steps {
		customer, minor, currency := s.Customer, int64(0), ""
		if customer == "" {
			customer = f.Customer
		}
		if s.Amount != nil {
			minor, currency = s.Amount.Minor, s.Amount.Currency
		}
		r.actions = append(r.actions, s.Action.String(), f.Remedy.String(), s.Name, s.Kind, s.Connector, s.Payment, customer, s.Cord, s.Template, s.Endpoint,
			minor, currency, StatusWaiting, int64(0), "", "", "", int64(place))
	}
	return nil
}

// insert puts the rows into the tables. A remedy that was suppressed took no
// key, so that its id may come again: the newest decision counts.
func (r *rows) insert(tx *statement.Tx) error {
	const remedyColumns, actionColumns = 15, 18
	err := tx.Insert(`INSERT INTO remedy (remedy, mode, seq, at, rule, decision, reason, status, customer, subject, account, source, event, ended_at, bulk)`,
		`ON CONFLICT (remedy, mode) DO UPDATE SET seq = excluded.seq, at = excluded.at, rule = excluded.rule,
		decision = excluded.decision, reason = excluded.reason, status = excluded.status, customer = excluded.customer,
		subject = excluded.subject, account = excluded.account, source = excluded.source, event = excluded.event, ended_at = excluded.ended_at, bulk = excluded.bulk`,
		remedyColumns, r.remedies)
	if err != nil {
		return err
	}
	err = tx.Insert(`INSERT INTO action (action, remedy, name, kind, connector, payment, customer, cord, template, endpoint, minor, currency, status, attempts, code, ref, seen_at, place)`,
		"", actionColumns, r.actions)
	r.remedies, r.actions = r.remedies[:0], r.actions[:0]
	return err
}

// update takes a fact about something that is in the tables.
func update(tx *statement.Tx, e ledger.Entry) error {
	switch e.Kind {
	case decide.KindApproval:
		return applyApproval(tx, e)
	case decide.KindAction:
		return applyAction(tx, e)
	case decide.KindPull:
		_, err := tx.Exec(`UPDATE action SET status = ?, attempts = 1 WHERE action = ?`, decide.Succeeded, e.Action.String())
		return err
	case decide.KindEnd:
		return applyEnd(tx, e)
	}
	return applyProgress(tx, e)
}

func applyApproval(tx *statement.Tx, e ledger.Entry) error {
	var f decide.ApprovalFact
	if err := json.Unmarshal(e.Body, &f); err != nil {
		return err
	}
	if f.Held != "" {
		return holdAlone(tx, e.Remedy, f.Held)
	}
	if f.Answer != "approve" || f.Have < f.Need {
		return nil // a denial ends the remedy, which is a fact of its own
	}
	return setStatus(tx, e.Remedy, StatusActing)
}

func setStatus(tx *statement.Tx, remedy uuid.UUID, status string) error {
	_, err := tx.Exec(`UPDATE remedy SET status = ? WHERE remedy = ? AND mode = ?`, status, remedy.String(), live)
	return err
}

// holdAlone shows that a remedy is held for a reason that came up later.
func holdAlone(tx *statement.Tx, remedy uuid.UUID, reason string) error {
	_, err := tx.Exec(`UPDATE remedy SET status = ?, reason = ?, bulk = '' WHERE remedy = ? AND mode = ?`, StatusHeld, reason, remedy.String(), live)
	return err
}

func applyAction(tx *statement.Tx, e ledger.Entry) error {
	var f decide.ActionFact
	if err := json.Unmarshal(e.Body, &f); err != nil {
		return err
	}
	_, err := tx.Exec(`UPDATE action SET status = ?, attempts = ?, code = ?, ref = ?, seen_at = ? WHERE action = ?`,
		f.Status, int64(f.Attempt), f.Code, f.Ref, f.SeenAt, e.Action.String())
	if err == nil && f.Amount != nil {
		_, err = tx.Exec(`UPDATE action SET minor = ? WHERE action = ? AND currency = ?`, f.Amount.Minor, e.Action.String(), f.Amount.Currency)
	}
	if err == nil && f.Status == decide.Blocked {
		err = holdAlone(tx, e.Remedy, decide.ReasonRefunded)
	}
	return err
}

func applyEnd(tx *statement.Tx, e ledger.Entry) error {
	var f decide.EndFact
	if err := json.Unmarshal(e.Body, &f); err != nil {
		return err
	}
	if _, err := tx.Exec(`UPDATE remedy SET status = ?, ended_at = ? WHERE remedy = ? AND mode = ?`, f.Status, e.At, e.Remedy.String(), live); err != nil {
		return err
	}
	_, err := tx.Exec(`UPDATE action SET status = ? WHERE remedy = ? AND status IN (?, ?)`,
		StatusSkipped, e.Remedy.String(), StatusWaiting, decide.Blocked)
	return err
}

func applyProgress(tx *statement.Tx, e ledger.Entry) error {
	var f decide.ProgressFact
	if err := json.Unmarshal(e.Body, &f); err != nil {
		return err
	}
	c := f.Counts
	_, err := tx.Exec(`UPDATE counted SET through = ?, inputs = inputs + ?, received = received + ?, duplicates = duplicates + ?,
		no_match = no_match + ?, judged = judged + ?, remedies = remedies + ?, late = late + ?, no_key = no_key + ?, errors = errors + ? WHERE id = 1`,
		int64(f.Through), int64(f.Inputs), int64(c.Received), int64(c.Duplicates), int64(c.NoMatch), int64(c.Judged),
		int64(c.Remedies), int64(c.Late), int64(c.NoKey), int64(c.Errors))
	return err
}

// applyCords stores the newest state of each cord.
func applyCords(tx *statement.Tx, cords []cord.State) error {
	newest := map[string]int{}
	for i, c := range cords {
		newest[c.Cord] = i
	}
	for i, c := range cords {
		if newest[c.Cord] != i {
			continue
		}
		text, err := json.Marshal(c)
		if err != nil {
			return err
		}
		_, err = tx.Exec(`INSERT INTO cord (cord, level, pulls, state) VALUES (?, ?, ?, ?)
			ON CONFLICT (cord) DO UPDATE SET level = excluded.level, pulls = excluded.pulls, state = excluded.state`,
			c.Cord, c.Level, int64(c.Pulls), text)
		if err != nil {
			return err
		}
	}
	return nil
}
