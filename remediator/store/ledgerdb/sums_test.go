package ledgerdb

import (
	"context"
	"database/sql"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/store/internal/postgres"
)

// summed are the sums that commits keep, and the same counted from the rows.
var summed = map[string]string{
	`SELECT rule, reason, bulk, currency, counted, minor FROM held_sum WHERE counted <> 0 OR minor <> 0`: `
		SELECT rule, reason, bulk, '', COUNT(*), 0 FROM remedy WHERE mode = 'live' AND status = 'held' GROUP BY rule, reason, bulk
		UNION ALL SELECT r.rule, r.reason, r.bulk, a.currency, COUNT(*), CAST(SUM(a.minor) AS BIGINT) FROM remedy AS r JOIN action AS a ON a.remedy = r.remedy
		WHERE r.mode = 'live' AND r.status = 'held' AND a.currency <> '' AND a.status IN ('waiting', 'held') GROUP BY r.rule, r.reason, r.bulk, a.currency`,
	`SELECT day, kind, status, currency, steps, minor FROM payout_day WHERE steps <> 0 OR minor <> 0`: `
		SELECT at / 86400000000000, kind, status, currency, COUNT(*), CAST(SUM(minor) AS BIGINT) FROM action WHERE currency <> ''
		GROUP BY at / 86400000000000, kind, status, currency`,
	`SELECT hour, currency, steps, minor FROM paid_hour WHERE steps <> 0 OR minor <> 0`: `
		SELECT accepted_at / 3600000000000, currency, COUNT(*), CAST(SUM(minor) AS BIGINT) FROM action
		WHERE accepted_at > 0 AND currency <> '' AND kind IN ('refund', 'credit') AND status IN ('succeeded', 'pending') GROUP BY accepted_at / 3600000000000, currency`,
}

// TestSumsOfWhatWaits holds that what commits add up is what the rows add up to, and
// what a database gets that did not have the sums.
func TestSumsOfWhatWaits(t *testing.T) { engines(t, testSumsOfWhatWaits) }

func testSumsOfWhatWaits(t *testing.T) {
	w := newWorld(t)
	random := rand.New(rand.NewPCG(3, 4))
	for n := range 40 {
		name := fmt.Sprint(n)
		out := w.refund(name)
		if n%2 == 0 {
			out = w.held(name, []string{"approve_above", "storm"}[n/2%2])
		}
		w.commit(out)
		for random.IntN(3) > 0 {
			w.commit(w.happens(fmt.Sprint(random.IntN(n+1)), random))
		}
	}
	kept := w.foots()
	if rows := strings.Count(kept, "\n"); rows < 5 {
		t.Fatalf("there are only %d sums:\n%s", rows, kept)
	}
	path := w.path()
	w.older()
	if onServer(t) {
		if from, to, err := Migrate(t.Context(), path); from != 1 || to != 2 || err != nil {
			t.Fatalf("brought up from version %d to %d, %v", from, to, err)
		}
	}
	w.db = openAt(t, path)
	if got := w.foots(); got != kept {
		t.Errorf("brought up, the sums are\n%s\nwant\n%s", got, kept)
	}
	w.commit(w.held("last", "storm"))
	w.foots()
}

// held is the output of deciding to refund when a person says so.
func (w *world) held(name, reason string) *decide.Output {
	out := w.refund(name)
	amount := usd(299)
	out.Items[0] = w.fact(decide.KindRemedy, decide.Fact{Remedy: id(name), Rule: "late"}, decide.RemedyFact{
		Remedy: id(name), Rule: "late", Scope: "late", Key: name, Mode: live, Decision: decide.Hold, Reason: reason, Customer: "c-" + name, Source: "/test", Event: name,
		Steps: []decide.Step{
			{Action: id(name + "/refund"), Name: "refund", Kind: "refund", Connector: "stripe", Payment: "pay-" + name, Amount: &amount},
			{Action: id(name + "/credit"), Name: "credit", Kind: "credit", Connector: "credit", Amount: &amount},
		},
	})
	return out
}

// happens is something that happens to a remedy.
func (w *world) happens(name string, random *rand.Rand) *decide.Output {
	about := decide.Fact{Remedy: id(name), Rule: "late"}
	item := w.fact(decide.KindEnd, about, decide.EndFact{Status: decide.Done})
	switch random.IntN(5) {
	case 0:
		item = w.fact(decide.KindApproval, about, decide.ApprovalFact{Answer: "approve", By: "ann", Have: 1, Need: 1})
	case 1:
		item = w.fact(decide.KindApproval, about, decide.ApprovalFact{Held: "unknown"})
	case 2, 3:
		about.Action = id(name + "/refund")
		status := []string{decide.Succeeded, decide.Pending, decide.Failed, decide.Retrying}[random.IntN(4)]
		item = w.fact(decide.KindAction, about, decide.ActionFact{Name: "refund", Attempt: 1, Status: status})
		item.Fact.At += random.Int64N(5) * int64(3600e9)
	}
	return &decide.Output{Items: []decide.Item{item}}
}

// foots compares all sums with the rows, and returns them.
func (w *world) foots() string {
	w.t.Helper()
	var all strings.Builder
	for kept, counted := range summed {
		got, want := w.lines(kept), w.lines(counted)
		if !slices.Equal(got, want) {
			w.t.Errorf("the sums are\n%s\nbut the rows add up to\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	}
	for _, line := range append(w.lines(`SELECT rule, reason, bulk, currency, counted, minor FROM held_sum WHERE counted <> 0`),
		w.lines(`SELECT hour, currency, steps, minor FROM paid_hour WHERE steps <> 0`)...) {
		all.WriteString(line + "\n")
	}
	return all.String()
}

// lines returns the rows of a query, sorted.
func (w *world) lines(query string) (lines []string) {
	w.t.Helper()
	rows, err := w.db.db.Read.Query(query)
	if err != nil {
		w.t.Fatalf("%s: %v", query, err)
	}
	lines = strings.Split(dumpRows(w.t, "", rows), "\n")
	slices.Sort(lines)
	return lines
}

// older makes the database one of before the sums, and closes it.
func (w *world) older() {
	w.t.Helper()
	path := w.path()
	if err := w.db.Close(); err != nil {
		w.t.Fatal(err)
	}
	db, version := (*sql.DB)(nil), `PRAGMA user_version = 6`
	var err error
	if onServer(w.t) {
		var server *postgres.Server
		if server, err = postgres.Parse(path); err == nil {
			db, version = server.Pool(1, postgres.Writing), `UPDATE makegood_schema SET version = 1 WHERE part = 'ledger'`
		}
	} else {
		db, err = sql.Open("sqlite", "file:"+path)
	}
	if err != nil {
		w.t.Fatal(err)
	}
	defer db.Close()
	for _, statement := range []string{
		`DROP TABLE held_sum`, `DROP TABLE paid_hour`, `DROP TABLE payout_day`, `DROP INDEX remedy_waiting`, `DROP TABLE heard`, `DROP TABLE heard_agent`, `DROP TABLE listener`, `DROP TABLE window_lost`, `DROP INDEX ledger_cords`,
		`DROP INDEX remedy_failed`, `CREATE INDEX remedy_failed ON remedy (ended_at) WHERE status IN ('failed', 'failed-after-arrival')`,
		`CREATE INDEX action_accepted ON action (accepted_at, currency, kind, status, minor) WHERE accepted_at > 0 AND currency <> ''`, version,
	} {
		if _, err := db.ExecContext(context.Background(), statement); err != nil {
			w.t.Fatalf("%s: %v", statement, err)
		}
	}
}
