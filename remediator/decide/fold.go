// Package decide is the fold: it takes the log's inputs in order and finds the
// facts, one remedy after the other.
//
// fold(state, input) → state, facts is pure and deterministic. It reads no clock
// and does no I/O apart from its Memory, whose answers depend on the ordinal
// asked for and on nothing else. The same sequence of inputs gives the same facts byte
// for byte, however it is cut into calls of Apply, wherever it was interrupted,
// restored from a snapshot and continued, and with any number of matchers.
//
// An event's way through the package: fold.go cuts inputs into segments that one
// rule set judges, event.go drops repeats and feeds windows, chain.go takes a hit
// through the limits to a decision, remedy.go carries a remedy from its first step
// to its end, timers.go fires what is due in between, gaps.go says which events of the
// SDK never came.
package decide

import (
	"cmp"
	"encoding/json"
	"fmt"
	"sync"

	"github.com/google/uuid"

	"github.com/makegood/makegood/remediator/cord"
	"github.com/makegood/makegood/remediator/input"
	"github.com/makegood/makegood/remediator/match"
	"github.com/makegood/makegood/remediator/missing"
	"github.com/makegood/makegood/remediator/money"
	"github.com/makegood/makegood/remediator/rule"
	"github.com/makegood/makegood/remediator/window"
)

// Config of a fold.
type Config struct {
	// Memory keeps what must be remembered for ever. A rehearsal has none: it begins
	// with nothing remembered, and remembers for as long as it lasts.
	Memory Memory
	// NewMatcher makes the matcher of a rule set. Defaults to match.New.
	NewMatcher func(*rule.Set) match.Matcher
	// Load makes a rule set of its files. Defaults to rule.Load; who has loaded the
	// same files already gives that set.
	Load func([]rule.File) (*rule.Set, error)
	// Matchers is how many goroutines match events. Defaults to 1.
	Matchers int
	// Version is the newest version of the deciding that is known. Defaults to Version.
	Version int
	// Rehearsal makes every rule live and every action succeed at once: for
	// backtests and rule tests.
	Rehearsal bool
	// Observe, in a rehearsal, takes each fact as it is found, its body not encoded
	// but as the struct that is named behind its kind, a RemedyFact by its address, which
	// is good until Observe returns: who keeps it keeps a Clone. Nothing is to be sealed then:
	// there are no Items, no evidence, no progress and no digest of the inputs. nil:
	// facts are encoded as Items.
	Observe func(f Fact, body any)
	// Met, in a rehearsal, takes each event that need not wait any more, or not at all,
	// because its counterpart came in time. Of that nothing is sealed. nil: nobody asks.
	Met func(Met)
}

// Fold folds inputs. It is not safe for concurrent use. After an error it must
// be thrown away and restored, for the state may be half changed.
type Fold struct {
	cfg     Config
	state   *state
	hash    hashKey
	inputs  *recent                  // ids of inputs
	events  *recent                  // sources and ids of events that touched state
	windows map[string]*window.Table // by digest and rule
	set     *rule.Set
	rules   map[string]*rule.Rule
	scopes  map[string]uuid.UUID // ids of the scopes of rules, see remedyID
	matcher match.Matcher        // of no rules before the first set
	// eventMemory is what eventMemoryOf says of the rules in force.
	eventMemory int64
	timers      timers
	// manyTimers is the number from which on those that were settled are cleared away.
	manyTimers int
	// manyUsages is the same for the usages of a rehearsal.
	manyUsages int
	watches    map[string]int64 // until when the cords of a rule are under watch, at the most
	missing    *missing.Book    // of the events that clients of the SDK number

	desk    desk    // of the decision in progress
	out     *Output // of the Apply in progress
	before  uint64  // first ordinal of the Apply in progress
	overlay overlay // what the Apply in progress took, or the rehearsal
	input   input.Input
	answer  Answer // to the command in progress
	at      int64  // log time of the input in progress

	maxWindows, maxWindowBytes int
	maxOpenings, maxPasts      int
}

