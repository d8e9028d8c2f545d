package speed

import (
	"cmp"
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/makegood/makegood/remediator"
	"github.com/makegood/makegood/remediator/store/internal/postgres"
	"github.com/makegood/makegood/remediator/store/postgrestest"
	"github.com/makegood/makegood/remediator/store/views"
)

var (
	remedies = flag.Int("pages.remedies", 2000, "remedies that the pages choose from; make bench-pages has 1,000,000")
	requests = flag.Int("pages.requests", 5, "requests of each page, cold and warm; make bench-pages has 500")
	keep     = flag.String("pages.keep", "", "folder in which the databases stay for the next run; make bench-pages has build/pages")
)

const adminSecret = "admin-secret"

// wantPage is within which a page is answered.
const wantPage = 100 * time.Millisecond

// crowd fills the views with remedies, each with one refund, evenly over the ninety days
// before $NOW: one in five hundred is held, one in a thousand has failed.
var crowd = []string{
	`CREATE TABLE crowd AS WITH RECURSIVE n(i) AS (SELECT CAST(0 AS BIGINT) UNION ALL SELECT i + 1 FROM n WHERE i < $COUNT - 1)
		SELECT i, '00000000-0000-4000-8000-' || (100000000000 + i) AS id, '00000000-0000-4000-9000-' || (100000000000 + i) AS action,
		$NOW - ($COUNT - i) * ($DAY * 90 / $COUNT) AS at, 'rule-' || (i % 20) AS rule, 'customer-' || (i * 7919 % 100003) AS customer, '40' || (i % 7) AS account,
		CASE WHEN i % 500 = 0 THEN 'held' WHEN i % 1000 = 1 THEN 'failed' ELSE 'done' END AS status,
		CASE WHEN i % 500 = 0 THEN 'waiting' WHEN i % 1000 = 1 THEN 'failed' ELSE 'succeeded' END AS paid, 100 + i % 900 AS minor FROM n`,
	`INSERT INTO remedy (remedy, mode, seq, at, rule, decision, reason, status, customer, subject, account, source, event, ended_at, bulk)
		SELECT id, 'live', 1000000000 + i, at, rule, CASE WHEN status = 'held' THEN 'hold' ELSE 'act' END, CASE WHEN status = 'held' THEN 'approve_above' ELSE '' END,
		status, customer, '', account, '/shop', 'event-' || i, CASE WHEN status = 'held' THEN 0 ELSE at END, '' FROM crowd`,
	`INSERT INTO action (number, action, remedy, rule, account, at, name, kind, connector, payment, customer, cord, template, endpoint, minor, currency, status, attempts, code, ref, seen_at, accepted_at, arrived_at, place)
		SELECT 1000000000000 + i, action, id, rule, account, at, 'refund', 'refund', 'stripe', 'pi_c' || i, customer, '', '', '', minor, 'USD', paid, 1, '', 're_' || i, '',
		CASE WHEN paid = 'succeeded' THEN at ELSE 0 END, CASE WHEN paid = 'succeeded' THEN at ELSE 0 END, 0 FROM crowd`,
	`INSERT INTO payout_sum (day, kind, rule, account, status, currency, steps, minor)
		SELECT at / $DAY, 'refund', rule, account, paid, 'USD', COUNT(*), SUM(minor) FROM crowd GROUP BY at / $DAY, rule, account, paid`,
	`INSERT INTO payout_day (day, kind, status, currency, steps, minor)
		SELECT day, kind, status, currency, CAST(SUM(steps) AS BIGINT), CAST(SUM(minor) AS BIGINT) FROM payout_sum WHERE rule LIKE 'rule-%' GROUP BY day, kind, status, currency`,
	`INSERT INTO held_sum (rule, reason, bulk, currency, counted, minor)
		SELECT rule, 'approve_above', '', '', COUNT(*), 0 FROM crowd WHERE status = 'held' GROUP BY rule`,
	`INSERT INTO held_sum (rule, reason, bulk, currency, counted, minor)
		SELECT rule, 'approve_above', '', 'USD', COUNT(*), SUM(minor) FROM crowd WHERE status = 'held' GROUP BY rule`,
	`INSERT INTO paid_hour (hour, currency, steps, minor)
		SELECT at / $HOUR, 'USD', COUNT(*), SUM(minor) FROM crowd WHERE paid = 'succeeded' GROUP BY at / $HOUR`,
	`INSERT INTO outbox (action, remedy, connector, kind, name, rule, approved, entry, state, attempts, first_attempt_at, next_at, lease_until, holder, ordinal, at)
		SELECT action, id, 'stripe', 'refund', 'refund', rule, 0, 1000000000 + i, 'settled', 1, at, at, 0, '', 1000000000 + i, at FROM crowd`,
	`INSERT INTO ledger (seq, kind, at, ordinal, version, remedy, action, rule, body, leaf)
		SELECT 1000000000 + i, 'remedy', at, 1000000000 + i, 1, id, '', rule, $BODY, $LEAF FROM crowd`,
	`INSERT INTO remedy_sum (day, rule, mode, decision, status, remedies, last_at)
		SELECT at / $DAY, rule, 'live', CASE WHEN status = 'held' THEN 'hold' ELSE 'act' END, status, COUNT(*), MAX(at) FROM crowd GROUP BY at / $DAY, rule, status`,
	`DROP TABLE crowd`,
}

