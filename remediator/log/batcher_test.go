package log_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/makegood/makegood/remediator/input"
	"github.com/makegood/makegood/remediator/log"
)

// memory is a log in memory whose appends take a while and fail on demand.
type memory struct {
	mu      sync.Mutex
	blobs   [][]byte
	flying  int
	takes   time.Duration
	failure func(n int) error // decides on the n-th append, from 1
	appends int
}

func (m *memory) Append(ctx context.Context, blob []byte) (uint64, error) {
	m.mu.Lock()
	m.flying++
	m.appends++
	n, flying := m.appends, m.flying
	m.mu.Unlock()
	defer func() {
		m.mu.Lock()
		m.flying--
		m.mu.Unlock()
	}()
	if flying > 1 {
		return 0, errors.New("two appends at once")
	}
	if m.takes > 0 {
		timer := time.NewTimer(m.takes)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-ctx.Done():
			return 0, ctx.Err()
		}
	}
	if m.failure != nil {
		if err := m.failure(n); err != nil {
			return 0, err
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.blobs = append(m.blobs, bytes.Clone(blob))
	return uint64(len(m.blobs)), nil
}

func (m *memory) Read(_ context.Context, after uint64, limit int) ([]log.Record, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var records []log.Record
	for i := int(after); i < len(m.blobs) && len(records) < limit; i++ {
		records = append(records, log.Record{Seq: uint64(i + 1), At: 1, Blob: m.blobs[i]})
	}
	return records, nil
}

func (m *memory) Wait(context.Context, uint64) error { return nil }

func (m *memory) Head(context.Context) (uint64, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return uint64(len(m.blobs)), nil
}

// ids returns the ids of the inputs stored, record by record.
func (m *memory) ids(t *testing.T) [][]string {
	t.Helper()
	records, err := m.Read(t.Context(), 0, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	var all [][]string
	for _, r := range records {
		inputs, err := input.DecodeRecord(r.Blob, r.At)
		if err != nil {
			t.Fatal(err)
		}
		var ids []string
		for _, in := range inputs {
			ids = append(ids, in.ID)
		}
		all = append(all, ids)
	}
	return all
}

func one(id string) []input.Input {
	return []input.Input{{ID: id, Kind: input.Event, Body: []byte("{}")}}
}

// closeBatcher closes and fails the test when that does not drain.
func closeBatcher(t *testing.T, b *log.Batcher) {
	t.Helper()
	if err := b.Close(); err != nil {
		t.Errorf("close: %v", err)
	}
}

func TestBatcherMergesWhatArrivesDuringAnAppend(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := &memory{takes: time.Millisecond}
		b := log.NewBatcher(m, log.Options{})
		defer closeBatcher(t, b)
		var wg sync.WaitGroup
		for round := range 3 {
			for i := range 10 {
				wg.Go(func() {
					if err := b.Append(t.Context(), one(fmt.Sprintf("%d-%d", round, i))); err != nil {
						t.Error(err)
					}
				})
			}
			synctest.Wait()
		}
		wg.Wait()
		records := m.ids(t)
		if len(records) > 3 {
			t.Errorf("30 requests made %d records, want at most 3", len(records))
		}
		if n := len(slices.Concat(records...)); n != 30 {
			t.Errorf("%d inputs stored, want 30", n)
		}
	})
}

func TestBatcherLoneCallerDoesNotLinger(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := log.NewBatcher(&memory{}, log.Options{})
		defer closeBatcher(t, b)
		began := time.Now()
		for i := range 5 {
			if err := b.Append(t.Context(), one(fmt.Sprint(i))); err != nil {
				t.Fatal(err)
			}
		}
		if took := time.Since(began); took != 0 {
			t.Errorf("five appends of a lone caller waited %v", took)
		}
	})
}

func TestBatcherLingersAtMostItsBound(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := &memory{takes: 50 * time.Millisecond}
		b := log.NewBatcher(m, log.Options{})
		defer closeBatcher(t, b)
		var wg sync.WaitGroup
		for i := range 4 { // the first alone, then three merged
			wg.Go(func() {
				if err := b.Append(t.Context(), one(fmt.Sprint(i))); err != nil {
					t.Error(err)
				}
			})
			synctest.Wait()
		}
		wg.Wait()
		began := time.Now()
		if err := b.Append(t.Context(), one("late")); err != nil {
			t.Fatal(err)
		}
		if took, want := time.Since(began), m.takes+log.DefaultLinger; took != want {
			t.Errorf("after a merged record an append took %v, want %v", took, want)
		}
	})
}

