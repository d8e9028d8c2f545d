package views

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/makegood/makegood/remediator/money"
	"github.com/makegood/makegood/remediator/store/internal/statement"
)

// Payout is a step of a remedy that moves money: a refund, credit, or one of the two
// taken back.
type Payout struct {
	Number     uint64      `json:"number"` // of the step, among all in their order
	Remedy     uuid.UUID   `json:"remedy"`
	Action     uuid.UUID   `json:"action"`
	Rule       string      `json:"rule"`
	Account    string      `json:"account,omitempty"`
	Kind       string      `json:"kind"`
	Customer   string      `json:"customer,omitempty"`
	Connector  string      `json:"connector,omitempty"`
	Payment    string      `json:"payment,omitempty"`
	Amount     money.Money `json:"amount"`
	Status     string      `json:"status"`
	Code       string      `json:"code,omitempty"`
	Ref        string      `json:"ref,omitempty"` // the provider's id
	At         time.Time   `json:"at"`            // of the decision
	AcceptedAt *time.Time  `json:"accepted_at,omitempty"`
	ArrivedAt  *time.Time  `json:"arrived_at,omitempty"`
}

// PayoutFilter chooses payouts; what is empty chooses all.
type PayoutFilter struct {
	Kind                  string // refund, credit or reverse; defaults to refund
	Rule, Account, Status string
	Customer, Payment     string
	Remedy                uuid.UUID
	Since, Until          time.Time // of the decision; the end is not in it
	After                 uint64    // number to go on below; 0: begin with the newest
	Limit                 int       // defaults to 100
	WithoutSums, OnlySums bool
}

// PayoutSum is what payouts with one status come to in one currency.
type PayoutSum struct {
	Currency string `json:"currency"`
	Status   string `json:"status"`
	Steps    int    `json:"steps"`
	Minor    int64  `json:"minor"` // in the currency's minor unit
}

// Payouts lists payouts, the newest first, and sums up all that the filter chooses, on
// whichever page they are: both of one moment.
func Payouts(ctx context.Context, tx *sql.Tx, f PayoutFilter) ([]Payout, []PayoutSum, error) {
	f.Kind, f.Limit = cmp.Or(f.Kind, "refund"), cmp.Or(f.Limit, 100)
	var err error
	q := payouts{ctx: ctx, tx: tx, f: f}
	if q.low, q.high, err = q.bounds(); err != nil {
		return nil, nil, fmt.Errorf("read payouts: %w", err)
	}
	list := []Payout{}
	if !f.OnlySums {
		if list, err = q.list(); err != nil {
			return nil, nil, fmt.Errorf("read payouts: %w", err)
		}
	}
	sums := []PayoutSum{}
	if !f.WithoutSums {
		if sums, err = q.sums(); err != nil {
			return nil, nil, fmt.Errorf("sum up payouts: %w", err)
		}
	}
	return list, sums, nil
}

// payouts is one question in a transaction. Numbers from low on and below high are
// those of the period.
type payouts struct {
	ctx       context.Context
	tx        *sql.Tx
	f         PayoutFilter
	low, high int64
}

// maxNumber is above every number.
const maxNumber = int64(1) << 62

// numberAt returns the first number of a decision at or after a time.
func (q *payouts) numberAt(at int64) (int64, error) {
	var number int64
	err := q.tx.QueryRowContext(q.ctx, `SELECT number FROM action WHERE currency <> '' AND at >= ? ORDER BY at, number LIMIT 1`, at).Scan(&number)
	if errors.Is(err, sql.ErrNoRows) {
		return maxNumber, nil
	}
	return number, err
}

func (q *payouts) bounds() (low, high int64, err error) {
	high = maxNumber
	if !q.f.Since.IsZero() {
		low, err = q.numberAt(q.f.Since.UnixNano())
	}
	if err == nil && !q.f.Until.IsZero() {
		high, err = q.numberAt(q.f.Until.UnixNano())
	}
	return low, high, err
}

// narrow reports whether the filter names something that few payouts have, and that an
// index finds.
func (q *payouts) narrow() bool {
	return q.f.Customer != "" || q.f.Payment != "" || q.f.Remedy != uuid.Nil
}

// rows narrows down to what the filter chooses between two numbers. Which index
// finds them is chosen here: what few payouts have comes first, and the columns that
// many share are hidden from the indexes that would find far more.
func (q *payouts) rows(low, high int64) narrowing {
	const hidden = " || ''"
	n := narrowing{where: "currency <> ''"}
	hide := ""
	for _, few := range []struct{ column, value string }{
		{"remedy", statement.ID(q.f.Remedy)}, {"payment", q.f.Payment}, {"customer", q.f.Customer},
	} {
		if few.column == "payment" && few.value != "" {
			n.where += " AND payment <> ''" // as its index says
		}
		n.text(few.column+hide, few.value)
		if few.value != "" {
			hide = hidden
		}
	}
	n.text("kind"+hide, q.f.Kind)
	n.text("rule"+hide, q.f.Rule)
	n.text("status"+hide, q.f.Status)
	n.text("account"+hidden, q.f.Account)
	n.by("number >= ?", low)
	n.by("number < ?", high)
	return n
}

// list reads a page. What is not narrow is read by status, and, for an account, by the
// rules that have it: each is one range of an index, however rare it is.
func (q *payouts) list() ([]Payout, error) {
	high := q.high
	if q.f.After > 0 {
		high = min(high, int64(q.f.After))
	}
	if q.narrow() {
		return q.page(q.rows(q.low, high))
	}
	ranges, err := q.ranges()
	if err != nil {
		return nil, err
	}
	list := []Payout{}
	for _, one := range ranges {
		of := *q
		of.f.Rule, of.f.Status = one[0], one[1]
		page, err := of.page(of.rows(q.low, high))
		if err != nil {
			return nil, err
		}
		list = append(list, page...)
	}
	slices.SortFunc(list, func(a, b Payout) int { return cmp.Compare(b.Number, a.Number) })
	return list[:min(len(list), q.f.Limit)], nil
}