// counted are the tables that PostgreSQL looks at by itself in time. SQLite does not.
var counted = []string{"remedy", "action", "ledger", "outbox", "payout_sum", "payout_day", "remedy_sum"}

// decision is the fact of a decision, as each of the crowd has it.
const decision = `{"remedy":"' || id || '","rule":"' || rule || '","mode":"live","decision":"act","customer":"' || customer || '","account":"' || account || '","source":"/shop","event":"event-' || i || '"}`

// fill adds the crowd to the ledger of a service that is not running.
func fill(t *testing.T, db *sql.DB, e engine, count int, now time.Time) {
	t.Helper()
	body, leaf := "CAST('"+decision+"' AS BLOB)", "zeroblob(32)"
	if e.name == "postgres" {
		body, leaf = "convert_to('"+decision+"', 'UTF8')", "decode(repeat('00', 32), 'hex')"
	}
	words := strings.NewReplacer("$COUNT", fmt.Sprint(count), "$NOW", fmt.Sprint(now.UnixNano()), "$DAY", fmt.Sprint(int64(24*time.Hour)),
		"$HOUR", fmt.Sprint(int64(time.Hour)), "$BODY", body, "$LEAF", leaf)
	tx, err := db.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	statements := slices.Clone(crowd)
	if e.name == "postgres" {
		for _, table := range counted {
			statements = append(statements, `ANALYZE `+table)
		}
	}
	for _, statement := range statements {
		if _, err := tx.Exec(words.Replace(statement)); err != nil {
			t.Fatalf("%v in %.80s", err, statement)
		}
	}
	if err := tx.Commit(); err != nil {
		t.Fatal(err)
	}
}

// town is a service with a crowd, and what was made of it beside that.
type town struct {
	config           remediator.Config
	Remedy           string
	Written, Drafted string    // COEs
	Filled           time.Time // when the crowd was made, which is now for the service
	DSN              string    // in PostgreSQL
	Of               string    // what it was made by: a change makes it anew
}

