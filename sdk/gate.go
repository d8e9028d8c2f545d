package makegood

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// Mode is how a gate answers when the service cannot be asked. In every mode a
// gate that the service closed stays closed while the connection is lost.
type Mode int

// The modes. docs/gates.md has the table of every case.
const (
	// LastKnown answers what was known last, however long ago. Nothing known means open.
	LastKnown Mode = iota
	// FailOpen answers open once nothing was heard for longer than MaxStale,
	// except where the service itself had closed the gate.
	FailOpen
	// FailClosed answers closed once nothing was heard for longer than MaxStale,
	// and before the service was heard at all.
	FailClosed
)

// String returns the mode in words.
func (m Mode) String() string {
	switch m {
	case LastKnown:
		return "last known"
	case FailOpen:
		return "fail open"
	case FailClosed:
		return "fail closed"
	}
	return "mode " + strconv.Itoa(int(m))
}

// MarshalText writes a mode as options and configuration files name it: last-known,
// fail-open or fail-closed.
func (m Mode) MarshalText() ([]byte, error) {
	if m < LastKnown || m > FailClosed {
		return nil, fmt.Errorf("write mode of a gate: there is no mode %d", int(m))
	}
	return []byte(strings.ReplaceAll(m.String(), " ", "-")), nil
}

// UnmarshalText reads what MarshalText writes, so that flag.TextVar and the like take
// a mode.
func (m *Mode) UnmarshalText(text []byte) error {
	for mode := LastKnown; mode <= FailClosed; mode++ {
		if name, _ := mode.MarshalText(); string(name) == string(text) {
			*m = mode
			return nil
		}
	}
	return fmt.Errorf("mode %s: want last-known, fail-open or fail-closed", quote(string(text)))
}

// answer says whether a gate is closed. known tells where the level comes from,
// stale that nothing was heard for longer than the gate allows, and red that a
// cord at the gate or above it is.
func (m Mode) answer(known origin, stale, red bool) (closed bool) {
	switch {
	case known == nowhere:
		return m == FailClosed
	case m == FailClosed && stale:
		return true
	case m == FailOpen && stale:
		return red && known == fromService // red is sticky, but a file that old says nothing
	}
	return red
}

// defaultMaxStale is six heartbeats: one lost connection is not yet an outage.
const defaultMaxStale = time.Minute

// GateOption changes how one gate works.
type GateOption func(*Gate)

// MaxStale is how long after the last word of the service a gate takes what it
// knows for true. Defaults to a minute, also when d is not positive. The service
// speaks every ten seconds: with much less than twice that, a gate is stale
// between two heartbeats.
func MaxStale(d time.Duration) GateOption {
	return func(g *Gate) {
		if d > 0 {
			g.maxStale = d
		}
	}
}

// Gate is an application's question to an andon cord: may this go on? It is safe
// for use by any number of goroutines; a nil *Gate is open.
type Gate struct {
	closed  atomic.Bool // the answer, kept true by gates
	path    string
	problem string // why nothing is ever known about the gate; empty for most
	gates   *gates // nil when the client is

	// Guarded by gates.mu once the gate is declared.
	mode      Mode
	maxStale  time.Duration
	byName    bool // declared by Client.Closed, so nobody chose the mode
	warned    bool // that it was declared twice with different modes
	told      bool // the answer that the listeners know
	pending   bool // waits for its listeners to be told
	listeners []func(closed bool)
	changed   chan struct{} // closed when the answer changes; nil while nobody awaits it
}

func newGate(s *gates, path string, mode Mode, opts []GateOption) *Gate {
	g := &Gate{path: path, gates: s, mode: mode, maxStale: defaultMaxStale}
	for _, opt := range opts {
		if opt != nil {
			opt(g)
		}
	}
	return g
}

// Closed reports whether the line is stopped: whether a cord at the gate's path
// or above it is red, or the mode says so. It is one atomic load.
func (g *Gate) Closed() bool { return g != nil && g.closed.Load() }

