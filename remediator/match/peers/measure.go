package main

import (
	"fmt"
	"runtime"
	"slices"
	"time"
)

// subject is one engine with one set of rules, or one floor, and what it costs.
type subject struct {
	set    string
	size   int // 0: a floor
	engine string
	run    matcher
	want   [][]int // the rules that match each event; nil: it matches nothing

	events int           // of a turn; few where the engine is slow
	best   time.Duration // of the fastest turn, for one event
	allocs float64       // for an event that matches nothing
	loaded cost
	built  cost
}

// cost is what it takes to make something once.
type cost struct {
	time time.Duration
	heap int64 // bytes held for one rule
}

const (
	// turnTime is about how long a turn takes. Turns must be short, for other
	// work on the machine to hit all subjects alike and to miss some turns.
	turnTime = 20 * time.Millisecond
	// leastEvents keeps the matching events in a turn near one of a hundred.
	leastEvents = 200
	// builds is how often an engine is built, for the fastest; once where it
	// takes long.
	builds, longBuild = 3, time.Second / 2
)

// newSubject builds an engine and takes the measure of what it holds.
func newSubject(set ruleSet, size int, e engine, w *work, want [][]int) (*subject, error) {
	s := &subject{set: set.name, size: size, engine: e.name, want: want}
	var compile func() (matcher, error)
	err := s.loaded.of(size, func() (err error) {
		compile, err = e.load(set.rules[:size])
		return err
	})
	for n := 0; err == nil && (n == 0 || n < builds && s.built.time < longBuild); n++ {
		s.run = nil
		err = s.built.of(size, func() (err error) {
			s.run, err = compile()
			return err
		})
	}
	if err != nil {
		return nil, fmt.Errorf("build %s for %s-%d: %w", e.name, set.name, size, err)
	}
	if err := s.agree(w.events); err != nil {
		return nil, err
	}
	if s.allocs, err = s.countAllocs(w.events); err != nil {
		return nil, err
	}
	return s, s.settle(w.events)
}

// agree fails unless each event matches the rules that it ought to. Turns may be of
// fewer events, and count only.
func (s *subject) agree(events [][]byte) error {
	for i, raw := range events {
		hits, err := s.run(raw, nil)
		if err != nil {
			return fmt.Errorf("match with %s for %s-%d: %w", s.engine, s.set, s.size, err)
		}
		if slices.Sort(hits); !slices.Equal(hits, s.want[i]) {
			return fmt.Errorf("%s finds the rules %v of %s-%d for event %d, want %v", s.engine, hits, s.set, s.size, i, s.want[i])
		}
	}
	return nil
}

// of runs what makes something, and notes the least that it took.
func (c *cost) of(rules int, build func() error) error {
	runtime.LockOSThread() // whose time is taken
	defer runtime.UnlockOSThread()
	before := heapInUse()
	began := clock()
	err := build()
	if took := clock() - began; c.time == 0 || took < c.time {
		c.time = took
	}
	c.heap = max(0, heapInUse()-before) / int64(rules)
	return err
}

// newFloor is what reading alone costs.
func newFloor(set ruleSet, f floor, w *work) (*subject, error) {
	s := &subject{set: set.name, engine: f.name, run: func(raw []byte, hits []int) ([]int, error) {
		_, err := f.read(raw)
		return hits, err
	}}
	var err error
	if s.allocs, err = s.countAllocs(w.events); err != nil {
		return nil, err
	}
	return s, s.settle(w.events)
}

// settle finds how many events make a turn.
func (s *subject) settle(events [][]byte) error {
	if err := s.turn(events[:leastEvents]); err != nil {
		return err
	}
	s.events, s.best = min(len(events), max(leastEvents, int(turnTime/max(1, s.best)))), 0
	return nil
}

// turn matches events, notes the time where it is the best yet, and fails where
// the matches are others than they ought to be.
func (s *subject) turn(events [][]byte) error {
	var hits []int
	want, got := 0, 0
	if s.want != nil {
		for _, rules := range s.want[:len(events)] {
			want += len(rules)
		}
	}
	runtime.LockOSThread() // whose time is taken
	defer runtime.UnlockOSThread()
	began := clock()
	for _, raw := range events {
		var err error
		if hits, err = s.run(raw, hits[:0]); err != nil {
			return fmt.Errorf("match with %s for %s-%d: %w", s.engine, s.set, s.size, err)
		}
		got += len(hits)
	}
	each := (clock() - began) / time.Duration(len(events))
	if s.best == 0 || each < s.best {
		s.best = each
	}
	if got != want {
		return fmt.Errorf("%s finds %d matches for %s-%d among %d events, want %d", s.engine, got, s.set, s.size, len(events), want)
	}
	return nil
}

// measure gives every subject its turn, in several rounds.
func measure(subjects []*subject, events [][]byte, rounds int) error {
	for range rounds {
		for _, s := range subjects {
			if err := s.turn(events[:s.events]); err != nil {
				return err
			}
		}
	}
	return nil
}

// countAllocs counts the allocations for an event that matches nothing.
func (s *subject) countAllocs(events [][]byte) (float64, error) {
	var nothing [][]byte
	for i, raw := range events[:leastEvents] {
		if s.want == nil || len(s.want[i]) == 0 {
			nothing = append(nothing, raw)
		}
	}
	var hits []int
	count := func() (uint64, error) {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		for _, raw := range nothing {
			if _, err := s.run(raw, hits); err != nil {
				return 0, fmt.Errorf("match with %s for %s-%d: %w", s.engine, s.set, s.size, err)
			}
		}
		runtime.ReadMemStats(&after)
		return after.Mallocs - before.Mallocs, nil
	}
	if _, err := count(); err != nil { // what is made once and kept
		return 0, err
	}
	n, err := count()
	return float64(n) / float64(len(nothing)), err
}

// heapInUse returns the bytes that live after a collection; the second one
// frees what finalizers and pools held on to.
func heapInUse() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