// found returns a town: the one of the run before, if towns are kept and it is there.
func found(t *testing.T, e engine) town {
	t.Helper()
	made := town{Filled: time.Now().UTC(), Of: fmt.Sprintf("%x %d", sha256.Sum256([]byte(views.Schema+views.Sums+strings.Join(crowd, ";")+decision+rulesOfTown()+started)), *remedies)}
	folder, note := t.TempDir(), ""
	if *keep != "" {
		folder = filepath.Join(*keep, e.name)
		note = filepath.Join(folder, "town.json")
		if err := os.MkdirAll(folder, 0o700); err != nil {
			t.Fatal(err)
		}
		var last town
		if text, err := os.ReadFile(note); err == nil && json.Unmarshal(text, &last) == nil && last.Of == made.Of && (last.DSN == "" || postgrestest.There(t, last.DSN)) {
			last.config = configOf(folder, last)
			return last
		}
		if err := errors.Join(os.RemoveAll(folder), os.MkdirAll(folder, 0o700)); err != nil {
			t.Fatal(err)
		}
	}
	if e.name == "postgres" {
		made.DSN = postgrestest.New(t)
		if *keep != "" {
			made.DSN = postgrestest.Kept(t, "pages")
		}
	}
	made.config = configOf(folder, made)
	began := time.Now()
	made.begin(t)
	db := beside(t, made.config)
	if e.name == "postgres" { // the pool of the service lets nothing take so long
		if _, err := db.ExecContext(t.Context(), `SET statement_timeout = 0`); err != nil {
			t.Fatal(err)
		}
	}
	fill(t, db, e, *remedies, made.Filled)
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	t.Logf("%d remedies in %s", *remedies, time.Since(began).Round(time.Second))
	if note != "" {
		text, err := json.Marshal(made)
		if err == nil {
			err = os.WriteFile(note, text, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return made
}

// configOf is the service of a town, whose clock goes on where the crowd ends.
func configOf(folder string, of town) remediator.Config {
	began := time.Now()
	return remediator.Config{DataDir: folder, Database: of.DSN, AdminToken: adminSecret, Requests: -1, Logger: slog.New(slog.DiscardHandler),
		Now: func() time.Time { return of.Filled.Add(time.Since(began)) }}
}

// rulesOfTown are twenty rules, by which the crowd was decided.
func rulesOfTown() string {
	var text strings.Builder
	text.WriteString("rules:\n")
	for n := range 20 {
		fmt.Fprintf(&text, `  - rule: rule-%d
    owner: shop
    why: It came late.
    event: parcel.late
    once_per: data.order
    do:
      - refund: {payment: "${{ data.payment }}", amount: 5.00 USD}
    limits: {budget: {amount: 100000.00 USD, within: 1d}}
    account: "4711"
    mode: shadow
`, n)
	}
	return text.String()
}

// started is what people did in a town before the crowd came.
const started = `refund, rules, cord, COE`

// begin has people ask a new service for a refund, put rules in force, pull a cord,
// which opens a COE by itself, and open another one.
func (w *town) begin(t *testing.T) {
	t.Helper()
	rules, err := json.Marshal(map[string]any{"files": []map[string]string{{"path": "town.yaml", "text": rulesOfTown()}}})
	if err != nil {
		t.Fatal(err)
	}
	running(t, w.config, func(s *remediator.Running) {
		var answer struct{ Remedy, COE string }
		for _, c := range [][2]string{
			{"/v1/refunds", `{"payment":"pi_1","amount":"2.99 USD","customer":"customer-1","reason":"It came late"}`},
			{"/v1/rules/activate", string(rules)},
			{"/v1/andon/pull", `{"cord":"product/TABLE-7","level":"red","reason":"It may hurt somebody"}`},
			{"/v1/coes", `{"rule":"rule-3","title":"The third rule"}`},
		} {
			status, body, _ := ask(t, http.MethodPost, s.URL+c[0], c[1])
			if err := json.Unmarshal([]byte(body), &answer); err != nil || status != http.StatusOK {
				t.Fatalf("%s is answered %d %s", c[0], status, body)
			}
			w.Remedy, w.Written = cmp.Or(w.Remedy, answer.Remedy), cmp.Or(answer.COE, w.Written)
		}
		// A red cord opens a COE by itself, which nobody has written yet.
		var list struct{ COEs []struct{ COE string } }
		if _, body, _ := ask(t, http.MethodGet, s.URL+"/v1/coes?about=product/TABLE-7", ""); json.Unmarshal([]byte(body), &list) != nil || len(list.COEs) != 1 {
			t.Fatalf("the COEs about the cord are %s", body)
		}
		w.Drafted = list.COEs[0].COE
	})
}

// TestPages measures the pages of the console with many remedies, cold after a start
// and warm. In make test the crowd is small, so that it is known to run. A target that
// is missed shows in the table alone: a busy machine is no fault.
func TestPages(t *testing.T) {
	var all [][]string
	for _, e := range engines {
		t.Run(e.name, func(t *testing.T) { all = append(all, measurePages(t, e.name, found(t, e))...) })
	}
	if *prints {
		printPages(all)
	}
}

// printPages writes what was measured as a table.
func printPages(rows [][]string) {
	fmt.Printf("%s, %s/%s, %d processors, load %s; %d remedies, %d requests of each page, cold after a start and warm\n",
		runtime.Version(), runtime.GOOS, runtime.GOARCH, runtime.GOMAXPROCS(0), load(), *remedies, *requests)
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "engine\tpage\tfirst\tcold p50\tcold p99\twarm p50\twarm p99\twanted\treached")
	for _, row := range rows {
		fmt.Fprintln(w, strings.Join(row, "\t"))
	}
	w.Flush()
}

// load is how busy the machine was in the last minute, where it tells.
func load() string {
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "unknown"
	}
	first, _, _ := strings.Cut(string(text), " ")
	return first
}

// beside opens the database of the ledger of a service.
func beside(t *testing.T, config remediator.Config) *sql.DB {
	t.Helper()
	if config.Database == "" {
		db, err := sql.Open("sqlite", "file:"+filepath.ToSlash(filepath.Join(config.DataDir, ledgerFile)))
		if err != nil {
			t.Fatal(err)
		}
		return db
	}
	server, err := postgres.Parse(config.Database)
	if err != nil {
		t.Fatal(err)
	}
	return server.Pool(1, postgres.Writing)
}

// running does something with a service while it runs.
func running(t *testing.T, config remediator.Config, do func(*remediator.Running)) {
	t.Helper()
	s, err := remediator.Start(context.WithoutCancel(t.Context()), config, "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	do(s)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

// measurePages asks for each page of the navigation, for what it can be narrowed down
// to, and for the pages that these lead to.
func measurePages(t *testing.T, engine string, of town) (rows [][]string) {
	t.Helper()
	var paths []string
	running(t, of.config, func(s *remediator.Running) {
		_, body, _ := ask(t, http.MethodGet, s.URL+"/", "")
		_, nav, _ := strings.Cut(body, "<nav")
		nav, _, _ = strings.Cut(nav, "</nav>")
		for _, found := range regexp.MustCompile(`href="([^"]+)"`).FindAllStringSubmatch(nav, -1) {
			paths = append(paths, found[1])
		}
	})
	if len(paths) < 2 {
		t.Fatalf("the navigation leads to %q", paths)
	}
	ofCrowd := fmt.Sprintf("/remedies/00000000-0000-4000-8000-%d", 100_000_000_000+*remedies/2)
	paths = append(paths, "/refunds?customer=customer-7919", "/refunds?payment=pi_c77", "/refunds?status=failed", "/refunds?rule=rule-3&account=403",
		"/refunds?after=1000000001000", "/remedies/"+of.Remedy, ofCrowd, "/customers?customer=customer-7919", "/approvals?rule=rule-0",
		"/rules/rule-3", "/why-not", "/coes/"+of.Written, "/coes/"+of.Drafted, "/coes/"+of.Written+"/edit", "/facts/1")
	for _, path := range paths {
		running(t, of.config, func(s *remediator.Running) {
			cold, warm := timed(t, s.URL+path), timed(t, s.URL+path)
			first := cold[0]
			slices.Sort(cold)
			slices.Sort(warm)
			row := []string{engine, path, shown(first)}
			worst := time.Duration(0)
			for _, took := range [][]time.Duration{cold, warm} {
				p99 := took[len(took)*99/100]
				row = append(row, shown(took[len(took)/2]), shown(p99))
				worst = max(worst, p99)
			}
			rows = append(rows, append(row, "< "+wantPage.String(), verdict(worst < wantPage)))
		})
	}
	return rows
}

// timed asks for a page as often as wanted, and returns how long each answer took.
func timed(t *testing.T, address string) (took []time.Duration) {
	t.Helper()
	for range *requests {
		status, body, d := ask(t, http.MethodGet, address, "")
		if status != http.StatusOK {
			t.Fatalf("%s is answered %d %s", address, status, body)
		}
		took = append(took, d)
	}
	return took
}

func shown(d time.Duration) string { return d.Round(10 * time.Microsecond).String() }

// ask makes a request and returns what is answered, and how long that took.
func ask(t *testing.T, method, url, body string) (status int, text string, took time.Duration) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+adminSecret)
	r.Header.Set("Content-Type", "application/json")
	began := time.Now()
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	all, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(all), time.Since(began)
}
