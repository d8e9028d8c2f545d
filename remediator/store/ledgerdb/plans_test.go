package ledgerdb

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"encoding/json"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/lib/pq"
	"modernc.org/sqlite"

	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/store/views"
)

// big are the tables that grow with each event or remedy: nobody reads one from end to
// end to answer a question.
var big = []string{"ledger", "remedy", "action", "outbox", "once_key", "shadow_key", "payment", "refund", "customer_key", "credit_lot", "credit_entry", "credit_redemption", "tile"}

// few are the indexes of big tables that hold few of their rows.
var few = []string{"remedy_held", "remedy_waiting", "remedy_failed", "outbox_due", "outbox_reported", "ledger_rules", "ledger_cords"}

// writes are the methods of a DB that write, or that ask the database nothing.
var writes = []string{
	"Acquire", "BeginSession", "Brake", "Close", "Commit", "Disable", "Enable", "EndSession", "Explain", "ForgetSnapshots", "Grant", "Holder", "LeaveNode", "News",
	"NoteHeard", "Prepare", "Redeem", "RememberBounce", "Reported", "Retry", "Reverse", "SeeNode", "SeeSession", "TryAcquire", "Write",
}

// seldom are questions that nobody waits for, and why they may read a table through.
var seldom = map[string]string{
	"Unspent":    "it is asked once, when a backup is checked",
	"ScopeTaken": "it is asked once when a rule is new, and an index would cost each remedy",
}

