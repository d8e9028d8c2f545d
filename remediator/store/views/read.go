package views

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/makegood/makegood/remediator/cord"
	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/money"
	"github.com/makegood/makegood/remediator/store/internal/statement"
)

// Remedy is one remedy as it stands.
type Remedy struct {
	Remedy   uuid.UUID  `json:"remedy"`
	Rule     string     `json:"rule"`
	Mode     string     `json:"mode"`
	Decision string     `json:"decision"`
	Reason   string     `json:"reason,omitempty"`
	Status   string     `json:"status"`
	Customer string     `json:"customer,omitempty"`
	Subject  string     `json:"subject,omitempty"`
	Account  string     `json:"account,omitempty"`
	Source   string     `json:"source"`
	Event    string     `json:"event"`
	At       time.Time  `json:"at"`
	Ended    *time.Time `json:"ended,omitempty"`
	Sequence uint64     `json:"sequence"`      // of the decision in the ledger
	Bulk     uuid.UUID  `json:"bulk,omitzero"` // that it is made good with
	Actions  []Action   `json:"actions,omitempty"`
}

// Action is one step of a remedy as it stands.
type Action struct {
	Action    uuid.UUID    `json:"action"`
	Name      string       `json:"name"`
	Kind      string       `json:"kind"`
	Connector string       `json:"connector,omitempty"`
	Payment   string       `json:"payment,omitempty"`
	Customer  string       `json:"customer,omitempty"`
	Cord      string       `json:"cord,omitempty"`
	Template  string       `json:"template,omitempty"`
	Endpoint  string       `json:"endpoint,omitempty"` // receiver of a webhook
	Amount    *money.Money `json:"amount,omitempty"`
	Status    string       `json:"status"`
	Attempts  int          `json:"attempts"`
	Code      string       `json:"code,omitempty"`
	Ref       string       `json:"ref,omitempty"` // the provider's id
	SeenAt    string       `json:"seen_at,omitempty"`
	// Accepted is when the provider had taken it on, in log time, Arrived when it had
	// finished. Money that came back has not arrived.
	Accepted *time.Time `json:"accepted,omitempty"`
	Arrived  *time.Time `json:"arrived,omitempty"`
}

// Filter chooses remedies; what is empty chooses all.
type Filter struct {
	Rule, Status, Customer string
	Bulk                   uuid.UUID // uuid.Nil: any or none
	NoBulk                 bool      // none of a bulk
	Before                 uint64    // sequence to go on below; 0: begin with the newest
	Limit                  int       // defaults to 100
	WithActions            bool      // each with its actions
}

// Totals sums up what was done.
type Totals struct {
	Remedies map[string]int   `json:"remedies"` // live ones that were not suppressed, by rule
	Statuses map[string]int   `json:"statuses"` // live remedies, by status
	Refunded map[string]int64 `json:"refunded"` // accepted by the provider: minor units, by currency
	Arrived  map[string]int64 `json:"arrived"`  // of those, what the provider has finished
	Credited map[string]int64 `json:"credited"` // minor units, by currency
	Reversed map[string]int64 `json:"reversed"` // taken back of both: minor units, by currency
	Pulls    int              `json:"pulls"`
	Cords    int              `json:"cords"` // that were ever pulled
	Counted  Counted          `json:"counted"`
	// WindowsLost is what windows forgot before its time because of their bounds, by
	// rule, as far as progress facts say; the rest of the rules has an empty name.
	WindowsLost []decide.WindowsLost `json:"windows_lost"`
}

// Counted is what became of the events, as far as progress facts say.
type Counted struct {
	Through uint64 `json:"through"` // ordinal of the last input counted
	Inputs  uint64 `json:"inputs"`
	decide.Counts
}

// Remedies lists remedies, the newest first, without their actions unless these are
// asked for.
func Remedies(ctx context.Context, db *sql.DB, f Filter) ([]Remedy, error) {
	if f.Limit == 0 {
		f.Limit = 100
	}
	n := narrowing{where: "seq >= 0"}
	n.text("rule", f.Rule)
	if f.Status == StatusHeld {
		n.where += " AND mode = 'live' AND status = 'held'" // as an index of them alone says
	} else {
		n.text("status", f.Status)
	}
	n.text("customer", f.Customer)
	n.text("bulk", statement.ID(f.Bulk))
	if f.NoBulk {
		n.where += " AND bulk = ''"
	}
	if f.Before > 0 {
		n.by("seq < ?", int64(f.Before))
	}
	found, err := selectRemedies(ctx, db, n.where+" ORDER BY seq DESC LIMIT ?", append(n.args, f.Limit)...)
	if err != nil || !f.WithActions {
		return found, err
	}
	return found, addActions(ctx, db, found)
}