// ranges returns the rules and statuses of which there are payouts, without the rules
// when neither they nor the account narrow them down.
func (q *payouts) ranges() ([][2]string, error) {
	of, rule := q.summed(), "''"
	if q.f.Rule != "" || q.f.Account != "" {
		rule = "rule"
	}
	result, err := q.tx.QueryContext(q.ctx, `SELECT DISTINCT `+rule+`, status FROM `+q.sumTable()+` WHERE steps > 0 AND `+of.where+` ORDER BY 1, 2`, of.args...)
	if err != nil {
		return nil, err
	}
	defer result.Close()
	var ranges [][2]string
	for result.Next() {
		var one [2]string
		if err := result.Scan(&one[0], &one[1]); err != nil {
			return nil, err
		}
		ranges = append(ranges, one)
	}
	return ranges, result.Err()
}

// sumTable is the smallest table of sums that answers the filter.
func (q *payouts) sumTable() string {
	if q.f.Rule == "" && q.f.Account == "" {
		return "payout_day"
	}
	return "payout_sum"
}

// summed narrows the table of sums down to what the filter chooses, on every day.
func (q *payouts) summed() narrowing {
	n := narrowing{where: "kind = ?", args: []any{q.f.Kind}}
	n.text("rule", q.f.Rule)
	n.text("account", q.f.Account)
	n.text("status", q.f.Status)
	return n
}

func (q *payouts) page(n narrowing) ([]Payout, error) {
	result, err := q.tx.QueryContext(q.ctx, `SELECT number, remedy, action, rule, account, kind, customer, connector, payment, minor, currency, status, code, ref,
		at, accepted_at, arrived_at FROM action WHERE `+n.where+` ORDER BY number DESC LIMIT ?`, append(n.args, q.f.Limit)...)
	if err != nil {
		return nil, err
	}
	defer result.Close()
	page := []Payout{}
	for result.Next() {
		var p Payout
		var at, accepted, arrived int64
		if err := result.Scan(&p.Number, &p.Remedy, &p.Action, &p.Rule, &p.Account, &p.Kind, &p.Customer, &p.Connector, &p.Payment,
			&p.Amount.Minor, &p.Amount.Currency, &p.Status, &p.Code, &p.Ref, &at, &accepted, &arrived); err != nil {
			return nil, err
		}
		p.At, p.AcceptedAt, p.ArrivedAt = time.Unix(0, at).UTC(), when(accepted), when(arrived)
		page = append(page, p)
	}
	return page, result.Err()
}

// sums adds up: of what is not narrow the whole days by their sums, and the rest of
// the period, up to a day at each end, by its rows.
func (q *payouts) sums() ([]PayoutSum, error) {
	found := map[[2]string]PayoutSum{}
	add := func(query string, n narrowing, group string) error {
		result, err := q.tx.QueryContext(q.ctx, query+n.where+group, n.args...)
		if err != nil {
			return err
		}
		defer result.Close()
		for result.Next() {
			var s PayoutSum
			if err := result.Scan(&s.Currency, &s.Status, &s.Steps, &s.Minor); err != nil {
				return err
			}
			key := [2]string{s.Currency, s.Status}
			s.Steps, s.Minor = s.Steps+found[key].Steps, s.Minor+found[key].Minor
			found[key] = s
		}
		return result.Err()
	}
	rows := func(low, high int64) error {
		if low >= high {
			return nil
		}
		return add(`SELECT currency, status, COUNT(*), CAST(SUM(minor) AS BIGINT) FROM action WHERE `, q.rows(low, high), ` GROUP BY currency, status`)
	}
	err := q.addUp(rows, func(n narrowing) error {
		return add(`SELECT currency, status, CAST(SUM(steps) AS BIGINT), CAST(SUM(minor) AS BIGINT) FROM `+q.sumTable()+` WHERE `, n, ` GROUP BY currency, status`)
	})
	sums := []PayoutSum{}
	for _, s := range found {
		if s.Steps > 0 {
			sums = append(sums, s)
		}
	}
	slices.SortFunc(sums, func(a, b PayoutSum) int {
		return cmp.Or(cmp.Compare(a.Currency, b.Currency), cmp.Compare(a.Status, b.Status))
	})
	return sums, err
}

// addUp divides the period into whole days, which days adds, and what rows adds.
func (q *payouts) addUp(rows func(low, high int64) error, days func(narrowing) error) error {
	if q.narrow() {
		return rows(q.low, q.high)
	}
	n := q.summed()
	if !q.f.Since.IsZero() {
		first := ceilDay(q.f.Since)
		if !q.f.Until.IsZero() && first > floorDay(q.f.Until) { // within one day
			return rows(q.low, q.high)
		}
		edge, err := q.numberAt(first * dayLength)
		if err == nil {
			err = rows(q.low, min(edge, q.high))
		}
		if err != nil {
			return err
		}
		n.by("day >= ?", first)
	}
	if !q.f.Until.IsZero() {
		last := floorDay(q.f.Until)
		edge, err := q.numberAt(last * dayLength)
		if err == nil {
			err = rows(max(edge, q.low), q.high)
		}
		if err != nil {
			return err
		}
		n.by("day < ?", last)
	}
	return days(n)
}

func floorDay(t time.Time) int64 { return t.UnixNano() / dayLength }

func ceilDay(t time.Time) int64 { return (t.UnixNano() + dayLength - 1) / dayLength }