// OnChange calls f with the new answer each time that the gate closes or opens
// from now on. Calls come one at a time, on a goroutine of their own; of changes
// that come faster than f returns, only the last one is told. f must not block
// for long, because the listeners of all gates of a client take turns.
func (g *Gate) OnChange(f func(closed bool)) {
	if g == nil || g.gates == nil || f == nil {
		return
	}
	g.gates.mu.Lock()
	defer g.gates.mu.Unlock()
	if len(g.listeners) == 0 {
		g.told = g.closed.Load()
	}
	g.listeners = append(g.listeners, f)
}

// Await returns nil as soon as the gate is closed, or open when closed is false: at
// once when it is so already. Else it returns why the context ended. A gate whose
// answer never changes, as after Close, waits for the end of the context.
func (g *Gate) Await(ctx context.Context, closed bool) error {
	if ctx == nil {
		ctx = context.Background()
	}
	for {
		changed := g.next()
		if g.Closed() == closed {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// next is closed when the answer changes after this call; nil is never.
func (g *Gate) next() <-chan struct{} {
	if g == nil || g.gates == nil {
		return nil
	}
	g.gates.mu.Lock()
	defer g.gates.mu.Unlock()
	if g.changed == nil {
		g.changed = make(chan struct{})
	}
	return g.changed
}

// Gate declares a gate, usually once when the program starts, and returns its
// handle. The path is that of a cord, such as "product/TABLE-7": segments of 1 to
// 64 of the characters A-Z a-z 0-9 . _ - joined by slashes, 512 bytes in all.
//
// The same path gives the same handle, and the mode of its first declaration
// holds; a different one is logged. Gate never fails: a gate with an illegal path,
// and one beyond 65,536, answers by its mode as if nothing were ever known; State
// says why. So do the gates of a disabled and of a nil client.
//
// The first gate makes the client listen to the service, see [Client.WaitReady].
// After Close a gate keeps its last answer.
func (c *Client) Gate(path string, mode Mode, opts ...GateOption) *Gate {
	if c == nil || c.gates == nil {
		g := newGate(nil, path, mode, opts)
		g.problem = "the client is nil"
		g.closed.Store(mode.answer(nowhere, false, false))
		return g
	}
	return c.gates.declare(newGate(c.gates, path, mode, opts))
}

// Closed asks for a gate by name. One that was not declared is declared as
// LastKnown; a later call of Gate may still choose its mode. It is a little more
// than the look-up in a map, so paths may come from requests: beyond 16,384 of
// them the answer is as right, and a little slower. A nil client has no gate that
// is closed.
func (c *Client) Closed(path string) bool {
	if c == nil || c.gates == nil {
		return false
	}
	if g := c.gates.find(path); g != nil {
		return g.closed.Load()
	}
	return c.gates.closed(path)
}

// WaitReady waits until the service has been heard, so that gates answer what it
// says and not what their modes do. A program calls it before it serves, with a
// limit on ctx. It makes the client listen if no gate did yet. The error says
// whether ctx or the client ended first; a disabled client returns one at once.
func (c *Client) WaitReady(ctx context.Context) error {
	if !c.Enabled() {
		return errDisabled
	}
	if ctx == nil {
		ctx = context.Background()
	}
	return c.gates.wait(ctx)
}

// Heard says why the service is not heard at the moment; the text is empty while
// it is. turned is closed when the one or the other changes, so that a program can
// wait for it and ask again. A connection that is renewed is not heard for a
// moment, while gates know what they knew: wait a little before telling anybody.
// turned is nil, which is never, for a nil client.
func (c *Client) Heard() (trouble string, turned <-chan struct{}) {
	if c == nil || c.gates == nil {
		return errDisabled.Error(), nil
	}
	c.gates.mu.Lock()
	defer c.gates.mu.Unlock()
	return c.gates.trouble, c.gates.turned
}
