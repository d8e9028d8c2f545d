// Package logtest is the suite that every engine of package log passes. It is
// for the tests of engines: whatever holds above log.Log holds because all
// engines pass the same suite.
package logtest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/makegood/makegood/remediator/log"
)

// deadline bounds what a test waits for. It is far above what any engine needs.
const deadline = 30 * time.Second

// Place is where one log is stored.
type Place interface {
	// Open opens the log that is stored here. It is called once in the
	// beginning and once after each Crash.
	Open(t *testing.T) log.Log
	// OpenReadOnly opens the log that is stored here to read only, beside whoever
	// appends. Where none is stored it is an error.
	OpenReadOnly(t *testing.T) (log.Log, error)
	// Crash ends the process that appends, as far as the stored log can tell:
	// without closing anything and without loss of what was acknowledged.
	Crash(t *testing.T)
	// BeginLate begins an append beside the open log, as another process or
	// node would, and returns before it is committed. A place that allows a
	// single writer, which cannot be between these two moments, blocks appends
	// of the open log until then.
	BeginLate(t *testing.T, blob []byte) (commit func())
}

// Run runs the suite. It calls empty for a new place with no records in it.
func Run(t *testing.T, empty func(t *testing.T) Place) {
	t.Helper()
	for name, test := range map[string]func(*testing.T, Place){
		"Empty":              testEmpty,
		"OrderAndBytes":      testOrderAndBytes,
		"ReadFrom":           testReadFrom,
		"ManyWriters":        testManyWriters,
		"ReadersSeeAPrefix":  testReadersSeeAPrefix,
		"WaitWakes":          testWaitWakes,
		"WaitEndsWithItsCtx": testWaitEndsWithItsContext,
		"Crash":              testCrash,
		"LateCommit":         testLateCommit,
		"Cancelled":          testCancelled,
		"ReadOnly":           testReadOnly,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, empty(t))
		})
	}
}

// blob returns bytes that differ for every n, of very different sizes.
func blob(n int) []byte {
	size := []int{1, 17, 4096, 100_000}[n%4]
	return bytes.Repeat(fmt.Appendf(nil, "%d\x00\xff", n), size/4+1)
}

func mustAppend(t *testing.T, l log.Log, b []byte) uint64 {
	t.Helper()
	seq, err := l.Append(t.Context(), b)
	if err != nil {
		t.Fatalf("append: %v", err)
	}
	return seq
}

// readAll reads the whole log, a few records at a time, and checks its order.
func readAll(t *testing.T, l log.Log, step int) []log.Record {
	t.Helper()
	var all []log.Record
	var after uint64
	for {
		records, err := l.Read(t.Context(), after, step)
		if err != nil {
			t.Fatalf("read after %d: %v", after, err)
		}
		if len(records) > step {
			t.Fatalf("read %d records, the limit is %d", len(records), step)
		}
		if len(records) == 0 {
			checkOrder(t, all)
			return all
		}
		if records[0].Seq <= after {
			t.Fatalf("read after %d begins with %d", after, records[0].Seq)
		}
		all = append(all, records...)
		after = records[len(records)-1].Seq
	}
}

// checkOrder fails unless sequences increase and times do not decrease.
func checkOrder(t *testing.T, records []log.Record) {
	t.Helper()
	for i := 1; i < len(records); i++ {
		before, r := records[i-1], records[i]
		if r.Seq <= before.Seq || r.At < before.At {
			t.Errorf("record (%d, at %d) comes after (%d, at %d)", r.Seq, r.At, before.Seq, before.At)
		}
	}
}

// checkBlobs fails unless the records hold exactly these bytes in this order.
func checkBlobs(t *testing.T, records []log.Record, want [][]byte) {
	t.Helper()
	if len(records) != len(want) {
		t.Fatalf("%d records, want %d", len(records), len(want))
	}
	for i, r := range records {
		if !bytes.Equal(r.Blob, want[i]) {
			t.Errorf("record %d (seq %d) holds %d other bytes, want %d", i, r.Seq, len(r.Blob), len(want[i]))
		}
	}
}

