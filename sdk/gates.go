package makegood

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"
)

// Bounds on what a client's gates hold, about 300 bytes each.
const (
	maxGates  = 1 << 16 // gates in all
	maxByName = 1 << 14 // of them those that Closed may declare, so that names from requests leave room
)

// stopGrace is how long Shutdown waits for the gates' goroutine and file.
const stopGrace = time.Second

var errDisabled = errors.New("makegood: the client is disabled: its gates answer by their modes")

// origin tells where knowledge of cords comes from.
type origin int

const (
	nowhere origin = iota
	fromFile
	fromService
)

// knowledge is what is known about all cords. A gate's answer follows from it,
// the gate's mode and the time.
type knowledge struct {
	origin origin
	cords  cords
	word   time.Time // when the service was last heard, on the monotonic clock
	wall   time.Time // the same on the wall's clock, for the file
	future bool      // the file is from the future: nobody can say how old it is
}

// isStale reports whether the last word is too long ago for a gate.
func (k *knowledge) isStale(maxStale time.Duration, now time.Time) bool {
	return k.future || now.Sub(k.word) >= maxStale
}

// gates are those of one client, and what they know. Answers change in three
// ways: the service says something, a deadline passes, a gate is declared.
type gates struct {
	*roster
	logger *slog.Logger
	wall   func() time.Time // may jump: nothing but the file's age depends on it
	feed   *feed            // nil in a disabled client
	file   *gateFile        // nil without GateFile

	mu       sync.Mutex
	known    knowledge
	stales   []time.Duration // every MaxStale of a gate, in order
	expired  bool            // some gate was judged as stale: the next word judges all anew
	deadline *time.Timer     // when the next gate becomes stale
	trouble  string          // why the service is not heard; empty when it is
	turned   chan struct{}   // closed, and replaced, when that begins or ends
	notices  notices
	stopped  bool
}

func newGates(cfg *config) *gates {
	s := &gates{roster: newRoster(), logger: cfg.logger, wall: time.Now, trouble: errDisabled.Error(), turned: make(chan struct{})}
	s.deadline = time.AfterFunc(time.Hour, s.expire)
	s.deadline.Stop()
	return s
}

// connect gives the gates of an enabled client their way to the service.
func (s *gates) connect(cfg *config, e *endpoint) {
	s.trouble = "the service was not heard yet"
	s.feed = newFeed(s, e, cfg.logger)
	if cfg.gateFile != "" {
		s.file = newGateFile(cfg.gateFile, cfg.logger, s.saved)
	}
}

// declare returns the gate of that path, and makes it g if there was none.
func (s *gates) declare(g *Gate) *Gate {
	if err := checkPath(g.path); err != nil {
		g.problem = err.Error()
	}
	s.mu.Lock()
	kept, warning := s.keep(g)
	s.mu.Unlock()
	if warning != "" {
		s.warn(warning, "gate", quote(g.path))
	}
	return kept
}

// keep is declare under the lock; it returns what the log should say about it.
func (s *gates) keep(g *Gate) (kept *Gate, warning string) {
	if old := s.all[g.path]; old != nil {
		return old, s.declareAgain(old, g)
	}
	if len(s.all) >= maxGates {
		g.problem = fmt.Sprintf("there are more than %d gates", maxGates)
	} else {
		s.all[g.path] = g
	}
	switch {
	case g.problem == "":
		s.listen()
		s.addStale(g.maxStale)
	case !g.byName || s.misnamed(): // names may come from requests: one line for all of them
		warning = "makegood: a gate answers by its mode for ever: " + g.problem
	}
	g.closed.Store(s.answer(g, time.Now()))
	s.schedule()
	return g, warning
}

// declareAgain holds on to what was declared first, unless nobody chose it.
func (s *gates) declareAgain(old, again *Gate) (warning string) {
	switch {
	case again.byName || old.mode == again.mode && old.maxStale == again.maxStale:
	case old.byName:
		old.mode, old.maxStale = again.mode, again.maxStale
		if old.problem == "" {
			s.addStale(old.maxStale)
		}
		s.judge(old, time.Now())
		s.schedule()
	case !old.warned:
		old.warned = true
		warning = "makegood: a gate is declared twice and differently: the first declaration holds"
	}
	if !again.byName {
		old.byName = false
	}
	return warning
}

// closed answers for a path that find does not know.
func (s *gates) closed(path string) bool {
	s.mu.Lock()
	g := s.findSlowly(path)
	full := g == nil && len(s.all) >= maxByName
	red := false
	if full && checkPath(path) == nil {
		s.listen()
		red = s.known.cords.worst(path).Level == levelRed
	}
	s.mu.Unlock()
	switch {
	case g != nil:
		return g.closed.Load()
	case full:
		return LastKnown.answer(fromService, false, red)
	}
	g = newGate(s, path, LastKnown, nil)
	g.byName = true
	return s.declare(g).closed.Load()
}