// New returns a fold that expects a genesis input first.
func New(cfg Config) *Fold {
	if cfg.NewMatcher == nil {
		cfg.NewMatcher = match.New
	}
	if cfg.Load == nil {
		cfg.Load = rule.Load
	}
	if cfg.Rehearsal {
		cfg.Memory = NewMemory() // which stays empty
	}
	cfg.Matchers, cfg.Version = max(cfg.Matchers, 1), cmp.Or(cfg.Version, Version)
	return &Fold{cfg: cfg, state: newState(), overlay: newOverlay(), inputs: newRecent(nil, 0, 0), events: newRecent(nil, 0, 0),
		matcher: cfg.NewMatcher(&rule.Set{}), rules: map[string]*rule.Rule{}, scopes: map[string]uuid.UUID{}, eventMemory: inputMemory, windows: map[string]*window.Table{}, maxWindows: maxWindows, maxWindowBytes: maxWindowBytes,
		maxOpenings: maxOpenings, maxPasts: maxPasts,
		watches: map[string]int64{}, missing: missing.New(0)}
}

// Position returns how far the fold has come. Record is left to the caller.
func (f *Fold) Position() Position { return f.state.Position }

// Rules returns the rule set in force, nil before the first.
func (f *Fold) Rules() *rule.Set { return f.set }

// Author returns who put the rule set in force.
func (f *Fold) Author() string { return f.state.Author }

// InForce is a rule set in force and who put it there.
type InForce struct {
	Set     *rule.Set         // nil: none was
	Author  string            // of the set
	Authors map[string]string // of each rule as it is, by its name
}

// InForce returns the rules in force.
func (f *Fold) InForce() InForce {
	in := InForce{Set: f.set, Author: f.state.Author, Authors: map[string]string{}}
	for name := range f.rules {
		in.Authors[name] = f.authorOf(name)
	}
	return in
}

// Cord returns the state of a cord, and whether it was ever pulled.
func (f *Fold) Cord(path string) (cord.State, bool) {
	c, ok := f.state.Cords[path]
	if !ok {
		return cord.State{}, false
	}
	return *c, true
}

// Clients returns how many clients of the SDK that number their events are
// remembered.
func (f *Fold) Clients() int { return f.missing.Len() }

// Judged is an input with what the rule set says about it.
type Judged struct {
	Result match.Result
	Err    error // why it cannot be judged

	command *CommandBody // nil of what is no command
}

// Apply folds inputs and returns what they came to.
func (f *Fold) Apply(inputs []input.Input) (*Output, error) {
	f.begin()
	for len(inputs) > 0 {
		n := segment(inputs)
		if err := f.foldSegment(inputs[:n], f.match(inputs[:n])); err != nil {
			return nil, err
		}
		inputs = inputs[n:]
	}
	return f.out, nil
}

// ApplyJudged is Apply for events that were matched ahead, by a matcher of the rules
// in force, each with the log time at which it is folded.
func (f *Fold) ApplyJudged(events []input.Input, judgements []Judged) (*Output, error) {
	f.begin()
	if err := f.foldSegment(events, judgements); err != nil {
		return nil, err
	}
	return f.out, nil
}

func (f *Fold) begin() {
	f.out = &Output{}
	f.before = f.state.Position.Ordinal + 1
	if !f.cfg.Rehearsal {
		f.overlay = newOverlay()
	}
}

// foldSegment folds inputs that one rule set has judged.
func (f *Fold) foldSegment(inputs []input.Input, judgements []Judged) error {
	if err := f.prefetch(judgements, f.latest(inputs)); err != nil {
		return err
	}
	for i := range inputs {
		if err := f.fold(inputs[i], &judgements[i]); err != nil {
			return fmt.Errorf("fold input %d (%s): %w", f.state.Position.Ordinal, inputs[i].Kind, err)
		}
	}
	return nil
}

// segment returns how many inputs are judged by one rule set: an activation ends
// a segment.
func segment(inputs []input.Input) int {
	for i, in := range inputs {
		if in.Kind == input.Activate {
			return i + 1
		}
	}
	return len(inputs)
}

// latest is log time after inputs.
func (f *Fold) latest(inputs []input.Input) int64 {
	at := f.state.Position.At
	for _, in := range inputs {
		at = max(at, in.At)
	}
	return at
}