// addActions reads the actions of live remedies, those of many at once.
func addActions(ctx context.Context, db *sql.DB, remedies []Remedy) error {
	index, ids := map[uuid.UUID]int{}, []uuid.UUID{}
	for i, r := range remedies {
		if r.Mode == live {
			index[r.Remedy] = i
			ids = append(ids, r.Remedy)
		}
	}
	for in, args := range statement.Lists(ids) {
		err := eachAction(ctx, db, "remedy IN "+in+" ORDER BY remedy, place", args, func(remedy uuid.UUID, a Action) {
			r := &remedies[index[remedy]]
			r.Actions = append(r.Actions, a)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// narrowing is a condition that gets narrower.
type narrowing struct {
	where string
	args  []any
}

func (n *narrowing) by(condition string, value any) {
	n.where, n.args = n.where+" AND "+condition, append(n.args, value)
}

// text wants a text in a column, unless it is empty.
func (n *narrowing) text(column, value string) {
	if value != "" {
		n.by(column+" = ?", value)
	}
}

// RemedyByID returns a remedy with its actions, the live one when it is also
// known from shadow. It returns nil when there is none.
func RemedyByID(ctx context.Context, db *sql.DB, id uuid.UUID) (*Remedy, error) {
	found, err := selectRemedies(ctx, db, "remedy = ? ORDER BY mode LIMIT 1", id.String())
	if err != nil || len(found) == 0 {
		return nil, err
	}
	r := &found[0]
	if r.Mode != live {
		return r, nil
	}
	r.Actions, err = selectActions(ctx, db, id)
	return r, err
}

func selectRemedies(ctx context.Context, db *sql.DB, where string, args ...any) ([]Remedy, error) {
	result, err := db.QueryContext(ctx, `SELECT remedy, mode, seq, at, rule, decision, reason, status, customer, subject, account, source, event, ended_at, bulk
		FROM remedy WHERE `+where, args...)
	if err != nil {
		return nil, fmt.Errorf("read remedies: %w", err)
	}
	defer result.Close()
	remedies := []Remedy{}
	for result.Next() {
		var r Remedy
		var at, ended int64
		var bulk string
		if err := result.Scan(&r.Remedy, &r.Mode, &r.Sequence, &at, &r.Rule, &r.Decision, &r.Reason, &r.Status,
			&r.Customer, &r.Subject, &r.Account, &r.Source, &r.Event, &ended, &bulk); err != nil {
			return nil, fmt.Errorf("read remedy: %w", err)
		}
		if r.Bulk, err = statement.ParseID(bulk); err != nil {
			return nil, fmt.Errorf("read remedy: %w", err)
		}
		r.At = time.Unix(0, at).UTC()
		r.Ended = when(ended)
		remedies = append(remedies, r)
	}
	return remedies, result.Err()
}

// when is a time that is stored; nil for 0.
func when(at int64) *time.Time {
	if at == 0 {
		return nil
	}
	t := time.Unix(0, at).UTC()
	return &t
}

func selectActions(ctx context.Context, db *sql.DB, remedy uuid.UUID) (actions []Action, err error) {
	err = eachAction(ctx, db, "remedy = ? ORDER BY place", []any{remedy.String()}, func(_ uuid.UUID, a Action) { actions = append(actions, a) })
	return actions, err
}

// eachAction calls take for each action that a condition selects.
func eachAction(ctx context.Context, db *sql.DB, where string, args []any, take func(remedy uuid.UUID, a Action)) error {
	result, err := db.QueryContext(ctx, `SELECT remedy, action, name, kind, connector, payment, customer, cord, template, endpoint, minor, currency, status, attempts, code, ref, seen_at, accepted_at, arrived_at
		FROM action WHERE `+where, args...)
	if err != nil {
		return fmt.Errorf("read actions: %w", err)
	}
	defer result.Close()
	for result.Next() {
		var remedy uuid.UUID
		var a Action
		var m money.Money
		var accepted, arrived int64
		if err := result.Scan(&remedy, &a.Action, &a.Name, &a.Kind, &a.Connector, &a.Payment, &a.Customer, &a.Cord, &a.Template, &a.Endpoint,
			&m.Minor, &m.Currency, &a.Status, &a.Attempts, &a.Code, &a.Ref, &a.SeenAt, &accepted, &arrived); err != nil {
			return fmt.Errorf("read action: %w", err)
		}
		if m.Currency != "" {
			a.Amount = &m
		}
		a.Accepted, a.Arrived = when(accepted), when(arrived)
		take(remedy, a)
	}
	return result.Err()
}

// Cords lists all cords that were ever pulled, by path.
func Cords(ctx context.Context, db *sql.DB) ([]cord.State, error) {
	return readCords(ctx, db, `SELECT state FROM cord ORDER BY cord`)
}

func readCords(ctx context.Context, db *sql.DB, query string) ([]cord.State, error) {
	result, err := db.QueryContext(ctx, query)
	if err != nil {
		return nil, fmt.Errorf("read cords: %w", err)
	}
	defer result.Close()
	cords := []cord.State{}
	for result.Next() {
		var text []byte
		var c cord.State
		if err := result.Scan(&text); err != nil {
			return nil, fmt.Errorf("read cord: %w", err)
		}
		if err := json.Unmarshal(text, &c); err != nil {
			return nil, fmt.Errorf("read cord: %w", err)
		}
		cords = append(cords, c)
	}
	return cords, result.Err()
}

// Cord returns a cord, nil when it was never pulled.
func Cord(ctx context.Context, db *sql.DB, path string) (*cord.State, error) {
	var text []byte
	err := db.QueryRowContext(ctx, `SELECT state FROM cord WHERE cord = ?`, path).Scan(&text)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	var c cord.State
	if err == nil {
		err = json.Unmarshal(text, &c)
	}
	if err != nil {
		return nil, fmt.Errorf("read cord: %w", err)
	}
	return &c, nil
}

// ReadTotals sums up.
func ReadTotals(ctx context.Context, db *sql.DB) (Totals, error) {
	t := Totals{Remedies: map[string]int{}, Statuses: map[string]int{}}
	var err error
	if err = countInto(ctx, db, t.Remedies, `SELECT rule, CAST(SUM(remedies) AS BIGINT) FROM remedy_sum
		WHERE mode = ? AND decision <> ? GROUP BY rule HAVING SUM(remedies) > 0`, live, decide.Suppress); err != nil {
		return t, err
	}
	if err = countInto(ctx, db, t.Statuses, `SELECT status, CAST(SUM(remedies) AS BIGINT) FROM remedy_sum
		WHERE mode = ? GROUP BY status HAVING SUM(remedies) > 0`, live); err != nil {
		return t, err
	}
	const sum = `SELECT currency, CAST(SUM(minor) AS BIGINT) FROM payout_day WHERE kind = ? AND status IN (?, ?) GROUP BY currency HAVING SUM(steps) > 0`
	t.Refunded, t.Credited, t.Reversed = map[string]int64{}, map[string]int64{}, map[string]int64{}
	for kind, into := range map[string]map[string]int64{"refund": t.Refunded, "credit": t.Credited, decide.KindOfReverse: t.Reversed} {
		if err = countInto(ctx, db, into, sum, kind, decide.Succeeded, decide.Pending); err != nil {
			return t, err
		}
	}
	t.Arrived = map[string]int64{}
	if err = countInto(ctx, db, t.Arrived, sum, "refund", decide.Succeeded, decide.Succeeded); err != nil {
		return t, err
	}
	if err = db.QueryRowContext(ctx, `SELECT COUNT(*), COALESCE(SUM(pulls), 0) FROM cord`).Scan(&t.Cords, &t.Pulls); err != nil {
		return t, fmt.Errorf("count cords: %w", err)
	}
	c := &t.Counted
	err = db.QueryRowContext(ctx, `SELECT through, inputs, received, duplicates, no_match, judged, remedies, late, no_key, errors FROM counted`).
		Scan(&c.Through, &c.Inputs, &c.Received, &c.Duplicates, &c.NoMatch, &c.Judged, &c.Remedies, &c.Late, &c.NoKey, &c.Errors)
	if err != nil {
		return t, fmt.Errorf("read counts: %w", err)
	}
	t.WindowsLost, err = readLost(ctx, db)
	return t, err
}

// countInto reads rows of a name and a number.
func countInto[N int | int64](ctx context.Context, db *sql.DB, into map[string]N, query string, args ...any) error {
	result, err := db.QueryContext(ctx, query, args...)
	if err != nil {
		return fmt.Errorf("sum up: %w", err)
	}
	defer result.Close()
	for result.Next() {
		var name string
		var n N
		if err := result.Scan(&name, &n); err != nil {
			return fmt.Errorf("sum up: %w", err)
		}
		into[name] = n
	}
	return result.Err()
}
