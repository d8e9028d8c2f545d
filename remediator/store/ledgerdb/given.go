package ledgerdb

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/makegood/makegood/remediator/act/credit"
	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/ledger"
	"github.com/makegood/makegood/remediator/rule"
	"github.com/makegood/makegood/remediator/store/internal/statement"
)

// given is credit that an outcome says was given or taken back.
type given struct {
	action  uuid.UUID
	kind    string
	entry   int64 // of the decision
	outcome ledger.Entry
}

// writeGiven puts what outcomes say of credit into the books where these have it not.
// A grant is in the books before its outcome is in the log, but the books may have been
// restored from before it and the log not.
func (d *DB) writeGiven(tx *statement.Tx, c *Change) error {
	outcomes := map[uuid.UUID]ledger.Entry{}
	for _, e := range c.entries {
		if e.Kind != decide.KindAction {
			continue
		}
		var fact decide.ActionFact
		if err := json.Unmarshal(e.Body, &fact); err != nil {
			return fmt.Errorf("read outcome %d: %w", e.Seq, err)
		}
		if fact.Status == decide.Succeeded {
			outcomes[e.Action] = e
		}
	}
	missing, err := missingInBooks(tx, outcomes)
	if err != nil {
		return err
	}
	for _, g := range missing {
		if err := d.give(tx, g); err != nil {
			return fmt.Errorf("action %s: %w", g.action, err)
		}
	}
	return nil
}

// missingInBooks returns the credit that was given and is not in the books, and all
// that was taken back, in the order of the outcomes.
func missingInBooks(tx *statement.Tx, outcomes map[uuid.UUID]ledger.Entry) (missing []given, err error) {
	actions := make([]uuid.UUID, 0, len(outcomes))
	for action := range outcomes {
		actions = append(actions, action)
	}
	for in, args := range statement.Lists(actions) {
		rows, err := tx.Query(`SELECT action, kind, entry FROM outbox WHERE action IN `+in+` AND connector = '`+rule.Credit+`'
			AND (kind = '`+decide.KindOfReverse+`' OR NOT EXISTS (SELECT 1 FROM credit_lot WHERE lot = outbox.action))`, args...)
		if err != nil {
			return nil, err
		}
		defer rows.Close()
		for rows.Next() {
			var g given
			if err := rows.Scan(&g.action, &g.kind, &g.entry); err != nil {
				return nil, err
			}
			g.outcome = outcomes[g.action]
			missing = append(missing, g)
		}
		if err := errors.Join(rows.Err(), rows.Close()); err != nil { // before the connection is asked for more
			return nil, err
		}
	}
	slices.SortFunc(missing, func(a, b given) int { return cmp.Compare(a.outcome.Seq, b.outcome.Seq) })
	return missing, nil
}

// give gives credit, or takes it back, as of when the outcome was sealed. Credit that is
// to be taken back and was spent by these books stays: a person sees it in them.
func (d *DB) give(tx *statement.Tx, g given) error {
	entry, err := readSealed(tx.QueryRow, g.entry)
	if err != nil {
		return err
	}
	var fact decide.RemedyFact
	if err := json.Unmarshal(entry.Body, &fact); err != nil {
		return fmt.Errorf("read decision %d: %w", g.entry, err)
	}
	at := slices.IndexFunc(fact.Steps, func(s decide.Step) bool { return s.Action == g.action })
	if at < 0 || fact.Steps[at].Kind != g.kind || fact.Steps[at].Amount == nil {
		return fmt.Errorf("decision %d has no %s of this action", g.entry, g.kind)
	}
	step, when := fact.Steps[at], time.Unix(0, g.outcome.At)
	if g.kind == decide.KindOfReverse {
		err := d.reverse(tx, credit.Reversal{Action: g.action, Of: step.Of, At: when})
		if errors.Is(err, credit.ErrSpent) || errors.Is(err, credit.ErrUnknown) {
			return nil
		}
		return err
	}
	grant := credit.Grant{Action: g.action, Remedy: fact.Remedy, Customer: step.Customer, Amount: *step.Amount, At: when}
	if step.ExpiresS > 0 {
		grant.Expires = when.Add(time.Duration(step.ExpiresS) * time.Second)
	}
	return d.grant(tx, grant)
}