// match judges the events of a segment on several goroutines, keeping order.
func (f *Fold) match(inputs []input.Input) []Judged {
	out := make([]Judged, len(inputs))
	at := f.state.Position.At
	times := make([]int64, len(inputs))
	for i, in := range inputs {
		at = max(at, in.At)
		times[i] = at
	}
	work := func(from, to int) {
		for i := from; i < to; i++ {
			out[i] = f.judgeInput(inputs[i], times[i])
		}
	}
	share := (len(inputs) + f.cfg.Matchers - 1) / f.cfg.Matchers
	var wait sync.WaitGroup
	for from := share; from < len(inputs); from += share {
		wait.Go(func() { work(from, min(from+share, len(inputs))) })
	}
	work(0, min(share, len(inputs)))
	wait.Wait()
	return out
}

// judgeInput says what the rules in force say of an event, or of a person's
// request for a refund.
func (f *Fold) judgeInput(in input.Input, at int64) (j Judged) {
	switch in.Kind {
	case input.Event:
		j.Result, j.Err = f.matcher.Match(in.Body, at)
	case input.Command:
		var c CommandBody
		if c, j.Err = decodeCommand(in); j.Err == nil && c.Command == CommandRequest {
			j.Result = f.judgeRequest(in, c, at)
		}
		j.command = &c
	}
	return j
}

// overlay is what the Apply in progress took and Memory does not know yet, and what
// was already asked of Memory; in a rehearsal, all that was ever taken.
type overlay struct {
	live, shadow map[uuid.UUID]bool
	payments     map[string][]PaymentEntry
	refunds      map[string]Refund
	asked        map[string][]money.Money // what Memory says of payments
}

func newOverlay() overlay {
	return overlay{live: map[uuid.UUID]bool{}, shadow: map[uuid.UUID]bool{}, payments: map[string][]PaymentEntry{}, refunds: map[string]Refund{}, asked: map[string][]money.Money{}}
}

// prefetch asks Memory once for all keys of a segment that goes on until a time. A
// rehearsal has nothing to ask it.
func (f *Fold) prefetch(judgements []Judged, until int64) error {
	if f.cfg.Rehearsal {
		return nil
	}
	var ids []uuid.UUID
	for i := range judgements {
		j := &judgements[i]
		for i := range j.Result.Hits {
			if h := &j.Result.Hits[i]; h.Key != "" {
				ids = append(ids, f.remedyID(h.Rule, h.Key))
			}
		}
		if j.command != nil {
			ids = append(ids, j.command.derived()...)
		}
	}
	ids = f.dueKeys(ids, 0, until)
	if len(ids) == 0 {
		return nil
	}
	if err := f.prefetchKeys(ids); err != nil {
		return err
	}
	return f.prefetchPayments(judgements)
}

// prefetchKeys asks which keys are taken.
func (f *Fold) prefetchKeys(ids []uuid.UUID) error {
	for _, shadow := range []bool{false, true} {
		taken, err := f.cfg.Memory.Taken(ids, shadow, f.before)
		if err != nil {
			return fmt.Errorf("look up once_per keys: %w", err)
		}
		table := f.overlay.table(shadow)
		for id := range taken {
			table[id] = true
		}
	}
	return nil
}

// prefetchPayments asks what is refunded on the payments that events are about to be
// refunded on, where their steps are known before the fold: without it a database
// would be asked once for each.
func (f *Fold) prefetchPayments(judgements []Judged) error {
	var payments []string
	for i := range judgements {
		hits := judgements[i].Result.Hits
		for i := range hits {
			h := &hits[i]
			if h.Key == "" || h.Rest == nil || len(h.Rule.Aggregates) > 0 || h.Rule.Unless != nil || f.overlay.live[f.remedyID(h.Rule, h.Key)] {
				continue
			}
			actions, err := h.Rest.Actions(nil)
			if err != nil {
				continue // the fold finds the same, and says it
			}
			for i := range actions {
				if actions[i].Kind == "refund" {
					payments = append(payments, actions[i].Connector+":"+actions[i].Payment)
				}
			}
		}
	}
	if len(payments) == 0 {
		return nil
	}
	refunded, err := f.cfg.Memory.Refunded(payments, f.before)
	if err != nil {
		return fmt.Errorf("look up payments: %w", err)
	}
	for _, payment := range payments {
		f.overlay.asked[payment] = refunded[payment]
	}
	return nil
}

