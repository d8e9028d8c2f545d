package rule

import (
	"errors"
	"fmt"
	"sync"

	"cel.dev/cel-go/cel"

	"github.com/makegood/makegood/remediator/event"
	"github.com/makegood/makegood/remediator/rule/expression"
)

// Values are what the expressions of all rules see of one event.
type Values struct {
	event func() map[string]any
	data  any // a value for expressions; a failure when the data cannot be read
}

// NewValues reads an event once for all rules. at is the input's time in
// nanoseconds, used where the event has no time of its own.
func NewValues(ev *event.Event, at int64) *Values {
	v := &Values{event: sync.OnceValue(func() map[string]any { return expression.Attributes(ev, at) })}
	data, err := event.DecodeData(ev.Data)
	switch {
	case err != nil:
		v.data = expression.Failure(fmt.Errorf("read data: %w", err))
	case data == nil:
		v.data = map[string]any{}
	default:
		v.data = data
	}
	return v
}

// Evaluation evaluates the expressions of one rule for one event. It remembers
// the lets, so it serves one goroutine at a time.
type Evaluation struct {
	rule   *Rule
	values *Values
	lets   map[string]any
	slots  expression.Slots

	// Instead of values: the places of the event.
	bound *Bound
	frame *expression.Frame
}

// Evaluate returns the evaluation of the rule for an event.
func (r *Rule) Evaluate(v *Values) *Evaluation {
	return &Evaluation{rule: r, values: v}
}

// ResolveName gives the expressions what they name. A let is evaluated when it
// is first needed; one that is an error fails what uses it.
func (e *Evaluation) ResolveName(name string) (any, bool) {
	switch name {
	case "event":
		return e.values.event(), true
	case "data":
		return e.values.data, true
	}
	if expression.IsAggregates(name) {
		return e.slots, true
	}
	if value, ok := e.lets[name]; ok {
		return value, true
	}
	for _, let := range e.rule.Lets {
		if let.Name == name {
			value := let.Expr.program.Value(e)
			if e.lets == nil {
				e.lets = make(map[string]any, len(e.rule.Lets))
			}
			e.lets[name] = value
			return value, true
		}
	}
	return nil, false
}

// Parent belongs to the engine's interface: there is none.
func (e *Evaluation) Parent() cel.Activation { return nil }

// Value evaluates an expression of the rule. The value is nil, a bool, float64,
// string, money.Money, time.Time, time.Duration, []any or map[string]any.
func (e *Evaluation) Value(x *Expr) (any, error) {
	if e.bound != nil {
		return e.bound.turn(e.frame, x, e.slots).Eval(e.frame)
	}
	return x.program.Eval(e)
}

// plain returns the value of an expression as it lies in the event, where it is a text
// that names something; false where Value has to be asked.
func (e *Evaluation) plain(x *Expr) ([]byte, bool) {
	if e.bound == nil {
		return nil, false
	}
	text, ok := e.bound.turn(e.frame, x, e.slots).Text(e.frame)
	return text, ok && len(text) > 0
}

// Meets reports whether the event is one that a filter of the rule lets through;
// an error counts as false.
func (e *Evaluation) Meets(f *Filter) (bool, error) { return e.truth(f.If, "if") }

// Having reports whether the window's condition holds. aggregates has a value
// for each of the rule's Aggregates: a float64, a money.Money, or an error.
func (e *Evaluation) Having(aggregates []any) (bool, error) {
	e.slots = aggregates
	return e.truth(e.rule.Having, "having")
}

// Holds reports whether a predicate holds; a nil one does.
func (e *Evaluation) Holds(x *Expr) (bool, error) { return e.truth(x, "the predicate") }

func (e *Evaluation) truth(x *Expr, what string) (bool, error) {
	if x == nil {
		return true, nil
	}
	value, err := e.Value(x)
	if err != nil {
		return false, err
	}
	holds, ok := value.(bool)
	if !ok {
		return false, fmt.Errorf("%s is not true or false but %v", what, value)
	}
	return holds, nil
}

// Conditions judges each condition of a filter of the rule by itself and tells
// what it read, so that a person can see which one failed.
func (e *Evaluation) Conditions(f *Filter) []Condition {
	conditions := make([]Condition, 0, len(f.Conditions))
	for _, x := range f.Conditions {
		conditions = append(conditions, e.condition(x))
	}
	return conditions
}

func (e *Evaluation) condition(x *Expr) Condition {
	value, err := e.truth(x, "the condition")
	return e.look(x, value, err)
}

// look tells what an expression read that was found true or not, or an error.
func (e *Evaluation) look(x *Expr, value bool, err error) Condition {
	c := Condition{Text: x.Text, Value: value, Err: err, Negates: x.program.Negates, Seen: make(map[string]any), expr: x, of: e}
	for _, path := range x.program.Paths {
		if value, ok := e.seen(path); ok {
			c.Seen[path.String()] = value
		} else if c.Err == nil {
			c.Absent = append(c.Absent, path.String())
		}
	}
	for _, name := range x.program.Lets {
		if value, err := e.let(name); err == nil {
			c.Seen[name] = value
		}
	}
	for _, i := range x.program.Slots {
		if _, failed := e.slots[i].(error); !failed {
			c.Seen[e.rule.Aggregates[i].Call()] = e.slots[i]
		}
	}
	return c
}

func (e *Evaluation) let(name string) (any, error) {
	for _, let := range e.rule.Lets {
		if let.Name == name {
			return e.Value(let.Expr)
		}
	}
	return nil, errors.New("no such let")
}

func (e *Evaluation) seen(path expression.Path) (any, bool) {
	value := e.values.data
	if path.Root == "event" {
		value = e.values.event()
	}
	for _, field := range path.Fields {
		object, ok := value.(map[string]any)
		if !ok {
			return nil, false
		}
		if value, ok = object[field]; !ok {
			return nil, false
		}
	}
	if _, failed := value.(error); failed {
		return nil, false
	}
	return value, true
}
