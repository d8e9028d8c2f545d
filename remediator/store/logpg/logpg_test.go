package logpg_test

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/makegood/makegood/remediator/log"
	"github.com/makegood/makegood/remediator/log/logtest"
	"github.com/makegood/makegood/remediator/store/logpg"
	"github.com/makegood/makegood/remediator/store/postgrestest"
)

// place is a log in a schema of the test's own.
type place struct{ dsn string }

func newPlace(t testing.TB) *place { return &place{postgrestest.New(t)} }

func (p *place) Open(t *testing.T) log.Log {
	t.Helper()
	return open(t, p.dsn, logpg.Options{})
}

func open(t testing.TB, dsn string, o logpg.Options) *logpg.Log {
	t.Helper()
	l, err := logpg.Open(context.Background(), dsn, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

func (p *place) OpenReadOnly(t *testing.T) (log.Log, error) {
	t.Helper()
	l, err := logpg.OpenReadOnly(t.Context(), p.dsn)
	if err != nil {
		return nil, err // not a log that is nil
	}
	t.Cleanup(func() { l.Close() })
	return l, nil
}

// Crash ends every connection, as the end of the process does.
func (p *place) Crash(t *testing.T) {
	t.Helper()
	db := p.beside(t)
	if _, err := db.Exec(`SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
		WHERE application_name = current_setting('application_name') AND pid <> pg_backend_pid()`); err != nil {
		t.Fatal(err)
	}
}

// beside connects without the log.
func (p *place) beside(t testing.TB) *sql.DB {
	t.Helper()
	db, err := sql.Open("postgres", p.dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

const appendLate = `WITH head AS (UPDATE log_head SET seq = seq + 1 RETURNING seq, at)
	INSERT INTO log_record (seq, at, blob) SELECT seq, at, $1 FROM head`

func (p *place) BeginLate(t *testing.T, blob []byte) func() {
	t.Helper()
	tx, err := p.beside(t).Begin()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tx.Exec(appendLate, blob); err != nil {
		t.Fatal(err)
	}
	return func() {
		if err := tx.Commit(); err != nil {
			t.Error(err)
		}
	}
}

func TestConformance(t *testing.T) {
	t.Parallel()
	logtest.Run(t, func(t *testing.T) logtest.Place { return newPlace(t) })
}

// TestNothingIsSkipped has three nodes append while transactions of others are
// held open over random stretches: some are committed late, some rolled back. A
// reader that is always up to date sees every record that was committed, once.
func TestNothingIsSkipped(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	first := open(t, p.dsn, logpg.Options{})
	if _, err := first.Append(t.Context(), []byte("first")); err != nil { // the day begins
		t.Fatal(err)
	}
	const nodes, each, held = 3, 30, 20
	var mu sync.Mutex
	want := []string{"first"}
	add := func(text string) {
		mu.Lock()
		want = append(want, text)
		mu.Unlock()
	}
	var writing sync.WaitGroup
	for n := range nodes {
		l := open(t, p.dsn, logpg.Options{})
		writing.Go(func() {
			for i := range each {
				text := fmt.Sprintf("node %d record %d", n, i)
				if _, err := l.Append(t.Context(), []byte(text)); err != nil {
					t.Error(err)
				}
				add(text)
			}
		})
	}
	db := p.beside(t)
	writing.Go(func() { holdOpen(t, db, held, add) })
	reader := open(t, p.dsn, logpg.Options{})
	done := make(chan struct{})
	go func() { writing.Wait(); close(done) }()
	var seen []log.Record
	for ended := false; ; {
		records, err := reader.Read(t.Context(), lastSeq(seen), 7)
		if err != nil {
			t.Fatal(err)
		}
		seen = append(seen, records...)
		if ended && len(records) == 0 {
			break
		}
		select {
		case <-done:
			ended = true
		default:
		}
	}
	var got []string
	for i, r := range seen {
		got = append(got, string(r.Blob))
		if r.Seq != uint64(i+1) || i > 0 && r.At < seen[i-1].At {
			t.Errorf("record %d of the log has sequence %d, at %d", i+1, r.Seq, r.At)
		}
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) || len(want) != 1+nodes*each+held-(held+2)/3 {
		t.Errorf("the reader saw %d records, %d were committed", len(got), len(want))
	}
}

// holdOpen appends in transactions that stay open for a while. Every third is
// rolled back, committed is told of the others.
func holdOpen(t *testing.T, db *sql.DB, n int, committed func(text string)) {
	for i := range n {
		tx, err := db.Begin()
		if err != nil {
			t.Error(err)
			return
		}
		text := fmt.Sprintf("held %d", i)
		if _, err := tx.Exec(appendLate, []byte(text)); err != nil {
			t.Error(err)
		}
		// Who appends now waits for the log's last row; a moment longer, and all do.
		if _, err := tx.Exec(`SELECT pg_sleep(0.002)`); err != nil {
			t.Error(err)
		}
		if i%3 == 0 {
			err = tx.Rollback()
		} else if err = tx.Commit(); err == nil {
			committed(text)
		}
		if err != nil {
			t.Error(err)
		}
	}
}

func lastSeq(records []log.Record) uint64 {
	if len(records) == 0 {
		return 0
	}
	return records[len(records)-1].Seq
}

// TestMidnight has the next record come on a day without a partition, for several
// nodes at once.
func TestMidnight(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	var nodes []*logpg.Log
	for range 3 {
		nodes = append(nodes, open(t, p.dsn, logpg.Options{}))
	}
	var wg sync.WaitGroup
	for _, l := range nodes {
		wg.Go(func() {
			if _, err := l.Append(t.Context(), []byte("x")); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	var days int
	db := p.beside(t)
	if err := db.QueryRow(`SELECT COUNT(*) FROM pg_inherits WHERE inhparent = 'log_record'::regclass`).Scan(&days); err != nil || days != 2 {
		t.Errorf("%d days, %v; want today and tomorrow", days, err)
	}
	if head, err := nodes[0].Head(t.Context()); err != nil || head != 3 {
		t.Errorf("head %d, %v", head, err)
	}
}

// setDay moves what was appended so far, and the log's head, to some days ago.
func (p *place) setDay(t *testing.T, ago int) {
	t.Helper()
	db := p.beside(t)
	start := time.Now().UTC().Truncate(24*time.Hour).AddDate(0, 0, -ago)
	name := "log_record_" + start.Format("20060102")
	for _, statement := range []string{
		fmt.Sprintf(`CREATE TABLE %s PARTITION OF log_record FOR VALUES FROM (%d) TO (%d)`, name, start.UnixNano(), start.AddDate(0, 0, 1).UnixNano()),
		fmt.Sprintf(`UPDATE log_record SET at = %d WHERE at >= %d`, start.UnixNano(), time.Now().UTC().Truncate(24*time.Hour).UnixNano()),
		fmt.Sprintf(`UPDATE log_head SET at = %d`, start.UnixNano()),
	} {
		if _, err := db.Exec(statement); err != nil {
			t.Fatal(err)
		}
	}
}

func TestForget(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	l := open(t, p.dsn, logpg.Options{})
	for _, ago := range []int{40, 35, 31, 30, 2} {
		for range 2 {
			if _, err := l.Append(t.Context(), []byte("old")); err != nil {
				t.Fatal(err)
			}
		}
		p.setDay(t, ago)
	}
	if _, err := l.Append(t.Context(), []byte("new")); err != nil {
		t.Fatal(err)
	}
	const month = 30 * 24 * time.Hour
	for _, c := range []struct {
		through, gone uint64
		left          int
	}{
		{1, 0, 11},  // the oldest day has a record that is still needed
		{3, 2, 9},   // the first, not the second
		{100, 4, 5}, // the third ended 30 days ago, the fourth did not
		{100, 0, 5},
	} {
		gone, err := l.Forget(t.Context(), c.through, month)
		if err != nil || gone != c.gone {
			t.Errorf("forget through %d: %d records, %v; want %d", c.through, gone, err, c.gone)
		}
		records, err := l.Read(t.Context(), 0, 100)
		if err != nil || len(records) != c.left || records[len(records)-1].Seq != 11 {
			t.Errorf("after forgetting through %d: %d records, %v; want %d", c.through, len(records), err, c.left)
		}
	}
	if seq, err := l.Append(t.Context(), []byte("next")); err != nil || seq != 12 {
		t.Errorf("sequence %d, %v; want 12", seq, err)
	}
}

// TestForgetYields holds that a reader which takes its time keeps appends waiting
// for a moment only.
func TestForgetYields(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	l := open(t, p.dsn, logpg.Options{})
	if _, err := l.Append(t.Context(), []byte("old")); err != nil {
		t.Fatal(err)
	}
	p.setDay(t, 40)
	tx, err := p.beside(t).Begin()
	if err != nil {
		t.Fatal(err)
	}
	var n int
	if err := tx.QueryRow(`SELECT COUNT(*) FROM log_record`).Scan(&n); err != nil || n != 1 {
		t.Fatal(n, err)
	}
	if gone, err := l.Forget(t.Context(), 1, time.Hour); err == nil || gone != 0 {
		t.Errorf("forgot %d records, %v, under a reader", gone, err)
	}
	if _, err := l.Append(t.Context(), []byte("goes on")); err != nil {
		t.Error(err)
	}
	if err := tx.Rollback(); err != nil {
		t.Fatal(err)
	}
	if gone, err := l.Forget(t.Context(), 1, time.Hour); err != nil || gone != 1 {
		t.Errorf("forgot %d records, %v; want 1", gone, err)
	}
}

func TestClockJumpIsRefused(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	passed := time.Hour // moved by hand: the server's clock runs on its own
	l := open(t, p.dsn, logpg.Options{Elapsed: func() time.Duration { return passed }})
	add := func(want error) {
		t.Helper()
		if _, err := l.Append(t.Context(), []byte("x")); !errors.Is(err, want) {
			t.Fatalf("append = %v, want %v", err, want)
		}
	}
	add(nil)
	passed += time.Hour // the clock stands behind: no harm
	add(nil)
	// What is left of an hour less eleven minutes looks as if the clock had jumped ahead.
	db := p.beside(t)
	if _, err := db.Exec(`UPDATE log_head SET at = at - $1`, int64(24*time.Hour)); err != nil { // nobody has accepted the clock
		t.Fatal(err)
	}
	passed -= log.MaxJump + time.Minute
	add(log.ErrClockJump)
	head, err := l.Head(t.Context())
	if err != nil || head != 2 {
		t.Errorf("head %d, %v: a refused append left something", head, err)
	}
	l.ConfirmClock()
	add(nil)
	passed -= log.MaxJump + time.Minute
	add(nil) // the head shows that the clock was accepted, here or by another node
}

// A handle that has appended nothing yet knows the clock from when it was opened.
func TestClockJumpBeforeTheFirstAppend(t *testing.T) {
	t.Parallel()
	passed := time.Hour
	l := open(t, newPlace(t).dsn, logpg.Options{Elapsed: func() time.Duration { return passed }})
	passed -= log.MaxJump + time.Minute
	if _, err := l.Append(t.Context(), []byte("x")); !errors.Is(err, log.ErrClockJump) {
		t.Fatalf("append = %v, want %v", err, log.ErrClockJump)
	}
	l.ConfirmClock()
	if _, err := l.Append(t.Context(), []byte("x")); err != nil {
		t.Error(err)
	}
}

// TestTimeNeverGoesBack has the server's clock stand behind the last record.
func TestTimeNeverGoesBack(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	l := open(t, p.dsn, logpg.Options{})
	ahead := time.Now().Add(time.Hour).UnixNano()
	if _, err := p.beside(t).Exec(`UPDATE log_head SET at = $1`, ahead); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if _, err := l.Append(t.Context(), []byte("x")); err != nil {
			t.Fatal(err)
		}
	}
	records, err := l.Read(t.Context(), 0, 10)
	if err != nil || len(records) != 2 || records[0].At != ahead || records[1].At != ahead {
		t.Errorf("records %v, %v; want two stamped %d", records, err, ahead)
	}
}

func TestMigrate(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	for _, want := range []int{0, 1} {
		if from, to, err := logpg.Migrate(t.Context(), p.dsn); from != want || to != 1 || err != nil {
			t.Errorf("from %d to %d, %v; want from %d to 1", from, to, err, want)
		}
	}
	if _, _, err := logpg.Migrate(t.Context(), "postgres://host/db"); err == nil || !strings.Contains(err.Error(), "sslmode") {
		t.Errorf("%v does not ask for sslmode", err)
	}
}

// BenchmarkAppend appends records of 500 events, compressed. The floor is what the
// server takes to commit the same bytes into a plain table.
func BenchmarkAppend(b *testing.B) {
	blob := bytes.Repeat([]byte("0123456789abcdef"), 50<<10/16)
	p := newPlace(b)
	l := open(b, p.dsn, logpg.Options{})
	db := p.beside(b)
	if _, err := db.Exec(`CREATE TABLE floor (blob BYTEA); ALTER TABLE floor ALTER COLUMN blob SET STORAGE EXTERNAL`); err != nil {
		b.Fatal(err)
	}
	b.Run("floor", func(b *testing.B) {
		b.SetBytes(int64(len(blob)))
		for b.Loop() {
			if _, err := db.Exec(`INSERT INTO floor VALUES ($1)`, blob); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("append", func(b *testing.B) {
		b.SetBytes(int64(len(blob)))
		for b.Loop() {
			if _, err := l.Append(b.Context(), blob); err != nil {
				b.Fatal(err)
			}
		}
	})
}
