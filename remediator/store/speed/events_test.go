package speed

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"database/sql"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/makegood/makegood/remediator/ingest"
	"github.com/makegood/makegood/remediator/log"
	"github.com/makegood/makegood/remediator/store/internal/statement"
)

const (
	batchEvents    = 500 // of a request, as the SDK sends them
	batchesInATurn = 32
	writers        = 16
)

// flights returns real events, in the batches in which they are sent.
func flights(t *testing.T) (batches [][][]byte) {
	t.Helper()
	f, err := os.Open("../../../examples/flights/flights.jsonl.gz")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	plain, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	var batch [][]byte
	for lines := bufio.NewScanner(plain); lines.Scan() && len(batches) < batchesInATurn; {
		if batch = append(batch, bytes.Clone(lines.Bytes())); len(batch) == batchEvents {
			batches, batch = append(batches, batch), nil
		}
	}
	if len(batches) < batchesInATurn {
		t.Fatalf("%d batches of events, want %d", len(batches), batchesInATurn)
	}
	return batches
}

// measureEvents has events judged and made durable, by one writer and by sixteen,
// beside the same events as rows of a plain table, and beside the bytes that the log
// stores as rows of another.
func measureEvents(t *testing.T, e engine, into *table) {
	place := e.place(t)
	lg, err := e.openLog(t.Context(), place)
	if err != nil {
		t.Fatal(err)
	}
	defer lg.Close()
	batcher := log.NewBatcher(lg, log.Options{})
	defer batcher.Close()
	door := ingest.New(ingest.Config{Log: batcher})
	batches := flights(t)
	floors, _ := e.plain(t, place)
	plain := newRows(t, floors, `CREATE TABLE floor_event (id BIGINT PRIMARY KEY, event `+e.bytes+` NOT NULL)`, "INSERT INTO floor_event (id, event)", 2)

	var one, many, rows []time.Duration
	var last uint64
	for turn := range *turns + 1 {
		o := took(func() { send(t, door, batches, 1) })
		m := took(func() { send(t, door, batches, writers) })
		r := took(func() { plain.insertEvents(batches) })
		if turn == 0 { // statements are prepared, files have their size
			if last, err = lg.Head(t.Context()); err != nil {
				t.Fatal(err)
			}
			continue
		}
		one, many, rows = append(one, o), append(many, m), append(rows, r)
	}
	const events = batchEvents * batchesInATurn
	into.add(e.name, "floor: events as rows", rate(events, middle(rows), "events"), "", "", "")
	into.addRatio(e.name, "durable events, 1 writer", rate(events, middle(one), "events"), middleRatio(rows, one), wantOfFloor, "its floor")
	into.addRatio(e.name, fmt.Sprintf("durable events, %d writers", writers), rate(events, middle(many), "events"), middleRatio(one, many), wantWriters, "1 writer")
	measureAppends(t, e, lg, last, floors, into)
}

// send sends batches over so many connections.
func send(t *testing.T, door http.Handler, batches [][][]byte, connections int) {
	t.Helper()
	work := make(chan [][]byte)
	var sending sync.WaitGroup
	for range connections {
		sending.Go(func() {
			for batch := range work {
				body := append(append([]byte{'['}, bytes.Join(batch, []byte{','})...), ']')
				r := httptest.NewRequest(http.MethodPost, "/v1/events", bytes.NewReader(body))
				r.Header.Set("Content-Type", "application/cloudevents-batch+json")
				w := httptest.NewRecorder()
				if door.ServeHTTP(w, r); w.Code != http.StatusAccepted {
					t.Errorf("a batch is answered %d %s", w.Code, w.Body)
				}
			}
		})
	}
	for _, batch := range batches {
		work <- batch
	}
	close(work)
	sending.Wait()
}

// measureAppends has records that the log has stored appended again, one after the
// other, beside the same bytes in a plain table.
func measureAppends(t *testing.T, e engine, lg log.Log, through uint64, floors *sql.DB, into *table) {
	records, err := lg.Read(t.Context(), 0, int(min(through, 2*batchesInATurn)))
	if err != nil || len(records) == 0 {
		t.Fatalf("%d records, %v: nothing to append", len(records), err)
	}
	plain := newRows(t, floors, `CREATE TABLE floor_record (id BIGINT PRIMARY KEY, record `+e.bytes+` NOT NULL)`, "INSERT INTO floor_record (id, record)", 2)
	size := 0
	for _, r := range records {
		size += len(r.Blob)
	}
	var floor, appends []time.Duration
	for turn := range *turns + 1 {
		f := took(func() {
			for _, r := range records {
				plain.insert([]any{plain.next(), r.Blob})
			}
		})
		a := took(func() {
			for _, r := range records {
				if _, err := lg.Append(t.Context(), r.Blob); err != nil {
					t.Fatal(err)
				}
			}
		})
		if turn > 0 {
			floor, appends = append(floor, f), append(appends, a)
		}
	}
	into.addRatio(e.name, fmt.Sprintf("records of %d KiB appended", size/len(records)>>10), rate(len(records), middle(appends), "records"),
		middleRatio(floor, appends), wantOfFloor, "their bytes")
}

// rows is a plain table.
type rows struct {
	t      *testing.T
	cache  *statement.Cache
	text   string
	width  int
	number int64
}

func newRows(t *testing.T, db *sql.DB, create, insert string, width int) *rows {
	t.Helper()
	if _, err := db.ExecContext(t.Context(), create); err != nil {
		t.Fatal(err)
	}
	r := &rows{t: t, cache: statement.NewCache(db), text: insert, width: width}
	t.Cleanup(func() { r.cache.Close() })
	return r
}

func (r *rows) next() int64 {
	r.number++
	return r.number
}

// insert inserts rows in one transaction, many with each statement.
func (r *rows) insert(values []any) {
	r.t.Helper()
	tx, err := r.cache.Begin(context.Background())
	if err != nil {
		r.t.Fatal(err)
	}
	defer tx.Rollback()
	if err := tx.Insert(r.text, "", r.width, values); err != nil {
		r.t.Fatal(err)
	}
	if err := tx.Commit(); err != nil {
		r.t.Fatal(err)
	}
}

// insertEvents inserts each event as a row, each batch in one transaction.
func (r *rows) insertEvents(batches [][][]byte) {
	r.t.Helper()
	for _, batch := range batches {
		var values []any
		for _, event := range batch {
			values = append(values, r.next(), event)
		}
		r.insert(values)
	}
}
