package api_test

import (
	"context"
	"database/sql"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/makegood/makegood/remediator/api"
	"github.com/makegood/makegood/remediator/store/ledgerdb"
	"github.com/makegood/makegood/remediator/store/views"
)

// crowd fills a ledger with refunds in two currencies, of which one in ten has failed,
// and with their sums.
var crowd = []string{
	`INSERT INTO action (number, action, remedy, rule, account, at, name, kind, connector, payment, customer, cord, template, endpoint, minor, currency, status, attempts, code, ref, seen_at, accepted_at, arrived_at, place)
		WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < $COUNT - 1)
		SELECT 1000000000000 + i, '00000000-0000-4000-9000-' || (100000000000 + i), '00000000-0000-4000-8000-' || (100000000000 + i), 'late', '1', $NOW, 'refund', 'refund', 'stripe',
		'pi_' || i, 'c-' || i, '', '', '', 100 + i % 900, iif(i % 3 = 0, 'EUR', 'USD'), iif(i % 10 = 0, 'failed', 'succeeded'), 1, '', 're_' || i, '', $NOW, $NOW, 0 FROM n`,
	`INSERT INTO payout_sum (day, kind, rule, account, status, currency, steps, minor)
		SELECT at / 86400000000000, kind, rule, account, status, currency, COUNT(*), SUM(minor) FROM action GROUP BY status, currency`,
	`INSERT INTO payout_day (day, kind, status, currency, steps, minor) SELECT day, kind, status, currency, steps, minor FROM payout_sum`,
}

// fill stops a house, fills its ledger with so many refunds, and starts it again.
func (h *house) fill(refunds int) {
	h.t.Helper()
	h.stop()
	db, err := sql.Open("sqlite", "file:"+filepath.ToSlash(filepath.Join(h.config.DataDir, "ledger.db")))
	if err != nil {
		h.t.Fatal(err)
	}
	words := strings.NewReplacer("$COUNT", fmt.Sprint(refunds), "$NOW", fmt.Sprint(time.Now().UnixNano()))
	for _, statement := range crowd {
		if _, err := db.ExecContext(h.t.Context(), words.Replace(statement)); err != nil {
			h.t.Fatal(errors.Join(err, db.Close()))
		}
	}
	if err := db.Close(); err != nil {
		h.t.Fatal(err)
	}
	h.start()
}

// heap is how many bytes are in use.
func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// booked is what refunds of one currency and status come to.
type booked struct{ steps, minor int }

// TestTableOfAFile holds of a long table from a file that it has every refund once, that
// it foots to the totals of the API, that it takes no more memory the longer it gets, and
// that nothing is read any more for who is gone. It runs alone, since it looks at the
// memory of the whole process.
func TestTableOfAFile(t *testing.T) {
	refunds := 100_000
	if testing.Short() {
		refunds = 60_000
	}
	h := newHouse(t, nil)
	h.fill(refunds)
	var all api.Refunds
	h.ask("admin", "GET", "/v1/refunds?limit=1", "").into(t, &all)
	want := map[string]booked{}
	for _, total := range all.Totals {
		for _, s := range total.Statuses {
			want[total.Amount.Currency+" "+s.Status] = booked{s.Steps, int(s.Amount.Minor)}
		}
	}
	got := readTable(t, h, refunds)
	if len(want) != 4 || !maps.Equal(got, want) {
		t.Errorf("the table comes to %v, the API says %v", got, want)
	}
	leaveTable(t, h, refunds)
}

// readTable reads a table of so many rows to its end and returns what it comes to, by
// currency and status.
func readTable(t *testing.T, h *house, rows int) (got map[string]booked) {
	t.Helper()
	const growth = 16 << 20 // bytes; 40,000 rows that are gathered first take as much
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, h.url+"/v1/refunds.csv", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+h.secrets["admin"])
	before := heap()
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	table := csv.NewReader(res.Body)
	table.ReuseRecord = true
	if _, err := table.Read(); err != nil || res.StatusCode != http.StatusOK {
		t.Fatalf("%d, %v", res.StatusCode, err)
	}
	got = map[string]booked{}
	most, read := uint64(0), 0
	for ; ; read++ {
		row, err := table.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("after %d rows: %v", read, err)
		}
		if of := fmt.Sprint("c-", rows-1-read); row[6] != of {
			t.Fatalf("row %d is of %s, want %s", read, row[6], of)
		}
		minor, err := strconv.Atoi(strings.Replace(row[9], ".", "", 1))
		if err != nil {
			t.Fatal(err)
		}
		sum := got[row[10]+" "+row[11]]
		got[row[10]+" "+row[11]] = booked{sum.steps + 1, sum.minor + minor}
		if read%(rows/10) == 0 {
			most = max(most, heap())
		}
	}
	t.Logf("of %d rows, %d KiB were in use before and %d at the most", rows, before>>10, most>>10)
	if most > before+growth {
		t.Errorf("%d KiB were in use before the table and %d on its way", before>>10, most>>10)
	}
	if read != rows {
		t.Errorf("the table has %d rows, want %d", read, rows)
	}
	return got
}

// asked counts the pages of refunds that are asked for.
type asked struct {
	api.Ledger
	pages atomic.Int64
}

// Payouts implements api.Ledger.
func (a *asked) Payouts(ctx context.Context, f views.PayoutFilter) ([]views.Payout, []views.PayoutSum, error) {
	a.pages.Add(1)
	return a.Ledger.Payouts(ctx, f)
}

// leaveTable begins to read a table of so many rows and hangs up: the API must soon have
// stopped, and have asked the ledger for few of them.
func leaveTable(t *testing.T, h *house, rows int) {
	t.Helper()
	db, err := ledgerdb.OpenReadOnly(t.Context(), filepath.Join(h.config.DataDir, "ledger.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	ledger, ended := &asked{Ledger: db}, make(chan struct{})
	served := tables(ledger)
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer close(ended)
		served.ServeHTTP(w, r)
	}))
	const buffer = 16 << 10 // of the system, so that little is on the way
	server.Config.ConnContext = func(ctx context.Context, c net.Conn) context.Context {
		if err := c.(*net.TCPConn).SetWriteBuffer(buffer); err != nil {
			t.Error(err)
		}
		return ctx
	}
	server.Start()
	defer server.Close()
	conn, err := net.Dial("tcp", server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.(*net.TCPConn).SetReadBuffer(buffer); err != nil {
		t.Fatal(err)
	}
	if _, err := fmt.Fprintf(conn, "GET /v1/refunds.csv HTTP/1.1\r\nHost: %s\r\n\r\n", server.Listener.Addr()); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(conn, make([]byte, 4<<10)); err != nil {
		t.Fatal(err)
	}
	select {
	case <-ended:
		t.Fatal("the table ended before its reader left")
	default:
	}
	if err := conn.Close(); err != nil {
		t.Fatal(err)
	}
	select {
	case <-ended:
	case <-time.After(5 * time.Minute): // of a busy machine
		t.Fatal("the service still makes the table of who is gone")
	}
	if n := int(ledger.pages.Load()) * views.MaxPage; n == 0 || n > rows/2 {
		t.Errorf("%d of %d rows were read for who is gone", n, rows)
	}
}
