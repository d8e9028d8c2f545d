package ledger

import (
	"bufio"
	"cmp"
	"context"
	"encoding/csv"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/money"
	"github.com/makegood/makegood/remediator/visible"
)

// Format is how a ledger is exported.
type Format string

// The formats of an export.
const (
	// CSV has one row for each entry, of a remedy one for each step. It is for
	// spreadsheets: RFC 4180, amounts in minor units, and no text is read as a
	// formula.
	CSV Format = "csv"
	// JSONLines has one object for each entry with its bytes as they were sealed
	// and its leaf, then the totals, then the checkpoint: all that is needed to
	// verify it again elsewhere.
	JSONLines Format = "jsonl"
	// Totals has one CSV row for each month, account, currency and kind of step.
	Totals Format = "totals"
)

// Total sums up what was paid in a month, in UTC, on one account. Accepted is
// what a provider took on; arrived is what it finished. What was taken back is a
// line of its own, below zero, in the month in which it was taken back: the lines
// of an account add up to what it cost.
type Total struct {
	Month    string      `json:"month"`
	Account  string      `json:"account"`
	Currency string      `json:"currency"`
	Step     string      `json:"step"` // refund, credit or reverse
	Actions  uint64      `json:"actions"`
	Accepted money.Money `json:"accepted"`
	Arrived  money.Money `json:"arrived"`
}

// Export writes a stored ledger. It checks every entry against its leaf and
// stops at the first that is not as it was sealed.
func Export(ctx context.Context, src Source, w io.Writer, format Format) error {
	checkpoints, err := src.Checkpoints(ctx)
	if err != nil {
		return fmt.Errorf("read checkpoint: %w", err)
	}
	out := bufio.NewWriter(w)
	x := &exporter{content: newContentCheck(), arrived: map[uuid.UUID]bool{}, totals: map[Total]*Total{}, csv: csv.NewWriter(out), out: out}
	x.csv.UseCRLF = true
	var write func(Entry, Row, moved) error
	finish := func() error { return nil }
	switch format {
	case CSV:
		write = x.writeCSV
		err = x.csv.Write(columns)
	case JSONLines:
		write, finish = x.writeLine, func() error { return x.writeEnd(checkpoints) }
	case Totals:
		write, finish = func(Entry, Row, moved) error { return nil }, x.writeTotals
	default:
		return fmt.Errorf("export as %q: write csv, jsonl or totals", format)
	}
	if err != nil {
		return fmt.Errorf("write export: %w", err)
	}
	if len(checkpoints) > 0 {
		x.size = checkpoints[0].Size
	}
	if err := x.run(ctx, src, write); err != nil {
		return err
	}
	if err := finish(); err != nil {
		return fmt.Errorf("write export: %w", err)
	}
	x.csv.Flush()
	if err := cmp.Or(x.csv.Error(), out.Flush()); err != nil {
		return fmt.Errorf("write export: %w", err)
	}
	return nil
}

// exporter is an export under way.
type exporter struct {
	content *contentCheck // follows remedies and their steps
	arrived map[uuid.UUID]bool
	totals  map[Total]*Total // by their month, account, currency and step
	size    int64
	csv     *csv.Writer
	out     *bufio.Writer
}

// run reads the entries in order and has each written.
func (x *exporter) run(ctx context.Context, src Source, write func(Entry, Row, moved) error) error {
	rows := &pager[Row]{read: func(last *Row) ([]Row, error) {
		if last == nil {
			return src.Entries(ctx, -1, page)
		}
		return src.Entries(ctx, last.Seq, page)
	}}
	for next := int64(0); ; next++ {
		row, err := rows.next()
		if err != nil {
			return fmt.Errorf("read entries: %w", err)
		}
		if row == nil {
			if next != x.size {
				return fmt.Errorf("export ledger: it has %d entries and its checkpoint says %d: verify it first", next, x.size)
			}
			return nil
		}
		e, problem := row.entry()
		leaf := LeafHash(e.Encode())
		if problem != "" || row.Seq != next || string(leaf[:]) != string(row.Leaf) {
			return fmt.Errorf("export ledger: entry %d is not as it was sealed: verify it first", next)
		}
		m, err := x.follow(e)
		if err != nil {
			return fmt.Errorf("export entry %d: %w", next, err)
		}
		if err := write(e, *row, m); err != nil {
			return fmt.Errorf("write export: %w", err)
		}
	}
}

