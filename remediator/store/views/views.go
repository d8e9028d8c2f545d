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

var (
	// Schema makes the tables in an empty SQLite database.
	//
	//go:embed schema.sqlite.sql
	Schema string
	// SchemaOnServer makes them in an empty PostgreSQL database.
	//
	//go:embed schema.postgres.sql
	SchemaOnServer string

	// Sums adds the sums of what waits and of what left to tables without them, in a
	// SQLite database.
	//
	//go:embed sums.sqlite.sql
	Sums string
	// SumsOnServer adds them in a PostgreSQL database.
	//
	//go:embed sums.postgres.sql
	SumsOnServer string
)

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

// stepsApart is by how much the numbers of the steps of two remedies differ at the
// least. A remedy has fewer steps.
const stepsApart = 64

// live is the mode of a remedy that acts.
const live = "live"

// Decisions returns the decisions among entries, by their sequence, as the items have
// them of which the entries were made. One that no item has is read: once, and before the
// transaction begins, for no other kind is as frequent and as long.
func Decisions(entries []ledger.Entry, items []decide.Item) (map[uint64]*decide.RemedyFact, error) {
	var known []*decide.RemedyFact
	for i := range items {
		if fact := items[i].Fact; fact != nil && fact.Kind == decide.KindRemedy {
			known = append(known, items[i].Decision)
		}
	}
	decisions := make(map[uint64]*decide.RemedyFact, len(known))
	for _, e := range entries {
		if e.Kind != decide.KindRemedy {
			continue
		}
		f := known[len(decisions)] // the entries are in the order of the items
		if f == nil {
			f = &decide.RemedyFact{}
			if err := json.Unmarshal(e.Body, f); err != nil {
				return nil, fmt.Errorf("read entry %d (%s): %w", e.Seq, e.Kind, err)
			}
		}
		decisions[e.Seq] = f
	}
	return decisions, nil
}

// Apply takes entries that are about to be committed into the views, with the
// decisions among them, and what else came of the same inputs.
func Apply(tx *statement.Tx, entries []ledger.Entry, decisions map[uint64]*decide.RemedyFact, out *decide.Output) error {
	if err := applyEntries(tx, entries, decisions); err != nil {
		return err
	}
	return applyStates(tx, out)
}

func applyEntries(tx *statement.Tx, entries []ledger.Entry, decisions map[uint64]*decide.RemedyFact) error {
	fresh := rows{sums: newSums()}
	for _, e := range entries {
		var err error
		switch e.Kind {
		case decide.KindRemedy:
			if fresh.decided[e.Remedy] { // one statement changes a row once
				err = fresh.insert(tx)
			}
			fresh.addRemedy(e, decisions[e.Seq])
		case decide.KindLegalHold:
			err = applyLegalHold(tx, e)
		case decide.KindApproval, decide.KindRefusal, decide.KindAction, decide.KindPull, decide.KindEnd, decide.KindProgress, decide.KindSeen,
			decide.KindReconciliation, decide.KindDifference, decide.KindCOE:
			// These change rows, so that those before must be in the tables.
			if err = fresh.insert(tx); err == nil {
				err = fresh.sums.willChange(tx, e.Remedy)
			}
			if err == nil {
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
	if err := fresh.sums.write(tx); err != nil {
		return fmt.Errorf("view sums: %w", err)
	}
	return nil
}

// applyStates takes what came of the inputs beside the facts.
func applyStates(tx *statement.Tx, out *decide.Output) error {
	if err := applyRefunds(tx, out.Refunds); err != nil {
		return fmt.Errorf("view refunds: %w", err)
	}
	if err := applyCords(tx, out.Cords); err != nil {
		return fmt.Errorf("view cords: %w", err)
	}
	if err := applyBulks(tx, out.Bulks); err != nil {
		return fmt.Errorf("view bulks: %w", err)
	}
	if err := applyCOETexts(tx, out.COEs); err != nil {
		return fmt.Errorf("view revisions: %w", err)
	}
	if err := applyGaps(tx, out.Gaps); err != nil {
		return fmt.Errorf("view gaps: %w", err)
	}
	if err := applyAnswers(tx, out.Answers); err != nil {
		return fmt.Errorf("view commands: %w", err)
	}
	if err := applyProposal(tx, out.Proposal); err != nil {
		return fmt.Errorf("view proposal: %w", err)
	}
	return nil
}

// update takes a fact about something that is in the tables.
func update(tx *statement.Tx, e ledger.Entry) error {
	switch e.Kind {
	case decide.KindApproval:
		return applyApproval(tx, e)
	case decide.KindRefusal:
		return applyRefusal(tx, e)
	case decide.KindAction:
		return applyAction(tx, e)
	case decide.KindPull:
		_, err := tx.Exec(`UPDATE action SET status = ?, attempts = 1, accepted_at = ?, arrived_at = ? WHERE action = ?`, decide.Succeeded, e.At, e.At, e.Action.String())
		return err
	case decide.KindEnd:
		return applyEnd(tx, e)
	case decide.KindSeen:
		return applySeen(tx, e)
	case decide.KindReconciliation:
		return applyReconciliation(tx, e)
	case decide.KindDifference:
		return applyDifference(tx, e)
	case decide.KindCOE:
		return applyCOE(tx, e)
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

// applyRefusal shows what a remedy is held for since an approval was refused for it.
func applyRefusal(tx *statement.Tx, e ledger.Entry) error {
	var f decide.RefusalFact
	if err := json.Unmarshal(e.Body, &f); err != nil || f.Held == "" {
		return err
	}
	return holdAlone(tx, e.Remedy, f.Held)
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
	var accepted, arrived int64
	switch f.Status {
	case decide.Succeeded:
		accepted, arrived = e.At, e.At
	case decide.Pending:
		accepted = e.At
	}
	// What was seen and not tried has no number; the attempts stay counted.
	_, err := tx.Exec(`UPDATE action SET status = ?, attempts = CASE WHEN attempts > ? THEN attempts ELSE ? END, code = ?, ref = ?, seen_at = ?,
		accepted_at = ?, arrived_at = ? WHERE action = ?`,
		f.Status, int64(f.Attempt), int64(f.Attempt), f.Code, f.Ref, f.SeenAt, accepted, arrived, e.Action.String())
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
	if err != nil {
		return err
	}
	return applyLost(tx, f.WindowsLost)
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