func testEmpty(t *testing.T, p Place) {
	l := p.Open(t)
	if head, err := l.Head(t.Context()); err != nil || head != 0 {
		t.Errorf("Head = %d, %v; want 0", head, err)
	}
	if records, err := l.Read(t.Context(), 0, 10); err != nil || len(records) != 0 {
		t.Errorf("Read = %d records, %v; want none", len(records), err)
	}
	if seq := mustAppend(t, l, []byte("first")); seq == 0 {
		t.Error("the first sequence is 0, which stands for none")
	}
}

func testOrderAndBytes(t *testing.T, p Place) {
	l := p.Open(t)
	var want [][]byte
	var last uint64
	began := time.Now().Add(-time.Hour).UnixNano()
	for n := range 40 {
		b := blob(n)
		want = append(want, b)
		seq := mustAppend(t, l, b)
		if seq <= last {
			t.Errorf("sequence %d after %d", seq, last)
		}
		last = seq
		if head, err := l.Head(t.Context()); err != nil || head != seq {
			t.Errorf("Head = %d, %v; want %d", head, err, seq)
		}
	}
	records := readAll(t, l, 7)
	checkBlobs(t, records, want)
	if at := records[0].At; at < began || at > time.Now().Add(time.Hour).UnixNano() {
		t.Errorf("stamped %v, which is not now", time.Unix(0, at))
	}
}

func testReadFrom(t *testing.T, p Place) {
	l := p.Open(t)
	var seqs []uint64
	for n := range 10 {
		seqs = append(seqs, mustAppend(t, l, blob(n)))
	}
	for from, after := range seqs {
		for limit := range 12 {
			records, err := l.Read(t.Context(), after, limit+1)
			if err != nil {
				t.Fatal(err)
			}
			var got []uint64
			for _, r := range records {
				got = append(got, r.Seq)
			}
			want := seqs[from+1 : min(from+2+limit, len(seqs))]
			if !slices.Equal(got, want) {
				t.Errorf("Read(after %d, limit %d) = %v, want %v", after, limit+1, got, want)
			}
		}
	}
}

func testManyWriters(t *testing.T, p Place) {
	l := p.Open(t)
	const writers, each = 8, 20
	var mu sync.Mutex
	bySeq := map[uint64]string{}
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			var last uint64
			for n := range each {
				b := fmt.Sprintf("writer %d, record %d", w, n)
				seq, err := l.Append(t.Context(), []byte(b))
				if err != nil {
					t.Errorf("append: %v", err)
					return
				}
				if seq <= last {
					t.Errorf("writer %d: sequence %d after %d", w, seq, last)
				}
				last = seq
				mu.Lock()
				bySeq[seq] = b
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	records := readAll(t, l, 33)
	if len(records) != writers*each || len(bySeq) != writers*each {
		t.Fatalf("%d records under %d sequences, want %d", len(records), len(bySeq), writers*each)
	}
	for _, r := range records {
		if string(r.Blob) != bySeq[r.Seq] {
			t.Errorf("sequence %d holds %q, its writer stored %q", r.Seq, r.Blob, bySeq[r.Seq])
		}
	}
}

// testReadersSeeAPrefix reads while others write: a reader that goes on behind
// the last sequence it has seen never misses one.
func testReadersSeeAPrefix(t *testing.T, p Place) {
	l := p.Open(t)
	const writers, each = 4, 25
	ctx, cancel := context.WithTimeout(t.Context(), deadline)
	defer cancel()
	var wg sync.WaitGroup
	for range writers {
		wg.Go(func() {
			for n := range each {
				if _, err := l.Append(ctx, blob(n)); err != nil {
					t.Errorf("append: %v", err)
				}
			}
		})
	}
	for range 2 {
		wg.Go(func() {
			var seen []log.Record
			for after := uint64(0); len(seen) < writers*each; {
				if err := l.Wait(ctx, after); err != nil {
					t.Errorf("wait after %d with %d records seen: %v", after, len(seen), err)
					return
				}
				records, err := l.Read(ctx, after, 10)
				if err != nil {
					t.Errorf("read: %v", err)
					return
				}
				if len(records) > 0 {
					after = records[len(records)-1].Seq
				}
				seen = append(seen, records...)
			}
			checkOrder(t, seen)
		})
	}
	wg.Wait()
}

func testWaitWakes(t *testing.T, p Place) {
	l := p.Open(t)
	ctx, cancel := context.WithTimeout(t.Context(), deadline)
	defer cancel()
	first := mustAppend(t, l, blob(0))
	if err := l.Wait(ctx, first-1); err != nil {
		t.Errorf("wait for a record that is there: %v", err)
	}
	woken := make(chan error)
	go func() { woken <- waitFor(ctx, l, first) }()
	mustAppend(t, l, blob(1))
	if err := <-woken; err != nil {
		t.Errorf("wait for the second record: %v", err)
	}
}

// waitFor waits until a record above after is there; Wait may return early.
func waitFor(ctx context.Context, l log.Log, after uint64) error {
	for {
		if err := l.Wait(ctx, after); err != nil {
			return err
		}
		if head, err := l.Head(ctx); err != nil || head > after {
			return err
		}
	}
}

func testWaitEndsWithItsContext(t *testing.T, p Place) {
	l := p.Open(t)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- waitFor(ctx, l, 0) }()
	cancel()
	select {
	case err := <-ended:
		if err == nil {
			t.Error("wait returned nil although there is no record")
		}
	case <-time.After(deadline):
		t.Error("wait did not end with its context")
	}
}