func TestBatcherSplitsLargeRequests(t *testing.T) {
	t.Parallel()
	m := &memory{}
	b := log.NewBatcher(m, log.Options{})
	defer closeBatcher(t, b)
	var inputs []input.Input
	var want []string
	for i := range 30 {
		id := fmt.Sprintf("i%02d", i)
		inputs = append(inputs, input.Input{ID: id, Kind: input.Event, Body: make([]byte, 60<<10)})
		want = append(want, id)
	}
	if err := b.Append(t.Context(), inputs); err != nil {
		t.Fatal(err)
	}
	records := m.ids(t)
	if len(records) != 4 {
		t.Errorf("1.8 MB made %d records, want 4", len(records))
	}
	if got := slices.Concat(records...); !slices.Equal(got, want) {
		t.Errorf("stored %v, want %v", got, want)
	}
	err := b.Append(t.Context(), []input.Input{{Kind: input.Event, Body: make([]byte, input.MaxRecord)}})
	if !errors.Is(err, input.ErrTooLarge) {
		t.Errorf("input larger than a record: %v, want ErrTooLarge", err)
	}
}

// TestBatcherAcksOnlyAfterTheLastPart fails the second of three records.
func TestBatcherAcksOnlyAfterTheLastPart(t *testing.T) {
	t.Parallel()
	broken := errors.New("disk on fire")
	m := &memory{failure: func(n int) error {
		if n == 2 {
			return broken
		}
		return nil
	}}
	b := log.NewBatcher(m, log.Options{})
	defer closeBatcher(t, b)
	inputs := make([]input.Input, 3)
	for i := range inputs {
		inputs[i] = input.Input{ID: fmt.Sprint(i), Kind: input.Event, Body: make([]byte, 400<<10)}
	}
	if err := b.Append(t.Context(), inputs); !errors.Is(err, broken) {
		t.Fatalf("Append = %v, want the error of the second record", err)
	}
	if err := b.Append(t.Context(), one("next")); err != nil {
		t.Fatal(err)
	}
	// The third part was dropped with its request: nobody waits for it.
	if got := slices.Concat(m.ids(t)...); !slices.Equal(got, []string{"0", "next"}) {
		t.Errorf("stored %v, want the first part and the next request", got)
	}
}

func TestBatcherIsBusyAboveItsBound(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := &memory{takes: time.Second}
		b := log.NewBatcher(m, log.Options{MaxWaiting: 100})
		defer closeBatcher(t, b)
		var wg sync.WaitGroup
		wg.Go(func() { // passes although it is above the bound alone
			large := []input.Input{{ID: "large", Kind: input.Event, Body: make([]byte, 500)}}
			if err := b.Append(t.Context(), large); err != nil {
				t.Error(err)
			}
		})
		synctest.Wait() // in flight: no longer waiting
		wg.Go(func() {
			if err := b.Append(t.Context(), one("second")); err != nil {
				t.Error(err)
			}
		})
		synctest.Wait()
		tooMuch := []input.Input{{ID: "third", Kind: input.Event, Body: make([]byte, 90)}}
		if err := b.Append(t.Context(), tooMuch); !errors.Is(err, log.ErrBusy) {
			t.Errorf("above the bound: %v, want ErrBusy", err)
		}
		wg.Wait()
		if err := b.Append(t.Context(), tooMuch); err != nil {
			t.Errorf("after the queue drained: %v", err)
		}
	})
}

func TestBatcherCancelledWaiterLeavesOthersWhole(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := &memory{takes: time.Second}
		b := log.NewBatcher(m, log.Options{})
		defer closeBatcher(t, b)
		var wg sync.WaitGroup
		send := func(ctx context.Context, id string, want error) {
			wg.Go(func() {
				inputs := one(id)
				if err := b.Append(ctx, inputs); !errors.Is(err, want) {
					t.Errorf("%s: %v, want %v", id, err, want)
				}
				inputs[0].Body[0], inputs[0].ID = 'X', "overwritten" // the caller's again
			})
			synctest.Wait()
		}
		flying, cancelFlying := context.WithCancel(t.Context())
		waiting, cancelWaiting := context.WithCancel(t.Context())
		send(flying, "a", context.Canceled)
		send(t.Context(), "b", nil)
		send(waiting, "c", context.Canceled)
		send(t.Context(), "d", nil)
		cancelFlying()
		cancelWaiting()
		wg.Wait()
		got := m.ids(t)
		want := [][]string{{"a"}, {"b", "d"}}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("stored %v, want %v", got, want)
		}
		if err := b.Append(flying, one("e")); !errors.Is(err, context.Canceled) {
			t.Errorf("with a context that is over: %v", err)
		}
	})
}

func TestBatcherCloseDrains(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := &memory{takes: time.Second}
		b := log.NewBatcher(m, log.Options{})
		var wg sync.WaitGroup
		for i := range 20 {
			wg.Go(func() {
				if err := b.Append(t.Context(), one(fmt.Sprint(i))); err != nil {
					t.Errorf("request before the close: %v", err)
				}
			})
		}
		synctest.Wait()
		closeBatcher(t, b)
		wg.Wait()
		if n := len(slices.Concat(m.ids(t)...)); n != 20 {
			t.Errorf("%d inputs stored, want 20", n)
		}
		if err := b.Append(t.Context(), one("late")); !errors.Is(err, log.ErrClosed) {
			t.Errorf("after the close: %v, want ErrClosed", err)
		}
		closeBatcher(t, b)
	})
}
