// Package match judges events against a set of rules: which rules an event
// concerns, and everything about each that the event alone decides. It runs in
// front of the fold, which keeps windows, keys and limits, on as many cores as
// there are. It is pure.
package match

import (
	"github.com/makegood/makegood/remediator/event"
	"github.com/makegood/makegood/remediator/money"
	"github.com/makegood/makegood/remediator/rule"
)

// Matcher judges events against one rule set. Implementations are safe for
// concurrent use and pure: the same event gives the same result.
type Matcher interface {
	// Match judges an event as it is stored: one JSON object in structured mode.
	// at is the input's time in nanoseconds, used where the event has no time of
	// its own. The result shares memory with raw, which must not change while it
	// is in use. An error is an event that event.Decode refuses, too.
	Match(raw []byte, at int64) (Result, error)
}

// Result is what a rule set says about one event.
type Result struct {
	// ID and Source name the event. They are parts of the raw event: what keeps
	// them keeps a copy.
	ID, Source []byte
	// Event is the event, perhaps without its Attributes; nil when it concerns no rule.
	// It shares only its Data with the raw event.
	Event *event.Event
	// Time is the event's own time in nanoseconds since the Unix epoch, 0 when it
	// has none.
	Time int64

	Hits   []Hit   // rules whose type and condition hold, in order of the rule's name
	Ends   []End   // rules whose counterpart (unless) it is, in order of the rule's name
	Errors []Error // rules whose condition was an error, which counts as false; in the same order

	undated bool       // no condition, key or argument asked for the input's time
	late    *lateEvent // what the rest is evaluated from; nil when there is none, or it is not known
}

// Restamp makes the result that of the event in an input of another time. It
// returns false where that must be matched again.
func (r *Result) Restamp(at int64) bool {
	if r.undated && r.late != nil {
		r.late.at = at
	}
	return r.undated
}

// Idle reports whether the event concerns no rule.
func (r *Result) Idle() bool { return len(r.Hits)+len(r.Ends)+len(r.Errors) == 0 }

// Error names a rule whose condition was an error for an event. An event may
// concern a rule in two ways; the error in its own condition then comes first.
type Error struct {
	Rule *rule.Rule
	Ends bool // it is the condition in unless

	evaluation interface {
		Meets(*rule.Filter) (bool, error)
	}
	filter *rule.Filter
}

// Reason says what the error was.
func (e Error) Reason() string {
	_, err := e.evaluation.Meets(e.filter)
	if err == nil {
		return ""
	}
	return err.Error()
}

// End is a rule that waits for an event like this one: it keeps the rule from
// firing for an event that has the same key. The event may be a hit of the rule too.
type End struct {
	Rule *rule.Rule
	// By is the canonical key of unless.by in this event, empty when the rule has
	// none; NoBy says why it is no counterpart of anything.
	By, NoBy string
}

// Hit is a rule that matched an event, with all that can be computed from the
// event alone.
type Hit struct {
	Rule *rule.Rule
	// Key is the canonical once_per key; empty when the rule has none or the
	// event gives none, then NoKey says why.
	Key, NoKey string
	// By is the canonical key of the window, or of unless, empty when the rule has
	// one for all; NoBy says why the event belongs to none.
	By, NoBy string
	// Until is the time that unless.until gives, in nanoseconds; 0 when the rule has
	// none or NoUntil says why there is none.
	Until   int64
	NoUntil string
	// Args has one entry for each of Rule.Aggregates.
	Args []Arg

	// Rest evaluates what depends on aggregates: having and the steps.
	Rest Rest
}

// Rest evaluates the expressions of a hit that may use aggregates. aggs has one
// value for each of Rule.Aggregates: a float64, a money.Money, or an error.
type Rest interface {
	Having(aggs []any) (bool, error)
	Actions(aggs []any) ([]rule.Action, error)
}

// ArgKind is the type of an aggregate's argument.
type ArgKind uint8

// The kinds of argument. NoArg belongs to count and share.
const (
	NoArg ArgKind = iota
	Number
	Amount
	Text
)

// Arg is what one event contributes to one aggregate. An argument that is an
// error, absent or null contributes nothing: Counted is false.
type Arg struct {
	Counted bool // the argument has a value of a fitting type
	Pass    bool // the predicate holds, or there is none
	Kind    ArgKind
	Num     float64
	Money   money.Money
	Text    string // canonical text, for distinct
}