func (o *overlay) table(shadow bool) map[uuid.UUID]bool {
	if shadow {
		return o.shadow
	}
	return o.live
}

// fold folds one input.
func (f *Fold) fold(in input.Input, j *Judged) error {
	s := f.state
	s.Position.Ordinal++
	f.input = in
	f.at = max(s.Position.At, in.At)
	if err := f.fireTimers(); err != nil {
		return err
	}
	s.Position.At = f.at
	if f.cfg.Observe == nil {
		s.Position.Digest = input.Digest(s.Position.Digest, in)
	}
	if s.Since == 0 {
		s.SinceAt = f.at
	}
	if in.Kind != input.Tick {
		s.Since++
	}
	if in.Kind != input.Genesis && s.Position.LogID == "" {
		return fmt.Errorf("the log does not begin with a genesis input")
	}
	if f.repeated(in) {
		if in.Kind == input.Event {
			s.Counts.Received++
			s.Counts.Duplicates++
		}
	} else if err := f.dispatch(in, j); err != nil {
		return err
	}
	return f.snapshotIfDue()
}

// inputMemory is for how long of log time an input's id is remembered.
const inputMemory = int64(7 * 24 * 3600 * 1e9)

// keyedAlike are the kinds of input that people name by the same keys.
var keyedAlike = map[input.Kind]input.Kind{input.Command: input.Activate, input.Activate: input.Command}

// repeated reports whether an input with this id was folded already.
func (f *Fold) repeated(in input.Input) bool {
	if in.ID == "" {
		return false
	}
	f.inputs.forget(f.at - inputMemory)
	// With its kind: who emits events may choose their ids, and must not keep a
	// command from being folded.
	key := f.hash.long("input", in.Kind.String(), in.ID)
	if f.inputs.has(key) {
		return true
	}
	// A person's keys are for commands and activations alike.
	if other, ok := keyedAlike[in.Kind]; ok && f.inputs.has(f.hash.long("input", other.String(), in.ID)) {
		return true
	}
	f.inputs.add(key, f.at)
	return false
}

func (f *Fold) dispatch(in input.Input, j *Judged) error {
	switch in.Kind {
	case input.Genesis:
		return f.foldGenesis(in)
	case input.Event:
		f.state.Silent = false
		if err := f.arrived(in, j.Result.Source); err != nil {
			return err
		}
		return f.foldEvent(j)
	case input.Activate:
		return f.foldActivation(in)
	case input.Command:
		return f.foldCommand(in, j)
	case input.Outcome:
		return f.foldOutcome(in)
	case input.Version:
		return f.foldVersion(in)
	case input.Skipped:
		return f.foldSkipped(in)
	case input.Seen:
		return f.foldSeen(in)
	case input.Origin:
		return f.foldOrigin(in)
	case input.Tick:
		return nil
	}
	return fmt.Errorf("its kind is not known to version %d of the deciding: %w", Version, ErrNewer)
}

// add seals a fact.
func (f *Fold) add(kind string, refs Fact, body any) error {
	return f.addAt(f.at, kind, refs, body)
}

func (f *Fold) addAt(at int64, kind string, refs Fact, body any) error {
	if f.cfg.Observe != nil {
		f.cfg.Observe(f.complete(at, kind, refs), body)
		return nil
	}
	encoded, err := encodeBody(body)
	if err != nil {
		return fmt.Errorf("encode fact %s: %w", kind, err)
	}
	fact := f.complete(at, kind, refs)
	fact.Body = encoded
	f.out.Items = append(f.out.Items, Item{Fact: &fact})
	return nil
}

// complete gives a fact what all facts have.
func (f *Fold) complete(at int64, kind string, refs Fact) Fact {
	refs.Kind, refs.At, refs.Ordinal, refs.Version = kind, at, f.state.Position.Ordinal, f.state.Version
	return refs
}

func decodeBody(in input.Input, body any) error {
	if err := json.Unmarshal(in.Body, body); err != nil {
		return fmt.Errorf("decode its body: %w", err)
	}
	return nil
}
