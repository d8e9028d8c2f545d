package views

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/rule"
	"github.com/makegood/makegood/remediator/store/internal/statement"
)

// dayLength is a day of the sums, in the nanoseconds of log time.
const dayLength = int64(24 * time.Hour)

// hourLength is an hour of them.
const hourLength = int64(time.Hour)

// remedyGroup and payoutGroup are what one row of a table of sums counts.
type (
	remedyGroup struct {
		rule, mode, decision, status string
		day                          int64
	}
	payoutGroup struct {
		kind, rule, account, status, currency string
		day                                   int64
	}
	// heldGroup is what waits for a person: remedies without a currency, and with one
	// the steps that are not carried out.
	heldGroup struct{ rule, reason, bulk, currency string }
	// hourGroup is money that was taken on in an hour of log time, and not taken back.
	hourGroup struct {
		currency string
		hour     int64
	}
)

// change is what a group of rows came to have more, or less.
type change struct{ rows, minor, lastAt int64 }

// sums keeps the tables of sums equal to what is in the tables of remedies and
// actions: it adds what is inserted, and what is about to be changed it takes away, to
// add it again as it is in the end.
type sums struct {
	remedies map[remedyGroup]change
	payouts  map[payoutGroup]change
	held     map[heldGroup]change
	hours    map[hourGroup]change
	changing map[uuid.UUID]bool // taken away
}

func newSums() *sums {
	return &sums{remedies: map[remedyGroup]change{}, payouts: map[payoutGroup]change{}, held: map[heldGroup]change{}, hours: map[hourGroup]change{}, changing: map[uuid.UUID]bool{}}
}

func (s *sums) remedy(g remedyGroup, at, sign int64) {
	g.day = at / dayLength
	c := s.remedies[g]
	s.remedies[g] = change{rows: c.rows + sign, lastAt: max(c.lastAt, at)}
}

func (s *sums) payout(g payoutGroup, at, minor, sign int64) {
	if g.currency == "" {
		return
	}
	g.day = at / dayLength
	c := s.payouts[g]
	s.payouts[g] = change{rows: c.rows + sign, minor: c.minor + sign*minor}
}

// wait adds to what waits for a person, or takes it away.
func (s *sums) wait(g heldGroup, minor, sign int64) {
	c := s.held[g]
	s.held[g] = change{rows: c.rows + sign, minor: c.minor + sign*minor}
}

// accepted adds a step that a provider had taken on at a time, or takes it away.
func (s *sums) accepted(p payoutGroup, at, minor, sign int64) {
	if at == 0 || p.currency == "" || p.kind != rule.Refund && p.kind != rule.Credit || p.status != decide.Succeeded && p.status != decide.Pending {
		return
	}
	g := hourGroup{p.currency, at / hourLength}
	c := s.hours[g]
	s.hours[g] = change{rows: c.rows + sign, minor: c.minor + sign*minor}
}

// willChange takes a live remedy away that is about to be changed.
func (s *sums) willChange(tx *statement.Tx, remedy uuid.UUID) error {
	if remedy == uuid.Nil || s.changing[remedy] {
		return nil
	}
	s.changing[remedy] = true
	return s.stored(tx, remedy, -1)
}

// stored adds a live remedy as it is in the tables, or takes it away.
func (s *sums) stored(tx *statement.Tx, remedy uuid.UUID, sign int64) error {
	rows, err := tx.Query(`SELECT r.rule, r.decision, r.status, r.reason, r.bulk, r.at, r.account, COALESCE(a.kind, ''), COALESCE(a.status, ''), COALESCE(a.currency, ''),
		COALESCE(a.minor, 0), COALESCE(a.accepted_at, 0)
		FROM remedy AS r LEFT JOIN action AS a ON a.remedy = r.remedy WHERE r.remedy = ? AND r.mode = '`+live+`'`, remedy.String())
	if err != nil {
		return err
	}
	defer rows.Close()
	for first := true; rows.Next(); first = false {
		g, p, h := remedyGroup{mode: live}, payoutGroup{}, heldGroup{}
		var at, minor, accepted int64
		if err := rows.Scan(&g.rule, &g.decision, &g.status, &h.reason, &h.bulk, &at, &p.account, &p.kind, &p.status, &p.currency, &minor, &accepted); err != nil {
			return err
		}
		p.rule, h.rule = g.rule, g.rule
		if first {
			s.remedy(g, at, sign)
			if g.status == StatusHeld {
				s.wait(h, 0, sign)
			}
		}
		if g.status == StatusHeld && p.currency != "" && (p.status == StatusWaiting || p.status == StatusHeld) {
			h.currency = p.currency
			s.wait(h, minor, sign)
		}
		s.payout(p, at, minor, sign)
		s.accepted(p, accepted, minor, sign)
	}
	return rows.Err()
}

// write adds what changed to the tables.
func (s *sums) write(tx *statement.Tx) error {
	for remedy := range s.changing {
		if err := s.stored(tx, remedy, 1); err != nil {
			return err
		}
	}
	for _, write := range []func(*statement.Tx) error{s.writeRemedies, s.writePayouts, s.writeDays, s.writeHeld, s.writeHours} {
		if err := write(tx); err != nil {
			return err
		}
	}
	return nil
}

