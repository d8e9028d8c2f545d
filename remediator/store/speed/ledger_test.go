package speed

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/input"
	"github.com/makegood/makegood/remediator/ledger"
	"github.com/makegood/makegood/remediator/rule"
	"github.com/makegood/makegood/remediator/store/internal/statement"
	"github.com/makegood/makegood/remediator/store/ledgerdb"
)

const (
	logID         = "speed"
	decisions     = 1000 // of a commit: two requests' worth of events, each of which is refunded
	factsOfOne    = 2    // entries of a decision: the remedy, and the event as its evidence
	proofs        = 200
	firstOfLedger = "2026-11-02T12:00:00Z"
)

// refunds refunds every event.
const refunds = `rules:
  - rule: late
    owner: shop
    why: It came late.
    event: parcel.late
    once_per: data.order
    do:
      - refund: {payment: "${{ data.payment }}", amount: 5.00 USD}
    limits: {budget: {amount: 100000000.00 USD, within: 1d}}
    account: "4711 goodwill"
    mode: live
`

// maker folds events into decisions and commits them.
type maker struct {
	t      *testing.T
	db     *ledgerdb.DB
	memory *decide.Ahead
	fold   *decide.Fold
	at     decide.Position // committed
	events int
	made   []uuid.UUID // remedies, one of each commit
}

// newMaker begins a ledger with rules in force.
func newMaker(t *testing.T, e engine, place string) (m *maker, publicKey string) {
	t.Helper()
	private, public, err := ledger.NewKey(rand.Reader, ledger.Origin(logID))
	if err != nil {
		t.Fatal(err)
	}
	db, err := e.openLedger(t.Context(), place, ledgerdb.Options{Key: private})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	memory := decide.NewAhead(db)
	m = &maker{t: t, db: db, memory: memory, fold: decide.New(decide.Config{Memory: memory})}
	began, err := time.Parse(time.RFC3339, firstOfLedger)
	if err != nil {
		t.Fatal(err)
	}
	m.write(m.decide(m.at, nil, []input.Input{
		{ID: "genesis", Kind: input.Genesis, At: began.UnixNano(), Body: encode(t, decide.GenesisBody{
			LogID: logID, HashKey: make([]byte, 16), Created: firstOfLedger, Version: decide.Version, LatenessS: 3600, LedgerKey: public,
		})},
		{ID: "rules", Kind: input.Activate, At: began.UnixNano(), Body: encode(t, decide.ActivateBody{Files: []rule.File{{Path: "late.yaml", Text: refunds}}, Author: "ann"})},
	}))
	m.made = nil
	return m, public
}