// questions asks all that can be asked of a ledger, by the method that answers it.
func (w *world) questions() map[string]func(ctx context.Context) error {
	d, one := w.db, id("1")
	since, until := time.Unix(1, 0), time.Unix(1<<31, 0)
	return map[string]func(context.Context) error{
		"Answer":            func(ctx context.Context) error { return second(d.Answer(ctx, "x")) },
		"Balance":           func(ctx context.Context) error { return second(d.Balance(ctx, "c-1", until)) },
		"Bounced":           func(ctx context.Context) error { return second(d.Bounced(ctx, "a@example.com")) },
		"Braked":            func(ctx context.Context) error { return second(d.Braked(ctx, id("1/refund"))) },
		"Brakes":            func(ctx context.Context) error { return second(d.Brakes(ctx)) },
		"Bulk":              func(ctx context.Context) error { return second(d.Bulk(ctx, one)) },
		"COE":               func(ctx context.Context) error { return second(d.COE(ctx, one)) },
		"COETexts":          func(ctx context.Context) error { return second(d.COETexts(ctx, one, 1)) },
		"COEs":              w.coes,
		"Checkpoint":        func(ctx context.Context) error { return second(d.Checkpoint(ctx)) },
		"CheckKept":         w.checkKept,
		"Claim":             func(ctx context.Context) error { return second(d.Claim(ctx, "nobody", 5, until, time.Minute)) },
		"Cord":              func(ctx context.Context) error { return second(d.Cord(ctx, "a")) },
		"Cords":             func(ctx context.Context) error { return second(d.Cords(ctx)) },
		"CustomerKeys":      func(ctx context.Context) error { return second(d.CustomerKeys(ctx, []string{"c-1", "c-2"})) },
		"Decisions":         func(ctx context.Context) error { return second(d.Decisions(ctx, []uuid.UUID{one, id("2")})) },
		"Deliveries":        w.deliveries,
		"Differences":       w.differences,
		"Disabled":          func(ctx context.Context) error { return second(d.Disabled(ctx, "hook")) },
		"DisabledEndpoints": func(ctx context.Context) error { return second(d.DisabledEndpoints(ctx)) },
		"Erased":            w.erased,
		"Evidence":          func(ctx context.Context) error { return third(d.Evidence(ctx, one)) },
		"FiredRules":        func(ctx context.Context) error { return second(d.FiredRules(ctx, since)) },
		"Gaps":              func(ctx context.Context) error { return second(d.Gaps(ctx)) },
		"Hearing":           func(ctx context.Context) error { return second(d.Hearing(ctx)) },
		"History":           func(ctx context.Context) error { return second(d.History(ctx, one)) },
		"Holds":             func(ctx context.Context) error { return second(d.Holds(ctx)) },
		"Key":               func(ctx context.Context) error { return second(d.Key(ctx)) },
		"LegalHolds":        func(ctx context.Context) error { return second(d.LegalHolds(ctx)) },
		"Unspent":           func(ctx context.Context) error { return second(d.Unspent(ctx)) },
		"LostClaims":        func(ctx context.Context) error { return second(d.LostClaims(ctx, map[uuid.UUID]int{one: 1})) },
		"Nodes":             func(ctx context.Context) error { return second(d.Nodes(ctx)) },
		"Payouts":           w.payouts,
		"Pending":           func(ctx context.Context) error { return second(d.Pending(ctx, "stripe", "", 10)) },
		"Position":          func(ctx context.Context) error { return second(d.Position(ctx)) },
		"Proposal":          func(ctx context.Context) error { return second(d.Proposal(ctx)) },
		"Prove":             func(ctx context.Context) error { return nil }, // Receipt is made by it
		"Receipt":           func(ctx context.Context) error { return second(d.Receipt(ctx, one)) },
		"Reconciliations":   func(ctx context.Context) error { return second(d.Reconciliations(ctx, 0, 10)) },
		"Refund":            func(context.Context) error { return second(d.Refund("stripe:re_1", 100)) },
		"Refunded":          func(context.Context) error { return second(d.Refunded([]string{"stripe:pay-1", "stripe:pay-2"}, 100)) },
		"Refunds":           func(ctx context.Context) error { return second(d.Refunds(ctx, "stripe", since, until)) },
		"Remedies":          w.remedies,
		"Remedy":            func(ctx context.Context) error { return second(d.Remedy(ctx, one)) },
		"InForce":           func(ctx context.Context) error { _, _ = d.InForce(ctx); return nil },
		"KnownRuleFiles":    func(ctx context.Context) error { return second(d.KnownRuleFiles(ctx, []string{"a", "b"})) },
		"PastRules":         func(ctx context.Context) error { return second(d.PastRules(ctx)) },
		"RuleSetBefore":     func(ctx context.Context) error { return second(d.RuleSetBefore(ctx, until)) },
		"RuleFiles":         func(ctx context.Context) error { _, _ = d.RuleFiles(ctx, "none"); return nil },
		"ScopeTaken":        func(ctx context.Context) error { return second(d.ScopeTaken(ctx, "late")) },
		"Session":           func(ctx context.Context) error { return second(d.Session(ctx, "x")) },
		"Sessions":          func(ctx context.Context) error { return second(d.Sessions(ctx, 1)) },
		"Snapshot":          func(ctx context.Context) error { return second(d.Snapshot(ctx)) },
		"SnapshotBefore":    func(ctx context.Context) error { return second(d.SnapshotBefore(ctx, 100)) },
		"Snapshots":         func(ctx context.Context) error { return second(d.Snapshots(ctx)) },
		"Source":            w.source,
		"Stopped":           func(ctx context.Context) error { return third(d.Stopped(ctx)) },
		"Taken":             func(context.Context) error { return second(d.Taken([]uuid.UUID{one, id("2")}, false, 100)) },
		"Tile":              func(ctx context.Context) error { _, _ = d.Tile(ctx, ledgerTile); return nil },
		"Today":             func(ctx context.Context) error { return second(d.Today(ctx, since, until)) },
		"Tokens":            func(ctx context.Context) error { return second(d.Tokens(ctx)) },
		"Totals":            func(ctx context.Context) error { return second(d.Totals(ctx)) },
		"Unsettled":         func(ctx context.Context) error { return second(d.Unsettled(ctx)) },
	}
}

