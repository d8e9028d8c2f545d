package views

import (
	"slices"

	"github.com/google/uuid"

	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/ledger"
	"github.com/makegood/makegood/remediator/store/internal/statement"
)

// rows are remedies and actions that are not in the tables yet.
type rows struct {
	remedies, actions []any
	decided           map[uuid.UUID]bool // which remedies
	sums              *sums
}

const (
	remedyColumns, actionColumns = 15, 24
	insertRemedy                 = `INSERT INTO remedy (remedy, mode, seq, at, rule, decision, reason, status, customer, subject, account, source, event, ended_at, bulk)`
)

func (r *rows) addRemedy(e ledger.Entry, f *decide.RemedyFact) {
	if r.decided == nil {
		r.decided = map[uuid.UUID]bool{}
	}
	r.decided[e.Remedy] = true
	status := map[string]string{decide.Act: StatusActing, decide.Hold: StatusHeld, decide.Suppress: StatusSuppressed}[f.Decision]
	if f.Mode != live {
		status = StatusShadow
	}
	r.remedies = append(r.remedies, f.Remedy.String(), f.Mode, int64(e.Seq), e.At, f.Rule, f.Decision, f.Reason, status,
		f.Customer, f.Subject, f.Account, f.Source, f.Event, int64(0), statement.ID(f.Bulk))
	counts := f.Mode != live || !r.sums.changing[f.Remedy] // else they are added in the end
	waits := heldGroup{rule: f.Rule, reason: f.Reason, bulk: statement.ID(f.Bulk)}
	if counts {
		r.sums.remedy(remedyGroup{rule: f.Rule, mode: f.Mode, decision: f.Decision, status: status}, e.At, 1)
		if status == StatusHeld {
			r.sums.wait(waits, 0, 1)
		}
	}
	if f.Mode != live || f.Decision == decide.Suppress {
		return
	}
	for place, s := range f.Steps {
		customer, minor, currency := s.Customer, int64(0), ""
		if customer == "" {
			customer = f.Customer
		}
		if s.Amount != nil {
			minor, currency = s.Amount.Minor, s.Amount.Currency
		}
		if counts {
			r.sums.payout(payoutGroup{kind: s.Kind, rule: f.Rule, account: f.Account, status: StatusWaiting, currency: currency}, e.At, minor, 1)
			if status == StatusHeld && currency != "" {
				waits.currency = currency
				r.sums.wait(waits, minor, 1)
			}
		}
		r.actions = append(r.actions, s.Action.String(), f.Remedy.String(), s.Name, s.Kind, s.Connector, s.Payment, customer, s.Cord, s.Template, s.Endpoint,
			minor, currency, StatusWaiting, int64(0), "", "", "", int64(0), int64(0), int64(place),
			int64(e.Seq)*stepsApart+int64(place), f.Rule, f.Account, e.At)
	}
}

// insert puts the rows into the tables. A remedy that was suppressed took no
// key, so that its id may come again: the newest decision counts.
func (r *rows) insert(tx *statement.Tx) error {
	inserted, err := tx.InsertCounting(insertRemedy, `ON CONFLICT (remedy, mode) DO NOTHING`, remedyColumns, r.remedies)
	if err != nil {
		return err
	}
	if int(inserted)*remedyColumns < len(r.remedies) {
		for row := range slices.Chunk(r.remedies, remedyColumns) {
			if err := r.replace(tx, row); err != nil {
				return err
			}
		}
	}
	err = tx.Insert(`INSERT INTO action (action, remedy, name, kind, connector, payment, customer, cord, template, endpoint, minor, currency, status, attempts, code, ref, seen_at, accepted_at, arrived_at, place,
		number, rule, account, at)`,
		"", actionColumns, r.actions)
	r.remedies, r.actions = r.remedies[:0], r.actions[:0]
	clear(r.decided)
	return err
}

// replace puts the decision of a row in the place of an older one, if there is one.
func (r *rows) replace(tx *statement.Tx, row []any) error {
	remedy, mode, sequence := row[0].(string), row[1].(string), row[2].(int64)
	old := remedyGroup{mode: mode}
	var oldSequence, at int64
	if err := tx.QueryRow(`SELECT seq, rule, decision, status, at FROM remedy WHERE remedy = ? AND mode = ?`, []any{remedy, mode},
		&oldSequence, &old.rule, &old.decision, &old.status, &at); err != nil {
		return err
	}
	if oldSequence == sequence {
		return nil
	}
	if id, err := uuid.Parse(remedy); err != nil || mode != live || !r.sums.changing[id] {
		r.sums.remedy(old, at, -1)
	}
	return tx.Insert(insertRemedy, `ON CONFLICT (remedy, mode) DO UPDATE SET seq = excluded.seq, at = excluded.at, rule = excluded.rule,
		decision = excluded.decision, reason = excluded.reason, status = excluded.status, customer = excluded.customer,
		subject = excluded.subject, account = excluded.account, source = excluded.source, event = excluded.event, ended_at = excluded.ended_at, bulk = excluded.bulk`,
		remedyColumns, row)
}