func encode(t *testing.T, body any) []byte {
	t.Helper()
	b, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// late returns events of a second after a time. Their numbers have one width, so that rows
// are found in their order by any of their names.
func (m *maker) late(after int64) []input.Input {
	inputs := make([]input.Input, decisions)
	for i := range inputs {
		m.events++
		body := fmt.Sprintf(`{"specversion":"1.0","id":"e-%08d","source":"/shop","type":"parcel.late","customer":"c-%08[1]d","data":{"order":"o-%08[1]d","payment":"pi_%08[1]d"}}`, m.events)
		inputs[i] = input.Input{ID: fmt.Sprintf("event/%d", m.events), Kind: input.Event, At: after + int64(time.Second), Body: []byte(body)}
	}
	return inputs
}

// decided is a change that is ready to be written.
type decided struct {
	to     decide.Position
	out    *decide.Output
	change *ledgerdb.Change
}

// decide folds inputs behind a position, and seals what they came to.
func (m *maker) decide(from decide.Position, before *ledgerdb.Change, inputs []input.Input) *decided {
	out, err := m.fold.Apply(inputs)
	if err != nil {
		m.t.Error(err)
		return nil
	}
	d := &decided{to: m.fold.Position(), out: out}
	d.to.Record = from.Record + 1
	if d.change, err = m.db.Prepare(m.t.Context(), before, from, d.to, out); err != nil {
		m.t.Error(err)
		return nil
	}
	return d
}

func (m *maker) write(d *decided) {
	if d == nil {
		m.t.FailNow()
	}
	if err := m.db.Write(m.t.Context(), d.change); err != nil {
		m.t.Fatal(err)
	}
	m.at = d.to
	if len(d.out.Keys) > 0 {
		m.made = append(m.made, d.out.Keys[0].Remedy)
	}
}

// settle has events decided and committed, as the service does where many wait: those
// that come next are decided while the database writes.
func (m *maker) settle(commits int) {
	next := m.decide(m.at, nil, m.late(m.at.At))
	for left := commits - 1; next != nil; left-- {
		ahead := make(chan *decided, 1)
		m.memory.Send(m.at.Ordinal, next.out)
		go func(before *decided) {
			if left == 0 {
				ahead <- nil
				return
			}
			ahead <- m.decide(before.to, before.change, m.late(before.to.At))
		}(next)
		m.write(next)
		next = <-ahead
		m.memory.Arrived()
	}
}

// measureLedger has events decided and sealed, beside the same rows in plain tables,
// and verifies and proves what came of it.
func measureLedger(t *testing.T, e engine, into *table) {
	place := e.place(t)
	m, key := newMaker(t, e, place)
	floors, stored := e.plain(t, place)
	var floor, figure []time.Duration
	var copies *copies
	for turn := range *turns + 1 {
		f := took(func() { m.settle(*commits) })
		if copies == nil { // there are rows to tell what they are made of
			copies = newCopies(t, e, floors, stored)
		}
		read := copies.read()
		if turn == 0 {
			copies.write(read)
			continue
		}
		figure, floor = append(figure, f), append(floor, took(func() { copies.write(read) }))
	}
	made := decisions * *commits
	into.add(e.name, "floor: their rows, indexed", rate(made, middle(floor), "decisions"), "", "", "")
	into.addRatio(e.name, "decisions, sealed", rate(made, middle(figure), "decisions"), middleRatio(floor, figure), wantOfFloor, "its floor")
	for m.events*factsOfOne < *facts {
		m.settle(*commits)
	}
	measureVerify(t, e, m, key, into)
	measureProofs(t, e, m, into)
}

// measureVerify verifies the whole ledger as an auditor does who has its key.
func measureVerify(t *testing.T, e engine, m *maker, key string, into *table) {
	src, release, err := m.db.Source(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer release()
	var report ledger.Report
	d := took(func() {
		if report, err = ledger.Verify(t.Context(), src, ledger.Options{Key: key}); err != nil {
			t.Fatal(err)
		}
	})
	if !report.Verified || report.Size < uint64(*facts) {
		t.Errorf("a ledger of %d entries: %+v", report.Size, report.Findings)
	}
	each := d * million / time.Duration(report.Size)
	into.add(e.name, fmt.Sprintf("audit verify of %d entries", report.Size), d.Round(time.Millisecond).String(),
		fmt.Sprintf("%.1f s a million", each.Seconds()), "< 10 s", verdict(each < wantVerified))
}

// measureProofs makes the receipts of remedies from all over the ledger.
func measureProofs(t *testing.T, e engine, m *maker, into *table) {
	var all []time.Duration
	for i := range proofs {
		remedy := m.made[i*len(m.made)/proofs]
		all = append(all, took(func() {
			r, err := m.db.Receipt(t.Context(), remedy)
			if err != nil || len(r.Entries) != factsOfOne {
				t.Fatalf("the receipt of %s: %+v, %v", remedy, r, err)
			}
		}))
	}
	each := middle(all) / factsOfOne
	into.add(e.name, fmt.Sprintf("a proof, in %d entries", m.at.Ordinal*factsOfOne), each.Round(time.Microsecond).String(),
		"", "< 1ms", verdict(each < wantProof))
}

// copied are the tables that a decision has rows in, with the column by which they
// come in their order and the keys that a plain table has too. What the tree takes is
// left out: 32 bytes an entry.
var copied = []struct{ name, order, keys string }{
	{"ledger", "seq", "PRIMARY KEY (seq)"}, {"once_key", "ordinal", "PRIMARY KEY (id)"}, {"payment", "ordinal", "PRIMARY KEY (id)"},
	{"outbox", "ordinal", "PRIMARY KEY (action)"}, {"customer_key", "customer", "PRIMARY KEY (customer)"},
	{"remedy", "seq", "PRIMARY KEY (remedy, mode)"}, {"action", "payment", "PRIMARY KEY (number), UNIQUE (action)"},
}

// copies are plain tables with the same columns, keys and indexes as those of the
// ledger: what people ask for has its price on both sides.
type copies struct {
	t      *testing.T
	stored *sql.DB
	cache  *statement.Cache
	tables []*copyOf
}

type copyOf struct {
	query, insert string
	width, read   int
}

func newCopies(t *testing.T, e engine, floors, stored *sql.DB) *copies {
	t.Helper()
	c := &copies{t: t, stored: stored, cache: statement.NewCache(floors)}
	t.Cleanup(func() { c.cache.Close() })
	for _, table := range copied {
		rows, err := stored.QueryContext(t.Context(), `SELECT * FROM `+table.name+` LIMIT 1`)
		if err != nil {
			t.Fatal(err)
		}
		values, names := scanRow(t, rows)
		var columns []string
		for i, value := range values {
			kind := "BIGINT"
			switch value.(type) {
			case []byte:
				kind = e.bytes
			case string:
				kind = e.text
			}
			columns = append(columns, names[i]+" "+kind+" NOT NULL")
		}
		create := `CREATE TABLE floor_` + table.name + ` (` + strings.Join(columns, ", ") + `, ` + table.keys + `)`
		for _, statement := range append([]string{create}, indexes(t, e, stored, table.name)...) {
			if _, err := floors.ExecContext(t.Context(), statement); err != nil {
				t.Fatalf("%s: %v", statement, err)
			}
		}
		c.tables = append(c.tables, &copyOf{
			query:  fmt.Sprintf(`SELECT * FROM %s ORDER BY %s`, table.name, table.order),
			insert: `INSERT INTO floor_` + table.name + ` (` + strings.Join(names, ", ") + `)`, width: len(names),
		})
	}
	return c
}

// indexOf is the beginning of a statement that makes an index.
var indexOf = regexp.MustCompile(`INDEX (\w+) ON (?:\w+\.)?(\w+)`)

// indexes returns the statements that make the indexes of a table, but for those of
// its keys, for its plain table.
func indexes(t *testing.T, e engine, stored *sql.DB, table string) (statements []string) {
	t.Helper()
	rows, err := stored.QueryContext(t.Context(), e.indexes, table)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var text string
		if err := rows.Scan(&text); err != nil {
			t.Fatal(err)
		}
		statements = append(statements, indexOf.ReplaceAllString(text, "INDEX floor_$1 ON floor_$2"))
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	if len(statements) == 0 && (table == "ledger" || table == "action") {
		t.Fatalf("table %s has no indexes", table)
	}
	return statements
}

// scanRow reads one row.
func scanRow(t *testing.T, rows *sql.Rows) (values []any, names []string) {
	t.Helper()
	names, err := rows.Columns()
	if err != nil || !rows.Next() {
		t.Fatalf("a row of %v, %v %v", names, err, rows.Err())
	}
	values, into := make([]any, len(names)), make([]any, len(names))
	for i := range values {
		into[i] = &values[i]
	}
	if err := errors.Join(rows.Scan(into...), rows.Close()); err != nil { // there is one connection
		t.Fatal(err)
	}
	return values, names
}

// read returns what was stored since the last time, table by table.
func (c *copies) read() (fresh [][]any) {
	c.t.Helper()
	for _, table := range c.tables {
		rows, err := c.stored.QueryContext(c.t.Context(), fmt.Sprintf(`%s LIMIT 1000000000 OFFSET %d`, table.query, table.read))
		if err != nil {
			c.t.Fatal(err)
		}
		var all []any
		values, into := make([]any, table.width), make([]any, table.width)
		for i := range values {
			into[i] = &values[i]
		}
		for rows.Next() {
			if err := rows.Scan(into...); err != nil {
				c.t.Fatal(err)
			}
			all = append(all, values...)
			table.read++
		}
		if err := rows.Err(); err != nil || len(all) == 0 {
			c.t.Fatalf("%s: %d values, %v", table.query, len(all), err)
		}
		rows.Close()
		fresh = append(fresh, all)
	}
	return fresh
}

// write stores what a turn has stored, in as many transactions.
func (c *copies) write(fresh [][]any) {
	c.t.Helper()
	for part := range *commits {
		tx, err := c.cache.Begin(context.Background())
		if err != nil {
			c.t.Fatal(err)
		}
		for i, table := range c.tables {
			rows := len(fresh[i]) / table.width
			from, to := rows*part / *commits, rows*(part+1) / *commits
			if err := tx.Insert(table.insert, "", table.width, fresh[i][from*table.width:to*table.width]); err != nil {
				c.t.Fatal(err)
			}
		}
		if err := tx.Commit(); err != nil {
			c.t.Fatal(err)
		}
	}
}