func (s *sums) writeRemedies(tx *statement.Tx) error {
	var values []any
	for _, g := range slices.SortedFunc(maps.Keys(s.remedies), func(a, b remedyGroup) int {
		return cmp.Or(cmp.Compare(a.day, b.day), cmp.Compare(a.rule, b.rule), cmp.Compare(a.mode, b.mode), cmp.Compare(a.decision, b.decision), cmp.Compare(a.status, b.status))
	}) {
		if c := s.remedies[g]; c.rows != 0 {
			values = append(values, g.day, g.rule, g.mode, g.decision, g.status, c.rows, c.lastAt)
		}
	}
	const columns = 7
	return tx.Insert(`INSERT INTO remedy_sum (day, rule, mode, decision, status, remedies, last_at)`,
		`ON CONFLICT (rule, mode, decision, status, day) DO UPDATE SET remedies = remedy_sum.remedies + excluded.remedies,
		last_at = CASE WHEN remedy_sum.last_at > excluded.last_at THEN remedy_sum.last_at ELSE excluded.last_at END`, columns, values)
}

func (s *sums) writePayouts(tx *statement.Tx) error {
	var values []any
	for _, g := range slices.SortedFunc(maps.Keys(s.payouts), func(a, b payoutGroup) int {
		return cmp.Or(cmp.Compare(a.day, b.day), cmp.Compare(a.kind, b.kind), cmp.Compare(a.rule, b.rule), cmp.Compare(a.account, b.account),
			cmp.Compare(a.status, b.status), cmp.Compare(a.currency, b.currency))
	}) {
		if c := s.payouts[g]; c.rows != 0 || c.minor != 0 {
			values = append(values, g.day, g.kind, g.rule, g.account, g.status, g.currency, c.rows, c.minor)
		}
	}
	const columns = 8
	return tx.Insert(`INSERT INTO payout_sum (day, kind, rule, account, status, currency, steps, minor)`,
		`ON CONFLICT (kind, rule, account, status, currency, day) DO UPDATE SET
		steps = payout_sum.steps + excluded.steps, minor = payout_sum.minor + excluded.minor`, columns, values)
}

// writeDays adds the payouts of all rules and accounts up.
func (s *sums) writeDays(tx *statement.Tx) error {
	days := map[payoutGroup]change{}
	for g, c := range s.payouts {
		g.rule, g.account = "", ""
		days[g] = change{rows: days[g].rows + c.rows, minor: days[g].minor + c.minor}
	}
	var values []any
	for _, g := range slices.SortedFunc(maps.Keys(days), func(a, b payoutGroup) int {
		return cmp.Or(cmp.Compare(a.day, b.day), cmp.Compare(a.kind, b.kind), cmp.Compare(a.status, b.status), cmp.Compare(a.currency, b.currency))
	}) {
		if c := days[g]; c.rows != 0 || c.minor != 0 {
			values = append(values, g.day, g.kind, g.status, g.currency, c.rows, c.minor)
		}
	}
	const columns = 6
	return tx.Insert(`INSERT INTO payout_day (day, kind, status, currency, steps, minor)`,
		`ON CONFLICT (kind, status, currency, day) DO UPDATE SET
		steps = payout_day.steps + excluded.steps, minor = payout_day.minor + excluded.minor`, columns, values)
}

func (s *sums) writeHeld(tx *statement.Tx) error {
	var values []any
	for _, g := range slices.SortedFunc(maps.Keys(s.held), func(a, b heldGroup) int {
		return cmp.Or(cmp.Compare(a.rule, b.rule), cmp.Compare(a.reason, b.reason), cmp.Compare(a.bulk, b.bulk), cmp.Compare(a.currency, b.currency))
	}) {
		if c := s.held[g]; c.rows != 0 || c.minor != 0 {
			values = append(values, g.rule, g.reason, g.bulk, g.currency, c.rows, c.minor)
		}
	}
	const columns = 6
	return tx.Insert(`INSERT INTO held_sum (rule, reason, bulk, currency, counted, minor)`,
		`ON CONFLICT (rule, reason, bulk, currency) DO UPDATE SET
		counted = held_sum.counted + excluded.counted, minor = held_sum.minor + excluded.minor`, columns, values)
}

func (s *sums) writeHours(tx *statement.Tx) error {
	var values []any
	for _, g := range slices.SortedFunc(maps.Keys(s.hours), func(a, b hourGroup) int {
		return cmp.Or(cmp.Compare(a.hour, b.hour), cmp.Compare(a.currency, b.currency))
	}) {
		if c := s.hours[g]; c.rows != 0 || c.minor != 0 {
			values = append(values, g.hour, g.currency, c.rows, c.minor)
		}
	}
	const columns = 4
	return tx.Insert(`INSERT INTO paid_hour (hour, currency, steps, minor)`,
		`ON CONFLICT (hour, currency) DO UPDATE SET steps = paid_hour.steps + excluded.steps, minor = paid_hour.minor + excluded.minor`, columns, values)
}