// second is the error of two results.
func second[T any](_ T, err error) error { return err }

// third is the error of three results.
func third[T, U any](_ T, _ U, err error) error { return err }

// coes asks for the drafts about a rule.
func (w *world) coes(ctx context.Context) error {
	return second(w.db.COEs(ctx, views.COEFilter{Status: "draft", About: "late", Limit: 10}))
}

// differences asks for what a reconciliation left open.
func (w *world) differences(ctx context.Context) error {
	return second(w.db.Differences(ctx, views.DifferenceFilter{Status: "open", Limit: 9}))
}

// deliveries asks for what endpoints were told, by each filter.
func (w *world) deliveries(ctx context.Context) error {
	for _, f := range []views.DeliveryFilter{{}, {Endpoint: "hook"}, {Status: "failed"}} {
		if _, err := w.db.Deliveries(ctx, f); err != nil {
			return err
		}
	}
	return nil
}

// TestEveryPlan holds that nothing that can be asked of a ledger reads a big table from
// end to end: each query that a method runs is explained by the engine itself. A new
// method fails until it is asked here.
func TestEveryPlan(t *testing.T) { engines(t, testEveryPlan) }

func testEveryPlan(t *testing.T) {
	w := newWorld(t)
	for n := range 30 {
		if n%3 == 0 {
			w.commit(w.held(fmt.Sprint(n), "storm"))
			continue
		}
		w.commit(w.refund(fmt.Sprint(n)))
		w.commit(w.outcome(fmt.Sprint(n), decide.Succeeded, true))
	}
	plain := w.db.db.Read
	spy := &spy{numbered: onServer(t)}
	w.db.db.Read = spy.open(t, w.path())
	t.Cleanup(func() { w.db.db.Read.Close(); w.db.db.Read = plain })
	asked := w.questions()
	for i := range reflect.TypeFor[*DB]().NumMethod() {
		name := reflect.TypeFor[*DB]().Method(i).Name
		if asked[name] == nil && !slices.Contains(writes, name) {
			t.Errorf("nobody looks at the plans of %s: ask it here, or say that it writes", name)
		}
	}
	for name, ask := range asked {
		spy.seen = nil
		if err := ask(t.Context()); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		for _, q := range spy.seen {
			for _, fault := range w.plan(plain, q) {
				if seldom[name] != "" {
					continue
				}
				t.Errorf("%s: %s in\n%s", name, fault, q.text)
			}
		}
	}
}

// plan says which big tables a query reads from end to end.
func (w *world) plan(on *sql.DB, q query) []string {
	w.t.Helper()
	if onServer(w.t) {
		return w.serverPlan(on, q)
	}
	rows, err := on.QueryContext(w.t.Context(), `EXPLAIN QUERY PLAN `+q.text, q.args...)
	if err != nil {
		w.t.Fatalf("explain %s: %v", q.text, err)
	}
	defer rows.Close()
	var faults []string
	for rows.Next() {
		var n int
		var detail string
		if err := rows.Scan(&n, &n, &n, &detail); err != nil {
			w.t.Fatal(err)
		}
		words := strings.Fields(detail)
		if words[0] != "SCAN" || len(words) < 2 || !slices.Contains(big, tableOf(q.text, words[1])) {
			continue
		}
		if i := slices.Index(words, "INDEX"); i > 0 && slices.Contains(few, words[i+1]) || strings.Contains(q.text, "LIMIT") && slices.Contains(words, "USING") {
			continue
		}
		if tableOf(q.text, words[1]) == "ledger" && strings.Contains(q.text, "ORDER BY seq LIMIT") {
			continue // its rows lie in that order
		}
		faults = append(faults, "it reads all of "+tableOf(q.text, words[1])+": "+detail)
	}
	return faults
}

// named finds a table and the name that a query gives it.
var named = regexp.MustCompile(`(?:FROM|JOIN)\s+(\w+)(?:\s+(?:AS\s+)?(\w+))?`)

