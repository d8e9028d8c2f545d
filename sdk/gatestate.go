package makegood

import (
	"fmt"
	"strings"
	"time"
)

// GateState says for people why a gate answers as it does.
type GateState struct {
	Path   string
	Closed bool // the answer
	Mode   Mode

	// Freshness is "known" while the service was heard within MaxStale, "stale"
	// after that, and "never connected" before it was heard at all.
	Freshness string
	FromFile  bool          // what is known was read from GateFile
	Age       time.Duration // of the service's last word; 0 when there was none

	Level     string    // "open", "yellow" or "red", as last known
	Cord      string    // the cord that has the level; empty when it is "open"
	Inherited bool      // the cord lies above the gate
	Since     time.Time // when the cord came to its level

	Problem string // why the service is not heard, or why the gate is never kept; may be empty
	Unkept  bool   // the gate is never kept: its path is illegal, there are too many, or the client is nil
}

// State describes the gate as it stands. It takes a lock: it is for a page, a log
// line or a person, and not for every request.
func (g *Gate) State() GateState {
	const never = "never connected"
	if g == nil {
		return GateState{Freshness: never, Level: levelOpen, Problem: "the gate is nil", Unkept: true}
	}
	if g.gates != nil {
		g.gates.mu.Lock()
		defer g.gates.mu.Unlock()
	}
	state := GateState{Path: g.path, Closed: g.closed.Load(), Mode: g.mode, Freshness: never, Level: levelOpen, Problem: g.problem}
	if g.problem != "" {
		state.Unkept = true
		return state
	}
	k := &g.gates.known
	now := time.Now()
	if k.origin != nowhere {
		c := k.cords.worst(g.path)
		state.Level, state.Cord, state.Since = c.Level, c.Cord, c.Since
		state.Inherited = c.Cord != "" && c.Cord != g.path
		state.Age = now.Sub(k.word)
	}
	switch {
	case k.origin == fromFile:
		state.FromFile = true
	case k.origin == fromService && k.isStale(g.maxStale, now):
		state.Freshness = "stale"
	case k.origin == fromService:
		state.Freshness = "known"
	}
	if state.Freshness != "known" {
		state.Problem = g.gates.trouble
	}
	return state
}

// String is the state in one line.
func (s GateState) String() string {
	var b strings.Builder
	answer := "open"
	if s.Closed {
		answer = "closed"
	}
	fmt.Fprintf(&b, "%s is %s (%s)", s.Path, answer, s.Mode)
	if s.Cord != "" {
		how := "direct"
		if s.Inherited {
			how = "inherited"
		}
		fmt.Fprintf(&b, ": cord %s is %s, %s", s.Cord, s.Level, how)
		if !s.Since.IsZero() {
			fmt.Fprintf(&b, ", since %s", s.Since.UTC().Format(time.RFC3339))
		}
	}
	fmt.Fprintf(&b, "; %s", s.Freshness)
	switch {
	case s.FromFile:
		fmt.Fprintf(&b, ", from a file %s old", s.Age.Round(time.Second))
	case s.Age > 0:
		fmt.Fprintf(&b, ", last heard %s ago", s.Age.Round(time.Second))
	}
	if s.Problem != "" {
		fmt.Fprintf(&b, "; %s", s.Problem)
	}
	return b.String()
}