func testCrash(t *testing.T, p Place) {
	l := p.Open(t)
	var want [][]byte
	var last uint64
	for crash := range 4 {
		for n := range 5 {
			b := blob(crash*5 + n)
			want = append(want, b)
			if seq := mustAppend(t, l, b); seq <= last {
				t.Errorf("after %d crashes: sequence %d after %d", crash, seq, last)
			} else {
				last = seq
			}
		}
		p.Crash(t)
		l = p.Open(t)
		if head, err := l.Head(t.Context()); err != nil || head != last {
			t.Errorf("after %d crashes: Head = %d, %v; want %d", crash+1, head, err, last)
		}
		checkBlobs(t, readAll(t, l, 3), want)
	}
}

// testLateCommit has a reader that is up to date while an append elsewhere is
// not committed yet. Whatever the engine's sequences are made of, that record
// must still come behind what the reader has seen.
func testLateCommit(t *testing.T, p Place) {
	l := p.Open(t)
	ctx, cancel := context.WithTimeout(t.Context(), deadline)
	defer cancel()
	mustAppend(t, l, []byte("first"))
	commit := p.BeginLate(t, []byte("late"))
	appended := make(chan error)
	go func() {
		_, err := l.Append(ctx, []byte("beside"))
		appended <- err
	}()
	// A reader that runs all the time, before, between and after.
	seen := make(chan []log.Record)
	go func() {
		var all []log.Record
		for after := uint64(0); len(all) < 3 && ctx.Err() == nil; {
			records, err := l.Read(ctx, after, 10)
			if err != nil {
				break
			}
			if len(records) > 0 {
				after = records[len(records)-1].Seq
			}
			all = append(all, records...)
		}
		seen <- all
	}()
	commit()
	if err := <-appended; err != nil {
		t.Errorf("append beside the late one: %v", err)
	}
	records := <-seen
	checkOrder(t, records)
	var got []string
	for _, r := range records {
		got = append(got, string(r.Blob))
	}
	slices.Sort(got)
	if want := []string{"beside", "first", "late"}; !slices.Equal(got, want) {
		t.Errorf("the reader saw %q, want each of %q", got, want)
	}
}

func testCancelled(t *testing.T, p Place) {
	l := p.Open(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := l.Append(ctx, []byte("cancelled")); err == nil {
		t.Error("an append with a context that is over was acknowledged")
	}
	seq := mustAppend(t, l, []byte("after"))
	records := readAll(t, l, 10)
	if last := records[len(records)-1]; last.Seq != seq || string(last.Blob) != "after" {
		t.Errorf("the last record is %d %q, want %d", last.Seq, last.Blob, seq)
	}
}

func testReadOnly(t *testing.T, p Place) {
	if _, err := p.OpenReadOnly(t); err == nil {
		t.Error("a log was opened to read where there is none")
	}
	writer := p.Open(t)
	reader, err := p.OpenReadOnly(t)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := reader.Append(t.Context(), []byte("x")); !errors.Is(err, log.ErrReadOnly) {
		t.Errorf("append = %v, want ErrReadOnly", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), deadline)
	defer cancel()
	go writer.Append(ctx, []byte("seen"))
	if err := waitFor(ctx, reader, 0); err != nil {
		t.Fatal(err)
	}
	checkBlobs(t, readAll(t, reader, 10), [][]byte{[]byte("seen")})
}
