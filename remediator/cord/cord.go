package cord

import (
	"cmp"
	"fmt"
	"time"

	"github.com/google/uuid"
)

// The levels of a cord.
const (
	Open   = "open"   // nothing is wrong, or it was released
	Yellow = "yellow" // a call: nothing stops
	Red    = "red"    // gates at the path and below are closed
)

// rank orders the levels.
func rank(level string) int {
	switch level {
	case Yellow:
		return 1
	case Red:
		return 2
	}
	return 0
}

// Above reports whether one level is worse than another.
func Above(level, than string) bool { return rank(level) > rank(than) }

// Terms are what a pull asks for besides its level. Zero values ask for nothing.
type Terms struct {
	AnswerWithin time.Duration // a yellow one that nobody acknowledged by then turns red
	Box          time.Duration // how long it may last before it is escalated; it never opens by itself
	Watch        time.Duration // how long after its release a recurrence pulls it again
	Quiet        time.Duration // how long QuietRule must not have fired before it may be released
	QuietRule    string        // a rule's name; empty: the rule that pulled, or for a person any evidence
}

// maxTerm bounds the times of a pull.
const maxTerm = 366 * 24 * time.Hour

// Check reports why nobody can ask for these terms.
func (t Terms) Check() error {
	for _, term := range []struct {
		name string
		time time.Duration
	}{{"answer_within", t.AnswerWithin}, {"box", t.Box}, {"watch", t.Watch}, {"quiet", t.Quiet}} {
		if term.time < 0 || term.time > maxTerm {
			return fmt.Errorf("%s is %s; it is at least 0s and at most %s", term.name, term.time, maxTerm)
		}
	}
	return nil
}

// or fills in from others what the terms do not ask for.
func (t Terms) or(others Terms) Terms {
	t.AnswerWithin = cmp.Or(t.AnswerWithin, others.AnswerWithin)
	t.Box = cmp.Or(t.Box, others.Box)
	t.Watch = cmp.Or(t.Watch, others.Watch)
	if t.Quiet == 0 {
		t.Quiet, t.QuietRule = others.Quiet, others.QuietRule
	}
	return t
}

// State is a cord as it stands. Times are nanoseconds since the Unix epoch, 0
// for none. Who is a person's name, or "rule NAME".
type State struct {
	Cord     string    `json:"cord"`
	Level    string    `json:"level"`
	Pull     uuid.UUID `json:"pull"`  // the pull in force, or the last one
	Since    int64     `json:"since"` // when it came to its level
	Rule     string    `json:"rule"`  // that pulled it; empty when a person did
	Remedy   uuid.UUID `json:"remedy"`
	Evidence int       `json:"evidence"` // remedies and people behind the pull
	Pulls    int       `json:"pulls"`    // since the log began
	Reason   string    `json:"reason"`   // as people read it

	By             string `json:"by"`                        // who pulled it
	RaisedBy       string `json:"raised_by,omitempty"`       // who made it red, when another one pulled it
	AcknowledgedBy string `json:"acknowledged_by,omitempty"` // who answered
	AcknowledgedAt int64  `json:"acknowledged_at,omitempty"`
	AnswerBy       int64  `json:"answer_by,omitempty"` // when it turns red unless somebody answers
	BoxUntil       int64  `json:"box_until,omitempty"`
	Escalated      bool   `json:"escalated,omitempty"` // its box is over
	LastAt         int64  `json:"last_at"`             // of the newest evidence
	Terms          Terms  `json:"terms"`

	ReleasedBy string `json:"released_by,omitempty"`
	WatchUntil int64  `json:"watch_until,omitempty"` // a recurrence until then pulls again
}

// Pull is one pulling.
type Pull struct {
	ID     uuid.UUID // of the pull, should it open one
	Level  string
	By     string
	Rule   string
	Remedy uuid.UUID
	Reason string
	Terms  Terms
	At     int64
}

// Tug pulls the cord and reports whether that opened a pull or raised it to
// red; a pull at or below the level in force adds evidence to it. The terms are
// those of the pull that opened; one that raises it to red adds what that one
// did not ask for.
func (s *State) Tug(p Pull) (opened bool) {
	if p.Terms.Quiet > 0 && p.Terms.QuietRule == "" {
		p.Terms.QuietRule = p.Rule
	}
	switch {
	case !Above(p.Level, s.Level):
	case rank(s.Level) == rank(Open):
		*s = State{Cord: s.Cord, Pulls: s.Pulls + 1, Pull: p.ID, By: p.By, Rule: p.Rule, Remedy: p.Remedy, Terms: p.Terms}
		opened = true
	default:
		s.RaisedBy, s.Terms, opened = p.By, s.Terms.or(p.Terms), true
		if s.Rule == "" {
			s.Rule, s.Remedy = p.Rule, p.Remedy // it is what a watch is for
		}
	}
	if opened {
		if s.BoxUntil == 0 && s.Terms.Box > 0 {
			s.BoxUntil = p.At + int64(s.Terms.Box)
		}
		s.Level, s.Since, s.Reason, s.AnswerBy = p.Level, p.At, p.Reason, 0
		if p.Level == Yellow && p.Terms.AnswerWithin > 0 {
			s.AnswerBy = p.At + int64(p.Terms.AnswerWithin)
		}
	}
	s.Evidence++
	s.LastAt = p.At
	return opened
}

// Acknowledge stops the clock of a call: somebody has come.
func (s *State) Acknowledge(by string, at int64) {
	s.AcknowledgedBy, s.AcknowledgedAt, s.AnswerBy = by, at, 0
}

// Unanswered turns a call red that nobody acknowledged: the fixed position.
func (s *State) Unanswered(at int64) { s.Level, s.Since, s.AnswerBy = Red, at, 0 }

// Release opens the cord and begins its watch.
func (s *State) Release(by string, at int64) {
	s.Level, s.Since, s.ReleasedBy, s.AnswerBy, s.BoxUntil = Open, at, by, 0, 0
	if s.Terms.Watch > 0 {
		s.WatchUntil = at + int64(s.Terms.Watch)
	}
}

// Watched reports whether a recurrence at a time pulls the cord again.
func (s *State) Watched(at int64) bool { return s.Level == Open && at <= s.WatchUntil }

// Standing is the answer to a question about a path.
type Standing struct {
	Cord  string `json:"cord"`            // the path asked for
	Level string `json:"level"`           // the worst of the path and all above it
	From  string `json:"from,omitempty"`  // the cord that the level comes from
	How   string `json:"how,omitempty"`   // direct or inherited
	Since int64  `json:"since,omitempty"` // nanoseconds since the Unix epoch
}

// How a level reaches a path.
const (
	Direct    = "direct"
	Inherited = "inherited"
)

// Stand answers for a path from the levels of the cords: the worst counts, and
// of equal ones the nearest.
func Stand(path string, levelOf func(cord string) (level string, since int64)) Standing {
	at := Standing{Cord: path, Level: Open}
	for cord := range Upward(path) {
		level, since := levelOf(cord)
		if !Above(level, at.Level) {
			continue
		}
		at.Level, at.From, at.Since, at.How = level, cord, since, Inherited
		if cord == path {
			at.How = Direct
		}
	}
	return at
}