// tableOf is the table that a query calls by a name.
func tableOf(text, name string) string {
	for _, found := range named.FindAllStringSubmatch(text, -1) {
		if found[2] == name {
			return found[1]
		}
	}
	return name
}

// serverPlan is plan on PostgreSQL, which may not read a table through unless it
// cannot do without.
func (w *world) serverPlan(on *sql.DB, q query) (faults []string) {
	w.t.Helper()
	tx, err := on.BeginTx(w.t.Context(), nil)
	if err != nil {
		w.t.Fatal(err)
	}
	defer tx.Rollback()
	if _, err := tx.Exec(`SET LOCAL enable_seqscan = off`); err != nil {
		w.t.Fatal(err)
	}
	var text []byte
	if err := tx.QueryRow(`EXPLAIN (FORMAT JSON) `+q.text, q.args...).Scan(&text); err != nil {
		w.t.Fatalf("explain %s: %v", q.text, err)
	}
	var plans []struct{ Plan step }
	if err := json.Unmarshal(text, &plans); err != nil {
		w.t.Fatal(err)
	}
	for _, p := range plans {
		p.Plan.visit(false, func(fault string) { faults = append(faults, fault) })
	}
	return faults
}

// step is one of a plan of PostgreSQL.
type step struct {
	Type     string `json:"Node Type"`
	Relation string `json:"Relation Name"`
	Index    string `json:"Index Name"`
	Cond     string `json:"Index Cond"`
	Plans    []step
}

func (n step) visit(limited bool, found func(fault string)) {
	limited = limited || n.Type == "Limit"
	if slices.Contains(big, n.Relation) {
		switch {
		case n.Type == "Seq Scan":
			found("it reads all of " + n.Relation)
		case strings.HasPrefix(n.Type, "Index") && n.Cond == "" && !limited && !slices.Contains(few, n.Index):
			found("it reads all of " + n.Relation + " by " + n.Index)
		}
	}
	for _, below := range n.Plans {
		below.visit(limited, found)
	}
}

// spy is a driver that notes each query, with what it is asked with.
type spy struct {
	numbered bool // parameters, as PostgreSQL wants them
	mu       sync.Mutex
	seen     []query
	path     string
}

type query struct {
	text string
	args []any
}

// open returns connections to a ledger whose queries are noted.
func (s *spy) open(t *testing.T, path string) *sql.DB {
	t.Helper()
	s.path = path
	return sql.OpenDB(s)
}

// Connect implements driver.Connector.
func (s *spy) Connect(context.Context) (driver.Conn, error) {
	inner, err := s.Driver().Open(s.path)
	return &spyConn{inner, s}, err
}

// Driver implements driver.Connector.
func (s *spy) Driver() driver.Driver {
	if s.numbered {
		return &pq.Driver{}
	}
	return &sqlite.Driver{}
}

type spyConn struct {
	driver.Conn
	spy *spy
}

// QueryContext implements driver.QueryerContext.
func (c *spyConn) QueryContext(ctx context.Context, text string, args []driver.NamedValue) (driver.Rows, error) {
	q := query{text: text}
	for _, a := range args {
		q.args = append(q.args, a.Value)
	}
	c.spy.mu.Lock()
	c.spy.seen = append(c.spy.seen, q)
	c.spy.mu.Unlock()
	if c.spy.numbered {
		for n := 1; strings.Contains(text, "?"); n++ {
			text = strings.Replace(text, "?", fmt.Sprint("$", n), 1)
		}
	}
	return c.Conn.(driver.QueryerContext).QueryContext(ctx, text, args)
}

// BeginTx implements driver.ConnBeginTx.
func (c *spyConn) BeginTx(ctx context.Context, o driver.TxOptions) (driver.Tx, error) {
	return c.Conn.(driver.ConnBeginTx).BeginTx(ctx, o)
}
