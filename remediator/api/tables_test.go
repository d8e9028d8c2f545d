package api_test

import (
	"bufio"
	"cmp"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"

	"github.com/makegood/makegood/remediator/access"
	"github.com/makegood/makegood/remediator/api"
	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/money"
	"github.com/makegood/makegood/remediator/store/views"
)

// many is a ledger with so many refunds of one cent each, and nothing else.
type many struct {
	api.Ledger
	rows  uint64
	asked atomic.Int64 // pages
}

// Payouts implements api.Ledger.
func (m *many) Payouts(_ context.Context, f views.PayoutFilter) ([]views.Payout, []views.PayoutSum, error) {
	m.asked.Add(1)
	var list []views.Payout
	for n := cmp.Or(f.After, m.rows+1) - 1; n > 0 && len(list) < f.Limit; n-- {
		list = append(list, views.Payout{Number: n, Remedy: uuid.UUID{15: byte(n)}, Action: uuid.UUID{15: byte(n)}, Rule: "late", Account: "1", Kind: "refund", Customer: fmt.Sprint("c-", n),
			Connector: "stripe", Payment: fmt.Sprint("pi_", n), Amount: money.Money{Minor: 1, Currency: "USD"}, Status: decide.Succeeded, Ref: fmt.Sprint("re_", n), At: time.Unix(int64(n), 0).UTC()})
	}
	return list, nil, nil
}

// tables is the API before a ledger, open to everybody.
func tables(ledger api.Ledger) http.Handler {
	nowhere := http.NotFoundHandler()
	return api.New(api.Config{Events: nowhere, Stream: nowhere, Gates: nowhere, Balance: nowhere, Redeem: nowhere, Receive: nowhere, Ledger: ledger,
		Guard: access.New(access.Config{Open: true}), InForce: func() decide.InForce { return decide.InForce{} }, Logger: slog.New(slog.DiscardHandler)})
}

// TestLongTable holds that a long table comes whole, adds up, and is read from the ledger
// as it is read from the service: what lies between has a bound.
func TestLongTable(t *testing.T) {
	t.Parallel()
	const rows = 200_000
	const between = 100_000 // rows that the system keeps on the way
	m := &many{rows: rows}
	server := httptest.NewServer(tables(m))
	defer server.Close()
	res, err := http.Get(server.URL + "/v1/refunds.csv")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	table := csv.NewReader(res.Body)
	table.ReuseRecord = true
	head, err := table.Read()
	if err != nil || res.StatusCode != http.StatusOK || head[9] != "amount" {
		t.Fatalf("%d %q %v", res.StatusCode, head, err)
	}
	read, cents := 0, 0
	for {
		row, err := table.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		read++
		n, err := strconv.Atoi(strings.Replace(row[9], ".", "", 1))
		if err != nil || row[6] != fmt.Sprint("c-", rows-read+1) {
			t.Fatalf("row %d is %q", read, row)
		}
		cents += n
		if ahead := int(m.asked.Load())*views.MaxPage - read; ahead > between {
			t.Fatalf("%d rows are read from the ledger before anybody wants them", ahead)
		}
	}
	if read != rows || cents != rows {
		t.Errorf("%d rows with %d cents, want %d of one", read, cents, rows)
	}
}

// single is a listener of one connection.
type single struct {
	conn  chan net.Conn
	ended chan struct{}
}

// Accept implements net.Listener.
func (s single) Accept() (net.Conn, error) {
	select {
	case conn := <-s.conn:
		return conn, nil
	case <-s.ended:
		return nil, net.ErrClosed
	}
}

// Close implements net.Listener.
func (s single) Close() error {
	close(s.ended)
	return nil
}

// Addr implements net.Listener.
func (s single) Addr() net.Addr { return &net.TCPAddr{} }

// asks opens a server whose requests have a minute, and asks it for a table on a
// connection on which nothing is written that nobody reads.
func asks(t *testing.T, m *many) *http.Response {
	t.Helper()
	here, there := net.Pipe()
	listener := single{make(chan net.Conn, 1), make(chan struct{})}
	listener.conn <- there
	server := &http.Server{Handler: tables(m), WriteTimeout: time.Minute}
	go func() { _ = server.Serve(listener) }() // until the test closes it
	t.Cleanup(func() { _ = server.Close() })
	go func() { _, _ = here.Write([]byte("GET /v1/refunds.csv HTTP/1.1\r\nHost: localhost\r\n\r\n")) }()
	res, err := http.ReadResponse(bufio.NewReader(here), nil)
	if err != nil || res.StatusCode != http.StatusOK {
		t.Fatalf("got %v, %v", res, err)
	}
	return res
}

// TestSlowTable holds that who reads a table slowly gets all of it, and that who stops
// is not waited for.
func TestSlowTable(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := &many{rows: 20 * views.MaxPage}
		lines := bufio.NewScanner(asks(t, m).Body)
		read := 0
		for began := time.Now(); lines.Scan(); read++ {
			if read%views.MaxPage == 0 {
				time.Sleep(40 * time.Second)
			}
			if ahead := int(m.asked.Load())*views.MaxPage - read; ahead > 2*views.MaxPage {
				t.Fatalf("after %v, %d rows are read before anybody wants them", time.Since(began), ahead)
			}
		}
		if lines.Err() != nil || read != int(m.rows)+1 {
			t.Errorf("a slow reader gets %d lines: %v", read, lines.Err())
		}
		m = &many{rows: 20 * views.MaxPage}
		stopped := asks(t, m)
		time.Sleep(61 * time.Second)
		n, err := io.Copy(io.Discard, stopped.Body)
		if err == nil || n > 64<<10 || m.asked.Load() > 1 {
			t.Errorf("who read nothing for a minute gets %d bytes more, %v, and %d pages were read", n, err, m.asked.Load())
		}
	})
}