// answer is what a gate should answer now.
func (s *gates) answer(g *Gate, now time.Time) bool {
	if g.problem != "" {
		return g.mode.answer(nowhere, false, false)
	}
	stale := s.known.isStale(g.maxStale, now)
	if stale {
		s.expired = true
	}
	return g.mode.answer(s.known.origin, stale, s.known.cords.worst(g.path).Level == levelRed)
}

// judge gives a gate its answer, and tells its listeners and who awaits it.
func (s *gates) judge(g *Gate, now time.Time) {
	closed := s.answer(g, now)
	if g.closed.Swap(closed) == closed {
		return
	}
	s.notices.add(s, g)
	if g.changed != nil {
		close(g.changed)
		g.changed = nil
	}
}

// judgeAll judges the gates at a cord and below it, or all of them.
func (s *gates) judgeAll(cord string, now time.Time) {
	for path, g := range s.all {
		if cord == "" || isAtOrBelow(path, cord) {
			s.judge(g, now)
		}
	}
}

// replace takes a snapshot of the service: it is the authority on every cord.
func (s *gates) replace(all cords) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopped {
		return
	}
	s.known.origin, s.known.cords, s.known.future = fromService, all, false
	s.expired = true // judge every gate
	s.heardLocked(true)
}

// change takes the change of one cord since the snapshot. It reports whether
// there is room for it.
func (s *gates) change(c cord) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopped {
		return true
	}
	if c.Level == levelOpen {
		delete(s.known.cords, c.Cord)
	} else {
		s.known.cords[c.Cord] = c
	}
	s.heardLocked(true) // first: what is judged below is not stale
	s.judgeAll(c.Cord, time.Now())
	return len(s.known.cords) <= maxCords
}

// heard notes that the service vouches for what is known.
func (s *gates) heard() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.stopped {
		s.heardLocked(false)
	}
}

func (s *gates) heardLocked(changed bool) {
	now := time.Now()
	s.known.word, s.known.wall = now, s.wall()
	s.setTrouble("")
	if s.expired {
		s.expired = false
		s.judgeAll("", now)
	}
	s.schedule()
	s.feed.ready()
	if s.file != nil {
		s.file.note(changed)
	}
}

// silent notes why the service is not heard.
func (s *gates) silent(reason string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.stopped {
		s.setTrouble(reason)
	}
}

// setTrouble is silent under the lock; empty means that the service is heard.
func (s *gates) setTrouble(reason string) {
	if (s.trouble == "") != (reason == "") {
		close(s.turned)
		s.turned = make(chan struct{})
	}
	s.trouble = reason
}

// addStale remembers a MaxStale.
func (s *gates) addStale(d time.Duration) {
	if i, found := slices.BinarySearch(s.stales, d); !found {
		s.stales = slices.Insert(s.stales, i, d)
	}
}

// schedule sets the clock to when the next gate becomes stale, so that no gate
// reads a clock to answer.
func (s *gates) schedule() {
	if s.known.origin == nowhere || s.known.future || s.stopped {
		return
	}
	age := time.Since(s.known.word)
	for _, d := range s.stales {
		if d > age {
			s.deadline.Reset(d - age)
			return
		}
	}
	s.deadline.Stop()
}

// expire judges the gates whose time is over.
func (s *gates) expire() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopped {
		return
	}
	s.judgeAll("", time.Now())
	s.schedule()
}

// listen begins to listen to the service, once, with what the file knows.
func (s *gates) listen() {
	if s.feed == nil || s.stopped || !s.feed.begin() {
		return
	}
	if s.file == nil {
		return
	}
	if all, at, ok := s.file.load(); ok {
		now, wall := time.Now(), s.wall()
		age := max(wall.Sub(at), 0)
		s.known = knowledge{origin: fromFile, cords: all, word: now.Add(-age), future: at.After(wall)}
	}
}

// saved is what the file should say.
func (s *gates) saved() (cords, time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.known.cords), s.known.wall
}

// wait waits for the first word of the service.
func (s *gates) wait(ctx context.Context) error {
	s.mu.Lock()
	s.listen()
	s.mu.Unlock()
	select {
	case <-s.feed.heard:
		return nil
	default:
	}
	select {
	case <-s.feed.heard:
		return nil
	case <-s.feed.run.Done():
		return fmt.Errorf("makegood: wait for the gates: %w", ErrClosed)
	case <-ctx.Done():
		s.mu.Lock()
		defer s.mu.Unlock()
		return fmt.Errorf("makegood: wait for the gates: %s: %w", s.trouble, ctx.Err())
	}
}

// stop ends all that goes on behind the gates, which keep their answers.
func (s *gates) stop() {
	s.mu.Lock()
	s.stopped = true
	s.setTrouble(ErrClosed.Error())
	s.deadline.Stop()
	s.notices.drop()
	s.mu.Unlock()
	if s.feed == nil {
		return
	}
	grace := time.NewTimer(stopGrace)
	defer grace.Stop()
	s.feed.end(grace.C)
	if s.file != nil {
		s.file.finish(grace.C)
	}
}

// warn writes a log line. It must not be called under the lock: what an
// application's log handler does is not known.
func (s *gates) warn(message string, args ...any) {
	defer func() { _ = recover() }()
	s.logger.Warn(message, args...)
}
