package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/makegood/makegood/sdk"
)

// whenFull measures emitting while nothing can be accepted.
func whenFull(t *table, rounds int) error {
	subjects, err := open(clock, full)
	if err != nil {
		return err
	}
	if err := takeTurns(rounds, subjects); err != nil {
		return err
	}
	r := rowOf(subjects[1], subjects[0])
	r.wanted = atMost(r.ratio, 0.5).and("0 allocs", r.allocs == 0)
	t.add(r)
	return nil
}

// full is a client whose service hangs and whose memory is full.
func full() (*subject, error) {
	hang := make(chan struct{})
	c, end, err := client(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-hang }), makegood.Memory(512<<10))
	if err != nil {
		return nil, err
	}
	for c.TryEmit(context.Background(), eventType) == nil {
	}
	emit := shop(c)
	return &subject{name: "Emit when full", calls: 5000, call: emit, does: "counts the event and drops it", end: func() error {
		dropped := c.Stats().Full
		close(hang)
		if err := end(); err != nil || dropped == 0 {
			return fmt.Errorf("measure Emit when full: %d dropped: %w", dropped, err)
		}
		return nil
	}}, nil
}

const (
	callers     = 8
	callsOfEach = 15_000
)

// whenDown measures single calls of eight goroutines while the service is down:
// while everything still fits in memory, and when nothing does any more. Beside
// them stands what cannot be had for less: the bytes of an event copied under a
// lock that all share.
func whenDown(t *table, _ int) error {
	down := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) })
	c, _, err := client(down, makegood.Memory(memory))
	if err != nil {
		return err
	}
	copied := oneByOne(copying())
	fits := oneByOne(shop(c))
	if r := c.Stats(); r.Full > 0 || r.InMemory != callers*callsOfEach {
		err = fmt.Errorf("measure Emit with the service down: not everything fits in memory: %+v", r)
	}
	for c.TryEmit(context.Background(), eventType) == nil {
	}
	drops := oneByOne(shop(c))
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, lost := c.Shutdown(ctx); err != nil || lost == nil { // nothing can be delivered: it is not waited for
		return fmt.Errorf("measure Emit with the service down: %w", errors.Join(err, lost))
	}
	for _, s := range []struct {
		name, does string
		took       []time.Duration
	}{{"down", "accepted into memory", fits}, {"down and full", "dropped and counted", drops}} {
		for _, at := range []struct {
			name string
			of   int // of a thousand
		}{{"p50", 500}, {"p99.9", 999}, {"max", 1000}} {
			pick := func(all []time.Duration) float64 { return float64(all[min(len(all)*at.of/1000, len(all)-1)]) }
			t.add(row{
				name: "Emit, " + s.name + ", " + at.name, ns: pick(s.took), allocs: -1, than: "copy under a lock", ratio: pick(s.took) / pick(copied),
				does: fmt.Sprintf("%s; %d calls of %d goroutines, clock included; the copy: %s ns", s.does, len(s.took), callers, figure(pick(copied))),
			})
		}
	}
	return nil
}

// copying copies as many bytes as an event has into a buffer of everybody.
func copying() func() {
	var mu sync.Mutex
	event, buffer := make([]byte, 424), make([]byte, 0, memory)
	return func() {
		mu.Lock()
		defer mu.Unlock()
		buffer = append(buffer, event...)
	}
}

// oneByOne has callers call, and returns how long each call took, in order.
func oneByOne(call func()) []time.Duration {
	took := make([][]time.Duration, callers)
	var all sync.WaitGroup
	for i := range callers {
		took[i] = make([]time.Duration, callsOfEach)
		all.Go(func() {
			for n := range took[i] {
				began := time.Now()
				call()
				took[i][n] = time.Since(began)
			}
		})
	}
	all.Wait()
	sorted := slices.Concat(took...)
	slices.Sort(sorted)
	return sorted
}