// moved is the money that one action fact says was moved, by the step's kind.
type moved struct {
	step              string
	currency          string
	accepted, arrived *int64
}

// follow takes the next entry and adds what it moved to the totals.
func (x *exporter) follow(e Entry) (moved, error) {
	paid := x.content.steps[e.Action] != nil && x.content.steps[e.Action].paid
	x.content.add(e)
	s := x.content.steps[e.Action]
	if s == nil || s.amount == nil {
		return moved{}, nil
	}
	switch e.Kind {
	case decide.KindSeen:
		return x.followSeen(e, s)
	case decide.KindAction:
	default:
		return moved{}, nil
	}
	var body decide.ActionFact
	if err := json.Unmarshal(e.Body, &body); err != nil {
		return moved{}, err
	}
	amount := *s.amount
	if body.Amount != nil {
		amount = *body.Amount
	}
	if s.undoes != uuid.Nil {
		amount.Minor = -amount.Minor
	}
	m := moved{step: s.kind, currency: amount.Currency}
	if !paid && s.paid {
		m.accepted = &amount.Minor
	}
	m.arrived = x.arrives(e.Action, body.Status, amount.Minor)
	return m, x.count(e.At, s.remedy.account, m)
}

func (x *exporter) count(at int64, account string, m moved) (err error) {
	if m.accepted == nil && m.arrived == nil {
		return nil
	}
	key := Total{Month: time.Unix(0, at).UTC().Format("2006-01"), Account: account, Currency: m.currency, Step: m.step}
	sum := x.totals[key]
	if sum == nil {
		fresh := key
		fresh.Accepted.Currency, fresh.Arrived.Currency = m.currency, m.currency
		sum = &fresh
		x.totals[key] = sum
	}
	if m.accepted != nil {
		sum.Actions++
		if sum.Accepted, err = sum.Accepted.Add(money.Money{Minor: *m.accepted, Currency: m.currency}); err != nil {
			return err
		}
	}
	if m.arrived != nil {
		sum.Arrived, err = sum.Arrived.Add(money.Money{Minor: *m.arrived, Currency: m.currency})
	}
	return err
}

// sorted returns the totals in order of month, account, currency and step.
func (x *exporter) sorted() []*Total {
	return slices.SortedFunc(maps.Values(x.totals), func(a, b *Total) int {
		return cmp.Or(cmp.Compare(a.Month, b.Month), cmp.Compare(a.Account, b.Account), cmp.Compare(a.Currency, b.Currency), cmp.Compare(a.Step, b.Step))
	})
}

func (x *exporter) writeTotals() error {
	err := x.csv.Write([]string{"month", "account", "currency", "step", "actions", "accepted_minor", "accepted", "arrived_minor", "arrived", "tree_size"})
	for _, t := range x.sorted() {
		err = cmp.Or(err, x.csv.Write([]string{
			t.Month, SafeCell(t.Account), SafeCell(t.Currency), SafeCell(t.Step), strconv.FormatUint(t.Actions, 10),
			strconv.FormatInt(t.Accepted.Minor, 10), t.Accepted.Amount(), strconv.FormatInt(t.Arrived.Minor, 10), t.Arrived.Amount(),
			strconv.FormatInt(x.size, 10),
		}))
	}
	return err
}

// writeLine writes an entry's bytes as they were sealed beside its leaf.
func (x *exporter) writeLine(e Entry, row Row, _ moved) error {
	_, err := fmt.Fprintf(x.out, "{\"leaf\":\"%x\",\"tree_size\":%d,\"entry\":%s}\n", row.Leaf, x.size, e.Encode())
	return err
}

func (x *exporter) writeEnd(checkpoints []CheckpointRow) error {
	enc := json.NewEncoder(x.out)
	enc.SetEscapeHTML(false)
	for _, t := range x.sorted() {
		if err := enc.Encode(map[string]*Total{"total": t}); err != nil {
			return err
		}
	}
	for _, c := range checkpoints {
		if err := enc.Encode(map[string]string{"checkpoint": string(c.Note)}); err != nil {
			return err
		}
	}
	return nil
}

// columns of a CSV export. detail is the reason, code, person or cord that an
// entry names.
var columns = []string{
	"sequence", "kind", "at", "ordinal", "version", "remedy", "action", "rule", "account", "customer", "mode", "decision",
	"step", "connector", "status", "detail", "currency", "decided_minor", "accepted_minor", "arrived_minor", "leaf", "tree_size",
}

// exportedBody is what CSV shows of the bodies of all kinds.
type exportedBody struct {
	Account   string        `json:"account"`
	Customer  string        `json:"customer"`
	Mode      string        `json:"mode"`
	Decision  string        `json:"decision"`
	Status    string        `json:"status"`
	Answer    string        `json:"answer"`
	Reason    string        `json:"reason"`
	Code      string        `json:"code"`
	By        string        `json:"by"`
	Cord      string        `json:"cord"`
	Connector string        `json:"connector"`
	Steps     []decide.Step `json:"steps"`
}

func (x *exporter) writeCSV(e Entry, row Row, m moved) error {
	var body exportedBody
	if err := json.Unmarshal(e.Body, &body); err != nil {
		return fmt.Errorf("read body of entry %d: %w", e.Seq, err)
	}
	account := body.Account
	if s := x.content.steps[e.Action]; s != nil {
		account = s.remedy.account
	}
	line := func(action uuid.UUID, s decide.Step, decided *int64, currency string) error {
		detail := cmp.Or(body.Reason, body.Code, body.By, body.Cord)
		return x.csv.Write([]string{
			strconv.FormatUint(e.Seq, 10), e.Kind, stamp(e.At), strconv.FormatUint(e.Ordinal, 10), strconv.Itoa(e.Version),
			idText(e.Remedy), idText(action), SafeCell(e.Rule), SafeCell(account), SafeCell(body.Customer), SafeCell(body.Mode), SafeCell(body.Decision),
			SafeCell(s.Kind), SafeCell(s.Connector), SafeCell(cmp.Or(body.Status, body.Answer)), SafeCell(detail), SafeCell(currency),
			minorText(decided), minorText(m.accepted), minorText(m.arrived), hex.EncodeToString(row.Leaf), strconv.FormatInt(x.size, 10),
		})
	}
	if len(body.Steps) == 0 {
		return line(e.Action, decide.Step{Kind: m.step}, nil, m.currency)
	}
	for _, s := range body.Steps {
		var decided *int64
		currency := ""
		if s.Amount != nil {
			decided, currency = &s.Amount.Minor, s.Amount.Currency
			if s.Of != uuid.Nil {
				*decided = -*decided
			}
		}
		if err := line(s.Action, s, decided, currency); err != nil {
			return err
		}
	}
	return nil
}

func idText(id uuid.UUID) string {
	if id == uuid.Nil {
		return ""
	}
	return id.String()
}

func minorText(minor *int64) string {
	if minor == nil {
		return ""
	}
	return strconv.FormatInt(*minor, 10)
}

// SafeCell keeps a spreadsheet from reading a text as a formula, or as more than one
// cell, and a reader from missing what is in it.
func SafeCell(text string) string {
	text = visible.Line(text)
	if !strings.ContainsAny(text, formulas) {
		return text
	}
	var b strings.Builder
	for i, cell := range strings.Split(text, otherComma) {
		if i > 0 {
			b.WriteString(otherComma)
		}
		begin := strings.TrimLeft(cell, " \u00a0\"")
		if strings.IndexAny(begin, formulas) == 0 {
			b.WriteByte('\'')
		}
		b.WriteString(cell)
	}
	return b.String()
}

const (
	// formulas begin with these, or in Asia with their wide forms.
	formulas = "=+-@\uff1d\uff0b\uff0d\uff20"
	// otherComma ends a cell where the comma is written in numbers.
	otherComma = ";"
)
